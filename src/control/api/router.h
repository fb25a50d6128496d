// The HTTP API without HTTP: a request as values in, a response as values out. Routes are rows of one table, from which
// /openapi.json is made as well.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "control/api/dependencies.h"

namespace telegen {

struct ApiRequest {
  std::string method;         // "GET"
  std::string path;           // decoded, without the query
  std::string authorization;  // header fields; empty: not sent
  std::string host;
  std::string origin;
};

struct ApiResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// Thread safe: constant after its construction.
class ApiRouter {
 public:
  // `loopback`: the API listens where only this host can reach it.
  ApiRouter(ApiDependencies dependencies, bool loopback);
  ApiResponse handle(const ApiRequest& request) const;

 private:
  struct Route {
    std::string method;
    std::string path;
    std::string summary;
    std::string content_type;
    std::function<ApiResponse()> answer;
    bool guarded = true;
    bool admin = false;
  };
  void add_routes();
  void add_admin_route(const std::string& path, const std::string& summary,
                       const std::function<Result<void>()>& action);
  ApiResponse refuse_or_answer(const Route& route, const ApiRequest& request) const;
  ApiResponse ready() const;
  std::string status() const;
  std::string openapi() const;

  ApiDependencies dependencies_;
  bool loopback_;
  std::vector<Route> routes_;
};

}  // namespace telegen
