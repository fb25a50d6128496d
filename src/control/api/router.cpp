#include "control/api/router.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "control/api/metrics_text.h"
#include "control/api/status_page.h"

namespace telegen {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kJson = "application/json";

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

ApiResponse error(int status, std::string_view code, std::string_view message, const Json& details = Json::object()) {
  return {.status = status, .body = dump({{"error", code}, {"message", message}, {"details", details}})};
}

// A room that returns broken JSON must not break the answers about all others.
Json parsed(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return {{"error", "this section returned no valid JSON"}};
  return json;
}

// Takes as long for a token that is wrong in its first byte as for one wrong in its last.
bool equal_in_constant_time(std::string_view given, std::string_view wanted) {
  std::uint8_t difference = given.size() == wanted.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<std::uint8_t>(given[i] ^ wanted[wanted.empty() ? 0 : i % wanted.size()]);
  }
  return difference == 0;
}

bool has_token(const std::string& authorization, const std::string& token) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size()) return false;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  if (!std::equal(kScheme.begin(), kScheme.end(), authorization.begin(),
                  [&](char a, char b) { return a == lower(b); })) {
    return false;
  }
  return equal_in_constant_time(std::string_view(authorization).substr(kScheme.size()), token);
}

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.rfind(':'));
}

// A web page from elsewhere may have its own name resolve to 127.0.0.1 (DNS rebinding); the Host header tells.
bool names_this_host(std::string_view host) {
  const std::string_view name = without_port(host);
  if (name.empty() || name == "localhost" || name.starts_with('[')) return true;
  return name.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool is_other_origin(std::string_view origin, std::string_view host) {
  const std::size_t scheme = origin.find("://");
  return !origin.empty() && (scheme == std::string_view::npos || origin.substr(scheme + 3) != host);
}

}  // namespace

ApiRouter::ApiRouter(ApiDependencies dependencies, bool loopback)
    : dependencies_(std::move(dependencies)), loopback_(loopback) {
  add_routes();
}

