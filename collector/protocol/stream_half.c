/* SPDX-License-Identifier: Apache-2.0 */
/* One direction of a connection: from the bytes of system calls to frames. */
#include "stream.h"

#define ASTRAY_MAX                                                                                 \
	16 /* calls without a frame that count as one that is bad, where that is usual             \
	    */

void half_reset(struct stream *stream, enum side side)
{
	struct half *half = &stream->half[side];

	stream_block_put(&stream->all->memory, half->block);
	half->block = NULL;
	half->kept = 0;
	half->holed = false;
	half->passed = 0;
	half->at = HALF_AT_FRAME;
}

static void lose(struct stream *stream, enum side side)
{
	half_reset(stream, side);
	stream->half[side].at = HALF_LOST;
	if (stream->parser->lost)
		stream->parser->lost(&stream->talk, side);
	else
		talk_forget_all(&stream->talk, &stream->count->lost);
}

static void bad_frame(struct stream *stream, enum side side)
{
	struct half *half = &stream->half[side];

	stream->count->bad_frames++;
	half->bad++;
	lose(stream, side);
}

/* The frame has passed: `b` is what was to be seen of it. */
static void hand_over(struct stream *stream, enum side side, struct slice b,
		      const struct kh_segment *segment)
{
	struct half *half = &stream->half[side];
	struct frame frame = half->frame;

	stream->talk.moment = (struct moment){
		.first_ns = half->first_ns,
		.last_ns = segment->ns,
		.seq = half->seq,
		.tgid = segment->tgid,
		.tid = segment->tid,
		.routine = segment->routine,
	};
	half->bad = 0;
	stream->parser->message(&stream->talk, side, b, &frame);
}

static void frame_ends(struct stream *stream, enum side side, const struct kh_segment *segment)
{
	struct half *half = &stream->half[side];
	struct stream_block *block = half->block;

	half->block = NULL;
	hand_over(stream, side, (struct slice){block ? block->data : "", half->kept}, segment);
	half_reset(stream, side);
	stream_block_put(&stream->all->memory, block);
}

/* Adds bytes to those kept of the frame, up to `most`. Returns how many there was room for. */
static size_t keep_bytes(struct stream *stream, struct half *half, const char *p, size_t n,
			 size_t most)
{
	size_t room = most > half->kept ? most - half->kept : 0;

	if (n > room)
		n = room;
	if (!n || half->holed)
		return 0;
	if (!half->block)
		half->block = stream_block_get(&stream->all->memory);
	if (!half->block) {
		half->holed = true;
		stream->all->counters.no_memory++;
		return 0;
	}
	memcpy(half->block->data + half->kept, p, n);
	half->kept += (uint32_t)n;
	return n;
}

static bool fits(struct frame *frame)
{
	if (frame->size < 1)
		return false;
	if (frame->want > PARSER_WANT_MAX)
		frame->want = PARSER_WANT_MAX;
	if (frame->want > frame->size)
		frame->want = (uint32_t)frame->size;
	return true;
}

/* A frame begins at p, nothing of it is kept. Returns the bytes used; 0: it is none. */
static size_t begin_frame(struct stream *stream, enum side side, const char *p, size_t n,
			  const struct kh_segment *segment, uint32_t seq)
{
	struct half *half = &stream->half[side];
	struct slice b = {p, n < PARSER_WANT_MAX ? n : PARSER_WANT_MAX};
	enum cut cut = stream->parser->frame(&stream->talk, side, b, &half->frame);

	half->first_ns = segment->ns;
	half->seq = seq;
	if (cut == CUT_OK && fits(&half->frame)) {
		if (n >= half->frame.size) {
			hand_over(stream, side, (struct slice){p, half->frame.want}, segment);
			return (size_t)half->frame.size;
		}
		half->at = HALF_IN_FRAME;
		half->passed = n;
		keep_bytes(stream, half, p, n, half->frame.want);
		return n;
	}
	if (cut != CUT_MORE || n >= PARSER_WANT_MAX)
		return 0;
	keep_bytes(stream, half, p, n, PARSER_WANT_MAX);
	return half->holed ? 0 : n;
}

