#include "discovery/executable.h"

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace telegen {
namespace {

constexpr std::size_t kMaxSections = 4096;
constexpr std::size_t kMaxSegments = 256;
constexpr std::size_t kMaxNames = 256 * 1024;
constexpr std::size_t kMaxBuildInfo = 1 << 20;
constexpr std::size_t kMaxComment = 64 * 1024;
constexpr std::size_t kMaxSearch = 4 << 20;  // of .rodata, looking for the marks of rustc
constexpr std::size_t kSearchWindow = 64 * 1024;
constexpr std::string_view kGoMagic("\xff Go buildinf:", 14);
constexpr std::size_t kGoAlignment = 16;

struct Section {
  std::string name;
  std::uint32_t type = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

struct Layout {
  std::vector<Section> sections;
  std::vector<Section> writable_segments;  // where the Go linker puts its build information
};

// A struct of the file, or nullopt where the bytes end before it. The one place where bytes become a struct.
template <class T>
std::optional<T> struct_at(std::string_view bytes, std::size_t offset) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T out;
  std::memcpy(&out, bytes.data() + offset, sizeof out);
  return out;
}

std::string c_string_at(std::string_view table, std::size_t offset) {
  if (offset >= table.size()) return {};
  table.remove_prefix(offset);
  return std::string(table.substr(0, table.find('\0')));
}

template <class Header, class SectionHeader, class ProgramHeader>
Layout read_layout(const ReadAt& read_at, std::string_view head) {
  Layout out;
  const auto header = struct_at<Header>(head, 0);
  if (!header) return out;
  if (header->e_shentsize == sizeof(SectionHeader)) {
    const std::size_t count = std::min<std::size_t>(header->e_shnum, kMaxSections);
    const std::string table = read_at(header->e_shoff, count * sizeof(SectionHeader));
    const auto names_header = struct_at<SectionHeader>(table, header->e_shstrndx * sizeof(SectionHeader));
    std::string names;
    if (names_header) {
      names = read_at(names_header->sh_offset, std::min<std::uint64_t>(names_header->sh_size, kMaxNames));
    }
    for (std::size_t i = 0; i < count; ++i) {
      const auto section = struct_at<SectionHeader>(table, i * sizeof(SectionHeader));
      if (!section) break;
      out.sections.push_back(
          {c_string_at(names, section->sh_name), section->sh_type, section->sh_offset, section->sh_size});
    }
  }
  if (header->e_phentsize == sizeof(ProgramHeader)) {
    const std::size_t count = std::min<std::size_t>(header->e_phnum, kMaxSegments);
    const std::string table = read_at(header->e_phoff, count * sizeof(ProgramHeader));
    for (std::size_t i = 0; i < count; ++i) {
      const auto segment = struct_at<ProgramHeader>(table, i * sizeof(ProgramHeader));
      if (!segment) break;
      if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) == 0) continue;
      out.writable_segments.push_back({"", segment->p_type, segment->p_offset, segment->p_filesz});
    }
  }
  return out;
}

const Section* find_section(const Layout& layout, std::string_view name) {
  const auto found = std::find_if(layout.sections.begin(), layout.sections.end(), [&](const Section& section) {
    return section.name == name && section.type != SHT_NOBITS;
  });
  return found == layout.sections.end() ? nullptr : &*found;
}

// A string as encoding/binary writes it: unsigned LEB128 length, then the bytes. Moves `bytes` behind it.
std::string_view take_varint_string(std::string_view& bytes) {
  std::uint64_t length = 0;
  std::size_t used = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (used == bytes.size()) return {};
    const auto byte = static_cast<unsigned char>(bytes[used++]);
    length |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) break;
  }
  bytes.remove_prefix(used);
  const std::string_view text =
      bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(length, bytes.size())));
  bytes.remove_prefix(text.size());
  return text;
}

// The text up to the first byte that a version number does not have, at most 32 bytes.
std::string version_text(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz.+-");
  return std::string(text.substr(0, std::min<std::size_t>(end, 32)));
}

bool read_go(std::string_view info, ExecutableFacts& facts) {
  std::size_t at = info.find(kGoMagic);
  while (at != std::string_view::npos && at % kGoAlignment != 0) at = info.find(kGoMagic, at + 1);
  if (at == std::string_view::npos) return false;
  facts.go = true;
  constexpr std::size_t kHeader = 32;       // magic, pointer size, flags, and room for the old form's two pointers
  constexpr std::size_t kFlagsOffset = 15;  // bit 1: the strings follow inline
  if (info.size() - at < kHeader || (static_cast<unsigned char>(info[at + kFlagsOffset]) & 2) == 0) return true;
  std::string_view rest = info.substr(at + kHeader);
  std::string_view version = take_varint_string(rest);
  if (version.starts_with("go")) facts.go_version = version_text(version.substr(2));
  const std::string_view modules = take_varint_string(rest);
  facts.go_otlp_traces = modules.find("\tgo.opentelemetry.io/otel/exporters/otlp/otlptrace") != std::string_view::npos;
  return true;
}

