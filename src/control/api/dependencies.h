// What the API shows and does, as functions that the wiring brings: it calls into no room.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "base/result.h"

namespace telegen {

// Every function is called from the API's threads, two at a time at most, and must return soon.
struct ApiDependencies {
  MetricRegistry* metrics = nullptr;                                              // for /metrics; outlives the server
  std::map<std::string, std::function<std::string()>> status = {};                // section → JSON text
  std::map<std::string, std::function<std::optional<std::string>()>> ready = {};  // check → why not, or nothing
  std::function<std::string()> config_json = {};                                  // to_json(Settings): secrets masked
  std::function<std::string()> spans_json = {};  // spans_json(…): the most recent spans
  std::function<Result<void>()> reload = {};     // what is not set is no route
  std::function<Result<void>()> flush = {};
  std::string bearer_token = {};  // empty: none is asked for
  std::string version = {};
};

}  // namespace telegen
