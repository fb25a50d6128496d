#include "processing/span_rule.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "processing/span_fields.h"
#include "processing/value_text.h"

namespace telegen {
namespace {

constexpr std::array<std::pair<std::string_view, SpanKind>, 5> kKinds = {{{"internal", SpanKind::kInternal},
                                                                          {"server", SpanKind::kServer},
                                                                          {"client", SpanKind::kClient},
                                                                          {"producer", SpanKind::kProducer},
                                                                          {"consumer", SpanKind::kConsumer}}};
constexpr std::array<std::pair<std::string_view, SpanStatus>, 3> kStatuses = {
    {{"unset", SpanStatus::kUnset}, {"ok", SpanStatus::kOk}, {"error", SpanStatus::kError}}};

template <class Names>
auto find_name(const Names& names, std::string_view text) {
  const auto found = std::ranges::find(names, text, &Names::value_type::first);
  return found == names.end() ? std::nullopt : std::optional(found->second);
}

// An HTTP status code (RFC 9110, 15: three digits, the first of 1 to 5).
std::optional<std::int64_t> parse_code(std::string_view text) {
  std::int64_t code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  const bool all = error == std::errc() && end == text.data() + text.size() && text.size() == 3;
  return all && code >= 100 && code <= 599 ? std::optional(code) : std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

void compile_pattern(const std::string& text, const std::string& key, std::optional<TextPattern>& into,
                     KeyProblems& problems) {
  if (text.empty()) return;
  auto pattern = TextPattern::compile(text);
  if (pattern) {
    into = std::move(*pattern);
  } else {
    problems.push_back({key, pattern.error().message});
  }
}

}  // namespace

Result<StatusCondition> StatusCondition::parse(std::string_view text) {
  StatusCondition out;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    const std::string_view item = trimmed(text.substr(start, comma - start));
    start = comma + 1;
    if (const auto status = find_name(kStatuses, item)) {
      out.statuses_.push_back(*status);
      continue;
    }
    const std::size_t dash = item.find('-');
    const auto first = parse_code(trimmed(item.substr(0, dash)));
    const auto last = dash == std::string_view::npos ? first : parse_code(trimmed(item.substr(dash + 1)));
    if (!first || !last || *last < *first) {
      return fail("'" + std::string(item) +
                  "' is not unset, ok, error, an HTTP status code such as 404 or a range such as 500-599");
    }
    out.codes_.emplace_back(*first, *last);
  }
  return out;
}

bool StatusCondition::holds(const Span& span) const {
  if (std::ranges::find(statuses_, span.status) != statuses_.end()) return true;
  const auto code = codes_.empty() ? std::nullopt : http_status_of(span);
  return code && std::ranges::any_of(
                     codes_, [code](const auto& range) { return *code >= range.first && *code <= range.second; });
}

SpanRule SpanRule::compile(const RuleSettings& settings, const std::string& key, KeyProblems& problems) {
  SpanRule out;
  compile_pattern(settings.name, key + ".name", out.name_, problems);
  compile_pattern(settings.service, key + ".service", out.service_, problems);
  compile_pattern(settings.path, key + ".path", out.path_, problems);
  compile_pattern(settings.route, key + ".route", out.route_, problems);
  if (!settings.status.empty()) {
    auto status = StatusCondition::parse(settings.status);
    if (status) out.status_ = std::move(*status);
    if (!status) problems.push_back({key + ".status", status.error().message});
  }
  if (!settings.kind.empty()) {
    out.kind_ = find_name(kKinds, settings.kind);
    if (!out.kind_) {
      problems.push_back(
          {key + ".kind", "'" + settings.kind + "' is not internal, server, client, producer or consumer"});
    }
  }
  for (const auto& [attribute, text] : settings.attributes) {
    std::optional<TextPattern> pattern;
    compile_pattern(text.empty() ? "*" : text, std::string(key).append(".attributes.").append(attribute), pattern,
                    problems);
    if (pattern) out.attributes_.emplace_back(attribute, std::move(*pattern));
  }
  return out;
}

bool SpanRule::matches(const Span& span) const { return fields_match(span) && attributes_match(span); }

bool SpanRule::fields_match(const Span& span) const {
  if (kind_ && span.kind != *kind_) return false;
  if (status_ && !status_->holds(span)) return false;
  if (name_ && !name_->matches(span.name)) return false;
  if (service_ && !service_->matches(service_of(span))) return false;
  if (route_ && !route_->matches(find_text(span.attributes, "http.route"))) return false;
  return !path_ || path_->matches(path_of(span));
}

bool SpanRule::attributes_match(const Span& span) const {
  return std::ranges::all_of(attributes_, [&span](const auto& wanted) {
    const Value* value = find_value(span.attributes, wanted.first);
    if (value == nullptr && span.resource != nullptr) value = find_value(span.resource->attributes, wanted.first);
    if (value == nullptr) return false;
    if (const auto* text = std::get_if<std::string>(value)) return wanted.second.matches(*text);
    if (const auto* list = std::get_if<std::vector<std::string>>(value)) {
      return std::ranges::any_of(*list, [&](const std::string& one) { return wanted.second.matches(one); });
    }
    return wanted.second.matches(value_text(*value));
  });
}

}  // namespace telegen
