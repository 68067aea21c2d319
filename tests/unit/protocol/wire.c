/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const methods[HTTP_METHODS] = {
	"_OTHER",  "GET",     "HEAD",  "POST",  "PUT",   "DELETE",
	"CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY",
};
static const char *const errors[] = {"", " reset", " closed", " bad-answer"};

static void tell(void *arg, const struct exchange *x)
{
	struct wire *w = arg;
	size_t used = strlen(w->told);
	char times[128] = "", who[64] = "";

	if (w->times)
		snprintf(times, sizeof(times), " at=%llu,%llu,%llu seq=%u",
			 (unsigned long long)x->start_ns, (unsigned long long)x->first_ns,
			 (unsigned long long)x->end_ns, x->req_seq);
	if (x->req_tid || x->routine)
		snprintf(who, sizeof(who), " by=%u/%llu", x->req_tid,
			 (unsigned long long)x->routine);
	snprintf(w->told + used, sizeof(w->told) - used,
		 "%s %.*s%s%s%.*s %u req=%llu resp=%llu%s%s%s\n", methods[x->method],
		 (int)x->target.n, x->target.p, x->target_cut ? "+" : "", x->host.n ? " @" : "",
		 (int)x->host.n, x->host.p, x->status, (unsigned long long)x->req_body,
		 (unsigned long long)x->resp_body, errors[x->error], times, who);
}

void wire_init(struct wire *w)
{
	struct kh_exchange x = {.conn.role = KH_ROLE_SERVER};

	memset(w, 0, sizeof(*w));
	http1_heads_init(&w->h.heads, w->blocks, WIRE_BLOCKS);
	w->h.emit = tell;
	w->h.arg = w;
	http1_conn_init(&w->c, &x);
}

/* The captured bytes lie in allocations of their own, and are gone after the call. */
void wire_run(struct wire *w, bool response, const char *p, size_t n, size_t head, size_t tail)
{
	char *first = malloc(head + 1), *last = malloc(tail + 1);
	struct http1_run run = {
		.head = first,
		.head_len = (uint32_t)head,
		.tail = last,
		.tail_len = (uint32_t)tail,
		.len = n,
		.first_ns = w->now += 10,
		.last_ns = w->now + 5,
		.seq = response ? 0 : w->seq,
	};

	memcpy(first, p, head);
	memcpy(last, p + n - tail, tail);
	if (!response && w->seq)
		w->seq += (uint32_t)n;
	if (response)
		http1_conn_response(&w->h, &w->c, &run);
	else
		http1_conn_request(&w->h, &w->c, &run);
	memset(first, '#', head);
	memset(last, '#', tail);
	free(first);
	free(last);
}

void wire_ask(struct wire *w, const char *text)
{
	wire_run(w, false, text, strlen(text), strlen(text), 0);
}

void wire_answer(struct wire *w, const char *text)
{
	wire_run(w, true, text, strlen(text), strlen(text), 0);
}

void wire_more(struct wire *w, uint64_t len, const char *tail)
{
	struct http1_run run = {
		.tail = tail,
		.tail_len = (uint32_t)strlen(tail),
		.len = len,
		.first_ns = w->now += 10,
		.last_ns = w->now + 5,
	};

	http1_conn_response(&w->h, &w->c, &run);
}

void wire_end(struct wire *w, enum kh_reason reason)
{
	http1_conn_end(&w->h, &w->c, reason, w->now += 10);
}

bool wire_adds_up(const struct wire *w)
{
	const struct http1_counters *n = &w->h.counters;

	return n->requests ==
		       n->exchanges + n->lost + n->unheld + n->pipeline_overflow + w->c.pending &&
	       (!http1_conn_idle(&w->c) || w->h.heads.used == 0);
}
