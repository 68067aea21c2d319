/* SPDX-License-Identifier: Apache-2.0 */
/* Queues and table between the two threads; all in one here. */
#include "trace/tell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define MS 1000000ull

static struct tell *tell;

static int setup(void **state)
{
	return tell_new(&tell, TELL_TABLE_MIN);
}

static int teardown(void **state)
{
	tell_free(tell);
	return 0;
}

static struct tell_record record_of(uint64_t id, uint8_t trace, uint8_t flags)
{
	struct tell_record record = {.flags = flags};

	memcpy(record.span_id, &id, sizeof(id));
	memset(record.trace_id, trace, sizeof(record.trace_id));
	return record;
}

static void hear(uint64_t id, uint8_t trace, uint8_t flags, uint64_t now_ms)
{
	struct tell_record record = record_of(id, trace, flags);

	tell_give(tell, &record, 1);
	tell_turn(tell, now_ms * MS);
}

/* The trace's first byte << 8 | flags; -1: not known. */
static int find(uint64_t id)
{
	uint8_t span_id[SPAN_ID_LEN], trace_id[SPAN_TRACE_ID_LEN] = {0}, flags = 0;

	memcpy(span_id, &id, sizeof(id));
	if (!tell_find(tell, span_id, trace_id, &flags))
		return -1;
	for (size_t i = 1; i < sizeof(trace_id); i++)
		assert_int_equal(trace_id[i], trace_id[0]);
	return trace_id[0] << 8 | flags;
}

static void what_is_put_is_taken_in_order(void **state)
{
	struct tell_record taken[4];

	for (uint64_t i = 1; i <= 3; i++) {
		struct tell_record r = record_of(i, (uint8_t)i, 1);

		tell_put(tell, r.span_id, r.trace_id, r.flags);
	}
	assert_int_equal(tell_take(tell, taken, 2), 2);
	assert_int_equal(tell_take(tell, taken + 2, 2), 1);
	for (uint64_t i = 1; i <= 3; i++) {
		struct tell_record r = record_of(i, (uint8_t)i, 1);

		assert_memory_equal(&taken[i - 1], &r, sizeof(r));
	}
	assert_int_equal(tell_take(tell, taken, 4), 0);
}

static void a_full_queue_drops_and_counts(void **state)
{
	struct tell_record r = record_of(1, 1, 0), taken;

	for (size_t i = 0; i < TELL_OUT_RECORDS + 5; i++)
		tell_put(tell, r.span_id, r.trace_id, (uint8_t)i);
	assert_int_equal(tell_stats(tell)->put, TELL_OUT_RECORDS + 5);
	assert_int_equal(tell_stats(tell)->put_dropped, 5);
	assert_int_equal(tell_take(tell, &taken, 1), 1);
	assert_int_equal(taken.flags, 0); /* the oldest are kept */
	tell_put(tell, r.span_id, r.trace_id, 77);
	assert_int_equal(tell_stats(tell)->put_dropped, 5);
}

static void what_peers_told_is_found(void **state)
{
	hear(7, 1, 1, 1000);
	assert_int_equal(find(7), 1 << 8 | 1);
	assert_int_equal(find(7), 1 << 8 | 1);
	assert_int_equal(find(8), -1);
	assert_int_equal(tell_stats(tell)->found, 2);
	assert_int_equal(tell_stats(tell)->unknown, 1);
}

static void the_newest_wins(void **state)
{
	hear(7, 1, 1, 1000);
	hear(7, 2, 0, 1000);
	assert_int_equal(find(7), 2 << 8);
	assert_int_equal(tell_stats(tell)->evicted, 0);
}

static void it_lives_for_its_time(void **state)
{
	hear(7, 1, 1, 0);
	tell_turn(tell, (TELL_LIFETIME_MS - 1) * MS);
	assert_int_equal(find(7), 1 << 8 | 1);
	tell_turn(tell, TELL_LIFETIME_MS * MS);
	assert_int_equal(find(7), -1);
}

