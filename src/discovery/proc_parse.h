// The formats of /proc/<pid>/… as values (proc(5)). Pure; every function takes any bytes, cut anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telegen {

// /proc/<pid>/stat: "pid (comm) state ppid …", comm being any bytes, parentheses and newlines included.
struct ProcStat {
  std::uint32_t pid = 0;
  std::string comm;  // at most 15 bytes for a user process
  char state = '?';
  std::uint32_t parent = 0;
  std::uint64_t start_ticks = 0;  // clock ticks after boot
  bool kernel_thread = false;     // PF_KTHREAD
};
std::optional<ProcStat> parse_stat(std::string_view text);

// /proc/<pid>/status, the lines that matter here.
struct ProcStatus {
  std::uint32_t effective_uid = 0;
  std::vector<std::uint32_t> namespace_pids;  // NSpid: from the reader's pid namespace to the innermost one
};
std::optional<ProcStatus> parse_status(std::string_view text);

// NUL separated, as cmdline and environ are; a last piece without its NUL counts. Empty arguments stay.
std::vector<std::string> split_arguments(std::string_view text);

// "socket:[4711]" with kind "socket" → 4711.
std::optional<std::uint64_t> parse_inode_link(std::string_view text, std::string_view kind);

// What of an environment may leave the privileged side: the variables of kept_environment(), and for an OpenTelemetry
// agent that another variable injects (JAVA_TOOL_OPTIONS and its like, whose values may hold secrets) one entry
// "telegen:otel_agent=1". NUL separated like environ itself; at most `limit` bytes, whole entries.
std::string filter_environ(std::string_view environ, std::size_t limit);
constexpr std::string_view kOtelAgentMark = "telegen:otel_agent";
const std::vector<std::string_view>& kept_environment();

// Distinct file paths mapped into a process, in order, "(deleted)" removed; at most 4096.
std::vector<std::string> parse_mapped_files(std::string_view maps);

// Ports of the sockets in state LISTEN of net/tcp or net/tcp6 whose inode is in the sorted list `inodes`.
std::vector<std::uint16_t> parse_listening_ports(std::string_view net_tcp, const std::vector<std::uint64_t>& inodes);

}  // namespace telegen
