#include "processing/span_processor.h"

#include <algorithm>
#include <utility>

#include "processing/span_fields.h"

namespace telegen {
namespace {

constexpr std::array<std::string_view, kProcessingDrops> kDropNames = {
    "filtered", "health_check", "sampled_out", "tail_sampled_out", "tail_buffer_full", "rate_limited"};
static_assert(std::ranges::none_of(kDropNames, &std::string_view::empty));

// Removes those for which `keeps`, which may change them, does not hold. The order stays.
template <class Keeps>
void keep_if(std::vector<Span>& spans, Keeps keeps) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (!keeps(spans[i])) continue;
    if (kept != i) spans[kept] = std::move(spans[i]);
    ++kept;
  }
  spans.resize(kept);
}

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
  RateLimiter rate(settings.limits.spans_per_second, settings.limits.spans_per_second_per_service);
  std::optional<TailSampler> tail;
  if (settings.tail_sampling.enabled) tail.emplace(settings.tail_sampling);
  return SpanProcessor(std::move(rules), std::move(rate), std::move(tail), scale);
}

KeyProblems SpanProcessor::check(const ProcessingSettings& settings, const DefaultSampler& sampler) {
  AttributeKeys keys;
  KeyProblems problems;
  compile(settings, sampler, keys, problems);
  return problems;
}

bool SpanProcessor::passes(Span& span, double scale, Processed& out) const {
  switch (rules_.filter.judge(span)) {
    case SpanFilter::Verdict::kFiltered: return out.drop(ProcessingDrop::kFiltered);
    case SpanFilter::Verdict::kHealthCheck: return out.drop(ProcessingDrop::kHealthCheck);
    case SpanFilter::Verdict::kPass: break;
  }
  return rules_.sampling.decide(span, scale) || out.drop(ProcessingDrop::kSampledOut);
}

// Transforms, redaction and limits are for what leaves: they come last, and no rule above sees what they did.
bool SpanProcessor::finish(Span& span, Time now, Processed& out) {
  if (rate_.limits() && !rate_.admits(service_of(span), now)) return out.drop(ProcessingDrop::kRateLimited);
  rules_.transforms.apply(span);
  out.trimmed += rules_.limits.apply(span);
  return true;
}

Processed SpanProcessor::process(std::vector<Span> spans, Time now) {
  Processed out;
  now_ = std::max(now_, now);
  const double scale = scale_->get();  // one for the whole batch
  if (!tail_) {
    keep_if(spans, [&](Span& span) { return passes(span, scale, out) && finish(span, now_, out); });
    out.ready = std::move(spans);
    return out;
  }
  for (Span& span : spans) {
    if (passes(span, scale, out)) tail_->offer(std::move(span), now_);
  }
  tail_->decide_due(now_);
  return finish_all(tail_->take(), std::move(out));
}

Processed SpanProcessor::tick(Time now) {
  now_ = std::max(now_, now);
  if (!tail_) return {};
  tail_->decide_due(now_);
  return finish_all(tail_->take(), {});
}

Processed SpanProcessor::release_all() {
  if (!tail_) return {};
  tail_->decide_all();
  return finish_all(tail_->take(), {});
}

Processed SpanProcessor::finish_all(TailSampler::Decided decided, Processed out) {
  out.drop(ProcessingDrop::kTailSampledOut, decided.sampled_out);
  out.drop(ProcessingDrop::kTailBufferFull, decided.buffer_full);
  out.traces_decided_early = decided.traces_decided_early;
  keep_if(decided.kept, [&](Span& span) { return finish(span, now_, out); });
  out.ready = std::move(decided.kept);
  return out;
}

}  // namespace telegen
