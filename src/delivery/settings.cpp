#include "delivery/settings.h"

namespace telegen {

void describe(SettingsVisitor& visitor, QueueSettings& s) {
  visitor.field("mem_limit", s.mem_limit,
                "Bytes of encoded requests held at most; beyond, the oldest are dropped and counted.",
                {.min = 65536, .max = 0x1p40});
  visitor.field("max_age", s.max_age,
                "How long an item is held and its sending tried before it is dropped and counted.",
                {.min = 1, .max = 30.0 * 86400});
}

void describe(SettingsVisitor& visitor, SpoolSettings& s) {
  visitor.field("directory", s.directory,
                "Keep the queues in files here, which outlive the agent and the host's memory. Empty: in memory.");
  visitor.field("max_size", s.max_size,
                "Bytes on disk at most, for all signals together; beyond, the oldest segments are dropped and counted.",
                {.min = 1 << 20, .max = 0x1p44});
  visitor.field("fsync", s.fsync,
                "When what was written is forced to the disk, as a power cut asks for: never, every fsync_interval, or "
                "always before it is sent. A crash of the agent loses nothing of it in any case.",
                {.choices = {"never", "interval", "always"}});
  visitor.field("fsync_interval", s.fsync_interval, "How often, with fsync: interval.", {.min = 0.01, .max = 3600});
}

void describe(SettingsVisitor& visitor, QueuesSettings& s) {
  visitor.section("traces", "Spans that wait to be sent.", [&s](SettingsVisitor& v) { describe(v, s.traces); });
  visitor.section("metrics", "Metrics that wait to be sent.", [&s](SettingsVisitor& v) { describe(v, s.metrics); });
  visitor.section("logs", "Log records that wait to be sent.", [&s](SettingsVisitor& v) { describe(v, s.logs); });
  visitor.section("spool",
                  "Queues on disk. The limit is its max_size then, and mem_limit holds where the disk is full.",
                  [&s](SettingsVisitor& v) { describe(v, s.spool); });
}

}  // namespace telegen
