/* The functions behind stream sockets by kprobes. A probe at a function's return finds nothing left of what it was
 * called with, so a call is parked at its entry. */
#pragma once

#include "lib/functions.bpf.h"

/* Calls that are under way, where a kprobe at the return does not know what it was called with. By pid_tgid: a task is
 * in one of the functions at a time. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1);
  __type(key, __u64);
  __type(value, struct tg_call);
} tg_calls SEC(".maps");

static __always_inline int begin_call(struct tg_call *call)
{
  __u64 who = selected_task();

  if (!who) return 0;
  struct sock *sk = call->sk;
  struct file *file = BPF_CORE_READ(sk, sk_socket, file);

  call->inode = BPF_CORE_READ(file, f_inode, i_ino);
  if (!file) call->sk = NULL;
  if (bpf_map_update_elem(&tg_calls, &who, call, BPF_NOEXIST) == 0) return 0;
  /* The call before was not seen to return: of all calls that sleep, the kernel follows about as many as there are
   * processors. Or this is a call within that one, of the kernel's own (a page of the memory is on a network disk). */
  struct tg_call *before = bpf_map_lookup_elem(&tg_calls, &who);

  if (before && before->sk && before->by_return) count(TG_COUNT_ARGUMENTS_LOST, 1);
  bpf_map_update_elem(&tg_calls, &who, call, BPF_ANY);
  return 0;
}

/* In the middle of a call, or near its end: `moved` bytes of it are in the caller's memory. */
static __always_inline int advance_call(struct sock *sk, long moved, __u32 direction)
{
  __u64 who = moved > 0 ? selected_task() : 0;
  struct tg_call *call = who ? bpf_map_lookup_elem(&tg_calls, &who) : NULL;

  if (!call || call->sk != sk || call->direction != direction || moved <= call->told) return 0;
  on_call(call, who, moved);
  call->told = moved;
  return 0;
}

static __always_inline int end_call(long moved, __u32 direction)
{
  __u64 who = selected_task();
  struct tg_call *parked = who ? bpf_map_lookup_elem(&tg_calls, &who) : NULL;

  if (!parked) {
    if (who && moved > 0) count(TG_COUNT_ARGUMENTS_LOST, 1);
    return 0;
  }
  struct tg_call call = *parked;

  bpf_map_delete_elem(&tg_calls, &who);
  if (!call.sk || call.direction != direction || moved < 0 || (moved == 0 && direction == TG_SENT)) return 0;
  if (moved && moved <= call.told) return 0;
  return on_call(&call, who, moved);
}

SEC("kprobe/tcp_recvmsg")
int BPF_KPROBE(tcp_receives, struct sock *sk, struct msghdr *message, __u64 size, __u64 fourth, __u64 fifth)
{
  __u32 flags = tg_receive_parameters == 6 ? fifth : fourth;
  struct tg_call call = {.sk = sk, .message = message, .size = size, .flags = flags, .direction = TG_RECEIVED};

  return begin_call(&call);
}

/* Called by tcp_recvmsg when it has copied, before it sleeps or returns: what was received is told of here, as the
 * return may not be seen. */
SEC("kprobe/tcp_cleanup_rbuf")
int BPF_KPROBE(tcp_copied, struct sock *sk, int copied)
{
  return advance_call(sk, copied, TG_RECEIVED);
}

SEC("kprobe/tcp_sendmsg")
int BPF_KPROBE(tcp_sends, struct sock *sk, struct msghdr *message, __u64 size)
{
  struct tg_call call = {.sk = sk, .message = message, .size = size, .direction = TG_SENT, .by_return = 1};

  return begin_call(&call);
}

static __always_inline int begin_unix(struct socket *socket, struct msghdr *message, __u64 size, __u32 flags,
                                      __u32 direction)
{
  struct tg_call call = {.sk = BPF_CORE_READ(socket, sk),
                         .message = message,
                         .size = size,
                         .flags = flags,
                         .direction = direction,
                         .by_return = 1};

  return begin_call(&call);
}

SEC("kprobe/unix_stream_recvmsg")
int BPF_KPROBE(unix_receives, struct socket *socket, struct msghdr *message, __u64 size, int flags)
{
  return begin_unix(socket, message, size, flags, TG_RECEIVED);
}

SEC("kprobe/unix_stream_sendmsg")
int BPF_KPROBE(unix_sends, struct socket *socket, struct msghdr *message, __u64 size)
{
  return begin_unix(socket, message, size, 0, TG_SENT);
}

SEC("kretprobe/tcp_recvmsg")
int BPF_KRETPROBE(tcp_receive_ends, int moved)
{
  return end_call(moved, TG_RECEIVED);
}

SEC("kretprobe/tcp_sendmsg")
int BPF_KRETPROBE(tcp_send_ends, int moved)
{
  return end_call(moved, TG_SENT);
}

SEC("kretprobe/unix_stream_recvmsg")
int BPF_KRETPROBE(unix_receive_ends, int moved)
{
  return end_call(moved, TG_RECEIVED);
}

SEC("kretprobe/unix_stream_sendmsg")
int BPF_KRETPROBE(unix_send_ends, int moved)
{
  return end_call(moved, TG_SENT);
}
