/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Putting finished records on the data ring, and waking the collector when it is worth it. */
#ifndef KEYHOLE_BPF_EMIT_H
#define KEYHOLE_BPF_EMIT_H

#define KH_WAKE_GAP_NS 1000000 /* at most one wake-up per program, CPU and millisecond */

static __always_inline u64 kh_wake_flags(struct kh_scratch *room)
{
	struct kh_control *control = kh_control();
	u64 waiting = bpf_ringbuf_query(&kh_data, BPF_RB_AVAIL_DATA);

	if (!control || (waiting < control->wake_bytes && !room->undecided) ||
	    room->now - room->last_wake < KH_WAKE_GAP_NS)
		return BPF_RB_NO_WAKEUP;
	room->last_wake = room->now;
	KH_COUNT(wakeups);
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline bool kh_put(struct kh_scratch *room, u64 size)
{
	((struct kh_rec *)room->raw)->size = size;
	KH_CLAMP(size, KH_OFFSET_MAX + KH_HEAD_MAX);
	return bpf_ringbuf_output(&kh_data, room->raw, size, kh_wake_flags(room)) == 0;
}

/* Appends the request's head, in blocks; what lies beyond its end is overwritten or not sent. */
static __always_inline u64 kh_append_head(struct kh_scratch *room, struct kh_socket *st, u64 off)
{
	u64 n = st->head_used, end = kh_number(room, off + n);
	u32 i;

	for (i = 0; i < KH_HEAD_MAX / 64; i++) {
		u64 at = off + i * 64;

		if (i * 64 >= kh_request_head || i * 64 >= n)
			break;
		KH_CLAMP(at, KH_OFFSET_MAX);
		kh_copy64(room->raw + at, st->head + i * 64);
	}
	return end;
}

/* Appends what is kept of the end of the message. */
static __always_inline u64 kh_append_tail(struct kh_scratch *room, struct kh_socket *st, u64 off,
					  struct kh_message *msg)
{
	u64 n = st->tail_used;
	u64 from = KH_TAIL - n;

	msg->tail_len = n;
	if (!n)
		return off;
	KH_CLAMP(off, KH_OFFSET_MAX);
	KH_CLAMP(from, KH_TAIL);
	kh_copy64(room->raw + off, st->tail + from);
	return kh_number(room, off + n);
}

/* Keeps the last KH_TAIL bytes of all that came: shifts the old ones out by what is new. */
static __always_inline void kh_keep_tail(struct kh_scratch *room, struct kh_socket *st,
					 const struct kh_source *src)
{
	u64 n = src->len < KH_TAIL ? src->len : KH_TAIL;
	u64 got, used;

	/* fetched behind the largest record, then laid right of the old tail */
	got = kh_fetch(room, src, KH_OFFSET_MAX, src->len - n, n);
	if (got != n) {
		st->tail_used = 0; /* the end is not known */
		return;
	}
	kh_copy64(room->tail, st->tail);
	kh_copy64(room->tail + KH_TAIL, room->raw + KH_OFFSET_MAX);
	KH_CLAMP(n, KH_TAIL);
	kh_copy64(st->tail, room->tail + n);
	used = st->tail_used + n;
	st->tail_used = used < KH_TAIL ? used : KH_TAIL;
}

#endif
