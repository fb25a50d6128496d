// Every parser of discovery on hostile bytes. The first byte chooses the parser, the rest is its input.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "discovery/cgroup.h"
#include "discovery/executable.h"
#include "discovery/glob.h"
#include "discovery/host.h"
#include "discovery/naming.h"
#include "discovery/proc_parse.h"
#include "discovery/selector.h"
#include "discovery/service.h"
#include "discovery/text.h"

using namespace telegen;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void parse_process_files(std::string_view in) {
  if (const auto stat = parse_stat(in)) require(stat->pid != 0);
  parse_status(in);
  parse_mapped_files(in);
  parse_listening_ports(in, {1, 5001});
  parse_inode_link(in, "socket");
  require(filter_environ(in, 512).size() <= 512);
  parse_otel_environment(filter_environ(in, 65536));
}

void name_a_service(std::string_view in) {
  auto args = split_arguments(in);
  if (args.size() < 3) return;
  const std::string exe = args[0], cwd = args[1];
  args.erase(args.begin(), args.begin() + 2);
  const std::string name = derive_service_name({exe, args, "comm", cwd});
  require(!name.empty() && name.size() <= 255);
  require(to_clean_utf8(name, 255) == name);
}

void match_a_glob(std::string_view in) {
  const std::size_t middle = std::min(in.find('\n'), in.size());
  const auto glob = Glob::compile(in.substr(0, middle));
  if (glob) glob->matches(in.substr(std::min(middle + 1, in.size())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0: parse_process_files(in); break;
    case 1: find_container(parse_cgroup(in)); break;
    case 2: resolve_cgroup("/sys/fs/cgroup/x", parse_cgroup_mounts(in)); break;
    case 3: name_a_service(in); break;
    case 4: match_a_glob(in); break;
    case 5:
      read_executable_facts([in](std::uint64_t offset, std::size_t length) {
        return offset >= in.size() ? std::string() : std::string(in.substr(static_cast<std::size_t>(offset), length));
      });
      break;
    case 6:
      if (const auto attributes = parse_resource_attributes(in)) require(attributes->size() <= 128);
      os_release_value(in, "NAME");
      break;
    case 7:
      parse_ports(in);
      parse_instrument_option(in);
      break;
  }
  return 0;
}
