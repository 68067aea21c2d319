/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memcached: what its two protocols, text (with the meta commands) and binary, share. Sources:
 * doc/protocol.txt and doc/protocol-binary.xml of memcached 1.6.
 */
#ifndef KEYHOLE_PROTOCOL_MEMCACHED_H
#define KEYHOLE_PROTOCOL_MEMCACHED_H

#include "parser.h"

#define MEMCACHED_VALUE_MAX (1ull << 30) /* bytes; a server's -I allows no more */
#define MEMCACHED_HEADER 24              /* bytes, of the binary protocol */

enum memcached_language {
	MEMCACHED_UNKNOWN,
	MEMCACHED_TEXT,
	MEMCACHED_BINARY,
};

struct memcached {
	enum memcached_language language;
	bool open_line[SIDES]; /* the rest of a line is still to come */
	bool answering;        /* a line of an answer of many has passed */
	bool unsure, heard;    /* since bytes were lost; an answer was seen since */
	bool request_cut;      /* of the only request: its answer is the next one */
	bool answer_cut;       /* of the only answer */
};

/* In a call's notes: [0] is the row of its command plus one, [1] these. */
#define MEMCACHED_QUIET (1ull << 0)  /* answered only if there is something to say */
#define MEMCACHED_UNSURE (1ull << 1) /* asked while nobody knows whose answers come */

struct call *memcached_ask(struct talk *talk, uint64_t key, struct slice operation);
void memcached_tell(struct talk *talk, struct call *call); /* its answer has ended */
void memcached_forget_all(struct talk *talk);

enum cut memcached_text_frame(const struct talk *talk, enum side from, struct slice b,
			      struct frame *f);
void memcached_text_message(struct talk *talk, enum side from, struct slice b,
			    const struct frame *f);
void memcached_text_lost(struct talk *talk, enum side from);
bool memcached_text_tail(struct talk *talk, enum side from, struct slice b);
enum guess memcached_text_detect(const struct sight *sight);

enum cut memcached_binary_frame(enum side from, struct slice b, struct frame *f);
void memcached_binary_message(struct talk *talk, enum side from, struct slice b);
enum guess memcached_binary_detect(const struct sight *sight);

#endif
