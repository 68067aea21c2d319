/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to Redis: its state, and what redis.c, its requests and its answers share. */
#ifndef KEYHOLE_PROTOCOL_REDIS_TALK_H
#define KEYHOLE_PROTOCOL_REDIS_TALK_H

#include "redis.h"

enum reply { /* what the answer at hand is */
	     REPLY_NONE,
	     REPLY_ANSWER,
	     REPLY_UNDECIDED, /* its first element will tell */
	     REPLY_CONFIRMS,  /* that a channel was subscribed to or unsubscribed from */
	     REPLY_PUSHED,    /* nobody asked for it */
};

struct level {
	uint64_t left; /* elements still to come */
	bool attribute;
};

struct redis {
	/* the request at hand */
	uint64_t args, arg; /* how many it has, how many were seen; equal between requests */
	const struct redis_command *command;
	uint32_t database; /* SELECT's argument plus one; 0: none */
	char reply_word;   /* CLIENT REPLY's: 'N' for ON, 'F' for OFF, 'S' for SKIP */
	bool waits, streams_word;
	bool holed; /* a word of its name was not captured */
	bool held;  /* the last of the calls is that of the request at hand */

	/* the answer at hand */
	struct level level[REDIS_DEPTH_MAX];
	uint32_t depth;
	uint32_t element; /* elements seen of the outermost aggregate */
	enum reply reply;
	char type; /* of its outermost token */
	bool ok, queued, failed;

	/* the connection */
	uint32_t db, queued_db; /* plus one; 0: unknown, none */
	bool begun, db_known, open_line[SIDES];
	bool subscribed, monitors, no_replies, skip_reply;
	bool unsure, heard; /* since bytes were lost; an answer was seen since */
	bool request_cut;   /* bytes of the only request were lost: its answer is the next one */
	bool answer_cut; /* bytes of the only answer were lost: it ends before the next request */
};

#define CALL_UNSURE (1ull << 63) /* in note[1], beside the confirmations still to come */

/* The call of the request at hand; NULL: none, or it has found no room. */
struct call *redis_asking(const struct talk *talk, const struct redis *s);

/* Whose answer is at hand, or comes next; NULL: nobody's. */
struct call *redis_awaited(struct talk *talk, const struct redis *s);

bool redis_is_alone(const struct talk *talk); /* one request, and no other, waits */
void redis_tell(struct talk *talk, struct redis *s, struct call *call);
void redis_forget_all(struct talk *talk, struct redis *s);

/* Letters in any case; `upper` has no others. */
bool redis_same_word(struct slice a, const char *upper);

/* Are the bytes of the request's next argument worth reading? */
bool redis_reads_argument(const struct redis *s);

/* The next token, or line, of a request. */
void redis_request_token(struct talk *talk, struct redis *s, struct slice b);
void redis_request_ends(struct talk *talk, struct redis *s);

/* The next token of an answer; the end of a line that was longer than PARSER_WANT_MAX. */
void redis_answer_token(struct talk *talk, struct redis *s, struct slice b);
void redis_element_ends(struct talk *talk, struct redis *s);

#endif
