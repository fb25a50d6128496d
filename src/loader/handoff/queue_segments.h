// The segments of the worker's queues, which outlive it: memory that only the loader keeps open, and files of the spool
// directory. The loader opens them and never looks inside.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "loader/handoff/messages.h"

namespace telegen {

class QueueSegments {
 public:
  static constexpr std::uint32_t kMaxNumber = 4096;

  // `directory` empty: no segments on disk. It is made where it is missing, for this user alone, and locked: two agents
  // cannot share one. For the lock it waits as long as `patience`: the worker of an agent that was killed may still be
  // sending, and holds it as well.
  static Result<QueueSegments> open(const std::string& directory, Duration patience);

  Result<Fd> segment(SegmentPlace place);
  // What carries the lock, for the worker; -1: none.
  int lock_fd() const { return directory_.get(); }
  // Those that hold anything.
  std::vector<SegmentPlace> existing() const;

 private:
  QueueSegments() = default;
  Fd directory_;
  std::string path_;
  std::map<std::uint32_t, Fd> memory_;
};

}  // namespace telegen
