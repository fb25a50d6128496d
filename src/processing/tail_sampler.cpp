#include "processing/tail_sampler.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "processing/sampler.h"
#include "processing/span_fields.h"
#include "processing/span_memory.h"

namespace telegen {
namespace {

constexpr std::array<std::string_view, 6> kPolicyNames = {"errors",     "latency",    "slow_route",
                                                          "rare_route", "rate_limit", "baseline"};
constexpr std::string_view kPolicyKey = "telegen.sampling.policy";
constexpr std::size_t kTraceOverhead = 256;  // of the containers, for each trace that is held

constexpr std::uint8_t bit(TailPolicy policy) { return static_cast<std::uint8_t>(1U << static_cast<unsigned>(policy)); }

}  // namespace

std::string_view to_text(TailPolicy policy) { return kPolicyNames.at(static_cast<std::size_t>(policy)); }

std::size_t TailSampler::IdHash::operator()(const TraceId& id) const {
  std::size_t out = 0;
  static_assert(sizeof out <= sizeof id.bytes);
  std::memcpy(&out, id.bytes.data() + id.bytes.size() - sizeof out, sizeof out);
  return out;
}

TailSampler::TailSampler(const TailSamplingSettings& settings)
    : settings_(settings),
      allowances_(static_cast<double>(settings.traces_per_second_per_service)),
      verdicts_(static_cast<std::size_t>(settings.max_traces)) {}

std::uint8_t TailSampler::reasons_of(const Span& span) {
  std::uint8_t out = 0;
  if (settings_.errors && span.status == SpanStatus::kError) out |= bit(TailPolicy::kErrors);
  if (settings_.latency.count() > 0 && duration_of(span) >= settings_.latency) out |= bit(TailPolicy::kLatency);
  if (!settings_.slower_than_route_p99 && settings_.rare_routes == 0) return out;
  const auto [slow, rare] = routes_.observe(span, now_, static_cast<std::uint32_t>(settings_.rare_routes));
  if (settings_.slower_than_route_p99 && slow) out |= bit(TailPolicy::kSlowRoute);
  if (rare) out |= bit(TailPolicy::kRareRoute);
  return out;
}

void TailSampler::offer(Span span, Time now) {
  now_ = std::max(now_, now);
  const std::uint8_t reasons = reasons_of(span);  // late spans count for their route too
  auto found = by_id_.find(span.trace_id);
  if (found == by_id_.end()) {
    if (const Verdict* verdict = verdicts_.find(span.trace_id)) return follow(*verdict, std::move(span));
    traces_.push_back({.id = span.trace_id, .due = now_ + settings_.wait, .bytes = kTraceOverhead});
    held_bytes_ += kTraceOverhead;
    found = by_id_.emplace(span.trace_id, std::prev(traces_.end())).first;
  }
  Trace& trace = *found->second;
  const std::size_t bytes = memory_of(span);
  trace.spans.push_back(std::move(span));
  trace.bytes += bytes;
  trace.reasons |= reasons;
  held_bytes_ += bytes;
  ++held_;
  while (held_bytes_ > settings_.buffer.bytes || traces_.size() > static_cast<std::size_t>(settings_.max_traces)) {
    decide_oldest(true);
  }
}

void TailSampler::decide_due(Time now) {
  now_ = std::max(now_, now);
  while (!traces_.empty() && traces_.front().due <= now_) decide_oldest(false);
}

void TailSampler::decide_all() {
  while (!traces_.empty()) decide_oldest(false);
}

std::optional<Time> TailSampler::next_due() const {
  return traces_.empty() ? std::nullopt : std::optional(traces_.front().due);
}

TailSampler::Verdict TailSampler::judge(const Trace& trace) {
  for (const TailPolicy policy :
       {TailPolicy::kErrors, TailPolicy::kLatency, TailPolicy::kSlowRoute, TailPolicy::kRareRoute}) {
    if ((trace.reasons & bit(policy)) != 0) return {policy};
  }
  return judge_by_chance(trace);
}

// The baseline multiplies the probability that the trace had so far: its highest threshold, as spans of different
// services may have different ones.
TailSampler::Verdict TailSampler::judge_by_chance(const Trace& trace) {
  if (settings_.traces_per_second_per_service > 0) {
    TokenBucket& allowance = allowances_.of(service_of(trace.spans.front()), now_);
    if (allowance.has_one(now_)) {
      allowance.take(now_);
      return {TailPolicy::kRateLimit};
    }
  }
  std::uint64_t threshold = 0;
  std::optional<std::uint64_t> randomness;
  for (const Span& span : trace.spans) {
    const SamplingState state = parse_sampling_state(span.trace_state);
    threshold = std::max(threshold, state.threshold.value_or(0));
    if (state.randomness && !randomness) randomness = state.randomness;
  }
  threshold = scaled_threshold(threshold, settings_.baseline);
  if (randomness_of(trace.spans.front(), {.randomness = randomness}) < threshold) return {};
  return {TailPolicy::kBaseline, threshold};
}

void TailSampler::decide_oldest(bool early) {
  Trace trace = std::move(traces_.front());
  by_id_.erase(trace.id);
  traces_.pop_front();
  held_ -= trace.spans.size();
  held_bytes_ -= trace.bytes;
  const Verdict verdict = judge(trace);
  if (early) ++decided_.traces_decided_early;
  if (early && !verdict.kept_by) {
    decided_.buffer_full += trace.spans.size();
  } else {
    for (Span& span : trace.spans) follow(verdict, std::move(span));
  }
  verdicts_.insert(trace.id, verdict);
}

// By chance alone a span stands for others, and for a rate nobody knows how many. By the other policies all traces of
// their sort are kept: a span stands for as many as before.
void TailSampler::follow(const Verdict& verdict, Span span) {
  if (!verdict.kept_by) {
    ++decided_.sampled_out;
    return;
  }
  const SamplingState state = parse_sampling_state(span.trace_state);
  if (*verdict.kept_by == TailPolicy::kBaseline) set_threshold(span, state, verdict.threshold);
  if (*verdict.kept_by == TailPolicy::kRateLimit) set_threshold(span, state, std::nullopt);
  span.attributes.push_back({kPolicyKey, std::string(to_text(*verdict.kept_by))});
  decided_.kept.push_back(std::move(span));
}

}  // namespace telegen
