#include "discovery/candidates.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>

#include "discovery/proc_files.h"
#include "discovery/text.h"

namespace telegen {
namespace {

constexpr int kMaxDepth = 32;
constexpr std::size_t kMaxGroups = 16384;
constexpr std::size_t kMaxProcsFile = 4 << 20;

struct DirectoryCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, DirectoryCloser>;

class Collector {
 public:
  explicit Collector(std::size_t limit) : limit_(limit) {}

  void add(std::uint32_t pid) {
    if (pids_.size() < limit_) {
      pids_.insert(pid);
    } else if (!pids_.contains(pid)) {
      truncated_ = true;
    }
  }

  void add_group(const std::string& path, int depth = 0) {
    if (depth > kMaxDepth || ++groups_ > kMaxGroups) {
      truncated_ = true;
      return;
    }
    // A threaded cgroup refuses this read; its processes are listed in the threaded domain above it (cgroups(7)).
    if (const auto text = read_bounded(path + "/cgroup.procs", kMaxProcsFile)) {
      for (const std::string_view line : split(text->text, '\n')) {
        const auto pid = parse_decimal(line);
        if (pid && *pid != 0 && *pid <= UINT32_MAX) add(static_cast<std::uint32_t>(*pid));  // 0: of another namespace
      }
      truncated_ = truncated_ || text->truncated;
    }
    const Directory directory(::opendir(path.c_str()));
    if (!directory) return;
    while (const dirent* entry = ::readdir(directory.get())) {
      const std::string_view name = entry->d_name;
      if (entry->d_type == DT_DIR && name != "." && name != "..") add_group(path + "/" + entry->d_name, depth + 1);
    }
  }

  Result<void> add_all(const std::string& proc_root) {
    const Directory directory(::opendir(proc_root.c_str()));
    if (!directory) return fail_errno(errno, "open", proc_root);
    while (const dirent* entry = ::readdir(directory.get())) {
      const auto pid = parse_decimal(entry->d_name);
      if (pid && *pid != 0 && *pid <= UINT32_MAX) add(static_cast<std::uint32_t>(*pid));
    }
    return {};
  }

  Candidates take(bool whole_host) const { return {{pids_.begin(), pids_.end()}, whole_host, truncated_}; }

 private:
  std::size_t limit_;
  std::set<std::uint32_t> pids_;
  std::size_t groups_ = 0;
  bool truncated_ = false;
};

}  // namespace

Result<Candidates> candidates(const std::vector<Selector>& instrument, const std::vector<CgroupMount>& mounts,
                              const std::string& proc_root, std::size_t limit) {
  Collector found(limit);
  const bool scoped = !instrument.empty() && std::all_of(instrument.begin(), instrument.end(),
                                                         [](const Selector& s) { return s.names_scope(); });
  if (!scoped) {
    if (auto listed = found.add_all(proc_root); !listed) return std::unexpected(listed.error());
    return found.take(true);
  }
  for (const Selector& selector : instrument) {
    if (!selector.pids.empty()) {  // with a cgroup as well, both must hold: the named ones are the fewer
      for (const std::uint32_t pid : selector.pids) found.add(pid);
      continue;
    }
    for (const std::string& path : directories_of(*selector.cgroup, mounts)) found.add_group(path);
  }
  return found.take(false);
}

}  // namespace telegen
