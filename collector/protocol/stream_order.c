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
		memset(stream->skip, 0, sizeof(stream->skip));
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

/* What a direction has not told up to there is not waited for any longer. */
static void give_up(struct stream *stream, bool sent, uint32_t upto)
{
	int32_t gap = (int32_t)(upto - stream->next[sent]);

	if (gap <= 0)
		return;
	missed(stream, sent, (uint32_t)gap);
	stream->next[sent] = upto;
}

/* What is missing of its own direction is given up. */
static void take(struct stream *stream, const struct kh_segment *segment)
{
	bool sent = segment->sent;
	uint32_t known;

	give_up(stream, sent, segment->seq);
	known = stream->next[sent] - segment->seq;
	if (known && known >= segment->len) {
		stream->all->counters.late++;
		return;
	}
	stream->next[sent] = segment->seq + segment->len;
	stream->trim = known;
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
 * Of each direction the segment before which the least is missing, and how far the other one had
 * come before it: no further than before those behind it, which may have been told earlier.
 */
struct fronts {
	const struct kh_segment *at[2]; /* NULL: none waits */
	uint32_t other[2];
};

static struct fronts fronts_of(const struct stream *stream, const struct keep *held)
{
	struct fronts f = {0};
	const struct kh_segment *at;
	struct stream_block *block;

	for (at = keep_next(held, &block, NULL); at; at = keep_next(held, &block, at)) {
		const struct kh_segment **first = &f.at[at->sent];

		if (!*first || (int32_t)(at->other - f.other[at->sent]) < 0)
			f.other[at->sent] = at->other;
		if (!*first || gap_before(stream, at) < gap_before(stream, *first))
			*first = at;
	}
	return f;
}

static bool is_front(const struct stream *stream, const struct kh_segment *at)
{
	return at && gap_before(stream, at) <= 0;
}

/* Both wait. */
static const struct kh_segment *clients(const struct stream *stream, const struct fronts *f)
{
	if (stream->role)
		return f->at[stream->role == KH_ROLE_CLIENT];
	return f->at[f->at[1]->ns < f->at[0]->ns];
}

/*
 * NULL: they all wait for what was not told yet. Two threads may each count the other's call, and
 * both segments are the next of their direction: they passed at the same time, the client's is
 * read first.
 */
static const struct kh_segment *whose_turn(const struct stream *stream, const struct fronts *f)
{
	bool front[2] = {is_front(stream, f->at[0]), is_front(stream, f->at[1])};

	for (unsigned int sent = 0; sent < 2; sent++)
		if (front[sent] && (int32_t)(f->other[sent] - stream->next[!sent]) <= 0)
			return f->at[sent];
	return front[0] && front[1] ? clients(stream, f) : NULL;
}

/* Those whose turn it is. */
static void go_on(struct stream *stream)
{
	struct keep held = lift(stream);

	while (held.n && !stream->over) {
		struct fronts f = fronts_of(stream, &held);
		const struct kh_segment *at = whose_turn(stream, &f);

		if (!at)
			break;
		take(stream, at);
		keep_drop(&held, at);
	}
	put_back(stream, &held);
}

/* It was told that `at` of the other direction passed before that of this one. */
static bool lies_before(const struct fronts *f, bool sent)
{
	return (int32_t)(f->at[!sent]->seq - f->other[sent]) < 0;
}

/* Who goes on first, if something is missing before either. */
static const struct kh_segment *nearest(const struct stream *stream, const struct fronts *f)
{
	bool behind[2];

	if (!f->at[0] || !f->at[1])
		return f->at[!f->at[0]];
	behind[0] = lies_before(f, false);
	behind[1] = lies_before(f, true);
	if (behind[0] != behind[1])
		return f->at[behind[0]];
	if (behind[0])
		return clients(stream, f);
	return f->at[gap_before(stream, f->at[1]) < gap_before(stream, f->at[0])];
}

/*
 * One goes on without what it waited for, and then those behind it. What is missing of the other
 * direction is given up, if `given_up` says so: what comes of that after this would come in the
 * wrong order. What waits is not missing.
 */
static void go_without(struct stream *stream, bool given_up)
{
	struct keep held = lift(stream);
	struct fronts f = fronts_of(stream, &held);
	const struct kh_segment *at = nearest(stream, &f);

	if (at) {
		bool sent = at->sent;

		stream->all->counters.held_in_vain++;
		if (given_up && f.at[!sent] && lies_before(&f, sent))
			give_up(stream, !sent, f.at[!sent]->seq);
		else if (given_up)
			give_up(stream, !sent, f.other[sent]);
		take(stream, at);
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
	struct fronts f = fronts_of(stream, &stream->held);

	return (f.at[0] && !is_front(stream, f.at[0])) || (f.at[1] && !is_front(stream, f.at[1]));
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
 * nothing has; else there. So it does if BPF had told nothing before, though the direction has
 * more: that was told to another collector, and is not waited for.
 */
static void place(struct stream *stream, const struct kh_segment *segment)
{
	const struct kh_conn *conn = &segment->conn;
	uint32_t first[2] = {conn->isn_remote, conn->isn_local};
	uint32_t here = segment->seq - first[segment->sent];
	uint32_t beside = segment->other - first[!segment->sent];
	bool older = here && segment->rec.flags & KH_F_FIRST;

	stream->placed = true;
	if (conn->isn_local && conn->isn_remote)
		stream->start =
			conn->role && !older ? here < NEAR && beside < NEAR : !here && !beside;
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
		if (!stream->held.n) /* no memory */
			give_up(stream, !segment->sent, segment->other);
		if (!stream->held.n || is_front(stream, segment)) { /* others wait for it, too */
			take(stream, segment);
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
		take(stream, segment);
	if (!stream->held.n)
		return;
	if (gap_before(stream, segment) <= 0)
		go_on(stream);
	order_expire(stream, segment->ns);
}
