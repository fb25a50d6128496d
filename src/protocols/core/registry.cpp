#include "protocols/core/registry.h"

namespace telegen {

std::span<const ProtocolRow> protocol_registry() { return {}; }

}  // namespace telegen
