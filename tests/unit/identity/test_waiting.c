/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/waiting.h"
#include "protocol/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct waiting *room;
static char trace[4096];     /* tids in the order in which they were offered; '!' must go */
static uint32_t done_with;   /* a bit for each tid */
static struct exchange last; /* offered */
static uintptr_t last_at;
static char last_texts[2048];

static bool offered(void *arg, const struct exchange *ex, bool must_go)
{
	char text[16];

	snprintf(text, sizeof(text), "%u%s ", ex->tid, must_go ? "!" : "");
	strncat(trace, text, sizeof(trace) - strlen(trace) - 1);
	last = *ex;
	last_at = (uintptr_t)ex;
	snprintf(last_texts, sizeof(last_texts), "%.*s|%.*s|%.*s|%.*s", (int)ex->host.n, ex->host.p,
		 (int)ex->traceparent.n, ex->traceparent.p, (int)ex->target.n, ex->target.p,
		 (int)ex->tracestate.n, ex->tracestate.p);
	return done_with >> (ex->tid % 32) & 1;
}

static void enter(uint32_t capacity)
{
	trace[0] = 0;
	done_with = 0;
	room = waiting_new(capacity, offered, NULL);
	assert_non_null(room);
}

static int teardown(void **state)
{
	waiting_free(room);
	room = NULL;
	return 0;
}

/* The texts are gone right after. */
static void put_texts(uint32_t tid, const char *target, const char *host, const char *traceparent,
		      const char *tracestate)
{
	struct exchange ex = {.tid = tid};
	struct slice *to[] = {&ex.target, &ex.host, &ex.traceparent, &ex.tracestate};
	const char *from[] = {target, host, traceparent, tracestate};
	char *copies[4];
	size_t i;

	for (i = 0; i < 4; i++) {
		copies[i] = from[i] ? strdup(from[i]) : NULL;
		*to[i] = slice_of(copies[i]);
	}
	waiting_put(room, &ex);
	for (i = 0; i < 4; i++)
		free(copies[i]);
}

static void put(uint32_t tid)
{
	put_texts(tid, "/", NULL, NULL, NULL);
}

static void all_are_offered_in_the_order_in_which_they_came(void **state)
{
	enter(4);
	put(1);
	put(2);
	put(3);
	waiting_offer(room, false);
	waiting_offer(room, false);
	assert_string_equal(trace, "1 2 3 1 2 3 ");
	assert_int_equal(waiting_count(room), 3);
}

static void whoever_is_done_with_leaves_and_the_others_keep_their_order(void **state)
{
	enter(5);
	for (uint32_t i = 1; i <= 5; i++)
		put(i);
	done_with = 1 << 1 | 1 << 3 | 1 << 5;
	waiting_offer(room, false);
	assert_int_equal(waiting_count(room), 2);
	put(6);
	put(7);
	trace[0] = 0;
	waiting_offer(room, false);
	assert_string_equal(trace, "2 4 6 7 ");
}

static void only_a_full_room_makes_the_oldest_go(void **state)
{
	enter(3);
	put(1);
	put(2);
	put(3);
	done_with = 1 << 2 | 1 << 3;
	waiting_offer(room, false);
	trace[0] = 0;
	put(4);
	put(5); /* 1 waits still, but there is room */
	assert_string_equal(trace, "");
	assert_int_equal(waiting_forced(room), 0);
	put(6);
	assert_string_equal(trace, "1! ");
	put(7);
	assert_string_equal(trace, "1! 4! ");
	assert_int_equal(waiting_forced(room), 2);
	assert_int_equal(waiting_count(room), 3);
}

static void when_all_must_go_nobody_stays(void **state)
{
	enter(3);
	put(1);
	put(2);
	waiting_offer(room, true);
	assert_string_equal(trace, "1! 2! ");
	assert_int_equal(waiting_count(room), 0);
	put(3);
	waiting_offer(room, false);
	assert_string_equal(trace, "1! 2! 3 ");
}

#define BURST 600
#define STAYS 100 /* of their seats, some may stay in memory */

/* Pages in memory from seat STAYS of a burst on; `first` and `end` are where the outermost are. */
static size_t resident_pages(uintptr_t first, uintptr_t end)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = first + (end - first) / BURST * STAYS;
	unsigned char in_memory[BURST];
	size_t n, there = 0;

	from = (from + page - 1) & ~(page - 1);
	n = (end - from) / page;
	assert_in_range(n, 2, BURST);
	assert_int_equal(mincore((void *)from, n * page, in_memory), 0);
	while (n)
		there += in_memory[--n] & 1;
	return there;
}

static void what_a_burst_took_is_given_back_when_nobody_waits(void **state)
{
	uintptr_t first, end;

	enter(2048);
	for (int again = 0; again < 2; again++) {
		put_texts(0, "/first", "a.example", NULL, NULL);
		waiting_offer(room, false);
		first = last_at;
		for (uint32_t i = 1; i < BURST; i++)
			put_texts(i, "/others", "b.example", "trace", NULL);
		waiting_offer(room, false);
		end = last_at;
		assert_int_not_equal(resident_pages(first, end), 0);
		assert_int_equal(last.tid, BURST - 1);
		assert_string_equal(last_texts, "b.example|trace|/others|");
		waiting_offer(room, true);
		assert_int_equal(waiting_count(room), 0);
		assert_int_equal(resident_pages(first, end), 0);
	}
	assert_int_equal(waiting_forced(room), 0);
}

