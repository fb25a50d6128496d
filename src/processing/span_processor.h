// What becomes of enriched spans before they are queued. The order is fixed: filter, transform, redaction.
#pragma once

#include <array>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/span.h"
#include "processing/attribute_keys.h"
#include "processing/filter.h"
#include "processing/redaction.h"
#include "processing/settings.h"
#include "processing/transform.h"

namespace telegen {

enum class ProcessingDrop : std::uint8_t {
  kFiltered,     // pipeline.filter.include and .exclude
  kHealthCheck,  // pipeline.filter.health_checks
};
inline constexpr std::size_t kProcessingDrops = 2;
std::string_view to_text(ProcessingDrop cause);  // as the label `cause` of a metric

struct Processed {
  std::vector<Span> ready;
  std::array<std::uint64_t, kProcessingDrops> dropped{};
  std::uint64_t redacted = 0;  // texts in which something was replaced
  std::uint64_t dropped_by(ProcessingDrop cause) const { return dropped.at(static_cast<std::size_t>(cause)); }
  std::uint64_t dropped_in_all() const { return std::accumulate(dropped.begin(), dropped.end(), std::uint64_t{0}); }
};

// One thread. Nothing blocks, reads a clock or logs.
class SpanProcessor {
 public:
  // The error (kConfiguration) has a line for each key that is wrong. `keys` outlives every span that comes out.
  static Result<SpanProcessor> make(const ProcessingSettings& settings, AttributeKeys& keys);
  // What make() would complain of, key by key.
  static KeyProblems check(const ProcessingSettings& settings);

  // Every span comes out ready or counted as dropped, in the order in which it came.
  Processed process(std::vector<Span> spans, Time now);

 private:
  SpanProcessor() = default;
  static SpanProcessor compile(const ProcessingSettings& settings, AttributeKeys& keys, KeyProblems& problems);

  SpanFilter filter_;
  Transforms transforms_;
  Redactor redactor_;
};

}  // namespace telegen
