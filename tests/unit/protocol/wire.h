/* SPDX-License-Identifier: Apache-2.0 */
/* A connection under test: bytes in either direction, and the exchanges told of it as text. */
#ifndef KEYHOLE_TESTS_WIRE_H
#define KEYHOLE_TESTS_WIRE_H

#include "protocol/http1_conn.h"

#define WIRE_BLOCKS 40

struct wire {
	struct http1 h;
	struct http1_conn c;
	struct http1_head blocks[WIRE_BLOCKS];
	uint64_t now;     /* grows by 10 with each run: first_ns = now, last_ns = now + 5 */
	bool times;       /* tell times and sequence numbers too */
	uint32_t seq;     /* of the next request byte; 0: not known */
	char told[16384]; /* one line per exchange */
};

void wire_init(struct wire *w);

/* One run each, captured in full. */
void wire_ask(struct wire *w, const char *text);
void wire_answer(struct wire *w, const char *text);

/* One run of which only the first `head` and the last `tail` bytes were captured. */
void wire_run(struct wire *w, bool response, const char *p, size_t n, size_t head, size_t tail);

/* Bytes of a response that only were counted, with these last ones. */
void wire_more(struct wire *w, uint64_t len, const char *tail);

void wire_end(struct wire *w, enum kh_reason reason);

/* Everything that came in is told or counted, and all blocks are back. */
bool wire_adds_up(const struct wire *w);

#endif
