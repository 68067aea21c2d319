/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming lists: where they are offered, where not, and when they break. */
#include "followed.h"

static void a_stream_is_list_and_watch_in_one(void **state)
{
	unsigned before = asked("/api/v1/pods");

	options.watch_min_s = options.watch_max_s = 30;
	start_client();
	UNTIL(kube_client_synced(client) && knows("uid-1"));
	assert_false(knows("uid-2"));
	assert_int_equal(stats().lists, 1);
	assert_int_equal(stats().watches, 1);
	assert_int_equal(events(KUBE_EVENT_ADDED), 0); /* the first ones are the list */
	add_pod("late", "uid-3", "c3");
	UNTIL(has_container("c3"));
	assert_int_equal(events(KUBE_EVENT_ADDED), 1);
	delete_pod("late");
	UNTIL(living() == 1);
	assert_int_equal(asked("/api/v1/pods"), before + 1);
	assert_true(asked("/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1&watch=1&"
			  "allowWatchBookmarks=true&sendInitialEvents=true&"
			  "resourceVersionMatch=NotOlderThan&timeoutSeconds=30\"") > 0);
}

static void a_stream_that_ended_goes_on_as_a_watch(void **state)
{
	start_client();
	UNTIL(stats().watches > 2);
	add_pod("next", "uid-4", "c4");
	UNTIL(has_container("c4"));
	assert_int_equal(stats().lists, 1);
	delete_pod("next");
	UNTIL(living() == 1);
}

/* Whatever the sign is: lists and watches, and no second attempt when they begin anew. */
static void without(const char *settings)
{
	unsigned before = asked("sendInitialEvents");

	set(settings);
	start_client();
	UNTIL(knows("uid-1") && kube_client_synced(client));
	UNTIL(stats().watches > 0 && stats().connected);
	for (int i = 0; i < KUBE_FAULT_COUNT; i++)
		assert_int_equal(faults(i), 0);
	mode("gone");
	UNTIL(faults(KUBE_FAULT_GONE) > 0 && stats().lists > 1);
	assert_int_equal(asked("sendInitialEvents"), before + 1);
	assert_true(knows("uid-1"));
}

static void a_server_with_streams_off_is_asked_for_lists(void **state)
{
	without("{\"watch_list\":\"off\"}");
}

static void a_server_that_ignores_the_question_is_asked_for_lists(void **state)
{
	without("{\"watch_list\":\"ignored\"}");
}

static void a_stream_without_the_mark_is_none(void **state)
{
	without("{\"mark\":false}");
}

static void first_objects_without_an_end_are_given_up(void **state)
{
	set("{\"mark\":false}");
	options.watch_min_s = options.watch_max_s = 60;
	options.list_idle_ms = 50; /* before a bookmark comes */
	start_client();
	UNTIL(stats().watches > 0 && knows("uid-1"));
	assert_int_equal(stats().lists, 1);
}

static void a_stream_that_breaks_in_the_middle_loses_nothing(void **state)
{
	uint64_t lists, broken;

	add_pod("mid", "uid-5", "c5");
	start_client();
	UNTIL(kube_client_synced(client) && living() == 2);
	lists = stats().lists;
	set("{\"cut\":2500}"); /* the first pod is whole, the second is not */
	mode("gone");
	UNTIL(faults(KUBE_FAULT_GONE) > 0);
	delete_pod("mid");
	mode("ok");
	broken = faults(KUBE_FAULT_BROKEN);
	set("{\"cut\":1000}");
	UNTIL(faults(KUBE_FAULT_BROKEN) > broken + 3);
	assert_int_equal(stats().lists, lists);
	assert_int_equal(living(), 2);
	assert_true(knows("uid-1") && has_container("c5"));
	set("{\"cut\":-1}");
	UNTIL(living() == 1);
	assert_true(knows("uid-1"));
	assert_true(stats().lists > lists);
}

/* What an earlier stream put and the whole one does not must not live on. */
static void only_what_the_whole_stream_has_exists(void **state)
{
	uint64_t broken;

	add_pod("zz", "uid-6", "c6");
	set("{\"cut\":4250}"); /* after the second pod, before the mark */
	start_client();
	UNTIL(faults(KUBE_FAULT_BROKEN) > 1 && knows("uid-6"));
	assert_false(kube_client_synced(client));
	delete_pod("zz");
	broken = faults(KUBE_FAULT_BROKEN);
	set("{\"cut\":1000}");
	UNTIL(faults(KUBE_FAULT_BROKEN) > broken);
	set("{\"cut\":-1}");
	UNTIL(kube_client_synced(client) && living() == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stream_is_list_and_watch_in_one),
		TEST(a_stream_that_ended_goes_on_as_a_watch),
		TEST(a_server_with_streams_off_is_asked_for_lists),
		TEST(a_server_that_ignores_the_question_is_asked_for_lists),
		TEST(a_stream_without_the_mark_is_none),
		TEST(first_objects_without_an_end_are_given_up),
		TEST(a_stream_that_breaks_in_the_middle_loses_nothing),
		TEST(only_what_the_whole_stream_has_exists),
	};

	return cmocka_run_group_tests_name("kube stream", tests, begin, end);
}
