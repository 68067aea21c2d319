/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Streams: what is told of sockets that speak no HTTP/1. Here nothing is understood; each call's
 * first bytes are sent (KH_SEGMENT), and the collector finds out what they mean. Until it did, only
 * KH_PROBE_CALLS calls are told; then it says by struct kh_stream_slot how much of each call it
 * wants, or that it wants nothing.
 *
 * A datagram is a stream's segment, too. Where a socket has no peer of its own, the address stands
 * in the call's arguments. A received one's is written there only after the tracepoint has passed:
 * so datagrams are left to fexit, which finds it in the kernel, where both backends run.
 */
#ifndef KEYHOLE_BPF_STREAM_H
#define KEYHOLE_BPF_STREAM_H

/* ---- what the collector decided ---- */

/*
 * The socket's slot as one number, the role above the bytes wanted, and KH_SAID; 0: it has none, or
 * it says what it said before (`was`).
 */
#define KH_SAID (1ULL << 63)
#define KH_SAID_ROLE 32

__noinline u64 kh_said(struct kh_control *control, u64 cookie, u64 was)
{
	volatile struct kh_stream_slot *slot;
	u64 said;

	if (!control)
		return 0;
	slot = &control->streams[KH_STREAM_HASH(cookie)];
	if (slot->cookie != cookie)
		return 0;
	said = KH_SAID | (u64)slot->role << KH_SAID_ROLE | slot->capture;
	if (said == was)
		return 0;
	/* the cookie again, behind a barrier: another socket's decision may be taking the place */
	return __sync_fetch_and_add(&slot->cookie, 0) == cookie ? said : 0;
}

static __always_inline void kh_stream_drop(struct sock *sk)
{
	if (!bpf_sk_storage_delete(&kh_streams, sk) && sk->sk_protocol == IPPROTO_TCP)
		__sync_fetch_and_add(&kh_streams_open, -1);
}

/* Takes over what was decided meanwhile. Is the stream still wanted? */
static __always_inline bool kh_stream_wanted(struct kh_control *control, struct sock *sk,
					     struct kh_glance *glance, struct kh_stream *s)
{
	u64 said;
	u32 capture;
	u8 role;

	if (s->owner.generation != control->generation) { /* this collector has yet to decide */
		s->said = 0;
		s->capture = 0;
		s->told = 0;
	}
	said = kh_said(control, s->conn.cookie, s->said);
	if (!said)
		return true;
	s->said = said;
	capture = said;
	role = said >> KH_SAID_ROLE;
	if (!capture) {
		KH_COUNT(other_protocol);
		glance->quiet = true;
		kh_stream_drop(sk);
		return false;
	}
	s->capture = capture < KH_SEGMENT_CALL ? capture : KH_SEGMENT_CALL;
	if (role == KH_ROLE_SERVER || role == KH_ROLE_CLIENT)
		s->conn.role = role;
	glance->class = KH_CLASS_OTHER;
	return true;
}

/* ---- records ---- */

static __always_inline struct kh_segment *kh_segment_begin(struct kh_scratch *room,
							   const struct kh_stream *s, u8 transport)
{
	struct kh_segment *seg = (struct kh_segment *)room->raw;

	__builtin_memset(seg, 0, sizeof(*seg));
	seg->rec.type = KH_SEGMENT;
	seg->conn = s->conn;
	seg->cgroup = s->owner.cgroup;
	seg->ns = room->now;
	seg->transport = transport;
	seg->reason = KH_WHY_MORE;
	return seg;
}

/*
 * Sends the `src->len` bytes of a call: the first `capture` of them behind the header that stands
 * in room->raw, and its tail. Returns whether all of it went out.
 */
