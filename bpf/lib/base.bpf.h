/* Layer 1 of the helpers: what every program includes. base → selection → extract → emit. */
#pragma once

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "abi/event.h"
#include "abi/selection.h"

#define TG_AF_UNIX 1
#define TG_AF_INET 2
#define TG_AF_INET6 10
#define TG_SOCK_STREAM 1
#define TG_IPPROTO_TCP 6

/* The sizes below are defaults: the loader sets them from the configuration before it loads. */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 16 * 1024 * 1024);
} tg_ring SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct tg_counter_row);
} tg_counters SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct tg_settings);
} tg_settings SEC(".maps");

static __always_inline struct tg_counter_row *counters_here(void)
{
  __u32 cpu = bpf_get_smp_processor_id();

  return bpf_map_lookup_elem(&tg_counters, &cpu);
}

static __always_inline void count(enum tg_counter counter, __u64 n)
{
  /* Adding a constant 0 compiles to an atomic or, which kernels before 5.12 do not take. */
  if (n == 0) return;
  struct tg_counter_row *row = counters_here();

  /* Atomic because a soft interrupt may run another program on this CPU in the middle of the addition. */
  if (row && counter < TG_COUNTERS) __sync_fetch_and_add(&row->values[counter], n);
}

static __always_inline struct tg_settings *settings(void)
{
  __u32 zero = 0;

  return bpf_map_lookup_elem(&tg_settings, &zero);
}
