#include "ingest/event.h"

#include <algorithm>
#include <cstring>

#include "abi/event.h"

namespace telegen {
namespace {

// The one place where bytes become a struct: length first, then a copy.
template <class T>
bool read_struct(Bytes record, T& out) {
  if (record.size() < sizeof(T)) return false;
  std::copy_n(record.begin(), sizeof(T), reinterpret_cast<char*>(&out));
  return true;
}

std::unexpected<Error> malformed(const char* what) { return fail(std::string("malformed ring record: ") + what); }

std::string unix_path(const tg_connection_event& raw) {
  const std::size_t length = std::min<std::size_t>(raw.path_length, TG_UNIX_PATH_MAX);
  if (length == 0) return {};
  if (raw.path[0] == '\0') return "@" + std::string(raw.path + 1, length - 1);
  return std::string(raw.path, ::strnlen(raw.path, length));
}

SocketAddress inet_address(const tg_address& raw, AddressFamily family) {
  SocketAddress address{.family = family, .port = raw.port};
  std::memcpy(address.bytes.data(), raw.bytes, family == AddressFamily::kIpv4 ? 4 : sizeof raw.bytes);
  return address;
}

Result<Event> decode_connection(Bytes record) {
  tg_connection_event raw;
  if (!read_struct(record, raw)) return malformed("a connection is cut short");
  if (raw.role > TG_ROLE_SERVER) return malformed("unknown role");
  ConnectionEvent event{.connection = raw.connection,
                        .process = raw.tgid,
                        .role = static_cast<Role>(raw.role),
                        .netns = raw.netns,
                        .established = {raw.established},
                        .accepted = {raw.accepted},
                        .sequence_positions = raw.family != TG_FAMILY_UNIX,
                        .under_way = (raw.flags & TG_CONNECTION_UNDER_WAY) != 0,
                        .positions = {raw.positions[0], raw.positions[1]}};
  if (event.sequence_positions && std::max(raw.positions[0], raw.positions[1]) > UINT32_MAX) {
    return malformed("a sequence number beyond 32 bits");
  }
  switch (raw.family) {
    case TG_FAMILY_IPV4:
    case TG_FAMILY_IPV6: {
      const AddressFamily family = raw.family == TG_FAMILY_IPV4 ? AddressFamily::kIpv4 : AddressFamily::kIpv6;
      event.local = inet_address(raw.local, family);
      event.remote = inet_address(raw.remote, family);
      break;
    }
    case TG_FAMILY_UNIX:
      event.local = {.family = AddressFamily::kUnix, .path = unix_path(raw)};
      event.remote = event.local;  // one listener's address names both ends
      break;
    default: return malformed("unknown address family");
  }
  return Event{{raw.event.time}, std::move(event)};
}

Result<Event> decode_data(Bytes record) {
  tg_data_event raw;
  if (!read_struct(record, raw)) return malformed("a transfer is cut short");
  const std::uint64_t payload = std::uint64_t{raw.captured} + raw.tail;
  if (record.size() - sizeof raw < payload) return malformed("a transfer's bytes are cut short");
  if (payload > raw.length) return malformed("more bytes than were moved");
  if (raw.direction > TG_SENT) return malformed("unknown direction");
  const bool sequence = (raw.flags & TG_DATA_POSITION) != 0;
  if (sequence && raw.position > UINT32_MAX) return malformed("a sequence number beyond 32 bits");
  const Bytes bytes = record.substr(sizeof raw);
  return Event{{raw.event.time},
               DataEvent{.connection = raw.connection,
                         .process = raw.tgid,
                         .thread = raw.tid,
                         .direction = static_cast<Direction>(raw.direction),
                         .sequence_position = sequence,
                         .position = raw.position,
                         .length = raw.length,
                         .head = bytes.substr(0, raw.captured),
                         .tail = bytes.substr(raw.captured, raw.tail)}};
}

Result<Event> decode_end(Bytes record) {
  tg_end_event raw;
  if (!read_struct(record, raw)) return malformed("an end is cut short");
  if (raw.direction > TG_SENT) return malformed("unknown direction");
  if (raw.kind != TG_END_DIRECTION && raw.kind != TG_END_SOCKET) return malformed("unknown end");
  return Event{{raw.event.time},
               EndEvent{raw.connection, raw.kind == TG_END_SOCKET, static_cast<Direction>(raw.direction)}};
}

Result<Event> decode_process(Bytes record) {
  tg_process_event raw;
  if (!read_struct(record, raw)) return malformed("a process is cut short");
  if (raw.change < TG_PROCESS_FORK || raw.change > TG_PROCESS_RING) return malformed("unknown change of a process");
  return Event{{raw.event.time},
               ProcessEvent{.process = raw.tgid,
                            .parent = raw.parent,
                            .change = static_cast<ProcessChange>(raw.change),
                            .selected = raw.selected != 0,
                            .port = raw.port,
                            .path = std::string(raw.path, std::min<std::size_t>(raw.path_length, TG_PATH_MAX))}};
}

}  // namespace

Result<Event> decode_event(Bytes record) {
  tg_event header;
  if (!read_struct(record, header)) return malformed("no room for a header");
  if (header.size > record.size() || header.size < sizeof header) return malformed("its size is not its length");
  record = record.substr(0, header.size);
  switch (header.type) {
    case TG_EVENT_CONNECTION: return decode_connection(record);
    case TG_EVENT_DATA: return decode_data(record);
    case TG_EVENT_END: return decode_end(record);
    case TG_EVENT_PROCESS: return decode_process(record);
    default: return malformed("unknown type");
  }
}

}  // namespace telegen
