// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Processes come, change and go, and make an io_uring. Decides at fork, exec and cgroup change whether a process is
 * traced, before its next instruction: that is why its first request is seen. Tells user space of those that are. */
#include "lib/selection.bpf.h"
#include "lib/emit.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct tg_process_event);
} tg_process_scratch SEC(".maps");

static __always_inline void tell(__u32 tgid, __u32 parent, __u8 change, bool traced,
                                 const struct tg_selection_subject *subject)
{
  __u32 zero = 0;
  struct tg_process_event *event = bpf_map_lookup_elem(&tg_process_scratch, &zero);

  if (!event) return;
  start_event(&event->event, TG_EVENT_PROCESS, sizeof(*event));
  event->tgid = tgid;
  event->parent = parent;
  event->change = change;
  event->selected = traced;
  event->port = 0;
  event->path_length = 0;
  if (subject && subject->has_path && subject->path_length <= TG_PATH_MAX) {
    event->path_length = subject->path_length;
    bpf_probe_read_kernel(event->path, TG_PATH_MAX, subject->path);
  }
  emit_at_once(&event->event, sizeof(*event));
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
  __u32 child_tgid = child->tgid, parent_tgid = parent->tgid;

  if (child->pid != (int)child_tgid) return 0; /* a thread */
  bool traced = is_selected(parent_tgid);
  set_selected(child_tgid, traced); /* always: the pid may have been another process's */
  if (traced) tell(child_tgid, parent_tgid, TG_PROCESS_FORK, true, NULL);
  return 0;
}

static __always_inline void decide(struct tg_selection_subject *subject, __u8 change)
{
  enum tg_selection_answer answer = evaluate_rules(subject);
  __u32 tgid = subject->tgid;
  bool was = is_selected(tgid);
  /* What only user space can tell: a new program is not traced until it says so, a moved process stays as it was. */
  bool traced = answer == SELECTION_YES || (answer == SELECTION_ASK && change == TG_PROCESS_MOVED && was);

  set_selected(tgid, traced);
  if (answer != SELECTION_NO || was) tell(tgid, subject->parent, change, traced, subject);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
  struct tg_selection_subject *subject = describe_task(task);

  if (!subject) return 0;
  long length = bpf_probe_read_kernel_str(subject->path, sizeof(subject->path), BPF_CORE_READ(bprm, filename));
  if (length > 0) {
    subject->path_length = length - 1;
    subject->has_path = 1;
  }
  decide(subject, TG_PROCESS_EXEC);
  return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(process_moved, struct cgroup *destination, const char *path, struct task_struct *task, bool threadgroup)
{
  if (BPF_CORE_READ(destination, root, hierarchy_id) != 0) return 0; /* a v1 hierarchy */
  struct tg_selection_subject *subject = describe_task(task);

  if (!subject) return 0;
  describe_cgroup(subject, destination);
  subject->keeps_ports = 1;
  decide(subject, TG_PROCESS_MOVED);
  return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
  __u32 tgid = task->tgid;

  if (task->pid != (int)tgid || !is_selected(tgid)) return 0;
  /* Its sockets close after this, and a thread of it may still be running: the bit stays until the pid is used again.
   */
  tell(tgid, 0, TG_PROCESS_EXIT, true, NULL);
  return 0;
}

/* What goes through a ring passes no system call. The tracepoint's arguments differ between kernels; all that is wanted
 * is which process makes one, and that is the current one. */
SEC("tp_btf/io_uring_create")
int process_ring(void *ctx)
{
  __u32 tgid = bpf_get_current_pid_tgid() >> 32;

  if (is_selected(tgid)) tell(tgid, 0, TG_PROCESS_RING, true, NULL);
  return 0;
}
