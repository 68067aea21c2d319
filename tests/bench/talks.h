/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer in each protocol, for measurements: the bytes of both, ready to be
 * repeated. */
#ifndef KEYHOLE_TESTS_BENCH_TALKS_H
#define KEYHOLE_TESTS_BENCH_TALKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/exchange.h"

#define TALK_TEXT_MAX 1024

struct text {
	size_t n;
	char p[TALK_TEXT_MAX];
};

/* A number within a message that grows with each exchange. */
struct serial {
	uint16_t at;
	uint8_t n; /* bytes; 0: none */
	bool little;
};

struct talk_of {
	struct text hello, welcome; /* before; may be empty */
	struct text ask, answer;
	struct serial asked[2], answered[3];
	unsigned int step;
	uint8_t udp;
	uint16_t port;
};

struct talk_kind {
	const char *name;
	enum protocol protocol;
	void (*make)(struct talk_of *t); /* of one that is all zero */
};

extern const struct talk_kind talks[];
extern const unsigned int talks_n;

/* What a call of a connection adds to what stands still. */
struct talk_call {
	bool sent;       /* by the server, whose view it is */
	uint32_t serial; /* of the exchange: from 1 */
	uint32_t seq[2]; /* received, sent: next byte; counted on */
	uint64_t ns;
};

/* The KH_SEGMENT of one call into `out`, but for who makes it. Its size; 0: there is nothing to
 * say. */
size_t talk_segment(void *out, const struct talk_of *talk, struct talk_call *call,
		    const struct text *text);

#endif
