/* Layer 3: what a syscall was about: its arguments and the socket behind a file descriptor. */
#pragma once

#include "lib/base.bpf.h"

/* Set by the loader from the plan. False (5.15 and later): arguments are still in the task's registers at exit, so no
 * entry program runs. True: sys_enter programs park them. */
const volatile bool tg_arguments_parked = false;

/* Set by the loader where the kernel takes it (6.12 and later): kernel memory is then read by plain loads, which the
 * verifier guards, and not by a helper's call for each field. */
const volatile bool tg_typed_reads = false;

void *bpf_rdonly_cast(const void *object, __u32 btf_id) __ksym __weak;

#define TG_TYPED(type, pointer) ((struct type *)bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(struct type)))

struct tg_arguments {
  __u64 values[4];
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1);
  __type(key, __u64);
  __type(value, struct tg_arguments);
} tg_parked SEC(".maps");

#define TG_ENOSYS 38
#define TG_PF_IO_WORKER 0x10 /* task_struct.flags: a thread that io_uring made in the process */

#if defined(__TARGET_ARCH_x86)
#define TG_SYSCALL(regs) ((regs)->orig_ax)
#define TG_ARGUMENT_0(regs) ((regs)->di)
#define TG_ARGUMENT_1(regs) ((regs)->si)
#define TG_ARGUMENT_2(regs) ((regs)->dx)
#define TG_ARGUMENT_3(regs) ((regs)->r10)
/* Set on entry, and replaced by the result (arch/x86/entry/entry_64.S, do_syscall_64). */
#define TG_HAS_NO_RESULT(regs) ((long)(regs)->ax == -TG_ENOSYS)
#elif defined(__TARGET_ARCH_arm64)
#define TG_SYSCALL(regs) ((regs)->syscallno)
#define TG_ARGUMENT_0(regs) ((regs)->orig_x0)
#define TG_ARGUMENT_1(regs) ((regs)->regs[1])
#define TG_ARGUMENT_2(regs) ((regs)->regs[2])
#define TG_ARGUMENT_3(regs) ((regs)->regs[3])
/* The result takes the place of the first argument; before task work the number is forgotten too (do_signal). */
#define TG_HAS_NO_RESULT(regs) ((regs)->regs[0] == (regs)->orig_x0)
#else
#error "name the registers of syscall arguments for this architecture"
#endif

/* Is the task inside the system call that its registers name? The kernel moves bytes for io_uring in threads whose
 * registers are a copy of another's, and as task work on the way out of any system call: the arguments there are those
 * of something else, and what they point to is not what was moved. */
static __always_inline bool is_in_system_call(const struct task_struct *task, const struct pt_regs *regs)
{
  return !(task->flags & TG_PF_IO_WORKER) && TG_HAS_NO_RESULT(regs);
}

static __always_inline void arguments_of(const struct pt_regs *regs, struct tg_arguments *arguments)
{
  arguments->values[0] = TG_ARGUMENT_0(regs);
  arguments->values[1] = TG_ARGUMENT_1(regs);
  arguments->values[2] = TG_ARGUMENT_2(regs);
  arguments->values[3] = TG_ARGUMENT_3(regs);
}

static __always_inline bool read_arguments(struct tg_arguments *arguments)
{
  if (tg_arguments_parked) {
    __u64 id = bpf_get_current_pid_tgid();
    struct tg_arguments *parked = bpf_map_lookup_elem(&tg_parked, &id);

    if (!parked) {
      count(TG_COUNT_ARGUMENTS_LOST, 1);
      return false;
    }
    *arguments = *parked;
    bpf_map_delete_elem(&tg_parked, &id);
    return true;
  }
  arguments_of((const struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf()), arguments);
  return true;
}

