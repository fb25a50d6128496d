#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "discovery/proc_parse.h"
#include "discovery/selector.h"
#include "discovery/text.h"

namespace telegen {
namespace {

constexpr std::size_t kMaxRanges = 1024;

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

class Compiler {
 public:
  Compiler(const std::vector<CgroupMount>& mounts, const NetNamespaceOf& net_namespace_of)
      : mounts_(mounts), net_namespace_of_(net_namespace_of) {}

  Selector entry(std::string path, const SelectorSettings& from) {
    path_ = std::move(path);
    if (from == SelectorSettings{.service_name = from.service_name}) {
      complain("", "the entry asks for nothing; name at least one key, such as exe_path or open_ports");
    }
    Selector out;
    out.service_name = from.service_name;
    out.containers_only = from.containers_only;
    if (!from.open_ports.empty()) take("open_ports", parse_ports(from.open_ports), out.open_ports);
    glob("exe_path", from.exe_path, out.exe_path);
    glob("cmdline", from.cmdline, out.cmdline);
    for (const std::string& text : from.pids) pid(text, out);
    std::sort(out.pids.begin(), out.pids.end());
    if (!from.cgroup.empty()) cgroup(from.cgroup, out);
    if (!from.netns.empty()) take("netns", net_namespace(from.netns), out.net_namespace);
    for (const std::string& text : from.languages) {
      const auto language = parse_language(text);
      if (language) out.languages.push_back(*language);
      if (!language)
        complain("languages", quoted(text) + " is not one of go, java, python, nodejs, dotnet, ruby, php, rust, cpp");
    }
    return out;
  }

  std::vector<SettingsError> take_errors() { return std::move(errors_); }

 private:
  void complain(std::string_view key, std::string message) {
    errors_.push_back({key.empty() ? path_ : path_ + "." + std::string(key), std::move(message)});
  }

  template <class T, class Into>
  void take(std::string_view key, Result<T> value, Into& into) {
    if (value) {
      into = std::move(*value);
    } else {
      complain(key, std::move(value.error().message));
    }
  }

  void glob(std::string_view key, const std::string& pattern, std::optional<Glob>& into) {
    if (!pattern.empty()) take(key, Glob::compile(pattern), into);
  }

  void pid(const std::string& text, Selector& out) {
    const auto value = parse_decimal(text);
    // PID_MAX_LIMIT of the kernel
    if (!value || *value == 0 || *value > (1U << 22)) return complain("pids", quoted(text) + " is not a process id");
    out.pids.push_back(static_cast<std::uint32_t>(*value));
  }

  void cgroup(const std::string& text, Selector& out) {
    const bool climbs = ("/" + text + "/").find("/../") != std::string::npos;
    if (!text.starts_with('/') || climbs) {
      return complain("cgroup", quoted(text) + " is not an absolute path without '..'");
    }
    out.cgroup = resolve_cgroup(text, mounts_);
  }

  Result<std::uint64_t> net_namespace(const std::string& text) {
    if (const auto inode = parse_inode_link(text, "net"); inode && *inode != 0) return *inode;
    if (const auto inode = parse_decimal(text); inode && *inode != 0) return *inode;
    if (text.starts_with('/')) return net_namespace_of_(text);
    return fail(quoted(text) + " is not an inode number, net:[…] or an absolute path");
  }

  const std::vector<CgroupMount>& mounts_;
  const NetNamespaceOf& net_namespace_of_;
  std::string path_;
  std::vector<SettingsError> errors_;
};

}  // namespace

Result<std::vector<PortRange>> parse_ports(std::string_view text) {
  std::vector<PortRange> out;
  for (const std::string_view raw : split(text, ',')) {
    const std::string_view item = trim(raw);
    const std::size_t dash = item.find('-');
    const auto first = parse_decimal(trim(item.substr(0, dash)));
    const auto last = dash == std::string_view::npos ? first : parse_decimal(trim(item.substr(dash + 1)));
    if (!first || !last || *first == 0 || *first > 65535 || *last > 65535) {
      return fail(quoted(item) + " is not a port (1 to 65535) or a range of ports such as 8000-8999");
    }
    if (*last < *first) return fail("the range " + quoted(item) + " ends before it starts");
    if (out.size() == kMaxRanges) return fail("more than 1024 ports and ranges");
    out.push_back({static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)});
  }
  if (out.empty()) return fail("no port is named");
  return out;
}

Result<std::uint64_t> net_namespace_of_file(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return fail_errno(errno, "stat", path);
  return static_cast<std::uint64_t>(status.st_ino);
}

std::expected<Selection, std::vector<SettingsError>> compile_selection(const DiscoverySettings& settings,
                                                                       const std::vector<CgroupMount>& mounts,
                                                                       const NetNamespaceOf& net_namespace_of) {
  Selection out;
  out.default_exclude = settings.default_exclude;
  out.exclude_otel_instrumented = settings.exclude_otel_instrumented;
  Compiler compiler(mounts, net_namespace_of);
  const auto all = [&](std::string_view key, const std::vector<SelectorSettings>& from, std::vector<Selector>& into) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      into.push_back(compiler.entry("discovery." + std::string(key) + "[" + std::to_string(i) + "]", from[i]));
    }
  };
  all("instrument", settings.instrument, out.instrument);
  all("exclude_instrument", settings.exclude_instrument, out.exclude);
  auto errors = compiler.take_errors();
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return out;
}

}  // namespace telegen
