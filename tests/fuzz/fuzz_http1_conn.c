/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation: steps divided by '~'. A step's first byte says what it is: '>' and '<' a run of
 * either direction, captured in full; '(' and ')' likewise, but the first byte after it says how
 * much was captured; 'T', 'L', 'C', 'R' an end. Whatever comes: no exchange more than requests,
 * all is accounted for, and in the end no block is out.
 */
#include <stdlib.h>

#include "protocol/http1_conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BLOCKS 8

static volatile char sink;

static void read_all(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		sink = s.p[i];
}

static void emit(void *arg, const struct exchange *x)
{
	read_all(x->target);
	read_all(x->host);
	read_all(x->traceparent);
	read_all(x->tracestate);
	if (x->end_ns < x->start_ns || (x->status == 0 && x->error == EXCHANGE_OK))
		abort();
}

static void step(struct http1 *h, struct http1_conn *c, const char *p, size_t n, uint64_t ns)
{
	bool response = n && (*p == '<' || *p == ')');
	bool cut = n && (*p == '(' || *p == ')');
	struct http1_run run = {.first_ns = ns, .last_ns = ns + 1};
	size_t skip = cut ? 2 : 1;
	unsigned int how;

	if (n < skip)
		return;
	run.head = p + skip;
	run.len = n - skip;
	run.head_len = (uint32_t)run.len;
	if (cut) {
		how = (unsigned char)p[1];
		run.head_len = (uint32_t)(run.len * (how & 15) / 15);
		run.tail_len = (uint32_t)((run.len - run.head_len) * (how >> 4) / 15);
		run.tail = p + n - run.tail_len;
	}
	if (*p == 'T' || *p == 'L' || *p == 'C' || *p == 'R')
		http1_conn_end(h, c,
			       *p == 'T'   ? KH_WHY_TURN
			       : *p == 'L' ? KH_WHY_LENGTH
			       : *p == 'C' ? KH_WHY_CLOSE
					   : KH_WHY_RESET,
			       ns);
	else if (response)
		http1_conn_response(h, c, &run);
	else
		http1_conn_request(h, c, &run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http1_head blocks[BLOCKS];
	const char *p = (const char *)data, *end = p + size;
	struct kh_exchange x = {0};
	struct http1 h = {.emit = emit, .payloads = ~0ull};
	struct http1_conn c;
	uint64_t ns = 1;

	http1_heads_init(&h.heads, blocks, BLOCKS);
	http1_conn_init(&c, &x);
	while (p < end) {
		const char *stop = memchr(p, '~', (size_t)(end - p));
		size_t n = (size_t)((stop ? stop : end) - p);

		step(&h, &c, p, n, ns += 10);
		p += n + 1;
	}
	http1_conn_end(&h, &c, KH_WHY_CLOSE, ns + 10);
	if (h.heads.used || c.first || !http1_conn_idle(&c) ||
	    h.counters.requests != h.counters.exchanges + h.counters.lost + h.counters.unheld +
					   h.counters.pipeline_overflow)
		abort();
	return 0;
}
