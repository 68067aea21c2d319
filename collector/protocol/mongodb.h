/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MongoDB's wire protocol, what mongodb.c and its detector share. Source: MongoDB's manual,
 * "MongoDB Wire Protocol", and the specification of OP_MSG.
 */
#ifndef KEYHOLE_PROTOCOL_MONGODB_H
#define KEYHOLE_PROTOCOL_MONGODB_H

#include "bson.h"
#include "parser.h"

#define MONGODB_HEADER 16            /* bytes */
#define MONGODB_MESSAGE_MAX 48000000 /* bytes, of a message; a server takes no longer ones */
#define MONGODB_WANT 2048            /* bytes of a message that are looked at */

enum mongodb_opcode {
	MONGODB_OP_REPLY = 1,
	MONGODB_OP_UPDATE = 2001,
	MONGODB_OP_INSERT = 2002,
	MONGODB_OP_QUERY = 2004,
	MONGODB_OP_GET_MORE = 2005,
	MONGODB_OP_DELETE = 2006,
	MONGODB_OP_KILL_CURSORS = 2007,
	MONGODB_OP_COMPRESSED = 2012,
	MONGODB_OP_MSG = 2013,
};

struct mongodb_header {
	uint32_t size, id, to, opcode;
};

enum mongodb_flags {
	MONGODB_NAMES = 1 << 0,    /* its own value is the name of a collection */
	MONGODB_GET_MORE = 1 << 1, /* another element is */
	MONGODB_HELLO = 1 << 2,
};

struct mongodb_command {
	char name[32];
	uint8_t flags;
};

/* What a message asks, or answers. Slices point into it. */
struct mongodb_message {
	const struct mongodb_command *command; /* NULL: none that is known */
	struct slice collection, namespace;
	bool more_to_come; /* it has no answer; of an answer: others follow it unasked */
	bool waits;
	bool failed;
	int64_t code; /* of the failure; 0: unknown */
};

/* False: b is too short. */
bool mongodb_header(struct slice b, struct mongodb_header *header);

/* CUT_MORE: only the header's 16 bytes are needed. */
enum cut mongodb_frame(enum side from, struct slice b, struct frame *f);

/* b is a message or its beginning. */
void mongodb_request(struct slice b, struct mongodb_message *message);
void mongodb_answer(struct slice b, struct mongodb_message *message);

const struct mongodb_command *mongodb_command(struct slice name);

/* In the order of their names, for the test that says so. */
extern const struct mongodb_command mongodb_commands[];
extern const unsigned int mongodb_commands_n;

#endif
