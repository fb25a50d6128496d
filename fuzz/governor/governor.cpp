// Every parser of governor on hostile bytes. Of a place the input is two files, apart by a NUL.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "governor/cgroup_files.h"
#include "governor/process_costs.h"

using namespace telegen;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void find_a_place(std::string_view cgroup, std::string_view mountinfo) {
  for (const std::string_view controller : {"memory", "cpu"}) {
    const auto place = find_controller(cgroup, mountinfo, controller);
    if (!place) continue;
    require(place->version == 1 || place->version == 2);
    require(place->directory.starts_with(place->mount));
    const auto directories = with_ancestors(*place);
    require(directories.front() == place->directory);
    require(
        std::ranges::all_of(directories, [&](const std::string& each) { return place->directory.starts_with(each); }));
  }
}

void parse_limits(std::string_view text, std::string_view other) {
  if (const auto cores = parse_cpu_max(text)) require(*cores > 0);
  if (const auto cores = parse_cfs(text, other)) require(*cores > 0);
  if (const auto limit = parse_memory_limit(text)) require(parse_bytes(text) == limit);
  parse_stat_value(text, "inactive_file");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view in(reinterpret_cast<const char*>(data), size);
  const std::string_view first = in.substr(0, in.find('\0'));
  const std::string_view second = in.substr(std::min(first.size() + 1, in.size()));
  find_a_place(first, second);
  parse_limits(first, second);
  parse_thread_stat(in);
  parse_resident_memory(in);
  return 0;
}
