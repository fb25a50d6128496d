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
                  MetricKind::kGauge, {{"reason", "io_uring"}}, [this] { return static_cast<double>(count()); });
}

std::size_t PartlyTraced::count() const {
  std::size_t users = 0;
  if (io_uring_unseen_.empty()) return users;
  catalog_.visit([&users](const CatalogEntry& entry) { users += is_traced_io_uring_user(entry) ? 1 : 0; });
  return users;
}

void PartlyTraced::tell(Time now) {
  const std::size_t count = this->count();
  told_ = std::min(told_, count);  // one that comes after another has gone is news
  if (count == told_ || now < next_) return;
  log_warn(std::to_string(count) + (count == 1 ? " process uses io_uring and is" : " processes use io_uring and are") +
           " traced in part: what goes through it is " + io_uring_unseen_);
  told_ = count;
  next_ = now + kPause;
}

}  // namespace telegen::app
