/* One transfer of bytes through a socket: where it lies in its stream, and the bytes worth having. */
#pragma once

#include "lib/connections.bpf.h"

#define TG_CAPTURE_MAX 8192  /* the upper bound of tg_settings.capture_bytes; a power of two */
#define TG_SEGMENTS_MAX 1024 /* the kernel's own limit, UIO_MAXIOV */
#define TG_SEGMENTS_FIRST 6  /* read at once: few vectors are longer */
#define TG_MESSAGES_MAX 16   /* of one recvmmsg or sendmmsg */

/* The work of the running program. Per CPU: preemption is off in all users of it, but since 5.12 in fexit programs of a
 * kernel that is built to be preempted anywhere, where a program that is interrupted by another task's may tell of that
 * one's bytes. Loads from it are unknown numbers to the verifier, which keeps the loops cheap to verify. */
struct tg_transfer_state {
  struct tg_socket_ref socket;
  const struct msghdr *message; /* the kernel's, where it is known; as `sk`, read back from here it is a number */
  struct iovec vector;          /* the buffer, or with `segments` > 0 the first element of an array of them */
  __u32 segments;
  __u32 in_kernel; /* that array is the kernel's copy, and its first `skip` bytes are not of this transfer */
  __u32 skip;
  __u32 direction;
  __u32 length;
  __u32 budget;
  __u32 captured;
  __u32 tail;
  __u32 rest; /* bytes of the transfer that the walk has not come to yet */
  __u32 has_buffer;
  __u32 later; /* bytes that the same syscall moved after this transfer (recvmmsg, sendmmsg) */
  __u64 who;   /* pid_tgid of the current task */
  __u32 lengths[TG_MESSAGES_MAX];
  struct tg_data_event event; /* from here on in one piece into the ring */
  __u8 bytes[2 * TG_CAPTURE_MAX];
};

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct tg_transfer_state);
} tg_transfer SEC(".maps");

static __always_inline struct tg_transfer_state *transfer_scratch(void)
{
  __u32 zero = 0;

  return bpf_map_lookup_elem(&tg_transfer, &zero);
}

/* The socket behind a descriptor of the current task, or NULL. */
static __always_inline struct tg_socket_ref *find_socket(__u64 fd)
{
  struct tg_transfer_state *t = transfer_scratch();

  return t && socket_of(fd, &t->socket) ? &t->socket : NULL;
}

/* Does it look like the first line of a message? Three to seven capitals and a space, or an HTTP version. A wrong yes
 * costs a few kilobytes of capture, a wrong no costs nothing where turns alternate. */
static __always_inline bool starts_message(const __u8 *bytes)
{
  if (bytes[0] == 'H' && bytes[1] == 'T' && bytes[2] == 'T' && bytes[3] == 'P' && bytes[4] == '/') return true;
  for (int i = 0; i < 8; i++) {
    if (bytes[i] == ' ') return i >= 3;
    if (bytes[i] < 'A' || bytes[i] > 'Z') return false;
  }
  return false;
}

/* value = min(value, max), on the register that holds it: verifiers before 5.12 do not carry what a comparison tells
 * over to a 32-bit copy that the compiler made before it. */
#define TG_AT_MOST(value, max) asm volatile("if %0 <= %1 goto +1; %0 = %1" : "+r"(value) : "i"(max))

static __always_inline bool read_vector(const struct tg_transfer_state *t, void *to, __u32 size, const void *from)
{
  return t->in_kernel ? bpf_probe_read_kernel(to, size, from) == 0 : read_user(to, size, from);
}

/* Takes what the budget allows of one segment at `address`, and of the last one its end. A global function, as the ones
 * below: the verifier checks it once and not at each place and in each round that calls it. */
__noinline int take_segment(__u64 address, __u64 size)
{
  struct tg_transfer_state *t = transfer_scratch();
  const char *base = (const char *)address;

  if (!t) return 0;
  __u32 length = size < t->rest ? size : t->rest;
  __u32 captured = t->captured;

  t->rest -= length;
  if (captured < t->budget && captured < TG_CAPTURE_MAX && t->tail == 0) {
    __u32 take = t->budget - captured;

    if (take > length) take = length;
    TG_AT_MOST(take, TG_CAPTURE_MAX);
    if (take && !read_user(t->bytes + captured, take, base)) {
      count(TG_COUNT_UNREADABLE, 1);
      t->budget = captured;
      return 0;
    }
    t->captured = captured + take;
    if (take == length) return 0;
    base += take;
    length -= take;
  }
  if (t->rest == 0) {
    __u32 tail = length, end = t->captured;

    TG_AT_MOST(tail, TG_TAIL_MAX);
    TG_AT_MOST(end, TG_CAPTURE_MAX);
    if (tail && read_user(t->bytes + end, tail, base + length - tail)) t->tail = tail;
  }
  return 0;
}

/* One element of the vector, beyond those that were read at once; 1 ends the walk. A plain loop over it may be as long
 * as the longest vector. bpf_loop would do the same; but a program that so much as names its callback is refused by
 * kernels before 5.13. */
