// Ring records → events: every field, every length, any bytes.
#include "ingest/event.h"

#include <gtest/gtest.h>

#include <cstring>

#include "abi/event.h"
#include "base/random.h"

namespace telegen {
namespace {

template <class T>
std::string bytes_of(T raw, std::uint16_t type, std::string_view payload = {}) {
  raw.event.size = static_cast<std::uint32_t>(sizeof raw + payload.size());
  raw.event.type = type;
  raw.event.time = 1234;
  std::string record(reinterpret_cast<const char*>(&raw), sizeof raw);
  return record.append(payload);
}

tg_connection_event connection_record() {
  tg_connection_event raw{};
  raw.connection = 77;
  raw.tgid = 10;
  raw.tid = 11;
  raw.family = TG_FAMILY_IPV4;
  raw.role = TG_ROLE_SERVER;
  raw.netns = 99;
  raw.established = 100;
  raw.accepted = 150;
  raw.positions[0] = 7;
  raw.positions[1] = 0xffffffff;
  const std::uint8_t local[4] = {127, 0, 0, 1}, remote[4] = {192, 0, 2, 1};
  std::memcpy(raw.local.bytes, local, 4);
  std::memcpy(raw.remote.bytes, remote, 4);
  raw.local.port = 80;
  raw.remote.port = 5000;
  return raw;
}

tg_data_event data_record() {
  tg_data_event raw{};
  raw.connection = 77;
  raw.position = 0xfffffff0;
  raw.tgid = 10;
  raw.tid = 11;
  raw.length = 100;
  raw.captured = 4;
  raw.tail = 2;
  raw.direction = TG_SENT;
  raw.flags = TG_DATA_POSITION;
  return raw;
}

TEST(Event, AConnectionHasBothEnds) {
  const auto event = decode_event(bytes_of(connection_record(), TG_EVENT_CONNECTION));
  ASSERT_TRUE(event.has_value()) << event.error().message;
  EXPECT_EQ(event->time.ns, 1234U);
  const auto& c = std::get<ConnectionEvent>(event->body);
  EXPECT_EQ(c.connection, 77U);
  EXPECT_EQ(c.process, 10U);
  EXPECT_EQ(c.role, Role::kServer);
  EXPECT_EQ(c.netns, 99U);
  EXPECT_EQ(c.established.ns, 100U);
  EXPECT_EQ(c.accepted.ns, 150U);
  EXPECT_TRUE(c.sequence_positions);
  EXPECT_EQ(c.positions, (std::array<std::uint64_t, 2>{7, 0xffffffff}));
  EXPECT_EQ(to_text(c.local), "127.0.0.1");
  EXPECT_EQ(c.local.port, 80);
  EXPECT_EQ(to_text(c.remote), "192.0.2.1");
  EXPECT_EQ(c.remote.port, 5000);
}

TEST(Event, UnixPathsAreFilesystemOrAbstract) {
  auto raw = connection_record();
  raw.family = TG_FAMILY_UNIX;
  std::memcpy(raw.path, "/run/x.sock\0garbage", 19);
  raw.path_length = 12;
  auto event = decode_event(bytes_of(raw, TG_EVENT_CONNECTION));
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(std::get<ConnectionEvent>(event->body).local.path, "/run/x.sock");
  EXPECT_EQ(std::get<ConnectionEvent>(event->body).remote.path, "/run/x.sock");
  std::memcpy(raw.path, "\0name", 5);
  raw.path_length = 5;
  event = decode_event(bytes_of(raw, TG_EVENT_CONNECTION));
  EXPECT_EQ(std::get<ConnectionEvent>(event->body).local.path, "@name");
  raw.path_length = 60000;  // a lie
  event = decode_event(bytes_of(raw, TG_EVENT_CONNECTION));
  ASSERT_TRUE(event.has_value());
  EXPECT_LE(std::get<ConnectionEvent>(event->body).local.path.size(), std::size_t{TG_UNIX_PATH_MAX});
}

TEST(Event, ATransferHasHeadAndTail) {
  const std::string record = bytes_of(data_record(), TG_EVENT_DATA, "HEADtl");
  const auto event = decode_event(record);
  ASSERT_TRUE(event.has_value()) << event.error().message;
  const auto& d = std::get<DataEvent>(event->body);
  EXPECT_EQ(d.connection, 77U);
  EXPECT_EQ(d.process, 10U);
  EXPECT_EQ(d.thread, 11U);
  EXPECT_EQ(d.direction, Direction::kSent);
  EXPECT_TRUE(d.sequence_position);
  EXPECT_EQ(d.position, 0xfffffff0U);
  EXPECT_EQ(d.length, 100U);
  EXPECT_EQ(d.head, "HEAD");
  EXPECT_EQ(d.tail, "tl");
}

TEST(Event, AnEndAndAProcess) {
  tg_end_event end{};
  end.connection = 5;
  end.kind = TG_END_DIRECTION;
  end.direction = TG_SENT;
  auto event = decode_event(bytes_of(end, TG_EVENT_END));
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(std::get<EndEvent>(event->body).connection, 5U);
  EXPECT_FALSE(std::get<EndEvent>(event->body).socket_gone);
  EXPECT_EQ(std::get<EndEvent>(event->body).direction, Direction::kSent);
  end.kind = TG_END_SOCKET;
  EXPECT_TRUE(std::get<EndEvent>(decode_event(bytes_of(end, TG_EVENT_END))->body).socket_gone);

  tg_process_event process{};
  process.tgid = 40;
  process.parent = 39;
  process.change = TG_PROCESS_EXEC;
  process.selected = 1;
  process.port = 8080;
  process.path_length = 4;
  std::memcpy(process.path, "/bin/sh", 7);
  event = decode_event(bytes_of(process, TG_EVENT_PROCESS));
  ASSERT_TRUE(event.has_value());
  const auto& p = std::get<ProcessEvent>(event->body);
  EXPECT_EQ(p.process, 40U);
  EXPECT_EQ(p.parent, 39U);
  EXPECT_EQ(p.change, ProcessChange::kExec);
  EXPECT_TRUE(p.selected);
  EXPECT_EQ(p.port, 8080);
  EXPECT_EQ(p.path, "/bin");
}

TEST(Event, EveryChangeOfAProcessIsReadAndNoOther) {
  const std::pair<std::uint8_t, ProcessChange> known[] = {
      {TG_PROCESS_FORK, ProcessChange::kFork},   {TG_PROCESS_EXEC, ProcessChange::kExec},
      {TG_PROCESS_EXIT, ProcessChange::kExit},   {TG_PROCESS_LISTEN, ProcessChange::kListen},
      {TG_PROCESS_MOVED, ProcessChange::kMoved}, {TG_PROCESS_RING, ProcessChange::kRing}};
  tg_process_event process{};
  process.tgid = 40;
  process.selected = 1;
  for (const auto& [raw, change] : known) {
    process.change = raw;
    const auto event = decode_event(bytes_of(process, TG_EVENT_PROCESS));
    ASSERT_TRUE(event.has_value()) << int{raw};
    const auto& p = std::get<ProcessEvent>(event->body);
    EXPECT_EQ(p.change, change);
    EXPECT_EQ(p.process, 40U);
    EXPECT_EQ(p.parent, 0U);
    EXPECT_EQ(p.port, 0);
    EXPECT_TRUE(p.path.empty());
  }
  for (const std::uint8_t unknown : {0, TG_PROCESS_RING + 1, 255}) {
    process.change = unknown;
    EXPECT_FALSE(decode_event(bytes_of(process, TG_EVENT_PROCESS)).has_value()) << int{unknown};
  }
}

TEST(Event, LiesAboutLengthsAreErrors) {
  auto raw = data_record();
  raw.captured = 5000;  // more than follows
  EXPECT_FALSE(decode_event(bytes_of(raw, TG_EVENT_DATA, "HEADtl")).has_value());
  raw = data_record();
  raw.captured = UINT32_MAX;  // would wrap with the tail in 32 bits
  EXPECT_FALSE(decode_event(bytes_of(raw, TG_EVENT_DATA, "HEADtl")).has_value());
  raw = data_record();
  raw.length = 5;  // less than captured + tail
  EXPECT_FALSE(decode_event(bytes_of(raw, TG_EVENT_DATA, "HEADtl")).has_value());
  raw = data_record();
  raw.direction = 2;
  EXPECT_FALSE(decode_event(bytes_of(raw, TG_EVENT_DATA, "HEADtl")).has_value());
  raw = data_record();
  raw.position = 1ULL << 40;
  EXPECT_FALSE(decode_event(bytes_of(raw, TG_EVENT_DATA, "HEADtl")).has_value());
  EXPECT_FALSE(decode_event(bytes_of(data_record(), 99, "HEADtl")).has_value());
  std::string record = bytes_of(data_record(), TG_EVENT_DATA, "HEADtl");
  const std::uint32_t huge = UINT32_MAX;
  std::memcpy(record.data(), &huge, sizeof huge);
  EXPECT_FALSE(decode_event(record).has_value());
}

TEST(Event, EveryPrefixIsRefusedOrRead) {
  for (const std::string& whole :
       {bytes_of(connection_record(), TG_EVENT_CONNECTION), bytes_of(data_record(), TG_EVENT_DATA, "HEADtl")}) {
    for (std::size_t length = 0; length < whole.size(); ++length) {
      EXPECT_FALSE(decode_event(Bytes(whole).substr(0, length)).has_value()) << length;
    }
    EXPECT_TRUE(decode_event(whole + "ring padding").has_value());
  }
}

TEST(Event, RandomBytesNeverHurt) {
  Random random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string record(random.next() % 400, '\0');
    for (char& c : record) c = static_cast<char>(random.next());
    if (record.size() >= 8) {
      const auto size = static_cast<std::uint32_t>(record.size());
      const auto type = static_cast<std::uint16_t>(random.next() % 6);
      std::memcpy(record.data(), &size, 4);
      std::memcpy(record.data() + 4, &type, 2);
    }
    const auto event = decode_event(record);
    if (!event) continue;
    if (const auto* data = std::get_if<DataEvent>(&event->body)) {
      EXPECT_LE(data->head.size() + data->tail.size(), data->length);
      EXPECT_LE(data->head.size() + data->tail.size(), record.size());
    }
  }
}

}  // namespace
}  // namespace telegen
