#include "partly_traced.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "discovery/status.h"

namespace telegen::app {
namespace {

constexpr Duration kPause = std::chrono::minutes(1);

}  // namespace

PartlyTraced::PartlyTraced(std::string io_uring_unseen, const ProcessCatalog& catalog, MetricRegistry& metrics)
    : io_uring_unseen_(std::move(io_uring_unseen)), catalog_(catalog) {
  metrics.observe("telegen_processes_partly_traced", "Traced processes of which not everything is seen.",
                  MetricKind::kGauge, {{"reason", "io_uring"}}, [this] {
                    return io_uring_unseen_.empty() ? 0.0
                                                    : static_cast<double>(io_uring_users(*catalog_.snapshot()).size());
                  });
}

void PartlyTraced::tell(Time now) {
  if (io_uring_unseen_.empty()) return;
  if (const ProcessSnapshotPtr latest = catalog_.snapshot(); latest != seen_) {
    seen_ = latest;
    count_ = io_uring_users(*latest).size();
  }
  told_ = std::min(told_, count_);  // one that comes after another has gone is news
  if (count_ == told_ || now < next_) return;
  log_warn(std::to_string(count_) +
           (count_ == 1 ? " process uses io_uring and is" : " processes use io_uring and are") +
           " traced in part: what goes through it is " + io_uring_unseen_);
  told_ = count_;
  next_ = now + kPause;
}

}  // namespace telegen::app
