// Any text as the section `pipeline`, and any text in a span. Up to the first NUL the input is YAML; the pieces behind
// further NULs become the span's texts. Compiling never crashes, what is complained of names a key, and what was
// compiled accounts for every span, twice alike, within its limits.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/load.h"
#include "processing/span_processor.h"

using namespace telegen;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<std::string> pieces_of(std::string_view in) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= in.size();) {
    const std::size_t end = std::min(in.find('\0', at), in.size());
    out.emplace_back(in.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

Span span_of(const std::vector<std::string>& pieces) {
  const auto piece = [&pieces](std::size_t i) { return i < pieces.size() ? pieces[i] : std::string(); };
  Span span;
  span.trace_id.bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  span.kind = SpanKind::kServer;
  span.end = {5'000'000};
  span.name = piece(1);
  span.trace_state = piece(2);
  span.attributes = {{"http.request.method", std::string("GET")},
                     {"url.path", piece(3)},
                     {"url.query", piece(4)},
                     {"user_agent.original", piece(5)},
                     {"list", std::vector<std::string>{piece(4), piece(6)}},
                     {"http.response.status_code", std::int64_t{503}}};
  span.status_message = piece(6);
  span.events = {{{1}, piece(6), {{"exception.message", piece(4)}}}};
  auto resource = std::make_shared<Resource>();
  resource->attributes = {{"service.name", piece(7)}};
  span.resource = resource;
  return span;
}

void require_within(const LimitSettings& limits, const Span& span) {
  require(span.name.size() <= static_cast<std::size_t>(limits.name_length));
  require(span.attributes.size() <= static_cast<std::size_t>(limits.attributes_per_span));
  for (const Attribute& attribute : span.attributes) {
    const auto* text = std::get_if<std::string>(&attribute.value);
    require(text == nullptr || text->size() <= static_cast<std::size_t>(limits.value_length));
  }
}

void apply_twice(const ProcessingSettings& settings, const Span& span) {
  AttributeKeys keys;
  const SamplingScale scale;
  std::vector<std::string> first;
  for (int round = 0; round < 2; ++round) {
    auto processor = SpanProcessor::make(settings, {}, keys, scale);
    require(processor.has_value());
    Processed out = processor->process({span, span}, {1'000'000'000});
    const std::uint64_t dropped = out.dropped_in_all();
    require(out.ready.size() + dropped + processor->held() == 2);
    Processed rest = processor->release_all();
    require(out.ready.size() + dropped + rest.ready.size() + rest.dropped_in_all() == 2 && processor->held() == 0);
    for (Span& one : rest.ready) out.ready.push_back(std::move(one));
    std::vector<std::string> texts;
    for (const Span& one : out.ready) {
      require_within(settings.limits, one);
      texts.push_back(one.name + one.trace_state + one.status_message);
    }
    if (round == 0) first = texts;
    require(texts == first);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view in(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> pieces = pieces_of(in);
  ProcessingSettings settings;
  const auto problems = config::apply_yaml(pieces.front(), "fuzz.yaml", {},
                                           [&](SettingsVisitor& visitor) { describe(visitor, settings); });
  const KeyProblems complaints = SpanProcessor::check(settings, {});
  for (const KeyProblem& complaint : complaints) {
    require(complaint.key.starts_with("pipeline.") && !complaint.message.empty());
  }
  if (complaints.empty()) apply_twice(settings, span_of(pieces));
  return 0;
}
