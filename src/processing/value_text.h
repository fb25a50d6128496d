// A value as text, for patterns and hashes: numbers in their shortest decimal form, true and false, lists with commas.
#pragma once

#include <string>

#include "model/attribute.h"

namespace telegen {

std::string value_text(const Value& value);

}  // namespace telegen
