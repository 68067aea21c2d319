/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cassandra's native protocol (CQL), versions 3 to 5: what cassandra.c, its messages and its
 * detector share. Sources: native_protocol_v3.spec to native_protocol_v5.spec of Apache Cassandra.
 */
#ifndef KEYHOLE_PROTOCOL_CASSANDRA_H
#define KEYHOLE_PROTOCOL_CASSANDRA_H

#include "parser.h"
#include "reader.h"
#include "sql.h"

#define CASSANDRA_HEADER 9 /* bytes, of an envelope */
#define CASSANDRA_BODY_MAX (256u << 20)
#define CASSANDRA_WANT 2048 /* bytes of an envelope that are looked at */
#define CASSANDRA_OUTER 6   /* bytes of the head of version 5's outer frames */
#define CASSANDRA_TRAILER 4 /* and of the checksum behind them */

enum cassandra_opcode {
	CASSANDRA_ERROR = 0x00,
	CASSANDRA_STARTUP = 0x01,
	CASSANDRA_READY = 0x02,
	CASSANDRA_AUTHENTICATE = 0x03,
	CASSANDRA_OPTIONS = 0x05,
	CASSANDRA_SUPPORTED = 0x06,
	CASSANDRA_QUERY = 0x07,
	CASSANDRA_RESULT = 0x08,
	CASSANDRA_PREPARE = 0x09,
	CASSANDRA_EXECUTE = 0x0a,
	CASSANDRA_REGISTER = 0x0b,
	CASSANDRA_EVENT = 0x0c,
	CASSANDRA_BATCH = 0x0d,
	CASSANDRA_AUTH_CHALLENGE = 0x0e,
	CASSANDRA_AUTH_RESPONSE = 0x0f,
	CASSANDRA_AUTH_SUCCESS = 0x10,
};

struct cassandra_header {
	uint8_t version, flags, opcode; /* version: without the bit of answers */
	bool answer;
	int16_t stream;
	uint32_t body;
};

/* What a message says that matters here. Slices point into it. */
struct cassandra_message {
	struct slice statement; /* QUERY, PREPARE */
	bool statement_cut;
	struct slice id;       /* EXECUTE, and the RESULT of a PREPARE */
	struct slice keyspace; /* the RESULT of a USE */
	bool compresses;       /* STARTUP */
	bool failed;
	uint32_t code; /* ERROR */
};

/* False: b is too short, or begins with none. */
bool cassandra_header(struct slice b, struct cassandra_header *header);
bool cassandra_header_fits(enum side from, const struct cassandra_header *header);

/* b is an envelope or its beginning. */
void cassandra_message(struct slice b, struct cassandra_message *message);

/* The head of an outer frame: its checksum fits. `payload` bytes and a trailer follow. */
bool cassandra_outer(struct slice b, uint32_t *payload, bool *self_contained);

enum guess cassandra_detect(const struct sight *sight);

#endif
