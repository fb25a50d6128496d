#include "processing/span_processor.h"

#include <utility>

#include "processing/span_fields.h"

namespace telegen {
namespace {

constexpr std::array<std::string_view, kProcessingDrops> kDropNames = {"filtered", "health_check", "sampled_out",
                                                                       "rate_limited"};

}  // namespace

std::string_view to_text(ProcessingDrop cause) { return kDropNames.at(static_cast<std::size_t>(cause)); }

SpanProcessor::Rules SpanProcessor::compile(const ProcessingSettings& settings, const DefaultSampler& sampler,
                                            AttributeKeys& keys, KeyProblems& problems) {
  SpanFilter filter = SpanFilter::compile(settings.filter, problems);
  HeadSampling sampling = HeadSampling::compile(settings.sampling, sampler, problems);
  Transforms transforms = Transforms::compile(settings.transform, keys, problems);
  SpanLimits limits(settings.limits, Redactor::compile(settings.redaction, problems));
  return {std::move(filter), std::move(sampling), std::move(transforms), std::move(limits)};
}

Result<SpanProcessor> SpanProcessor::make(const ProcessingSettings& settings, const DefaultSampler& sampler,
                                          AttributeKeys& keys, const SamplingScale& scale) {
  KeyProblems problems;
  Rules rules = compile(settings, sampler, keys, problems);
  if (!problems.empty()) return std::unexpected(to_error(problems));
  return SpanProcessor(std::move(rules),
                       RateLimiter(settings.limits.spans_per_second, settings.limits.spans_per_second_per_service),
                       scale);
}

KeyProblems SpanProcessor::check(const ProcessingSettings& settings, const DefaultSampler& sampler) {
  AttributeKeys keys;
  KeyProblems problems;
  compile(settings, sampler, keys, problems);
  return problems;
}

std::optional<ProcessingDrop> SpanProcessor::leaves_out(Span& span, double scale, Time now) {
  switch (rules_.filter.judge(span)) {
    case SpanFilter::Verdict::kFiltered: return ProcessingDrop::kFiltered;
    case SpanFilter::Verdict::kHealthCheck: return ProcessingDrop::kHealthCheck;
    case SpanFilter::Verdict::kPass: break;
  }
  if (!rules_.sampling.decide(span, scale)) return ProcessingDrop::kSampledOut;
  if (rate_.limits() && !rate_.admits(service_of(span), now)) return ProcessingDrop::kRateLimited;
  return std::nullopt;
}

Processed SpanProcessor::process(std::vector<Span> spans, Time now) {
  Processed out;
  out.ready = std::move(spans);
  const double scale = scale_->get();  // one for the whole batch
  std::size_t kept = 0;
  for (std::size_t i = 0; i < out.ready.size(); ++i) {
    Span& span = out.ready[i];
    if (const auto cause = leaves_out(span, scale, now)) {
      ++out.dropped.at(static_cast<std::size_t>(*cause));
      continue;
    }
    rules_.transforms.apply(span);
    out.trimmed += rules_.limits.apply(span);
    if (kept != i) out.ready[kept] = std::move(span);
    ++kept;
  }
  out.ready.resize(kept);
  return out;
}

}  // namespace telegen
