// web/index.html, embedded at build time.
#pragma once

#include <string_view>

namespace telegen {

std::string_view status_page();

}  // namespace telegen
