#include "governor/cgroup.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "governor/cgroup_files.h"

namespace telegen {
namespace {

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

struct ProcTexts {
  std::string cgroup;
  std::string mountinfo;
};

Result<ProcTexts> read_proc_texts(const CgroupFiles& files) {
  const std::string process = files.root + "/proc/" + files.process;
  ProcTexts texts;
  for (const auto& [name, to] : {std::pair{"/cgroup", &texts.cgroup}, {"/mountinfo", &texts.mountinfo}}) {
    auto text = read_file(process + name);
    if (!text) return fail_errno(errno, "read", process + name);
    *to = std::move(*text);
  }
  return texts;
}

template <class T>
void tighten(std::optional<T>& limit, std::optional<T> other) {
  if (other && (!limit || *other < *limit)) limit = other;
}

std::string text_of(const std::string& path) { return read_file(path).value_or(""); }

void take_memory_limits(std::optional<std::uint64_t>& limit, const std::string& directory, int version) {
  if (version == 2) {
    tighten(limit, parse_memory_limit(text_of(directory + "/memory.max")));
    tighten(limit, parse_memory_limit(text_of(directory + "/memory.high")));
    return;
  }
  tighten(limit, parse_memory_limit(text_of(directory + "/memory.limit_in_bytes")));
  const auto above = parse_stat_value(text_of(directory + "/memory.stat"), "hierarchical_memory_limit");
  if (above) tighten(limit, parse_memory_limit(std::to_string(*above)));
}

std::optional<double> cpu_limit(const std::string& directory, int version) {
  if (version == 2) return parse_cpu_max(text_of(directory + "/cpu.max"));
  return parse_cfs(text_of(directory + "/cpu.cfs_quota_us"), text_of(directory + "/cpu.cfs_period_us"));
}

}  // namespace

Result<EnvironmentLimits> read_environment_limits(const CgroupFiles& files) {
  const auto texts = read_proc_texts(files);
  if (!texts) return std::unexpected(texts.error());
  EnvironmentLimits limits;
  if (const auto place = find_controller(texts->cgroup, texts->mountinfo, "memory"); place) {
    for (const std::string& directory : with_ancestors(*place)) {
      take_memory_limits(limits.memory_bytes, files.root + directory, place->version);
    }
  }
  if (const auto place = find_controller(texts->cgroup, texts->mountinfo, "cpu"); place) {
    for (const std::string& directory : with_ancestors(*place)) {
      tighten(limits.cpus, cpu_limit(files.root + directory, place->version));
    }
  }
  return limits;
}

std::optional<std::uint64_t> read_memory_in_use(const CgroupFiles& files) {
  const auto texts = read_proc_texts(files);
  if (!texts) return std::nullopt;
  const auto place = find_controller(texts->cgroup, texts->mountinfo, "memory");
  if (!place) return std::nullopt;
  const bool v2 = place->version == 2;
  // The nearest that counts: the controller may not have been handed down to the process's own group.
  for (const std::string& directory : with_ancestors(*place)) {
    const std::string at = files.root + directory;
    const auto used = parse_bytes(text_of(at + (v2 ? "/memory.current" : "/memory.usage_in_bytes")));
    if (!used) continue;
    const auto cache = parse_stat_value(text_of(at + "/memory.stat"), v2 ? "inactive_file" : "total_inactive_file");
    return *used - std::min(cache.value_or(0), *used);
  }
  return std::nullopt;
}

}  // namespace telegen
