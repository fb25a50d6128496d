#include "processing/text_pattern.h"

#include <re2/re2.h>

#include <algorithm>

namespace telegen {
namespace {

constexpr std::size_t kMaxExpression = 4096;
constexpr std::int64_t kMaxProgramBytes = 1 << 20;
constexpr std::string_view kSpecial = "*?[\\";

constexpr std::size_t kMostStart = sizeof(std::uint32_t);

// At most kMostStart bytes as one number.
std::uint32_t packed(std::string_view text) {
  std::uint32_t out = 0;
  for (const char c : text) out = out << 8 | static_cast<unsigned char>(c);
  return out;
}

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Result<Regex> compile_regex(std::string_view expression) {
  if (expression.empty()) return fail("the regular expression is empty");
  if (expression.size() > kMaxExpression) return fail("the regular expression is longer than 4096 bytes");
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxProgramBytes);
  auto regex = std::make_shared<const re2::RE2>(piece(expression), options);
  if (!regex->ok()) return fail("'" + std::string(expression) + "' is not a regular expression: " + regex->error());
  return regex;
}

bool found_in(const Regex& regex, std::string_view text) { return re2::RE2::PartialMatch(piece(text), *regex); }

void find_all(const Regex& regex, std::string_view text, TextRanges& found) {
  re2::StringPiece match;
  for (std::size_t at = 0; at <= text.size();) {
    if (!regex->Match(piece(text), at, text.size(), re2::RE2::UNANCHORED, &match, 1)) return;
    const auto begin = static_cast<std::size_t>(match.data() - text.data());
    if (!match.empty()) found.push_back({begin, begin + match.size()});
    at = match.empty() ? begin + 1 : begin + match.size();
  }
}

Result<TextPattern> TextPattern::compile(std::string_view pattern) {
  TextPattern out;
  if (pattern.size() > 2 && pattern.starts_with('/') && pattern.ends_with('/')) {
    auto regex = compile_regex(pattern.substr(1, pattern.size() - 2));
    if (!regex) return std::unexpected(regex.error());
    out.how_ = std::move(*regex);
    return out;
  }
  auto glob = Glob::compile(pattern);
  if (!glob) return std::unexpected(glob.error());
  const std::size_t special = pattern.find_first_of(kSpecial);
  if (special == std::string_view::npos) {
    out.how_ = std::string(pattern);
  } else if (special + 1 == pattern.size() && pattern.back() == '*') {
    out.how_ = Prefix{std::string(pattern.substr(0, special))};
  } else {
    out.how_ = std::move(*glob);
  }
  return out;
}

bool TextPattern::matches(std::string_view text) const {
  if (const auto* whole = std::get_if<std::string>(&how_)) return text == *whole;
  if (const auto* prefix = std::get_if<Prefix>(&how_)) return text.starts_with(prefix->text);
  if (const auto* glob = std::get_if<Glob>(&how_)) return glob->matches(text);
  return found_in(std::get<Regex>(how_), text);
}

std::string_view TextPattern::plain_start() const {
  if (const auto* whole = std::get_if<std::string>(&how_)) return *whole;
  if (const auto* prefix = std::get_if<Prefix>(&how_)) return prefix->text;
  return {};
}

TextPatterns TextPatterns::compile(const std::vector<std::string>& patterns, std::string_view key,
                                   KeyProblems& problems) {
  TextPatterns out;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    auto pattern = TextPattern::compile(patterns[i]);
    if (pattern) {
      out.patterns_.push_back(std::move(*pattern));
    } else {
      problems.push_back({std::string(key) + "[" + std::to_string(i) + "]", pattern.error().message});
    }
  }
  out.start_size_ = out.patterns_.empty() ? 0 : kMostStart;
  for (const TextPattern& pattern : out.patterns_) {
    out.start_size_ = std::min(out.start_size_, pattern.plain_start().size());
  }
  for (const TextPattern& pattern : out.patterns_) {
    const std::uint32_t start = packed(pattern.plain_start().substr(0, out.start_size_));
    if (std::ranges::find(out.starts_, start) == out.starts_.end()) out.starts_.push_back(start);
  }
  return out;
}

bool TextPatterns::may_match(std::string_view text) const {
  return text.size() >= start_size_ && std::ranges::find(starts_, packed(text.substr(0, start_size_))) != starts_.end();
}

bool TextPatterns::any_matches(std::string_view text) const {
  return may_match(text) &&
         std::ranges::any_of(patterns_, [text](const TextPattern& pattern) { return pattern.matches(text); });
}

}  // namespace telegen
