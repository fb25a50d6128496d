// What a signal is about: a process, its container and host.
#pragma once

#include <memory>

#include "model/attribute.h"

namespace telegen {

struct Resource {
  OwnedAttributes attributes;
};

// Shared because spans outlive the process snapshot that they were born from; never changed after it is published.
using ResourcePtr = std::shared_ptr<const Resource>;

}  // namespace telegen
