// What an ELF file says about the language that it was written in. Every read is bounded and every offset checked: the
// file belongs to somebody else and may change while it is read. Formats: System V gABI (ELF), Go's
// debug/buildinfo (".go.buildinfo", inline form since Go 1.18), rustc's .comment.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <tuple>

#include "base/fd.h"
#include "base/result.h"

namespace telegen {

struct ExecutableFacts {
  bool elf = false;
  bool go = false;
  std::string go_version;       // "1.22.1"; empty: built before Go 1.18
  bool go_otlp_traces = false;  // linked with OpenTelemetry's own OTLP trace exporter
  bool rust = false;
  std::string rust_version;
  bool operator==(const ExecutableFacts&) const = default;
};

// Returns up to `size` bytes from `offset`; fewer at the end of the file or on an error.
using ReadAt = std::function<std::string(std::uint64_t offset, std::size_t size)>;
// Reads at most about 9 MiB, whatever the file says. A file that is not ELF gives elf == false.
ExecutableFacts read_executable_facts(const ReadAt& read_at);
ExecutableFacts read_executable_facts(const Fd& file);

// Facts by file identity (device, inode, size, modification time): a thousand forks of one program read it once.
// The least recently used of more than `capacity` is forgotten. One thread.
class ExecutableCache {
 public:
  explicit ExecutableCache(std::size_t capacity = 1024) : capacity_(capacity) {}
  Result<ExecutableFacts> facts(const Fd& file);
  std::uint64_t files_read() const { return files_read_; }

 private:
  using Key = std::tuple<std::uint64_t, std::uint64_t, std::int64_t, std::int64_t, std::int64_t>;
  using Entry = std::pair<Key, ExecutableFacts>;
  std::size_t capacity_;
  std::list<Entry> recent_first_;
  std::map<Key, std::list<Entry>::iterator> by_key_;
  std::uint64_t files_read_ = 0;
};

}  // namespace telegen
