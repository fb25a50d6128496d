#include "discovery/inspect.h"

#include <algorithm>

#include "discovery/naming.h"
#include "discovery/proc_parse.h"
#include "discovery/service.h"
#include "discovery/text.h"

namespace telegen {
namespace {

constexpr std::size_t kMaxStat = 4096;
constexpr std::size_t kMaxStatus = 64 * 1024;
constexpr std::size_t kMaxCgroup = 64 * 1024;
constexpr std::size_t kMaxCmdline = 256 * 1024;  // a class path alone may be 100 KiB, and the name comes behind it
constexpr std::size_t kKeptArgs = 4096;
constexpr std::size_t kKeptArg = 256;
constexpr std::size_t kLongestComm = 15;

Result<ProcStat> read_stat(const Inspector& inspector, std::uint32_t pid) {
  const std::string path = proc_path(inspector.proc_root, pid, "stat");
  const auto text = read_bounded(path, kMaxStat);
  if (!text) return std::unexpected(text.error());
  auto stat = parse_stat(text->text);
  if (!stat || stat->pid != pid) return fail("read " + path + ": not the format of proc(5)");
  return std::move(*stat);
}

std::string read_or_empty(const Inspector& inspector, std::uint32_t pid, std::string_view name, std::size_t limit) {
  auto text = read_bounded(proc_path(inspector.proc_root, pid, name), limit);
  return text ? std::move(text->text) : std::string();
}

std::vector<std::string> trimmed(std::vector<std::string> args) {
  std::size_t total = 0;
  for (const std::string& arg : args) total += arg.size() + 1;
  if (total <= kKeptArgs) return args;
  std::size_t used = 0, count = 0;
  for (std::string& arg : args) {
    if (arg.size() > kKeptArg) arg.resize(kKeptArg);
    if (used + arg.size() + 1 > kKeptArgs) break;
    used += arg.size() + 1;
    ++count;
  }
  args.resize(count);
  args.shrink_to_fit();
  for (std::string& arg : args) arg.shrink_to_fit();
  return args;
}

void set_identity(const Inspector& inspector, const ProcStat& stat, ProcessInfo& out) {
  out.pid = stat.pid;
  out.parent = stat.parent;
  out.start_ticks = stat.start_ticks;
  const std::uint64_t hz = std::max<std::uint64_t>(inspector.host->ticks_per_second, 1);
  // Seconds and rest apart: ticks * 1e9 would overflow after six years at 100 Hz.
  const std::uint64_t after_boot =
      stat.start_ticks / hz * 1'000'000'000ULL + stat.start_ticks % hz * 1'000'000'000ULL / hz;
  out.start = {inspector.host->boot.ns + after_boot};
  out.name = to_clean_utf8(stat.comm, 64);
  out.kernel_thread = stat.kernel_thread;
}

void set_place(const Inspector& inspector, ProcessInfo& out) {
  const auto status = parse_status(read_or_empty(inspector, out.pid, "status", kMaxStatus));
  if (status) out.effective_uid = status->effective_uid;
  out.inner_pid = status && !status->namespace_pids.empty() ? status->namespace_pids.back() : out.pid;
  out.cgroups = parse_cgroup(read_or_empty(inspector, out.pid, "cgroup", kMaxCgroup));
  out.container = find_container(out.cgroups);
}

bool has_ended(const ProcStat& stat) { return stat.state == 'Z' || stat.state == 'X' || stat.state == 'x'; }

// service.instance.id given in the environment is meant for one process; a forked child shares it all the same, as an
// SDK in it would.
void set_instance(const Inspector& inspector, ProcessInfo& out) {
  out.service.instance_id = make_instance_id(inspector.host->id, out.pid, out.start_ticks);
  for (const auto& [key, value] : out.resource_attributes) {
    if (key == "service.instance.id" && !value.empty()) out.service.instance_id = value;
  }
}

void set_service(const OtelEnvironment& environment, const NamingInput& naming, ProcessInfo& out) {
  out.resource_attributes = environment.resource_attributes;
  std::string given = environment.service_name;  // wins over service.name in OTEL_RESOURCE_ATTRIBUTES
  for (const auto& [key, value] : out.resource_attributes) {
    if (key == "service.name" && given.empty()) given = value;
    if (key == "service.namespace") out.service.name_space = value;
    if (key == "service.version") out.service.version = value;
  }
  out.service.name_given = !given.empty();
  out.service.name = out.service.name_given ? to_clean_utf8(given, 255) : derive_service_name(naming);
}

void set_runtime(const Inspector& inspector, ProcessInfo& out, bool& go_otlp) {
  ExecutableFacts facts;
  bool known = false;
  if (auto file = inspector.privileged->open_executable(out.pid)) {
    if (auto read = inspector.executables->facts(*file)) {
      facts = std::move(*read);
      known = true;
    }
  }
  std::vector<std::string> mapped;
  if (!facts.go) {
    if (const auto maps = inspector.privileged->read(out.pid, ProcFile::kMaps)) mapped = parse_mapped_files(*maps);
  }
  out.runtime = detect_runtime(out.exe_path, mapped, known ? &facts : nullptr);
  go_otlp = facts.go_otlp_traces;
}

bool arguments_load_agent(const std::vector<std::string>& args) {
  return std::any_of(args.begin(), args.end(), [](const std::string& arg) {
    return (arg.starts_with("-javaagent:") && arg.find("opentelemetry-javaagent") != std::string::npos) ||
           arg.find("@opentelemetry/auto-instrumentations-node") != std::string::npos ||
           arg.ends_with("/opentelemetry-instrument");
  });
}

std::string without_deleted(std::string path) {
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
  return path;
}

std::string_view interpreter_of(std::string_view script) {
  constexpr std::pair<std::string_view, std::string_view> kInterpreters[] = {
      {".py", "python3"}, {".sh", "sh"}, {".js", "node"}, {".rb", "ruby"}, {".pl", "perl"}, {".php", "php"}};
  for (const auto& [extension, interpreter] : kInterpreters) {
    if (script.ends_with(extension)) return interpreter;
  }
  return {};
}

}  // namespace

Result<std::vector<std::uint16_t>> listening_ports(PrivilegedProc& privileged, std::uint32_t pid) {
  const auto sockets = privileged.read(pid, ProcFile::kSocketInodes);
  if (!sockets) return std::unexpected(sockets.error());
  std::vector<std::uint64_t> inodes;
  for (const std::string_view line : split(*sockets, '\n')) {
    if (const auto inode = parse_decimal(line)) inodes.push_back(*inode);
  }
  std::sort(inodes.begin(), inodes.end());
  std::vector<std::uint16_t> ports;
  if (inodes.empty()) return ports;
  for (const ProcFile file : {ProcFile::kNetTcp, ProcFile::kNetTcp6}) {
    const auto table = privileged.read(pid, file);
    if (!table) continue;  // a kernel without IPv6 has no net/tcp6
    const auto found = parse_listening_ports(*table, inodes);
    ports.insert(ports.end(), found.begin(), found.end());
  }
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  return ports;
}

// What names the process is read first: it may end at any moment.
Result<ProcessInfo> inspect_process(const Inspector& inspector, std::uint32_t pid, bool with_ports) {
  const auto stat = read_stat(inspector, pid);
  if (!stat) return std::unexpected(stat.error());
  ProcessInfo out;
  set_identity(inspector, *stat, out);
  if (out.kernel_thread) {
    set_place(inspector, out);
    out.service.name = out.name;
    return out;
  }
  PrivilegedProc& privileged = *inspector.privileged;
  if (auto exe = privileged.read(pid, ProcFile::kExeLink)) out.exe_path = without_deleted(std::move(*exe));
  std::vector<std::string> args = split_arguments(read_or_empty(inspector, pid, "cmdline", kMaxCmdline));
  const auto environ = privileged.read(pid, ProcFile::kEnviron);
  const std::string cwd = privileged.read(pid, ProcFile::kCwdLink).value_or("");
  set_place(inspector, out);
  if (const auto link = privileged.read(pid, ProcFile::kNetNamespace)) {
    out.net_namespace = parse_inode_link(*link, "net").value_or(0);
  }
  bool go_otlp = false;
  set_runtime(inspector, out, go_otlp);
  const OtelEnvironment environment = parse_otel_environment(environ ? *environ : std::string());
  out.sends_otlp_traces =
      !environment.traces_off && (environment.agent_loaded || go_otlp || arguments_load_agent(args));
  set_service(environment, {out.exe_path, args, stat->comm, cwd}, out);
  set_instance(inspector, out);
  out.args = trimmed(std::move(args));
  if (with_ports) {
    if (auto ports = listening_ports(privileged, pid)) out.listening_ports = std::move(*ports);
  }
  // A pid that was reused in between would mix two processes; an exec in between is followed by its own event.
  const auto again = read_stat(inspector, pid);
  if (again && again->start_ticks != out.start_ticks) {
    return fail("process " + std::to_string(pid) + " ended while it was read");
  }
  // A process loses its executable and its arguments before it shows as ended.
  out.partial = !again || has_ended(*again) || (out.exe_path.empty() && out.args.empty());
  return out;
}

ProcessInfo inspect_fork(const Inspector& inspector, const ProcessInfo& parent, std::uint32_t child) {
  ProcessInfo out = parent;
  out.pid = child;
  out.parent = parent.pid;
  out.io_uring = false;  // its parent's rings stay its parent's
  if (const auto stat = read_stat(inspector, child)) {
    set_identity(inspector, *stat, out);
    if (out.parent == 0) out.parent = parent.pid;  // it is ending just now
    set_place(inspector, out);
    out.partial = false;
  } else {  // gone already: what it sent still has a name
    out.start_ticks = 0;
    out.start = {};
    out.inner_pid = child;
    out.partial = true;
  }
  set_instance(inspector, out);
  return out;
}

ProcessInfo ended_process(const Inspector& inspector, std::uint32_t pid, const ProcessInfo* before,
                          std::string_view path, Time now) {
  ProcessInfo out;
  out.pid = out.inner_pid = pid;
  out.partial = true;
  if (before != nullptr) {
    out.start_ticks = before->start_ticks;
    out.start = before->start;
    out.effective_uid = before->effective_uid;
    out.inner_pid = before->inner_pid;
    add_place_before(*before, out);
  }
  out.service.name = derive_service_name({});
  add_executed_path(path, out);
  // Where its start is not known, the exec tells it from others of the same pid.
  out.service.instance_id = make_instance_id(inspector.host->id, pid, out.start_ticks != 0 ? out.start_ticks : now.ns);
  return out;
}

void add_place_before(const ProcessInfo& before, ProcessInfo& out) {
  if (out.parent == 0) out.parent = before.parent;
  if (out.net_namespace == 0) out.net_namespace = before.net_namespace;
  if (!out.container.id.empty() || before.cgroups.empty()) return;
  out.cgroups = before.cgroups;
  out.container = before.container;
}

void add_executed_path(std::string_view path, ProcessInfo& out) {
  // An open file that was executed (fexecve) has no path of its own.
  if (path.empty() || path.starts_with("/dev/fd/") || !out.exe_path.empty()) return;
  if (path.starts_with('/')) out.exe_path = path;  // a relative one is relative to a folder that is not known
  if (out.name.empty()) out.name = to_clean_utf8(base_name(path).substr(0, kLongestComm), 64);
  if (out.service.name_given) return;
  std::vector<std::string> args = {std::string(path)};
  // A script is named as its interpreter would name it.
  if (const std::string_view interpreter = interpreter_of(path); !interpreter.empty()) {
    args.insert(args.begin(), std::string(interpreter));
  }
  out.service.name = derive_service_name({args.front(), args, out.name, {}});
}

}  // namespace telegen
