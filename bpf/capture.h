/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * HTTP/1, the core both backends feed: one call per send or receive, one small state per socket,
 * one record per exchange. What is no HTTP/1 goes on to stream.h. A message is what one side says
 * until the other side speaks; the collector finds out what requests and responses are in it
 * (collector/protocol/http1_conn.h).
 */
#ifndef KEYHOLE_BPF_CAPTURE_H
#define KEYHOLE_BPF_CAPTURE_H

/* ---- telling HTTP from the rest ---- */

enum kh_look {
	KH_LOOK_NO,
	KH_LOOK_MAYBE, /* too short to tell */
	KH_LOOK_REQUEST,
};

/* "http", as far as the bytes go. */
static __always_inline bool kh_is_scheme(const u8 *p, u32 i, u64 n)
{
	return (p[i & 15] | 0x20) == 'h' && (i + 1 >= n || (p[(i + 1) & 15] | 0x20) == 't') &&
	       (i + 2 >= n || (p[(i + 2) & 15] | 0x20) == 't') &&
	       (i + 3 >= n || (p[(i + 3) & 15] | 0x20) == 'p');
}

/*
 * A request line begins with a token of capitals, a space, and a target that begins with '/', a
 * scheme, '*' (of OPTIONS: NATS' SUB has it, too, and SELECT) or an authority (CONNECT, which NATS
 * has followed by JSON).
 * The parser in the collector is strict; this only has to let every request pass and keep most
 * other protocols out. Looks at the first `n` bytes of room->raw.
 */
__noinline int kh_look(struct kh_scratch *room, u64 n)
{
	const u8 *p;
	u32 i;

	if (!room)
		return KH_LOOK_NO;
	p = room->raw;
	for (i = 0; i < 16; i++) {
		if (i >= n)
			return KH_LOOK_MAYBE;
		if (p[i] == ' ')
			break;
		if ((p[i] < 'A' || p[i] > 'Z') && p[i] != '-' && p[i] != '_')
			return KH_LOOK_NO;
	}
	if (i < 3 || i >= 15)
		return KH_LOOK_NO;
	if (i == 3 && p[0] == 'P' && p[1] == 'R' && p[2] == 'I')
		return KH_LOOK_NO; /* the preface of HTTP/2: what follows is no text */
	i++;
	if (i >= n)
		return KH_LOOK_MAYBE;
	if (p[i & 15] == '/' || kh_is_scheme(p, i, n))
		return KH_LOOK_REQUEST;
	if (p[i & 15] == '*')
		return p[0] == 'O' && p[1] == 'P' && p[2] == 'T' ? KH_LOOK_REQUEST : KH_LOOK_NO;
	if (p[0] == 'C' && p[1] == 'O' && p[2] == 'N' && p[3] == 'N' && p[i & 15] != '{')
		return KH_LOOK_REQUEST;
	return KH_LOOK_NO;
}

/* ---- the connection ---- */

static __always_inline struct kh_socket *kh_follow(struct kh_io *io, u8 role, u8 opener)
{
	struct kh_socket *st;

	if (__sync_fetch_and_add(&kh_sockets_open, 1) >= kh_sockets_max) {
		__sync_fetch_and_add(&kh_sockets_open, -1);
		KH_COUNT(storage_failed);
		return NULL;
	}
	st = bpf_sk_storage_get(&kh_sockets, io->sk, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!st) {
		__sync_fetch_and_add(&kh_sockets_open, -1);
		KH_COUNT(storage_failed);
		return NULL;
	}
	kh_fill_conn(&st->conn, io->sk, io->tp, role, opener);
	st->next_tx = io->tp->write_seq;
	st->next_rx = io->tp->copied_seq;
	barrier(); /* else one load serves both cases, with pointers of two kinds */
	if (io->direction == KH_TX)
		st->next_tx = io->seq;
	else
		st->next_rx = io->seq;
	if (!opener)
		st->flags = KH_F_ADOPTED;
	return st;
}

/*
 * Is another look at the socket worth its cost? Each change of direction is: where a connection
 * older than Keyhole was amidst a long body, it is the next request.
 */