static void a_room_without_seats_lets_nobody_wait(void **state)
{
	enter(0);
	put(1);
	put(2);
	assert_string_equal(trace, "1! 2! ");
	assert_int_equal(waiting_forced(room), 2);
	waiting_offer(room, true);
	assert_int_equal(waiting_count(room), 0);
}

static void texts_are_kept_beyond_the_record_they_came_in(void **state)
{
	enter(2);
	put_texts(1, "/users/7?q=1", "shop.example", "00-abc-def-01", "vendor=1");
	waiting_offer(room, false);
	assert_string_equal(last_texts, "shop.example|00-abc-def-01|/users/7?q=1|vendor=1");
	assert_false(last.target_cut);
}

/* Beside a trace context and a host, as long as all texts of a call can be. */
static void the_texts_of_a_call_are_kept_whole(void **state)
{
	static const char values[6][CALL_TEXT / 6] = {"operation", "code",  "namespace",
						      "collection", "group", "summary"};
	char record[6][CALL_TEXT / 6];
	struct exchange ex = {.tid = 1};
	struct slice *to[] = {&ex.operation,  &ex.code,  &ex.namespace,
			      &ex.collection, &ex.group, &ex.summary};
	const struct slice *kept[] = {&last.operation,  &last.code,  &last.namespace,
				      &last.collection, &last.group, &last.summary};

	memcpy(record, values, sizeof(record));
	for (size_t i = 0; i < 6; i++)
		*to[i] = (struct slice){record[i], sizeof(record[i])};
	ex.host = slice_of("cart.shop.svc.cluster.local");
	ex.traceparent = slice_of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	enter(1);
	waiting_put(room, &ex);
	memset(record, 'x', sizeof(record));
	waiting_offer(room, false);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(kept[i]->n, sizeof(values[i]));
		assert_memory_equal(kept[i]->p, values[i], sizeof(values[i]));
	}
	assert_string_equal(last_texts, "cart.shop.svc.cluster.local|00-0af7651916cd43dd8448eb211c"
					"80319c-b7ad6b7169203331-01||");
}

static void a_target_that_does_not_fit_is_cut_and_says_so(void **state)
{
	char target[WAITING_TEXT + 100];

	memset(target, 't', sizeof(target) - 1);
	target[sizeof(target) - 1] = 0;
	enter(2);
	put_texts(1, target, "shop.example", NULL, "state");
	waiting_offer(room, false);
	assert_true(last.target_cut);
	assert_int_equal(last.target.n, WAITING_TEXT - strlen("shop.example"));
	assert_int_equal(last.host.n, strlen("shop.example"));
	assert_int_equal(last.tracestate.n, 0);
	target[WAITING_TEXT - strlen("shop.example")] = 0;
	put_texts(2, target, "shop.example", NULL, NULL);
	waiting_offer(room, false);
	assert_false(last.target_cut);
}

static void half_a_host_would_be_another_host(void **state)
{
	char host[WAITING_TEXT + 2];

	memset(host, 'h', sizeof(host) - 1);
	host[sizeof(host) - 1] = 0;
	enter(1);
	put_texts(1, "/", host, NULL, NULL);
	waiting_offer(room, false);
	assert_int_equal(last.host.n, 0);
	assert_int_equal(last.target.n, 1);
}

static void a_long_trace_state_does_not_cost_the_target(void **state)
{
	char trace_state[WAITING_TEXT];

	memset(trace_state, 's', sizeof(trace_state) - 1);
	trace_state[sizeof(trace_state) - 1] = 0;
	enter(1);
	put_texts(1, "/users/7", "h", NULL, trace_state);
	waiting_offer(room, false);
	assert_string_equal(last_texts, "h||/users/7|");
	assert_false(last.target_cut);
}

/* Random comings and goings against a list. */
static void nobody_is_lost_and_nobody_is_offered_twice(void **state)
{
	uint32_t waits[8], n = 0, i, tid = 0, round;
	char want[128];

	enter(8);
	srand(2);
	for (round = 0; round < 5000; round++) {
		if (rand() % 3) {
			if (n == 8)
				memmove(waits, waits + 1, sizeof(waits[0]) * --n);
			waits[n++] = tid;
			put(tid);
			tid = (tid + 1) % 32;
			continue;
		}
		trace[0] = want[0] = 0;
		for (i = 0; i < n; i++)
			snprintf(want + strlen(want), sizeof(want) - strlen(want), "%u ", waits[i]);
		done_with = (uint32_t)rand();
		waiting_offer(room, false);
		assert_string_equal(trace, want);
		for (i = 0; i < n;) {
			if (done_with >> waits[i] & 1)
				memmove(waits + i, waits + i + 1, sizeof(waits[0]) * (--n - i));
			else
				i++;
		}
		assert_int_equal(waiting_count(room), n);
	}
}

#define T(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_are_offered_in_the_order_in_which_they_came),
		T(whoever_is_done_with_leaves_and_the_others_keep_their_order),
		T(only_a_full_room_makes_the_oldest_go),
		T(when_all_must_go_nobody_stays),
		T(what_a_burst_took_is_given_back_when_nobody_waits),
		T(a_room_without_seats_lets_nobody_wait),
		T(texts_are_kept_beyond_the_record_they_came_in),
		T(the_texts_of_a_call_are_kept_whole),
		T(a_target_that_does_not_fit_is_cut_and_says_so),
		T(half_a_host_would_be_another_host),
		T(a_long_trace_state_does_not_cost_the_target),
		T(nobody_is_lost_and_nobody_is_offered_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
