/* Which processes are traced: written by the loader, read by the BPF programs before they do anything else. */
#ifndef TELEGEN_ABI_SELECTION_H
#define TELEGEN_ABI_SELECTION_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* tg_selected: one byte a tgid, in pages of 64 Ki so that a small pid_max costs little. */
#define TG_SELECTED_PAGE 65536

#define TG_RULES_MAX 32
#define TG_PORT_RANGES_MAX 8
#define TG_GLOB_MAX 128 /* with its NUL */

/* Conditions of a rule; all that are set must hold. */
enum tg_condition {
  TG_RULE_CGROUP = 1, /* the process's cgroup (v2) is `cgroup` or below it */
  TG_RULE_PID = 2,
  TG_RULE_NETNS = 4,
  TG_RULE_EXE = 8,      /* `exe` matches the path as executed; `*` and `?` only */
  TG_RULE_PORT = 16,    /* it listens on one of `ports`: holds when listen() is called */
  TG_RULE_USER = 32,    /* and something that only user space can know */
  TG_RULE_EXCLUDE = 64, /* not a condition: what the rule matches is never traced */
};

struct tg_port_range {
  __u16 first;
  __u16 last;
};

struct tg_rule {
  __u32 conditions;
  __u32 pid;
  __u64 cgroup; /* kernfs id */
  __u32 netns;  /* inode number */
  __u32 port_ranges;
  struct tg_port_range ports[TG_PORT_RANGES_MAX];
  char exe[TG_GLOB_MAX];
};

struct tg_settings {
  __u32 rules;         /* how many of tg_rules are in use */
  __u32 loader;        /* tgid; it and its children are never traced */
  __u32 epoch;         /* counts workers: a connection is announced once to each */
  __u32 capture_bytes; /* of the head of each turn; 0: suspended, transfers are counted and not told of */
  __u32 wakeup_bytes;  /* fill of the ring at which the reader is woken; below, it looks by its timer */
  __u32 look_bytes;    /* a CPU looks at the fill each time it has written so many; a power of two */
};

#endif
