#include "processing/trace_state.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace telegen {
namespace {

constexpr std::size_t kMostMembers = 32;
constexpr std::size_t kLongestValue = 256;
constexpr std::size_t kLongestKey = 256;
constexpr std::size_t kDigits = 14;  // of 56 bits
constexpr std::string_view kVendor = "ot";

struct Member {
  std::string_view key, value;
  std::string_view text;  // both, as written
};

bool in_key(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("_-*/@").find(c) != std::string_view::npos;
}
bool in_value(char c) { return c >= 0x20 && c <= 0x7E && c != ',' && c != '='; }

std::optional<Member> parse_member(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const Member out{text.substr(0, equals), text.substr(equals + 1), text};
  const bool key = !out.key.empty() && out.key.size() <= kLongestKey && std::ranges::all_of(out.key, in_key);
  const bool value =
      !out.value.empty() && out.value.size() <= kLongestValue && std::ranges::all_of(out.value, in_value);
  return key && value ? std::optional(out) : std::nullopt;
}

// Of the list; empty members are allowed and left out. Nothing where one is malformed or there are too many.
std::optional<std::vector<Member>> parse_members(std::string_view list) {
  std::vector<Member> out;
  for (std::size_t start = 0; start < list.size();) {
    const std::size_t comma = std::min(list.find(',', start), list.size());
    std::string_view text = list.substr(start, comma - start);
    start = comma + 1;
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) continue;
    text = text.substr(first, text.find_last_not_of(" \t") - first + 1);
    const auto member = parse_member(text);
    if (!member || out.size() == kMostMembers) return std::nullopt;
    out.push_back(*member);
  }
  return out;
}

template <class Visit>
void for_each_entry(std::string_view value, Visit visit) {
  for (std::size_t start = 0; start < value.size();) {
    const std::size_t end = std::min(value.find(';', start), value.size());
    if (end > start) visit(value.substr(start, end - start));
    start = end + 1;
  }
}

std::optional<std::uint64_t> parse_digits(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) return std::nullopt;
    value = value << 4 | static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return value;
}

// Trailing zeros are left out: "8" is a half.
std::optional<std::uint64_t> parse_threshold(std::string_view digits) {
  if (digits.empty() || digits.size() > kDigits) return std::nullopt;
  const auto value = parse_digits(digits);
  return value ? std::optional(*value << 4 * (kDigits - digits.size())) : std::nullopt;
}

std::string threshold_text(std::uint64_t threshold) {
  std::string out(kDigits, '0');
  for (std::size_t i = 0; i < kDigits; ++i) out[kDigits - 1 - i] = "0123456789abcdef"[threshold >> 4 * i & 15];
  const std::size_t last = out.find_last_not_of('0');
  out.resize(last == std::string::npos ? 1 : last + 1);
  return out;
}

}  // namespace

SamplingState parse_sampling_state(std::string_view trace_state) {
  SamplingState out;
  if (trace_state.find("ot=") == std::string_view::npos) return out;
  const auto members = parse_members(trace_state);
  if (!members) return out;
  const auto own = std::ranges::find(*members, kVendor, &Member::key);
  if (own == members->end()) return out;
  for_each_entry(own->value, [&out](std::string_view entry) {
    if (entry.starts_with("th:") && !out.threshold) out.threshold = parse_threshold(entry.substr(3));
    if (entry.starts_with("rv:") && !out.randomness && entry.size() == 3 + kDigits) {
      out.randomness = parse_digits(entry.substr(3));
    }
  });
  return out;
}

std::string with_threshold(std::string_view trace_state, std::optional<std::uint64_t> threshold) {
  const auto members = parse_members(trace_state);
  if (!members) return std::string(trace_state);
  std::string value = threshold ? "th:" + threshold_text(*threshold) : std::string();
  const auto own = std::ranges::find(*members, kVendor, &Member::key);
  if (own != members->end()) {
    for_each_entry(own->value, [&value](std::string_view entry) {
      if (entry.starts_with("th:")) return;
      if (!value.empty()) value += ';';
      value += entry;
    });
  }
  while (value.ends_with(' ') || value.ends_with(';')) value.pop_back();  // no value may end with a blank
  if (value.size() > kLongestValue) return std::string(trace_state);
  std::string out = value.empty() ? value : std::string(kVendor).append("=").append(value);
  std::size_t count = out.empty() ? 0 : 1;
  for (const Member& member : *members) {
    if (member.key == kVendor) continue;
    if (count++ == kMostMembers) break;
    if (!out.empty()) out += ',';
    out += member.text;
  }
  return out;
}

}  // namespace telegen
