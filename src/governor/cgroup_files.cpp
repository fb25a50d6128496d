#include "governor/cgroup_files.h"

#include "governor/parse_number.h"

namespace telegen {
namespace {

// Version 1 writes "no limit" as the largest number of whole pages in 63 bits; no page is larger than 64 KiB.
constexpr std::uint64_t kNoLimitV1 = (1ULL << 63) - 65536;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

// What stands before the separator; the text continues behind it.
std::string_view next_piece(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const std::string_view piece = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return piece;
}

bool lists(std::string_view commas, std::string_view wanted) {
  while (!commas.empty()) {
    if (next_piece(commas, ',') == wanted) return true;
  }
  return false;
}

// "\040" and its like are how mountinfo writes spaces, tabs, newlines and backslashes.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t at) {
      return i + at < text.size() && text[i + at] >= '0' && text[i + at] <= '7';
    };
    if (text[i] == '\\' && digit(1) && digit(2) && digit(3)) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct Mount {
  std::string root;
  std::string point;
};

// The first mount of the hierarchy. A line is "id parent major:minor root point options… - type source super-options".
std::optional<Mount> find_mount(std::string_view mountinfo, int version, std::string_view controller) {
  while (!mountinfo.empty()) {
    std::string_view line = next_piece(mountinfo, '\n');
    const auto dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    std::string_view kind = line.substr(dash + 3);
    const std::string_view type = next_piece(kind, ' ');
    next_piece(kind, ' ');  // the source
    const bool wanted = version == 2 ? type == "cgroup2" : type == "cgroup" && lists(trimmed(kind), controller);
    if (!wanted) continue;
    for (int i = 0; i < 3; ++i) next_piece(line, ' ');
    const std::string_view root = next_piece(line, ' ');
    return Mount{unescaped(root), unescaped(next_piece(line, ' '))};
  }
  return std::nullopt;
}

// The process's path in the hierarchy of this controller. A line is "number:controllers:path"; of version 2 "0::path".
std::optional<std::string> find_path(std::string_view cgroup, int version, std::string_view controller) {
  while (!cgroup.empty()) {
    std::string_view line = next_piece(cgroup, '\n');
    const std::string_view number = next_piece(line, ':');
    const std::string_view controllers = next_piece(line, ':');
    const bool wanted = version == 2 ? number == "0" && controllers.empty() : lists(controllers, controller);
    if (wanted) return std::string(line);
  }
  return std::nullopt;
}

std::string directory_of(const Mount& mount, const std::string& path) {
  const std::string root = mount.root == "/" ? "" : mount.root;
  if (path.starts_with("/..") || !path.starts_with(root)) return mount.point;
  const std::string below = path.substr(root.size());
  if (below.empty() || below == "/") return mount.point;
  if (!below.starts_with('/')) return mount.point;  // a sibling whose name begins like the root's
  return mount.point + below;
}

}  // namespace

std::optional<CgroupPlace> find_controller(std::string_view cgroup, std::string_view mountinfo,
                                           std::string_view controller) {
  for (const int version : {1, 2}) {
    const auto path = find_path(cgroup, version, controller);
    const auto mount = find_mount(mountinfo, version, controller);
    if (path && mount) return CgroupPlace{version, mount->point, directory_of(*mount, *path)};
  }
  return std::nullopt;
}

std::vector<std::string> with_ancestors(const CgroupPlace& place) {
  std::vector<std::string> directories{place.directory};
  while (directories.back().size() > place.mount.size()) {
    directories.push_back(directories.back().substr(0, directories.back().rfind('/')));
  }
  return directories;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) { return parse_number<std::uint64_t>(trimmed(text)); }

std::optional<std::uint64_t> parse_memory_limit(std::string_view text) {
  const auto bytes = parse_bytes(text);
  return bytes && *bytes < kNoLimitV1 ? bytes : std::nullopt;
}

std::optional<double> parse_cpu_max(std::string_view text) {
  std::string_view rest = trimmed(text);
  const std::string_view quota = next_piece(rest, ' ');
  return parse_cfs(quota, rest);
}

std::optional<double> parse_cfs(std::string_view quota, std::string_view period) {
  const auto allowed = parse_number<std::int64_t>(trimmed(quota));
  const auto of = parse_number<std::int64_t>(trimmed(period));
  if (!allowed || !of || *allowed <= 0 || *of <= 0) return std::nullopt;
  return static_cast<double>(*allowed) / static_cast<double>(*of);
}

std::optional<std::uint64_t> parse_stat_value(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = next_piece(text, '\n');
    if (next_piece(line, ' ') == key) return parse_bytes(line);
  }
  return std::nullopt;
}

}  // namespace telegen
