// Both sides of the ring see the same bytes: each shared struct's layout in the BPF object's own type information
// equals the C++ view, member by member.
#include <bpf/btf.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "abi/event.h"
#include "abi/selection.h"

namespace telegen {
namespace {

struct BtfDeleter {
  void operator()(btf* types) const { ::btf__free(types); }
};
using Btf = std::unique_ptr<btf, BtfDeleter>;

struct Layout {
  std::size_t size = 0;
  std::map<std::string, std::size_t> offsets;
  bool operator==(const Layout&) const = default;
};

Layout layout_of(const btf* types, const char* name) {
  const int id = ::btf__find_by_name_kind(types, name, BTF_KIND_STRUCT);
  if (id < 0) return {};
  const btf_type* type = ::btf__type_by_id(types, static_cast<__u32>(id));
  Layout layout{.size = type->size};
  const btf_member* members = ::btf_members(type);
  for (int i = 0; i < ::btf_vlen(type); ++i) {
    layout.offsets[::btf__name_by_offset(types, members[i].name_off)] =
        ::btf_member_bit_offset(type, static_cast<__u32>(i)) / 8;
  }
  return layout;
}

#define MEMBER(type, name) {#name, offsetof(type, name)}

const std::map<std::string, Layout> kExpected = {
    {"tg_event",
     {sizeof(tg_event),
      {MEMBER(tg_event, size), MEMBER(tg_event, type), MEMBER(tg_event, cpu), MEMBER(tg_event, time)}}},
    {"tg_address",
     {sizeof(tg_address), {MEMBER(tg_address, bytes), MEMBER(tg_address, port), MEMBER(tg_address, pad)}}},
    {"tg_connection_event",
     {sizeof(tg_connection_event),
      {MEMBER(tg_connection_event, event), MEMBER(tg_connection_event, connection), MEMBER(tg_connection_event, tgid),
       MEMBER(tg_connection_event, tid), MEMBER(tg_connection_event, family), MEMBER(tg_connection_event, role),
       MEMBER(tg_connection_event, path_length), MEMBER(tg_connection_event, netns),
       MEMBER(tg_connection_event, established), MEMBER(tg_connection_event, accepted),
       MEMBER(tg_connection_event, positions), MEMBER(tg_connection_event, local), MEMBER(tg_connection_event, remote),
       MEMBER(tg_connection_event, path), MEMBER(tg_connection_event, flags)}}},
    {"tg_connection",
     {sizeof(tg_connection),
      {MEMBER(tg_connection, id), MEMBER(tg_connection, established), MEMBER(tg_connection, accepted),
       MEMBER(tg_connection, position), MEMBER(tg_connection, local), MEMBER(tg_connection, remote),
       MEMBER(tg_connection, netns), MEMBER(tg_connection, inode), MEMBER(tg_connection, epoch),
       MEMBER(tg_connection, left), MEMBER(tg_connection, family), MEMBER(tg_connection, role),
       MEMBER(tg_connection, turn), MEMBER(tg_connection, pad)}}},
    {"tg_data_event",
     {sizeof(tg_data_event),
      {MEMBER(tg_data_event, event), MEMBER(tg_data_event, connection), MEMBER(tg_data_event, position),
       MEMBER(tg_data_event, tgid), MEMBER(tg_data_event, tid), MEMBER(tg_data_event, length),
       MEMBER(tg_data_event, captured), MEMBER(tg_data_event, direction), MEMBER(tg_data_event, flags),
       MEMBER(tg_data_event, tail), MEMBER(tg_data_event, pad), MEMBER(tg_data_event, pad2)}}},
    {"tg_end_event",
     {sizeof(tg_end_event),
      {MEMBER(tg_end_event, event), MEMBER(tg_end_event, connection), MEMBER(tg_end_event, kind),
       MEMBER(tg_end_event, direction), MEMBER(tg_end_event, pad), MEMBER(tg_end_event, pad2)}}},
    {"tg_process_event",
     {sizeof(tg_process_event),
      {MEMBER(tg_process_event, event), MEMBER(tg_process_event, tgid), MEMBER(tg_process_event, parent),
       MEMBER(tg_process_event, change), MEMBER(tg_process_event, selected), MEMBER(tg_process_event, port),
       MEMBER(tg_process_event, path_length), MEMBER(tg_process_event, path)}}},
    {"tg_counter_row", {sizeof(tg_counter_row), {MEMBER(tg_counter_row, values)}}},
    {"tg_rule",
     {sizeof(tg_rule),
      {MEMBER(tg_rule, conditions), MEMBER(tg_rule, pid), MEMBER(tg_rule, cgroup), MEMBER(tg_rule, netns),
       MEMBER(tg_rule, port_ranges), MEMBER(tg_rule, ports), MEMBER(tg_rule, exe)}}},
    {"tg_settings",
     {sizeof(tg_settings),
      {MEMBER(tg_settings, rules), MEMBER(tg_settings, loader), MEMBER(tg_settings, epoch),
       MEMBER(tg_settings, capture_bytes), MEMBER(tg_settings, wakeup_bytes), MEMBER(tg_settings, look_bytes)}}},
};

TEST(Abi, EveryObjectAgreesWithTheCppView) {
  std::map<std::string, int> seen;
  for (const char* object : {TELEGEN_BPF_OBJECTS "/process.bpf.o", TELEGEN_BPF_OBJECTS "/socket.bpf.o"}) {
    const Btf types(::btf__parse_elf(object, nullptr));
    ASSERT_NE(types, nullptr) << object;
    for (const auto& [name, expected] : kExpected) {
      const Layout layout = layout_of(types.get(), name.c_str());
      if (layout.size == 0) continue;  // this object does not use it
      ++seen[name];
      EXPECT_EQ(layout.size, expected.size) << object << " " << name;
      EXPECT_EQ(layout.offsets, expected.offsets) << object << " " << name;
    }
  }
  for (const auto& [name, expected] : kExpected) EXPECT_GE(seen[name], 1) << name << " is in no object's types";
}

}  // namespace
}  // namespace telegen
