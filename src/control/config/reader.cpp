#include "control/config/reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "control/config/bounds.h"
#include "control/config/schema.h"

namespace telegen::config {
namespace {

using Kind = Node::Kind;

constexpr std::size_t kHelpful = 200;  // problems after which suggestions are no help any more, only work

std::string_view kind_text(Kind kind) {
  switch (kind) {
    case Kind::kNull: return "nothing";
    case Kind::kScalar: return "a single value";
    case Kind::kSequence: return "a list";
    case Kind::kMapping: return "a mapping";
  }
  return {};
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!trimmed(text).empty()) {
    const std::size_t comma = text.find(',');
    if (const auto part = trimmed(text.substr(0, comma)); !part.empty()) parts.emplace_back(part);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return parts;
}

class Reader final : public SettingsVisitor {
 public:
  Reader(const Source& source, const Body& declaration, std::vector<Problem>& problems, Positions& positions)
      : source_(source), declaration_(declaration), problems_(problems), positions_(positions) {}

  void visit_root(const Node& root) {
    if (root.kind == Kind::kNull) return;
    if (root.kind == Kind::kMapping) return visit_mapping(root, "", declaration_);
    complain(root.line, "", "a configuration is a mapping of sections, this is " + std::string(kind_text(root.kind)));
  }

  void section(std::string_view key, std::string_view, const Body& body) override {
    const Entry* entry = take(key);
    if (entry == nullptr || entry->value.kind == Kind::kNull) return;
    if (entry->value.kind == Kind::kMapping) return visit_mapping(entry->value, path_of(key), body);
    complain(*entry, "is a section with keys of its own, not " + std::string(kind_text(entry->value.kind)));
  }

  void list(std::string_view key, std::string_view, const List& list) override {
    const Entry* entry = take(key);
    if (entry == nullptr || entry->value.kind == Kind::kNull) return;
    const Node& value = entry->value;
    if (value.kind != Kind::kSequence) {
      return complain(*entry, "is a list of mappings, not " + std::string(kind_text(value.kind)) +
                                  "; start each entry with \"- \"");
    }
    list.resize(value.children.size());
    const std::string path = path_of(key);
    for (std::size_t i = 0; i < value.children.size(); ++i) {
      const Node& child = value.children[i];
      const std::string child_path = path + "[" + std::to_string(i) + "]";
      if (child.kind == Kind::kMapping) {
        visit_mapping(child, child_path, [&](SettingsVisitor& visitor) { list.entry(i, visitor); });
      } else {
        complain(child.line, child_path, "is a mapping of keys, not " + std::string(kind_text(child.kind)));
      }
    }
  }

  void field(std::string_view key, bool& value, std::string_view) override {
    read(key, {}, [&](const std::string& text) { return store(parse_boolean(text), value); });
  }
  void field(std::string_view key, std::int64_t& value, std::string_view, const FieldRules& rules) override {
    read(key, rules, [&](const std::string& text) {
      const auto parsed = parse_integer(text);
      return store(bounded(parsed, parsed ? static_cast<double>(*parsed) : 0, rules, print_integer_bound, text), value);
    });
  }
  void field(std::string_view key, double& value, std::string_view, const FieldRules& rules) override {
    read(key, rules, [&](const std::string& text) {
      const auto parsed = parse_number(text);
      return store(bounded(parsed, parsed.value_or(0), rules, print_number_bound, text), value);
    });
  }
  void field(std::string_view key, std::string& value, std::string_view, const FieldRules& rules) override {
    read(key, rules, [&](const std::string& text) { return store(chosen(text, rules), value); });
  }
  void field(std::string_view key, ByteSize& value, std::string_view, const FieldRules& rules) override {
    read(key, rules, [&](const std::string& text) {
      const auto parsed = parse_size(text);
      return store(bounded(parsed, parsed ? static_cast<double>(parsed->bytes) : 0, rules, print_size_bound, text),
                   value);
    });
  }
  void field(std::string_view key, Duration& value, std::string_view, const FieldRules& rules) override {
    read(key, rules, [&](const std::string& text) {
      const auto parsed = parse_duration(text);
      const double seconds = parsed ? static_cast<double>(parsed->count()) * 1e-9 : 0;
      return store(bounded(parsed, seconds, rules, print_duration_bound, text), value);
    });
  }

