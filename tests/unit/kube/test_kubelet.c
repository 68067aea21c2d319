/* SPDX-License-Identifier: Apache-2.0 */
/* The kubelet in place of the API: its list is read again and again. */
#include "followed.h"

static void start_polling(void)
{
	options.poll_ms = 20;
	start_client();
	UNTIL(kube_client_synced(client) && knows("uid-1"));
}

static void its_list_is_read_again_and_again(void **state)
{
	start_polling();
	assert_true(has_container("c1"));
	add_pod("new", "uid-3", "c3");
	UNTIL(has_container("c3"));
	delete_pod("new");
	UNTIL(!kube_store_changed(store) && living() == 2);
	assert_true(stats().lists > 2);
	assert_true(stats().connected);
}

static void nothing_else_is_asked_of_it(void **state)
{
	unsigned api = asked("/api/"), pods = asked("\"/pods\"");

	start_polling();
	UNTIL(stats().lists > 2);
	assert_int_equal(asked("/api/"), api);
	assert_true(asked("\"/pods\"") > pods + 1);
	assert_int_equal(asked("proxy"), 0);
}

static void what_is_known_stays_while_it_is_silent_or_wrong(void **state)
{
	static const struct {
		const char *mode;
		enum kube_fault fault;
	} cases[] = {{"403", KUBE_FAULT_FORBIDDEN},
		     {"hang", KUBE_FAULT_TIMEOUT},
		     {"html", KUBE_FAULT_GARBAGE},
		     {"down", KUBE_FAULT_BROKEN}};

	options.list_idle_ms = 150;
	start_polling();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		mode(cases[i].mode);
		UNTIL(faults(cases[i].fault) > 1);
		assert_int_equal(living(), 2);
		mode("ok");
		UNTIL(stats().connected);
	}
	set("{\"cut\":2500}"); /* the list breaks off after its first pod */
	UNTIL(faults(KUBE_FAULT_BROKEN) > 4);
	assert_int_equal(living(), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_list_is_read_again_and_again),
		TEST(nothing_else_is_asked_of_it),
		TEST(what_is_known_stays_while_it_is_silent_or_wrong),
	};

	return cmocka_run_group_tests_name("kube kubelet", tests, begin, end);
}
