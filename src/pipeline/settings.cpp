#include "pipeline/settings.h"

namespace telegen {

void describe(SettingsVisitor& visitor, QueueSettings& s) {
  visitor.field("mem_limit", s.mem_limit, "Bytes held at most; beyond, the oldest are dropped and counted.",
                {.min = 65536, .max = 0x1p40});
  visitor.field("max_age", s.max_age, "How long a span is held and its sending tried before it is dropped and counted.",
                {.min = 1, .max = 30.0 * 86400});
}

void describe(SettingsVisitor& visitor, QueuesSettings& s) {
  visitor.section("traces", "Spans that wait to be sent.", [&s](SettingsVisitor& v) { describe(v, s.traces); });
}

}  // namespace telegen
