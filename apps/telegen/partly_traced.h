// Processes that are traced and of which not everything is seen: those that use io_uring, where the probes in use are
// blind to it. Says so in a metric and in the log.
#pragma once

#include <string>

#include "base/metrics.h"
#include "base/time.h"
#include "discovery/catalog.h"

namespace telegen::app {

class PartlyTraced {
 public:
  // `io_uring_unseen`: why what goes through io_uring is not seen; empty: it is. `catalog` outlives this
  // object, and both outlive the readers of `metrics`.
  PartlyTraced(std::string io_uring_unseen, const ProcessCatalog& catalog, MetricRegistry& metrics);

  const std::string& io_uring_unseen() const { return io_uring_unseen_; }
  // Logs that there are more than were told of, once a minute at most. To be called every second or so; one thread.
  void tell(Time now);

 private:
  std::size_t count() const;

  const std::string io_uring_unseen_;
  const ProcessCatalog& catalog_;
  std::size_t told_ = 0;
  Time next_;
};

}  // namespace telegen::app
