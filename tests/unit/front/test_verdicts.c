/* SPDX-License-Identifier: Apache-2.0 */
/* What BPF was told to ignore is taken back when its reason is gone, and nothing else is. */
#include "verdicts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>

static struct verdicts verdicts;
static bool ignored[VERDICTS_MAX + 100]; /* by key: what BPF would believe */
static int answer;
static uint64_t versions[10]; /* of pods, by cgroup */

static int tell(void *arg, uint64_t key, enum kh_verdict verdict)
{
	if (verdict == KH_IGNORE && answer)
		return answer;
	ignored[key] = verdict == KH_IGNORE;
	return 0;
}

static uint64_t version(void *arg, uint64_t cgroup, uint64_t was)
{
	return cgroup == 9 ? was : versions[cgroup];
}

static int setup(void **state)
{
	for (size_t i = 0; i < sizeof(ignored); i++)
		ignored[i] = false;
	answer = 0;
	return verdicts_init(&verdicts, tell, NULL);
}

static int teardown(void **state)
{
	verdicts_free(&verdicts);
	return 0;
}

static int ignore(uint64_t key, uint64_t cgroup, uint64_t pod, uint32_t tgid)
{
	return verdicts_ignore(&verdicts, &(struct verdict){key, cgroup, pod, {tgid}});
}

static void only_what_rests_on_a_pod_that_changed_is_taken_back(void **state)
{
	versions[1] = 11;
	versions[2] = 22;
	versions[3] = 0;
	assert_int_equal(ignore(1, 1, 11, 0), 0);
	assert_int_equal(ignore(2, 2, 22, 0), 0);
	assert_int_equal(ignore(3, 3, 0, 0), 0);   /* no pod's */
	assert_int_equal(ignore(4, 2, 22, 50), 0); /* a process' */
	assert_int_equal(ignore(9, 9, 99, 0), 0);  /* of a cgroup that was forgotten */
	verdicts_review(&verdicts, version, NULL);
	assert_true(ignored[1] && ignored[2] && ignored[3] && ignored[4] && ignored[9]);
	versions[2] = 23;
	verdicts_review(&verdicts, version, NULL);
	assert_true(ignored[1] && !ignored[2] && ignored[3] && !ignored[4] && ignored[9]);
	versions[1] = 0; /* gone */
	versions[3] = 5; /* one came */
	verdicts_review(&verdicts, version, NULL);
	assert_true(!ignored[1] && !ignored[3] && ignored[9]);
	assert_int_equal(verdicts.table.used, 1);
}

static void a_process_that_changes_loses_all_that_is_about_it(void **state)
{
	ignore(1, 1, 11, 0);
	ignore(2, 1, 11, 50);
	ignore(3, 1, 11, 50);
	ignore(4, 1, 11, 51);
	verdicts_lift_process(&verdicts, 50);
	assert_true(ignored[1] && !ignored[2] && !ignored[3] && ignored[4]);
	assert_int_equal(ignore(2, 1, 11, 50), 0); /* and may be ignored again */
	assert_true(ignored[2]);
}

static void a_parent_that_changes_takes_its_children_with_it(void **state)
{
	const struct verdict of[] = {
		{.key = 1, .cgroup = 1, .family = {50, 40, 30, 20, 10}},
		{.key = 2, .cgroup = 1, .family = {51, 40}},
		{.key = 3, .cgroup = 1, .family = {52, 41, 20}},
		{.key = 4, .cgroup = 1},
	};

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(verdicts_ignore(&verdicts, &of[i]), 0);
	verdicts_lift_process(&verdicts, VERDICTS_MAX + 40); /* another that shares a place */
	assert_true(ignored[1] && ignored[2] && ignored[3] && ignored[4]);
	verdicts_lift_process(&verdicts, 40);
	assert_true(!ignored[1] && !ignored[2] && ignored[3] && ignored[4]);
	assert_int_equal(verdicts_ignore(&verdicts, &of[0]), 0);
	verdicts_lift_process(&verdicts, 10);
	assert_true(!ignored[1] && ignored[3]);
	verdicts_lift_process(&verdicts, 20);
	assert_false(ignored[3]);
	for (size_t i = 0; i < VERDICTS_MAX; i++)
		assert_int_equal(verdicts.resting[i], 0);
}

static void a_process_told_of_twice_rests_on_its_last_parents(void **state)
{
	const struct verdict before = {.key = 1, .cgroup = 1, .family = {50, 40}},
			     after = {.key = 1, .cgroup = 1, .family = {50, 41}};

	assert_int_equal(verdicts_ignore(&verdicts, &before), 0);
	assert_int_equal(verdicts_ignore(&verdicts, &after), 0);
	assert_int_equal(verdicts.resting[40], 0);
	verdicts_lift_process(&verdicts, 40);
	assert_true(ignored[1]);
	verdicts_lift_process(&verdicts, 41);
	assert_false(ignored[1]);
	assert_int_equal(verdicts_ignore(&verdicts, &after), 0);
	verdicts_clear(&verdicts);
	assert_int_equal(verdicts.resting[41], 0);
}

static void the_last_reason_given_counts(void **state)
{
	versions[1] = 12;
	ignore(1, 1, 11, 0);
	ignore(1, 1, 12, 0);
	verdicts_review(&verdicts, version, NULL);
	assert_true(ignored[1]);
	assert_int_equal(verdicts.table.used, 1);
}

static void what_bpf_has_no_room_for_is_not_remembered(void **state)
{
	answer = -ENOSPC;
	assert_int_equal(ignore(1, 1, 11, 0), -ENOSPC);
	assert_int_equal(verdicts.table.used, 0);
}

static void the_table_never_holds_more_than_bpf_s(void **state)
{
	uint64_t key;

	for (key = 1; key <= VERDICTS_MAX + 50; key++)
		assert_int_equal(ignore(key, 1, 11, 0), 0);
	for (key = 1; key <= VERDICTS_MAX + 50; key++)
		assert_int_equal(ignored[key], key > 50); /* the oldest were taken back */
	assert_int_equal(verdicts.table.used, VERDICTS_MAX);
	verdicts_clear(&verdicts);
	assert_int_equal(verdicts.table.used, 0);
	assert_int_equal(ignore(7, 1, 11, 0), 0);
	assert_int_equal(verdicts.table.used, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(only_what_rests_on_a_pod_that_changed_is_taken_back),
		T(a_process_that_changes_loses_all_that_is_about_it),
		T(a_parent_that_changes_takes_its_children_with_it),
		T(a_process_told_of_twice_rests_on_its_last_parents),
		T(the_last_reason_given_counts),
		T(what_bpf_has_no_room_for_is_not_remembered),
		T(the_table_never_holds_more_than_bpf_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
