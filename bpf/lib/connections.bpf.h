/* The table of sockets seen in use. Keyed by the socket's address; the inode number tells a reused address apart, so a
 * missed close can only cost an entry, never mix two connections up. */
#pragma once

#include "lib/emit.bpf.h"
#include "lib/extract.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1024 * 1024);
  __type(key, __u64);
  __type(value, struct tg_connection);
} tg_connections SEC(".maps");

/* UNIX sockets tell nobody when they end by the end of their process: the table forgets the least used. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 8192);
  __type(key, __u64);
  __type(value, struct tg_connection);
} tg_unix_connections SEC(".maps");

/* Ports that traced processes accept on; only their handshakes are timed. */
struct tg_listener {
  __u32 netns;
  __u32 port;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct tg_listener);
  __type(value, __u8);
} tg_listeners SEC(".maps");

/* Handshakes that nobody has accepted yet: socket → time. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, __u64);
  __type(value, __u64);
} tg_handshakes SEC(".maps");

static __always_inline struct tg_listener listener_of(const struct sock *sk)
{
  struct tg_listener listener = {
      .netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum),
      .port = BPF_CORE_READ(sk, __sk_common.skc_num),
  };

  return listener;
}

/* Most sockets are TCP, and most are known: that look-up comes first and alone. */
static __always_inline struct tg_connection *lookup_connection(const struct tg_socket_ref *ref)
{
  __u64 key = (__u64)ref->sk;
  struct tg_connection *found = bpf_map_lookup_elem(&tg_connections, &key);

  if (found && found->inode == ref->inode) return found;
  found = bpf_map_lookup_elem(&tg_unix_connections, &key);
  return found && found->inode == ref->inode ? found : NULL;
}

static __always_inline void describe_inet(struct tg_connection *connection, const struct sock *sk)
{
  connection->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
  connection->local.port = BPF_CORE_READ(sk, __sk_common.skc_num);
  connection->remote.port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
  if (connection->family == TG_FAMILY_IPV4) {
    BPF_CORE_READ_INTO((__u32 *)connection->local.bytes, sk, __sk_common.skc_rcv_saddr);
    BPF_CORE_READ_INTO((__u32 *)connection->remote.bytes, sk, __sk_common.skc_daddr);
  } else {
    BPF_CORE_READ_INTO(&connection->local.bytes, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
    BPF_CORE_READ_INTO(&connection->remote.bytes, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
  }
}

/* NULL: no stream socket, or no room. */
static __always_inline struct tg_connection *find_or_add_connection(struct tg_socket_ref *ref)
{
  struct tg_connection *found = lookup_connection(ref);

  if (found) return found;
  if (!is_stream(ref)) return NULL;
  __u64 key = (__u64)ref->sk;
  struct tg_connection fresh = {
      .id = key << 24 ^ ref->inode,
      .inode = ref->inode,
      .family = ref->family == TG_AF_UNIX   ? TG_FAMILY_UNIX
                : ref->family == TG_AF_INET ? TG_FAMILY_IPV4
                                            : TG_FAMILY_IPV6,
  };
  if (ref->family != TG_AF_UNIX) describe_inet(&fresh, ref->sk);
  long failed = ref->family == TG_AF_UNIX ? bpf_map_update_elem(&tg_unix_connections, &key, &fresh, BPF_ANY)
                                          : bpf_map_update_elem(&tg_connections, &key, &fresh, BPF_ANY);
  if (failed) {
    count(TG_COUNT_TABLE_FULL, 1);
    return NULL;
  }
  return lookup_connection(ref);
}

static __always_inline void describe_unix(struct tg_connection_event *event, struct sock *sk)
{
  struct unix_address *address = BPF_CORE_READ((struct unix_sock *)sk, addr);

  if (!address) { /* a client is rarely bound: its peer, the accepted socket, carries the listener's address */
    struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);

    if (peer) address = BPF_CORE_READ((struct unix_sock *)peer, addr);
  }
  if (!address) return;
  int length = BPF_CORE_READ(address, len) - (int)sizeof(short);
  if (length <= 0) return;
  if (length > TG_UNIX_PATH_MAX) length = TG_UNIX_PATH_MAX;
  event->path_length = length;
  bpf_probe_read_kernel(event->path, TG_UNIX_PATH_MAX, (char *)&address->name + sizeof(short));
}

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct tg_connection_event);
} tg_connection_scratch SEC(".maps");

/* Tells the current worker of a connection, once. False: the ring is full; the next transfer tries again. `moved`
 * bytes of `direction` are already in the socket's positions, and are told of next. */
static __always_inline bool announce(const struct tg_socket_ref *ref, struct tg_connection *connection, __u32 epoch,
                                     __u32 direction, __u32 moved)
{
  __u32 zero = 0;
  struct tg_connection_event *event = bpf_map_lookup_elem(&tg_connection_scratch, &zero);

  if (!event) return false;
  __builtin_memset(event, 0, sizeof(*event));
  start_event(&event->event, TG_EVENT_CONNECTION, sizeof(*event));
  __u64 id = bpf_get_current_pid_tgid();

  event->connection = connection->id;
  event->tgid = id >> 32;
  event->tid = (__u32)id;
  event->role = connection->role;
  event->established = connection->established;
  event->accepted = connection->accepted;
  event->family = connection->family;
  event->netns = connection->netns;
  event->local = connection->local;
  event->remote = connection->remote;
  if (connection->family == TG_FAMILY_UNIX) {
    event->positions[TG_RECEIVED] = connection->position[TG_RECEIVED];
    event->positions[TG_SENT] = connection->position[TG_SENT];
    describe_unix(event, ref->sk);
  } else {
    event->positions[TG_RECEIVED] = (__u32)(received_until(ref->sk) - (direction == TG_RECEIVED ? moved : 0));
    event->positions[TG_SENT] = (__u32)(sent_until(ref->sk) - (direction == TG_SENT ? moved : 0));
  }
  if (!emit(&event->event, sizeof(*event), moved)) return false;
  connection->epoch = epoch;
  return true;
}

/* So that its layout is in this object's type information, where the ABI test looks. */
const struct tg_end_event *tg_end_layout __attribute__((unused));

static __always_inline void emit_end(tg_connection_id id, __u8 kind, __u8 direction)
{
  struct tg_end_event event = {};

  start_event(&event.event, TG_EVENT_END, sizeof(event));
  event.connection = id;
  event.kind = kind;
  event.direction = direction;
  emit(&event.event, sizeof(event), 0);
}
