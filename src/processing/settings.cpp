#include "processing/settings.h"

namespace telegen {
namespace {

template <class Section>
SettingsVisitor::Body contents(Section& section) {
  return [&section](SettingsVisitor& visitor) { describe(visitor, section); };
}

template <class Entry>
SettingsVisitor::List list_of(std::vector<Entry>& entries) {
  return {[&entries] { return entries.size(); }, [&entries](std::size_t n) { entries.assign(n, {}); },
          [&entries](std::size_t i, SettingsVisitor& visitor) { describe(visitor, entries.at(i)); }};
}

}  // namespace

void describe(SettingsVisitor& v, RuleSettings& s) {
  v.field("name", s.name,
          "Name of the span. A pattern, as are the following: a glob over the whole text (`*` any text, `?` one byte, "
          "`[a-z]`), or `/regex/` (RE2), which matches anywhere unless it says `^` and `$`.");
  v.field("service", s.service, "`service.name`.");
  v.field("path", s.path, "`url.path`, or the path in `url.full`. As a glob, `/static/` is written `\\/static/`.");
  v.field("route", s.route, "`http.route`.");
  v.field("status", s.status,
          "Any of `unset`, `ok`, `error`, HTTP status codes and ranges of them, such as `error,404,500-599`.");
  v.field("kind", s.kind, "`internal`, `server`, `client`, `producer` or `consumer`.");
  v.field("attributes", s.attributes,
          "Attributes of the span, else of its resource, and patterns for their values. An empty pattern: any value.");
}

void describe(SettingsVisitor& v, FilterSettings& s) {
  v.field("health_checks", s.health_checks,
          "Leave out health checks that did not fail: GET and HEAD of the paths below or by the user agents below, and "
          "the gRPC health protocol. Failed ones (status error) are kept.");
  v.field("health_check_paths", s.health_check_paths, "Patterns for the paths of health checks.");
  v.field("health_check_user_agents", s.health_check_user_agents,
          "Patterns for the user agents of health checks, whatever their path.");
  v.list("include", "Spans to keep: those for which all conditions of any entry hold. Empty: all.", list_of(s.include));
  v.list("exclude", "Spans to leave out, in the same form. It wins over `include`.", list_of(s.exclude));
}

void describe(SettingsVisitor& v, TransformSettings& s) {
  v.field("action", s.action, "`add`, `rename`, `delete` or `hash`.");
  v.field("key", s.key,
          "The attribute. For `add` a value that is there is replaced; for `delete` and `hash` it is a pattern.");
  v.field("value", s.value, "`add`: the text that is set.");
  v.field("from", s.from,
          "`add`: the attribute, of the span or else of its resource, whose value is copied. Where it is absent, "
          "nothing is set.");
  v.field("to", s.to, "`rename`: the new key. What has that key already is replaced.");
  v.section("when", "Only spans for which all of these hold.", contents(s.when));
}

void describe(SettingsVisitor& v, RedactionSettings& s) {
  v.field(
      "credit_cards", s.credit_cards,
      "Numbers of payment cards: an issuer's prefix and length and a valid check digit, in one piece or in groups.");
  v.field("tokens", s.tokens,
          "Values of parameters that are named password, token, api_key or the like, users and passwords in URLs, "
          "credentials behind `Bearer` and `Basic`, JSON Web Tokens, keys of known providers, private keys.");
  v.field("emails", s.emails, "E-mail addresses.");
  v.field(
      "patterns", s.patterns,
      "Regular expressions (RE2, without slashes) for what else is replaced. Each is tried on every text: they cost "
      "more than all of the above.");
  v.field("replacement", s.replacement, "What stands in the place of what was taken out.");
}

void describe(SettingsVisitor& v, LimitSettings& s) {
  const FieldRules rate = {.min = 0, .max = 1e9};
  v.field("attributes_per_span", s.attributes_per_span,
          "The most attributes of a span. Those beyond, from its end, are dropped and counted in the span's "
          "`dropped_attributes_count`.",
          {.min = 1, .max = 65'536});
  v.field("value_length", s.value_length,
          "The most bytes of a text among the values of attributes, and of a status message. What is longer is cut, "
          "between characters.",
          {.min = 16, .max = 16 << 20});
  v.field("events_per_span", s.events_per_span, "The most events of a span.", {.min = 0, .max = 65'536});
  v.field("name_length", s.name_length, "The most bytes of the name of a span or event.", {.min = 16, .max = 65'536});
  v.field("spans_per_second", s.spans_per_second,
          "The most spans that are kept in a second; 0: no limit. A whole second's worth may come at once.", rate);
  v.field("spans_per_second_per_service", s.spans_per_second_per_service,
          "The same for each `service.name`. Services beyond 1024 at a time share one allowance.", rate);
}

void describe(SettingsVisitor& v, ServiceSamplerSettings& s) {
  v.field("service", s.service, "Pattern for `service.name`.");
  v.field("sampler", s.sampler, "As `otlp.traces.sampler`.",
          {.choices = {"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
                       "parentbased_traceidratio"}});
  v.field("sampler_arg", s.sampler_arg, "The share of traces that a ratio sampler keeps.", {.min = 0, .max = 1});
}

void describe(SettingsVisitor& v, SamplingSettings& s) {
  v.list("services", "Samplers of services; the first whose pattern matches decides. Else `otlp.traces.sampler` does.",
         list_of(s.services));
}

void describe(SettingsVisitor& v, TailSamplingSettings& s) {
  v.field("enabled", s.enabled, "Hold the spans of each trace and keep it only where one of the following says so.");
  v.field("wait", s.wait, "How long after a trace's first span it is decided. Later spans follow the decision.",
          {.min = 0.1, .max = 600});
  v.field("buffer", s.buffer,
          "Memory of the spans that are held. When it is full, the oldest traces are decided early.",
          {.min = 1 << 20, .max = 16.0 * (1 << 30)});
  v.field("max_traces", s.max_traces, "The most traces that are held, and whose decisions are remembered.",
          {.min = 1, .max = 10'000'000});
  v.field("errors", s.errors, "Keep traces with a span whose status is error.");
  v.field("latency", s.latency, "Keep traces with a span at least this long. 0: no such policy.",
          {.min = 0, .max = 86'400});
  v.field("slower_than_route_p99", s.slower_than_route_p99,
          "Keep traces with a server's or consumer's span that is longer than the 99th percentile of its service and "
          "route, once 200 were seen.");
  v.field("rare_routes", s.rare_routes,
          "Keep the first so many traces of each service and route in ten minutes. 0: no such policy.",
          {.min = 0, .max = 1'000'000});
  v.field("traces_per_second_per_service", s.traces_per_second_per_service,
          "Keep so many of the remaining traces of each service in a second. 0: none.", {.min = 0, .max = 1e9});
  v.field("baseline", s.baseline, "The share of the remaining traces that is kept, by the trace id.",
          {.min = 0, .max = 1});
}

void describe(SettingsVisitor& v, ProcessingSettings& s) {
  v.section("filter", "Which spans are left out. Metrics are made before and count them.", contents(s.filter));
  v.list("transform",
         "Changes of span attributes, one after the other. `hash` puts the SHA-256 of the value in its place: equal "
         "values stay equal, but what can be guessed can be found out.",
         list_of(s.transform));
  v.section(
      "redaction",
      "What is taken out of every text that leaves: span names, status messages, values of attributes, events. It "
      "comes after `transform`.",
      contents(s.redaction));
  v.section("limits", "What one span may carry, and how many may leave.", contents(s.limits));
  v.section("sampling",
            "Which traces are kept, decided on each span when it ends. The share is written into the tracestate "
            "(`ot=th:…`), so that receivers can tell how many spans one stands for.",
            contents(s.sampling));
  v.section(
      "tail_sampling",
      "Which traces are kept, decided on what this host saw of each as a whole, after `sampling`. What kept a span "
      "is in its attribute `telegen.sampling.policy`.",
      contents(s.tail_sampling));
}

}  // namespace telegen
