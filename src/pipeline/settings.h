// The section `queues` of the configuration. describe() visits the keys inside it.
#pragma once

#include <chrono>

#include "base/settings.h"

namespace telegen {

struct QueueSettings {
  ByteSize mem_limit{256ULL << 20};
  Duration max_age = std::chrono::hours(6);
};

struct QueuesSettings {
  QueueSettings traces;
};

void describe(SettingsVisitor& visitor, QueueSettings& settings);
void describe(SettingsVisitor& visitor, QueuesSettings& settings);

}  // namespace telegen
