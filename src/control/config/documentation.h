// docs/configuration.md, from the declaration of the settings.
#pragma once

#include <string>

namespace telegen {

std::string configuration_markdown();

}  // namespace telegen
