// Who is a span's parent when no header says so. Two joins, both without touching traffic, both rather silent than
// wrong:
//   across processes: both ends of a TCP connection see the same sequence number for the same byte, so (addresses,
//   ports,
//     sequence number) names a request at its client and at its server alike;
//   inside a process: a request sent by the thread that is serving another one, where that cannot be mistaken.
// One thread. Bounded: what does not fit is forgotten oldest first.
#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/time.h"
#include "model/span.h"

namespace telegen {

// A request that is open, and the identity that its span has or will have.
struct OpenSpan {
  std::uint64_t connection = 0;
  std::uint64_t number = 0;
  TraceContext context;  // span_id is the open span's own
};

// Requests under way at clients of this host, by exchange key (see exchange_key in connection.h).
class LocalExchanges {
 public:
  explicit LocalExchanges(std::size_t limit) : limit_(limit) {}
  void open(std::uint64_t key, const TraceContext& client);
  void close(std::uint64_t key);
  const TraceContext* find(std::uint64_t key) const;
  std::size_t size() const { return contexts_.size(); }
  std::size_t remembered() const { return order_.size(); }  // closed ones that were not tidied up yet included

 private:
  static constexpr std::size_t kWorthTidying = 64;  // closed keys

  std::size_t limit_;
  boost::unordered_flat_map<std::uint64_t, TraceContext> contexts_;
  std::deque<std::uint64_t> order_;
};

// What each thread is serving.
class ThreadActivity {
 public:
  static constexpr auto kLongestParent = std::chrono::seconds(60);  // an older request is not taken for a cause
  static constexpr std::uint32_t kMostChildren = 1000;
  static constexpr std::size_t kMostOpen = 4096;  // a thread

  // Thread `thread` read a request, which is open from now on.
  void serving(std::uint32_t thread, std::uint64_t connection, std::uint64_t number, Time now);
  void served(std::uint32_t thread, std::uint64_t connection, std::uint64_t number);
  // Thread `thread` moved other bytes: what follows need not belong to the request that it read last.
  void other_activity(std::uint32_t thread);
  // The request that `thread` is serving, if only one can be meant: the only one open, or the one read directly before.
  struct Serving {
    std::uint64_t connection;
    std::uint64_t number;
  };
  std::optional<Serving> cause(std::uint32_t thread, Time now);
  std::size_t threads() const { return threads_.size(); }

 private:
  struct Open {
    Serving what;
    Time since;
    std::uint32_t children = 0;
  };
  struct Thread {
    boost::container::small_vector<Open, 1> open;  // most threads serve one request at a time: nothing to allocate
    bool read_directly_before = false;             // the last of `open` was the thread's last activity
  };
  boost::unordered_flat_map<std::uint32_t, Thread> threads_;
};

}  // namespace telegen
