#include "processing/filter.h"

#include <algorithm>

#include "processing/span_fields.h"

namespace telegen {
namespace {

constexpr std::string_view kGrpcHealthService = "grpc.health.v1.Health/";  // its methods are Check, Watch and List

constexpr std::string_view kPath = "url.path";
constexpr std::string_view kRpcMethod = "rpc.method";
constexpr std::string_view kMethod = "http.request.method";
constexpr std::string_view kUserAgent = "user_agent.original";
static_assert(kMethod.size() == kUserAgent.size());

struct Request {
  std::string_view method, path, user_agent, rpc_method;
};

// One pass over the attributes, as this is asked of every span.
Request request_of(const Attributes& attributes) {
  Request out;
  for (const Attribute& attribute : attributes) {
    const auto* text = std::get_if<std::string>(&attribute.value);
    if (text == nullptr) continue;
    const std::string_view key = attribute.key;
    if (key.size() == kPath.size()) {
      if (key == kPath) out.path = *text;
    } else if (key.size() == kRpcMethod.size()) {
      if (key == kRpcMethod) out.rpc_method = *text;
    } else if (key.size() == kMethod.size()) {
      if (key == kMethod) out.method = *text;
      if (key == kUserAgent) out.user_agent = *text;
    }
  }
  return out;
}

std::vector<SpanRule> compile_rules(const std::vector<RuleSettings>& rules, const std::string& key,
                                    KeyProblems& problems) {
  std::vector<SpanRule> out;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string entry = key + "[" + std::to_string(i) + "]";
    if (rules[i] == RuleSettings{}) {
      problems.push_back({entry, "the rule has no condition; name at least one, such as service or path"});
    }
    out.push_back(SpanRule::compile(rules[i], entry, problems));
  }
  return out;
}

bool any_matches(const std::vector<SpanRule>& rules, const Span& span) {
  return std::ranges::any_of(rules, [&span](const SpanRule& rule) { return rule.matches(span); });
}

}  // namespace

HealthChecks HealthChecks::compile(const FilterSettings& settings, KeyProblems& problems) {
  HealthChecks out;
  out.paths_ = TextPatterns::compile(settings.health_check_paths, "pipeline.filter.health_check_paths", problems);
  out.user_agents_ =
      TextPatterns::compile(settings.health_check_user_agents, "pipeline.filter.health_check_user_agents", problems);
  return out;
}

bool HealthChecks::matches(const Span& span) const {
  if (span.status == SpanStatus::kError) return false;
  const Request request = request_of(span.attributes);
  if (request.rpc_method.starts_with(kGrpcHealthService)) return true;
  if (request.method != "GET" && request.method != "HEAD") return false;
  if (!request.user_agent.empty() && user_agents_.any_matches(request.user_agent)) return true;
  const std::string_view path = request.path.empty() ? path_of(span) : request.path;
  return !path.empty() && paths_.any_matches(path);
}

SpanFilter SpanFilter::compile(const FilterSettings& settings, KeyProblems& problems) {
  SpanFilter out;
  if (settings.health_checks) {
    out.health_checks_ = HealthChecks::compile(settings, problems);
  } else {
    HealthChecks::compile(settings, problems);  // what is wrong is told even where it is not in use
  }
  out.include_ = compile_rules(settings.include, "pipeline.filter.include", problems);
  out.exclude_ = compile_rules(settings.exclude, "pipeline.filter.exclude", problems);
  return out;
}

SpanFilter::Verdict SpanFilter::judge(const Span& span) const {
  if (health_checks_ && health_checks_->matches(span)) return Verdict::kHealthCheck;
  if (!include_.empty() && !any_matches(include_, span)) return Verdict::kFiltered;
  return any_matches(exclude_, span) ? Verdict::kFiltered : Verdict::kPass;
}

}  // namespace telegen
