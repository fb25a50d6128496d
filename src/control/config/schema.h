// The declaration of all settings as a list: what the environment, the documentation and the suggestions need.
#pragma once

#include <string>
#include <vector>

#include "base/settings.h"
#include "control/config/settings.h"

namespace telegen::config {

enum class KeyType { kSection, kList, kBoolean, kInteger, kNumber, kText, kSize, kDuration, kTexts, kMap };

struct Key {
  std::string path;  // "otlp.tls.ca_file"; within a list of mappings "discovery.instrument[].pids"
  KeyType type;
  std::string doc;
  std::string default_text;  // as one would write it; empty for sections and lists of mappings
  std::vector<std::string> choices;
  double min = 0;  // as in FieldRules
  double max = 0;
  bool secret = false;
  bool in_list = false;  // an entry's key: no environment variable reaches it
};

// In the order of the declaration, a section before its keys. The settings themselves are left as they are.
std::vector<Key> keys_of(const SettingsVisitor::Body& declaration);
std::vector<Key> all_keys();  // of Settings, with their defaults

std::string type_text(const Key& key);  // "`info`, `warn` or `off`", "size, 4Ki to 64Mi", …

}  // namespace telegen::config