__noinline int kh_tell_bytes(struct kh_scratch *room, const struct kh_source *src, u64 capture)
{
	struct kh_segment *seg;
	u64 got, want, left, off, n;
	bool last, all = true;
	u32 i;

	if (!room || !src)
		return false;
	seg = (struct kh_segment *)room->raw;
	room->at = 0;
	for (i = 0; i < KH_SEGMENT_CALL / KH_HEAD_MAX; i++) {
		left = src->len - room->at;
		want = capture - room->at;
		if (want > left)
			want = left;
		if (want > KH_HEAD_MAX)
			want = KH_HEAD_MAX;
		got = 0;
		if (want)
			got = kh_fetch(room, src, sizeof(*seg), room->at, want);
		last = !want || got != want || got == left || room->at + got >= capture;
		seg->head_len = got;
		seg->tail_len = 0;
		seg->len = last ? left : got;
		off = kh_number(room, sizeof(*seg) + got);
		n = left - got < KH_TAIL ? left - got : KH_TAIL;
		if (last && n && want && got == want &&
		    kh_fetch(room, src, off, src->len - n, n) == n) {
			seg->tail_len = n;
			off += n;
		}
		KH_COUNT(segments);
		if (!kh_put(room, off)) {
			KH_COUNT(segment_drops);
			all = false;
		}
		if (last)
			break;
		seg->seq += got;
		room->at += got;
	}
	return all;
}

/* The data ring is half full: what may be of no use at all leaves the rest to others. */
static __always_inline bool kh_crowded(void)
{
	return bpf_ringbuf_query(&kh_data, BPF_RB_AVAIL_DATA) >
	       bpf_ringbuf_query(&kh_data, BPF_RB_RING_SIZE) / 2;
}

/*
 * Bytes captured of the next call. While nothing is decided the first calls get more: a pipeline or
 * streams that a client begins with must not be cut off, since what is behind would be lost.
 */
static __always_inline u64 kh_stream_capture(const struct kh_stream *s, u8 transport)
{
	if (s->capture)
		return s->capture;
	if (transport == IPPROTO_TCP && s->told < KH_PROBE_LONG_CALLS)
		return KH_PROBE_LONG;
	return KH_PROBE_BYTES;
}

/* Tells a call, whose place in the stream is `seq`, unless it is one too many. */
static __always_inline void kh_stream_tell(struct kh_io *io, struct kh_stream *s, u8 transport,
					   u32 seq, u32 other)
{
	u64 capture = kh_stream_capture(s, transport);
	struct kh_scratch *room = io->room;
	struct kh_source *src = &io->src;
	struct kh_segment *seg;

	if (!s->capture && s->told >= KH_PROBE_CALLS)
		return;
	if (io->direction == KH_TX)
		KH_ADD(tx_bytes, src->len);
	else
		KH_ADD(rx_bytes, src->len);
	if (!s->capture && kh_crowded()) {
		KH_COUNT(undecided_calls);
		return;
	}
	seg = kh_segment_begin(room, s, transport);
	seg->tgid = s->owner.tgid;
	seg->tid = s->owner.tid;
	seg->routine = kh_routine(io->control);
	seg->seq = seq;
	seg->other = other;
	seg->sent = io->direction == KH_TX;
	if (!s->capture && !s->told)
		seg->rec.flags = KH_F_FIRST;
	if (src->kind == KH_SRC_NONE)
		capture = 0;
	else if (transport == IPPROTO_UDP && capture > KH_HEAD_MAX)
		capture = KH_HEAD_MAX;
	/* the collector is to decide while there is something to see; of datagrams it has seen all */
	room->undecided = !s->capture && transport == IPPROTO_TCP;
	if (kh_tell_bytes(room, src, kh_number(room, capture)) && !s->capture &&
	    ++s->told == KH_PROBE_CALLS)
		KH_COUNT(undecided);
	room->undecided = false;
}

/* Tells the end, once. */
__noinline int kh_stream_end(struct kh_scratch *room, struct kh_stream *s)
{
	struct kh_segment *seg;

	if (!room || !s || s->ended)
		return 0;
	s->ended = true;
	if (KH_VERDICT(s->owner.decided) == KH_IGNORE || (!s->capture && !s->told))
		return 0;
	room->now = bpf_ktime_get_ns();
	seg = kh_segment_begin(room, s, IPPROTO_TCP);
	seg->seq = s->next_rx;
	seg->other = s->next_tx;
	seg->reason = s->error ? KH_WHY_RESET : KH_WHY_CLOSE;
	seg->error = s->error;
	KH_COUNT(segments);
	if (!kh_put(room, sizeof(*seg)))
		KH_COUNT(segment_drops);
	return 0;
}

