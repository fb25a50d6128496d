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

nlohmann::json io_uring_status(const ProcessSnapshot& snapshot, const std::string& unseen) {
  std::vector<std::uint32_t> users = io_uring_users(snapshot);
  const std::size_t count = users.size();
  users.resize(std::min(count, kMaxPids));
  nlohmann::json out = {{"processes", count}, {"pids", std::move(users)}, {"partly_traced", nullptr}};
  if (count > 0 && !unseen.empty()) out["partly_traced"] = unseen;
  return out;
}

}  // namespace

bool is_traced_io_uring_user(const CatalogEntry& entry) {
  return !entry.exited && entry.decision.selected == Matched::kYes && entry.info.io_uring == true;
}

std::vector<std::uint32_t> io_uring_users(const ProcessSnapshot& snapshot) {
  std::vector<std::uint32_t> pids;
  for (const auto& [pid, entry] : snapshot) {
    if (is_traced_io_uring_user(*entry)) pids.push_back(pid);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

std::string discovery_status(const ProcessSnapshot& snapshot, const std::string& io_uring_unseen) {
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
                              {"services_left_out", left_out},
                              {"io_uring", io_uring_status(snapshot, io_uring_unseen)}};
  // Names come from strangers: bytes that are not UTF-8 are replaced, never thrown at.
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace telegen
