#include "processing/span_processor.h"

#include <utility>

namespace telegen {
namespace {

constexpr std::array<std::string_view, kProcessingDrops> kDropNames = {"filtered", "health_check"};

}  // namespace

std::string_view to_text(ProcessingDrop cause) { return kDropNames.at(static_cast<std::size_t>(cause)); }

SpanProcessor SpanProcessor::compile(const ProcessingSettings& settings, AttributeKeys& keys, KeyProblems& problems) {
  SpanProcessor out;
  out.filter_ = SpanFilter::compile(settings.filter, problems);
  out.transforms_ = Transforms::compile(settings.transform, keys, problems);
  out.redactor_ = Redactor::compile(settings.redaction, problems);
  return out;
}

Result<SpanProcessor> SpanProcessor::make(const ProcessingSettings& settings, AttributeKeys& keys) {
  KeyProblems problems;
  SpanProcessor out = compile(settings, keys, problems);
  if (!problems.empty()) return std::unexpected(to_error(problems));
  return out;
}

KeyProblems SpanProcessor::check(const ProcessingSettings& settings) {
  AttributeKeys keys;
  KeyProblems problems;
  compile(settings, keys, problems);
  return problems;
}

Processed SpanProcessor::process(std::vector<Span> spans, Time) {
  Processed out;
  std::erase_if(spans, [&](const Span& span) {
    const SpanFilter::Verdict verdict = filter_.judge(span);
    if (verdict == SpanFilter::Verdict::kPass) return false;
    const auto cause =
        verdict == SpanFilter::Verdict::kFiltered ? ProcessingDrop::kFiltered : ProcessingDrop::kHealthCheck;
    ++out.dropped.at(static_cast<std::size_t>(cause));
    return true;
  });
  for (Span& span : spans) {
    transforms_.apply(span);
    out.redacted += redactor_.redact(span);
  }
  out.ready = std::move(spans);
  return out;
}

}  // namespace telegen
