/* Transfers as the functions behind stream sockets see them (tcp_sendmsg and its like), whoever calls those: a system
 * call, io_uring, 32-bit processes. What moved is told by the iterator over the caller's memory: when the function
 * returns it stands behind the last byte, so the bytes are found by going back from there. Nothing of the system call
 * is needed. */
#pragma once

#include "lib/transfer.bpf.h"

#define MSG_SPLICE_PAGES 0x8000000

/* How many parameters tcp_recvmsg has, from the kernel's type information. Its flags are the fourth; with six
 * parameters (until Linux 5.19) the fifth, behind `nonblock`. With four (newest kernels) the address's length is
 * missing. Set by the loader. */
const volatile __u32 tg_receive_parameters = 5;

/* All of the kernel's struct iov_iter that any version has: `type`, with the direction in its lowest bit, became
 * `iter_type` (5.14), `iov` became `__iov` (6.4), `ubuf` came (6.0), and the numbers of the types changed (5.14, 6.4).
 */
struct iov_iter___any {
  unsigned int type;
  __u8 iter_type;
  unsigned long iov_offset;
  unsigned long count;
  const struct iovec *iov;
  const struct iovec *__iov;
  void *ubuf;
} __attribute__((preserve_access_index));

struct msghdr___any {
  struct iov_iter___any msg_iter;
  unsigned int msg_flags;
} __attribute__((preserve_access_index));

enum iter_type___any { ITER_IOVEC___any = 1, ITER_UBUF___any = 2 };

/* One segment back: 1 when the transfer's first byte lies in it, and at what cannot be read. */
__noinline int step_back(void)
{
  struct tg_transfer_state *t = transfer_scratch();
  struct iovec one;

  if (!t) return 1;
  t->vector.iov_base = (struct iovec *)t->vector.iov_base - 1;
  t->segments++;
  if (bpf_probe_read_kernel(&one, sizeof(one), t->vector.iov_base)) return 1;
  if (one.iov_len >= t->rest) {
    t->skip = one.iov_len - t->rest;
    t->rest = 0;
    return 1;
  }
  t->rest -= one.iov_len;
  return 0;
}

static __always_inline void find_segments(struct tg_transfer_state *t, const struct iovec *at, __u64 offset)
{
  t->in_kernel = 1;
  t->vector.iov_base = (void *)at;
  t->segments = offset != 0; /* at 0, nothing of this one was used, and it may not even be there */
  t->rest = 0;
  if (offset >= t->length) {
    t->skip = offset - t->length;
  } else {
    t->rest = t->length - offset;
    for (__u32 i = 0; i < TG_SEGMENTS_MAX; i++)
      if (step_back()) break;
  }
  t->has_buffer = t->rest == 0;
  if (t->rest) count(TG_COUNT_UNREADABLE, 1);
}

/* Where the bytes of this transfer lie. `left`: how much of the memory that the caller named is behind them. A global
 * function, as those of capture. Kernel memory (of sendfile, of io_uring's registered buffers) is not looked at. */
__noinline int find_memory(__u64 left)
{
  struct tg_transfer_state *t = transfer_scratch();

  if (!t) return 0;
  struct msghdr___any *msg = (void *)t->message;

  /* Bytes that were thrown away (MSG_TRUNC), or an error in the middle of a copy: the iterator is not behind the last.
   */
  if (BPF_CORE_READ(msg, msg_iter.count) != left) return 0;
  __u64 offset = BPF_CORE_READ(msg, msg_iter.iov_offset);
  __u32 type = bpf_core_field_exists(msg->msg_iter.iter_type) ? BPF_CORE_READ(msg, msg_iter.iter_type)
                                                              : BPF_CORE_READ(msg, msg_iter.type) & ~1U;

  if (bpf_core_enum_value_exists(enum iter_type___any, ITER_UBUF___any) &&
      type == bpf_core_enum_value(enum iter_type___any, ITER_UBUF___any)) {
    t->vector.iov_base = (char *)BPF_CORE_READ(msg, msg_iter.ubuf) + offset - t->length;
    t->vector.iov_len = t->length;
    t->has_buffer = 1;
  } else if (type == bpf_core_enum_value(enum iter_type___any, ITER_IOVEC___any)) {
    find_segments(t,
                  bpf_core_field_exists(msg->msg_iter.__iov) ? BPF_CORE_READ(msg, msg_iter.__iov)
                                                             : BPF_CORE_READ(msg, msg_iter.iov),
                  offset);
  }
  return 0;
}

/* A call of such a function. It outlives the function's entry only where the return does not tell of it (kretprobe). */
struct tg_call {
  struct sock *sk; /* NULL: a socket of the kernel's own */
  struct msghdr *message;
  __u64 size; /* of the memory that the caller named */
  __u32 inode;
  __u32 flags;     /* of a receiving call */
  __u32 direction; /* tg_direction */
  __u32 told;      /* bytes of it that were told of already */
  __u32 by_return; /* only its return tells of it */
  __u32 pad;
};

/* `moved` bytes in all, when the call returns or later bytes are still awaited. */
static __always_inline int on_call(const struct tg_call *call, __u64 who, __u32 moved)
{
  struct tg_transfer_state *t = transfer_scratch();
  const struct msghdr___any *message = (const void *)call->message;

  if (!t || not_of_the_stream(call->direction, call->flags)) return 0;
  t->socket.sk = call->sk;
  t->socket.inode = call->inode;
  if (moved == 0) return call->size ? received_the_end(t) : 0;
  /* sendfile and splice, on their way through here since 6.5; told of where they return. */
  if (call->direction == TG_SENT && BPF_CORE_READ(message, msg_flags) & MSG_SPLICE_PAGES) return 0;
  begin_transfer(t, who, call->direction, moved - call->told);
  t->message = call->message;
  find_memory(call->size - moved);
  emit_transfer();
  return 0;
}