/* ---- TCP ---- */

static __always_inline struct kh_stream *kh_stream_new(struct kh_io *io, u8 role)
{
	struct kh_stream *s;

	if (__sync_fetch_and_add(&kh_streams_open, 1) >= kh_streams_max)
		goto none;
	s = bpf_sk_storage_get(&kh_streams, io->sk, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!s)
		goto none;
	kh_fill_conn(&s->conn, io->sk, io->tp, role, role);
	s->next_tx = io->tp->write_seq - !!(io->sk->sk_shutdown & SEND_SHUTDOWN);
	s->next_rx = io->tp->copied_seq;
	if (io->direction == KH_TX)
		s->next_tx = io->seq;
	else
		s->next_rx = io->seq - ((io->sk->sk_shutdown & RCV_SHUTDOWN) &&
					s->next_rx == io->tp->rcv_nxt &&
					io->sk->__sk_common.skc_state != TCP_CLOSE);
	return s;
none:
	__sync_fetch_and_add(&kh_streams_open, -1);
	KH_COUNT(storage_failed);
	return NULL;
}

/* copied_seq without the FIN, which it counts once that was read. */
static __always_inline u32 kh_received(struct kh_io *io, const struct kh_stream *s)
{
	u32 next = s->next_rx + (io->direction == KH_RX ? (u32)io->src.len : 0);
	u32 copied = io->tp->copied_seq;

	return copied - ((io->sk->sk_shutdown & RCV_SHUTDOWN) && copied == io->tp->rcv_nxt &&
			 copied == next + 1);
}

/* write_seq likewise: our own FIN has a number as soon as no more is to be sent. */
static __always_inline u32 kh_sent(struct kh_io *io, const struct kh_stream *s)
{
	u32 sent = io->tp->write_seq;

	return sent - ((io->sk->sk_shutdown & SEND_SHUTDOWN) && sent == s->next_tx + 1);
}

static KH_KEPT int kh_stream_moved(struct kh_io *io, struct kh_glance *glance)
{
	struct kh_stream *s;
	u32 end, seq, other;

	if (!io || !glance || glance->quiet)
		return 0;
	s = bpf_sk_storage_get(&kh_streams, io->sk, NULL, 0);
	if (!s)
		s = kh_stream_new(io, glance->role);
	if (!s)
		return 0;
	end = io->seq + (u32)io->src.len;
	if (kh_twins)
		kh_take(s->taken, io);
	if (io->direction == KH_TX) {
		other = kh_received(io, s);
	} else {
		end = kh_received(io, s);
		other = kh_sent(io, s);
	}
	seq = end - (u32)io->src.len;
	if (io->direction == KH_TX)
		s->next_tx = end;
	else
		s->next_rx = end;
	if (s->ended || !kh_stream_wanted(io->control, io->sk, glance, s))
		return 0;
	if (kh_own(io->control, &s->conn, &s->owner) == KH_IGNORE) {
		KH_COUNT(ignored);
		return 0;
	}
	kh_stream_tell(io, s, IPPROTO_TCP, seq, other);
	return 0;
}

/* What was taken for a stream speaks HTTP after all. */
static __always_inline void kh_stream_leave(struct kh_io *io)
{
	struct kh_stream *s = bpf_sk_storage_get(&kh_streams, io->sk, NULL, 0);

	if (!s)
		return;
	kh_stream_end(io->room, s);
	kh_stream_drop(io->sk);
}

/*
 * A call that moved nothing: is that the end? What a client's peer has not said before its FIN it
 * never will, and after an error nobody says anything.
 */
static __always_inline void kh_stream_stops(struct sock *sk, int ret, struct kh_scratch *room)
{
	struct kh_stream *s = bpf_sk_storage_get(&kh_streams, sk, NULL, 0);

	if (!s || (ret < 0 && sk->__sk_common.skc_state != TCP_CLOSE))
		return;
	if (ret < 0 && !s->error)
		s->error = -ret;
	if (ret < 0 || s->conn.role == KH_ROLE_CLIENT)
		kh_stream_end(room, s);
}

