/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/kube/store.h"

#define S 1000000000ull

static struct kube_pod *pod_with(const char *uid, const char *hash, const char *id,
				 const char *ended)
{
	const struct kube_container container = {.name = "main", .id = id, .ended_id = ended};
	const struct kube_pod draft = {.uid = uid,
				       .name = uid,
				       .namespace = "shop",
				       .config_hash = hash,
				       .containers = &container,
				       .container_count = 1};

	return kube_pod_new(&draft);
}

static struct kube_pod *pod(const char *uid)
{
	return pod_with(uid, "", uid, "");
}

static const struct kube_pods *publish(struct kube_store *store, uint64_t now)
{
	kube_store_quiesce(store);
	assert_int_equal(kube_store_publish(store, now), 0);
	return kube_store_current(store);
}

static bool knows(const struct kube_pods *pods, const char *uid)
{
	return kube_pods_by_uid(pods, slice_of(uid));
}

static void a_new_store_has_an_empty_snapshot(void **state)
{
	struct kube_store *store = kube_store_new(0);
	const struct kube_pods *pods = kube_store_current(store);

	assert_int_equal(kube_pods_count(pods), 0);
	assert_false(kube_pods_synced(pods));
	assert_false(knows(pods, "u"));
	assert_false(knows(pods, ""));
	kube_store_free(store);
}

static void changes_are_seen_when_published_and_after_quiescing(void **state)
{
	struct kube_store *store = kube_store_new(0);
	const struct kube_pods *pods = kube_store_current(store);

	kube_store_put(store, pod("u1"));
	assert_true(kube_store_changed(store));
	assert_int_equal(kube_store_publish(store, S), 0);
	assert_false(kube_store_changed(store));
	assert_ptr_equal(kube_store_current(store), pods);
	assert_false(knows(kube_store_current(store), "u1"));
	kube_store_quiesce(store);
	assert_true(knows(kube_store_current(store), "u1"));
	kube_store_free(store);
}

static void publishing_nothing_new_makes_no_snapshot(void **state)
{
	struct kube_store *store = kube_store_new(0);

	kube_store_put(store, pod("u1"));
	publish(store, S);
	publish(store, 2 * S);
	assert_int_equal(kube_store_stats(store).publishes, 1);
	kube_store_free(store);
}

static void a_held_snapshot_outlives_any_number_of_publishes(void **state)
{
	struct kube_store *store = kube_store_new(0);
	const struct kube_pods *pods;
	char uid[16];

	kube_store_put(store, pod("first"));
	pods = publish(store, S);
	for (int i = 0; i < 10; i++) {
		snprintf(uid, sizeof(uid), "u%d", i);
		kube_store_put(store, pod(uid));
		assert_int_equal(kube_store_publish(store, S), 0);
	}
	assert_ptr_equal(kube_store_current(store), pods);
	assert_true(knows(pods, "first"));
	assert_false(knows(pods, "u0"));
	kube_store_quiesce(store);
	assert_true(knows(kube_store_current(store), "u9"));
	kube_store_free(store);
}

static void a_referenced_pod_outlives_the_store(void **state)
{
	struct kube_store *store = kube_store_new(0);
	struct kube_pod *kept;

	kube_store_put(store, pod("u1"));
	kept = kube_pod_ref(kube_pods_by_uid(publish(store, S), slice_of("u1")));
	kube_store_free(store);
	assert_string_equal(kept->uid, "u1");
	kube_pod_unref(kept);
}

static void uids_are_found_as_cgroups_write_them(void **state)
{
	struct kube_store *store = kube_store_new(0);
	const struct kube_pods *pods;

	kube_store_put(store, pod_with("11111111-2222-3333-4444-555555555555",
				       "8b73b8d9455b40e12032ac5a0253b96e", "", ""));
	pods = publish(store, S);
	assert_true(knows(pods, "11111111-2222-3333-4444-555555555555"));
	assert_true(knows(pods, "11111111_2222_3333_4444_555555555555"));
	assert_true(knows(pods, "8b73b8d9455b40e12032ac5a0253b96e"));
	assert_false(knows(pods, "11111111-2222-3333-4444-55555555555"));
	assert_false(knows(pods, "11111111222233334444555555555555"));
	kube_store_free(store);
}

