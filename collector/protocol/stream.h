/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Within streams.c and its parts only: what is kept of one connection.
 *   stream_keep.c  memory: blocks, and segments kept in them
 *   stream_order.c the order of segments, and those that wait
 *   stream_half.c  one direction: from bytes to frames
 *   stream_look.c  which protocol is it?
 *   talk.c         what parsers call
 */
#ifndef KEYHOLE_PROTOCOL_STREAM_H
#define KEYHOLE_PROTOCOL_STREAM_H

#include "../keyed.h"
#include "call_memo.h"
#include "sql_memo.h"
#include "streams.h"

/* ---- memory (stream_keep.c) ---- */

/* One segment of the largest size fits a block. */
#define STREAM_BLOCK (sizeof(struct kh_segment) + KH_HEAD_MAX + KH_TAIL + 16)

struct stream_block {
	struct stream_block *next;
	uint32_t used;
	_Alignas(8) char data[STREAM_BLOCK];
};

/*
 * Blocks and parsers' states that were had once are used again; all count towards bytes_max. Where
 * that is reached, those that nobody uses are given back, then connections are forgotten.
 */
struct stream_memory {
	size_t bytes, bytes_max;
	struct stream_block *free;
	void *states[PROTOCOLS]; /* free ones, by the parser's protocol */
	uint32_t state_size[PROTOCOLS];
};

struct stream_block *
stream_block_get(struct stream_memory *memory); /* NULL: bytes_max is reached */
void stream_block_put(struct stream_memory *memory, struct stream_block *block);
void *stream_state_get(struct stream_memory *memory, const struct parser *parser); /* zeroed */
void stream_state_put(struct stream_memory *memory, const struct parser *parser, void *state);
void stream_memory_free(struct stream_memory *memory);
/* Forgets the connection longest idle (streams.c). False: there is none but that at hand. */
bool stream_make_room(struct stream_memory *memory);

/* Segments kept, in order. */
struct keep {
	struct stream_block *first, *last;
	uint32_t bytes, n;
};

/* False: there is no room, or it would be more than `max` bytes. */
bool keep_add(struct stream_memory *memory, struct keep *keep, const struct kh_segment *segment,
	      uint32_t max);
/* The segment behind `after` (NULL: the first), or NULL. `block`: where `after` is. */
const struct kh_segment *keep_next(const struct keep *keep, struct stream_block **block,
				   const struct kh_segment *after);
/* One of them is kept no more: keep_next() passes over it, `after` it goes on. */
void keep_drop(struct keep *keep, const struct kh_segment *segment);
/* Gives back the room of those dropped. */
void keep_pack(struct stream_memory *memory, struct keep *keep);
void keep_clear(struct stream_memory *memory, struct keep *keep);

/* ---- one direction (stream_half.c) ---- */

enum half_at {
	HALF_AT_FRAME, /* a frame begins, or what there is of it (kept) does not tell its length */
	HALF_IN_FRAME,
	HALF_LOST, /* until the parser finds a frame at the start of a call */
};

struct half {
	uint8_t at;      /* enum half_at */
	bool holed;      /* bytes of the frame's wanted part are missing: no more is kept */
	uint16_t astray; /* calls without a frame, where that is usual */
	uint16_t bad;    /* frames in a row that were none */
	uint32_t kept;   /* bytes in block */
	struct stream_block *block;
	struct frame frame;
	uint64_t passed; /* of the frame */
	uint64_t first_ns;
	uint32_t seq;
	uint64_t call_ns; /* of the last segment: those of one call have the same */
};

struct stream;

void half_segment(struct stream *stream, enum side side, const struct kh_segment *segment);
void half_missed(struct stream *stream, enum side side, uint64_t n); /* bytes that nobody told */
void half_reset(struct stream *stream, enum side side);

/* ---- a connection ---- */

struct stream {
	struct talk talk; /* first: see stream_of() */
	struct streams *all;
	const struct parser *parser; /* NULL: not known yet */
	struct kh_conn conn;
	uint64_t cookie, cgroup;
	uint64_t touched_ns;
	uint32_t tgid, tid;

