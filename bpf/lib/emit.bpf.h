/* Layer 4: into the ring. Wake-ups cost more than the record, so the reader is only woken when the ring fills; below
 * that it looks by its own timer. */
#pragma once

#include "lib/base.bpf.h"

static __always_inline __u64 wakeup_flags(__u64 size)
{
  struct tg_settings *now = settings();

  if (!now) return BPF_RB_NO_WAKEUP;
  /* By the record that crosses the mark, not by every one above it: a reader that is behind is awake already. */
  __u64 fill = bpf_ringbuf_query(&tg_ring, BPF_RB_AVAIL_DATA);

  return fill < now->wakeup_bytes && fill + size >= now->wakeup_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
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
                                      __u64 flags)
{
  if (bpf_ringbuf_output(&tg_ring, event, size, flags)) {
    count(TG_COUNT_RING_FULL, 1);
    count(TG_COUNT_RING_FULL_BYTES, stream_bytes);
    return false;
  }
  count_written(payload);
  return true;
}

static __always_inline bool emit(struct tg_event *event, __u64 size, __u64 stream_bytes)
{
  return emit_with(event, size, stream_bytes, 0, wakeup_flags(size));
}

static __always_inline bool emit_payload(struct tg_event *event, __u64 size, __u64 stream_bytes, __u64 payload)
{
  return emit_with(event, size + payload, stream_bytes, payload, wakeup_flags(size + payload));
}

/* For what is rare and cannot wait: a process may be gone in a few milliseconds, and its name with it. */
static __always_inline bool emit_at_once(struct tg_event *event, __u64 size)
{
  return emit_with(event, size, 0, 0, BPF_RB_FORCE_WAKEUP);
}
