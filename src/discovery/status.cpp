#include "discovery/status.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

namespace telegen {
namespace {

constexpr std::size_t kMaxServices = 1000;
constexpr std::size_t kMaxPids = 100;

std::string_view selected_text(Matched selected) {
  switch (selected) {
    case Matched::kYes: return "yes";
    case Matched::kNo: return "no";
    case Matched::kUnknown: return "unknown";
  }
  return "";
}

}  // namespace

std::string discovery_status(const ProcessSnapshot& snapshot) {
  using Key = std::tuple<std::string, std::string, std::string_view>;
  std::map<Key, std::vector<std::uint32_t>> services;
  std::map<std::string, std::size_t> by_runtime;
  std::map<std::string, std::size_t> selected = {{"yes", 0}, {"no", 0}, {"unknown", 0}};
  std::size_t exited = 0;
  for (const auto& [pid, entry] : snapshot) {
    if (entry->exited) {
      ++exited;
      continue;
    }
    const std::string_view language = to_text(entry->info.runtime.language);
    ++by_runtime[std::string(language)];
    ++selected[std::string(selected_text(entry->decision.selected))];
    if (entry->decision.selected == Matched::kNo) continue;
    services[{entry->info.service.name, entry->info.service.name_space, language}].push_back(pid);
  }
  nlohmann::json list = nlohmann::json::array();
  for (auto& [key, pids] : services) {
    if (list.size() == kMaxServices) break;
    std::sort(pids.begin(), pids.end());
    const std::size_t count = pids.size();
    pids.resize(std::min(count, kMaxPids));
    const auto& [name, name_space, language] = key;
    list.push_back(
        {{"name", name}, {"namespace", name_space}, {"language", language}, {"processes", count}, {"pids", pids}});
  }
  const std::size_t left_out = services.size() - list.size();
  const nlohmann::json out = {{"processes", snapshot.size() - exited},
                              {"exited", exited},
                              {"by_runtime", by_runtime},
                              {"selected", selected},
                              {"services", std::move(list)},
                              {"services_left_out", left_out}};
  // Names come from strangers: bytes that are not UTF-8 are replaced, never thrown at.
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace telegen
