/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is it HTTP/2, and where does a frame begin? A connection begins with the preface, which nothing
 * else does. Amidst one, heads of frames are found by their form: nine bytes of which most can only
 * be what they are, and the next where the length says.
 */
#include "http2.h"

#define CHAIN_ENOUGH 3     /* frames of a connection that was joined, of both sides together */
#define CHAIN_MUTE 8       /* likewise if no header block says who asks: then ports must fit, too */
#define CHAIN_LOOK 8       /* frames that are looked at from each byte where one may begin */
#define STREAMS_AHEAD 2048 /* a stream's id is at most so much higher than the last one known */

#define ALTSVC 0xa
#define ORIGIN 0xc
#define PRIORITY_UPDATE 0x10

static const char preface[HTTP2_PREFACE + 1] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

size_t http2_preface(struct slice b)
{
	size_t n = b.n < HTTP2_PREFACE ? b.n : HTTP2_PREFACE;

	return memcmp(b.p, preface, n) == 0 ? n : 0;
}

struct http2_head http2_head(const char b[HTTP2_HEAD])
{
	const unsigned char *p = (const unsigned char *)b;

	return (struct http2_head){
		.length = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2],
		.type = p[3],
		.flags = p[4],
		.reserved = p[5] & 0x80,
		.stream = (uint32_t)(p[5] & 0x7f) << 24 | (uint32_t)p[6] << 16 |
			  (uint32_t)p[7] << 8 | p[8],
	};
}

/* Section 6, frame by frame. */
static bool fits_type(const struct http2_head *h, enum side from)
{
	bool client = from == FROM_CLIENT, odd = h->stream & 1;

	switch (h->type) {
	case HTTP2_DATA:
	case HTTP2_HEADERS:
		return h->stream && (odd || !client);
	case HTTP2_CONTINUATION:
		return h->stream != 0;
	case HTTP2_PRIORITY:
		return h->stream && h->length == 5;
	case HTTP2_RST_STREAM:
		return h->stream && h->length == 4;
	case HTTP2_SETTINGS:
		return !h->stream && h->length % 6 == 0 && (!(h->flags & HTTP2_ACK) || !h->length);
	case HTTP2_PUSH_PROMISE:
		return odd && !client && h->length >= 4;
	case HTTP2_PING:
		return !h->stream && h->length == 8;
	case HTTP2_GOAWAY:
		return !h->stream && h->length >= 8;
	case HTTP2_WINDOW_UPDATE:
		return h->length == 4;
	default:
		return true; /* must be passed over (section 5.5) */
	}
}

static bool is_common(const struct http2_head *h)
{
	static const uint8_t flags[HTTP2_CONTINUATION + 1] = {
		[HTTP2_DATA] = 0x9,         [HTTP2_HEADERS] = 0x2d, [HTTP2_SETTINGS] = 0x1,
		[HTTP2_PUSH_PROMISE] = 0xc, [HTTP2_PING] = 0x1,     [HTTP2_CONTINUATION] = 0x4,
	};

	if (h->reserved)
		return false;
	if (h->type > HTTP2_CONTINUATION)
		return h->type == ALTSVC || h->type == ORIGIN || h->type == PRIORITY_UPDATE;
	return !(h->flags & ~flags[h->type]);
}

bool http2_legal(const struct http2_head *h, enum side from, uint32_t max_frame, bool strict)
{
	return h->length <= max_frame && fits_type(h, from) && (!strict || is_common(h));
}

/* ---- chains ---- */

/* Frames, as they follow each other in b. */
struct chain {
	uint32_t frames;
	size_t over; /* bytes by which the last one is longer than b; of a head that is cut, too */
	bool broken; /* no frame where one should be, or none that may be from that side */
	bool mine;   /* a header block has fields that only this side sends */
};

static void told_side(void *arg, const struct hpack_value *value)
{
	bool *seen = arg; /* by side */

	if (value->field == HPACK_METHOD || value->field == HPACK_PATH ||
	    value->field == HPACK_AUTHORITY)
		seen[FROM_CLIENT] = true;
	if (value->field == HPACK_STATUS || value->field == HPACK_GRPC_STATUS)
		seen[FROM_SERVER] = true;
}

/* A header block says who sent it. `b`: from its frame's head. */
static void look_at_fields(struct chain *chain, enum side from, const struct http2_head *h,
			   struct slice b)
{
	bool seen[SIDES] = {false, false};
	uint32_t skip = HTTP2_HEAD + (h->flags & HTTP2_WITH_PRIORITY ? 5 : 0), padding = 0;
	bool whole = b.n >= HTTP2_HEAD + h->length;
	struct hpack hpack;

	hpack_forget(&hpack);
	if (whole)
		b.n = HTTP2_HEAD + h->length;
	if (h->flags & HTTP2_PADDED) {
		padding = b.n > HTTP2_HEAD ? (unsigned char)b.p[HTTP2_HEAD] : 0;
		skip++;
	}
	if (skip + padding > HTTP2_HEAD + h->length) {
		chain->broken = true;
		return;
	}
	if (whole)
		b.n -= padding;
	if (b.n <= skip)
		return;
	b.p += skip;
	b.n -= skip;
	if (!hpack_read(&hpack, b, whole && h->flags & HTTP2_END_HEADERS, told_side, seen) ||
	    seen[!from])
		chain->broken = true;
	chain->mine |= seen[from];
}

static struct chain chain_of(struct slice b, enum side from, uint32_t max_frame, uint32_t most)
{
	struct chain chain = {0};

