// An output of spans on this host: a terminal, a file. Receivers are elsewhere (transport/, and the room `delivery`).
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "model/span.h"

namespace telegen {

// Called from one thread.
class SpanOutput {
 public:
  virtual ~SpanOutput() = default;
  // For logs and labels: "console", "file".
  virtual std::string_view name() const = 0;
  // All of them or none.
  virtual Result<void> write(std::span<const Span> spans) = 0;
};

}  // namespace telegen
