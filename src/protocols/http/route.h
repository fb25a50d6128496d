// http.route of low cardinality from a path of any.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"

namespace telegen::http {

struct Route {
  std::string pattern;
  bool guessed = false;  // not from one of the user's patterns
};

// `path` is without the query. The first of `patterns` that matches (see ProtocolSettings::routes) is the route as it
// is written; else segments that look like values become {id}, {uuid}, {hash}, {date}, {email} or {value}, and what
// lies beyond the eighth segment becomes "*".
Route route_of(Bytes path, const std::vector<std::string>& patterns);

}  // namespace telegen::http
