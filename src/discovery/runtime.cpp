#include "discovery/runtime.h"

#include <algorithm>
#include <array>

#include "discovery/text.h"

namespace telegen {
namespace {

constexpr std::array<std::string_view, kLanguageCount> kNames = {"unknown", "go",   "java", "python", "nodejs",
                                                                 "dotnet",  "ruby", "php",  "rust",   "cpp"};

bool is_version_char(char c) { return is_digit(c) || c == '.'; }

std::string leading_version(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && is_version_char(text[end])) ++end;
  while (end > 0 && text[end - 1] == '.') --end;
  return std::string(text.substr(0, end));
}

// "python3.11" with stem "python" → "3.11"; nullopt where it is another program. A tail in `suffixes` is allowed for.
std::optional<std::string> versioned_name(std::string_view name, std::string_view stem,
                                          std::initializer_list<std::string_view> suffixes = {}) {
  if (!name.starts_with(stem)) return std::nullopt;
  name.remove_prefix(stem.size());
  for (const std::string_view suffix : suffixes) {
    if (name.ends_with(suffix)) {
      name.remove_suffix(suffix.size());
      break;
    }
  }
  if (!std::all_of(name.begin(), name.end(), is_version_char)) return std::nullopt;
  return leading_version(name);
}

struct Interpreter {
  std::string_view stem;  // of the executable's name; a version may follow
  Language language;
  std::string_view runtime;
};
constexpr std::array kInterpreters = {
    Interpreter{"python", Language::kPython, "cpython"}, Interpreter{"pypy", Language::kPython, "pypy"},
    Interpreter{"nodejs", Language::kNodejs, "nodejs"},  Interpreter{"node", Language::kNodejs, "nodejs"},
    Interpreter{"java", Language::kJava, "java"},        Interpreter{"ruby", Language::kRuby, "ruby"},
    Interpreter{"php-fpm", Language::kPhp, "php-fpm"},   Interpreter{"php-cgi", Language::kPhp, "php-cgi"},
    Interpreter{"php", Language::kPhp, "php"},           Interpreter{"dotnet", Language::kDotnet, ".NET"},
    Interpreter{"jsvc", Language::kJava, "java"},        Interpreter{"uwsgi", Language::kPython, "cpython"},
    Interpreter{"mono", Language::kDotnet, "mono"},
};

// A library whose presence in the address space means the runtime, wherever it is embedded.
struct Library {
  std::string_view prefix;  // of the file's name
  Language language;
  std::string_view runtime;
};
constexpr std::array kLibraries = {
    Library{"libjvm.so", Language::kJava, "java"},       Library{"libcoreclr.so", Language::kDotnet, ".NET"},
    Library{"libhostfxr.so", Language::kDotnet, ".NET"}, Library{"libpython", Language::kPython, "cpython"},
    Library{"libpypy", Language::kPython, "pypy"},       Library{"libnode.so", Language::kNodejs, "nodejs"},
    Library{"libruby", Language::kRuby, "ruby"},         Library{"libphp", Language::kPhp, "php"},
};

// A version that is a folder of the path: ".../Microsoft.NETCore.App/8.0.1/libcoreclr.so", ".../node/v20.1.0/bin/node",
// ".../jvm/java-17-openjdk-amd64/bin/java".
std::string version_in_path(Language language, std::string_view path) {
  const auto after = [&](std::string_view mark) {
    const std::size_t at = path.find(mark);
    return at == std::string_view::npos ? std::string() : leading_version(path.substr(at + mark.size()));
  };
  switch (language) {
    case Language::kDotnet: return after("/Microsoft.NETCore.App/");
    case Language::kNodejs: return after("/node/v");
    case Language::kJava: {
      for (const std::string_view mark : {"/java-", "/jdk-", "/jre-", "/temurin-", "/zulu"}) {
        if (std::string version = after(mark); !version.empty()) return version;
      }
      return {};
    }
    default: return {};
  }
}

std::optional<Runtime> from_name(std::string_view exe_path) {
  const std::string_view name = base_name(exe_path);
  for (const Interpreter& known : kInterpreters) {
    const auto version = versioned_name(name, known.stem, {"-config", "-real", "d", "m", "mu"});
    if (!version) continue;
    Runtime out{known.language, std::string(known.runtime), *version};
    if (std::string in_path = version_in_path(known.language, exe_path); !in_path.empty()) out.version = in_path;
    return out;
  }
  return std::nullopt;
}

std::optional<Runtime> from_libraries(const std::vector<std::string>& mapped_files) {
  for (const std::string& path : mapped_files) {
    std::string_view name = base_name(path);
    if (name.find(".so") == std::string_view::npos) continue;
    for (const Library& known : kLibraries) {
      if (!name.starts_with(known.prefix)) continue;
      std::string_view tail = name.substr(known.prefix.size());
      if (tail.starts_with('-')) tail.remove_prefix(1);  // libruby-3.1.so
      Runtime out{known.language, std::string(known.runtime), version_in_path(known.language, path)};
      if (out.version.empty() && !known.prefix.ends_with(".so")) out.version = leading_version(tail);
      return out;
    }
  }
  return std::nullopt;
}

// The version of an interpreter that its name did not tell: "python" maps libpython3.11.so or .../python3.11/….
std::string version_from_maps(const Runtime& runtime, const std::vector<std::string>& mapped_files) {
  if (const auto library = from_libraries(mapped_files); library && library->language == runtime.language) {
    if (!library->version.empty()) return library->version;
  }
  if (runtime.language != Language::kPython) return {};
  constexpr std::string_view kMark = "/lib/python";
  for (const std::string& path : mapped_files) {
    const std::size_t at = path.find(kMark);
    if (at == std::string::npos) continue;
    const std::string version = leading_version(std::string_view(path).substr(at + kMark.size()));
    if (version.find('.') != std::string::npos) return version;
  }
  return {};
}

}  // namespace

std::string_view to_text(Language language) { return kNames[static_cast<std::size_t>(language)]; }

std::optional<Language> parse_language(std::string_view text) {
  for (std::size_t i = 1; i < kNames.size(); ++i) {
    if (kNames[i] == text) return static_cast<Language>(i);
  }
  return std::nullopt;
}

Runtime detect_runtime(std::string_view exe_path, const std::vector<std::string>& mapped_files,
                       const ExecutableFacts* facts) {
  // A Go program may be called anything, "node" too (Kubernetes' exporters are), and says itself what it is.
  if (facts != nullptr && facts->go) return {Language::kGo, "go", facts->go_version};
  if (auto named = from_name(exe_path)) {
    if (named->version.find('.') == std::string::npos) {
      if (std::string better = version_from_maps(*named, mapped_files); !better.empty()) named->version = better;
    }
    return *named;
  }
  if (auto library = from_libraries(mapped_files)) return *library;
  if (facts == nullptr || !facts->elf) return {};
  if (facts->rust) return {Language::kRust, "rustc", facts->rust_version};
  return {Language::kCpp, {}, {}};
}

}  // namespace telegen