static __always_inline bool kh_worth_a_look(struct kh_glance *glance, u8 direction)
{
	if (glance->class != KH_CLASS_UNKNOWN)
		return false;
	if (glance->direction != direction + 1) {
		glance->direction = direction + 1;
		glance->tries = 0;
		if (++glance->turns > KH_TURNS_MAX)
			glance->class = KH_CLASS_OTHER;
	}
	return glance->tries < KH_TRIES_MAX && glance->class != KH_CLASS_OTHER;
}

/*
 * A few letters may as well be of an answer that is read byte by byte, or be one (PostgreSQL's 'N').
 * Are they of the side that opened the connection? On one older than Keyhole: do they go from the
 * higher port to the lower one, as clients' do?
 */
static __always_inline bool kh_from_client(struct kh_io *io, u8 opener)
{
	u16 local = io->sk->__sk_common.skc_num;
	u16 remote = bpf_ntohs(io->sk->__sk_common.skc_dport);

	if (opener)
		return (opener == KH_ROLE_CLIENT) == (io->direction == KH_TX);
	return io->direction == KH_TX ? local > remote : local < remote;
}

/*
 * A few letters after both sides have said what was no HTTP: many protocols' messages begin so, as
 * PostgreSQL's Q does, and some servers read that byte by itself. On a connection older than Keyhole
 * they may well be a request behind a long body, but for a lone P, which is MQTT's PUBREC.
 */
static __always_inline bool kh_stray(struct kh_io *io, const struct kh_glance *glance, u64 n)
{
	if (glance->role && glance->turns > 1)
		return true;
	return n == 1 && io->room->raw[0] == 'P' && bpf_sk_storage_get(&kh_streams, io->sk, NULL, 0);
}

/*
 * A socket that is not followed (yet). Whoever says the first thing that looks like a request is
 * the client: that also holds for connections older than Keyhole.
 */
static __always_inline struct kh_socket *kh_glance_at(struct kh_io *io, struct kh_glance *glance)
{
	u64 n = io->src.len < 16 ? io->src.len : 16;
	int look = KH_LOOK_NO;
	u8 opener;

	if (!kh_worth_a_look(glance, io->direction))
		return NULL;
	opener = glance->role;
	if (io->src.kind != KH_SRC_NONE && kh_fetch(io->room, &io->src, 0, 0, n) == n)
		look = kh_look(io->room, n);
	if (look == KH_LOOK_NO ||
	    (look == KH_LOOK_MAYBE && (!kh_from_client(io, opener) || kh_stray(io, glance, n)))) {
		glance->tries++;
		return NULL;
	}
	glance->class = KH_CLASS_HTTP;
	kh_stream_leave(io);
	return kh_follow(io, io->direction == KH_RX ? KH_ROLE_SERVER : KH_ROLE_CLIENT, opener);
}

/* ---- records ---- */

static __always_inline void kh_clear(struct kh_message *msg)
{
	__builtin_memset(msg, 0, sizeof(*msg));
}

static __always_inline void kh_grow(struct kh_message *msg, u64 len, u64 now)
{
	if (!msg->calls)
		msg->first_ns = now;
	msg->calls++;
	msg->len += len;
	if (now > msg->last_ns) /* two threads on one socket may come in out of order */
		msg->last_ns = now;
}

/*
 * Sends the exchange as far as it is known: the request kept in the socket and, unless the
 * connection ended before one came, the first bytes of the response.
 */
