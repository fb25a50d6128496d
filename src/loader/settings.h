// agent.ebpf: what the kernel side may use.
#pragma once

#include <map>
#include <string>

#include "base/settings.h"

namespace telegen {

struct EbpfSettings {
  bool enabled = true;
  ByteSize ringbuf_size{16ULL << 20};
  std::int64_t connections = 1 << 20;
  ByteSize capture_bytes{4096};
  std::map<std::string, std::string> force_probe;  // hook → candidate
};

void describe(SettingsVisitor& visitor, EbpfSettings& settings);

}  // namespace telegen
