/* Layer 4: into the ring. Wake-ups cost more than the record, so the reader is only woken when the ring fills; below
 * that it looks by its own timer. */
#pragma once

#include "lib/base.bpf.h"

/* The ring's positions are lines that all CPUs and the reader write: each CPU looks at them only once in look_bytes of
 * its own. */
static __always_inline __u64 wakeup_flags(const struct tg_counter_row *row, __u64 size)
{
  struct tg_settings *now = settings();
  __u64 written = row->values[TG_COUNT_RING_BYTES];

  if (!now || !((written ^ (written + size)) & ~((__u64)now->look_bytes - 1))) return BPF_RB_NO_WAKEUP;
  __u64 fill = bpf_ringbuf_query(&tg_ring, BPF_RB_AVAIL_DATA);

  return fill + size >= now->wakeup_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline void start_event(struct tg_event *event, __u16 type, __u32 size)
{
  event->size = size;
  event->type = type;
  event->cpu = bpf_get_smp_processor_id();
  event->time = bpf_ktime_get_ns();
}

/* `stream_bytes`: what a lost record would have told of. Returns false if the ring was full. */
static __always_inline bool emit_with(struct tg_event *event, __u64 size, __u64 stream_bytes, __u64 payload,
                                      bool at_once)
{
  struct tg_counter_row *row = counters_here();

  if (!row) return false;
  if (bpf_ringbuf_output(&tg_ring, event, size, at_once ? BPF_RB_FORCE_WAKEUP : wakeup_flags(row, size))) {
    count(TG_COUNT_RING_FULL, 1);
    count(TG_COUNT_RING_FULL_BYTES, stream_bytes);
    return false;
  }
  /* On the way of every transfer, so without the locked additions that exact loss counters need. */
  row->values[TG_COUNT_EVENTS]++;
  row->values[TG_COUNT_BYTES] += payload;
  row->values[TG_COUNT_RING_BYTES] += size;
  return true;
}

static __always_inline bool emit(struct tg_event *event, __u64 size, __u64 stream_bytes)
{
  return emit_with(event, size, stream_bytes, 0, false);
}

static __always_inline bool emit_payload(struct tg_event *event, __u64 size, __u64 stream_bytes, __u64 payload)
{
  return emit_with(event, size + payload, stream_bytes, payload, false);
}

/* For what is rare and cannot wait: a process may be gone in a few milliseconds, and its name with it. */
static __always_inline bool emit_at_once(struct tg_event *event, __u64 size)
{
  return emit_with(event, size, 0, 0, true);
}
