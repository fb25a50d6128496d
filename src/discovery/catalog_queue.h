// What a process catalog was asked for and has not done yet, in two lanes: what may be gone in a moment does not wait
// behind what will still be there.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_set>

#include "base/time.h"

namespace telegen {

struct CatalogRequest {
  enum class Kind : std::uint8_t {
    kLearn,
    kLearnIfUnknown,
    kFork,
    kExec,
    kExit,
    kListen,
    kRing,
    kLookForRings,
    kReselect,
    kTick
  };
  Kind kind = Kind::kTick;
  std::uint32_t pid = 0;
  std::uint32_t other = 0;  // kFork: the parent; kListen: the port
  Time time;                // kExec, kExit, kTick
  std::string path;         // kExec: as executed
};

// Any thread asks and waits; one takes. Order is kept within a lane, not between them: see take_learn().
class CatalogQueue {
 public:
  enum class Lane : std::uint8_t { kUrgent, kPatient };
  struct Ticket {
    Lane lane = Lane::kUrgent;
    std::uint64_t number = 0;  // counts up within the lane; 0: the lane was full
  };

  explicit CatalogQueue(std::size_t limit) : limit_(limit) {}

  Ticket push(Lane lane, CatalogRequest request);
  // Tickets of what was pushed last, for waiting until all of it is done.
  std::array<Ticket, 2> last() const;
  bool wait_until_done(Ticket ticket, Duration timeout);

  // For the thread that takes. False: asked to stop.
  bool wait(const std::stop_token& stop);
  std::optional<CatalogRequest> take(Lane lane);
  // Is `pid` waiting to be learned? Then it no longer is: an event that overtook it tells of a process that should be
  // known first.
  bool take_learn(std::uint32_t pid);
  void finished(Lane lane);  // what was taken from it longest ago is carried out
  void settle();             // everything finished so far is there to be seen

 private:
  struct State {
    std::deque<CatalogRequest> waiting;
    std::uint64_t pushed = 0;
    std::uint64_t finished = 0;
    std::uint64_t done = 0;
  };
  State& state(Lane lane) { return lanes_[static_cast<std::size_t>(lane)]; }

  const std::size_t limit_;  // a lane
  mutable std::mutex mutex_;
  std::condition_variable_any asked_;
  std::condition_variable done_;
  std::array<State, 2> lanes_;
  std::unordered_set<std::uint32_t> to_learn_;  // of the kLearn that wait; a second one of a pid adds nothing
};

}  // namespace telegen
