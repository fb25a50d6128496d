#include "control/config/schema.h"

#include <utility>

#include "control/config/bounds.h"
#include "control/config/scalar.h"

namespace telegen::config {
namespace {

class SchemaVisitor final : public SettingsVisitor {
 public:
  std::vector<Key> take() { return std::move(keys_); }

  void section(std::string_view key, std::string_view doc, const Body& body) override {
    add(key, KeyType::kSection, doc, "");
    within(std::string(key), [&] { body(*this); });
  }
  void list(std::string_view key, std::string_view doc, const List& list) override {
    add(key, KeyType::kList, doc, "[]");
    const std::size_t before = list.size();
    if (before == 0) list.resize(1);
    const bool outer = std::exchange(in_list_, true);
    within(std::string(key) + "[]", [&] { list.entry(0, *this); });
    in_list_ = outer;
    if (before == 0) list.resize(0);
  }
  void field(std::string_view key, bool& value, std::string_view doc) override {
    add(key, KeyType::kBoolean, doc, value ? "true" : "false");
  }
  void field(std::string_view key, std::int64_t& value, std::string_view doc, const FieldRules& rules) override {
    add(key, KeyType::kInteger, doc, std::to_string(value), rules);
  }
  void field(std::string_view key, double& value, std::string_view doc, const FieldRules& rules) override {
    add(key, KeyType::kNumber, doc, to_text(value), rules);
  }
  void field(std::string_view key, std::string& value, std::string_view doc, const FieldRules& rules) override {
    add(key, KeyType::kText, doc, value.empty() ? "\"\"" : value, rules);
  }
  void field(std::string_view key, ByteSize& value, std::string_view doc, const FieldRules& rules) override {
    add(key, KeyType::kSize, doc, to_text(value), rules);
  }
  void field(std::string_view key, Duration& value, std::string_view doc, const FieldRules& rules) override {
    add(key, KeyType::kDuration, doc, to_text(value), rules);
  }
  void field(std::string_view key, std::vector<std::string>& value, std::string_view doc,
             const FieldRules& rules) override {
    std::string text;
    for (const std::string& item : value) text += (text.empty() ? "" : ", ") + item;
    add(key, KeyType::kTexts, doc, "[" + text + "]", rules);
  }
  void field(std::string_view key, std::map<std::string, std::string>& value, std::string_view doc,
             const FieldRules& rules) override {
    std::string text;
    for (const auto& [name, item] : value) text += (text.empty() ? "" : ", ") + name + ": " + item;
    add(key, KeyType::kMap, doc, "{" + text + "}", rules);
  }

 private:
  void add(std::string_view key, KeyType type, std::string_view doc, std::string default_text,
           const FieldRules& rules = {}) {
    keys_.push_back({.path = prefix_ + std::string(key),
                     .type = type,
                     .doc = std::string(doc),
                     .default_text = std::move(default_text),
                     .choices = {rules.choices.begin(), rules.choices.end()},
                     .min = rules.min,
                     .max = rules.max,
                     .secret = rules.secret,
                     .in_list = in_list_});
  }

  template <class F>
  void within(const std::string& segment, const F& visit) {
    const std::string outer = prefix_;
    prefix_ += segment + ".";
    visit();
    prefix_ = outer;
  }

  std::vector<Key> keys_;
  std::string prefix_;
  bool in_list_ = false;
};

std::string bounded(std::string name, const Key& key, std::string (*print)(double)) {
  return key.min == key.max ? name : name + ", " + bounds_text(key.min, key.max, print);
}

std::string choices_text(const Key& key) {
  std::string text;
  for (std::size_t i = 0; i < key.choices.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == key.choices.size() ? " or " : ", ") + ("`" + key.choices[i] + "`");
  }
  return text;
}

}  // namespace

std::vector<Key> keys_of(const SettingsVisitor::Body& declaration) {
  SchemaVisitor visitor;
  declaration(visitor);
  return visitor.take();
}

std::vector<Key> all_keys() {
  Settings defaults;
  return keys_of([&](SettingsVisitor& visitor) { describe(visitor, defaults); });
}

std::string type_text(const Key& key) {
  switch (key.type) {
    case KeyType::kSection: return "section";
    case KeyType::kList: return "list of mappings";
    case KeyType::kBoolean: return "boolean";
    case KeyType::kInteger: return bounded("whole number", key, print_integer_bound);
    case KeyType::kNumber: return bounded("number", key, print_number_bound);
    case KeyType::kText: return key.choices.empty() ? "text" : choices_text(key);
    case KeyType::kSize: return bounded("size", key, print_size_bound);
    case KeyType::kDuration: return bounded("time", key, print_duration_bound);
    case KeyType::kTexts: return key.choices.empty() ? "list of texts" : "list of " + choices_text(key);
    case KeyType::kMap: return "mapping of texts";
  }
  return {};
}

}  // namespace telegen::config