	/* order of segments, by direction: [1] sent, [0] received */
	uint32_t next[2];
	bool placed; /* next[] is known */
	bool over;   /* nothing more is read of it */
	bool start;
	uint8_t role;         /* enum kh_role */
	uint8_t looks_no;     /* turns at which all protocols said no */
	uint8_t looked;       /* 1 + direction of the segment looked at last */
	uint8_t gave_up;      /* times */
	uint8_t records;      /* of TLS at the start of a call: a bit per direction */
	uint16_t looks;       /* segments looked at */
	uint16_t reminded;    /* segments since BPF was told last what is wanted */
	uint16_t skip[SIDES]; /* bytes still to pass over: PROXY header, answer of HTTP/1 */
	uint32_t trim;        /* bytes of the segment at hand that were told before */
	struct keep held;     /* segments ahead of their time */
	struct keep seen;     /* while the protocol is not known */
	struct half half[SIDES];
	struct streams_protocol_counters *count;   /* the parser's */
	struct stream *asker_before, *asker_after; /* talk.c; while calls wait */
};

struct streams {
	struct streams_options o;
	struct streams_counters counters;
	struct keyed table; /* key to slot of `stream` */
	struct stream *stream;
	struct stream_memory memory;
	struct stream *first_asker, *last_asker; /* with calls; first: it asked nothing longest */
	const struct stream *at_hand;            /* it is not forgotten to make room */
	struct call *blocks;
	struct call_pool pool;
	struct call_memo *memo;
	struct sql_memo *statements;
	struct call nobody;             /* the stand-in: see talk_ask() */
	uint32_t cursor;                /* of streams_tick() */
	uint32_t holding;               /* connections with segments that wait */
	uint64_t now_ns;                /* of the newest segment or tick */
	uint64_t ticked_ns;             /* of the tick before */
	char sight[2][PARSER_WANT_MAX]; /* what stream_look() shows */
};

static inline struct stream *stream_of(const struct talk *talk)
{
	return (struct stream *)talk;
}

static inline enum side stream_side(uint8_t role, bool sent)
{
	return (role == KH_ROLE_CLIENT) == sent ? FROM_CLIENT : FROM_SERVER;
}

static inline bool stream_is_udp(const struct stream *stream)
{
	return stream->talk.transport == OVER_UDP;
}

/* ---- the order of segments (stream_order.c) ---- */

/* Reads it, and those that waited for it; or lets it wait. Of TCP. */
void order_segment(struct stream *stream, const struct kh_segment *segment);
/* Whoever waits since before then goes on without what it waits for. */
void order_expire(struct stream *stream, uint64_t now_ns);
/* The connection has ended: nobody waits any longer. */
void order_end(struct stream *stream);
void order_forget(struct stream *stream);

/* ---- the stream itself (streams.c, stream_look.c) ---- */

/* The next segment, in order. */
void stream_read(struct stream *stream, const struct kh_segment *segment);

/* Which protocol is it? `segment` is in order. Keeps it, or hands over what was kept. */
void stream_look(struct stream *stream, const struct kh_segment *segment);

/* Does TLS begin there? */
bool stream_is_hello(struct slice b);

/* The parser is found: what was seen until now is read by it. */
void stream_take(struct stream *stream, const struct parser *parser, enum kh_role role);

/* Nothing more is read of it, and BPF is told so. Encrypted: the workload is told, too. */
void stream_over(struct stream *stream);
void stream_encrypted(struct stream *stream, const struct kh_segment *segment, enum kh_role role);

/* Every call is forgotten. `count`: how, NULL for not at all. */
void talk_forget_all(struct talk *talk, uint64_t *count);
/* Every call is told as it is: the connection has ended. */
void talk_end_all(struct talk *talk, enum exchange_error error, uint64_t ns);
/* What has waited longer than is waited. */
void talk_expire(struct talk *talk, uint64_t now_ns);

#endif
