#include "tracing/settings.h"

namespace telegen {

void describe(SettingsVisitor& visitor, TracingSettings& settings) {
  visitor.field(
      "propagation", settings.propagation,
      "local: join both ends of a connection on this host, and a request with those made while it was served, "
      "without touching the traffic. off: only traceparent headers link spans.",
      {.choices = {"local", "off"}});
}

}  // namespace telegen
