/* SPDX-License-Identifier: Apache-2.0 */
/* The table against a list that is searched from front to back. */
#include "keyed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MOST 64

static struct keyed t;

/* Keys with their slots, the one touched last first. */
static struct {
	uint64_t key[MOST];
	uint32_t slot[MOST], n, capacity;
	uint64_t evictions;
} model;

static void start(uint32_t capacity)
{
	memset(&model, 0, sizeof(model));
	model.capacity = capacity;
	assert_int_equal(keyed_init(&t, capacity), 0);
}

static int teardown(void **state)
{
	keyed_free(&t);
	return 0;
}

static uint32_t place(uint64_t key)
{
	uint32_t i = 0;

	while (i < model.n && model.key[i] != key)
		i++;
	return i;
}

static void take_out(uint32_t at)
{
	model.n--;
	memmove(model.key + at, model.key + at + 1, (model.n - at) * sizeof(model.key[0]));
	memmove(model.slot + at, model.slot + at + 1, (model.n - at) * sizeof(model.slot[0]));
}

static void put_first(uint64_t key, uint32_t slot)
{
	memmove(model.key + 1, model.key, model.n * sizeof(model.key[0]));
	memmove(model.slot + 1, model.slot, model.n * sizeof(model.slot[0]));
	model.key[0] = key;
	model.slot[0] = slot;
	model.n++;
}

static void add(uint64_t key)
{
	uint32_t victim = model.n == model.capacity ? model.slot[model.n - 1] : KEYED_NONE, slot, i;

	assert_int_equal(keyed_victim(&t), victim);
	slot = keyed_add(&t, key);
	assert_in_range(slot, 0, model.capacity - 1);
	if (victim != KEYED_NONE) {
		assert_int_equal(slot, victim);
		take_out(model.n - 1);
		model.evictions++;
	}
	for (i = 0; i < model.n; i++)
		assert_int_not_equal(model.slot[i], slot);
	put_first(key, slot);
}

static void find(uint64_t key)
{
	uint32_t at = place(key), slot = at < model.n ? model.slot[at] : KEYED_NONE;

	assert_int_equal(keyed_find(&t, key), slot);
	if (slot == KEYED_NONE)
		return;
	take_out(at);
	put_first(key, slot);
}

static void take_away(uint64_t key)
{
	uint32_t at = place(key), slot = at < model.n ? model.slot[at] : KEYED_NONE;

	assert_int_equal(keyed_remove(&t, key), slot);
	if (slot != KEYED_NONE)
		take_out(at);
}

static void same_as_the_model(void)
{
	uint32_t slot = KEYED_NONE, i;

	assert_int_equal(t.used, model.n);
	assert_int_equal(t.evictions, model.evictions);
	for (i = 0; i < model.n; i++) {
		slot = keyed_next(&t, slot);
		assert_int_equal(slot, model.slot[i]);
	}
	assert_int_equal(model.n ? keyed_next(&t, slot) : keyed_next(&t, KEYED_NONE), KEYED_NONE);
}

static void any_order_of_operations_gives_what_a_plain_list_gives(void **state)
{
	static const uint32_t capacities[] = {1, 2, 3, 7, 8, 33, MOST};
	size_t c, i;

	srand(1);
	for (c = 0; c < sizeof(capacities) / sizeof(capacities[0]); c++) {
		start(capacities[c]);
		for (i = 0; i < 20000; i++) {
			/* few enough keys that most are there, on all 64 bits */
			uint64_t key = (uint64_t)(rand() % (int)(2 * capacities[c] + 1)) *
				       0x0100000001000001ull;

			if (rand() % 4 == 0)
				take_away(key);
			else if (rand() % 2 || place(key) < model.n)
				find(key);
			else
				add(key);
			same_as_the_model();
		}
		keyed_free(&t);
	}
}

/* Keys whose home is one bucket: removing one must not hide those that probed past it. */
static void keys_that_collide_stay_found_when_one_leaves(void **state)
{
	uint64_t keys[MOST], key = 0;
	uint32_t round, i, n;

	for (round = 0; round < 200; round++) {
		start(MOST);
		/* one bucket to spare: every run is long */
		t.mask = MOST - 1;
		for (n = 0; n < MOST - 1; n++)
			keys[n] = key++;
		for (i = 0; i < MOST - 1; i++)
			add(keys[i]);
		for (i = round % 3; i < MOST - 1; i += 3)
			take_away(keys[i]);
		for (i = 0; i < MOST - 1; i++)
			find(keys[i]);
		same_as_the_model();
		keyed_free(&t);
	}
}

static void touching_keeps_a_key_from_being_evicted(void **state)
{
	start(3);
	add(1);
	add(2);
	add(3);
	find(1);
	add(4);
	assert_int_equal(keyed_find(&t, 2), KEYED_NONE);
	assert_int_not_equal(keyed_find(&t, 1), KEYED_NONE);
	assert_int_equal(t.evictions, 1);
}

static void extreme_keys_are_keys_like_any_other(void **state)
{
	start(4);
	add(0);
	add(UINT64_MAX);
	add(1ull << 63);
	find(0);
	find(UINT64_MAX);
	take_away(0);
	find(0);
	same_as_the_model();
}

static void impossible_sizes_are_refused(void **state)
{
	assert_int_equal(keyed_init(&t, 0), -EINVAL);
	assert_int_equal(keyed_init(&t, (1u << 24) + 1), -EINVAL);
	assert_int_equal(keyed_init(&t, UINT32_MAX), -EINVAL);
	keyed_free(&t);
	start(1);
	assert_true(keyed_bytes(&t) > 0);
}

#define T(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(any_order_of_operations_gives_what_a_plain_list_gives),
		T(keys_that_collide_stay_found_when_one_leaves),
		T(touching_keeps_a_key_from_being_evicted),
		T(extreme_keys_are_keys_like_any_other),
		T(impossible_sizes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
