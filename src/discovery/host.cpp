#include "discovery/host.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <utility>

#include "discovery/proc_files.h"
#include "discovery/text.h"

namespace telegen {

std::string os_release_value(std::string_view os_release, std::string_view key) {
  for (const std::string_view raw : split(os_release, '\n')) {
    const std::string_view line = trim(raw);
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != '=') continue;
    std::string_view value = line.substr(key.size() + 1);
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front()) {
      value = value.substr(1, value.size() - 2);
    }
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {  // shell quoting: \" \$ \\ \`
      if (value[i] == '\\' && i + 1 < value.size()) ++i;
      out.push_back(value[i]);
    }
    return to_clean_utf8(out, 255);
  }
  return {};
}

std::string_view host_arch(std::string_view machine) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kArchitectures = {{{"x86_64", "amd64"},
                                                                                            {"aarch64", "arm64"},
                                                                                            {"armv7l", "arm32"},
                                                                                            {"armv6l", "arm32"},
                                                                                            {"i686", "x86"},
                                                                                            {"i386", "x86"},
                                                                                            {"ppc64le", "ppc64"},
                                                                                            {"ppc64", "ppc64"},
                                                                                            {"s390x", "s390x"}}};
  for (const auto& [kernel, convention] : kArchitectures) {
    if (machine == kernel) return convention;
  }
  return machine;
}

HostInfo read_host(const std::string& root) {
  HostInfo host;
  utsname names{};
  if (::uname(&names) == 0) {
    host.name = to_clean_utf8(names.nodename, 255);
    host.arch = host_arch(names.machine);
  }
  for (const char* path : {"/etc/machine-id", "/var/lib/dbus/machine-id"}) {
    const auto text = read_bounded(root + path, 64);
    if (!text) continue;
    const std::string_view id = trim(text->text);
    if (id.size() != 32 || !all_of_class(id, is_hex)) continue;  // "uninitialized" until the first boot ends
    host.id = id;
    break;
  }
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
    const auto text = read_bounded(root + path, 64 * 1024);
    if (!text) continue;
    host.os_name = os_release_value(text->text, "NAME");
    host.os_version = os_release_value(text->text, "VERSION_ID");
    host.os_description = os_release_value(text->text, "PRETTY_NAME");
    break;
  }
  timespec wall{}, since_boot{};
  ::clock_gettime(CLOCK_REALTIME, &wall);
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  const auto to_ns = [](const timespec& t) {
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000ULL + static_cast<std::uint64_t>(t.tv_nsec);
  };
  host.boot = {to_ns(wall) - to_ns(since_boot)};
  if (const long ticks = ::sysconf(_SC_CLK_TCK); ticks > 0) host.ticks_per_second = static_cast<std::uint64_t>(ticks);
  return host;
}

}  // namespace telegen
