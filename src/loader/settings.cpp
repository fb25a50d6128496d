#include "loader/settings.h"

namespace telegen {

void describe(SettingsVisitor& visitor, EbpfSettings& settings) {
  visitor.field("enabled", settings.enabled, "Load eBPF programs. Without them nothing is traced.");
  visitor.field("ringbuf_size", settings.ringbuf_size,
                "Size of the ring between kernel and worker; rounded up to a power of two.",
                {.min = 64 * 1024, .max = 1024.0 * 1024 * 1024});
  visitor.field(
      "connections", settings.connections,
      "Most connections followed at once. Memory is taken as they appear, not in advance; before Linux 6.1 there "
      "are at most 65,536, and memory for all of them.",
      {.min = 1024, .max = 16.0 * 1024 * 1024});
  visitor.field("capture_bytes", settings.capture_bytes,
                "How much of the head of each request and response is captured; of the rest only the length.",
                {.min = 256, .max = 8192});
  visitor.field(
      "force_probe", settings.force_probe,
      "Which candidate a hook uses, in place of the first that the kernel permits: `{socket.send: exit}`. For "
      "tests and support; `telegen doctor` names hooks and candidates.");
}

}  // namespace telegen
