// A recording of what reached ingest, for bug reports, golden tests and benchmarks. File format, host byte order:
//
//   "TELEGENR" (8 bytes)  version u32 = 1  reserved u32  clock offset s64 (Unix − monotonic, ns)
//   then frames: kind u32, length u32, `length` bytes
//     kind 1: one ring record (bpf/abi/event.h)
//     kind 2: a process: pid u32, then its resource as lines "key=value", percent-encoded
//
// A recording holds captured application bytes: treat it like a packet capture.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "model/resource.h"

namespace telegen {

class Recorder {
 public:
  // Takes an open, empty, writable file.
  static Result<Recorder> start(Fd file, ClockOffset offset);
  Result<void> record(Bytes ring_record);
  Result<void> process(std::uint32_t pid, const Resource& resource);
  Result<void> finish();  // flushes; a recording without it may miss its end

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  explicit Recorder(std::FILE* file) : file_(file) {}
  Result<void> frame(std::uint32_t kind, Bytes first, Bytes second);
  std::unique_ptr<std::FILE, CloseFile> file_;
};

struct RecordingVisitor {
  std::function<void(ClockOffset)> started;
  std::function<void(Bytes ring_record)> record;
  std::function<void(std::uint32_t pid, Resource resource)> process;
};

// Reads a recording to its end. A file that is cut short gives everything before the cut and then an error.
Result<void> replay_recording(Bytes file, const RecordingVisitor& visitor);

}  // namespace telegen
