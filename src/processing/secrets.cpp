#include "processing/secrets.h"

#include <algorithm>
#include <array>

#include "processing/text_class.h"

namespace telegen {
namespace {

// Names as they are compared: in lower case, without '-', '_' and '.'.
constexpr std::array<std::string_view, 18> kSecretEndings = {
    "password",  "passwd",     "passphrase",  "pwd",        "secret",    "token",
    "apikey",    "accesskey",  "accesskeyid", "privatekey", "secretkey", "authkey",
    "signature", "credential", "credentials", "sessionid",  "cookie",    "authorization"};
constexpr std::array<std::string_view, 6> kSecretNames = {"auth", "sig", "pass", "jwt", "sid", "session"};
constexpr std::array<std::string_view, 4> kAuthSchemes = {"bearer", "basic", "digest", "token"};
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kShortestAfterColon = 4;  // "Unexpected token: }" is a message

bool in_name(char c) { return is_alphanumeric(c) || c == '_' || c == '-' || c == '.'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool in_bare_value(char c) {
  constexpr std::string_view kEnds = "&;,#\"'`<>)}]";
  return static_cast<unsigned char>(c) > ' ' && kEnds.find(c) == std::string_view::npos;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
  return std::ranges::equal(text, lower_case, {}, lower);
}

// Whether a name may end like one of the above: of all names in a query few do.
bool may_name_a_secret(std::string_view name) {
  constexpr std::string_view kLastTwo = "rd,wd,se,et,en,ey,id,re,al,ls,ie,on,th,ig,ss,wt";
  if (name.size() < 3) return false;
  const char before = lower(name[name.size() - 2]), last = lower(name.back());
  for (std::size_t i = 0; i < kLastTwo.size(); i += 3) {
    if (kLastTwo[i] == before && kLastTwo[i + 1] == last) return true;
  }
  return false;
}

bool names_a_secret(std::string_view name) {
  if (!may_name_a_secret(name)) return false;
  std::array<char, kLongestName> plain;
  std::size_t size = 0;
  for (const char c : name) {
    if (is_alphanumeric(c)) plain[size++] = lower(c);
  }
  const std::string_view text(plain.data(), size);
  return std::ranges::any_of(kSecretEndings, [text](std::string_view ending) { return text.ends_with(ending); }) ||
         std::ranges::find(kSecretNames, text) != kSecretNames.end();
}

// The name that ends before `at`, quotes and blanks between left out.
std::string_view name_before(std::string_view text, std::size_t at) {
  std::size_t end = run_begin(text, at, 2, is_blank);
  if (end > 0 && (text[end - 1] == '"' || text[end - 1] == '\'')) --end;
  if (end > 0 && text[end - 1] == '\\') --end;  // JSON within JSON
  const std::size_t begin = run_begin(text, end, kLongestName, in_name);
  return text.substr(begin, end - begin);
}

bool is_placeholder(std::string_view value) {
  if (value.empty() || value == "?" || value == "%s" || value.starts_with("REDACTED")) return true;
  return value.size() > 1 && value[0] == '$' && std::ranges::all_of(value.substr(1), is_digit);
}

// Where a quoted text ends that begins at `at`: at the next quote, with a backslash before it or without, as the
// opening one.
std::size_t closing_quote(std::string_view text, std::size_t at, char quote, bool escaped) {
  for (std::size_t end = text.find(quote, at); end < text.size(); end = text.find(quote, end + 1)) {
    const bool behind_backslash = end > at && text[end - 1] == '\\';
    if (behind_backslash == escaped) return escaped ? end - 1 : end;
  }
  return text.size();
}

struct FoundValue {
  TextRange range;
  bool quoted = false;
};

// The value that begins at `at`, without its quotes; "Bearer x" is one value.
FoundValue value_at(std::string_view text, std::size_t at) {
  std::size_t begin = run_end(text, at, is_blank);
  const bool escaped = begin < text.size() && text[begin] == '\\';
  if (escaped) ++begin;
  if (begin < text.size() && (text[begin] == '"' || text[begin] == '\'')) {
    const std::size_t first = begin + 1;
    return {{first, closing_quote(text, first, text[begin], escaped)}, true};
  }
  std::size_t end = run_end(text, begin, in_bare_value);
  const auto is_scheme = [&](std::string_view scheme) {
    return equals_ignoring_case(text.substr(begin, end - begin), scheme);
  };
  if (std::ranges::any_of(kAuthSchemes, is_scheme)) {
    const std::size_t next = run_end(text, end, is_blank);
    if (next > end) end = std::max(end, run_end(text, next, in_bare_value));
  }
  return {{begin, end}};
}

// "user:password" in "://user:password@host"; `at` is the colon of "://". Nothing where begin == end.
TextRange user_information(std::string_view text, std::size_t at) {
  const std::size_t begin = at + 3;
  const std::size_t end = std::min(text.find_first_of("/?#\\ \"'<>", begin), text.size());
  const std::size_t sign = text.substr(begin, end - begin).rfind('@');
  return {begin, sign == std::string_view::npos ? begin : begin + sign};
}

}  // namespace

void find_secret_parameters(std::string_view text, std::string_view replacement, TextRanges& found) {
  const auto is_left_alone = [&](const TextRange& value) {
    return text.substr(value.begin).starts_with(replacement) ||
           is_placeholder(text.substr(value.begin, value.end - value.begin));
  };
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '=' && text[at] != ':') {
      ++at;
      continue;
    }
    TextRange value;
    if (text.substr(at).starts_with("://")) {
      value = user_information(text, at);
    } else if (names_a_secret(name_before(text, at))) {
      const auto [range, quoted] = value_at(text, at + 1);
      const bool too_short = text[at] == ':' && !quoted && range.end - range.begin < kShortestAfterColon;
      if (!too_short) value = range;
    }
    ++at;
    if (value.begin == value.end) continue;
    if (!is_left_alone(value)) found.push_back(value);
    at = value.end;
  }
}

void find_emails(std::string_view text, TextRanges& found) {
  const auto in_local = [](char c) {
    return is_alphanumeric(c) || std::string_view("._%+-").find(c) != std::string_view::npos;
  };
  const auto in_domain = [](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; };
  constexpr std::size_t kLongestLocalPart = 64;  // RFC 5321, 4.5.3.1.1
  for (std::size_t at = text.find('@'); at < text.size(); at = text.find('@', at + 1)) {
    const std::size_t begin = run_begin(text, at, kLongestLocalPart, in_local);
    std::size_t end = run_end(text, at + 1, in_domain);
    while (end > at + 1 && !is_alphanumeric(text[end - 1])) --end;  // the full stop of a sentence
    const std::string_view domain = text.substr(at + 1, end - at - 1);
    const std::size_t dot = domain.rfind('.');
    if (begin == at || dot == std::string_view::npos || dot == 0) continue;
    const std::string_view top = domain.substr(dot + 1);
    if (top.size() >= 2 && std::ranges::all_of(top, is_letter)) found.push_back({begin, end});
  }
}

}  // namespace telegen
