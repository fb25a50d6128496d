#include "loader/capability/capabilities.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <cap-ng.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/fd.h"

namespace telegen {
namespace {

struct CapabilityText {
  std::string_view name;
  std::string_view meaning;
};

constexpr std::array<CapabilityText, kCapabilities> kTexts = {{
    {"btf", "the kernel describes its own types (CONFIG_DEBUG_INFO_BTF)"},
    {"ring_buffer", "BPF ring buffers (Linux 5.8)"},
    {"growing_tables", "BPF tables may grow while they are used (Linux 6.1)"},
    {"kernel_reads", "BPF programs may read kernel memory"},
    {"tracepoint", "BPF programs on tracepoints, through tracefs"},
    {"btf_tracepoint", "BPF programs on typed tracepoints (tp_btf)"},
    {"task_registers", "a task's registers can be read from BPF (bpf_task_pt_regs, Linux 5.15)"},
    {"socket_length", "a tracepoint where bytes go through a socket (sock_send_length, Linux 6.3)"},
    {"trampoline", "fentry and fexit programs"},
    {"socket_functions", "fexit programs on the functions behind stream sockets"},
    {"kprobe", "kprobes"},
    {"socket_kprobes", "kprobes on the functions behind stream sockets"},
    {"uprobe", "uprobes"},
    {"io_uring", "a tracepoint where an io_uring is made (io_uring_create, Linux 5.5)"},
}};

struct NeededRight {
  unsigned int capability;
  bool admin_will_do;  // CAP_SYS_ADMIN stands for it, as it did before Linux 5.8 split it up
  const char* name;
  const char* purpose;
};

// CAP_SYS_ADMIN is not among them: it is needed only to mount tracefs where nobody has, which is a finding of its own.
constexpr NeededRight kNeededRights[] = {
    {CAP_BPF, true, "CAP_BPF", "load eBPF programs"},
    {CAP_PERFMON, true, "CAP_PERFMON", "attach them to tracepoints"},
    {CAP_SYS_PTRACE, false, "CAP_SYS_PTRACE", "name the processes that are traced"},
    {CAP_DAC_READ_SEARCH, false, "CAP_DAC_READ_SEARCH",
     "read the environment and executables of other users' processes"},
    {CAP_SETUID, false, "CAP_SETUID", "give the worker a user without privileges"},
    {CAP_SETGID, false, "CAP_SETGID", "give the worker a group without privileges"},
    {CAP_SETPCAP, false, "CAP_SETPCAP", "take from the worker what it could gain capabilities by"},
    {CAP_KILL, false, "CAP_KILL", "end the worker, which belongs to another user"},
};

const std::array<bpf_insn, 2> kReturnZero = {{
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
    {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
}};

Finding yes() { return {true, {}}; }
Finding no(std::string why) { return {false, std::move(why)}; }
Finding no_errno(std::string_view what, int code) {
  const char* words = ::strerrordesc_np(code);  // none for the kernel's own, such as ENOTSUPP (524)
  return no(std::string(what) + ": " + (words != nullptr ? std::string(words) : "error " + std::to_string(code)));
}

Finding try_typed_program(std::string_view name, bpf_attach_type attach, const char* target) {
  btf* kernel = ::btf__load_vmlinux_btf();
  if (kernel == nullptr) return no("no BTF of the kernel");
  const int id =
      ::btf__find_by_name_kind(kernel, target, attach == BPF_TRACE_RAW_TP ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC);
  ::btf__free(kernel);
  if (id < 0) return no(std::string(target) + " is not in the kernel's BTF");
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach, .attach_btf_id = static_cast<__u32>(id));
  const Fd program(
      ::bpf_prog_load(BPF_PROG_TYPE_TRACING, "tg_probe", "GPL", kReturnZero.data(), kReturnZero.size(), &options));
  if (!program.valid()) return no_errno(std::string("load a ").append(name).append(" program"), errno);
  if (attach == BPF_TRACE_RAW_TP) return yes();
  // Linux for arm64 before 6.4 loads fentry and fexit programs and cannot attach them: tried for an instant.
  const Fd link(::bpf_raw_tracepoint_open(nullptr, program.get()));
  return link.valid() ? yes() : no_errno(std::string("attach a ").append(name).append(" program to ") + target, errno);
}

// What bytes of stream sockets go through.
constexpr const char* kSocketFunctionNames[] = {"tcp_sendmsg", "tcp_recvmsg", "unix_stream_sendmsg",
                                                "unix_stream_recvmsg"};

// By the kernel's type information; 0 where it does not know the function.
int parameters_of(const char* function_name) {
  btf* kernel = ::btf__load_vmlinux_btf();
  if (kernel == nullptr) return 0;
  const int id = ::btf__find_by_name_kind(kernel, function_name, BTF_KIND_FUNC);
  const btf_type* function = id < 0 ? nullptr : ::btf__type_by_id(kernel, static_cast<__u32>(id));
  const btf_type* prototype = function == nullptr ? nullptr : ::btf__type_by_id(kernel, function->type);
  const int parameters = prototype == nullptr ? 0 : ::btf_vlen(prototype);
  ::btf__free(kernel);
  return parameters;
}

// A program for another form of tcp_recvmsg would take its flags and its result from a wrong place.
Finding known_receive_function(int parameters) {
  if (parameters == 0) return no("tcp_recvmsg is not in the kernel's BTF");
  return parameters >= 4 && parameters <= 6
             ? yes()
             : no("tcp_recvmsg has " + std::to_string(parameters) + " parameters, where four to six are known");
}

Finding try_socket_functions(int receive_parameters) {
  if (Finding known = known_receive_function(receive_parameters); !known.available) return known;
  for (const char* name : kSocketFunctionNames) {
    if (Finding tried = try_typed_program("fexit", BPF_TRACE_FEXIT, name); !tried.available) return tried;
  }
  return yes();
}

Finding try_kprobe(const char* function) {
  std::ifstream type("/sys/bus/event_source/devices/kprobe/type");
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  if (!(type >> attributes.type)) return no("the kernel has no perf event source \"kprobe\"");
  attributes.kprobe_func = reinterpret_cast<__u64>(function);
  const Fd event(static_cast<int>(::syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
  return event.valid() ? yes() : no_errno(std::string("make a kprobe of ") + function, errno);
}

Finding try_socket_kprobes(int receive_parameters) {
  if (Finding known = known_receive_function(receive_parameters); !known.available) return known;
  for (const char* name : kSocketFunctionNames) {
    if (Finding tried = try_kprobe(name); !tried.available) return tried;
  }
  return try_kprobe("tcp_cleanup_rbuf");
}

// By a program that does it: libbpf_probe_bpf_helper of libbpf 1.1 does not know the words in which newer kernels
// refuse.
Finding try_kernel_reads() {
  const std::array<bpf_insn, 7> read = {{
      {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 10, .off = 0, .imm = 0},
      {.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .src_reg = 0, .off = 0, .imm = -8},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .src_reg = 0, .off = 0, .imm = 8},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .src_reg = 0, .off = 0, .imm = 0},
      {.code = BPF_JMP | BPF_CALL, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = BPF_FUNC_probe_read_kernel},
      kReturnZero[0],
      kReturnZero[1],
  }};
  const Fd program(::bpf_prog_load(BPF_PROG_TYPE_TRACEPOINT, "tg_probe", "GPL", read.data(), read.size(), nullptr));
  return program.valid() ? yes() : no("bpf_probe_read_kernel is refused: lockdown=confidentiality, or missing rights");
}

// Debian's and Ubuntu's kernels ask for more than CAP_PERFMON where kernel.perf_event_paranoid is above 2.
Finding try_tracepoint_event(const std::string& id_file) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_TRACEPOINT;
  attributes.disabled = 1;
  std::ifstream(id_file) >> attributes.config;
  const Fd event(static_cast<int>(::syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
  if (event.valid()) return yes();
  const int code = errno;
  int paranoid = 0;
  std::ifstream("/proc/sys/kernel/perf_event_paranoid") >> paranoid;
  if (code != EACCES || paranoid <= 2) return no_errno("open a tracepoint's perf event", code);
  return no("kernel.perf_event_paranoid is " + std::to_string(paranoid) +
            ", which takes CAP_SYS_ADMIN: sysctl kernel.perf_event_paranoid=2");
}

Finding try_tracepoint(const std::string& tracefs) {
  if (tracefs.empty()) {
    return no(
        "tracefs is not mounted, and this process may not mount it (that takes CAP_SYS_ADMIN): "
        "mount -t tracefs tracefs /sys/kernel/tracing");
  }
  const std::string id = tracefs + "/events/syscalls/sys_exit_read/id";
  if (::access(id.c_str(), R_OK) != 0) return no_errno("read " + id, errno);
  const Fd program(
      ::bpf_prog_load(BPF_PROG_TYPE_TRACEPOINT, "tg_probe", "GPL", kReturnZero.data(), kReturnZero.size(), nullptr));
  return program.valid() ? try_tracepoint_event(id) : no_errno("load a tracepoint program", errno);
}

// Before the kernel got an allocator that is safe in BPF programs, growing was unsafe in some contexts, and it warns of
// every such table, with a call trace; a host may be set to panic on warnings.
Finding try_growing_tables() {
  btf* kernel = ::btf__load_vmlinux_btf();
  const bool may = kernel != nullptr && ::btf__find_by_name_kind(kernel, "bpf_mem_alloc", BTF_KIND_STRUCT) > 0;
  ::btf__free(kernel);
  return may ? yes()
             : no("at most " + std::to_string(kConnectionsInAdvance) +
                  " connections are followed at once, in a table that is made in full at the start");
}

Finding try_ring_buffer() {
  const auto page = static_cast<__u32>(::sysconf(_SC_PAGESIZE));  // up to 64 KiB on arm64
  const Fd map(::bpf_map_create(BPF_MAP_TYPE_RINGBUF, "tg_probe", 0, 0, page, nullptr));
  return map.valid() ? yes() : no_errno("create a ring buffer", errno);
}

Finding try_task_registers() {
  for (const auto helper : {BPF_FUNC_get_current_task_btf, BPF_FUNC_task_pt_regs}) {
    if (::libbpf_probe_bpf_helper(BPF_PROG_TYPE_TRACEPOINT, helper, nullptr) != 1) {
      return no(helper == BPF_FUNC_task_pt_regs ? "no bpf_task_pt_regs for tracepoint programs"
                                                : "no bpf_get_current_task_btf for tracepoint programs");
    }
  }
  return yes();
}

Finding try_perf_source(const char* source) {
  const std::string path = std::string("/sys/bus/event_source/devices/") + source + "/type";
  return ::access(path.c_str(), R_OK) == 0 ? yes()
                                           : no("the kernel has no perf event source \"" + std::string(source) + "\"");
}

}  // namespace

std::string_view name_of(Capability capability) { return kTexts[static_cast<std::size_t>(capability)].name; }
std::string_view meaning_of(Capability capability) { return kTexts[static_cast<std::size_t>(capability)].meaning; }

std::vector<MissingRight> missing_rights() {
  ::capng_get_caps_process();
  const auto has = [](unsigned int capability) { return ::capng_have_capability(CAPNG_EFFECTIVE, capability) != 0; };
  std::vector<MissingRight> missing;
  for (const NeededRight& right : kNeededRights) {
    if (has(right.capability) || (right.admin_will_do && has(CAP_SYS_ADMIN))) continue;
    missing.push_back({right.name, right.purpose});
  }
  return missing;
}

Capabilities measure_capabilities(const std::string& tracefs) {
  const libbpf_print_fn_t previous = ::libbpf_set_print(nullptr);  // refusals are findings here, not complaints
  Capabilities found;
  found[Capability::kBtf] = ::access("/sys/kernel/btf/vmlinux", R_OK) == 0
                                ? yes()
                                : no("/sys/kernel/btf/vmlinux is missing (CONFIG_DEBUG_INFO_BTF is off)");
  found[Capability::kRingBuffer] = try_ring_buffer();
  found[Capability::kGrowingTables] = try_growing_tables();
  found[Capability::kKernelReads] = try_kernel_reads();
  found[Capability::kTracepoint] = tracefs.empty() && !found[Capability::kKernelReads].available
                                       ? no("not tried, as " + found[Capability::kKernelReads].detail)
                                       : try_tracepoint(tracefs);
  found[Capability::kBtfTracepoint] = try_typed_program("tp_btf", BPF_TRACE_RAW_TP, "btf_trace_sched_process_exec");
  found[Capability::kTaskRegisters] = try_task_registers();
  found[Capability::kSocketLength] = try_typed_program("tp_btf", BPF_TRACE_RAW_TP, "btf_trace_sock_send_length");
  found[Capability::kTrampoline] = try_typed_program("fentry", BPF_TRACE_FENTRY, "tcp_sendmsg");
  found.receive_parameters = parameters_of("tcp_recvmsg");
  found[Capability::kSocketFunctions] = try_socket_functions(found.receive_parameters);
  found[Capability::kKprobe] = try_perf_source("kprobe");
  found[Capability::kSocketKprobes] = try_socket_kprobes(found.receive_parameters);
  found[Capability::kUprobe] = try_perf_source("uprobe");
  found[Capability::kIoUring] = try_typed_program("tp_btf", BPF_TRACE_RAW_TP, "btf_trace_io_uring_create");
  ::libbpf_set_print(previous);
  return found;
}

std::string ensure_tracefs() {
  constexpr const char* kPlaces[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
  for (const char* place : kPlaces) {
    if (::access((std::string(place) + "/events").c_str(), F_OK) == 0) return place;
  }
  // Under lockdown=confidentiality tracefs is empty, and Linux 6.12 dies of a bad list when such a one is unmounted.
  if (!try_kernel_reads().available) return {};
  if (::unshare(CLONE_NEWNS) != 0) return {};
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return {};
  if (::mount("tracefs", kPlaces[0], "tracefs", 0, nullptr) != 0) return {};
  return kPlaces[0];
}

}  // namespace telegen
