// Which language runtime a process is, told by its executable's name, the libraries mapped into it and its ELF file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "discovery/executable.h"

namespace telegen {

enum class Language : std::uint8_t { kUnknown, kGo, kJava, kPython, kNodejs, kDotnet, kRuby, kPhp, kRust, kCpp };
constexpr std::uint8_t kLanguageCount = 10;

// "go", "java", …, "cpp": the values of telemetry.sdk.language and of the configuration key `languages`. kUnknown:
// "unknown".
std::string_view to_text(Language language);
std::optional<Language> parse_language(std::string_view text);

struct Runtime {
  Language language = Language::kUnknown;
  std::string name;     // process.runtime.name: "go", "cpython", "nodejs", …; empty: none to speak of (C, C++)
  std::string version;  // process.runtime.version; empty where it is not cheap to know
  bool operator==(const Runtime&) const = default;
};

// `exe_path`: resolved executable, empty if unknown. `mapped_files` may be empty. `facts`: null if the executable could
// not be read. What a script interpreter runs in counts, not what it is written in: python3 is Python, not C.
Runtime detect_runtime(std::string_view exe_path, const std::vector<std::string>& mapped_files,
                       const ExecutableFacts* facts);

}  // namespace telegen
