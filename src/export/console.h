// Spans for people: one line each, columns aligned, safe to print whatever the captured bytes were.
//
//   15:04:05.123  checkout      ◀  GET /cart/{id}        200      1.24 ms  10.0.0.7:51234      4bf92f35…4736 ←
//   00f067aa0ba902b7
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "export/span_output.h"

namespace telegen {

struct ConsoleStyle {
  bool colour = false;                  // set only where the output is a terminal
  std::int32_t utc_offset_seconds = 0;  // of the times shown
};

// One line with its line break. Control bytes are shown as \xNN, invalid UTF-8 as U+FFFD; a text too long for its
// column ends in "…".
std::string format_span(const Span& span, const ConsoleStyle& style);

// `fd` is borrowed. A write error refuses the batch and says so.
std::unique_ptr<SpanOutput> make_console_output(int fd, ConsoleStyle style);

}  // namespace telegen