static __always_inline void kh_stream_freed(struct sock *sk, struct kh_scratch *room)
{
	struct kh_stream *s = bpf_sk_storage_get(&kh_streams, sk, NULL, 0);

	if (!s)
		return;
	if (!s->error)
		s->error = sk->sk_err;
	kh_stream_end(room, s);
	kh_stream_drop(sk);
}

/* ---- UDP ---- */

/* The other end, where it stands in a call's arguments as a struct sockaddr. */
static __always_inline void kh_fill_peer(struct kh_conn *conn, u64 name, bool user)
{
	struct {
		u16 family;
		u16 port;
		u32 v4;
		u32 v6[4];
	} at = {};
	long r = user ? bpf_probe_read_user(&at, 8, (void *)name)
		      : bpf_probe_read_kernel(&at, 8, (void *)name);

	if (r)
		return;
	if (at.family == AF_INET6) {
		r = user ? bpf_probe_read_user(at.v6, 16, (void *)(name + 8))
			 : bpf_probe_read_kernel(at.v6, 16, (void *)(name + 8));
		if (r)
			return;
		if (!at.v6[0] && !at.v6[1] && at.v6[2] == bpf_htonl(0xffff)) {
			at.family = AF_INET;
			at.v4 = at.v6[3];
		}
	}
	if (at.family == AF_INET6) {
		((u32 *)conn->raddr)[0] = at.v6[0];
		((u32 *)conn->raddr)[1] = at.v6[1];
		((u32 *)conn->raddr)[2] = at.v6[2];
		((u32 *)conn->raddr)[3] = at.v6[3];
	} else if (at.family == AF_INET) {
		if (conn->family == AF_INET6) { /* a socket of both families */
			*(u32 *)conn->laddr = ((u32 *)conn->laddr)[3];
			((u32 *)conn->laddr)[1] = 0;
			((u32 *)conn->laddr)[2] = 0;
			((u32 *)conn->laddr)[3] = 0;
			((u32 *)conn->raddr)[1] = 0;
			((u32 *)conn->raddr)[2] = 0;
			((u32 *)conn->raddr)[3] = 0;
		}
		*(u32 *)conn->raddr = at.v4;
	} else {
		return;
	}
	conn->family = at.family;
	conn->rport = bpf_ntohs(at.port);
}

/*
 * The socket's state, if the call is for this program to tell. Nothing in a datagram says which
 * call it was: a hook's two programs count theirs, and the one that is ahead tells.
 */
static __always_inline struct kh_stream *kh_datagram_turn(struct sock *sk, struct kh_glance **glance,
							  u32 direction, bool twin)
{
	struct kh_stream *s;
	u32 n;

	*glance = bpf_sk_storage_get(&kh_glances, sk, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!*glance) {
		KH_COUNT(storage_failed);
		return NULL;
	}
	if ((*glance)->quiet)
		return NULL;
	s = bpf_sk_storage_get(&kh_streams, sk, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!s) {
		KH_COUNT(storage_failed);
		return NULL;
	}
	if (!kh_twins)
		return s;
	n = __sync_fetch_and_add(&s->calls[direction][twin], 1) + 1;
	return (s32)(n - s->calls[direction][!twin]) > 0 ? s : NULL;
}

static KH_KEPT int kh_datagram(struct kh_io *io, struct kh_glance *glance, struct kh_stream *s,
				  bool user)
{
	u8 role;

	if (!io || !glance || !s)
		return 0;
	role = s->conn.role;
	__builtin_memset(&s->conn, 0, sizeof(s->conn));
	kh_fill_addresses(&s->conn, io->sk);
	s->conn.role = role;
	if (io->src.name && (user || kh_kernel_reads))
		kh_fill_peer(&s->conn, io->src.name, user);
	if (!kh_stream_wanted(io->control, io->sk, glance, s))
		return 0;
	if (kh_own(io->control, &s->conn, &s->owner) == KH_IGNORE) {
		KH_COUNT(ignored);
		return 0;
	}
	kh_stream_tell(io, s, IPPROTO_UDP, 0, 0);
	return 0;
}

#endif
