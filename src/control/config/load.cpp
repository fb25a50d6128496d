#include "control/config/load.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.h"
#include "control/api/listen.h"
#include "control/config/document.h"
#include "control/config/reader.h"
#include "control/config/schema.h"

namespace telegen {
namespace {

using config::Key;
using config::KeyType;
using config::Node;
using config::Positions;
using config::Problem;

struct Loading {
  SettingsVisitor::Body declaration;
  std::vector<Problem> problems = {};
  Positions positions = {};
};

constexpr std::size_t kLargestFile = config::DocumentLimits{}.bytes;

// One byte more than is allowed is read, so that parse_document sees what is too large.
Result<std::string> read_file(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return fail_errno(errno, "open", path, ErrorKind::kConfiguration);
  std::string text(kLargestFile + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(file.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, "read", path, ErrorKind::kConfiguration);
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  text.resize(size);
  return text;
}

struct File {
  std::string path;
  std::string text;
};

// The named file, else the first of the search list that exists; an empty path where there is none.
Result<File> find_file(const LoadRequest& request) {
  if (request.file) {
    auto text = read_file(*request.file);
    if (!text) return std::unexpected(text.error());
    return File{*request.file, *std::move(text)};
  }
  for (const std::string& path : request.search) {
    auto text = read_file(path);
    if (text) return File{path, *std::move(text)};
    if (text.error().code != ENOENT && text.error().code != ENOTDIR) return std::unexpected(text.error());
  }
  return File{};
}

// A tree that holds nothing but `leaf`, at `path`.
Node tree_at(std::string_view path, Node leaf) {
  const std::size_t dot = path.rfind('.');
  Node parent{.kind = Node::Kind::kMapping};
  parent.entries.push_back({std::string(path.substr(dot == std::string_view::npos ? 0 : dot + 1)), 0, std::move(leaf)});
  return dot == std::string_view::npos ? parent : tree_at(path.substr(0, dot), std::move(parent));
}

Node scalar(std::string text) { return {.kind = Node::Kind::kScalar, .text = std::move(text)}; }

bool is_collection(KeyType type) { return type == KeyType::kList || type == KeyType::kTexts || type == KeyType::kMap; }

void forget_lines(Node& node) {
  node.line = 0;
  for (Node& child : node.children) forget_lines(child);
  for (config::Entry& entry : node.entries) {
    entry.line = 0;
    forget_lines(entry.value);
  }
}

// A value that came as one text. Collections may be written as YAML, [..] or {..}, or with commas.
Node node_from_text(const Key& key, const std::string& text, const std::string& source,
                    std::vector<Problem>& problems) {
  const bool flow = text.starts_with('[') || text.starts_with('{');
  if (!is_collection(key.type)) return scalar(text);
  if (!flow && key.type != KeyType::kList) {
    Node node = scalar(text);
    node.from_text = true;
    return node;
  }
  const std::size_t before = problems.size();
  Node node = config::parse_document(text, source, problems);
  forget_lines(node);
  for (std::size_t i = before; i < problems.size(); ++i) {
    problems[i].line = 0;
    problems[i].path = key.path;
  }
  return node;
}

void apply_variables(const Environment& environment, Loading& loading) {
  const std::vector<Key> keys = config::keys_of(loading.declaration);
  std::vector<std::string> names;
  for (const Key& key : keys) {
    if (key.type == KeyType::kSection || key.in_list) continue;
    names.push_back(config::variable_name(key.path));
    const auto variable = environment.find(names.back());
    if (variable == environment.end()) continue;
    const std::string source = "environment " + names.back();
    const Node node = node_from_text(key, variable->second, source, loading.problems);
    config::apply(tree_at(key.path, node), {source}, loading.declaration, loading.problems, loading.positions);
  }
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  for (auto variable = environment.lower_bound("TELEGEN_");
       variable != environment.end() && variable->first.starts_with("TELEGEN_"); ++variable) {
    const std::string& name = variable->first;
    if (std::ranges::find(names, name) != names.end() || config::is_kubernetes_service_variable(name, variable->second))
      continue;
    const std::string_view near = config::nearest(name, candidates);
    loading.problems.push_back({"environment " + name, 0, "",
                                near.empty()
                                    ? "no key has this variable; docs/configuration.md lists them all"
                                    : "no key has this variable; nearest valid variable '" + std::string(near) + "'"});
  }
}

void apply_overrides(const std::vector<Override>& options, Loading& loading) {
  const std::vector<Key> keys = config::keys_of(loading.declaration);
  for (const Override& option : options) {
    const std::string source = "option " + option.option;
    const auto key = std::ranges::find(keys, option.path, &Key::path);
    Node node;
    if (key != keys.end() && key->type == KeyType::kList) {
      node.kind = Node::Kind::kSequence;
      for (const auto& [name, text] : option.entries) {
        Node value = scalar(text);
        const auto inner = std::ranges::find(keys, option.path + "[]." + name, &Key::path);
        value.from_text = inner != keys.end() && is_collection(inner->type);
        Node entry{.kind = Node::Kind::kMapping};
        entry.entries.push_back({name, 0, std::move(value)});
        node.children.push_back(std::move(entry));
      }
    } else if (key != keys.end()) {
      node = node_from_text(*key, option.text, source, loading.problems);
    } else {
      node = scalar(option.text);  // apply() says that there is no such key
    }
    config::apply(tree_at(option.path, std::move(node)), {source}, loading.declaration, loading.problems,
                  loading.positions);
  }
}

// A complaint about "a.b[2].c" is placed where that key was given, else at the nearest part that encloses it.
void place(const Complaint& complaint, Loading& loading) {
  std::string path = complaint.path;
  config::Position position;
  while (!path.empty()) {
    if (const auto found = loading.positions.find(path); found != loading.positions.end()) {
      position = found->second;
      break;
    }
    const std::size_t end = path.find_last_of(".[");
    path.resize(end == std::string::npos ? 0 : end);
  }
  if (position.source.empty()) position.source = "configuration";
  loading.problems.push_back({position.source, position.line, complaint.path, complaint.what});
}

std::vector<Complaint> check_own_sections(const Settings& settings) {
  const std::string& listen = settings.self_telemetry.listen;
  if (listen.empty()) return {};
  const auto address = parse_listen(listen);
  if (address) return {};
  return {{"self_telemetry.listen", address.error().message}};
}

void run_checks(const std::vector<Check>& checks, const Settings& settings, Loading& loading) {
  for (const Complaint& complaint : check_own_sections(settings)) place(complaint, loading);
  for (const Check& check : checks) {
    for (const Complaint& complaint : check(settings)) place(complaint, loading);
  }
}

void apply_file(std::string_view yaml, std::string_view source, const Environment* references, Loading& loading) {
  const std::size_t before = loading.problems.size();
  const Node root = config::parse_document(yaml, source, loading.problems);
  config::apply(root, {std::string(source), references}, loading.declaration, loading.problems, loading.positions);
  std::stable_sort(loading.problems.begin() + static_cast<std::ptrdiff_t>(before), loading.problems.end(),
                   [](const Problem& a, const Problem& b) { return a.line < b.line; });
}

}  // namespace

Result<LoadedSettings> load_settings(const LoadRequest& request) {
  LoadedSettings loaded;
  Loading loading{[&](SettingsVisitor& visitor) { describe(visitor, loaded.settings); }};
  auto file = find_file(request);
  if (file) {
    if (!file->path.empty()) apply_file(file->text, file->path, &request.environment, loading);
    loaded.file = std::move(file->path);
  } else {
    loading.problems.push_back({"", 0, "", file.error().message});
  }
  for (const EnvironmentRule& rule : request.environment_rules) {
    const auto applied = rule(loaded.settings, request.environment);
    if (!applied) loading.problems.push_back({"environment", 0, "", applied.error().message});
  }
  apply_variables(request.environment, loading);
  apply_overrides(request.options, loading);
  run_checks(request.checks, loaded.settings, loading);
  if (!loading.problems.empty()) return std::unexpected(config::to_error(loading.problems));
  if (loaded.settings.telegen.instance_id.empty()) loaded.settings.telegen.instance_id = request.host_name;
  return loaded;
}

Result<Settings> settings_from_yaml(std::string_view yaml, std::string_view source) {
  Settings settings;
  Loading loading{[&](SettingsVisitor& visitor) { describe(visitor, settings); }};
  const Environment none;
  apply_file(yaml, source, &none, loading);
  run_checks({}, settings, loading);
  if (!loading.problems.empty()) return std::unexpected(config::to_error(loading.problems));
  return settings;
}

namespace config {

std::vector<Problem> apply_yaml(std::string_view yaml, std::string_view source, const Environment& references,
                                const SettingsVisitor::Body& declaration) {
  Loading loading{declaration};
  apply_file(yaml, source, &references, loading);
  return std::move(loading.problems);
}

std::vector<Problem> apply_environment(const Environment& environment, const SettingsVisitor::Body& declaration) {
  Loading loading{declaration};
  apply_variables(environment, loading);
  return std::move(loading.problems);
}

std::vector<Problem> apply_options(const std::vector<Override>& options, const SettingsVisitor::Body& declaration) {
  Loading loading{declaration};
  apply_overrides(options, loading);
  return std::move(loading.problems);
}

}  // namespace config
}  // namespace telegen