	while (b.n && !chain.broken && chain.frames < most) {
		struct http2_head h;

		if (b.n < HTTP2_HEAD) {
			chain.over = HTTP2_HEAD - b.n;
			return chain;
		}
		h = http2_head(b.p);
		if (!http2_legal(&h, from, max_frame, true)) {
			chain.broken = true;
			return chain;
		}
		chain.frames++;
		if (h.type == HTTP2_HEADERS)
			look_at_fields(&chain, from, &h, b);
		if (HTTP2_HEAD + h.length > b.n) {
			chain.over = HTTP2_HEAD + h.length - b.n;
			return chain;
		}
		b.p += HTTP2_HEAD + h.length;
		b.n -= HTTP2_HEAD + h.length;
	}
	return chain;
}

/* A frame of a stream on which an answer is awaited: its nine bytes are hardly ever anything else.
 */
static bool is_awaited(const struct talk *talk, const struct http2_head *h)
{
	return talk && h->type <= HTTP2_RST_STREAM && h->length && talk_asked(talk, h->stream);
}

/*
 * The chain from the first byte at which enough frames follow each other, to the end of b. `talk`:
 * one that is awaited is enough; NULL: nothing is known yet.
 */
static long find_chain(const struct talk *talk, struct slice b, enum side from, uint32_t max_frame,
		       struct chain *chain)
{
	for (size_t at = 0; at + HTTP2_HEAD <= b.n; at++) {
		struct http2_head h = http2_head(b.p + at);

		if (!http2_legal(&h, from, max_frame, true))
			continue;
		*chain = chain_of((struct slice){b.p + at, b.n - at}, from, max_frame, CHAIN_LOOK);
		if (!chain->broken && (chain->frames >= CHAIN_ENOUGH || is_awaited(talk, &h)))
			return (long)at;
	}
	return -1;
}

/* ---- is it HTTP/2? ---- */

static enum guess at_start(const struct sight *sight)
{
	struct slice client = sight->from[FROM_CLIENT], server = sight->from[FROM_SERVER];
	size_t n = http2_preface(client);
	struct http2_head h;

	if (n == HTTP2_PREFACE)
		return GUESS_YES;
	if (n < client.n)
		return GUESS_NO;
	if (server.n < HTTP2_HEAD)
		return GUESS_MORE;
	h = http2_head(server.p); /* its settings need not wait for the preface */
	return h.type == HTTP2_SETTINGS && http2_legal(&h, FROM_SERVER, HTTP2_FRAME_DEFAULT, true)
		       ? GUESS_MORE
		       : GUESS_NO;
}

/* Who asks is told by fields, for ports prove nothing; where none come, ports and patience do. */
static enum guess joined(const struct sight *sight)
{
	uint32_t frames = 0;
	bool known = false, possible = false;

	for (unsigned int side = 0; side < SIDES; side++) {
		struct slice b = sight->from[side];
		struct chain chain = chain_of(b, (enum side)side, HTTP2_FRAME_DEFAULT, UINT32_MAX);

		if (chain.broken &&
		    find_chain(NULL, b, (enum side)side, HTTP2_FRAME_DEFAULT, &chain) < 0)
			continue;
		possible = true;
		frames += chain.frames;
		known |= chain.mine;
	}
	if (frames >= CHAIN_ENOUGH && known)
		return GUESS_YES;
	if (frames >= CHAIN_MUTE && sight->port[FROM_CLIENT] > sight->port[FROM_SERVER])
		return GUESS_YES;
	return possible && frames ? GUESS_MORE : GUESS_NO;
}

enum guess http2_detect(const struct sight *sight)
{
	if (http2_preface(sight->from[FROM_CLIENT]) == HTTP2_PREFACE)
		return GUESS_YES;
	return sight->start ? at_start(sight) : joined(sight);
}

/* ---- where does a frame begin? ---- */

static bool stream_possible(const struct talk *talk, uint32_t stream)
{
	uint32_t last = http2_of(talk)->side[FROM_CLIENT].last;

	return !stream || !(stream & 1) || !last || stream <= last + STREAMS_AHEAD;
}

static uint32_t strict_max(const struct talk *talk, enum side from)
{
	uint32_t announced = http2_of(talk)->side[!from].max_frame;

	return announced > HTTP2_FRAME_DEFAULT ? announced : HTTP2_FRAME_DEFAULT;
}

/* A call often begins with a frame, so there one is enough; amidst it, several must follow. */
long http2_resync(struct talk *talk, enum side from, struct slice b)
{
	uint32_t max_frame = strict_max(talk, from);
	struct chain chain;
	long at;

	if (from == FROM_CLIENT && http2_preface(b) == HTTP2_PREFACE)
		return 0;
	chain = chain_of(b, from, max_frame, CHAIN_LOOK);
	if (!chain.broken && chain.frames && stream_possible(talk, http2_head(b.p).stream))
		return 0;
	at = find_chain(talk, b, from, max_frame, &chain);
	if (at < 0 && from == FROM_SERVER)
		http2_length_tells(talk, talk->moment.seq + (uint32_t)b.n);
	return at;
}

/* One frame is enough only if it is of a stream on which an answer is awaited. */
long http2_tail_at(const struct talk *talk, enum side from, struct slice b)
{
	for (size_t at = 0; at + HTTP2_HEAD <= b.n; at++) {
		struct http2_head h = http2_head(b.p + at);
		struct chain chain;

		if (!http2_legal(&h, from, HTTP2_FRAME_DEFAULT, true) ||
		    h.type == HTTP2_CONTINUATION || !stream_possible(talk, h.stream))
			continue;
		chain = chain_of((struct slice){b.p + at, b.n - at}, from, HTTP2_FRAME_DEFAULT,
				 UINT32_MAX);
		if (!chain.broken && !chain.over && (chain.frames > 1 || is_awaited(talk, &h)))
			return (long)at;
	}
	return -1;
}