void ApiRouter::add_routes() {
  const auto text = [](const char* type, std::string body) {
    return ApiResponse{.content_type = type, .body = std::move(body)};
  };
  const auto get = [this](std::string path, std::string summary, const char* type,
                          std::function<ApiResponse()> answer) {
    routes_.push_back({"GET", std::move(path), std::move(summary), type, std::move(answer)});
  };
  get("/healthz", "The process runs and answers.", kJson, [=] { return text(kJson, dump({{"status", "ok"}})); });
  routes_.back().guarded = false;
  get("/readyz", "The agent does its work; 503 with what fails.", kJson, [this] { return ready(); });
  if (dependencies_.metrics != nullptr) {
    get("/metrics", "The agent's own metrics (Prometheus text 0.0.4).", kMetricsContentType,
        [=, this] { return text(kMetricsContentType, metrics_text(*dependencies_.metrics)); });
  }
  get("/status", "Every section of the status.", kJson, [=, this] { return text(kJson, status()); });
  for (const auto& [name, section] : dependencies_.status) {
    get("/status/" + name, "The status of " + name + ".", kJson, [=] { return text(kJson, dump(parsed(section()))); });
  }
  if (dependencies_.config_json) {
    get("/config", "The configuration in effect, secrets masked.", kJson,
        [=, this] { return text(kJson, dump(parsed(dependencies_.config_json()))); });
  }
  if (dependencies_.spans_json) {
    get("/api/v1/traces", "The most recent spans.", kJson,
        [=, this] { return text(kJson, dump(parsed(dependencies_.spans_json()))); });
  }
  get("/openapi.json", "This description.", kJson, [=, this] { return text(kJson, openapi()); });
  get("/", "The status page.", "text/html; charset=utf-8", [] {
    return ApiResponse{
        .content_type = "text/html; charset=utf-8",
        .body = std::string(status_page()),
        .headers = {{"Content-Security-Policy",
                     "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                     "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"}}};
  });
  add_admin_route("/admin/reload", "Reads the configuration again.", dependencies_.reload);
  add_admin_route("/admin/flush", "Sends what is held.", dependencies_.flush);
}

void ApiRouter::add_admin_route(const std::string& path, const std::string& summary,
                                const std::function<Result<void>()>& action) {
  if (!action) return;
  const auto answer = [action]() -> ApiResponse {
    if (const auto done = action(); !done) {
      const bool configuration = done.error().kind == ErrorKind::kConfiguration;
      return error(configuration ? 422 : 500, configuration ? "configuration" : "failed", done.error().message);
    }
    return {.body = dump({{"status", "ok"}})};
  };
  routes_.push_back({"POST", path, summary, kJson, answer, true, true});
}

ApiResponse ApiRouter::handle(const ApiRequest& request) const {
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  std::string allowed;
  for (const Route& route : routes_) {
    if (route.path != request.path) continue;
    if (route.method == method) return refuse_or_answer(route, request);
    allowed += (allowed.empty() ? "" : ", ") + (route.method == "GET" ? std::string("GET, HEAD") : route.method);
  }
  // Without the token nobody learns which routes there are.
  if (!dependencies_.bearer_token.empty() && !has_token(request.authorization, dependencies_.bearer_token)) {
    return refuse_or_answer({.guarded = true}, request);
  }
  if (allowed.empty()) {
    return error(404, "not_found",
                 "there is no " + request.path.substr(0, 256) + "; GET /openapi.json lists what there is");
  }
  ApiResponse response = error(405, "method_not_allowed", request.path + " takes " + allowed);
  response.headers.emplace_back("Allow", allowed);
  return response;
}

ApiResponse ApiRouter::refuse_or_answer(const Route& route, const ApiRequest& request) const {
  const std::string& token = dependencies_.bearer_token;
  if (route.guarded && !token.empty() && !has_token(request.authorization, token)) {
    ApiResponse response =
        error(401, "unauthorized",
              request.authorization.empty() ? "send the token as 'Authorization: Bearer …'" : "this is not the token");
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"telegen\"");
    return response;
  }
  if (route.guarded && token.empty() && loopback_ && !names_this_host(request.host)) {
    return error(403, "foreign_host", "the API listens on this host only; call it by its address or as localhost");
  }
  if (route.admin && token.empty() && !loopback_) {
    return error(
        403, "read_only",
        "the API listens beyond this host with no token, so it is read-only; set self_telemetry.auth.bearer_token");
  }
  if (route.admin && is_other_origin(request.origin, request.host)) {
    return error(403, "foreign_origin", "a page of another origin may not do this");
  }
  return route.answer();
}

ApiResponse ApiRouter::ready() const {
  Json failing = Json::object();
  for (const auto& [name, check] : dependencies_.ready) {
    if (const auto failure = check()) failing[name] = *failure;
  }
  if (failing.empty()) return {.body = dump({{"status", "ready"}})};
  return error(503, "not_ready",
               std::to_string(failing.size()) + (failing.size() == 1 ? " check fails" : " checks fail"), failing);
}

std::string ApiRouter::status() const {
  Json all = {{"version", dependencies_.version}};
  for (const auto& [name, section] : dependencies_.status) all[name] = parsed(section());
  return dump(all);
}

std::string ApiRouter::openapi() const {
  const Json error_schema = {
      {"type", "object"},
      {"required", {"error", "message", "details"}},
      {"properties",
       {{"error", {{"type", "string"}}}, {"message", {{"type", "string"}}}, {"details", {{"type", "object"}}}}}};
  const Json error_response = {{"description", "An error."},
                               {"content", {{kJson, {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}};
  Json paths = Json::object();
  for (const Route& route : routes_) {
    const std::string type = route.content_type.substr(0, route.content_type.find(';'));
    Json operation = {{"summary", route.summary},
                      {"responses",
                       {{"200", {{"description", route.summary}, {"content", {{type, Json::object()}}}}},
                        {"default", error_response}}}};
    if (!route.guarded) operation["security"] = Json::array();
    paths[route.path][route.method == "GET" ? "get" : "post"] = std::move(operation);
  }
  Json document = {{"openapi", "3.1.0"},
                   {"info", {{"title", "Telegen"}, {"version", dependencies_.version}}},
                   {"paths", paths},
                   {"components", {{"schemas", {{"Error", error_schema}}}}}};
  if (!dependencies_.bearer_token.empty()) {
    document["components"]["securitySchemes"] = {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}}};
    document["security"] = Json::array({{{"bearer", Json::array()}}});
  }
  return dump(document);
}

}  // namespace telegen
