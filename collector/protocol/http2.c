/* SPDX-License-Identifier: Apache-2.0 */
#include "http2.h"

#include "parsers.h"
#include "reader.h"

#define SETTINGS_MAX_FRAME_SIZE 5
#define SETTING 6         /* bytes of one */
#define SETTINGS_N 32     /* of a frame, are looked at */
#define NO_LIMIT 0xffffff /* what was announced was not seen */

/* ---- frames ---- */

static bool of_block(uint8_t type)
{
	return type == HTTP2_HEADERS || type == HTTP2_PUSH_PROMISE || type == HTTP2_CONTINUATION;
}

/* What the other side takes; of a connection joined late it is not known once it is in step. */
static uint32_t max_frame(const struct talk *talk, enum side from, bool strict)
{
	uint32_t announced = http2_of(talk)->side[!from].max_frame;

	if (!announced && !talk->start && !strict)
		return NO_LIMIT;
	return announced > HTTP2_FRAME_DEFAULT ? announced : HTTP2_FRAME_DEFAULT;
}

/* A block's frames follow each other, and nothing comes between (section 6.10). */
static bool in_turn(const struct http2_side *side, const struct http2_head *head)
{
	if ((head->type == HTTP2_CONTINUATION) != (side->block != 0))
		return false;
	if (side->block && head->stream != side->block)
		return false;
	return !of_block(head->type) ||
	       (uint64_t)side->block_bytes + HTTP2_HEAD + head->length <= HTTP2_BLOCK_MAX;
}

/* Bytes of its beginning that mean something here. */
static uint32_t wanted(const struct http2_head *head)
{
	switch (head->type) {
	case HTTP2_DATA:
		return HTTP2_HEAD + 1 + 5; /* padding, and how gRPC's message begins */
	case HTTP2_RST_STREAM:
	case HTTP2_GOAWAY:
		return HTTP2_HEAD + 4;
	case HTTP2_SETTINGS:
		return HTTP2_HEAD + SETTING * SETTINGS_N;
	default:
		return of_block(head->type) ? PARSER_WANT_MAX : HTTP2_HEAD;
	}
}

static void want(struct frame *f, uint64_t size, uint32_t most)
{
	f->size = size;
	f->want = size < most ? (uint32_t)size : most;
}

static enum cut http2_frame(const struct talk *talk, enum side from, struct slice b,
			    struct frame *f)
{
	const struct http2_side *side = &http2_of(talk)->side[from];
	bool strict = side->steps < HTTP2_STRICT;
	struct http2_head head;
	size_t preface;

	if (side->left) {
		f->size = side->left < PARSER_WANT_MAX ? side->left : PARSER_WANT_MAX;
		f->want = (uint32_t)f->size;
		return CUT_OK;
	}
	preface = from == FROM_CLIENT ? http2_preface(b) : 0;
	if (preface == HTTP2_PREFACE) {
		want(f, HTTP2_PREFACE, 0);
		return CUT_OK;
	}
	if (preface == b.n || b.n < HTTP2_HEAD)
		return CUT_MORE;
	head = http2_head(b.p);
	if (!http2_legal(&head, from, max_frame(talk, from, strict), strict) ||
	    !in_turn(side, &head))
		return CUT_NOT;
	want(f, HTTP2_HEAD + (uint64_t)head.length, wanted(&head));
	if (of_block(head.type))
		f->size = f->want; /* the rest follows in pieces */
	return CUT_OK;
}

/* ---- header blocks ---- */

/* Bytes of a frame of a block: b, `size` with those not at hand; its fragment begins at `at`. */
static void piece(struct talk *talk, enum side from, struct slice b, uint32_t size, uint32_t at)
{
	struct http2_side *side = &http2_of(talk)->side[from];
	uint32_t padding = side->padding > side->left ? side->padding - side->left : 0;
	uint32_t end = padding < size ? size - padding : 0;
	bool whole = b.n >= end && at <= end;

	if (b.n > end)
		b.n = end;
	if (at > b.n)
		at = (uint32_t)b.n;
	b.p += at;
	b.n -= at;
	http2_fragment(talk, from, b, whole, !side->left && side->flags & HTTP2_END_HEADERS);
}

/* Where the fragment begins, and how much padding ends the frame. */
static bool measure(const struct http2_head *head, struct slice b, uint32_t *at, uint32_t *padding)
{
	*at = HTTP2_HEAD;
	*padding = 0;
	if (head->type != HTTP2_CONTINUATION && head->flags & HTTP2_PADDED) {
		*padding = b.n > *at ? (unsigned char)b.p[*at] : 0;
		*at += 1;
	}
	if (head->type == HTTP2_HEADERS && head->flags & HTTP2_WITH_PRIORITY)
		*at += 5;
	if (head->type == HTTP2_PUSH_PROMISE)
		*at += 4;
	return *at + *padding <= HTTP2_HEAD + head->length;
}

static void block_frame(struct talk *talk, enum side from, const struct http2_head *head,
			struct slice b, const struct frame *f)
{
	struct http2_side *side = &http2_of(talk)->side[from];
	uint32_t at;