__noinline int kh_send_exchange(struct kh_scratch *room, struct kh_socket *st,
				const struct kh_source *src, u32 reason)
{
	struct kh_exchange *ex;
	u64 off = sizeof(*ex), len, n, i, end;

	if (!room || !st || !src)
		return 0;
	len = src->len;
	ex = (struct kh_exchange *)room->raw;
	ex->rec.type = KH_EXCHANGE;
	ex->rec.flags = st->flags;
	ex->conn = st->conn;
	ex->cgroup = st->owner.cgroup;
	ex->tgid = st->owner.tgid;
	ex->tid = st->owner.tid;
	ex->number = st->number;
	ex->req_seq = st->req_seq;
	ex->reason = reason;
	ex->pad = 0;
	ex->error = reason == KH_WHY_RESET ? st->error : 0;
	ex->req_tid = st->req_tid;
	ex->routine = st->routine;
	ex->req = st->req;
	ex->req.head_len = st->head_used;
	off = kh_append_head(room, st, off);
	off = kh_append_tail(room, st, off, &ex->req);
	st->tail_used = 0;

	kh_clear(&ex->resp);
	ex->resp.last_ns = room->now; /* where there is no response: when that became clear */
	if (len) {
		kh_grow(&ex->resp, len, room->now);
		n = len < kh_response_head ? len : kh_response_head;
		n = kh_fetch(room, src, off, 0, n);
		ex->resp.head_len = n;
		if (src->kind == KH_SRC_NONE) {
			ex->resp.gap = len;
			ex->rec.flags |= KH_F_RESP_GAP;
		}
		end = kh_number(room, off + n);
		st->sent_head = n;
		st->head_used = n < kh_request_head ? n : kh_request_head;
		/* the request's head was sent: its room now holds the response's */
		KH_MASK(off, KH_OFFSET_MASK);
		for (i = 0; i < KH_HEAD_MAX / 64; i++) {
			if (i * 64 >= kh_request_head || i * 64 >= n)
				break;
			kh_copy64(st->head + i * 64, room->raw + off + i * 64);
		}
		off = end;
		if (ex->resp.head_len < len) {
			kh_keep_tail(room, st, src);
			off = kh_append_tail(room, st, off, &ex->resp);
			st->tail_used = 0;
		}
	}
	KH_COUNT(exchanges);
	st->lost = !kh_put(room, off);
	if (st->lost)
		KH_COUNT(exchange_drops);
	return 0;
}

/* More of a response: its bytes while there is room for a head, then its length. */
__noinline int kh_send_part(struct kh_scratch *room, struct kh_socket *st,
			    const struct kh_source *src, u32 reason)
{
	struct kh_part *part;
	u64 off = sizeof(*part), len, n;

	if (!room || !st || !src)
		return 0;
	len = src->len;
	KH_ADD(parts, reason == KH_WHY_MORE);
	KH_ADD(finishes, reason != KH_WHY_MORE);
	if (st->lost) {
		KH_COUNT(part_drops);
		return 0;
	}
	part = (struct kh_part *)room->raw;
	part->rec.type = reason == KH_WHY_MORE ? KH_PART : KH_FINISH;
	part->rec.flags = st->flags | KH_F_RESPONSE;
	part->cookie = st->conn.cookie;
	part->number = st->number;
	part->reason = reason;
	part->pad = 0;
	part->error = reason == KH_WHY_RESET ? st->error : 0;
	part->msg = st->sum;
	if (reason == KH_WHY_RESET)
		part->msg.last_ns = room->now;
	kh_clear(&st->sum);
	if (reason == KH_WHY_MORE) {
		kh_grow(&part->msg, len, room->now);
		n = st->sent_head < kh_response_head ? kh_response_head - st->sent_head : 0;
		if (n > len)
			n = len;
		if (n)
			n = kh_fetch(room, src, off, 0, n);
		part->msg.head_len = n;
		off += n;
		if (n)
			st->sent_head += n;
		else
			st->parts++;
		if (src->kind == KH_SRC_NONE)
			part->msg.gap = len;
		else if (n < len)
			kh_keep_tail(room, st, src);
	}
	off = kh_append_tail(room, st, off, &part->msg);
	if (part->msg.gap)
		part->rec.flags |= KH_F_RESP_GAP;
	st->tail_used = 0;
	if (!kh_put(room, off))
		KH_COUNT(part_drops);
	return 0;
}

/* ---- where a long response ends ---- */

#define KH_SCAN_MAX 1024 /* bytes of a response's head searched for its length */
#define KH_SCAN_STEP 16  /* of them by one call of kh_scan() */

/* Eight characters as a little-endian word, letters made lower case. */
#define KH_WORD(a, b, c, d, e, f, g, h)                                                            \
	((u64)a | (u64)b << 8 | (u64)c << 16 | (u64)d << 24 | (u64)e << 32 | (u64)f << 40 |        \
	 (u64)g << 48 | (u64)h << 56)

static __always_inline u64 kh_lower_word(const u8 *p)
{
	return *(const u64 *)p | 0x2020202020202020ULL;
}

