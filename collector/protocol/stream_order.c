/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a connection's segments. BPF tells a call after the socket was let go: a thread that
 * loses the CPU there tells its segment late, and other threads' calls on the same socket count its
 * bytes already. So a segment that is ahead, of its own direction or of the other one, waits.
 */
#include "stream.h"

#define NEAR 65536           /* bytes from the beginning of a connection */
#define HELD_MAX 256         /* segments of a connection that wait */
#define HELD_BEHIND_HOLE 64  /* likewise, if something of their own direction is missing */
#define HELD_BYTES_MAX 65536 /* of them, their captured bytes included */

static void missed(struct stream *stream, bool sent, uint32_t n)
{
	if (stream->parser) {
		half_missed(stream, stream_side(stream->role, sent), n);
	} else { /* also if nothing was seen yet: its beginning is what is missing */
		keep_clear(&stream->all->memory, &stream->seen);
		stream->start = false;
	}
}

/* How far the segment is from where its direction, and the other one, stand. */
static int32_t gap_before(const struct stream *stream, const struct kh_segment *segment)
{
	return (int32_t)(segment->seq - stream->next[segment->sent]);
}

static int32_t gap_beside(const struct stream *stream, const struct kh_segment *segment)
{
	return (int32_t)(segment->other - stream->next[!segment->sent]);
}

static bool in_order(const struct stream *stream, const struct kh_segment *segment)
{
	return gap_before(stream, segment) <= 0 && gap_beside(stream, segment) <= 0;
}

/*
 * What is missing before it is given up. What is missing of the other direction is, if `given_up`
 * says so: what comes of that after this would come in the wrong order.
 */
static void take(struct stream *stream, const struct kh_segment *segment, bool given_up)
{
	bool sent = segment->sent;
	int32_t beside = gap_beside(stream, segment);
	int32_t before = gap_before(stream, segment);

	if (beside > 0 && given_up) {
		missed(stream, !sent, (uint32_t)beside);
		stream->next[!sent] = segment->other;
	}
	if (stream->over)
		return;
	if (before > 0)
		missed(stream, sent, (uint32_t)before);
	if (before < 0 && (uint32_t)-before >= segment->len) {
		stream->all->counters.late++;
		return;
	}
	stream->next[sent] = segment->seq + segment->len;
	stream->trim = before < 0 ? (uint32_t)-before : 0;
	if (!stream->over)
		stream_read(stream, segment);
	stream->trim = 0;
}

/* ---- those that wait ---- */

/* Takes them out of the stream, which may be over before they are looked through. */
static struct keep lift(struct stream *stream)
{
	struct keep held = stream->held;

	stream->all->holding -= held.n > 0;
	stream->held = (struct keep){0};
	return held;
}

static void put_back(struct stream *stream, struct keep *held)
{
	if (stream->over || !held->n)
		keep_clear(&stream->all->memory, held);
	stream->held = *held;
	stream->all->holding += held->n > 0;
}

/*
 * Two threads, of which each counts the other's call and neither has told its own: each segment is
 * the next of its direction, and waits for the other one. They passed at the same time; the
 * client's is read first. NULL: there are no two such.
 */
static const struct kh_segment *crossed(const struct stream *stream, const struct keep *held)
{
	const struct kh_segment *next[2] = {NULL, NULL}, *at;
	struct stream_block *block;

	for (at = keep_next(held, &block, NULL); at; at = keep_next(held, &block, at))
		if (!next[at->sent] && gap_before(stream, at) <= 0)
			next[at->sent] = at;
	if (!next[0] || !next[1])
		return NULL;
	if (stream->role)
		return next[stream->role == KH_ROLE_CLIENT];
	return next[next[1]->ns < next[0]->ns];
}

/* Those whose turn it is. */
static void go_on(struct stream *stream)
{
	struct keep held = lift(stream);
	const struct kh_segment *at;
	struct stream_block *block;
	bool moved = held.n;

	while (moved && held.n && !stream->over) {
		moved = false;
		for (at = keep_next(&held, &block, NULL); at && !stream->over;
		     at = keep_next(&held, &block, at)) {
			if (!in_order(stream, at))
				continue;
			take(stream, at, false);
			keep_drop(&held, at);
			moved = true;
		}
		at = moved || stream->over ? NULL : crossed(stream, &held);
		if (!at)
			continue;
		take(stream, at, false);
		keep_drop(&held, at);
		moved = true;
	}
	put_back(stream, &held);
}

