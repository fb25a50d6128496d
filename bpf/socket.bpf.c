// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Bytes through TCP and UNIX stream sockets, taken where syscalls return: the socket is looked up from the descriptor
 * at that moment, so sockets older than the agent, inherited, duplicated or passed to another process need no
 * book-keeping. Reference for the programs' context: /sys/kernel/tracing/events/syscalls/sys_exit_read/format. */
#include "lib/selection.bpf.h"
#include "lib/capture.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define MSG_OOB 0x1
#define MSG_PEEK 0x2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000
#define EINPROGRESS 115
#define MESSAGES_MAX 16

#define ENTER(name)                                       \
  SEC("tracepoint/syscalls/sys_enter_" #name)             \
  int enter_##name(struct trace_event_raw_sys_enter *ctx) \
  {                                                       \
    return park(ctx);                                     \
  }

static __always_inline bool current_selected(void)
{
  return is_selected(bpf_get_current_pid_tgid() >> 32);
}

static __always_inline int park(struct trace_event_raw_sys_enter *ctx)
{
  __u64 id = bpf_get_current_pid_tgid();

  if (!is_selected(id >> 32)) return 0;
  struct tg_arguments arguments;

  /* Four for every call, though read() has three: the kernel refuses to attach a program that loads an argument which
   * the call does not have, but its context has room for six. What is beyond a call's own is not looked at. */
  bpf_probe_read_kernel(&arguments, sizeof(arguments), ctx->args);

  bpf_map_update_elem(&tg_parked, &id, &arguments, BPF_ANY);
  return 0;
}

/* The scratch for a transfer on `fd`, or NULL if that is no socket. */
static __always_inline struct tg_transfer_state *begin_transfer(__u64 fd, __u32 direction, __u32 length)
{
  struct tg_transfer_state *t = transfer_scratch();
  struct tg_socket_ref ref = {};

  if (!t || !socket_of(fd, &ref)) return NULL;
  t->socket = ref;
  t->direction = direction;
  t->length = length;
  t->segments = 0;
  t->later = 0;
  t->has_buffer = 0;
  return t;
}

/* A read of nothing: the peer has ended its direction, and everything before has been read. */
static __always_inline int on_end_of_stream(__u64 fd, __u64 asked)
{
  struct tg_socket_ref ref = {};

  if (!asked || !socket_of(fd, &ref)) return 0;
  struct tg_connection *connection = lookup_connection(&ref);

  if (connection) emit_end(connection->id, TG_END_DIRECTION, TG_RECEIVED);
  return 0;
}

static __always_inline int on_buffer(long moved, __u32 direction, bool has_flags)
{
  struct tg_arguments a;

  if (moved < 0 || (moved == 0 && direction == TG_SENT) || !current_selected() || !read_arguments(&a)) return 0;
  __u64 flags = has_flags ? a.values[3] : 0;

  if (direction == TG_RECEIVED && flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB)) return 0;
  if (moved == 0) return on_end_of_stream(a.values[0], a.values[2]);
  struct tg_transfer_state *t = begin_transfer(a.values[0], direction, moved);

  if (!t) return 0;
  t->vector.iov_base = (void *)a.values[1];
  t->vector.iov_len = moved;
  t->has_buffer = !(direction == TG_RECEIVED && flags & MSG_TRUNC); /* TCP then throws the bytes away */
  emit_transfer();
  return 0;
}

static __always_inline int on_vector(long moved, __u32 direction)
{
  struct tg_arguments a;

  if (moved < 0 || (moved == 0 && direction == TG_SENT) || !current_selected() || !read_arguments(&a)) return 0;
  if (moved == 0) return on_end_of_stream(a.values[0], a.values[2]);
  struct tg_transfer_state *t = begin_transfer(a.values[0], direction, moved);

  if (!t) return 0;
  t->vector.iov_base = (void *)a.values[1];
  t->segments = a.values[2];
  t->has_buffer = 1;
  emit_transfer();
  return 0;
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

static __always_inline int on_message(long moved, __u32 direction)
{
  struct tg_arguments a;

  if (moved < 0 || (moved == 0 && direction == TG_SENT) || !current_selected() || !read_arguments(&a)) return 0;
  if (direction == TG_RECEIVED && a.values[2] & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB)) return 0;
  if (moved == 0) /* a message with no room for data reads nothing as well; its vector tells */
    return on_end_of_stream(a.values[0], 1);
  struct tg_transfer_state *t = begin_transfer(a.values[0], direction, moved);

  if (!t) return 0;
  return transfer_message(t, (const void *)a.values[1], direction == TG_RECEIVED && a.values[2] & MSG_TRUNC);
}