/* The open file behind a descriptor of the current task, or NULL. */
static __always_inline struct file *file_of(__u64 fd)
{
  struct fdtable *table;
  struct file **files;
  struct file *file = NULL;
  __u32 limit;

  if (tg_arguments_parked) { /* bpf_get_current_task_btf came with 5.11 */
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();

    table = BPF_CORE_READ(task, files, fdt);
    limit = BPF_CORE_READ(table, max_fds);
    files = BPF_CORE_READ(table, fd);
  } else {
    table = bpf_get_current_task_btf()->files->fdt;
    limit = table->max_fds;
    files = table->fd;
  }
  if (fd >= limit) return NULL;
  /* An element of the array is a pointer, and so is a list_head's first member: a plain load of it. */
  if (tg_typed_reads) return (struct file *)TG_TYPED(list_head, files + fd)->next;
  bpf_probe_read_kernel(&file, sizeof(file), files + fd);
  return file;
}

struct tg_socket_ref {
  struct sock *sk;
  __u32 inode;
  __u16 family; /* TG_AF_* */
};

#define S_IFMT 00170000
#define S_IFSOCK 0140000

/* The socket behind a descriptor, of any kind. False for files, pipes and what else is no socket. `ref` is in a map:
 * read back from there, `sk` is a number to the verifier, which the tables' keys are computed from. */
static __always_inline bool socket_of(__u64 fd, struct tg_socket_ref *ref)
{
  struct file *file = file_of(fd);

  if (!file) return false;
  if (tg_typed_reads) {
    struct file *typed = TG_TYPED(file, file);

    if ((typed->f_inode->i_mode & S_IFMT) != S_IFSOCK) return false;
    ref->inode = typed->f_inode->i_ino;
    ref->sk = TG_TYPED(socket, typed->private_data)->sk;
    return ref->sk != NULL;
  }
  struct inode *inode = BPF_CORE_READ(file, f_inode);

  if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFSOCK) return false;
  struct socket *socket = BPF_CORE_READ(file, private_data);

  ref->inode = BPF_CORE_READ(inode, i_ino);
  ref->sk = BPF_CORE_READ(socket, sk);
  return ref->sk != NULL;
}

/* Fills in the family of a stream socket over TCP or UNIX; false for any other. Asked only of sockets that are not in
 * the table: whatever is in it was asked before. */
static __always_inline bool is_stream(struct tg_socket_ref *ref)
{
  struct sock *sk = ref->sk;

  ref->family = BPF_CORE_READ(sk, __sk_common.skc_family);
  if (BPF_CORE_READ(sk, sk_type) != TG_SOCK_STREAM) return false;
  if (ref->family == TG_AF_UNIX) return true;
  return (ref->family == TG_AF_INET || ref->family == TG_AF_INET6) && BPF_CORE_READ(sk, sk_protocol) == TG_IPPROTO_TCP;
}

#define SOCK_DONE 1 /* enum sock_flags: a FIN was received */

/* The sequence number after the last byte that the process has read. A FIN takes a number of its own, which the kernel
 * adds to copied_seq as soon as everything before it was read: it is no byte of the stream. */
static __always_inline __u32 received_until(const struct sock *sk)
{
  if (tg_typed_reads) {
    const struct tcp_sock *typed = TG_TYPED(tcp_sock, sk);
    __u32 read_until = typed->copied_seq;
    bool ended = TG_TYPED(sock, sk)->__sk_common.skc_flags & (1UL << SOCK_DONE);

    return ended && read_until == typed->rcv_nxt ? read_until - 1 : read_until;
  }
  const struct tcp_sock *tcp = (const struct tcp_sock *)sk;
  __u32 until = BPF_CORE_READ(tcp, copied_seq);

  if (BPF_CORE_READ(sk, __sk_common.skc_flags) & (1UL << SOCK_DONE) && until == BPF_CORE_READ(tcp, rcv_nxt)) until--;
  return until;
}

static __always_inline __u32 sent_until(const struct sock *sk)
{
  if (tg_typed_reads) return TG_TYPED(tcp_sock, sk)->write_seq;
  return BPF_CORE_READ((const struct tcp_sock *)sk, write_seq);
}

static __always_inline bool read_user(void *to, __u32 size, const void *from)
{
  return bpf_probe_read_user(to, size, from) == 0;
}
