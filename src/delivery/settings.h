// The section `queues` of the configuration. describe() visits the keys inside it.
#pragma once

#include <chrono>
#include <string>

#include "base/settings.h"

namespace telegen {

struct QueueSettings {
  ByteSize mem_limit{256ULL << 20};
  Duration max_age = std::chrono::hours(6);
};

struct SpoolSettings {
  std::string directory;  // empty: the queues are in memory
  ByteSize max_size{1ULL << 30};
  std::string fsync = "interval";  // never | interval | always
  Duration fsync_interval = std::chrono::seconds(1);
};

struct QueuesSettings {
  QueueSettings traces;
  QueueSettings metrics{.mem_limit = {128ULL << 20}, .max_age = std::chrono::minutes(5)};
  QueueSettings logs{.mem_limit = {256ULL << 20}, .max_age = std::chrono::hours(24)};
  SpoolSettings spool;
};

void describe(SettingsVisitor& visitor, QueueSettings& settings);
void describe(SettingsVisitor& visitor, SpoolSettings& settings);
void describe(SettingsVisitor& visitor, QueuesSettings& settings);

}  // namespace telegen