static void a_full_table_forgets_the_oldest(void **state)
{
	const uint64_t n = TELL_TABLE_MIN * 4ull;
	unsigned int known = 0;

	for (uint64_t i = 1; i <= n; i++)
		hear(i * 0x123456789abcdefull, 3, 0, i);
	assert_true(tell_stats(tell)->evicted >= n - TELL_TABLE_MIN);
	for (uint64_t i = 1; i <= n; i++)
		known += find(i * 0x123456789abcdefull) >= 0;
	assert_int_equal(known, n - tell_stats(tell)->evicted);
	assert_int_equal(known, TELL_TABLE_MIN);
	/* there are as many sets, which hold eight times that */
	for (uint64_t i = n - TELL_TABLE_MIN / TELL_WAYS + 1; i <= n; i++)
		assert_true(find(i * 0x123456789abcdefull) >= 0);
	assert_int_equal(find(0x123456789abcdefull), -1);
}

static void what_is_over_takes_no_place_from_anyone(void **state)
{
	for (uint64_t i = 1; i <= TELL_TABLE_MIN * 4ull; i++)
		hear(i * 0x123456789abcdefull, 3, 0, i * TELL_LIFETIME_MS);
	assert_int_equal(tell_stats(tell)->evicted, 0);
}

static void more_than_the_intake_takes_is_dropped(void **state)
{
	struct tell_record r = record_of(1, 1, 0);

	for (size_t i = 0; i < TELL_IN_RECORDS + 3; i++)
		tell_give(tell, &r, 1);
	assert_int_equal(tell_stats(tell)->got, TELL_IN_RECORDS + 3);
	assert_int_equal(tell_stats(tell)->got_dropped, 3);
}

static void nobody_is_told_without_peers(void **state)
{
	uint8_t id[SPAN_TRACE_ID_LEN] = {1}, flags;

	tell_put(NULL, id, id, 1);
	tell_turn(NULL, 1);
	assert_false(tell_find(NULL, id, id, &flags));
}

static void limits_hold(void **state)
{
	struct tell *t;

	assert_int_equal(tell_new(&t, TELL_TABLE_MIN - 1), -EINVAL);
	assert_int_equal(tell_new(&t, TELL_TABLE_MAX + 1), -EINVAL);
	assert_null(t);
	assert_int_equal(tell_new(&t, TELL_TABLE_MIN + 1), 0);
	assert_true(tell_bytes(t) >= 2 * TELL_TABLE_MIN * 32);
	tell_free(t);
}

#define THROUGH 1000000u

static void *put_all(void *arg)
{
	for (uint64_t i = 1; i <= THROUGH;) {
		struct tell_record r = record_of(i, (uint8_t)i, (uint8_t)i);
		uint64_t dropped = tell_stats(tell)->put_dropped;

		tell_put(tell, r.span_id, r.trace_id, r.flags);
		i += tell_stats(tell)->put_dropped == dropped; /* else once more */
	}
	return NULL;
}

/* The queue of the other direction is the same code. */
static void nothing_is_torn_between_two_threads(void **state)
{
	struct tell_record taken[46];
	pthread_t thread;
	uint64_t next = 1;

	assert_int_equal(pthread_create(&thread, NULL, put_all, NULL), 0);
	while (next <= THROUGH) {
		size_t n = tell_take(tell, taken, 46);

		for (size_t i = 0; i < n; i++, next++) {
			struct tell_record r = record_of(next, (uint8_t)next, (uint8_t)next);

			assert_memory_equal(&taken[i], &r, sizeof(r));
		}
	}
	pthread_join(thread, NULL);
	assert_int_equal(tell_take(tell, taken, 1), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_put_is_taken_in_order),
		TEST(a_full_queue_drops_and_counts),
		TEST(what_peers_told_is_found),
		TEST(the_newest_wins),
		TEST(it_lives_for_its_time),
		TEST(a_full_table_forgets_the_oldest),
		TEST(what_is_over_takes_no_place_from_anyone),
		TEST(more_than_the_intake_takes_is_dropped),
		TEST(nobody_is_told_without_peers),
		TEST(limits_hold),
		TEST(nothing_is_torn_between_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
