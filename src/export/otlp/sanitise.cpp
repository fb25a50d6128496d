#include "export/otlp/sanitise.h"

#include <algorithm>

#include "export/otlp/utf8.h"

namespace telegen::otlp {
namespace {

bool is_valid(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return valid_utf8(*text);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    return std::ranges::all_of(*list, [](const std::string& s) { return valid_utf8(s); });
  }
  return true;
}

bool all_valid(const Attributes& attributes) {
  return std::ranges::all_of(attributes, [](const Attribute& a) { return is_valid(a.value); });
}
bool all_valid(const OwnedAttributes& attributes) {
  return std::ranges::all_of(attributes,
                             [](const OwnedAttribute& a) { return valid_utf8(a.key) && is_valid(a.value); });
}

void clean(std::string& text) {
  if (!valid_utf8(text)) text = to_valid_utf8(text);
}

void clean(Value& value) {
  if (auto* text = std::get_if<std::string>(&value)) clean(*text);
  if (auto* list = std::get_if<std::vector<std::string>>(&value)) {
    for (std::string& text : *list) clean(text);
  }
}

void clean(Attributes& attributes) {
  for (Attribute& attribute : attributes) clean(attribute.value);
}

void clean(OwnedAttributes& attributes) {
  for (OwnedAttribute& attribute : attributes) {
    clean(attribute.key);
    clean(attribute.value);
  }
}

}  // namespace

bool has_valid_text(const Span& span) {
  return valid_utf8(span.name) && valid_utf8(span.trace_state) && valid_utf8(span.status_message) &&
         all_valid(span.attributes) && std::ranges::all_of(span.events, [](const SpanEvent& event) {
           return valid_utf8(event.name) && all_valid(event.attributes);
         });
}

bool has_valid_text(const Value& value) { return is_valid(value); }

bool has_valid_text(const Resource& resource) { return all_valid(resource.attributes); }

bool has_valid_text(const Metric& metric) {
  if (!valid_utf8(metric.name) || !valid_utf8(metric.description) || !valid_utf8(metric.unit)) return false;
  return std::visit(
      [](const auto& data) {
        return std::ranges::all_of(data.points, [](const Point& point) {
          return std::ranges::all_of(point.exemplars,
                                     [](const Exemplar& e) { return all_valid(e.filtered_attributes); });
        });
      },
      metric.data);
}

bool has_valid_text(const LogRecord& record) {
  return valid_utf8(record.severity_text) && valid_utf8(record.event_name) &&
         (!record.body || is_valid(*record.body)) && all_valid(record.attributes);
}

Span sanitised(const Span& span) {
  Span out = span;
  clean(out.name);
  clean(out.trace_state);
  clean(out.status_message);
  clean(out.attributes);
  for (SpanEvent& event : out.events) {
    clean(event.name);
    clean(event.attributes);
  }
  return out;
}

Value sanitised(const Value& value) {
  Value out = value;
  clean(out);
  return out;
}

Resource sanitised(const Resource& resource) {
  Resource out = resource;
  clean(out.attributes);
  return out;
}

Metric sanitised(const Metric& metric) {
  Metric out = metric;
  clean(out.name);
  clean(out.description);
  clean(out.unit);
  std::visit(
      [](auto& data) {
        for (Point& point : data.points) {
          for (Exemplar& exemplar : point.exemplars) clean(exemplar.filtered_attributes);
        }
      },
      out.data);
  return out;
}

LogRecord sanitised(const LogRecord& record) {
  LogRecord out = record;
  clean(out.severity_text);
  clean(out.event_name);
  if (out.body) clean(*out.body);
  clean(out.attributes);
  return out;
}

}  // namespace telegen::otlp
