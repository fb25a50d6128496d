#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>

#include "discovery/executable.h"
#include "discovery/runtime.h"

namespace telegen {
namespace {

struct TestSection {
  std::string name;
  std::string bytes;
};

// A minimal ELF64 file with these sections.
std::string make_elf(const std::vector<TestSection>& sections) {
  std::string names(1, '\0');
  std::string body(sizeof(Elf64_Ehdr), '\0');
  std::vector<Elf64_Shdr> headers(1, Elf64_Shdr{});
  const auto add = [&](std::uint32_t name, const std::string& bytes) {
    while (body.size() % 16 != 0) body.push_back('\0');
    Elf64_Shdr header{};
    header.sh_name = name;
    header.sh_type = SHT_PROGBITS;
    header.sh_offset = body.size();
    header.sh_size = bytes.size();
    headers.push_back(header);
    body += bytes;
  };
  for (const TestSection& section : sections) {
    const auto name = static_cast<std::uint32_t>(names.size());
    names += section.name + '\0';
    add(name, section.bytes);
  }
  add(0, names);
  Elf64_Ehdr head{};
  std::memcpy(head.e_ident, ELFMAG, SELFMAG);
  head.e_ident[EI_CLASS] = ELFCLASS64;
  head.e_ident[EI_DATA] = ELFDATA2LSB;
  head.e_shoff = body.size();
  head.e_shentsize = sizeof(Elf64_Shdr);
  head.e_shnum = static_cast<std::uint16_t>(headers.size());
  head.e_shstrndx = static_cast<std::uint16_t>(headers.size() - 1);
  body.append(reinterpret_cast<const char*>(headers.data()), headers.size() * sizeof(Elf64_Shdr));
  std::memcpy(body.data(), &head, sizeof head);
  return body;
}

ExecutableFacts facts_of(const std::string& file) {
  return read_executable_facts([&](std::uint64_t offset, std::size_t size) {
    return offset >= file.size() ? std::string() : file.substr(static_cast<std::size_t>(offset), size);
  });
}

std::string go_build_info(const std::string& version, const std::string& modules) {
  std::string out("\xff Go buildinf:\x08\x02", 16);
  out.resize(32, '\0');
  out.push_back(static_cast<char>(version.size()));
  out += version;
  out.push_back(static_cast<char>(modules.size() % 128 | 0x80));
  out.push_back(static_cast<char>(modules.size() / 128));
  return out + modules;
}

const std::string kOtlp = "dep\tgo.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc\tv1.28.0\n";

TEST(Executable, GoTellsItsVersionAndItsExporter) {
  const auto plain = facts_of(make_elf({{".text", "x"}, {".go.buildinfo", go_build_info("go1.22.1", "mod\tx\n")}}));
  EXPECT_EQ(plain, (ExecutableFacts{.elf = true, .go = true, .go_version = "1.22.1"}));
  const auto traced = facts_of(make_elf({{".go.buildinfo", go_build_info("go1.22.1", kOtlp)}}));
  EXPECT_EQ(traced, (ExecutableFacts{.elf = true, .go = true, .go_version = "1.22.1", .go_otlp_traces = true}));
}

TEST(Executable, OldGoHasPointersInsteadOfStrings) {
  std::string old("\xff Go buildinf:\x08\x00", 16);
  old.resize(48, '\7');
  EXPECT_EQ(facts_of(make_elf({{".go.buildinfo", old}})), (ExecutableFacts{.elf = true, .go = true}));
}

TEST(Executable, RustByItsCommentOrByTheStandardLibrarysPaths) {
  using namespace std::string_literals;
  const auto comment = facts_of(make_elf({{".comment", "GCC: (Debian) 12\0rustc version 1.75.0 (82e1608df)\0"s}}));
  EXPECT_EQ(comment, (ExecutableFacts{.elf = true, .rust = true, .rust_version = "1.75.0"}));
  // The mark lies across two of the windows that the search reads.
  const std::string rodata = std::string(64 * 1024 - 3, 'x') + "/rustc/82e1608df/library/std/src/io.rs";
  EXPECT_EQ(facts_of(make_elf({{".rodata", rodata}})), (ExecutableFacts{.elf = true, .rust = true}));
  EXPECT_EQ(facts_of(make_elf({{".comment", "GCC: (Debian) 12\0"s}})), (ExecutableFacts{.elf = true}));
}

TEST(Executable, AnythingElseIsNoElf) {
  EXPECT_EQ(facts_of(""), ExecutableFacts{});
  EXPECT_EQ(facts_of("#!/bin/sh\nexec true\n"), ExecutableFacts{});
  EXPECT_EQ(facts_of("\x7f"
                     "ELF"),
            ExecutableFacts{});
}

TEST(Executable, EveryTruncationAndEveryChangedHeaderByteIsSurvived) {
  const std::string whole =
      make_elf({{".go.buildinfo", go_build_info("go1.22.1", kOtlp)}, {".comment", "rustc version 1"}});
  for (std::size_t length = 0; length < whole.size(); ++length) facts_of(whole.substr(0, length));
  for (std::size_t at = 0; at < sizeof(Elf64_Ehdr); ++at) {
    for (const char value : {'\0', '\x7f', '\xff'}) {
      std::string changed = whole;
      changed[at] = value;
      facts_of(changed);
    }
  }
  EXPECT_TRUE(facts_of(whole).go);
}

Runtime named(std::string_view exe, const std::vector<std::string>& maps = {}) {
  const ExecutableFacts native{.elf = true};
  return detect_runtime(exe, maps, &native);
}

TEST(DetectRuntime, ByExecutableLibraryAndElf) {
  const auto same = [](const Runtime& a, Language language, const char* name, const char* version) {
    EXPECT_EQ(a, (Runtime{language, name, version}));
  };
  same(named("/usr/bin/python3.11"), Language::kPython, "cpython", "3.11");
  same(named("/usr/bin/python3", {"/usr/lib/libpython3.9.so.1.0"}), Language::kPython, "cpython", "3.9");
  same(named("/usr/bin/python", {"/usr/lib/python3.10/lib-dynload/_x.so"}), Language::kPython, "cpython", "3.10");
  same(named("/opt/pypy3.9/bin/pypy3.9"), Language::kPython, "pypy", "3.9");
  same(named("/home/x/.nvm/versions/node/v20.1.0/bin/node"), Language::kNodejs, "nodejs", "20.1.0");
  same(named("/usr/bin/node"), Language::kNodejs, "nodejs", "");
  same(named("/usr/lib/jvm/java-17-openjdk-amd64/bin/java"), Language::kJava, "java", "17");
  same(named("/opt/launcher", {"/opt/jdk/lib/server/libjvm.so"}), Language::kJava, "java", "");
  same(named("/usr/share/dotnet/dotnet", {"/usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/libcoreclr.so"}),
       Language::kDotnet, ".NET", "8.0.1");
  same(named("/app/Orders", {"/app/libcoreclr.so"}), Language::kDotnet, ".NET", "");
  same(named("/usr/bin/ruby3.1"), Language::kRuby, "ruby", "3.1");
  same(named("/usr/bin/passenger", {"/usr/lib/x86_64-linux-gnu/libruby-3.1.so.3.1"}), Language::kRuby, "ruby", "3.1");
  same(named("/usr/sbin/php-fpm8.2"), Language::kPhp, "php-fpm", "8.2");
  same(named("/usr/sbin/apache2", {"/usr/lib/apache2/modules/libphp8.2.so"}), Language::kPhp, "php", "8.2");
  same(named("/usr/sbin/nginx"), Language::kCpp, "", "");
  same(named("/usr/bin/nodejs-exporter"), Language::kCpp, "", "");
  same(named(""), Language::kCpp, "", "");
  same(detect_runtime("/usr/sbin/nginx", {}, nullptr), Language::kUnknown, "", "");
  const ExecutableFacts go{.elf = true, .go = true, .go_version = "1.22"};
  same(detect_runtime("/usr/bin/node", {}, &go), Language::kGo, "go", "1.22");
  const ExecutableFacts rust{.elf = true, .rust = true, .rust_version = "1.75.0"};
  same(detect_runtime("/srv/orders", {}, &rust), Language::kRust, "rustc", "1.75.0");
}

TEST(DetectRuntime, LanguagesHaveTheNamesOfTheConventions) {
  for (std::uint8_t i = 1; i < kLanguageCount; ++i) {
    const auto language = static_cast<Language>(i);
    EXPECT_EQ(parse_language(to_text(language)), language);
  }
  EXPECT_FALSE(parse_language("unknown").has_value());
  EXPECT_FALSE(parse_language("").has_value());
}

}  // namespace
}  // namespace telegen
