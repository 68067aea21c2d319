/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges in any order, with any times and threads: each is settled once and for all, nobody is
 * among its own parents, and who has a parent in the same process or at the other end is in its
 * trace.
 */
#include "trace/kin.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define NODES 64
#define CONNS 6
#define SEQS 5
#define EXCHANGES 48 /* so that none is overwritten before it is settled */

#define check(good)                                                                                \
	do {                                                                                       \
		if (!(good)) {                                                                     \
			fprintf(stderr, "fuzz_kin.c:%d: %s\n", __LINE__, #good);                   \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct bytes {
	const uint8_t *p;
	size_t n;
};

static uint32_t take(struct bytes *b, uint32_t below)
{
	if (!b->n)
		return 0;
	b->n--;
	return *b->p++ % below;
}

/* Few values of each, so that all kinds of meetings happen. */
static struct exchange exchange_of(struct bytes *b, uint64_t *now)
{
	uint32_t conn = take(b, CONNS), length = take(b, 32), ago = take(b, 8);
	bool server = take(b, 2);
	struct exchange x = {
		.conn = {.role = server ? KH_ROLE_SERVER : KH_ROLE_CLIENT,
			 .family = AF_INET,
			 .isn_local = server ? conn + 100 : conn + 1,
			 .isn_remote = server ? conn + 1 : conn + 100},
		.req_seq = take(b, SEQS),
		.tgid = take(b, 3),
		.tid = take(b, 3),
		.req_tid = take(b, 3),
		.routine = take(b, 4) ? 0 : 0xc000000000 + take(b, 2),
		.kind = EXCHANGE_HTTP,
		.target = {"/same", take(b, 3) ? 5 : 0},
	};

	*now += take(b, 4);
	x.end_ns = *now + 100 - ago;
	x.start_ns = x.end_ns - length;
	x.first_ns = x.end_ns - length / 2;
	return x;
}

static void check_place(const struct kin_place *place, const struct kin_place all[], size_t n)
{
	static const uint8_t none[SPAN_ID_LEN];
	bool parent = memcmp(place->parent_id, none, SPAN_ID_LEN) != 0;

	check(place->how < KIN_PARENTS);
	check(memcmp(place->span_id, none, SPAN_ID_LEN) != 0);
	check(parent == (place->how != KIN_NONE));
	if (place->how != KIN_THREAD && place->how != KIN_GOROUTINE && place->how != KIN_EVENT_LOOP)
		return;
	for (size_t i = 0; i < n; i++) {
		if (memcmp(all[i].span_id, place->parent_id, SPAN_ID_LEN) == 0) {
			check(memcmp(all[i].trace_id, place->trace_id, SPAN_TRACE_ID_LEN) == 0);
			return;
		}
	}
	abort(); /* its request was never there */
}

/* Steps up from each span; more than there are spans would be a circle. */
static void check_circles(const struct kin_place all[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct kin_place *at = &all[i];
		size_t steps = 0;

		for (size_t k = 0; k < n && at->how != KIN_NONE; k++) {
			if (memcmp(all[k].span_id, at->parent_id, SPAN_ID_LEN) != 0)
				continue;
			at = &all[k];
			check(++steps <= n);
			k = (size_t)-1;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kin_told told = {NULL, NULL};
	struct kin *kin = kin_new(NODES, &told);
	struct kin_place places[EXCHANGES];
	uint64_t number[EXCHANGES], now = 1000;
	struct bytes b = {data, size};
	bool seen[2][CONNS][SEQS] = {0};
	size_t n = 0, settled = 0;

	check(kin != NULL);
	while (b.n && n < EXCHANGES) {
		struct exchange x = exchange_of(&b, &now);
		bool server = x.conn.role == KH_ROLE_SERVER;
		uint32_t conn = x.conn.isn_remote - (server ? 1 : 100);
		struct kin_about about = {.sampler = SAMPLER_DEFAULT, .abroad = conn % 2};
		bool *once = &seen[server][conn][x.req_seq];
		struct trace_ids ids;

		/* no end has two exchanges of one number, and what is abroad is not here */
		if ((x.req_seq && *once) || (about.abroad && !server))
			continue;
		*once = true;
		if (take(&b, 4) == 0) {
			about.context = (struct trace_context){.there = true,
							       .flags = (uint8_t)take(&b, 2)};
			memset(about.context.trace_id, 1 + (int)take(&b, 2), SPAN_TRACE_ID_LEN);
			memset(about.context.parent_id, 1 + (int)take(&b, 2), SPAN_ID_LEN);
		}
		number[n++] = kin_add(kin, &x, &about, now, &ids);
		while (settled < n && take(&b, 3) == 0) {
			check(kin_settle(kin, number[settled], false, &places[settled]) ==
			      KIN_SETTLED);
			settled++;
		}
	}
	for (; settled < n; settled++)
		check(kin_settle(kin, number[settled], take(&b, 2), &places[settled]) ==
		      KIN_SETTLED);
	for (size_t i = 0; i < n; i++) {
		struct kin_place again;

		check(kin_settle(kin, number[i], false, &again) == KIN_SETTLED);
		check(memcmp(again.trace_id, places[i].trace_id, SPAN_TRACE_ID_LEN) == 0);
		check(memcmp(again.parent_id, places[i].parent_id, SPAN_ID_LEN) == 0);
		check_place(&places[i], places, n);
	}
	check_circles(places, n);
	kin_free(kin);
	return 0;
}