/* The one before which the least is missing; of those before which nothing is, the oldest. */
static const struct kh_segment *nearest(const struct stream *stream, const struct keep *held)
{
	const struct kh_segment *best = NULL, *at;
	struct stream_block *block;

	for (at = keep_next(held, &block, NULL); at; at = keep_next(held, &block, at)) {
		if (gap_before(stream, at) <= 0)
			return at;
		if (!best || gap_before(stream, at) < gap_before(stream, best))
			best = at;
	}
	return best;
}

/* One goes on without what it waited for, and then those behind it. */
static void go_without(struct stream *stream, bool given_up)
{
	struct keep held = lift(stream);
	const struct kh_segment *at = nearest(stream, &held);

	if (at) {
		stream->all->counters.held_in_vain++;
		take(stream, at, given_up);
		keep_drop(&held, at);
	}
	put_back(stream, &held);
	go_on(stream);
}

/*
 * Is something missing of a direction of which more has come? Whoever shares a socket takes turns
 * at it, so that these bytes are late is far less likely than that they were lost.
 */
static bool holed(const struct stream *stream)
{
	bool some[2] = {false, false}, front[2] = {false, false};
	const struct kh_segment *at;
	struct stream_block *block;

	for (at = keep_next(&stream->held, &block, NULL); at;
	     at = keep_next(&stream->held, &block, at)) {
		some[at->sent] = true;
		front[at->sent] |= gap_before(stream, at) <= 0;
	}
	return (some[0] && !front[0]) || (some[1] && !front[1]);
}

static bool hold(struct stream *stream, const struct kh_segment *segment)
{
	struct stream_memory *memory = &stream->all->memory;
	bool first = !stream->held.n;

	if (stream->held.n >= HELD_MAX || (stream->held.n >= HELD_BEHIND_HOLE && holed(stream)))
		return false;
	if (!keep_add(memory, &stream->held, segment, HELD_BYTES_MAX)) {
		keep_pack(memory, &stream->held);
		if (!keep_add(memory, &stream->held, segment, HELD_BYTES_MAX))
			return false;
	}
	stream->all->holding += first;
	stream->all->counters.held++;
	return true;
}

/* ---- for streams.c ---- */

void order_forget(struct stream *stream)
{
	struct keep held = lift(stream);

	keep_clear(&stream->all->memory, &held);
}

void order_expire(struct stream *stream, uint64_t now_ns)
{
	struct stream_block *block;

	while (stream->held.n &&
	       now_ns > keep_next(&stream->held, &block, NULL)->ns + STREAMS_HOLD_NS)
		go_without(stream, true);
}

void order_end(struct stream *stream)
{
	while (stream->held.n)
		go_without(stream, true);
}

/*
 * Where the connection stands when its first segment comes: at its beginning, if Keyhole saw it
 * opened and little has passed (that segment may be one of several, told by two threads), or if
 * nothing has; else there.
 */
static void place(struct stream *stream, const struct kh_segment *segment)
{
	const struct kh_conn *conn = &segment->conn;
	uint32_t first[2] = {conn->isn_remote, conn->isn_local};
	uint32_t here = segment->seq - first[segment->sent];
	uint32_t beside = segment->other - first[!segment->sent];

	stream->placed = true;
	stream->start = conn->isn_local && conn->isn_remote &&
			(conn->role ? here < NEAR && beside < NEAR : !here && !beside);
	if (!stream->start) {
		first[segment->sent] = segment->seq;
		first[!segment->sent] = segment->other;
	}
	memcpy(stream->next, first, sizeof(first));
}

/* False: it is its turn. */
static bool waits(struct stream *stream, const struct kh_segment *segment)
{
	while (!stream->over && !in_order(stream, segment)) {
		if (hold(stream, segment))
			return true;
		if (!stream->held.n) { /* no memory */
			take(stream, segment, true);
			return true;
		}
		go_without(stream, holed(stream));
	}
	return stream->over;
}

void order_segment(struct stream *stream, const struct kh_segment *segment)
{
	if (!stream->placed)
		place(stream, segment);
	if (!waits(stream, segment))
		take(stream, segment, false);
	if (!stream->held.n)
		return;
	if (gap_before(stream, segment) <= 0)
		go_on(stream);
	order_expire(stream, segment->ns);
}
