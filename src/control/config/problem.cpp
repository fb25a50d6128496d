#include "control/config/problem.h"

#include <algorithm>
#include <array>

namespace telegen::config {
namespace {

constexpr std::size_t kLongestCompared = 64;

std::size_t edit_distance(std::string_view a, std::string_view b) {
  using Row = std::array<std::size_t, kLongestCompared + 1>;
  Row before{}, last{}, row{};
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitution = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.size()];
}

}  // namespace

std::string to_text(const Problem& problem) {
  std::string text = problem.source;
  if (problem.line > 0) text += ":" + std::to_string(problem.line);
  if (!text.empty()) text += ": ";
  if (!problem.path.empty()) text += problem.path + ": ";
  text += problem.what;
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text;  // a key of a hostile file must not reach a terminal as a command
}

Error to_error(const std::vector<Problem>& problems) {
  constexpr std::size_t kShown = 100;
  Error error{.kind = ErrorKind::kConfiguration};
  for (std::size_t i = 0; i < std::min(problems.size(), kShown); ++i) {
    if (i > 0) error.message += '\n';
    error.message += to_text(problems[i]);
  }
  if (problems.size() > kShown) error.message += "\nand " + std::to_string(problems.size() - kShown) + " more";
  return error;
}

std::string_view nearest(std::string_view text, const std::vector<std::string_view>& candidates) {
  if (text.empty() || text.size() > kLongestCompared) return {};
  std::size_t best = std::clamp<std::size_t>(text.size() / 3, 1, 3) + 1;
  std::string_view found;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kLongestCompared) continue;
    const std::size_t distance = edit_distance(text, candidate);
    if (distance >= best) continue;
    best = distance;
    found = candidate;
  }
  return found;
}

}  // namespace telegen::config