static void containers_are_found_by_their_id_and_the_one_before_a_restart(void **state)
{
	struct kube_store *store = kube_store_new(0);
	const struct kube_container *container = NULL;
	const struct kube_pods *pods;

	kube_store_put(store, pod_with("u1", "", "new", "old"));
	pods = publish(store, S);
	assert_string_equal(kube_pods_by_container(pods, slice_of("new"), &container)->uid, "u1");
	assert_string_equal(container->name, "main");
	assert_non_null(kube_pods_by_container(pods, slice_of("old"), &container));
	assert_null(kube_pods_by_container(pods, slice_of("other"), &container));
	assert_null(kube_pods_by_container(pods, slice_of(""), &container));
	kube_store_free(store);
}

static void an_update_replaces_the_pod(void **state)
{
	struct kube_store *store = kube_store_new(0);
	const struct kube_container *container;
	const struct kube_pods *pods;

	kube_store_put(store, pod_with("u1", "", "", ""));
	publish(store, S);
	kube_store_put(store, pod_with("u1", "", "c1", ""));
	pods = publish(store, S);
	assert_int_equal(kube_pods_count(pods), 1);
	assert_non_null(kube_pods_by_container(pods, slice_of("c1"), &container));
	kube_store_free(store);
}

static void each_description_has_a_number_of_its_own(void **state)
{
	struct kube_store *store = kube_store_new(0);
	const struct kube_pods *pods;
	uint64_t first;

	kube_store_put(store, pod("u1"));
	kube_store_put(store, pod("u2"));
	pods = publish(store, S);
	first = kube_pods_by_uid(pods, slice_of("u1"))->serial;
	assert_int_not_equal(first, 0);
	assert_int_not_equal(kube_pods_by_uid(pods, slice_of("u2"))->serial, first);
	kube_store_put(store, pod("u2"));
	assert_int_equal(kube_pods_by_uid(publish(store, S), slice_of("u1"))->serial, first);
	kube_store_put(store, pod("u1"));
	assert_true(kube_pods_by_uid(publish(store, S), slice_of("u1"))->serial > first);
	kube_store_free(store);
}

static void a_deleted_pod_is_found_for_a_minute(void **state)
{
	struct kube_store *store = kube_store_new(0);
	const struct kube_pods *pods;

	kube_store_put(store, pod("u1"));
	kube_store_delete(store, slice_of("u1"), 100 * S);
	kube_store_delete(store, slice_of("unknown"), 100 * S);
	kube_store_delete(store, slice_of("u1"), 130 * S);
	pods = publish(store, 100 * S);
	assert_true(knows(pods, "u1"));
	assert_int_equal(kube_pods_count(pods), 0);
	assert_int_equal(kube_store_expiry(store), (100 + KUBE_DELETED_KEEP) * S);
	assert_true(knows(publish(store, (100 + KUBE_DELETED_KEEP) * S - 1), "u1"));
	assert_false(knows(publish(store, (100 + KUBE_DELETED_KEEP) * S), "u1"));
	assert_int_equal(kube_store_expiry(store), 0);
	assert_int_equal(kube_store_stats(store).pods, 0);
	kube_store_free(store);
}

static void a_living_pod_is_preferred_to_a_deleted_one_with_the_same_hash(void **state)
{
	struct kube_store *store = kube_store_new(0);

	kube_store_put(store, pod_with("old", "hash", "", ""));
	kube_store_put(store, pod_with("new", "hash", "", ""));
	kube_store_delete(store, slice_of("old"), S);
	assert_string_equal(kube_pods_by_uid(publish(store, S), slice_of("hash"))->uid, "new");
	kube_store_free(store);
}

static void a_whole_list_deletes_what_it_does_not_mention(void **state)
{
	struct kube_store *store = kube_store_new(0);
	const struct kube_pods *pods;

	kube_store_list_begin(store);
	kube_store_put(store, pod("u1"));
	kube_store_put(store, pod("u2"));
	kube_store_list_end(store, S);
	pods = publish(store, S);
	assert_true(kube_pods_synced(pods));
	assert_int_equal(kube_pods_count(pods), 2);

	kube_store_list_begin(store);
	kube_store_put(store, pod("u2"));
	assert_int_equal(kube_pods_count(publish(store, S)), 2);
	kube_store_list_end(store, 2 * S);
	assert_int_equal(kube_pods_count(publish(store, 2 * S)), 1);
	kube_store_free(store);
}

