// The words between worker and loader: fixed-size messages on a SOCK_SEQPACKET socketpair, descriptors beside them
// (SCM_RIGHTS). The list of requests is closed. The loader checks each; it never parses traffic.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace telegen {

enum class RequestType : std::uint32_t {
  kHello = 1,       // what this worker works with: see WorkerKit
  kReadProc,        // one /proc file that needs ptrace rights, of a process that may be traced; argument: ProcFile
  kOpenExecutable,  // the executable of such a process, to read
  kSelect,          // trace this process, if the configuration allows it
  kDeselect,
  kRotateOutput,  // the next output file: the finished ones are renamed, the oldest removed
  kListSegments,  // the segments of the queues that hold anything, as SegmentPlace after SegmentPlace
  kOpenSegment,   // one of them, made if there was none; pid: its number, argument: 1 on disk
  kReload,        // read the configuration again; refused, the answer carries a text that says why
  kRefreshTls,    // read the files for TLS again; descriptors: 1 if they changed, then hello gives the new ones
  kSetCapture,    // how much of each turn's head is captured; argument: bytes, at most as configured; 0: suspended
};

struct Request {
  RequestType type = RequestType::kHello;
  std::uint32_t pid = 0;
  std::uint32_t argument = 0;
  std::uint32_t reserved = 0;
};

struct SegmentPlace {
  std::uint32_t disk = 0;  // 1: on disk
  std::uint32_t number = 0;
};

struct Answer {
  std::int32_t error = 0;         // errno; 0: done
  std::uint32_t ring_bytes = 0;   // hello
  std::uint32_t descriptors = 0;  // hello: bit i is set if kit descriptor i was sent; others: 1 if one was sent
  std::uint32_t generation = 0;   // hello: 0 for the first worker, then counts restarts
};

// In the order in which hello sends them.
enum class KitDescriptor : std::uint32_t {
  kRing,
  kCounters,
  kSettings,
  kApiListener,
  kOutputFile,
  kRecording,
  kConnections,    // what the worker before knew: records of connections
  kUnseenIoUring,  // text: why what goes through io_uring is not seen; none where it is
  kSpoolLock,      // of the spool directory: held for as long as any process may write there
  kTlsFiles,       // what the files hold that the configuration names for TLS
  kCount
};
constexpr std::size_t kKitDescriptors = static_cast<std::size_t>(KitDescriptor::kCount);

Result<void> send_message(int socket, const void* message, std::size_t size, const std::vector<int>& fds);
// Returns false when the other side has closed. `fds` receives what came with the message.
Result<bool> receive_message(int socket, void* message, std::size_t size, std::vector<Fd>& fds);

// A sealed anonymous file with these bytes, at offset 0: how texts of any size are handed over.
Result<Fd> make_memory_file(const char* name, std::string_view content);
Result<std::string> read_whole(int fd, std::size_t limit);

}  // namespace telegen
