#include "discovery/proc_parse.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "discovery/text.h"

namespace telegen {
namespace {

constexpr std::size_t kMaxMappedFiles = 4096;
constexpr std::uint64_t kPfKthread = 0x00200000;  // include/linux/sched.h

// The next field after any blanks; empty at the end.
std::string_view next_field(std::string_view& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    text = {};
    return {};
  }
  text.remove_prefix(first);
  const std::size_t end = std::min(text.find_first_of(" \t\n"), text.size());
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(end);
  return field;
}

std::optional<std::uint32_t> to_u32(std::string_view text) {
  const auto value = parse_decimal(text);
  if (!value || *value > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

template <class Use>
void for_each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (!use(text.substr(0, end))) return;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// Variables by which OpenTelemetry's zero-code agents are put into a runtime, and what their value then holds.
struct AgentMark {
  std::string_view variable;
  std::string_view value;
};
constexpr std::array kAgentMarks = {
    AgentMark{"JAVA_TOOL_OPTIONS=", "opentelemetry-javaagent"},
    AgentMark{"JDK_JAVA_OPTIONS=", "opentelemetry-javaagent"},
    AgentMark{"NODE_OPTIONS=", "@opentelemetry/auto-instrumentations"},
    AgentMark{"PYTHONPATH=", "opentelemetry/instrumentation/auto_instrumentation"},
    AgentMark{"CORECLR_PROFILER=", "{918728DD-259F-4A6A-AC2B-B85E1B658318}"},
};

}  // namespace

std::optional<ProcStat> parse_stat(std::string_view text) {
  ProcStat out;
  const std::size_t open = text.find(" (");
  const std::size_t close = text.rfind(')');  // comm may hold ')', no later field does
  if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2) return std::nullopt;
  const auto pid = to_u32(text.substr(0, open));
  if (!pid || *pid == 0) return std::nullopt;
  out.pid = *pid;
  out.comm = text.substr(open + 2, close - open - 2);
  std::string_view rest = text.substr(close + 1);
  const std::string_view state = next_field(rest);
  const auto parent = to_u32(next_field(rest));
  if (state.size() != 1 || !parent) return std::nullopt;
  out.state = state[0];
  out.parent = *parent;
  for (int field = 5; field <= 22; ++field) {  // numbered as in proc(5)
    const std::string_view value = next_field(rest);
    if (field == 9) out.kernel_thread = (parse_decimal(value).value_or(0) & kPfKthread) != 0;
    if (field != 22) continue;
    const auto ticks = parse_decimal(value);
    if (!ticks) return std::nullopt;
    out.start_ticks = *ticks;
  }
  return out;
}

std::optional<ProcStatus> parse_status(std::string_view text) {
  ProcStatus out;
  bool have_uid = false;
  for_each_line(text, [&](std::string_view line) {
    if (line.starts_with("Uid:")) {  // real, effective, saved, file system
      line.remove_prefix(4);
      next_field(line);
      const auto uid = to_u32(next_field(line));
      have_uid = uid.has_value();
      out.effective_uid = uid.value_or(0);
    } else if (line.starts_with("NSpid:")) {
      line.remove_prefix(6);
      // The kernel nests pid namespaces 32 deep at most (MAX_PID_NS_LEVEL).
      for (auto pid = to_u32(next_field(line)); pid && out.namespace_pids.size() < 33; pid = to_u32(next_field(line))) {
        out.namespace_pids.push_back(*pid);
      }
    }
    return true;
  });
  if (!have_uid) return std::nullopt;
  return out;
}

std::vector<std::string> split_arguments(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\0'), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::optional<std::uint64_t> parse_inode_link(std::string_view text, std::string_view kind) {
  if (!text.starts_with(kind)) return std::nullopt;
  text.remove_prefix(kind.size());
  if (!text.starts_with(":[") || !text.ends_with("]") || text.size() < 4) return std::nullopt;
  return parse_decimal(text.substr(2, text.size() - 3));
}

const std::vector<std::string_view>& kept_environment() {
  static const std::vector<std::string_view> kNames = {"OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
                                                       "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"};
  return kNames;
}

std::string filter_environ(std::string_view environ, std::size_t limit) {
  std::string out;
  const auto keep = [&](std::string_view entry) {
    if (out.size() + entry.size() + 1 <= limit) out.append(entry).push_back('\0');
  };
  bool marked = false;
  while (!environ.empty()) {
    const std::size_t end = std::min(environ.find('\0'), environ.size());
    const std::string_view entry = environ.substr(0, end);
    environ.remove_prefix(std::min(end + 1, environ.size()));
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    const auto& kept = kept_environment();
    if (std::find(kept.begin(), kept.end(), entry.substr(0, equals)) != kept.end()) keep(entry);
    for (const AgentMark& mark : kAgentMarks) {
      if (marked || !entry.starts_with(mark.variable) || entry.find(mark.value) == std::string_view::npos) continue;
      keep(std::string(kOtelAgentMark) + "=1");
      marked = true;
    }
  }
  return out;
}

std::vector<std::string> parse_mapped_files(std::string_view maps) {
  std::vector<std::string> out;
  std::set<std::string, std::less<>> seen;
  for_each_line(maps, [&](std::string_view line) {
    for (int field = 0; field < 5; ++field) next_field(line);  // address, rights, offset, device, inode
    std::string_view path = trim(line);
    constexpr std::string_view kDeleted = " (deleted)";
    if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
    if (path.starts_with('/') && seen.emplace(path).second) out.emplace_back(path);
    return out.size() < kMaxMappedFiles;
  });
  return out;
}

std::vector<std::uint16_t> parse_listening_ports(std::string_view net_tcp, const std::vector<std::uint64_t>& inodes) {
  std::vector<std::uint16_t> ports;
  for_each_line(net_tcp, [&](std::string_view line) {
    next_field(line);  // sl
    const std::string_view local = next_field(line);
    next_field(line);  // remote
    const std::string_view state = next_field(line);
    if (state != "0A") return true;  // TCP_LISTEN, include/net/tcp_states.h
    for (int field = 4; field < 9; ++field) next_field(line);
    const auto inode = parse_decimal(next_field(line));
    const std::size_t colon = local.rfind(':');
    if (!inode || colon == std::string_view::npos) return true;
    const std::string_view text = local.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), port, 16);
    if (code != std::errc() || stop != text.data() + text.size()) return true;
    if (std::binary_search(inodes.begin(), inodes.end(), *inode)) ports.push_back(port);
    return true;
  });
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  return ports;
}

}  // namespace telegen
