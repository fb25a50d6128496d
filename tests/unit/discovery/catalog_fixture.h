// What the tests of the catalog share: the golden /proc, a host, and resources as text.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "discovery/catalog.h"

namespace telegen {

inline const std::string kProc = std::string(TELEGEN_TESTDATA) + "/discovery/proc";
inline const std::string kContainer = "3f1c8ae7b0d94c5e8f6a7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f7a8b9c0";

inline HostInfo host() {
  return {.name = "box",
          .id = "0123456789abcdef0123456789abcdef",
          .arch = "amd64",
          .os_name = "Debian GNU/Linux",
          .os_version = "12",
          .os_description = "Debian GNU/Linux 12 (bookworm)",
          .boot = {1'700'000'000'000'000'000ULL},
          .ticks_per_second = 100};
}

inline std::string as_text(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return "#" + std::to_string(*number);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    std::string out;
    for (const auto& item : *list) out += "[" + item + "]";
    return out;
  }
  return "?";
}

inline std::map<std::string, std::string> as_map(const Resource& resource) {
  std::map<std::string, std::string> out;
  for (const auto& attribute : resource.attributes) {
    EXPECT_TRUE(out.emplace(attribute.key, as_text(attribute.value)).second) << "twice: " << attribute.key;
  }
  return out;
}

struct Fixture {
  explicit Fixture(Selection selection = {}, CatalogOptions options = {}) {
    options.proc_root = kProc;
    options.agent_version = "0.1.0";
    const auto on_learned = [this](const ProcessInfo& info, const Decision& decision) {
      std::this_thread::sleep_for(selection_takes.load());
      const std::scoped_lock lock(mutex);
      learned.emplace_back(info.pid, decision.selected);
    };
    catalog = std::make_unique<ProcessCatalog>(options, host(), std::move(selection),
                                               std::make_unique<DirectProc>(kProc), metrics, on_learned);
  }
  double metric(std::string_view name) const {
    double out = -1;
    metrics.visit([&](const MetricSample& sample) {
      if (sample.name == name) out = sample.value;
    });
    return out;
  }
  MetricRegistry metrics;
  std::atomic<std::chrono::milliseconds> selection_takes{};  // as asking the loader does
  std::mutex mutex;
  std::vector<std::pair<std::uint32_t, Matched>> learned;
  std::unique_ptr<ProcessCatalog> catalog;  // last: its thread uses the rest
};

inline std::string service(const ResourcePtr& resource) {
  return resource ? as_map(*resource).at("service.name") : "(null)";
}

}  // namespace telegen
