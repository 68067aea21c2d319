/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 (RFC 9113), within its own files:
 *   http2.c        frames, and what each means
 *   http2_call.c   header blocks and bodies: requests and their answers
 *   http2_find.c   is it HTTP/2, and where does a frame begin?
 *   hpack.c, grpc.c
 *
 * A call's key is its stream's id. A frame of a header block is cut into pieces of at most
 * PARSER_WANT_MAX bytes, as HPACK needs every byte of it.
 */
#ifndef KEYHOLE_PROTOCOL_HTTP2_H
#define KEYHOLE_PROTOCOL_HTTP2_H

#include "hpack.h"
#include "parser.h"

#define HTTP2_HEAD 9
#define HTTP2_PREFACE 24
#define HTTP2_FRAME_DEFAULT 16384 /* SETTINGS_MAX_FRAME_SIZE until another is announced */
/* Bytes of one header block, frames' heads included; else out of step. */
#define HTTP2_BLOCK_MAX 65536
#define HTTP2_TARGET_MAX 320 /* bytes kept of a path: a call has other texts, too */
#define HTTP2_STRICT 3       /* frames in a row that must be beyond doubt until the next need not */

enum http2_type {
	HTTP2_DATA,
	HTTP2_HEADERS,
	HTTP2_PRIORITY,
	HTTP2_RST_STREAM,
	HTTP2_SETTINGS,
	HTTP2_PUSH_PROMISE,
	HTTP2_PING,
	HTTP2_GOAWAY,
	HTTP2_WINDOW_UPDATE,
	HTTP2_CONTINUATION,
};

enum http2_flag {
	HTTP2_END_STREAM = 0x1,
	HTTP2_ACK = 0x1,
	HTTP2_END_HEADERS = 0x4,
	HTTP2_PADDED = 0x8,
	HTTP2_WITH_PRIORITY = 0x20,
};

struct http2_head {
	uint32_t length; /* without the head */
	uint8_t type, flags;
	bool reserved;
	uint32_t stream;
};

/* Whose fields a header block has. */
enum http2_use {
	HTTP2_USE_NONE, /* a promise, a request's trailer, a stream that nobody asks about: HPACK
			   only */
	HTTP2_USE_ASK,
	HTTP2_USE_ANSWER,
};

/* One direction. */
struct http2_side {
	uint32_t max_frame; /* what its sender takes from the other side; 0: the default */
	uint32_t next_seq;  /* behind the last frame in step */
	uint32_t awaited; /* the only stream on which an answer was, while bytes passed unread; else
			     0 */
	uint64_t unread;  /* how many, since that was asked */
	bool missing;     /* bytes behind the last frame in step */
	uint32_t last;    /* highest stream id it used */
	uint32_t block;   /* stream of the header block at hand, 0: none */
	uint32_t block_bytes;
	uint32_t left, padding; /* bytes of the frame at hand still to come; of those, padding at
				   its end */
	uint16_t block_status;  /* ":status" */
	uint8_t steps;          /* frames in step, up to HTTP2_STRICT */
	uint8_t flags;          /* of the frame at hand */
	uint8_t block_use;      /* enum http2_use */
	bool block_ends_stream;
	bool block_dead; /* bytes of it are missing: the rest cannot be read */
	struct hpack hpack;
};

struct http2 {
	struct http2_side side[SIDES];
};

static inline struct http2 *http2_of(const struct talk *talk)
{
	return talk->state;
}

/* ---- http2_find.c ---- */

struct http2_head http2_head(const char b[HTTP2_HEAD]);

/* Is a frame with this head allowed from that side? `strict`: refuse what is allowed, but never
 * seen. */
bool http2_legal(const struct http2_head *head, enum side from, uint32_t max_frame, bool strict);

/* Bytes at hand that belong to the preface: HTTP2_PREFACE, fewer if they end, 0 if they are not. */
size_t http2_preface(struct slice b);

enum guess http2_detect(const struct sight *sight);
long http2_resync(struct talk *talk, enum side from, struct slice b);

/* Where in b the frames begin that end exactly with it; -1: nowhere. */
long http2_tail_at(const struct talk *talk, enum side from, struct slice b);

/* ---- http2_call.c ---- */

/* A header block begins on a stream, and goes on with a fragment; `whole`: none of it is missing.
 */
void http2_block(struct talk *talk, enum side from, const struct http2_head *head);
void http2_fragment(struct talk *talk, enum side from, struct slice b, bool whole, bool ends);

/* `n` bytes of a body, without padding; `first`: what is at hand of them. */
void http2_data(struct talk *talk, enum side from, const struct http2_head *head,
		struct slice first, uint32_t n);
void http2_reset(struct talk *talk, enum side from, uint32_t stream, uint32_t code);
void http2_goaway(struct talk *talk, uint32_t last);
/* In step again: a frame begins at that sequence number. */
void http2_found(struct talk *talk, enum side from, uint32_t seq);
/*
 * Bytes of the server up to that sequence number passed unread. If only one answer is awaited, and
 * it said how long it is, they may be its rest: then it is told, and true.
 */
bool http2_length_tells(struct talk *talk, uint32_t seq);
/* Bytes of that side are missing. */
void http2_gap(struct talk *talk, enum side from);

#endif
