#include "control/config/printer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/config/environment.h"
#include "control/config/scalar.h"

namespace telegen {
namespace {

using config::to_text;

constexpr std::string_view kMask = "****";

// "https://user:password@host/" → "https://****@host/".
std::string without_credentials(std::string text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string::npos) return text;
  const std::size_t begin = scheme + 3;
  const std::size_t end = text.find_first_of("/?#", begin);
  const std::size_t at = text.substr(0, end).rfind('@');
  if (at == std::string::npos || at < begin) return text;
  return text.replace(begin, at - begin, kMask);
}

std::string shown(const std::string& text, bool secret, Secrets secrets) {
  if (secrets == Secrets::kReveal) return text;
  if (secret) return text.empty() ? text : std::string(kMask);
  return without_credentials(text);
}

// Plain where nobody could read it as anything but this text, else in double quotes (YAML 1.2.2, 5.7 and 7.3.1).
std::string yaml_scalar(const std::string& text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/' ||
           c == '.' || c == '-';
  };
  const bool starts_plain = !text.empty() && (plain(text[0]) && text[0] != '-' && text[0] != '.');
  const bool is_word = text == "null" || text == "Null" || text == "NULL" || text == "true" || text == "false";
  if (starts_plain && !is_word && std::ranges::all_of(text, plain)) return text;
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::string_view rest = std::string_view(text).substr(i);
    if (byte == '"' || byte == '\\') {
      out += {'\\', text[i]};
    } else if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else if (byte == 0xc2 && static_cast<unsigned char>(rest[1]) < 0xa0) {  // C1 control codes
      out +=
          {'\\', 'x', kHex[static_cast<unsigned char>(rest[1]) >> 4], kHex[static_cast<unsigned char>(rest[1]) & 15]};
      ++i;
    } else if (rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9") ||
               rest.starts_with("\xef\xbb\xbf")) {
      out += rest[0] == '\xef' ? "\\ufeff" : rest[2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out += '"';
}

class YamlPrinter final : public SettingsVisitor {
 public:
  explicit YamlPrinter(Secrets secrets, std::size_t depth = 0) : secrets_(secrets), depth_(depth) {}
  std::string take() { return std::move(out_); }

  void section(std::string_view key, std::string_view, const Body& body) override {
    line(key, "");
    ++depth_;
    body(*this);
    --depth_;
  }
  void list(std::string_view key, std::string_view, const List& list) override {
    if (list.size() == 0) return line(key, "[]");
    line(key, "");
    for (std::size_t i = 0; i < list.size(); ++i) {
      YamlPrinter entry(secrets_, depth_ + 2);
      list.entry(i, entry);
      std::string text = entry.take();
      if (text.empty()) text = std::string(2 * depth_ + 4, ' ') + "{}\n";
      text[2 * depth_ + 2] = '-';
      out_ += text;
    }
  }
  void field(std::string_view key, bool& value, std::string_view) override { line(key, value ? "true" : "false"); }
  void field(std::string_view key, std::int64_t& value, std::string_view, const FieldRules&) override {
    line(key, std::to_string(value));
  }
  void field(std::string_view key, double& value, std::string_view, const FieldRules&) override {
    line(key, to_text(value));
  }
  void field(std::string_view key, std::string& value, std::string_view, const FieldRules& rules) override {
    line(key, scalar(value, rules));
  }
  void field(std::string_view key, ByteSize& value, std::string_view, const FieldRules&) override {
    line(key, to_text(value));
  }
  void field(std::string_view key, Duration& value, std::string_view, const FieldRules&) override {
    line(key, to_text(value));
  }
  void field(std::string_view key, std::vector<std::string>& value, std::string_view,
             const FieldRules& rules) override {
    std::string items;
    for (const std::string& item : value) items += (items.empty() ? "" : ", ") + scalar(item, rules);
    line(key, "[" + items + "]");
  }
  void field(std::string_view key, std::map<std::string, std::string>& value, std::string_view,
             const FieldRules& rules) override {
    if (value.empty()) return line(key, "{}");
    line(key, "");
    ++depth_;
    for (const auto& [name, item] : value) line(yaml_scalar(name), scalar(item, rules));
    --depth_;
  }

 private:
  void line(std::string_view key, std::string_view value) {
    out_.append(2 * depth_, ' ').append(key).append(value.empty() ? ":" : ": ").append(value).append("\n");
  }
  std::string scalar(const std::string& text, const FieldRules& rules) const {
    const std::string visible = shown(text, rules.secret, secrets_);
    return yaml_scalar(secrets_ == Secrets::kReveal || !rules.secret ? config::escape_references(visible) : visible);
  }

  Secrets secrets_;
  std::size_t depth_;
  std::string out_;
};

class JsonPrinter final : public SettingsVisitor {
 public:
  nlohmann::ordered_json take() { return std::move(object_); }

  void section(std::string_view key, std::string_view, const Body& body) override {
    JsonPrinter inner;
    body(inner);
    put(key, inner.take());
  }
  void list(std::string_view key, std::string_view, const List& list) override {
    auto items = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < list.size(); ++i) {
      JsonPrinter inner;
      list.entry(i, inner);
      items.push_back(inner.take());
    }
    put(key, std::move(items));
  }
  void field(std::string_view key, bool& value, std::string_view) override { put(key, value); }
  void field(std::string_view key, std::int64_t& value, std::string_view, const FieldRules&) override {
    put(key, value);
  }
  void field(std::string_view key, double& value, std::string_view, const FieldRules&) override { put(key, value); }
  void field(std::string_view key, std::string& value, std::string_view, const FieldRules& rules) override {
    put(key, shown(value, rules.secret, Secrets::kMask));
  }
  void field(std::string_view key, ByteSize& value, std::string_view, const FieldRules&) override {
    put(key, to_text(value));
  }
  void field(std::string_view key, Duration& value, std::string_view, const FieldRules&) override {
    put(key, to_text(value));
  }
  void field(std::string_view key, std::vector<std::string>& value, std::string_view,
             const FieldRules& rules) override {
    auto items = nlohmann::ordered_json::array();
    for (const std::string& item : value) items.push_back(shown(item, rules.secret, Secrets::kMask));
    put(key, std::move(items));
  }
  void field(std::string_view key, std::map<std::string, std::string>& value, std::string_view,
             const FieldRules& rules) override {
    auto pairs = nlohmann::ordered_json::object();
    for (const auto& [name, item] : value) pairs[name] = shown(item, rules.secret, Secrets::kMask);
    put(key, std::move(pairs));
  }

 private:
  void put(std::string_view key, nlohmann::ordered_json value) { object_[std::string(key)] = std::move(value); }
  nlohmann::ordered_json object_ = nlohmann::ordered_json::object();
};

}  // namespace

namespace config {

std::string to_yaml(const SettingsVisitor::Body& declaration, Secrets secrets) {
  YamlPrinter printer(secrets);
  declaration(printer);
  return printer.take();
}

std::string to_json(const SettingsVisitor::Body& declaration) {
  JsonPrinter printer;
  declaration(printer);
  return printer.take().dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace config

std::string to_yaml(Settings settings, Secrets secrets) {
  return config::to_yaml([&](SettingsVisitor& visitor) { describe(visitor, settings); }, secrets);
}

std::string to_json(Settings settings) {
  return config::to_json([&](SettingsVisitor& visitor) { describe(visitor, settings); });
}

}  // namespace telegen
