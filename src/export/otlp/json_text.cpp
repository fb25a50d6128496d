#include "export/otlp/json_text.h"

#include <cmath>
#include <variant>

#include "export/otlp/utf8.h"

namespace telegen::otlp {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void escape(std::string& out, unsigned char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  out += "\\u00";
  out += kHex[c >> 4];
  out += kHex[c & 15];
}

struct ValueWriter {
  std::string& out;
  void operator()(bool v) const { out += v ? R"({"boolValue":true})" : R"({"boolValue":false})"; }
  void operator()(std::int64_t v) const {
    out += R"({"intValue":)";
    json_quoted(out, v);
    out += '}';
  }
  void operator()(double v) const {
    out += R"({"doubleValue":)";
    json_real(out, v);
    out += '}';
  }
  void operator()(const std::string& v) const {
    out += R"({"stringValue":)";
    json_text(out, v);
    out += '}';
  }
  void operator()(const std::vector<std::string>& v) const {
    out += R"({"arrayValue":{"values":)";
    json_array(out, v, *this);
    out += "}}";
  }
};

}  // namespace

void json_text(std::string& out, std::string_view value) {
  out += '"';
  std::size_t plain = 0;  // where the run that needs no change began
  std::size_t i = 0;
  const auto flush = [&] { out.append(value.substr(plain, i - plain)); };
  while (i < value.size()) {
    const auto c = static_cast<unsigned char>(value[i]);
    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    if (c < 0x80) {
      flush();
      escape(out, c);
      plain = ++i;
      continue;
    }
    std::size_t skip = 0;
    const std::size_t length = utf8_sequence(value.substr(i), skip);
    if (length != 0) {
      i += length;
      continue;
    }
    flush();
    out += "\xef\xbf\xbd";
    plain = i += skip;
  }
  flush();
  out += '"';
}

void json_hex(std::string& out, std::span<const std::uint8_t> bytes) {
  out += '"';
  for (const std::uint8_t byte : bytes) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  out += '"';
}

void json_real(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    json_number(out, value);
  }
}

void json_value(std::string& out, const Value& value) { std::visit(ValueWriter{out}, value); }

void json_scope(std::string& out, const Scope& scope) {
  JsonObject object(out);
  object.text("name", scope.name);
  object.text("version", scope.version);
  object.end();
}

}  // namespace telegen::otlp
