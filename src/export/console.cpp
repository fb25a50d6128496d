#include "export/console.h"

#include <array>
#include <cstdio>

#include "export/io.h"
#include "export/otlp/utf8.h"

namespace telegen {
namespace {

constexpr std::size_t kServiceWidth = 16;
constexpr std::size_t kNameWidth = 36;
constexpr std::size_t kStatusWidth = 6;
constexpr std::size_t kDurationWidth = 9;
constexpr std::size_t kPeerWidth = 24;

enum class Colour { kPlain, kDim, kBold, kRed, kGreen, kYellow, kCyan, kMagenta };

std::string_view escape_of(Colour colour) {
  switch (colour) {
    case Colour::kPlain: return "";
    case Colour::kDim: return "\x1b[2m";
    case Colour::kBold: return "\x1b[1m";
    case Colour::kRed: return "\x1b[31m";
    case Colour::kGreen: return "\x1b[32m";
    case Colour::kYellow: return "\x1b[33m";
    case Colour::kCyan: return "\x1b[36m";
    case Colour::kMagenta: return "\x1b[35m";
  }
  return "";
}

// C0, DEL, and the C1 controls, which some terminals obey in their UTF-8 form; also the marks that reorder text.
bool is_control(std::string_view sequence) {
  const auto b = [&sequence](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return b(0) < 0x20 || b(0) == 0x7f;
  if (sequence.size() == 2) return b(0) == 0xc2 && b(1) < 0xa0;
  if (sequence.size() != 3 || b(0) != 0xe2) return false;
  return (b(1) == 0x80 && ((b(2) >= 0x8e && b(2) <= 0x8f) || (b(2) >= 0xa8 && b(2) <= 0xae))) ||
         (b(1) == 0x81 && b(2) >= 0xa6 && b(2) <= 0xa9);
}

// The text as a cell: safe, exactly `width` characters wide (a character counts as one column).
struct Cell {
  std::string text;
  std::size_t columns = 0;
};

Cell cell(std::string_view text, std::size_t width) {
  Cell out;
  std::string last;  // what fitted before the last column, in case the text must be cut there
  std::size_t last_columns = 0;
  while (!text.empty()) {
    std::size_t skip = 0;
    std::size_t length = otlp::utf8_sequence(text, skip);
    std::string piece = length == 0 ? "\xef\xbf\xbd" : std::string(text.substr(0, length));
    std::size_t columns = 1;
    if (length == 0) length = skip;
    if (is_control(piece)) {
      std::string shown;
      for (const char c : piece) {
        std::array<char, 5> hex{};
        std::snprintf(hex.data(), hex.size(), "\\x%02x", static_cast<unsigned char>(c));
        shown += hex.data();
      }
      piece = shown;
      columns = shown.size();
    }
    if (out.columns + columns > width) return {last + "…", last_columns + 1};
    out.text += piece;
    out.columns += columns;
    if (out.columns < width) {
      last = out.text;
      last_columns = out.columns;
    }
    text.remove_prefix(length);
  }
  return out;
}

class Line {
 public:
  explicit Line(bool colour) : colour_(colour) {}
  void left(std::string_view text, std::size_t width, Colour colour) { put(cell(text, width), width, colour, false); }
  void right(std::string_view text, std::size_t width, Colour colour) { put(cell(text, width), width, colour, true); }
  // Text of the agent's own, without padding.
  void raw(std::string_view text, Colour colour) {
    const std::string_view begin = colour_ ? escape_of(colour) : "";
    out_.append(begin).append(text);
    if (!begin.empty()) out_ += "\x1b[0m";
  }
  void gap() { out_ += "  "; }
  std::string finish() {
    while (out_.ends_with(' ')) out_.pop_back();
    return std::move(out_) + "\n";
  }

 private:
  void put(const Cell& cell, std::size_t width, Colour colour, bool to_the_right) {
    const std::string padding(width > cell.columns ? width - cell.columns : 0, ' ');
    if (to_the_right) out_ += padding;
    if (!cell.text.empty()) raw(cell.text, colour);
    if (!to_the_right) out_ += padding;
    gap();
  }
  bool colour_;
  std::string out_;
};

std::string time_of_day(UnixTime time, std::int32_t offset) {
  const auto ms = static_cast<std::int64_t>(time.ns / 1'000'000ULL) + std::int64_t{offset} * 1000;
  const std::int64_t day = ((ms % 86'400'000) + 86'400'000) % 86'400'000;
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%02d:%02d:%02d.%03d", static_cast<int>(day / 3'600'000),
                static_cast<int>(day / 60'000 % 60), static_cast<int>(day / 1000 % 60), static_cast<int>(day % 1000));
  return text.data();
}

std::string duration_in_words(const Span& span) {
  if (span.end < span.start) return "?";
  const auto ns = static_cast<double>(span.end.ns - span.start.ns);
  std::array<char, 32> text{};
  if (ns < 1e6) {
    std::snprintf(text.data(), text.size(), "%.0f µs", ns / 1e3);
  } else if (ns < 1e9) {
    std::snprintf(text.data(), text.size(), "%.2f ms", ns / 1e6);
  } else {
    std::snprintf(text.data(), text.size(), "%.2f s", ns / 1e9);
  }
  return text.data();
}

std::string_view arrow(SpanKind kind) {
  switch (kind) {
    case SpanKind::kServer: return "◀";
    case SpanKind::kClient: return "▶";
    case SpanKind::kProducer: return "▷";
    case SpanKind::kConsumer: return "◁";
    case SpanKind::kInternal: break;
  }
  return "•";
}

template <class List>
const Value* find(const List& list, std::string_view key) {
  for (const auto& attribute : list) {
    if (attribute.key == key) return &attribute.value;
  }
  return nullptr;
}

std::string in_words(const Value* value) {
  if (value == nullptr) return {};
  if (const auto* text = std::get_if<std::string>(value)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(value)) return std::to_string(*number);
  return {};
}

// "host:port"; the name that was asked for is preferred to the address that answered.
std::string peer(const Span& span) {
  const bool serving = span.kind == SpanKind::kServer || span.kind == SpanKind::kConsumer;
  std::string host = in_words(find(span.attributes, serving ? "client.address" : "server.address"));
  std::string port = in_words(find(span.attributes, serving ? "client.port" : "server.port"));
  if (host.empty()) host = in_words(find(span.attributes, "network.peer.address"));
  if (port.empty()) port = in_words(find(span.attributes, "network.peer.port"));
  if (host.empty() || port.empty()) return host;
  return host.find(':') == std::string::npos ? host + ":" + port : "[" + host + "]:" + port;
}

// What the protocol answered; failing that, the kind of error; failing that, the span's own status.
std::string status_in_words(const Span& span) {
  for (const std::string_view key :
       {"http.response.status_code", "rpc.status_code", "db.response.status_code", "error.type"}) {
    std::string text = in_words(find(span.attributes, key));
    if (!text.empty()) return text;
  }
  if (span.status == SpanStatus::kError) return "error";
  return span.status == SpanStatus::kOk ? "ok" : "-";
}

template <class Id>
std::string hex(const Id& id) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : id.bytes) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

class ConsoleOutput final : public SpanOutput {
 public:
  ConsoleOutput(int fd, ConsoleStyle style) : fd_(fd), style_(style) {}
  std::string_view name() const override { return "console"; }

  Result<void> write(std::span<const Span> spans) override {
    std::string text;
    for (const Span& span : spans) text += format_span(span, style_);
    return write_all(fd_, text, "the console");
  }

 private:
  int fd_;
  ConsoleStyle style_;
};

}  // namespace

std::string format_span(const Span& span, const ConsoleStyle& style) {
  const bool failed = span.status == SpanStatus::kError;
  Line line(style.colour);
  line.left(time_of_day(span.start, style.utc_offset_seconds), 12, Colour::kDim);
  const std::string service = span.resource ? in_words(find(span.resource->attributes, "service.name")) : std::string();
  line.left(service.empty() ? "-" : service, kServiceWidth, Colour::kCyan);
  line.left(arrow(span.kind), 1, span.kind == SpanKind::kServer ? Colour::kGreen : Colour::kMagenta);
  line.left(span.name, kNameWidth, Colour::kBold);
  line.right(status_in_words(span), kStatusWidth, failed ? Colour::kRed : Colour::kGreen);
  const bool slow = span.end.ns > span.start.ns && span.end.ns - span.start.ns >= 1'000'000'000ULL;
  line.right(duration_in_words(span), kDurationWidth, slow ? Colour::kYellow : Colour::kPlain);
  line.left(peer(span), kPeerWidth, Colour::kPlain);
  line.raw(hex(span.trace_id), Colour::kDim);
  if (span.parent_id.valid()) line.raw(" ← " + hex(span.parent_id), Colour::kDim);
  return line.finish();
}

std::unique_ptr<SpanOutput> make_console_output(int fd, ConsoleStyle style) {
  return std::make_unique<ConsoleOutput>(fd, style);
}

}  // namespace telegen
