/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a protocol's file provides, one table row each (parsers.c), and what it may call.
 *
 * streams.c puts each direction of a connection together and cuts it into frames, the units that
 * the protocol delimits: a length-prefixed message, a line, a line with the block after it. A
 * parser never sees how the bytes were cut into system calls, so its results cannot depend on it.
 * It says how long the frame at hand is, and how much of its beginning it wants to read; the rest
 * is counted, not kept. Each frame is handed over when its last byte has passed.
 *
 * Parsers are pure: no clock, no allocation, no input but their arguments and their own state. They
 * run over hostile bytes: every length is checked before it is believed, and nothing loops or
 * recurses over more than the bytes at hand.
 */
#ifndef KEYHOLE_PROTOCOL_PARSER_H
#define KEYHOLE_PROTOCOL_PARSER_H

#include "call.h"
#include "exchange.h"
#include "sql.h"

#define PARSER_WANT_MAX 4096   /* bytes of one frame that a parser gets to see */
#define PARSER_STATE_MAX 16384 /* bytes of a parser's own state per connection */
#define PARSER_PORTS 4
#define RESYNC_STILL (-2) /* of resync() */

enum side {
	FROM_CLIENT, /* the side that opened the connection; UDP: that asked */
	FROM_SERVER,
	SIDES,
};

enum transport {
	OVER_TCP = 1,
	OVER_UDP = 2,
};

/* ---- is it this protocol? ---- */

/* What has been seen of a connection: bytes from where each side was first seen, without a gap. */
struct sight {
	struct slice from[SIDES]; /* at most PARSER_WANT_MAX each; "": nothing yet */
	bool start; /* it was seen from its first byte. Else each may begin amidst a message */
	enum transport transport;
	uint16_t port[SIDES]; /* a hint, never a proof */
};

enum guess {
	GUESS_NO,
	GUESS_MORE, /* could be: more bytes, or the other side's answer, will tell */
	GUESS_YES,  /* a signature that nothing else has, or a request that was answered as it must
		       be */
};

/* ---- frames ---- */

enum cut {
	CUT_NOT, /* no frame begins here: the direction is out of step, or it is another protocol */
	CUT_MORE, /* its length does not show yet; asked again with more, up to PARSER_WANT_MAX
		     bytes */
	CUT_OK,
};

struct frame {
	uint64_t size; /* of the whole frame, >= 1 */
	uint32_t want; /* bytes of its beginning that message() is to see, <= size, PARSER_WANT_MAX
			*/
};

/* ---- one connection, as its parser sees it ---- */

/* When and by whom the frame at hand was sent or received. */
struct moment {
	uint64_t first_ns, last_ns; /* its first and last byte */
	uint32_t seq;               /* TCP sequence number of its first byte */
	uint32_t tgid, tid;         /* who moved its last byte; tid 0: not known */
	uint64_t routine;           /* of that thread: see KH_ROUTINE */
};

enum talk_over {
	TALK_GOES_ON,
	TALK_ENCRYPTED,
	TALK_LEFT,
};

struct talk {
	void *state;          /* parser->state_size bytes, zero when the parser takes over */
	struct moment moment; /* of the frame that message() has in hand */
	bool start;           /* as struct sight has it */
	enum transport transport;
	struct calls calls; /* what was asked and not yet answered, in order */
	uint32_t before,
		behind; /* asked before and after these, answers still to come, but not kept */
	enum talk_over over;
};

/* A row of the table. Functions marked * may be NULL. */
struct parser {
	const char *name; /* of its counters; lower case */
	enum protocol protocol;
	enum exchange_kind kind;
	uint8_t transports;           /* enum transport, bits */
	uint16_t ports[PARSER_PORTS]; /* usual ones, 0 ends: asked first there. No proof */
	uint32_t capture;             /* bytes wanted of each system call, <= KH_SEGMENT_CALL */
	uint32_t state_size;          /* <= PARSER_STATE_MAX */
	uint64_t patience_ns; /* an answer later than this does not come; 0: the usual time */

	/* Looks at both directions. Called again as more comes. */
	enum guess (*detect)(const struct sight *sight);

	/* The frame that begins at b: fills *f for CUT_OK. */
	enum cut (*frame)(const struct talk *talk, enum side from, struct slice b, struct frame *f);

	/*
	 * A frame has passed. b.n == f->want, or less where bytes were not captured or the
	 * connection ended: then b holds what is contiguous from its start.
	 */
	void (*message)(struct talk *talk, enum side from, struct slice b, const struct frame *f);

	/*
	 * * Bytes were lost: what follows begins no frame, until one is found at the start of a
	 * system call. Called again as long as bytes pass unread. The default, for NULL: all that
	 * was asked is forgotten, counted as lost.
	 */
	void (*lost)(struct talk *talk, enum side from);

	/*
	 * * While out of step: the last bytes of a system call, at most KH_TAIL. True if a message
	 * ends exactly with them, so that the next call begins one (it may answer calls, too).
	 */
	bool (*tail)(struct talk *talk, enum side from, struct slice b);

	/*
	 * * While out of step: how many bytes into b, the beginning of a system call, a frame
	 * begins; -1: nowhere; RESYNC_STILL: nowhere, as expected, amidst a long message. The
	 * default: at 0, if frame() and what follows it fit b (frames that do not depend on those
	 * before them).
	 */
	long (*resync)(struct talk *talk, enum side from, struct slice b);
	bool resync_amid; /* it finds frames amidst a call, too, and not to find one there is usual */
};

/* ---- what a parser may call (streams.c) ---- */

/*
 * A request, at talk->moment. `key` tells it from others where answers name theirs; 0 where they
 * come in the order of requests. Never NULL: where there is no room (counted), or the request is
 * older than one waits, a stand-in takes its place that is answered as any other, and told to
 * nobody. Its kind and protocol are those of the row unless the parser sets others.
 */
struct call *talk_ask(struct talk *talk, uint64_t key);

/* The oldest unanswered one with that key (not 0), or of all; NULL: none. */
struct call *talk_asked(const struct talk *talk, uint64_t key);
struct call *talk_oldest(struct talk *talk);

/* An answer has begun, at talk->moment, and goes on. Only the first time counts. */
void talk_answer_begins(struct talk *talk, struct call *call);

/* The answer ended, at talk->moment: tells the exchange, as the call's fields say. It is gone then.
 */
void talk_answer(struct talk *talk, struct call *call);

/* It will not be told: its answer was lost, or it is none that anybody counts. Gone then. */
void talk_forget(struct talk *talk, struct call *call, bool lost);

/* As sql_read(); what was read of late, on any connection, is only compared (sql_memo.h). */
void talk_read_sql(struct talk *talk, const struct sql_text *text, struct sql *sql);

/* The connection is of no more use: what follows is encrypted, or another protocol. */
void talk_encrypted(struct talk *talk);
void talk_leave(struct talk *talk);

/* ---- the table (parsers.c) ---- */

extern const struct parser *const parsers[];
extern const unsigned int parsers_n;

/* As `instrumentations` and the documents call it: "http", "grpc", "postgres", … */
const char *protocol_name(enum protocol protocol);

#endif