/*
 * Searches KH_SCAN_STEP bytes of the head, of which `used` stand in room->raw, beginning at `from`.
 * Returns whether to go on. A global function: the verifier walks through the turns of one step,
 * not of all.
 */
__noinline int kh_scan(struct kh_scratch *room, u64 from, u64 used)
{
	u32 i;

	if (!room)
		return false;
	for (i = 0; i < KH_SCAN_STEP; i++) {
		u64 at = from + i;
		const u8 *p;

		if (at + 4 > used)
			return false;
		KH_MASK(at, KH_SCAN_MAX - 1);
		p = room->raw + at;
		if (p[0] != '\n')
			continue;
		if (p[1] == '\r' && p[2] == '\n') {
			room->body = at + 3;
			return false;
		}
		if (kh_lower_word(p + 1) == KH_WORD('c', 'o', 'n', 't', 'e', 'n', 't', '-') &&
		    kh_lower_word(p + 8) == KH_WORD('-', 'l', 'e', 'n', 'g', 't', 'h', ':'))
			room->digits = at + 16;
	}
	return true;
}

/*
 * Where the response whose first `used` bytes stand in room->raw ends, by its Content-Length; 0 if
 * it has none. Called once per response of more than KH_PARTS_MAX calls: from there on only sums
 * are kept, so the end must be told here. Without a length the last chunk tells it.
 */
__noinline u64 kh_find_end(struct kh_scratch *room, u64 used)
{
	u64 length = 0;
	u32 i;

	if (!room)
		return 0;
	room->digits = 0;
	room->body = 0;
	for (i = 0; i < KH_SCAN_MAX; i += KH_SCAN_STEP)
		if (!kh_scan(room, i, used))
			break;
	if (!room->body || !room->digits)
		return 0;
	for (i = 0; i < 24; i++) {
		u64 at = room->digits + i;
		u8 c;

		KH_CLAMP(at, KH_OFFSET_MAX);
		c = room->raw[at];
		if (c == ' ' || c == '\t')
			continue;
		if (c < '0' || c > '9')
			break;
		length = length * 10 + (c - '0');
	}
	return room->body + length;
}

static __always_inline u64 kh_response_end(struct kh_scratch *room, struct kh_socket *st)
{
	u64 used = st->head_used < KH_SCAN_MAX ? st->head_used : KH_SCAN_MAX;
	u32 i;

	for (i = 0; i < KH_SCAN_MAX / 64 && i < kh_request_head / 64; i++)
		kh_copy64(room->raw + i * 64, st->head + i * 64);
	return kh_find_end(room, used);
}

static __always_inline bool kh_last_chunk(const struct kh_socket *st)
{
	const u8 *e = st->tail + KH_TAIL;

	return st->tail_used >= 5 && e[-5] == '0' && e[-4] == '\r' && e[-3] == '\n' &&
	       e[-2] == '\r' && e[-1] == '\n';
}

/* ---- one exchange after the other ---- */

/* Left HTTP: 101 (Switching Protocols), or 2xx to CONNECT. `off` is where the response begins. */
static __always_inline bool kh_is_tunnel(const struct kh_socket *st, bool connect)
{
	const u8 *p = st->head;

	if (st->head_used < 12 || p[0] != 'H' || p[4] != '/')
		return false;
	return (p[9] == '1' && p[10] == '0' && p[11] == '1') || (connect && p[9] == '2');
}

static __always_inline void kh_response(struct kh_scratch *room, struct kh_socket *st,
					const struct kh_source *src)
{
	const struct kh_source nothing = {};
	u64 len = src->len;

	if (st->phase == KH_REQUEST) {
		bool connect = st->head[0] == 'C' && st->head[1] == 'O' && st->head[2] == 'N' &&
			       st->head[3] == 'N';

		st->phase = KH_RESPONSE;
		st->resp_len = len;
		st->parts = 0;
		st->sent_head = 0;
		st->by_length = 0;
		kh_clear(&st->sum);
		kh_send_exchange(room, st, src, KH_WHY_RESPONSE);
		if (kh_is_tunnel(st, connect)) {
			KH_COUNT(upgraded);
			st->phase = KH_TUNNEL;
		}
		return;
	}
	st->resp_len += len;
	if (st->parts < KH_PARTS_MAX) {
		kh_send_part(room, st, src, KH_WHY_MORE);
		return;
	}
	if (!st->by_length) {
		st->by_length = 1;
		st->expect = kh_response_end(room, st);
	}
	kh_grow(&st->sum, len, room->now);
	if (src->kind == KH_SRC_NONE) {
		st->sum.gap += len;
		st->tail_used = 0;
	} else {
		kh_keep_tail(room, st, src);
	}
	if (st->expect ? st->resp_len >= st->expect : kh_last_chunk(st))
		kh_send_part(room, st, &nothing, KH_WHY_LENGTH);
}

