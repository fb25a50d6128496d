// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Bytes through TCP and UNIX stream sockets, taken where syscalls return: the socket is looked up from the descriptor
 * at that moment, so sockets older than the agent, inherited, duplicated or passed to another process need no
 * book-keeping. Reference for the programs' context: /sys/kernel/tracing/events/syscalls/sys_exit_read/format. */
#include "lib/functions.bpf.h"
#include "lib/kprobes.bpf.h"
#include "lib/transfer.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define EINPROGRESS 115

#define ENTER(name)                                       \
  SEC("tracepoint/syscalls/sys_enter_" #name)             \
  int enter_##name(struct trace_event_raw_sys_enter *ctx) \
  {                                                       \
    return park(ctx);                                     \
  }

#define EXIT(name, body)                                \
  SEC("tracepoint/syscalls/sys_exit_" #name)            \
  int exit_##name(struct trace_event_raw_sys_exit *ctx) \
  {                                                     \
    return body;                                        \
  }                                                     \
  ENTER(name)

static __always_inline int park(struct trace_event_raw_sys_enter *ctx)
{
  __u64 id = selected_task();

  if (!id) return 0;
  struct tg_arguments arguments;

  /* Four for every call, though read() has three: the kernel refuses to attach a program that loads an argument which
   * the call does not have, but its context has room for six. What is beyond a call's own is not looked at. */
  bpf_probe_read_kernel(&arguments, sizeof(arguments), ctx->args);

  bpf_map_update_elem(&tg_parked, &id, &arguments, BPF_ANY);
  return 0;
}

/* Where the kernel tells of each transfer at the socket (6.3 and later): no other descriptor costs anything, and the
 * socket need not be looked for. The arguments are those of the system call that is under way. */
static __always_inline int on_socket(struct sock *sk, long moved, __u32 direction, __u64 flags)
{
  __u64 who = task_of_transfer(moved, direction);
  struct tg_transfer_state *t = transfer_scratch();

  if (!who || !t) return 0;
  struct task_struct *task = bpf_get_current_task_btf();
  struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
  enum tg_shape shape = shape_of_syscall(TG_SYSCALL(regs), direction);
  struct file *file = sk->sk_socket->file;

  /* No file: a socket of the kernel's own. */
  if (shape == TG_SHAPE_NONE || !file || !is_in_system_call(task, regs)) return 0;
  struct tg_arguments a;

  arguments_of(regs, &a);
  t->socket.sk = sk;
  t->socket.inode = file->f_inode->i_ino;
  return on_transfer(t, who, &a, shape, direction, moved, flags);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(socket_received, struct sock *sk, int moved, int flags)
{
  return on_socket(sk, moved, TG_RECEIVED, flags);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(socket_sent, struct sock *sk, int moved, int flags)
{
  return on_socket(sk, moved, TG_SENT, flags);
}

/* Where the kernel permits trampolines: at the return of the functions behind the sockets. `flags`: of a receiving
 * call. */
static __always_inline int on_function(struct sock *sk, struct msghdr *message, __u64 size, int flags, int moved,
                                       __u32 direction)
{
  __u64 who = task_of_transfer(moved, direction);

  if (!who) return 0;
  struct file *file = sk->sk_socket->file;
  struct tg_call call = {.sk = sk, .message = message, .size = size, .flags = flags, .direction = direction};

  if (!file) return 0; /* a socket of the kernel's own */
  call.inode = file->f_inode->i_ino;
  return on_call(&call, who, moved);
}

/* The n-th value of the context. So that the compiler computes no address, which the verifier would refuse. */
#define TG_VALUE(ctx, n)                                                           \
  ({                                                                               \
    __u64 value;                                                                   \
    asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(value) : "r"(ctx), "i"((n) * 8)); \
    value;                                                                         \
  })

SEC("fexit/tcp_recvmsg") /* its result stands behind its parameters */
int tcp_received(__u64 *ctx)
{
  struct sock *sk = (struct sock *)TG_VALUE(ctx, 0);
  struct msghdr *message = (struct msghdr *)TG_VALUE(ctx, 1);
  __u64 size = TG_VALUE(ctx, 2);
  int flags, moved;

  if (tg_receive_parameters == 6) {
    flags = TG_VALUE(ctx, 4);
    moved = TG_VALUE(ctx, 6);
  } else {
    flags = TG_VALUE(ctx, 3);
    moved = tg_receive_parameters == 5 ? TG_VALUE(ctx, 5) : TG_VALUE(ctx, 4);
  }
  return on_function(sk, message, size, flags, moved, TG_RECEIVED);
}

SEC("fexit/tcp_sendmsg")
int BPF_PROG(tcp_sent, struct sock *sk, struct msghdr *message, __u64 size, int moved)
{
  return on_function(sk, message, size, 0, moved, TG_SENT);
}

SEC("fexit/unix_stream_recvmsg")
int BPF_PROG(unix_received, struct socket *socket, struct msghdr *message, __u64 size, int flags, int moved)
{
  return on_function(socket->sk, message, size, flags, moved, TG_RECEIVED);
}

SEC("fexit/unix_stream_sendmsg")
int BPF_PROG(unix_sent, struct socket *socket, struct msghdr *message, __u64 size, int moved)
{
  return on_function(socket->sk, message, size, 0, moved, TG_SENT);
}

/* Elsewhere: where the system call returns. `flags_at`: which argument holds MSG_ flags, 0 for none. */
static __always_inline int on_exit(long moved, __u32 direction, enum tg_shape shape, __u32 flags_at)
{
  __u64 who = task_of_transfer(moved, direction);
  struct tg_transfer_state *t = transfer_scratch();
  struct tg_arguments a;

  if (!who || !t || !read_arguments(&a) || !socket_of(a.values[0], &t->socket)) return 0;
  return on_transfer(t, who, &a, shape, direction, moved, flags_at ? a.values[flags_at] : 0);
}

EXIT(read, on_exit(ctx->ret, TG_RECEIVED, TG_SHAPE_BUFFER, 0))
EXIT(write, on_exit(ctx->ret, TG_SENT, TG_SHAPE_BUFFER, 0))
EXIT(recvfrom, on_exit(ctx->ret, TG_RECEIVED, TG_SHAPE_BUFFER, 3))
EXIT(sendto, on_exit(ctx->ret, TG_SENT, TG_SHAPE_BUFFER, 3))
EXIT(readv, on_exit(ctx->ret, TG_RECEIVED, TG_SHAPE_VECTOR, 0))
EXIT(writev, on_exit(ctx->ret, TG_SENT, TG_SHAPE_VECTOR, 0))
EXIT(recvmsg, on_exit(ctx->ret, TG_RECEIVED, TG_SHAPE_MESSAGE, 2))
EXIT(sendmsg, on_exit(ctx->ret, TG_SENT, TG_SHAPE_MESSAGE, 2))

static __always_inline int on_messages(long messages, __u32 direction)
{
  __u64 who = messages <= 0 ? 0 : selected_task();
  struct tg_transfer_state *t = transfer_scratch();
  struct tg_arguments a;

  if (!who || !t || !read_arguments(&a)) return 0;
  if (direction == TG_RECEIVED && a.values[3] & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB)) return 0;
  if (!socket_of(a.values[0], &t->socket)) return 0;
  const struct mmsghdr *vector = (const void *)a.values[1];
  __u32 before = 0, total = 0;

  begin_transfer(t, who, direction, 0);
  for (__u32 i = 0; i < TG_MESSAGES_MAX; i++) {
    if (i >= messages || !read_user(&t->lengths[i], sizeof(t->lengths[i]), &vector[i].msg_len)) break;
    total += t->lengths[i];
  }
  /* What could not be read is 0, and ends this. The socket's sequence number is that of the end of all messages; each
   * one's own lies `later` bytes before it. */
  for (__u32 i = 0; i < TG_MESSAGES_MAX; i++) {
    if (i >= messages || t->lengths[i] == 0) break;
    before += t->lengths[i];
    t->length = t->lengths[i];
    t->later = total - before;
    transfer_message(t, &vector[i].msg_hdr, direction == TG_RECEIVED && a.values[3] & MSG_TRUNC);
  }
  return 0;
}

EXIT(recvmmsg, on_messages(ctx->ret, TG_RECEIVED))
EXIT(sendmmsg, on_messages(ctx->ret, TG_SENT))

/* Bytes that never pass through the process's memory: their number is all there is. */
static __always_inline int on_length(__u64 who, long moved, __u64 fd, __u32 direction)
{
  struct tg_transfer_state *t = transfer_scratch();

  if (!t || !socket_of(fd, &t->socket)) return 0;
  begin_transfer(t, who, direction, moved);
  emit_transfer();
  return 0;
}

static __always_inline int on_sendfile(long moved)
{
  __u64 who = moved <= 0 ? 0 : selected_task();
  struct tg_arguments a;

  if (!who || !read_arguments(&a)) return 0;
  return on_length(who, moved, a.values[0], TG_SENT);
}

static __always_inline int on_splice(long moved)
{
  __u64 who = moved <= 0 ? 0 : selected_task();
  struct tg_arguments a;

  if (!who || !read_arguments(&a)) return 0;
  on_length(who, moved, a.values[0], TG_RECEIVED); /* one of the two is a pipe, which socket_of declines */
  return on_length(who, moved, a.values[2], TG_SENT);
}

EXIT(sendfile64, on_sendfile(ctx->ret))
EXIT(splice, on_splice(ctx->ret))

static __always_inline int on_accept(long fd)
{
  struct tg_socket_ref *ref = fd >= 0 && selected_task() ? find_socket(fd) : NULL;
  struct tg_connection *connection = ref ? find_or_add_connection(ref) : NULL;

  if (!connection) return 0;
  connection->role = TG_ROLE_SERVER;
  connection->accepted = bpf_ktime_get_ns();
  if (connection->family == TG_FAMILY_UNIX) return 0;
  struct tg_listener listener = listener_of(ref->sk);
  __u64 key = (__u64)ref->sk;
  __u64 *established = bpf_map_lookup_elem(&tg_handshakes, &key);
  __u8 yes = 1;

  if (established) {
    connection->established = *established;
    bpf_map_delete_elem(&tg_handshakes, &key);
  }
  if (!bpf_map_lookup_elem(&tg_listeners, &listener)) bpf_map_update_elem(&tg_listeners, &listener, &yes, BPF_ANY);
  return 0;
}

SEC("tracepoint/syscalls/sys_exit_accept")
int exit_accept(struct trace_event_raw_sys_exit *ctx)
{
  return on_accept(ctx->ret);
}

SEC("tracepoint/syscalls/sys_exit_accept4")
int exit_accept4(struct trace_event_raw_sys_exit *ctx)
{
  return on_accept(ctx->ret);
}

static __always_inline int on_connect(long result)
{
  struct tg_arguments a;

  if ((result && result != -EINPROGRESS) || !selected_task() || !read_arguments(&a)) return 0;
  struct tg_socket_ref *ref = find_socket(a.values[0]);
  struct tg_connection *connection = ref ? find_or_add_connection(ref) : NULL;

  if (connection) connection->role = TG_ROLE_CLIENT;
  return 0;
}

EXIT(connect, on_connect(ctx->ret))

/* shutdown() of a UNIX socket; that of a TCP socket shows in its state. */
static __always_inline int on_shutdown(long result)
{
  struct tg_arguments a;

  if (result || !selected_task() || !read_arguments(&a) || a.values[1] == 0 /* SHUT_RD */) return 0;
  struct tg_socket_ref *ref = find_socket(a.values[0]);
  struct tg_connection *connection = ref ? lookup_connection(ref) : NULL;

  if (connection && connection->family == TG_FAMILY_UNIX) emit_end(connection->id, TG_END_DIRECTION, TG_SENT);
  return 0;
}

EXIT(shutdown, on_shutdown(ctx->ret))

/* struct file's reference count was an atomic_long named f_count before Linux 6.13. */
struct file___before_6_13 {
  atomic_long_t f_count;
} __attribute__((preserve_access_index));

static __always_inline bool is_last_reference(struct file *file)
{
  struct file___before_6_13 *old = (void *)file;

  if (bpf_core_field_exists(old->f_count)) return BPF_CORE_READ(old, f_count.counter) == 1;
  return BPF_CORE_READ(file, f_ref.refcnt.counter) == 0; /* counts the references beyond the first */
}

/* The end of a UNIX socket: the close of its last descriptor. Looked at on entry, while the descriptor still leads to
 * it. */
SEC("tracepoint/syscalls/sys_enter_close")
int enter_close(struct trace_event_raw_sys_enter *ctx)
{
  __u64 fd = ctx->args[0];
  struct tg_socket_ref *ref = selected_task() ? find_socket(fd) : NULL;
  struct tg_connection *connection = ref ? lookup_connection(ref) : NULL;
  struct file *file = file_of(fd);

  if (!connection || connection->family != TG_FAMILY_UNIX || !file || !is_last_reference(file)) return 0;
  __u64 key = (__u64)ref->sk;

  emit_end(connection->id, TG_END_SOCKET, 0);
  bpf_map_delete_elem(&tg_unix_connections, &key);
  return 0;
}

/* A traced process listens: note it, and decide the rules that speak of ports. Runs in the process that called listen.
 */
static __always_inline void on_listen(const struct sock *sk)
{
  struct tg_selection_subject *subject = describe_task((struct task_struct *)bpf_get_current_task());
  struct tg_listener listener = listener_of(sk);
  __u8 yes = 1;

  if (!subject) return;
  bool traced = is_selected(subject->tgid);
  if (!traced) {
    subject->port = listener.port;
    traced = evaluate_rules(subject) == SELECTION_YES;
    if (traced) set_selected(subject->tgid, true);
  }
  if (!traced) return;
  bpf_map_update_elem(&tg_listeners, &listener, &yes, BPF_ANY);
  struct tg_process_event event = {};

  start_event(&event.event, TG_EVENT_PROCESS, sizeof(event));
  event.tgid = subject->tgid;
  event.change = TG_PROCESS_LISTEN;
  event.selected = 1;
  event.port = listener.port;
  emit(&event.event, sizeof(event), 0);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state_change, const struct sock *sk, int before, int after)
{
  if (sk->sk_protocol != TG_IPPROTO_TCP) return 0;
  if (after == TCP_LISTEN) {
    on_listen(sk);
    return 0;
  }
  __u64 key = (__u64)sk;
  if (before == TCP_SYN_RECV && after == TCP_ESTABLISHED) {
    struct tg_listener listener = listener_of(sk);

    if (bpf_map_lookup_elem(&tg_listeners, &listener)) {
      __u64 now = bpf_ktime_get_ns();
      bpf_map_update_elem(&tg_handshakes, &key, &now, BPF_ANY);
    }
    return 0;
  }
  struct tg_connection *connection = bpf_map_lookup_elem(&tg_connections, &key);

  if (!connection) return 0;
  if (after == TCP_FIN_WAIT1 || after == TCP_LAST_ACK) {
    emit_end(connection->id, TG_END_DIRECTION, TG_SENT);
  } else if (after == TCP_CLOSE) {
    emit_end(connection->id, TG_END_SOCKET, 0);
    bpf_map_delete_elem(&tg_connections, &key);
  }
  return 0;
}
