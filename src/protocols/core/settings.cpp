#include "protocols/core/settings.h"

namespace telegen {

void describe(SettingsVisitor& visitor, ProtocolSettings& settings) {
  visitor.field("http", settings.http, "Trace HTTP requests, served and sent.");
  visitor.field(
      "routes", settings.routes,
      "Patterns that become http.route, tried in order, e.g. \"/users/{id}/orders/*\"; a path that matches none "
      "gets a guess, marked by telegen.http.route.guessed.");
}

}  // namespace telegen
