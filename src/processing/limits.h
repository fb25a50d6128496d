// Bounds on what one span may carry, and redaction, which has to be between two cuts. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "model/span.h"
#include "processing/redaction.h"
#include "processing/settings.h"

namespace telegen {

// What was done to a span.
struct Trimmed {
  std::uint64_t redacted = 0;    // texts in which something was replaced
  std::uint64_t shortened = 0;   // texts that were too long
  std::uint64_t attributes = 0;  // that were too many; in Span::dropped_attributes_count as well
  std::uint64_t events = 0;
  Trimmed& operator+=(const Trimmed& other);
};

// The texts of a span are its name, its status message, and all values of attributes and events that are text; keys and
// the shared resource are not looked at.
class SpanLimits {
 public:
  SpanLimits(const LimitSettings& settings, Redactor redactor) : limits_(settings), redactor_(std::move(redactor)) {}

  // Attributes and events beyond their number are dropped from the end; texts are cut between characters of UTF-8. A
  // long text is cut a little above its limit first, so that looking through it costs no more than copying it; of one
  // that was, the last bytes are never shown, as a secret may begin there that could not be recognised.
  Trimmed apply(Span& span) const;
  // The same for a value that does not leave on a span: an attribute of a metric.
  void clean_value(std::string& text) const;

 private:
  void clean(std::string& text, std::size_t limit, Trimmed& trimmed) const;
  void clean(Attributes& attributes, Trimmed& trimmed) const;

  LimitSettings limits_;
  Redactor redactor_;
};

// At most `limit` bytes of `text`, without a part of a character of UTF-8 at its end. Gives memory back where much is
// cut. Whether anything was.
bool shorten(std::string& text, std::size_t limit);

}  // namespace telegen
