// What every command that reads the configuration adds to it: one list, so that `validate` finds what `run` would.
#pragma once

#include "control/config/load.h"

namespace telegen::app {

// The request with the environment rules and checks of all rooms.
LoadRequest with_rules(LoadRequest request);

}  // namespace telegen::app