/* Appends the first `n` bytes of a call to the request's head; returns how many could be read. */
__noinline u64 kh_fetch_head(struct kh_scratch *room, struct kh_socket *st,
			     const struct kh_source *src, u64 n)
{
	u64 used, at, i;

	if (!room || !st || !src)
		return 0;
	used = st->head_used;
	if (!used && src->kind == KH_SRC_ONE) { /* most requests: to where they stay */
		KH_CLAMP(n, kh_request_head);
		if (bpf_probe_read_user(st->head, n, (void *)(src->base + src->skip))) {
			KH_COUNT(faults);
			n = 0;
		}
		st->head_used = n;
		return kh_number(room, n);
	}
	n = kh_fetch(room, src, 0, 0, kh_number(room, n));
	st->head_used = kh_number(room, used + n);
	for (i = 0; i < KH_HEAD_MAX / 64; i++) {
		if (i * 64 >= kh_request_head || i * 64 >= n)
			break;
		at = used + i * 64;
		KH_CLAMP(at, kh_request_head);
		kh_copy64(st->head + at, room->raw + i * 64);
	}
	return n;
}

static __always_inline void kh_request(struct kh_scratch *room, struct kh_socket *st,
				       const struct kh_source *src, struct kh_control *control,
				       u32 seq)
{
	const struct kh_source nothing = {};
	u64 len = src->len;
	u64 left, n;
	bool more;

	if (st->phase == KH_RESPONSE && st->sum.calls)
		kh_send_part(room, st, &nothing, KH_WHY_TURN);
	if (st->phase != KH_REQUEST) {
		st->phase = KH_REQUEST;
		st->number++;
		st->req_seq = seq;
		st->flags &= KH_F_ADOPTED;
		st->head_used = 0;
		st->tail_used = 0;
		kh_clear(&st->req);
	}
	/*
	 * Go's server waits for the next request's first byte in a goroutine of its own while it
	 * works on this one (net/http, backgroundRead); the other bytes are read by the one that
	 * handles it.
	 */
	if (st->req.len <= 1) {
		st->req_tid = st->owner.tid;
		st->routine = kh_routine(control);
	}
	kh_grow(&st->req, len, room->now);
	if (src->kind == KH_SRC_NONE) {
		st->req.gap += len;
		st->flags |= KH_F_REQ_GAP;
		st->tail_used = 0;
		return;
	}
	/* a head ends at the first byte that could not be read: it must stay contiguous */
	left = kh_request_head - st->head_used;
	if (st->req.len - len != st->head_used)
		left = 0;
	n = len < left ? len : left;
	more = kh_number(room, kh_fetch_head(room, st, src, n) < len);
	if (more)
		kh_keep_tail(room, st, src);
}

/* Where a call's bytes stand in the connection, as one argument of a function that has five. */
#define KH_PLACE(direction, seq) ((u64)(direction) << 32 | (u32)(seq))

/*
 * A global function, as all that it calls: the verifier looks at them once, not for each path of a
 * call to here.
 */
__noinline int kh_message(struct kh_scratch *room, struct kh_socket *st,
			  const struct kh_source *src, struct kh_control *control, u64 place)
{
	if (!room || !st || !src)
		return 0;
	if ((place >> 32 == KH_RX) == (st->conn.role == KH_ROLE_SERVER))
		kh_request(room, st, src, control, place);
	else if (st->phase == KH_IDLE)
		KH_COUNT(orphan_responses);
	else
		kh_response(room, st, src);
	return 0;
}

