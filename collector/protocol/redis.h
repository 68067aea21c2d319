/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RESP, the protocol of Redis and of what speaks as it does (Valkey, KeyDB): its tokens and its
 * commands, shared by redis.c and redis_detect.c. Source: redis.io, "Redis serialization protocol
 * specification" (RESP2 and RESP3).
 */
#ifndef KEYHOLE_PROTOCOL_REDIS_H
#define KEYHOLE_PROTOCOL_REDIS_H

#include "parser.h"

#define REDIS_NAME_MAX 40               /* bytes of a command's name, two words at most */
#define REDIS_ARGS_MAX (1ull << 31)     /* of one command; a server takes no more */
#define REDIS_BULK_MAX (1ull << 40)     /* bytes; a server takes 512 MiB unless told otherwise */
#define REDIS_ELEMENTS_MAX (1ull << 40) /* of one aggregate */
#define REDIS_DEPTH_MAX 32              /* aggregates in aggregates of an answer */

/* What sets a command apart from those that have one answer and change nothing. */
enum redis_flags {
	REDIS_TWO_WORDS = 1 << 0,  /* its second word belongs to its name */
	REDIS_BLOCKS = 1 << 1,     /* its answer may wait for something to happen */
	REDIS_BLOCK_WORD = 1 << 2, /* likewise, if it has the option BLOCK */
	REDIS_SUBSCRIBES = 1 << 3, /* each of its arguments is confirmed */
	REDIS_SELECT = 1 << 4,
	REDIS_EXEC = 1 << 5,
	REDIS_DISCARD = 1 << 6,
	REDIS_RESET = 1 << 7,
	REDIS_MONITOR = 1 << 8,
	REDIS_REPLY_WORD = 1 << 9,  /* CLIENT REPLY */
	REDIS_REPLICATES = 1 << 10, /* what follows its answer is the master's stream */
};

struct redis_command {
	char name[REDIS_NAME_MAX]; /* upper case; one blank between two words */
	uint8_t n;
	uint16_t flags;
};

/* By its name in any case; NULL: none of these. `second` is "" for a command of one word. */
const struct redis_command *redis_command(struct slice first, struct slice second);

/* In the order of their names, for the test that says so. */
extern const struct redis_command redis_commands[];
extern const unsigned int redis_commands_n;

struct redis_token {
	char type;     /* its first byte */
	bool null;     /* $-1, *-1 or _ */
	bool open;     /* a line longer than PARSER_WANT_MAX: its end is not at hand */
	uint32_t line; /* bytes of its line, CRLF included */
	uint64_t n;    /* elements of an aggregate; bytes of a bulk string, CRLF not included */
	uint64_t size; /* of the whole token, an aggregate's elements not included */
};

/* The token that begins at b. */
enum cut redis_token(struct slice b, struct redis_token *token);
bool redis_is_bulk(char type);
bool redis_is_aggregate(char type);

/* The first word of a line, with the blanks before it left out; *rest: what is behind it. */
struct slice redis_word(struct slice line, struct slice *rest);

/* An array of a bulk string that is a command's name. *odd: a name that is not known here. */
enum guess redis_request(struct slice b, bool *odd);

enum guess redis_detect(const struct sight *sight);

#endif
