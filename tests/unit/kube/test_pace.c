/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/kube/pace.h"

static const struct kube_options usual;

static void failures_double_the_wait_up_to_its_maximum(void **state)
{
	static const uint64_t most[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};

	for (int n = 0; n < 100; n++) {
		struct kube_pace pace;

		kube_pace_init(&pace);
		for (size_t i = 0; i < sizeof(most) / sizeof(*most); i++)
			assert_in_range(kube_pace_failed(&pace, &usual, 0), most[i] / 2, most[i]);
		pace.failures = 0;
		assert_in_range(kube_pace_failed(&pace, &usual, 0), 250, 500);
		assert_in_range(kube_pace_failed(&pace, &usual, 7), 7500, 8000);
	}
}

/* A fleet whose server comes back after a minute: no second sees more than its share. */
static void a_fleet_does_not_come_back_as_one(void **state)
{
	unsigned in[16] = {0};

	for (int node = 0; node < 800; node++) {
		struct kube_pace pace;

		kube_pace_init(&pace);
		pace.failures = 20;
		in[(kube_pace_failed(&pace, &usual, 0) - 15000) / 1000]++;
	}
	for (int second = 0; second < 15; second++)
		assert_in_range(in[second], 15, 110); /* 53 on average, 7 is their deviation */
}

static void watches_end_at_different_times(void **state)
{
	struct kube_pace pace;
	unsigned least = KUBE_WATCH_MAX_S, most = 0;

	kube_pace_init(&pace);
	for (int i = 0; i < 2000; i++) {
		unsigned s = kube_pace_watch(&pace, &usual);

		least = s < least ? s : least;
		most = s > most ? s : most;
		assert_in_range(s, KUBE_WATCH_MIN_S, KUBE_WATCH_MAX_S);
	}
	assert_true(least < KUBE_WATCH_MIN_S + 10 && most > KUBE_WATCH_MAX_S - 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_double_the_wait_up_to_its_maximum),
		cmocka_unit_test(a_fleet_does_not_come_back_as_one),
		cmocka_unit_test(watches_end_at_different_times),
	};

	return cmocka_run_group_tests_name("kube pace", tests, NULL, NULL);
}