__noinline int take_one(__u32 i)
{
  struct tg_transfer_state *t = transfer_scratch();
  struct iovec one;

  if (!t || i >= t->segments || t->rest == 0) return 1;
  if (!read_vector(t, &one, sizeof(one), (const struct iovec *)t->vector.iov_base + i)) {
    count(TG_COUNT_UNREADABLE, 1);
    return 1;
  }
  take_segment((__u64)one.iov_base, one.iov_len);
  return 0;
}

static __always_inline void take_rest(void)
{
  for (__u32 i = TG_SEGMENTS_FIRST; i < TG_SEGMENTS_MAX; i++)
    if (take_one(i)) break;
}

__noinline int take_segments(void)
{
  struct tg_transfer_state *t = transfer_scratch();

  if (!t) return 0;
  t->captured = 0;
  t->tail = 0;
  t->rest = t->length;
  if (!t->has_buffer) return 0;
  if (t->segments == 0) {
    take_segment((__u64)t->vector.iov_base, t->vector.iov_len);
    return 0;
  }
  /* On the stack, where the kernel checks a copy's target soonest. The frames of a program and the functions under it
   * have 512 bytes together, before Linux 6.13 whatever the architecture. */
  struct iovec first[TG_SEGMENTS_FIRST] = {};
  __u32 count_first = t->segments < TG_SEGMENTS_FIRST ? t->segments : TG_SEGMENTS_FIRST;

  if (!read_vector(t, first, count_first * sizeof(first[0]), t->vector.iov_base)) {
    count(TG_COUNT_UNREADABLE, 1);
    return 0;
  }
  for (__u32 i = 0; i < TG_SEGMENTS_FIRST; i++) {
    if (i >= count_first || t->rest == 0) return 0;
    __u64 skip = i == 0 ? t->skip : 0;

    take_segment((__u64)first[i].iov_base + skip, first[i].iov_len - skip);
  }
  take_rest();
  return 0;
}

/* How much of this transfer's head to take: what is left of the turn, and a new turn begins when the direction changes
 * or the bytes look like a message's start (pipelining). */
static __always_inline void set_budget(struct tg_transfer_state *t, struct tg_connection *connection,
                                       __u32 capture_bytes)
{
  __u32 direction = t->direction & 1;

  if (connection->turn != direction + 1) {
    connection->turn = direction + 1;
    connection->left[direction] = capture_bytes;
  } else if (t->has_buffer && connection->left[direction] < capture_bytes) {
    const char *first = t->vector.iov_base;
    struct iovec one;
    __u8 bytes[8];

    if (t->segments && read_vector(t, &one, sizeof(one), first)) first = (const char *)one.iov_base + t->skip;
    if (read_user(bytes, sizeof(bytes), first) && starts_message(bytes)) connection->left[direction] = capture_bytes;
  }
  t->budget = connection->left[direction];
}

static __always_inline __u64 position_of(const struct tg_transfer_state *t, struct tg_connection *connection)
{
  if (connection->family == TG_FAMILY_UNIX) {
    __u64 *position = &connection->position[t->direction & 1], before = *position;

    /* In two steps: an addition that returns what was there needs Linux 5.12. Threads that write one UNIX stream at the
     * same moment have no order that could be told here either way. */
    __sync_fetch_and_add(position, t->length);
    return before;
  }
  __u32 end = t->direction == TG_SENT ? sent_until(t->socket.sk) : received_until(t->socket.sk);
  return (__u32)(end - t->later - t->length);
}

/* Sends what tg_transfer describes (socket, buffer, direction, length) to user space. */
__noinline int emit_transfer(void)
{
  struct tg_transfer_state *t = transfer_scratch();
  struct tg_settings *now = settings();

  if (!t || !now) return 0;
  struct tg_connection *connection = find_or_add_connection(&t->socket);

  if (!connection) return 0;
  __u32 capture_bytes = now->capture_bytes; /* read once: the loader changes it at any time */

  if (capture_bytes == 0) {
    connection->turn = 0;       /* what is told of next begins a turn, and is captured from its head */
    position_of(t, connection); /* not told of, but it did move: it will show as a gap */
    count(TG_COUNT_SUSPENDED, 1);
    return 0;
  }
  if (connection->epoch != now->epoch &&
      !announce(&t->socket, connection, now->epoch, t->direction, t->length + t->later)) {
    position_of(t, connection); /* lost, but it did move */
    return 0;
  }
  set_budget(t, connection, capture_bytes);
  take_segments();

  __u32 captured = t->captured, payload = captured + t->tail;

  if (payload > TG_CAPTURE_MAX + TG_TAIL_MAX) return 0;
  connection->left[t->direction & 1] -= captured < t->budget ? captured : t->budget;
  start_event(&t->event.event, TG_EVENT_DATA, sizeof(t->event) + payload);
  t->event.connection = connection->id;
  t->event.position = position_of(t, connection);
  t->event.tgid = t->who >> 32;
  t->event.tid = (__u32)t->who;
  t->event.length = t->length;
  t->event.captured = captured;
  t->event.tail = t->tail;
  t->event.direction = t->direction;
  t->event.flags = connection->family == TG_FAMILY_UNIX ? 0 : TG_DATA_POSITION;
  t->event.pad = 0;
  t->event.pad2 = 0;
  emit_payload(&t->event.event, sizeof(t->event), t->length, payload);
  return 0;
}