/*
 * Bytes that passed without an event (splice out of a socket; sendfile before 6.5; a run of the
 * program that the kernel skipped) show as a jump of the sequence number. They belong to the
 * message of their direction, as a length.
 */
static __noinline int kh_unseen(struct kh_io *io, struct kh_socket *st, u32 direction, u32 now)
{
	struct kh_source src = {.kind = KH_SRC_NONE};
	u32 next;
	s32 gap;

	if (!io || !st)
		return 0;
	next = direction == KH_TX ? st->next_tx : st->next_rx;
	gap = now - next;
	/* copied_seq counts the FIN, once it was read */
	if (gap > 0 && direction == KH_RX && (io->sk->sk_shutdown & RCV_SHUTDOWN) &&
	    io->tp->copied_seq == io->tp->rcv_nxt)
		gap--;
	if (gap < 0)
		KH_COUNT(seq_back);
	if (gap <= 0)
		return 0;
	KH_ADD(gap_bytes, gap);
	src.len = gap;
	kh_message(io->room, st, &src, io->control, KH_PLACE(direction, next));
	return 0;
}

/*
 * Before a send also what was received until then: found only by the next receive, an answer that
 * was spliced away would be taken for that of the next request. Not the other way round: sends
 * always show, but another thread's may show a little later than the answer to it.
 */
static __always_inline void kh_check_gaps(struct kh_io *io, struct kh_socket *st)
{
	u32 end = io->seq + (u32)io->src.len;

	if (io->direction == KH_TX) {
		u32 received = io->tp->copied_seq;

		if (received != st->next_rx)
			kh_unseen(io, st, KH_RX, received);
		if (io->seq != st->next_tx)
			kh_unseen(io, st, KH_TX, io->seq);
		st->next_rx = received;
		st->next_tx = end;
	} else {
		if (io->seq != st->next_rx)
			kh_unseen(io, st, KH_RX, io->seq);
		st->next_rx = end;
	}
}

/*
 * Of a receive that kh_fx_early() saw, and fexit sees as well, what is new. It may be more: early
 * only the first segment was there.
 */
static __always_inline bool kh_not_seen_early(struct kh_io *io)
{
	struct kh_socket *st = io->st;
	struct kh_stream *s = NULL;
	u32 seen;

	if (io->direction != KH_RX || !kh_earlies)
		return true;
	if (st) {
		if (!st->early)
			return true;
		st->early = false;
		seen = st->next_rx - io->seq;
	} else {
		s = bpf_sk_storage_get(&kh_streams, io->sk, NULL, 0);
		if (!s || !s->early)
			return true;
		s->early = false;
		seen = s->next_rx - io->seq;
	}
	__sync_fetch_and_add(&kh_earlies, -1);
	if ((s32)seen <= 0 || seen > io->src.len)
		return true;
	io->seq += seen;
	io->src.skip += seen;
	io->src.len = kh_number(io->room, io->src.len - seen);
	if (io->src.len)
		return true;
	if (kh_twins) /* nothing is new: this was all of the call */
		kh_take(st ? st->taken : s->taken, io);
	return false;
}

/* The connection ended, or its end came in sight: says so unless nothing is open. */
__noinline int kh_end(struct kh_scratch *room, struct kh_socket *st)
{
	const struct kh_source nothing = {};
	u8 reason;

	if (!room || !st)
		return 0;
	reason = st->error ? KH_WHY_RESET : KH_WHY_CLOSE;
	room->now = bpf_ktime_get_ns();
	if (KH_VERDICT(st->owner.decided) != KH_IGNORE) {
		if (st->error && st->phase != KH_IDLE && st->phase != KH_TUNNEL)
			KH_COUNT(resets);
		if (st->phase == KH_REQUEST)
			kh_send_exchange(room, st, &nothing, reason);
		else if (st->phase == KH_RESPONSE)
			kh_send_part(room, st, &nothing, reason);
	}
	if (st->phase != KH_TUNNEL)
		st->phase = KH_IDLE;
	return 0;
}

