#include "control/config/settings.h"

namespace telegen {
namespace {

template <class Section>
SettingsVisitor::Body contents(Section& section) {
  return [&section](SettingsVisitor& visitor) { describe(visitor, section); };
}

}  // namespace

void describe(SettingsVisitor& v, AgentSettings& s) {
  v.field("mode", s.mode, "What this process is: an agent watches the processes of one host.", {.choices = {"agent"}});
  v.field("service_name", s.service_name, "The agent's own `service.name` in what it tells about itself.");
  v.field("instance_id", s.instance_id, "The agent's own `service.instance.id`. Empty: the host's name.");
  v.field("log_level", s.log_level, "The least severe of the agent's own log lines that are written.",
          {.choices = {"trace", "debug", "info", "warn", "error", "off"}});
  v.field("log_format", s.log_format, "How the agent's own log lines are written to standard error.",
          {.choices = {"text", "json"}});
  v.field("shutdown_timeout", s.shutdown_timeout, "How long the agent may take to send what it holds when it is ended.",
          {.min = 0, .max = 600});
}

void describe(SettingsVisitor& v, SelfTelemetrySettings& s) {
  v.field(
      "listen", s.listen,
      "Address and port of the HTTP API: `127.0.0.1:19090`, `[::1]:19090`, `:19090` for all addresses. Port 0 takes "
      "any free one. Empty: no API.");
  v.field("export", s.export_own,
          "Send the agent's own metrics over OTLP as well, every otlp.metrics.interval, and its own log lines, every "
          "otlp.logs.batch_timeout.");
  v.section("auth", "Who may use the HTTP API.", [&s](SettingsVisitor& auth) {
    auth.field("bearer_token", s.bearer_token,
               "Every request but `/healthz` must carry it as `Authorization: Bearer …`. Without one, an API that "
               "listens beyond this host refuses `/admin/*`.",
               {.secret = true});
  });
}

void describe(SettingsVisitor& v, SourceSettings& s) {
  v.section("resources", "What the agent itself may use.", contents(s.resources));
  v.section("ebpf", "What the kernel side may use.", contents(s.ebpf));
  v.section("tracing", "Which requests become spans, and how they are linked.", [&s](SettingsVisitor& tracing) {
    describe(tracing, s.protocols);
    describe(tracing, s.tracing);
  });
}

void describe(SettingsVisitor& v, Settings& s) {
  v.section("telegen", "The agent as a program.", contents(s.telegen));
  v.section("otlp", "Where telemetry is sent.", contents(s.otlp));
  v.section("output", "Where telemetry is written on this host.", contents(s.output));
  v.section("queues", "What is held until it is sent.", contents(s.queues));
  v.section("backoff", "The pauses between attempts to send.", contents(s.backoff));
  describe(v, s.discovery);
  v.section("agent", "What is observed on this host.", contents(s.agent));
  v.section("pipeline", "What becomes of spans before they are exported.", [&s](SettingsVisitor& pipeline) {
    describe(pipeline, s.pipeline);
    pipeline.section("metrics", "Metrics of what the spans tell.", contents(s.span_metrics));
  });
  v.section("self_telemetry", "What the agent tells about itself: the HTTP API, `/metrics` and the status page.",
            contents(s.self_telemetry));
}

}  // namespace telegen
