// What the running kernel and this process's rights permit, found out by trying: never by the kernel's version, since
// distributions backport and lockdown does not show in it. Measuring loads a few two-instruction programs, attaches
// some for a moment, and leaves nothing behind.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace telegen {

enum class Capability {
  kBtf,              // /sys/kernel/btf/vmlinux: CO-RE needs it
  kRingBuffer,       // BPF_MAP_TYPE_RINGBUF
  kGrowingTables,    // hash tables that BPF programs may have grow
  kKernelReads,      // bpf_probe_read_kernel, which lockdown=confidentiality refuses
  kTracepoint,       // programs on tracepoints, and tracefs to name them
  kBtfTracepoint,    // tp_btf: typed raw tracepoints
  kTaskRegisters,    // bpf_task_pt_regs and bpf_get_current_task_btf
  kSocketLength,     // the tracepoints sock_send_length and sock_recv_length
  kTrampoline,       // fentry, fexit
  kSocketFunctions,  // fexit of tcp_recvmsg and its like
  kKprobe,           // kprobe, kretprobe
  kSocketKprobes,    // those of tcp_recvmsg and its like
  kUprobe,           // uprobe, uretprobe
  kIoUring,          // the tracepoint io_uring_create
  kCount,
};
// How many connections can be followed without kGrowingTables: about 11 MB.
constexpr std::uint32_t kConnectionsInAdvance = 1 << 16;
constexpr std::size_t kCapabilities = static_cast<std::size_t>(Capability::kCount);

// The name users see: "btf", "ring_buffer", …
std::string_view name_of(Capability capability);
// What it means, in a few words.
std::string_view meaning_of(Capability capability);

struct Finding {
  bool available = false;
  std::string detail;  // why not, in words; empty where available
};

struct Capabilities {
  std::array<Finding, kCapabilities> findings;
  int receive_parameters = 0;  // of tcp_recvmsg: four to six; 0: not known
  const Finding& operator[](Capability c) const { return findings[static_cast<std::size_t>(c)]; }
  Finding& operator[](Capability c) { return findings[static_cast<std::size_t>(c)]; }
};

// The Linux capabilities (CAP_…) that the loader needs and this process lacks, as names with what each is for.
struct MissingRight {
  std::string name;
  std::string purpose;
};
std::vector<MissingRight> missing_rights();

// `tracefs`: where it is mounted, or empty. Needs the rights above.
Capabilities measure_capabilities(const std::string& tracefs);

// Finds tracefs, or mounts it in a mount namespace of this process's own, so that nothing of it stays behind.
// Call before the first thread starts. Returns "" where it can be neither found nor mounted.
std::string ensure_tracefs();

}  // namespace telegen
