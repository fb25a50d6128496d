/* The kernel types that Telegen's BPF programs touch, for build machines without BTF. Only the fields that are read are
 * named: CO-RE finds their places in the running kernel. Where a kernel's header is at hand the build generates the
 * whole of it instead; `-DTELEGEN_VMLINUX_FALLBACK=ON` chooses this file; tests compile every object with it. */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef int pid_t;
typedef unsigned short umode_t;
typedef long long loff_t;
typedef _Bool bool;
enum { false = 0, true = 1 };

enum bpf_map_type {
  BPF_MAP_TYPE_HASH = 1,
  BPF_MAP_TYPE_ARRAY = 2,
  BPF_MAP_TYPE_PERCPU_ARRAY = 6,
  BPF_MAP_TYPE_LRU_HASH = 9,
  BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };
enum { BPF_F_NO_PREALLOC = 1, BPF_F_MMAPABLE = 1024 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0, BPF_RB_RING_SIZE = 1 };
enum { TCP_ESTABLISHED = 1, TCP_SYN_SENT, TCP_SYN_RECV, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_TIME_WAIT, TCP_CLOSE,
       TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_LISTEN };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
  long counter;
} atomic_long_t;
typedef struct {
  long counter;
} atomic64_t;
typedef struct {
  atomic_long_t refcnt;
} file_ref_t;

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
  unsigned long r10, r8, ax, cx, dx, si, di, orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
  u64 regs[31];
};
struct pt_regs {
  u64 regs[31];
  u64 orig_x0;
  int syscallno;
};
#endif

struct trace_event_raw_sys_enter {
  long id;
  unsigned long args[6];
};
struct trace_event_raw_sys_exit {
  long id;
  long ret;
};

struct list_head {
  struct list_head *next;
};
struct inode {
  umode_t i_mode;
  unsigned long i_ino;
};
struct file {
  struct inode *f_inode;
  void *private_data;
  file_ref_t f_ref;
};
struct fdtable {
  unsigned int max_fds;
  struct file **fd;
};
struct files_struct {
  struct fdtable *fdt;
};

struct ns_common {
  unsigned int inum;
};
struct net {
  struct ns_common ns;
};
struct nsproxy {
  struct net *net_ns;
};

struct kernfs_node {
  u64 id;
};
struct cgroup_root {
  int hierarchy_id;
};
struct cgroup_subsys_state {
  struct cgroup_subsys_state *parent;
};
struct cgroup {
  struct cgroup_subsys_state self;
  struct kernfs_node *kn;
  struct cgroup_root *root;
};
struct css_set {
  struct cgroup *dfl_cgrp;
};

struct task_struct {
  unsigned int flags;
  pid_t pid;
  pid_t tgid;
  struct task_struct *real_parent;
  struct files_struct *files;
  struct nsproxy *nsproxy;
  struct css_set *cgroups;
};
struct linux_binprm {
  const char *filename;
};

struct in6_addr {
  union {
    u8 u6_addr8[16];
  } in6_u;
};
typedef struct {
  struct net *net;
} possible_net_t;
struct sock_common {
  __be32 skc_daddr;
  __be32 skc_rcv_saddr;
  __be16 skc_dport;
  u16 skc_num;
  unsigned short skc_family;
  possible_net_t skc_net;
  unsigned long skc_flags;
  struct in6_addr skc_v6_daddr;
  struct in6_addr skc_v6_rcv_saddr;
};
struct sock {
  struct sock_common __sk_common;
  u16 sk_type;
  u16 sk_protocol;
  struct socket *sk_socket;
};
struct tcp_sock {
  u32 copied_seq;
  u32 rcv_nxt;
  u32 write_seq;
};
struct msghdr;
struct socket {
  short type;
  struct file *file;
  struct sock *sk;
};
struct sockaddr_un {
  unsigned short sun_family;
  char sun_path[108];
};
struct unix_address {
  int len;
  struct sockaddr_un name[0];
};
struct unix_sock {
  struct unix_address *addr;
  struct sock *peer;
};

#pragma clang attribute pop

/* User space's own layouts: fixed by the system call interface, so not relocated. */
struct iovec {
  void *iov_base;
  unsigned long iov_len;
};
struct user_msghdr {
  void *msg_name;
  int msg_namelen;
  struct iovec *msg_iov;
  unsigned long msg_iovlen;
  void *msg_control;
  unsigned long msg_controllen;
  unsigned int msg_flags;
};
struct mmsghdr {
  struct user_msghdr msg_hdr;
  unsigned int msg_len;
};

#endif
