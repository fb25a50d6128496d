// A ring record as user space sees it: checked once, copied into values. See bpf/abi/event.h for the layout.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>

#include "base/address.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "protocols/core/types.h"

namespace telegen {

using ConnectionId = std::uint64_t;

enum class Role : std::uint8_t { kUnknown, kClient, kServer };

struct ConnectionEvent {
  ConnectionId connection = 0;
  std::uint32_t process = 0;
  Role role = Role::kUnknown;
  std::uint32_t netns = 0;
  Time established;                          // 0: not known
  Time accepted;                             // 0: not seen
  bool sequence_positions = false;           // as in DataEvent
  bool under_way = false;                    // it was announced to an earlier worker: `positions` are not known
  std::array<std::uint64_t, 2> positions{};  // by Direction: of the next byte
  SocketAddress local;
  SocketAddress remote;
};

// `length` bytes moved; `head` are its first, `tail` its last. The views are into the record: valid while it is
// handled.
struct DataEvent {
  ConnectionId connection = 0;
  std::uint32_t process = 0;
  std::uint32_t thread = 0;
  Direction direction = Direction::kReceived;
  bool sequence_position = false;  // `position` is a TCP sequence number: 32 bits, and the same at the other end
  std::uint64_t position = 0;
  std::uint32_t length = 0;
  Bytes head;
  Bytes tail;
};

struct EndEvent {
  ConnectionId connection = 0;
  bool socket_gone = false;  // else only `direction` has ended
  Direction direction = Direction::kReceived;
};

enum class ProcessChange : std::uint8_t { kFork = 1, kExec, kExit, kListen, kMoved, kRing };

struct ProcessEvent {
  std::uint32_t process = 0;
  std::uint32_t parent = 0;
  ProcessChange change = ProcessChange::kExec;
  bool selected = false;
  std::uint16_t port = 0;
  std::string path;
};

struct Event {
  Time time;
  std::variant<ConnectionEvent, DataEvent, EndEvent, ProcessEvent> body;
};

// `record` is one record's bytes, header included. Any bytes are safe to pass.
Result<Event> decode_event(Bytes record);

}  // namespace telegen
