// Bytes as they were captured: any value, NUL included. The alias says so where text would be a wrong guess.
#pragma once

#include <string_view>

namespace telegen {

using Bytes = std::string_view;

}  // namespace telegen
