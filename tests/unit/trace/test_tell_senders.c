/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram is taken once; time is what each test says. */
#include "trace/tell_senders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define NOW 1700000000000ull

static struct tell_senders senders;

static int setup(void **state)
{
	memset(&senders, 0, sizeof(senders));
	senders.own = 42;
	return 0;
}

static enum tell_refusal at(uint64_t now, uint64_t id, uint64_t counter, uint64_t wall)
{
	const struct tell_head head = {id, counter, wall};

	return tell_senders_check(&senders, &head, now);
}

static enum tell_refusal hear(uint64_t id, uint64_t counter)
{
	return at(NOW, id, counter, NOW);
}

static void each_is_taken_once(void **state)
{
	for (uint64_t i = 0; i < 200; i++) {
		assert_int_equal(hear(1, i), TELL_TAKEN);
		assert_int_equal(hear(1, i), TELL_REPLAY);
	}
	assert_int_equal(hear(2, 7), TELL_TAKEN); /* others count for themselves */
	assert_int_equal(hear(1, 7), TELL_REPLAY);
}

static void one_may_be_late_by_a_window(void **state)
{
	assert_int_equal(hear(1, 1000), TELL_TAKEN);
	assert_int_equal(hear(1, 1000 - TELL_WINDOW), TELL_REPLAY);
	for (uint64_t i = 1; i < TELL_WINDOW; i++)
		assert_int_equal(hear(1, 1000 - i), TELL_TAKEN);
	for (uint64_t i = 0; i < 2 * TELL_WINDOW; i++)
		assert_int_equal(hear(1, 1000 - i), TELL_REPLAY);
}

static void a_leap_forgets_no_number(void **state)
{
	static const uint64_t leap[] = {1, 2, 31, 32, 63, 64, 65, 1000, UINT64_MAX / 2};
	uint64_t top = 100;

	assert_int_equal(hear(1, top), TELL_TAKEN);
	for (size_t i = 0; i < sizeof(leap) / sizeof(*leap); i++) {
		assert_int_equal(hear(1, top + leap[i]), TELL_TAKEN);
		assert_int_equal(hear(1, top), TELL_REPLAY);
		top += leap[i];
		assert_int_equal(hear(1, top), TELL_REPLAY);
	}
	assert_int_equal(hear(1, UINT64_MAX), TELL_TAKEN);
	assert_int_equal(hear(1, UINT64_MAX), TELL_REPLAY);
	assert_int_equal(hear(1, 0), TELL_REPLAY);
}

static void clocks_may_differ_by_so_much(void **state)
{
	assert_int_equal(at(NOW, 1, 1, NOW - TELL_CLOCK_MS), TELL_TAKEN);
	assert_int_equal(at(NOW, 1, 2, NOW + TELL_CLOCK_MS), TELL_TAKEN);
	assert_int_equal(at(NOW, 1, 3, NOW - TELL_CLOCK_MS - 1), TELL_CLOCK);
	assert_int_equal(at(NOW, 1, 4, NOW + TELL_CLOCK_MS + 1), TELL_CLOCK);
	assert_int_equal(at(NOW, 1, 4, 0), TELL_CLOCK);
	assert_int_equal(at(NOW, 1, 4, UINT64_MAX), TELL_CLOCK);
	assert_int_equal(hear(1, 4), TELL_TAKEN); /* refused ones took no number */
}

static void its_own_are_refused(void **state)
{
	assert_int_equal(hear(42, 1), TELL_OWN);
	assert_int_equal(senders.n, 0);
}

static void one_more_than_there_is_place_for_is_refused(void **state)
{
	for (uint64_t i = 0; i < TELL_SENDERS_MAX; i++)
		assert_int_equal(hear(1000 + i, 1), TELL_TAKEN);
	assert_int_equal(hear(1, 1), TELL_SENDERS);
	assert_int_equal(hear(1000, 2), TELL_TAKEN);
}

/* A sender whose clock is ahead is kept until its datagrams are old by this node's clock. */
static void only_who_cannot_be_replayed_is_forgotten(void **state)
{
	uint64_t later = NOW + TELL_CLOCK_MS + 1;

	assert_int_equal(at(NOW, 500, 1, NOW), TELL_TAKEN);
	for (uint64_t i = 1; i < TELL_SENDERS_MAX; i++)
		assert_int_equal(at(NOW, 1000 + i, 1, NOW + 1), TELL_TAKEN);
	assert_int_equal(at(NOW + TELL_CLOCK_MS, 1, 1, NOW + TELL_CLOCK_MS), TELL_SENDERS);
	assert_int_equal(at(later, 1, 1, later), TELL_TAKEN);
	assert_int_equal(at(later, 2, 1, later), TELL_SENDERS);
	assert_int_equal(at(later, 500, 1, NOW), TELL_CLOCK);
	/* the clock is set back: what was forgotten looks young again */
	assert_int_equal(at(NOW, 500, 1, NOW), TELL_REPLAY);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(each_is_taken_once),
		TEST(one_may_be_late_by_a_window),
		TEST(a_leap_forgets_no_number),
		TEST(clocks_may_differ_by_so_much),
		TEST(its_own_are_refused),
		TEST(one_more_than_there_is_place_for_is_refused),
		TEST(only_who_cannot_be_replayed_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
