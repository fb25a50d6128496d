#include "processing/head_sampling.h"

#include "processing/span_fields.h"

namespace telegen {
namespace {

Sampler make_sampler(const std::string& name, double ratio, const std::string& key, KeyProblems& problems) {
  if (const auto sampler = Sampler::make(name, ratio)) return *sampler;
  problems.push_back({key, "'" + name +
                               "' is not always_on, always_off, traceidratio or one of these behind parentbased_, with "
                               "a share from 0 to 1"});
  return Sampler::always_on();
}

}  // namespace

HeadSampling HeadSampling::compile(const SamplingSettings& settings, const DefaultSampler& other,
                                   KeyProblems& problems) {
  HeadSampling out(make_sampler(other.name, other.ratio, "otlp.traces.sampler", problems));
  for (std::size_t i = 0; i < settings.services.size(); ++i) {
    const ServiceSamplerSettings& entry = settings.services[i];
    const std::string key = "pipeline.sampling.services[" + std::to_string(i) + "]";
    auto pattern = TextPattern::compile(entry.service);
    if (!pattern) problems.push_back({key + ".service", pattern.error().message});
    const Sampler sampler = make_sampler(entry.sampler, entry.sampler_arg, key + ".sampler", problems);
    if (pattern) out.services_.emplace_back(std::move(*pattern), sampler);
  }
  return out;
}

bool HeadSampling::decide(Span& span, double scale) const {
  if (!services_.empty()) {
    const std::string_view service = service_of(span);
    for (const auto& [pattern, sampler] : services_) {
      if (pattern.matches(service)) return sampler.decide(span, scale);
    }
  }
  return other_.decide(span, scale);
}

}  // namespace telegen