/* An answer, or the rest of one, that was spliced away and after which nothing was sent. */
static __always_inline void kh_unseen_at_end(struct kh_scratch *room, struct sock *sk,
					     struct kh_socket *st)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct kh_io io = {.direction = KH_RX, .sk = sk, .tp = tp, .room = room};

	/* a reset moves copied_seq over what nobody read */
	if (!tp || st->error || st->conn.role != KH_ROLE_CLIENT ||
	    (st->phase != KH_REQUEST && st->phase != KH_RESPONSE))
		return;
	room->now = bpf_ktime_get_ns();
	kh_unseen(&io, st, KH_RX, tp->copied_seq);
}

/* A receive that moved nothing: the end of the stream, or an error that ends it. */
static __always_inline void kh_moved_nothing(struct sock *sk, u32 direction, int ret,
					     struct kh_scratch *room)
{
	struct kh_socket *st;

	if (ret == -EAGAIN)
		return;
	KH_COUNT(io_errors);
	if (ret == -EINTR || ret == -ERESTARTSYS || ret == -EINPROGRESS)
		return;
	if (ret == 0 && (direction == KH_TX || !(sk->sk_shutdown & RCV_SHUTDOWN)))
		return;
	st = bpf_sk_storage_get(&kh_sockets, sk, NULL, 0);
	if (!st) {
		kh_stream_stops(sk, ret, room);
		return;
	}
	if (ret < 0 && !st->error)
		st->error = -ret;
	if (ret < 0 || st->conn.role == KH_ROLE_CLIENT) {
		kh_unseen_at_end(room, sk, st);
		kh_end(room, st);
	}
}

/*
 * The connection left HTTP with this call. What follows is in no protocol that is known here, and
 * may begin behind the answer in the same call: so the stream begins with the answer.
 */
static KH_KEPT int kh_become_stream(struct kh_io *io, struct kh_socket *st)
{
	bool sent = io && io->direction == KH_TX;
	struct kh_glance *glance;
	struct kh_stream *s;
	u32 other;

	if (!io || !st)
		return 0;
	glance = bpf_sk_storage_get(&kh_glances, io->sk, NULL, 0);
	s = kh_stream_new(io, st->conn.role);
	if (glance) {
		glance->class = KH_CLASS_OTHER;
		glance->role = st->conn.role;
		glance->quiet = !s;
	}
	if (s) {
		other = sent ? io->tp->copied_seq : io->tp->write_seq;
		s->conn = st->conn;
		s->conn.isn_local = sent ? io->seq : other;
		s->conn.isn_remote = sent ? other : io->seq;
		s->owner = st->owner;
		s->next_tx = st->next_tx;
		s->next_rx = st->next_rx;
		__builtin_memcpy(s->taken, st->taken, sizeof(s->taken));
		kh_stream_tell(io, s, IPPROTO_TCP, io->seq, other);
	}
	__sync_fetch_and_add(&kh_sockets_open, -1);
	bpf_sk_storage_delete(&kh_sockets, io->sk);
	return 0;
}

/* Of a socket that is not followed for HTTP. */
static __always_inline struct kh_socket *kh_moved_other(struct kh_io *io)
{
	struct kh_glance *glance = bpf_sk_storage_get(&kh_glances, io->sk, NULL,
						      BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct kh_socket *st;

	if (!glance) {
		KH_COUNT(storage_failed);
		return NULL;
	}
	if (glance->quiet && glance->class == KH_CLASS_OTHER)
		return NULL;
	st = kh_glance_at(io, glance);
	if (!st)
		kh_stream_moved(io, glance);
	return st;
}

static __always_inline void kh_moved(struct kh_io *io)
{
	struct kh_socket *st = io->st;

	if (!st) {
		st = kh_moved_other(io);
		if (!st)
			return;
	}
	if (kh_twins)
		kh_take(st->taken, io);
	if (io->direction == KH_TX)
		KH_ADD(tx_bytes, io->src.len);
	else
		KH_ADD(rx_bytes, io->src.len);
	if (kh_own(io->control, &st->conn, &st->owner) == KH_IGNORE) {
		KH_COUNT(ignored);
		st->next_tx = io->tp->write_seq;
		st->next_rx = io->tp->copied_seq;
		st->phase = KH_IDLE;
		return;
	}
	kh_check_gaps(io, st);
	kh_message(io->room, st, &io->src, io->control, KH_PLACE(io->direction, io->seq));
	if (st->phase == KH_TUNNEL)
		kh_become_stream(io, st);
}

#endif