  void field(std::string_view key, std::vector<std::string>& value, std::string_view,
             const FieldRules& rules) override {
    const Entry* entry = take(key);
    if (entry == nullptr || entry->value.kind == Kind::kNull) return;
    std::vector<Node> items = entry->value.children;
    if (entry->value.from_text) {
      for (std::string& part : split_at_commas(entry->value.text)) {
        items.push_back({.kind = Kind::kScalar, .text = std::move(part)});
      }
    } else if (entry->value.kind != Kind::kSequence) {
      return complain(*entry, "is a list, not " + std::string(kind_text(entry->value.kind)) + "; write [a, b]");
    }
    std::vector<std::string> read_items;
    bool good = true;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string path = path_of(key) + "[" + std::to_string(i) + "]";
      const auto text = text_of(items[i], path, rules);
      const auto item = text ? chosen(*text, rules) : Parsed<std::string>(std::string());
      if (!item) complain(items[i].line, path, item.error());
      good = good && text && item;
      if (good) read_items.push_back(*item);
    }
    if (good) value = std::move(read_items);
  }

  void field(std::string_view key, std::map<std::string, std::string>& value, std::string_view,
             const FieldRules& rules) override {
    const Entry* entry = take(key);
    if (entry == nullptr || entry->value.kind == Kind::kNull) return;
    if (entry->value.from_text) return read_pairs(*entry, value);
    if (entry->value.kind != Kind::kMapping) {
      return complain(*entry,
                      "is a mapping, not " + std::string(kind_text(entry->value.kind)) + "; write {name: value}");
    }
    std::map<std::string, std::string> pairs;
    bool good = true;
    for (const Entry& pair : entry->value.entries) {
      auto text = text_of(pair.value, path_of(key) + "." + pair.key, rules, pair.line);
      good = good && text;
      if (text) pairs.insert_or_assign(pair.key, *std::move(text));
    }
    if (good) value = std::move(pairs);
  }

 private:
  struct Scope {
    const Node* node;
    std::string path;
    std::vector<bool> used;
    std::vector<std::string_view> known;
  };

  void visit_mapping(const Node& node, const std::string& path, const Body& body) {
    scopes_.push_back({&node, path, std::vector<bool>(node.entries.size()), {}});
    body(*this);
    const Scope scope = std::move(scopes_.back());
    scopes_.pop_back();
    for (std::size_t i = 0; i < node.entries.size(); ++i) {
      if (!scope.used[i]) complain_unknown(scope, node.entries[i]);
    }
  }

  void complain_unknown(const Scope& scope, const Entry& entry) {
    const std::string path = scope.path.empty() ? entry.key : scope.path + "." + entry.key;
    if (problems_.size() > kHelpful) return complain(entry.line, path, "unknown key");
    if (entry.key == "<<") return complain(entry.line, path, "merge keys are not supported; write the keys out");
    if (const std::string_view near = nearest(entry.key, scope.known); !near.empty()) {
      return complain(entry.line, path, "unknown key; nearest valid key '" + std::string(near) + "'");
    }
    for (const Key& key : keys()) {  // the right key in the wrong place
      if (!key.in_list && key.path.ends_with("." + entry.key)) {
        return complain(entry.line, path, "unknown key; nearest valid key '" + key.path + "'");
      }
    }
    std::string all;
    for (const std::string_view key : scope.known) all += (all.empty() ? "" : ", ") + std::string(key);
    complain(entry.line, path, "unknown key; valid keys here: " + all);
  }

  const std::vector<Key>& keys() {
    if (keys_.empty()) keys_ = keys_of(declaration_);
    return keys_;
  }

  const Entry* take(std::string_view key) {
    Scope& scope = scopes_.back();
    scope.known.push_back(key);
    for (std::size_t i = 0; i < scope.node->entries.size(); ++i) {
      const Entry& entry = scope.node->entries[i];
      if (entry.key != key) continue;
      scope.used[i] = true;
      positions_.insert_or_assign(path_of(key), Position{source_.name, entry.line});
      return &entry;
    }
    return nullptr;
  }