	if (head->type != HTTP2_CONTINUATION)
		http2_block(talk, from, head);
	side->block_bytes += HTTP2_HEAD + head->length;
	side->flags = head->flags;
	side->left = HTTP2_HEAD + head->length - (uint32_t)f->size;
	if (!measure(head, b, &at, &side->padding)) {
		side->padding = 0;
		at = UINT32_MAX; /* not whole, that is: it cannot be read */
	}
	piece(talk, from, b, (uint32_t)f->size, at);
}

/* ---- others ---- */

static void data(struct talk *talk, enum side from, const struct http2_head *head, struct slice b)
{
	uint32_t at = HTTP2_HEAD, n = head->length;

	if (head->flags & HTTP2_PADDED && n) {
		uint32_t padding = b.n > at ? (unsigned char)b.p[at] : 0;

		at++;
		n--;
		n -= padding < n ? padding : n;
	}
	if (at > b.n)
		at = (uint32_t)b.n;
	b.p += at;
	b.n -= at;
	if (b.n > n)
		b.n = n;
	http2_data(talk, from, head, b, n);
}

static void settings(struct talk *talk, enum side from, const struct http2_head *head,
		     struct slice b)
{
	struct reader r = reader_of(b);

	reader_skip(&r, HTTP2_HEAD);
	while (!(head->flags & HTTP2_ACK) && r.n >= SETTING) {
		uint16_t id = reader_be16(&r);
		uint32_t value = reader_be32(&r);

		if (id == SETTINGS_MAX_FRAME_SIZE && value <= NO_LIMIT)
			http2_of(talk)->side[from].max_frame = value;
	}
}

static void read_frame(struct talk *talk, enum side from, const struct http2_head *head,
		       struct slice b, const struct frame *f)
{
	struct reader r = reader_of(b);

	reader_skip(&r, HTTP2_HEAD);
	switch (head->type) {
	case HTTP2_DATA:
		data(talk, from, head, b);
		break;
	case HTTP2_HEADERS:
	case HTTP2_PUSH_PROMISE:
	case HTTP2_CONTINUATION:
		block_frame(talk, from, head, b, f);
		break;
	case HTTP2_RST_STREAM:
		http2_reset(talk, from, head->stream, reader_be32(&r));
		break;
	case HTTP2_SETTINGS:
		settings(talk, from, head, b);
		break;
	case HTTP2_GOAWAY: /* a client's is about streams that a server pushes */
		if (from == FROM_SERVER)
			http2_goaway(talk, reader_be32(&r) & 0x7fffffff);
		break;
	default:
		break;
	}
}

static void http2_message(struct talk *talk, enum side from, struct slice b, const struct frame *f)
{
	struct http2_side *side = &http2_of(talk)->side[from];
	struct http2_head head;

	http2_found(talk, from, talk->moment.seq);
	side->next_seq = talk->moment.seq + (uint32_t)f->size;
	if (side->left) {
		side->left -= f->size < side->left ? (uint32_t)f->size : side->left;
		piece(talk, from, b, (uint32_t)f->size, 0);
		return;
	}
	if (!f->want)
		return; /* the preface */
	if (b.n < HTTP2_HEAD) {
		http2_gap(talk, from);
		return;
	}
	head = http2_head(b.p);
	read_frame(talk, from, &head, b, f);
	if (side->steps < HTTP2_STRICT)
		side->steps++;
}

/* ---- out of step ---- */

/* The frames that end with b, if any. What came before is missing, so HPACK knows little of them.
 */
static bool http2_tail(struct talk *talk, enum side from, struct slice b)
{
	long at = http2_tail_at(talk, from, b);

	if (at < 0)
		return from == FROM_SERVER &&
		       http2_length_tells(talk, talk->moment.seq + (uint32_t)b.n);
	http2_found(talk, from, talk->moment.seq + (uint32_t)at);
	http2_of(talk)->side[from].next_seq = talk->moment.seq + (uint32_t)b.n;
	b.p += at;
	b.n -= (size_t)at;
	while (b.n) {
		struct http2_head head = http2_head(b.p);
		struct frame f = {HTTP2_HEAD + (uint64_t)head.length, HTTP2_HEAD + head.length};

		read_frame(talk, from, &head, (struct slice){b.p, f.want}, &f);
		b.p += f.want;
		b.n -= f.want;
	}
	return true;
}

const struct parser http2_parser = {
	.name = "http2",
	.protocol = PROTOCOL_HTTP2,
	.kind = EXCHANGE_HTTP,
	.transports = OVER_TCP,
	.ports = {50051, 2379, 9090},
	.capture = KH_SEGMENT_CALL,
	.state_size = sizeof(struct http2),
	.detect = http2_detect,
	.frame = http2_frame,
	.message = http2_message,
	.lost = http2_gap,
	.tail = http2_tail,
	.resync = http2_resync,
	.resync_amid = true,
};

_Static_assert(sizeof(struct http2) <= PARSER_STATE_MAX, "a connection's state");
