// The effective configuration as text, from the same declaration that reads it.
#pragma once

#include <string>

#include "control/config/settings.h"

namespace telegen {

enum class Secrets {
  kMask,    // "****" for what is set; user and password within URLs as well
  kReveal,  // for handing the settings to the worker: reading the text back gives the same settings
};

// Describing takes a mutable reference, so the printers work on a copy.
std::string to_yaml(Settings settings, Secrets secrets);
std::string to_json(Settings settings);  // secrets masked; sizes and times as in the file

namespace config {
std::string to_yaml(const SettingsVisitor::Body& declaration, Secrets secrets);
std::string to_json(const SettingsVisitor::Body& declaration);
}  // namespace config

}  // namespace telegen
