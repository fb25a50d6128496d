// The loaded and attached BPF programs. Everything is detached and freed when the object ends; nothing is pinned, so
// the same holds when the process is killed. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "abi/selection.h"
#include "base/result.h"
#include "loader/plan/plan.h"

namespace telegen {

class Probes {
 public:
  // Loads and attaches what the plan chose. Fails as a whole only if a required hook cannot be attached.
  static Result<Probes> attach(const Plan& plan, const EbpfSettings& settings);

  Probes(Probes&&) noexcept;
  Probes& operator=(Probes&&) noexcept;
  ~Probes();

  int ring_fd() const;
  std::uint32_t ring_bytes() const;
  int counters_fd() const;
  // Hooks that were planned but could not be attached, in words; empty when all went well.
  const std::vector<std::string>& failures() const;

  // Which processes the kernel side traces. Rules first, then processes that already run, one by one.
  void set_rules(std::span<const tg_rule> rules);
  void set_selected(std::uint32_t tgid, bool selected);
  bool is_selected(std::uint32_t tgid) const;
  std::vector<std::uint32_t> selected() const;
  // What a new worker must know of connections that were announced to the one before: tg_connection_event records, one
  // after the other. UNIX sockets' paths are not in the table; those connections are announced with their next
  // transfer.
  std::string describe_connections() const;
  // A new worker knows no connections: from now on each is announced again with its next transfer. Nor does it know
  // what the one before made of capture: that is as configured again.
  void next_epoch();
  // How much of each turn's head is captured from now on: never more than was configured when the programs were loaded.
  // 0 suspends: no transfer is told of until this is raised, each is counted (TG_COUNT_SUSPENDED), and processes and
  // connections are followed on.
  void set_capture_bytes(std::uint32_t bytes);

 private:
  struct State;
  explicit Probes(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace telegen
