#include "control/config/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <unordered_map>

#include "control/config/scalar.h"

namespace telegen::config {
namespace {

// Ends the reading of a document that cannot be afforded. Thrown and caught within this file only.
struct GiveUp {
  int line;
  std::string what;
};

int line_of(const YAML::Mark& mark) { return mark.is_null() ? 0 : mark.line + 1; }

std::size_t count_nodes(const Node& node) {
  std::size_t n = 1;
  for (const Node& child : node.children) n += count_nodes(child);
  for (const Entry& entry : node.entries) n += 1 + count_nodes(entry.value);
  return n;
}

std::size_t depth_of(const Node& node) {
  std::size_t deepest = 0;
  for (const Node& child : node.children) deepest = std::max(deepest, depth_of(child));
  for (const Entry& entry : node.entries) deepest = std::max(deepest, depth_of(entry.value));
  return deepest + 1;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view source, std::vector<Problem>& problems, const DocumentLimits& limits)
      : source_(source), problems_(problems), limits_(limits) {}

  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw GiveUp{line_of(mark), "a second document starts here; a configuration is one document"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(Node{.kind = Node::Kind::kNull, .line = line_of(mark)}, anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    add(Node{.kind = Node::Kind::kScalar, .line = line_of(mark), .text = value}, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw GiveUp{line_of(mark), "an alias (*) stands within the value that it refers to"};
    spend(found->second.nodes, line_of(mark));
    check_depth(found->second.depth, line_of(mark));
    attach(Node(found->second.node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::kSequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::kMapping);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor = 0;
    std::optional<Entry> entry;                 // mappings: the key whose value comes next
    bool drop_value = false;                    // …and whether that key was refused
    std::unordered_map<std::string, int> seen;  // key → its line
  };
  struct Anchored {
    Node node;
    std::size_t nodes;
    std::size_t depth;
  };

  void spend(std::size_t nodes, int line) {
    if (nodes > limits_.nodes - spent_) {
      throw GiveUp{line,
                   "more than " + std::to_string(limits_.nodes) + " values (aliases count for what they stand for)"};
    }
    spent_ += nodes;
  }

  void check_depth(std::size_t more, int line) const {
    if (stack_.size() + more > limits_.depth) {
      throw GiveUp{line, "nested deeper than " + std::to_string(limits_.depth) + " levels"};
    }
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:")) return;
    problems_.push_back({source_, line_of(mark), path(), "tags ('" + tag + "') are not supported"});
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
    refuse_tag(mark, tag);
    check_depth(1, line_of(mark));
    spend(1, line_of(mark));
    stack_.push_back({.node = {.kind = kind, .line = line_of(mark)}, .anchor = anchor});
  }

  void close() {
    Open done = std::move(stack_.back());
    stack_.pop_back();
    remember(done.node, done.anchor);
    attach(std::move(done.node));
  }

  void add(Node node, YAML::anchor_t anchor) {
    spend(1, node.line);
    remember(node, anchor);
    attach(std::move(node));
  }

  void remember(const Node& node, YAML::anchor_t anchor) {
    if (anchor == 0) return;
    const std::size_t nodes = count_nodes(node);
    spend(nodes, node.line);
    anchors_.insert_or_assign(anchor, Anchored{node, nodes, depth_of(node)});
  }

  void attach(Node node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = stack_.back();
    if (parent.node.kind == Node::Kind::kSequence) {
      parent.node.children.push_back(std::move(node));
    } else if (parent.entry) {
      parent.entry->value = std::move(node);
      if (!parent.drop_value) parent.node.entries.push_back(*std::move(parent.entry));
      parent.entry.reset();
    } else {
      begin_entry(parent, node);
    }
  }

  void begin_entry(Open& parent, const Node& key) {
    parent.drop_value = false;
    if (key.kind != Node::Kind::kScalar) {
      problems_.push_back({source_, key.line, path(), "a key must be a plain word"});
      parent.drop_value = true;
    } else if (const auto [seen, fresh] = parent.seen.emplace(key.text, key.line); !fresh) {
      const std::string outer = path();
      problems_.push_back({source_, key.line, outer.empty() ? key.text : outer + "." + key.text,
                           "duplicate key; first given in line " + std::to_string(seen->second)});
      parent.drop_value = true;
    }
    parent.entry = Entry{key.text, key.line, {}};
  }

  std::string path() const {
    std::string text;
    for (const Open& open : stack_) {
      if (open.node.kind == Node::Kind::kSequence) {
        text += "[" + std::to_string(open.node.children.size()) + "]";
      } else if (open.entry) {
        text += (text.empty() ? "" : ".") + open.entry->key;
      }
    }
    return text;
  }

  std::string source_;
  std::vector<Problem>& problems_;
  const DocumentLimits limits_;
  Node root_;
  std::vector<Open> stack_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  std::size_t spent_ = 0;
  int documents_ = 0;
};

}  // namespace

Node parse_document(std::string_view yaml, std::string_view source, std::vector<Problem>& problems,
                    const DocumentLimits& limits) {
  const std::string name(source);
  if (yaml.size() > limits.bytes) {
    problems.push_back(
        {name, 0, "", "larger than " + std::to_string(limits.bytes >> 10) + " KiB; no configuration is"});
    return {};
  }
  if (!is_utf8(yaml)) {  // yaml-cpp would put U+FFFD in its place and say nothing
    problems.push_back({name, 0, "", "not valid UTF-8 text"});
    return {};
  }
  // yaml-cpp 0.7 takes an unclosed quote for closed where the text ends with a line break; a last comment prevents it.
  std::istringstream stream(std::string(yaml) + "\n#");
  TreeBuilder builder(source, problems, limits);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const GiveUp& reason) {
    problems.push_back({name, reason.line, "", reason.what});
    return {};
  } catch (const YAML::Exception& error) {
    problems.push_back({name, line_of(error.mark), "",
                        "not valid YAML: " + error.msg + " (column " + std::to_string(error.mark.column + 1) + ")"});
    return {};
  }
  return builder.take();
}

}  // namespace telegen::config