void look_for_go(const ReadAt& read_at, const Layout& layout, ExecutableFacts& facts) {
  if (const Section* section = find_section(layout, ".go.buildinfo")) {
    if (read_go(read_at(section->offset, std::min<std::uint64_t>(section->size, kMaxBuildInfo)), facts)) return;
  }
  // Without section headers it starts a writable segment (debug/buildinfo looks there too).
  if (!layout.sections.empty()) return;
  for (const Section& segment : layout.writable_segments) {
    if (read_go(read_at(segment.offset, std::min<std::uint64_t>(segment.size, kMaxBuildInfo)), facts)) return;
  }
}

// Paths of the standard library's sources, which panic messages carry even in a stripped program.
bool mentions_rustc(const ReadAt& read_at, const Section& section) {
  constexpr std::array<std::string_view, 2> kMarks = {"/rustc/", "library/core/src/panicking.rs"};
  const std::uint64_t end = std::min<std::uint64_t>(section.size, kMaxSearch);
  std::string window;
  for (std::uint64_t at = 0; at < end; at += kSearchWindow) {
    const std::string more = read_at(section.offset + at, std::min<std::uint64_t>(kSearchWindow, end - at));
    if (more.empty()) return false;
    window.erase(0, window.size() - std::min<std::size_t>(window.size(), 64));  // a mark may lie across two windows
    window += more;
    for (const std::string_view mark : kMarks) {
      if (window.find(mark) != std::string::npos) return true;
    }
  }
  return false;
}

void look_for_rust(const ReadAt& read_at, const Layout& layout, ExecutableFacts& facts) {
  if (const Section* comment = find_section(layout, ".comment")) {
    const std::string text = read_at(comment->offset, std::min<std::uint64_t>(comment->size, kMaxComment));
    constexpr std::string_view kMark = "rustc version ";
    const std::size_t at = text.find(kMark);
    if (at != std::string::npos) {
      facts.rust = true;
      facts.rust_version = version_text(std::string_view(text).substr(at + kMark.size()));
      return;
    }
  }
  if (const Section* rodata = find_section(layout, ".rodata")) facts.rust = mentions_rustc(read_at, *rodata);
}

}  // namespace

ExecutableFacts read_executable_facts(const ReadAt& read_at) {
  ExecutableFacts facts;
  const std::string head = read_at(0, sizeof(Elf64_Ehdr));
  if (head.size() < EI_NIDENT || !head.starts_with(std::string_view(ELFMAG, SELFMAG))) return facts;
  facts.elf = true;
  constexpr unsigned char kNative =
      __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;  // others cannot run here
  if (head[EI_DATA] != kNative) return facts;
  Layout layout;
  if (head[EI_CLASS] == ELFCLASS64) layout = read_layout<Elf64_Ehdr, Elf64_Shdr, Elf64_Phdr>(read_at, head);
  if (head[EI_CLASS] == ELFCLASS32) layout = read_layout<Elf32_Ehdr, Elf32_Shdr, Elf32_Phdr>(read_at, head);
  look_for_go(read_at, layout, facts);
  if (!facts.go) look_for_rust(read_at, layout, facts);
  return facts;
}

ExecutableFacts read_executable_facts(const Fd& file) {
  return read_executable_facts([&file](std::uint64_t offset, std::size_t size) {
    std::string out;
    if (offset > INT64_MAX) return out;
    out.resize(size);
    std::size_t used = 0;
    while (used < size && offset + used <= INT64_MAX) {
      const ssize_t got = ::pread(file.get(), out.data() + used, size - used, static_cast<off_t>(offset + used));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      used += static_cast<std::size_t>(got);
    }
    out.resize(used);
    return out;
  });
}

Result<ExecutableFacts> ExecutableCache::facts(const Fd& file) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail_errno(errno, "stat", "an executable");
  const Key key{status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
  if (const auto known = by_key_.find(key); known != by_key_.end()) {
    recent_first_.splice(recent_first_.begin(), recent_first_, known->second);
    return known->second->second;
  }
  ++files_read_;
  recent_first_.emplace_front(key, read_executable_facts(file));
  by_key_[key] = recent_first_.begin();
  if (recent_first_.size() > capacity_) {
    by_key_.erase(recent_first_.back().first);
    recent_first_.pop_back();
  }
  return recent_first_.empty() ? ExecutableFacts{} : recent_first_.front().second;
}

}  // namespace telegen
