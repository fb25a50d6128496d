/* Layer 2: is this process traced? */
#pragma once

#include "lib/base.bpf.h"

struct tg_selected_page {
  __u8 traced[TG_SELECTED_PAGE];
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct tg_selected_page);
} tg_selected SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, TG_RULES_MAX);
  __type(key, __u32);
  __type(value, struct tg_rule);
} tg_rules SEC(".maps");

static __always_inline bool is_selected(__u32 tgid)
{
  __u32 page_number = tgid / TG_SELECTED_PAGE;
  struct tg_selected_page *page = bpf_map_lookup_elem(&tg_selected, &page_number);

  return page && page->traced[tgid % TG_SELECTED_PAGE] == 1;
}

static __always_inline void set_selected(__u32 tgid, bool traced)
{
  __u32 page_number = tgid / TG_SELECTED_PAGE;
  struct tg_selected_page *page = bpf_map_lookup_elem(&tg_selected, &page_number);

  if (page) page->traced[tgid % TG_SELECTED_PAGE] = traced;
}

/* What the rules are asked about. Lives in a per-CPU map: too large for the stack, and the verifier then treats the
 * cursors of the glob matcher as unknown numbers, which keeps its state space small. */
struct tg_selection_subject {
  __u32 tgid;
  __u32 parent;
  __u32 netns;
  __u32 port; /* 0: not a listen() */
  __u32 has_path;
  __u32 keeps_ports; /* it may be listening already: not of an exec, but of a change of cgroup */
  __u32 path_length;
  __u32 cursor, glob_cursor, star, mark;
  __u32 pad;
  __u64 cgroups[16]; /* own id first, then its ancestors' */
  char path[TG_PATH_MAX];
};

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct tg_selection_subject);
} tg_subject SEC(".maps");

static __always_inline struct tg_selection_subject *selection_subject(void)
{
  __u32 zero = 0;

  return bpf_map_lookup_elem(&tg_subject, &zero);
}

enum tg_selection_answer { SELECTION_NO, SELECTION_YES, SELECTION_ASK };

enum tg_walk { WALK_ON, WALK_ENDS, WALK_FAILS };

/* One step of the classic two-cursor glob walk: on a mismatch go back to the last star and let it eat one byte more. A
 * global function, which the verifier checks once and not for each step of the walk. */
__noinline int walk_glob(__u32 rule_number)
{
  struct tg_selection_subject *subject = selection_subject();
  struct tg_rule *rule = bpf_map_lookup_elem(&tg_rules, &rule_number);

  if (!subject || !rule) return WALK_FAILS;
  __u32 at = subject->cursor;
  __u32 glob_at = subject->glob_cursor & (TG_GLOB_MAX - 1);

  if (at >= subject->path_length) return WALK_ENDS;
  char pattern = rule->exe[glob_at];
  char here = subject->path[at & (TG_PATH_MAX - 1)];

  if (pattern == '*') {
    subject->star = glob_at;
    subject->mark = at;
    subject->glob_cursor++;
  } else if (pattern && (pattern == '?' || pattern == here)) {
    subject->cursor++;
    subject->glob_cursor++;
  } else if (subject->star < TG_GLOB_MAX) {
    subject->glob_cursor = subject->star + 1;
    subject->mark++;
    subject->cursor = subject->mark;
  } else {
    return WALK_FAILS;
  }
  return WALK_ON;
}

/* Does the subject's path match the rule's glob as a whole? The cursors are volatile so that they really live in the
 * map: were they in registers, the verifier would follow every value. */
__noinline int exe_matches(__u32 rule_number)
{
  volatile struct tg_selection_subject *subject = selection_subject();
  volatile struct tg_rule *rule = bpf_map_lookup_elem(&tg_rules, &rule_number);

  if (!subject || !rule) return 0;
  subject->cursor = subject->glob_cursor = subject->mark = 0;
  subject->star = TG_GLOB_MAX;
  for (int step = 0; step < 2 * TG_PATH_MAX; step++) {
    int says = walk_glob(rule_number);

    if (says == WALK_FAILS) return 0;
    if (says == WALK_ENDS) break;
  }
  if (subject->cursor < subject->path_length) return 0;
  for (int step = 0; step < TG_GLOB_MAX; step++) {
    char pattern = rule->exe[subject->glob_cursor & (TG_GLOB_MAX - 1)];

    if (pattern != '*') return pattern == 0;
    subject->glob_cursor++;
  }
  return 0;
}