/* Some bytes of a frame are kept, too few to tell its length. */
static size_t go_on_frame(struct stream *stream, enum side side, const char *p, size_t n,
			  const struct kh_segment *segment)
{
	struct half *half = &stream->half[side];
	size_t before = half->kept;
	size_t added = keep_bytes(stream, half, p, n, PARSER_WANT_MAX);
	struct slice b = {half->block ? half->block->data : "", half->kept};
	enum cut cut;
	size_t used;

	if (!added)
		return 0;
	cut = stream->parser->frame(&stream->talk, side, b, &half->frame);
	if (cut == CUT_MORE)
		return added < n ? 0 : added;
	if (cut != CUT_OK || !fits(&half->frame) || half->frame.size < before)
		return 0;
	used = half->frame.size - before < n ? (size_t)(half->frame.size - before) : n;
	half->passed = before + used;
	half->at = HALF_IN_FRAME;
	if (half->kept > half->frame.want)
		half->kept = half->frame.want;
	if (half->passed == half->frame.size)
		frame_ends(stream, side, segment);
	return used ? used : added; /* `used` is 0 only for a frame that ended before */
}

static size_t within_frame(struct stream *stream, enum side side, const char *p, size_t n,
			   const struct kh_segment *segment)
{
	struct half *half = &stream->half[side];
	uint64_t left = half->frame.size - half->passed;
	size_t take = n < left ? n : (size_t)left;

	keep_bytes(stream, half, p, take, half->frame.want);
	half->passed += take;
	if (half->passed == half->frame.size)
		frame_ends(stream, side, segment);
	return take;
}

/* Bytes of this direction, behind those before. */
static void feed(struct stream *stream, enum side side, const char *p, size_t n,
		 const struct kh_segment *segment, uint32_t seq)
{
	struct half *half = &stream->half[side];

	while (n && half->at != HALF_LOST && stream->talk.over == TALK_GOES_ON) {
		size_t used;

		if (half->at == HALF_IN_FRAME)
			used = within_frame(stream, side, p, n, segment);
		else if (half->kept)
			used = go_on_frame(stream, side, p, n, segment);
		else
			used = begin_frame(stream, side, p, n, segment, seq);
		if (!used || used > n) {
			/* STARTTLS, however the protocol has it */
			if (!half->kept && stream_is_hello((struct slice){p, n}))
				talk_encrypted(&stream->talk);
			else
				bad_frame(stream, side);
			return;
		}
		p += used;
		n -= used;
		seq += (uint32_t)used;
	}
}

/* `segment`: whose bytes they are. */
static void missed_of(struct stream *stream, enum side side, uint64_t n,
		      const struct kh_segment *segment)
{
	struct half *half = &stream->half[side];

	if (!n)
		return;
	if (half->at == HALF_LOST) {
		lose(stream, side);
		return;
	}
	if (half->at == HALF_IN_FRAME && n <= half->frame.size - half->passed) {
		half->holed |= half->kept < half->frame.want;
		half->passed += n;
		if (half->passed == half->frame.size)
			frame_ends(stream, side, segment);
		return;
	}
	if (half->at == HALF_IN_FRAME) /* it has ended in what is missing */
		frame_ends(stream, side, segment);
	stream->count->gaps++;
	lose(stream, side);
}

void half_missed(struct stream *stream, enum side side, uint64_t n)
{
	struct kh_segment nobodys = {.ns = stream->all->now_ns, .tgid = stream->tgid};

	missed_of(stream, side, n, &nobodys);
}

/* Do frames follow each other from here to the end of b? */
static bool chain_fits(struct stream *stream, enum side side, struct slice b)
{
	unsigned int frames = 0;

	while (b.n && frames < 4) {
		struct frame frame = {0};
		struct slice view = {b.p, b.n < PARSER_WANT_MAX ? b.n : PARSER_WANT_MAX};
		enum cut cut = stream->parser->frame(&stream->talk, side, view, &frame);

		if (cut == CUT_MORE)
			return frames > 0;
		if (cut != CUT_OK || !fits(&frame))
			return false;
		if (frame.size > b.n)
			return true;
		b.p += frame.size;
		b.n -= (size_t)frame.size;
		frames++;
	}
	return frames > 0;
}

