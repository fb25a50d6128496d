// What an output of spans is, and what can become of what it was given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>

#include "base/time.h"
#include "model/span.h"

namespace telegen {

// What became of one request. Reasons are for people ("connect 127.0.0.1:4317: Connection refused").
struct Accepted {};
struct Partial {  // accepted but for `rejected` items; never sent again
  std::uint64_t rejected = 0;
  std::string message;
};
struct Retry {  // not accepted, may be later; `after` is what the receiver asked to wait
  std::optional<Duration> after;
  std::string reason;
};
struct Permanent {  // not accepted, and never will be
  std::string reason;
};
using SendOutcome = std::variant<Accepted, Partial, Retry, Permanent>;

// The circumstances of one delivery.
struct SendContext {
  UnixTime now;             // the wall clock, for dates in answers
  Duration time_limit;      // on top of the output's own timeout; the shorter counts
  std::stop_token abandon;  // requested: give the delivery up within about a second
};

// What became of the spans of one delivery. exported + rejected + refused + oversized == settled, and settled is the
// number of spans given unless `retry` is set: then the spans from `settled` on are to be delivered again.
struct Delivery {
  std::size_t settled = 0;
  std::size_t exported = 0;
  std::size_t rejected = 0;   // by the receiver, in a partial success
  std::size_t refused = 0;    // permanent failure
  std::size_t oversized = 0;  // one span larger than a request may be
  std::optional<Retry> retry;
  std::string complaint;  // the last thing that went wrong for good; empty: nothing did
};

// An output. Called from one thread; may block up to its timeout.
class SpanExporter {
 public:
  virtual ~SpanExporter() = default;
  // For logs and labels: "otlp", "console", "file".
  virtual std::string_view name() const = 0;
  virtual Delivery deliver(std::span<const Span> spans, const SendContext& context) = 0;
};

}  // namespace telegen