static __always_inline bool cgroup_matches(const struct tg_selection_subject *subject, __u64 cgroup)
{
  for (int i = 0; i < 16; i++)
    if (subject->cgroups[i] == cgroup) return true;
  return false;
}

static __always_inline bool port_matches(const struct tg_selection_subject *subject, const struct tg_rule *rule)
{
  for (__u32 i = 0; i < TG_PORT_RANGES_MAX; i++)
    if (i < rule->port_ranges && subject->port >= rule->ports[i].first && subject->port <= rule->ports[i].last)
      return true;
  return false;
}

__noinline int rule_answer(__u32 rule_number)
{
  struct tg_selection_subject *subject = selection_subject();
  struct tg_rule *rule = bpf_map_lookup_elem(&tg_rules, &rule_number);

  if (!subject || !rule) return SELECTION_NO;
  if (rule->conditions & TG_RULE_PID && rule->pid != subject->tgid) return SELECTION_NO;
  if (rule->conditions & TG_RULE_CGROUP && !cgroup_matches(subject, rule->cgroup)) return SELECTION_NO;
  if (rule->conditions & TG_RULE_NETNS && rule->netns != subject->netns) return SELECTION_NO;
  if (rule->conditions & TG_RULE_PORT && !port_matches(subject, rule))
    return subject->keeps_ports ? SELECTION_ASK : SELECTION_NO;
  /* The path as executed may be a link or relative: user space looks at the real one before it is a no. */
  if (rule->conditions & TG_RULE_EXE && (!subject->has_path || !exe_matches(rule_number)))
    return rule->conditions & TG_RULE_EXCLUDE ? SELECTION_NO : SELECTION_ASK;
  if (rule->conditions & TG_RULE_USER) return rule->conditions & TG_RULE_EXCLUDE ? SELECTION_NO : SELECTION_ASK;
  return SELECTION_YES;
}

/* Any exclusion that holds wins, then any rule that holds. */
static __always_inline enum tg_selection_answer evaluate_rules(const struct tg_selection_subject *subject)
{
  struct tg_settings *now = settings();
  enum tg_selection_answer answer = SELECTION_NO;

  if (!now || subject->tgid == now->loader || subject->parent == now->loader) return SELECTION_NO;
  for (__u32 i = 0; i < TG_RULES_MAX; i++) {
    __u32 number = i;
    struct tg_rule *rule = bpf_map_lookup_elem(&tg_rules, &number);

    if (i >= now->rules || !rule) break;
    int says = rule_answer(i);
    if (says == SELECTION_NO) continue;
    if (rule->conditions & TG_RULE_EXCLUDE) return SELECTION_NO;
    if (answer != SELECTION_YES) answer = says;
  }
  return answer;
}

static __always_inline void describe_cgroup(struct tg_selection_subject *subject, struct cgroup *cgroup)
{
  for (int i = 0; i < 16; i++) subject->cgroups[i] = 0;
  for (int i = 0; i < 16 && cgroup; i++) {
    subject->cgroups[i] = BPF_CORE_READ(cgroup, kn, id);
    /* `self` is the cgroup's first member's css; its parent css is the parent cgroup's. */
    struct cgroup_subsys_state *parent = BPF_CORE_READ(cgroup, self.parent);
    if (!parent) break;
    cgroup = (struct cgroup *)((char *)parent - bpf_core_field_offset(struct cgroup, self));
  }
}

/* Fills the per-CPU subject from a task. The caller adds what only it knows (path, port). */
static __always_inline struct tg_selection_subject *describe_task(struct task_struct *task)
{
  struct tg_selection_subject *subject = selection_subject();

  if (!subject) return NULL;
  subject->tgid = BPF_CORE_READ(task, tgid);
  subject->parent = BPF_CORE_READ(task, real_parent, tgid);
  subject->netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
  subject->port = 0;
  subject->has_path = 0;
  subject->keeps_ports = 0;
  subject->path_length = 0;
  describe_cgroup(subject, BPF_CORE_READ(task, cgroups, dfl_cgrp));
  return subject;
}