/*
 * Out of step: where a call begins there may be a frame. Returns the bytes before it. What passes
 * unread may hold requests and answers, so those before it are lost once more.
 */
static size_t find_step(struct stream *stream, enum side side, struct slice b, bool begins,
			const struct kh_segment *segment)
{
	struct half *half = &stream->half[side];
	bool amid = stream->parser->resync_amid;
	long at = -1;

	stream->talk.moment = (struct moment){
		.first_ns = segment->ns,
		.last_ns = segment->ns,
		.seq = segment->seq + (uint32_t)(b.p - (const char *)(segment + 1)),
		.tgid = segment->tgid,
		.tid = segment->tid,
		.routine = segment->routine,
	};
	if ((begins || amid) && b.n && stream->parser->resync)
		at = stream->parser->resync(&stream->talk, side, b);
	else if (begins && b.n)
		at = chain_fits(stream, side, b) ? 0 : -1;
	if (at >= 0 && (size_t)at < b.n) {
		half_reset(stream, side);
		return (size_t)at;
	}
	if (begins && b.n && at != RESYNC_STILL && (!amid || ++half->astray % ASTRAY_MAX == 0))
		half->bad++;
	lose(stream, side);
	return 0;
}

/* Out of step: does a message end with the call? */
static void offer_tail(struct stream *stream, enum side side, const struct kh_segment *segment,
		       struct slice b)
{
	if (!stream->parser->tail || !b.n || stream->talk.over != TALK_GOES_ON)
		return;
	stream->talk.moment = (struct moment){
		segment->ns,   segment->ns,  segment->seq + segment->len - (uint32_t)b.n,
		segment->tgid, segment->tid, segment->routine};
	if (stream->parser->tail(&stream->talk, side, b))
		half_reset(stream, side);
}

/* `known`: bytes behind the head that were told, or missed, before. */
static void the_tail(struct stream *stream, enum side side, const struct kh_segment *segment,
		     uint32_t known)
{
	const char *p = (const char *)(segment + 1) + segment->head_len;
	struct half *half = &stream->half[side];
	uint32_t hole = segment->len - segment->head_len - segment->tail_len;
	uint32_t skip = known > hole ? known - hole : 0;
	struct slice b = {p + skip, segment->tail_len - skip};

	missed_of(stream, side, hole - (known - skip), segment);
	if (half->at == HALF_LOST)
		offer_tail(stream, side, segment, b);
	else
		feed(stream, side, b.p, b.n, segment, segment->seq + segment->len - (uint32_t)b.n);
}

void half_segment(struct stream *stream, enum side side, const struct kh_segment *segment)
{
	struct half *half = &stream->half[side];
	const char *p = (const char *)(segment + 1);
	size_t n = segment->head_len, from = 0;
	bool begins = segment->ns != half->call_ns;
	uint32_t known = 0;

	half->call_ns = segment->ns;
	if (stream_is_udp(stream))
		half_reset(stream, side);
	if (stream->trim) {
		from = stream->trim < n ? stream->trim : n;
		known = stream->trim - (uint32_t)from;
		stream->trim = 0;
	} else if (stream->skip[side]) {
		from = stream->skip[side] < n ? stream->skip[side] : n;
		stream->skip[side] -= (uint16_t)from;
	}
	if (half->at == HALF_LOST)
		from += find_step(stream, side, (struct slice){p + from, n - from}, begins,
				  segment);
	feed(stream, side, p + from, n - from, segment, segment->seq + (uint32_t)from);
	if (segment->len > n) {
		the_tail(stream, side, segment, known);
	} else if (half->at == HALF_LOST && n > from) {
		size_t tail = n - from < KH_TAIL ? n - from : KH_TAIL;

		offer_tail(stream, side, segment, (struct slice){p + n - tail, tail});
	}
	if (stream_is_udp(stream) && half->kept)
		half_reset(stream, side);
}