static void a_list_that_fails_deletes_nothing(void **state)
{
	struct kube_store *store = kube_store_new(0);

	kube_store_list_begin(store);
	kube_store_put(store, pod("u1"));
	kube_store_put(store, pod("u2"));
	kube_store_list_end(store, S);
	kube_store_list_begin(store);
	kube_store_put(store, pod("u1"));
	kube_store_list_begin(store);
	assert_int_equal(kube_pods_count(publish(store, S)), 2);
	kube_store_put(store, pod("u2"));
	kube_store_list_end(store, S);
	assert_int_equal(kube_pods_count(publish(store, S)), 1);
	kube_store_free(store);
}

static void a_full_table_gives_up_deleted_pods_and_counts_refusals(void **state)
{
	struct kube_store *store = kube_store_new(2);

	assert_int_equal(kube_store_put(store, pod("u1")), 0);
	assert_int_equal(kube_store_put(store, pod("u2")), 0);
	assert_int_equal(kube_store_put(store, pod("u3")), -ENOSPC);
	assert_int_equal(kube_store_put(store, pod("u2")), 0);
	assert_int_equal(kube_store_stats(store).pods_dropped, 1);
	kube_store_delete(store, slice_of("u1"), S);
	assert_int_equal(kube_store_put(store, pod("u3")), 0);
	assert_false(knows(publish(store, S), "u1"));
	assert_true(kube_store_stats(store).bytes > 0);
	kube_store_free(store);
}

/*
 * The front publishes as fast as it can while the intake reads: each snapshot must be whole. Both
 * pods of a pair are put by one publish, so that a reader finds both or neither.
 */
#define ROUNDS 4000

static void *read_snapshots(void *arg)
{
	struct kube_store *store = arg;
	uint64_t last = 0, wrong = 0;
	const struct kube_container *container;

	while (last < ROUNDS) {
		const struct kube_pods *pods = kube_store_current(store);
		struct kube_pod *a = kube_pods_by_uid(pods, slice_of("a")), *b;

		b = kube_pods_by_container(pods, slice_of("b"), &container);
		wrong += kube_pods_generation(pods) < last || !a != !b;
		wrong += a && (strcmp(a->name, "a") != 0 || strcmp(b->name, "b") != 0);
		wrong += kube_store_current(store) != pods;
		last = kube_pods_generation(pods);
		kube_store_quiesce(store);
	}
	return (void *)(uintptr_t)wrong;
}

static void two_threads_share_the_store_without_a_lock(void **state)
{
	struct kube_store *store = kube_store_new(0);
	pthread_t intake;
	void *wrong;

	assert_int_equal(pthread_create(&intake, NULL, read_snapshots, store), 0);
	for (int i = 0; i < ROUNDS; i++) {
		kube_store_put(store, pod("a"));
		kube_store_put(store, pod("b"));
		assert_int_equal(kube_store_publish(store, S), 0);
	}
	pthread_join(intake, &wrong);
	assert_int_equal((uintptr_t)wrong, 0);
	kube_store_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_store_has_an_empty_snapshot),
		cmocka_unit_test(changes_are_seen_when_published_and_after_quiescing),
		cmocka_unit_test(publishing_nothing_new_makes_no_snapshot),
		cmocka_unit_test(a_held_snapshot_outlives_any_number_of_publishes),
		cmocka_unit_test(a_referenced_pod_outlives_the_store),
		cmocka_unit_test(uids_are_found_as_cgroups_write_them),
		cmocka_unit_test(containers_are_found_by_their_id_and_the_one_before_a_restart),
		cmocka_unit_test(an_update_replaces_the_pod),
		cmocka_unit_test(each_description_has_a_number_of_its_own),
		cmocka_unit_test(a_deleted_pod_is_found_for_a_minute),
		cmocka_unit_test(a_living_pod_is_preferred_to_a_deleted_one_with_the_same_hash),
		cmocka_unit_test(a_whole_list_deletes_what_it_does_not_mention),
		cmocka_unit_test(a_list_that_fails_deletes_nothing),
		cmocka_unit_test(a_full_table_gives_up_deleted_pods_and_counts_refusals),
		cmocka_unit_test(two_threads_share_the_store_without_a_lock),
	};

	return cmocka_run_group_tests_name("kube store", tests, NULL, NULL);
}
