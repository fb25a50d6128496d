#include <array>

#include "processing/secrets.h"
#include "processing/text_class.h"

namespace telegen {
namespace {

constexpr std::size_t kFewestDigits = 13;
constexpr std::size_t kMostDigits = 19;

bool in_card(char c) { return is_digit(c) || c == ' ' || c == '-'; }

struct Digits {
  std::array<std::uint8_t, kMostDigits> value{};
  std::size_t count = 0;
  unsigned leading(std::size_t n) const {
    unsigned out = 0;
    for (std::size_t i = 0; i < n; ++i) out = out * 10 + value[i];
    return out;
  }
};

// ISO/IEC 7812-1, annex B.
bool luhn_holds(const Digits& digits) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < digits.count; ++i) {
    const unsigned digit = digits.value[digits.count - 1 - i];
    const unsigned doubled = 2 * digit;
    sum += i % 2 == 0 ? digit : doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 == 0;
}

struct Issuer {
  std::size_t digits;  // of the prefix
  unsigned first, last;
  std::size_t shortest, longest;
};
constexpr std::array<Issuer, 13> kIssuers = {{{1, 4, 4, 13, 13},        // Visa, which has 13, 16 or 19 digits
                                              {1, 4, 4, 16, 16},        //
                                              {1, 4, 4, 19, 19},        //
                                              {2, 51, 55, 16, 16},      // Mastercard
                                              {4, 2221, 2720, 16, 16},  //
                                              {2, 34, 34, 15, 15},      // American Express
                                              {2, 37, 37, 15, 15},      //
                                              {4, 6011, 6011, 16, 19},  // Discover
                                              {3, 644, 659, 16, 19},    //
                                              {3, 300, 305, 14, 14},    // Diners Club
                                              {2, 36, 39, 14, 19},      //
                                              {4, 3528, 3589, 16, 19},  // JCB
                                              {2, 62, 62, 16, 19}}};    // UnionPay

bool is_card(const Digits& digits) {
  for (const Issuer& issuer : kIssuers) {
    const unsigned prefix = digits.leading(issuer.digits);
    const bool issued = prefix >= issuer.first && prefix <= issuer.last;
    if (issued && digits.count >= issuer.shortest && digits.count <= issuer.longest && luhn_holds(digits)) return true;
  }
  return false;
}

// Letters, and what makes the digits part of a longer number, must not touch it.
bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  if (begin > 0) {
    const char before = text[begin - 1];
    if (is_alphanumeric(before) || before == '_' || before == '.') return false;
  }
  if (end == text.size()) return true;
  const char behind = text[end];
  if (behind == '.') return end + 1 == text.size() || !is_digit(text[end + 1]);
  return !is_alphanumeric(behind) && behind != '_';
}

// The end of the longest card number that begins with the digit at `begin`, or 0.
std::size_t card_end(std::string_view text, std::size_t begin, std::size_t limit) {
  Digits digits;
  std::size_t longest = 0, at = begin, groups = 0;
  const char separator = [&] {
    const std::size_t first = run_end(text, begin, is_digit);
    return first < limit ? text[first] : '\0';
  }();
  while (at < limit && is_digit(text[at])) {
    const std::size_t group = run_end(text, at, is_digit);
    if (digits.count + (group - at) > kMostDigits) break;
    for (; at < group; ++at) digits.value[digits.count++] = static_cast<std::uint8_t>(text[at] - '0');
    ++groups;
    // Written in groups, the first has four digits; else any list of numbers would be looked through.
    if (groups > 1 && run_end(text, begin, is_digit) - begin != 4) break;
    if (digits.count >= kFewestDigits && is_card(digits) && stands_alone(text, begin, at)) longest = at;
    if (at < limit && text[at] == separator) ++at;
  }
  return longest;
}

void find_in_run(std::string_view text, std::size_t begin, std::size_t end, TextRanges& found) {
  for (std::size_t at = begin; at < end;) {
    if (!is_digit(text[at])) {
      ++at;
      continue;
    }
    const std::size_t card = card_end(text, at, end);
    if (card != 0) found.push_back({at, card});
    at = card != 0 ? card : run_end(text, at, is_digit);
  }
}

}  // namespace

// A number of at least 13 bytes covers one of every 13 positions.
bool may_hold_card(std::string_view text) {
  for (std::size_t probe = kFewestDigits - 1; probe < text.size(); probe += kFewestDigits) {
    if (in_card(text[probe])) return true;
  }
  return false;
}

void find_cards(std::string_view text, TextRanges& found) {
  for (std::size_t probe = kFewestDigits - 1; probe < text.size();) {
    if (!in_card(text[probe])) {
      probe += kFewestDigits;
      continue;
    }
    const std::size_t begin = run_begin(text, probe, kFewestDigits, in_card);
    const std::size_t end = run_end(text, probe, in_card);
    if (end - begin >= kFewestDigits) find_in_run(text, begin, end, found);
    probe = end + kFewestDigits;
  }
}

}  // namespace telegen