static __always_inline int on_messages(long messages, __u32 direction)
{
  struct tg_arguments a;

  if (messages <= 0 || !current_selected() || !read_arguments(&a)) return 0;
  if (direction == TG_RECEIVED && a.values[3] & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB)) return 0;
  const struct mmsghdr *vector = (const void *)a.values[1];
  struct tg_transfer_state *t = begin_transfer(a.values[0], direction, 0);

  if (!t) return 0;
  __u32 before = 0, total = 0;
  __u32 lengths[MESSAGES_MAX] = {};
  for (__u32 i = 0; i < MESSAGES_MAX; i++) {
    if (i >= messages || !read_user(&lengths[i], sizeof(lengths[i]), &vector[i].msg_len)) break;
    total += lengths[i];
  }
  /* The socket's sequence number is that of the end of all messages; each one's own lies `later` bytes before it. */
  for (__u32 i = 0; i < MESSAGES_MAX; i++) {
    if (i >= messages || lengths[i] == 0) break;
    before += lengths[i];
    t->length = lengths[i];
    t->later = total - before;
    transfer_message(t, &vector[i].msg_hdr, direction == TG_RECEIVED && a.values[3] & MSG_TRUNC);
  }
  return 0;
}

/* Bytes that never pass through the process's memory: their number is all there is. */
static __always_inline int on_length(long moved, __u64 fd, __u32 direction)
{
  struct tg_transfer_state *t = begin_transfer(fd, direction, moved);

  if (t) emit_transfer();
  return 0;
}

#define EXIT(name, body)                                \
  SEC("tracepoint/syscalls/sys_exit_" #name)            \
  int exit_##name(struct trace_event_raw_sys_exit *ctx) \
  {                                                     \
    return body;                                        \
  }                                                     \
  ENTER(name)

EXIT(read, on_buffer(ctx->ret, TG_RECEIVED, false))
EXIT(write, on_buffer(ctx->ret, TG_SENT, false))
EXIT(recvfrom, on_buffer(ctx->ret, TG_RECEIVED, true))
EXIT(sendto, on_buffer(ctx->ret, TG_SENT, true))
EXIT(readv, on_vector(ctx->ret, TG_RECEIVED))
EXIT(writev, on_vector(ctx->ret, TG_SENT))
EXIT(recvmsg, on_message(ctx->ret, TG_RECEIVED))
EXIT(sendmsg, on_message(ctx->ret, TG_SENT))
EXIT(recvmmsg, on_messages(ctx->ret, TG_RECEIVED))
EXIT(sendmmsg, on_messages(ctx->ret, TG_SENT))

static __always_inline int on_sendfile(long moved)
{
  struct tg_arguments a;

  if (moved <= 0 || !current_selected() || !read_arguments(&a)) return 0;
  return on_length(moved, a.values[0], TG_SENT);
}

static __always_inline int on_splice(long moved)
{
  struct tg_arguments a;

  if (moved <= 0 || !current_selected() || !read_arguments(&a)) return 0;
  on_length(moved, a.values[0], TG_RECEIVED); /* one of the two is a pipe, which begin_transfer declines */
  return on_length(moved, a.values[2], TG_SENT);
}

EXIT(sendfile64, on_sendfile(ctx->ret))
EXIT(splice, on_splice(ctx->ret))

static __always_inline int on_accept(long fd)
{
  struct tg_socket_ref ref = {};

  if (fd < 0 || !current_selected() || !socket_of(fd, &ref)) return 0;
  struct tg_connection *connection = find_or_add_connection(&ref);

  if (!connection) return 0;
  connection->role = TG_ROLE_SERVER;
  connection->accepted = bpf_ktime_get_ns();
  if (connection->family == TG_FAMILY_UNIX) return 0;
  struct tg_listener listener = listener_of(ref.sk);
  __u64 key = (__u64)ref.sk;
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
  struct tg_socket_ref ref = {};
  struct tg_arguments a;

  if ((result && result != -EINPROGRESS) || !current_selected() || !read_arguments(&a) || !socket_of(a.values[0], &ref))
    return 0;
  struct tg_connection *connection = find_or_add_connection(&ref);

  if (connection) connection->role = TG_ROLE_CLIENT;
  return 0;
}

EXIT(connect, on_connect(ctx->ret))

/* shutdown() of a UNIX socket; that of a TCP socket shows in its state. */
static __always_inline int on_shutdown(long result)
{
  struct tg_socket_ref ref = {};
  struct tg_arguments a;

  if (result || !current_selected() || !read_arguments(&a) || !socket_of(a.values[0], &ref)) return 0;
  if (a.values[1] == 0 /* SHUT_RD */) return 0;
  struct tg_connection *connection = lookup_connection(&ref);

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
  struct tg_socket_ref ref = {};
  __u64 fd = ctx->args[0];

  if (!current_selected() || !socket_of(fd, &ref)) return 0;
  struct tg_connection *connection = lookup_connection(&ref);
  struct file *file = file_of(fd);
  __u64 key = (__u64)ref.sk;

  if (!connection || connection->family != TG_FAMILY_UNIX || !file || !is_last_reference(file)) return 0;
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
