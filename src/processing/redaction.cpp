#include "processing/redaction.h"

#include <algorithm>
namespace telegen {
namespace {

constexpr std::size_t kShortestSecret = 5;  // "sig=x"

// `found` in order and without overlaps.
std::string replaced(std::string_view text, const TextRanges& found, std::string_view replacement) {
  std::string out;
  out.reserve(text.size() + found.size() * replacement.size());
  std::size_t at = 0;
  for (const TextRange& range : found) {
    out.append(text.substr(at, range.begin - at)).append(replacement);
    at = range.end;
  }
  return out.append(text.substr(at));
}

void merge_overlaps(TextRanges& found) {
  std::ranges::sort(found, {}, &TextRange::begin);
  std::size_t last = 0;
  for (std::size_t i = 1; i < found.size(); ++i) {
    if (found[i].begin < found[last].end) {
      found[last].end = std::max(found[last].end, found[i].end);
    } else {
      found[++last] = found[i];
    }
  }
  found.resize(last + 1);
}

}  // namespace

Redactor Redactor::compile(const RedactionSettings& settings, KeyProblems& problems) {
  Redactor out;
  out.credit_cards_ = settings.credit_cards;
  out.tokens_ = settings.tokens;
  out.emails_ = settings.emails;
  out.replacement_ = settings.replacement;
  for (std::size_t i = 0; i < settings.patterns.size(); ++i) {
    auto regex = compile_regex(settings.patterns[i]);
    if (regex) out.patterns_.push_back(std::move(*regex));
    if (!regex) problems.push_back({"pipeline.redaction.patterns[" + std::to_string(i) + "]", regex.error().message});
  }
  return out;
}

TextRanges Redactor::find(std::string_view text, const Suspicion& suspicion) const {
  TextRanges found;
  if (credit_cards_) find_cards(text, found);
  if (tokens_ && suspicion.assignment) find_secret_parameters(text, replacement_, found);
  if (tokens_ && suspicion.token) find_tokens(text, found);
  if (emails_ && suspicion.email) find_emails(text, found);
  for (const Regex& pattern : patterns_) find_all(pattern, text, found);
  return found;
}

bool Redactor::redact(std::string& text) const {
  if (text.size() < kShortestSecret && patterns_.empty()) return false;
  const Suspicion suspicion = tokens_ || emails_ ? suspect(text) : Suspicion{};
  const bool worth_it = (tokens_ && (suspicion.assignment || suspicion.token)) || (emails_ && suspicion.email) ||
                        (credit_cards_ && may_hold_card(text)) || !patterns_.empty();
  if (!worth_it) return false;
  TextRanges found = find(text, suspicion);
  if (found.empty()) return false;
  merge_overlaps(found);
  text = replaced(text, found, replacement_);
  return true;
}

}  // namespace telegen
