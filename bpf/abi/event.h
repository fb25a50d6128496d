/* What the BPF programs put into the ring and user space takes out: fixed width, explicit padding, host byte order.
 * Used by C (BPF) and C++; tests/unit/abi_test.cpp compares every offset with the BTF of the compiled object.
 *
 * A record starts with tg_event. `size` bytes of it are meaningful; the ring pads to 8. */
#ifndef TELEGEN_ABI_EVENT_H
#define TELEGEN_ABI_EVENT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

enum tg_event_type {
  TG_EVENT_CONNECTION = 1, /* tg_connection_event: a socket is seen for the first time (or again, for a new worker) */
  TG_EVENT_DATA = 2,       /* tg_data_event + bytes */
  TG_EVENT_END = 3,        /* tg_end_event: one direction ended, or the socket is gone */
  TG_EVENT_PROCESS = 4,    /* tg_process_event: fork, exec, exit, listen, moved to another cgroup, io_uring */
};

struct tg_event {
  __u32 size; /* of the whole record, this header included */
  __u16 type; /* tg_event_type */
  __u16 cpu;
  __u64 time; /* CLOCK_MONOTONIC, ns */
};

/* A connection's id: the socket's address and inode number folded together. It names one socket from its creation to
 * its end on this host; the inode number tells a reused address apart. */
typedef __u64 tg_connection_id;

enum tg_direction { TG_RECEIVED = 0, TG_SENT = 1 };

enum tg_family { TG_FAMILY_IPV4 = 1, TG_FAMILY_IPV6 = 2, TG_FAMILY_UNIX = 3 };

enum tg_role { TG_ROLE_UNKNOWN = 0, TG_ROLE_CLIENT = 1, TG_ROLE_SERVER = 2 };

#define TG_UNIX_PATH_MAX 108

struct tg_address {
  __u8 bytes[16]; /* network byte order; IPv4 uses the first four */
  __u16 port;     /* host byte order */
  __u16 pad[3];
};

struct tg_connection_event {
  struct tg_event event;
  tg_connection_id connection;
  __u32 tgid; /* the process that was seen using it, in the root pid namespace */
  __u32 tid;
  __u8 family; /* tg_family */
  __u8 role;   /* tg_role */
  __u16 path_length;
  __u32 netns;        /* inode number of the network namespace */
  __u64 established;  /* when the handshake ended, 0 if not known */
  __u64 accepted;     /* when accept() handed it over, 0 if not seen; accepted - established is the queue's time */
  __u64 positions[2]; /* by tg_direction: of the next byte, so that what is lost before the first transfer shows as a
                         gap */
  struct tg_address local;
  struct tg_address remote;
  char path[TG_UNIX_PATH_MAX]; /* UNIX: the listener's address; a leading NUL is the abstract namespace */
  __u32 flags;                 /* tg_connection_flags */
};

enum tg_connection_flags {
  TG_CONNECTION_UNDER_WAY = 1, /* `positions` are not known: from the loader, for a worker that replaces another */
};

/* An entry of the connection table (tg_connections, tg_unix_connections), keyed by the socket's address. The loader
 * reads it too: what a new worker must know of connections that were announced to the one before. */
struct tg_connection {
  tg_connection_id id;
  __u64 established;
  __u64 accepted;
  __u64 position[2]; /* UNIX: bytes since the socket was first seen; TCP has its sequence numbers */
  struct tg_address local;
  struct tg_address remote;
  __u32 netns;
  __u32 inode;
  __u32 epoch;   /* the worker that it was announced to */
  __u32 left[2]; /* what may still be captured of the current turn */
  __u8 family;   /* tg_family */
  __u8 role;
  __u8 turn; /* direction of the last transfer + 1; 0: none yet */
  __u8 pad;
};

enum tg_data_flags {
  TG_DATA_POSITION = 1, /* `position` is a TCP sequence number (32 bits, wraps); else it counts from the first event */
};

/* The last bytes of a transfer are kept even where the capture limit is reached: a chunked body's end is in them. */
#define TG_TAIL_MAX 16

/* One transfer. `length` bytes moved at `position`; its first `captured` bytes follow this struct, and then its last
 * `tail`. captured + tail <= length; what lies between them was not captured. */
struct tg_data_event {
  struct tg_event event;
  tg_connection_id connection;
  __u64 position;
  __u32 tgid;
  __u32 tid;
  __u32 length;
  __u32 captured;
  __u8 direction; /* tg_direction */
  __u8 flags;     /* tg_data_flags */
  __u8 tail;
  __u8 pad;
  __u32 pad2;
};

enum tg_end_kind { TG_END_DIRECTION = 1, TG_END_SOCKET = 2 };

struct tg_end_event {
  struct tg_event event;
  tg_connection_id connection;
  __u8 kind;      /* tg_end_kind */
  __u8 direction; /* for TG_END_DIRECTION */
  __u16 pad;
  __u32 pad2;
};

enum tg_process_change {
  TG_PROCESS_FORK = 1,
  TG_PROCESS_EXEC = 2,
  TG_PROCESS_EXIT = 3,
  TG_PROCESS_LISTEN = 4,
  TG_PROCESS_MOVED = 5,
  TG_PROCESS_RING = 6, /* it made an io_uring */
};

#define TG_PATH_MAX 256

struct tg_process_event {
  struct tg_event event;
  __u32 tgid;
  __u32 parent;  /* tgid of the parent: fork */
  __u8 change;   /* tg_process_change */
  __u8 selected; /* 1: the kernel's rules select it; 0: only user space can tell */
  __u16 port;    /* listen */
  __u32 path_length;
  char path[TG_PATH_MAX]; /* exec: as executed, not NUL terminated */
};

/* Counters of the BPF side, one row a CPU in the mmapped array map `tg_counters`. */
enum tg_counter {
  TG_COUNT_EVENTS,          /* records written */
  TG_COUNT_BYTES,           /* payload bytes in them */
  TG_COUNT_RING_FULL,       /* records lost: the ring was full */
  TG_COUNT_RING_FULL_BYTES, /* stream bytes that those records told of */
  TG_COUNT_TABLE_FULL,      /* transfers lost: the connection table was full */
  TG_COUNT_UNREADABLE,      /* captures cut short: the process's memory was not readable */
  TG_COUNT_ARGUMENTS_LOST,  /* ends of calls without their entry (enter+exit, kprobe), or entries without their end
                               (kprobe) */
  TG_COUNT_RING_BYTES,      /* bytes of the records written */
  TG_COUNT_SUSPENDED,       /* transfers not told of: capture was suspended */
  TG_COUNTERS = 16,
};

struct tg_counter_row {
  __u64 values[TG_COUNTERS];
};

#endif
