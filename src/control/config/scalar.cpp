#include "control/config/scalar.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

namespace telegen::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 3> kSizeUnits = {{{"Gi", 1ULL << 30}, {"Mi", 1ULL << 20}, {"Ki", 1ULL << 10}}};
constexpr std::array<Unit, 4> kTimeUnits = {
    {{"h", 3'600'000'000'000ULL}, {"m", 60'000'000'000ULL}, {"s", 1'000'000'000ULL}, {"ms", 1'000'000ULL}}};
constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();

struct Amount {
  std::uint64_t number;
  std::string_view unit;
};

std::expected<Amount, std::errc> split_amount(std::string_view text) {
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::unexpected(error);
  return Amount{number, text.substr(static_cast<std::size_t>(rest - text.data()))};
}

template <std::size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

template <std::size_t N>
std::string print_amount(std::uint64_t value, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) return std::to_string(value / unit.factor) + std::string(unit.name);
  }
  return {};
}

}  // namespace

std::string quoted(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "'";
  std::size_t end = std::min(text.size(), kLongest);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  for (const char c : text.substr(0, end)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
    }
  }
  if (end < text.size()) out += "…";
  return out += "'";
}

Parsed<bool> parse_boolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::unexpected(quoted(text) + " is not a boolean; write true or false");
}

Parsed<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return std::unexpected(quoted(text) + " is too large");
  if (error != std::errc() || rest != text.data() + text.size()) {
    return std::unexpected(quoted(text) + " is not a whole number");
  }
  return value;
}

Parsed<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return std::unexpected(quoted(text) + " is too large or too small");
  if (error != std::errc() || rest != text.data() + text.size() || !std::isfinite(value)) {
    return std::unexpected(quoted(text) + " is not a number");
  }
  return value;
}

Parsed<ByteSize> parse_size(std::string_view text) {
  const auto amount = split_amount(text);
  if (!amount && amount.error() == std::errc::result_out_of_range)
    return std::unexpected(quoted(text) + " is too large");
  if (!amount) return std::unexpected(quoted(text) + " is not a size; write it like 4096, 64Ki, 16Mi or 1Gi");
  if (amount->unit.empty() && amount->number <= kLargest) return ByteSize{amount->number};
  const Unit* unit = find_unit(kSizeUnits, amount->unit);
  if (unit == nullptr && !amount->unit.empty()) {
    return std::unexpected(quoted(text) + " has an unknown unit; sizes take Ki, Mi, Gi or plain bytes");
  }
  if (unit == nullptr || amount->number > kLargest / unit->factor)
    return std::unexpected(quoted(text) + " is too large");
  return ByteSize{amount->number * unit->factor};
}

Parsed<Duration> parse_duration(std::string_view text) {
  const auto amount = split_amount(text);
  if (!amount && amount.error() == std::errc::result_out_of_range)
    return std::unexpected(quoted(text) + " is too large");
  if (!amount) return std::unexpected(quoted(text) + " is not a time; write it like 500ms, 10s, 5m or 1h");
  if (text == "0") return Duration::zero();
  if (amount->unit.empty()) {
    return std::unexpected(quoted(text) + " has no unit; write " + std::string(text) + "s or " + std::string(text) +
                           "ms");
  }
  const Unit* unit = find_unit(kTimeUnits, amount->unit);
  if (unit == nullptr)
    return std::unexpected(quoted(text) + " has an unknown unit; times take a whole number of ms, s, m or h");
  if (amount->number > kLargest / unit->factor) return std::unexpected(quoted(text) + " is too large");
  return Duration(static_cast<std::int64_t>(amount->number * unit->factor));
}

std::string to_text(double value) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return error == std::errc() ? std::string(buffer.data(), end) : std::string("0");
}

std::string to_text(ByteSize value) {
  const std::string text = print_amount(value.bytes, kSizeUnits);
  return text.empty() ? std::to_string(value.bytes) : text;
}

std::string to_text(Duration value) {
  const std::string text = print_amount(static_cast<std::uint64_t>(value.count()), kTimeUnits);
  if (!text.empty()) return text;
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(value).count();
  return whole == 0 ? "0" : std::to_string(whole) + "ms";
}

bool is_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char lead = byte(i);
    std::size_t length = 1;
    std::uint32_t point = lead;
    if (lead >= 0x80) {
      length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
      if (lead < 0xc2 || lead > 0xf4 || i + length > text.size()) return false;
      point = lead & (0xffU >> (length + 1));
      for (std::size_t k = 1; k < length; ++k) {
        if ((byte(i + k) & 0xc0) != 0x80) return false;
        point = (point << 6) | (byte(i + k) & 0x3fU);
      }
    }
    constexpr std::array<std::uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kSmallest[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
    i += length;
  }
  return true;
}

}  // namespace telegen::config
