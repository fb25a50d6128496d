/* From a system call's arguments to a transfer. Whatever hook saw it, this is the one way: who, which socket, how many
 * bytes, and in what shape the call named its memory. */
#pragma once

#include "lib/capture.bpf.h"
#include "lib/selection.bpf.h"

#define MSG_OOB 0x1
#define MSG_PEEK 0x2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000

/* How a call names the memory of its bytes: its arguments are (fd, memory, size or count, …) in each. */
enum tg_shape {
  TG_SHAPE_NONE,
  TG_SHAPE_BUFFER,  /* read, write, recvfrom, sendto: an address and a length */
  TG_SHAPE_VECTOR,  /* readv, writev: an array of iovec and its count */
  TG_SHAPE_MESSAGE, /* recvmsg, sendmsg: a msghdr */
};

/* By number, as the hook is of all calls. Those of 32-bit processes have other numbers, none of which is here; so have
 * sendfile, splice, recvmmsg and sendmmsg, which tell less here than where they return. */
#if defined(__TARGET_ARCH_x86) /* arch/x86/entry/syscalls/syscall_64.tbl */
#define TG_NR(x86, arm64) x86
#else /* include/uapi/asm-generic/unistd.h */
#define TG_NR(x86, arm64) arm64
#endif

static __always_inline enum tg_shape shape_of_syscall(__u64 number, __u32 direction)
{
  if (direction == TG_RECEIVED) {
    if (number == TG_NR(0, 63) || number == TG_NR(45, 207)) return TG_SHAPE_BUFFER; /* read, recvfrom */
    if (number == TG_NR(19, 65)) return TG_SHAPE_VECTOR;                            /* readv */
    return number == TG_NR(47, 212) ? TG_SHAPE_MESSAGE : TG_SHAPE_NONE;             /* recvmsg */
  }
  if (number == TG_NR(1, 64) || number == TG_NR(44, 206)) return TG_SHAPE_BUFFER; /* write, sendto */
  if (number == TG_NR(20, 66)) return TG_SHAPE_VECTOR;                            /* writev */
  return number == TG_NR(46, 211) ? TG_SHAPE_MESSAGE : TG_SHAPE_NONE;             /* sendmsg */
}

/* pid_tgid of the current task where it is traced, else 0. */
static __always_inline __u64 selected_task(void)
{
  __u64 id = bpf_get_current_pid_tgid();

  return is_selected(id >> 32) ? id : 0;
}

/* selected_task() of a call that moved bytes, or read the end of a stream. */
static __always_inline __u64 task_of_transfer(long moved, __u32 direction)
{
  return moved < 0 || (moved == 0 && direction == TG_SENT) ? 0 : selected_task();
}

static __always_inline void begin_transfer(struct tg_transfer_state *t, __u64 who, __u32 direction, __u32 length)
{
  t->who = who;
  t->direction = direction;
  t->length = length;
  t->segments = 0;
  t->in_kernel = 0;
  t->skip = 0;
  t->later = 0;
  t->has_buffer = 0;
}

static __always_inline int transfer_message(struct tg_transfer_state *t, const struct user_msghdr *message,
                                            bool discards)
{
  struct user_msghdr header;

  t->has_buffer = 0;
  if (!discards && read_user(&header, sizeof(header), message)) {
    t->vector.iov_base = header.msg_iov;
    t->segments = header.msg_iovlen;
    t->has_buffer = t->segments != 0;
  }
  emit_transfer();
  return 0;
}

/* Nothing read where something was asked for: the peer has ended its direction, and everything before has been read. */
static __always_inline int received_the_end(const struct tg_transfer_state *t)
{
  struct tg_connection *connection = lookup_connection(&t->socket);

  if (connection) emit_end(connection->id, TG_END_DIRECTION, TG_RECEIVED);
  return 0;
}

/* What was received is not of the stream, or will be received again. */
static __always_inline bool not_of_the_stream(__u32 direction, __u64 flags)
{
  return direction == TG_RECEIVED && flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB);
}

/* `moved` bytes through t->socket. */
static __always_inline int on_transfer(struct tg_transfer_state *t, __u64 who, const struct tg_arguments *a,
                                       enum tg_shape shape, __u32 direction, long moved, __u64 flags)
{
  bool discards = direction == TG_RECEIVED && flags & MSG_TRUNC; /* TCP then throws the bytes away */

  if (not_of_the_stream(direction, flags)) return 0;
  /* A message with no room for data reads nothing as well; its vector would tell. */
  if (moved == 0) return shape == TG_SHAPE_MESSAGE || a->values[2] ? received_the_end(t) : 0;
  begin_transfer(t, who, direction, moved);
  if (shape == TG_SHAPE_MESSAGE) return transfer_message(t, (const void *)a->values[1], discards);
  t->vector.iov_base = (void *)a->values[1];
  t->vector.iov_len = moved;
  t->segments = shape == TG_SHAPE_VECTOR ? a->values[2] : 0;
  t->has_buffer = !discards;
  emit_transfer();
  return 0;
}
