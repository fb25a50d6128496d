// The status of an agent as text for a terminal. Pure.
#pragma once

#include <string>
#include <string_view>

namespace telegen::app {

// `status` and `ready` are the bodies of /status and /readyz. Sections become headings, values aligned lines, lists of
// mappings tables. Control bytes are shown as '?': names come from strangers.
std::string status_text(std::string_view status, std::string_view ready);

}  // namespace telegen::app