  template <class Read>
  void read(std::string_view key, const FieldRules& rules, const Read& read_text) {
    const Entry* entry = take(key);
    if (entry == nullptr) return;
    const auto text = text_of(entry->value, path_of(key), rules, entry->line);
    if (!text) return;
    if (const std::string wrong = read_text(*text); !wrong.empty()) complain(*entry, wrong);
  }

  // The text of a single value with references expanded; nothing where that failed (and was said).
  std::optional<std::string> text_of(const Node& node, const std::string& path, const FieldRules& rules, int line = 0) {
    if (line == 0) line = node.line;
    if (node.kind == Kind::kNull) {
      complain(line, path, "has no value; write \"\" for an empty text, or take the key out");
      return std::nullopt;
    }
    if (node.kind != Kind::kScalar) {
      complain(line, path, "is a single value, not " + std::string(kind_text(node.kind)));
      return std::nullopt;
    }
    auto text = source_.references == nullptr ? Parsed<std::string>(node.text) : expand(node.text, *source_.references);
    if (text && !is_utf8(*text)) text = std::unexpected("is not valid UTF-8 text");
    if (text) return *std::move(text);
    complain(line, path,
             rules.secret && node.text.find("${") == std::string::npos ? "is no valid value" : text.error());
    return std::nullopt;
  }

  void read_pairs(const Entry& entry, std::map<std::string, std::string>& value) {
    std::map<std::string, std::string> pairs;
    for (const std::string& part : split_at_commas(entry.value.text)) {
      const std::size_t equals = part.find('=');
      if (equals == std::string::npos || equals == 0) return complain(entry, "is a list of name=value,name=value");
      if (!is_utf8(part)) return complain(entry, "is not valid UTF-8 text");
      pairs.insert_or_assign(std::string(trimmed(std::string_view(part).substr(0, equals))),
                             std::string(trimmed(std::string_view(part).substr(equals + 1))));
    }
    value = std::move(pairs);
  }

  template <class T>
  static std::string store(Parsed<T> parsed, T& value) {
    if (!parsed) return std::move(parsed.error());
    value = *std::move(parsed);
    return {};
  }

  template <class T>
  static Parsed<T> bounded(Parsed<T> parsed, double figure, const FieldRules& rules, std::string (*print)(double),
                           const std::string& text) {
    if (!parsed || rules.min == rules.max || (figure >= rules.min && figure <= rules.max)) return parsed;
    const std::string bounds = bounds_text(rules.min, rules.max, print);
    return std::unexpected("must be " + bounds + ", not " + quoted(text));
  }

  static Parsed<std::string> chosen(const std::string& text, const FieldRules& rules) {
    if (rules.choices.empty() || std::ranges::find(rules.choices, text) != rules.choices.end()) return text;
    if (rules.secret) return std::unexpected("is none of its possible values");
    std::string message = quoted(text) + " is not possible; ";
    if (const std::string_view near = nearest(text, rules.choices); !near.empty()) {
      message += "nearest valid value '" + std::string(near) + "', ";
    }
    message += "choose ";
    for (std::size_t i = 0; i < rules.choices.size(); ++i) {
      message += (i == 0 ? "" : i + 1 == rules.choices.size() ? " or " : ", ") + std::string(rules.choices[i]);
    }
    return std::unexpected(std::move(message));
  }

  std::string path_of(std::string_view key) const {
    const std::string& outer = scopes_.back().path;
    return outer.empty() ? std::string(key) : outer + "." + std::string(key);
  }

  void complain(int line, std::string path, std::string what) {
    problems_.push_back({source_.name, line, std::move(path), std::move(what)});
  }
  void complain(const Entry& entry, std::string what) { complain(entry.line, path_of(entry.key), std::move(what)); }

  const Source& source_;
  const Body& declaration_;
  std::vector<Problem>& problems_;
  Positions& positions_;
  std::vector<Scope> scopes_;
  std::vector<Key> keys_;
};

}  // namespace

void apply(const Node& root, const Source& source, const SettingsVisitor::Body& declaration,
           std::vector<Problem>& problems, Positions& positions) {
  Reader reader(source, declaration, problems, positions);
  reader.visit_root(root);
}

}  // namespace telegen::config
