#include <algorithm>
#include <array>

#include "processing/secrets.h"
#include "processing/suspicion.h"
#include "processing/text_class.h"

namespace telegen {
namespace {

constexpr std::size_t kNothing = 0;

bool in_word(char c) { return is_alphanumeric(c) || c == '_'; }
bool in_key(char c) { return is_alphanumeric(c) || c == '_' || c == '-'; }
bool in_credentials(char c) {  // token68 of RFC 9110, 11.2
  return is_alphanumeric(c) || std::string_view("-._~+/=").find(c) != std::string_view::npos;
}
constexpr std::size_t kLookedThrough = 64;  // bytes of a key, so that a text of many starts takes linear time
bool has_digit(std::string_view text) { return std::ranges::any_of(text.substr(0, kLookedThrough), is_digit); }

struct KnownPrefix {
  std::string_view text;
  std::size_t shortest_rest;
};
// As the providers document them; the rest must hold a digit, so that no word is taken for a key.
constexpr std::array<KnownPrefix, 19> kPrefixes = {{{"AKIA", 16},
                                                    {"ASIA", 16},
                                                    {"AIza", 35},
                                                    {"ghp_", 30},
                                                    {"gho_", 30},
                                                    {"ghu_", 30},
                                                    {"ghs_", 30},
                                                    {"ghr_", 30},
                                                    {"github_pat_", 22},
                                                    {"glpat-", 20},
                                                    {"xoxa-", 10},
                                                    {"xoxb-", 10},
                                                    {"xoxp-", 10},
                                                    {"xoxr-", 10},
                                                    {"xoxs-", 10},
                                                    {"sk_live_", 16},
                                                    {"rk_live_", 16},
                                                    {"sk_test_", 16},
                                                    {"sk-", 20}}};

// `run` is where the bytes that a key may have end, from `at` on.
std::size_t known_key_end(std::string_view text, std::size_t at, std::size_t run) {
  for (const auto& [prefix, shortest_rest] : kPrefixes) {
    if (!text.substr(at).starts_with(prefix)) continue;
    const std::size_t rest = at + prefix.size();
    if (run - rest >= shortest_rest && has_digit(text.substr(rest, run - rest))) return run;
  }
  return kNothing;
}

// Header, payload and signature in base64url with dots between. One that the end of the text cuts off counts: texts are
// cut before they are looked through.
std::size_t web_token_end(std::string_view text, std::size_t at, std::size_t run) {
  constexpr std::size_t kShortestPart = 4;
  if (!text.substr(at).starts_with("eyJ")) return kNothing;
  std::size_t end = run;
  if (end - at < 3 + kShortestPart) return kNothing;
  for (int part = 0; part < 2 && end < text.size(); ++part) {
    if (text[end] != '.') return part == 0 ? kNothing : end;
    const std::size_t next = run_end(text, end + 1, in_key);
    if (part == 0 && next - end - 1 < kShortestPart && next < text.size()) return kNothing;
    end = next;
  }
  return end;
}

// The end of the credentials behind a scheme that begins at `at`; `begin` is set to where they begin.
std::size_t credentials_end(std::string_view text, std::size_t at, std::size_t& begin) {
  constexpr std::size_t kShortest = 8;
  constexpr std::size_t kLongerThanWords = 24;
  for (const std::string_view scheme : {std::string_view("bearer"), std::string_view("basic")}) {
    if (!std::ranges::equal(text.substr(at, scheme.size()), scheme, {}, lower)) continue;
    const std::size_t behind = at + scheme.size();
    begin = run_end(text, behind, [](char c) { return c == ' '; });
    const std::size_t end = run_end(text, begin, in_credentials);
    const std::string_view value = text.substr(begin, end - begin);
    if (begin > behind && value.size() >= kShortest && (has_digit(value) || value.size() >= kLongerThanWords))
      return end;
  }
  return kNothing;
}

std::size_t private_key_end(std::string_view text, std::size_t at) {
  constexpr std::string_view kBegin = "-----BEGIN ", kEnd = "-----END ", kKey = "PRIVATE KEY-----";
  constexpr std::size_t kLongestKind = 32;  // "ENCRYPTED ", "RSA ", …
  if (!text.substr(at).starts_with(kBegin)) return kNothing;
  const std::size_t label = text.substr(at + kBegin.size(), kLongestKind + kKey.size()).find(kKey);
  if (label == std::string_view::npos) return kNothing;
  const std::size_t end = text.find(kEnd, at + kBegin.size());
  const std::size_t last = end == std::string_view::npos ? end : text.find(kKey, end);
  return last == std::string_view::npos ? text.size() : last + kKey.size();
}

}  // namespace

void find_tokens(std::string_view text, TextRanges& found) {
  if (text.size() < kShortestToken) return;
  std::size_t run = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (at >= run) run = run_end(text, at, in_key);
    std::size_t begin = at;
    std::size_t end = kNothing;
    if (text[at] == '-') {
      end = private_key_end(text, at);
    } else if (at == 0 || !in_word(text[at - 1])) {
      end = std::max(known_key_end(text, at, run), web_token_end(text, at, run));
      if (end == kNothing) end = credentials_end(text, at, begin);
    }
    if (end != kNothing) found.push_back({begin, end});
    at = std::max(end, at + 1);
  }
}

}  // namespace telegen
