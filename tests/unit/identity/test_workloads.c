/* SPDX-License-Identifier: Apache-2.0 */
/* Who an exchange belongs to: its own pod or nobody, and never for longer than a few seconds. */
#include "node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>

#define WAIT (5 * S)
#define CGROUP 70
#define TGID 700

static struct known known;
static struct kube_store *store;
static struct selector *selector;
static bool own_pod;
static struct workloads *workloads;
static const struct resolve_rules rules = {.host = "node-1"};

static struct selector *select_entries(const struct selector_entry *include, size_t n)
{
	struct selector_options o = {.include = include, .include_count = n};
	char why[PATTERN_WHY_MAX];
	struct selector *s;

	assert_int_equal(selector_new(&s, &o, why), 0);
	return s;
}

static void start(struct kube_store *with)
{
	struct workloads_options o = {.known = &known,
				      .store = with,
				      .selector = selector,
				      .rules = &rules,
				      .wait_ns = WAIT,
				      .own_pod = own_pod};

	workloads = workloads_new(&o);
	assert_non_null(workloads);
}

static int setup(void **state)
{
	own_pod = false;
	store = kube_store_new(0);
	selector = select_entries(NULL, 0);
	return !store || known_init(&known);
}

static int teardown(void **state)
{
	workloads_free(workloads);
	kube_store_free(store);
	selector_free(selector);
	known_free(&known);
	return 0;
}

/* As in the talk: everything of namespace `default` that has a Deployment. */
static void select_default(void)
{
	static const struct selector_entry entry = {
		.text = {[SELECTOR_K8S_NAMESPACE] = "default", [SELECTOR_K8S_DEPLOYMENT] = "."},
		.form = PATTERN_REGEX};

	selector_free(selector);
	selector = select_entries(&entry, 1);
}

static void put(struct kube_pod *pod)
{
	assert_non_null(pod);
	assert_int_equal(kube_store_put(store, pod), 0);
}

static void publish(uint64_t now)
{
	kube_store_quiesce(store);
	assert_int_equal(kube_store_publish(store, now), 0);
}

static void list(struct kube_pod *pod)
{
	kube_store_list_begin(store);
	if (pod)
		put(pod);
	kube_store_list_end(store, S);
	publish(S);
}

static void tell(struct kh_cgroup cgroup)
{
	struct kh_process p = a_process(TGID, cgroup.cgroup, "nginx");

	known_tell_cgroup(&known, &cgroup);
	known_tell_process(&known, &p);
}

static const struct workload *find(uint64_t now)
{
	return workloads_find(workloads, CGROUP, TGID, now, false);
}

static const char *attr(const struct workload *w, enum resource_attr a)
{
	assert_int_equal(w->state, WORKLOAD_SHOWN);
	return w->resource->attr[a];
}

static void a_pod_that_is_known_gives_its_names_at_once(void **state)
{
	const struct workload *w;

	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	list(a_pod(UID_A, "shop", "cart", ID_A));
	w = find(10 * S);
	assert_string_equal(attr(w, RES_K8S_NAMESPACE), "shop");
	assert_string_equal(attr(w, RES_K8S_DEPLOYMENT), "cart");
	assert_string_equal(attr(w, RES_K8S_CONTAINER), "main");
	assert_string_equal(attr(w, RES_CONTAINER_ID), ID_A);
	assert_int_equal(workloads_unnamed(workloads), 0);
}

static void a_pod_that_comes_later_is_waited_for(void **state)
{
	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	list(NULL);
	assert_int_equal(find(10 * S)->state, WORKLOAD_PENDING);
	put(a_pod(UID_A, "shop", "cart", ID_A));
	publish(11 * S);
	assert_string_equal(attr(find(11 * S), RES_K8S_DEPLOYMENT), "cart");
}

static void a_container_id_that_comes_later_is_waited_for(void **state)
{
	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	list(a_pod(UID_A, "shop", "cart", ""));
	assert_int_equal(find(10 * S)->state, WORKLOAD_PENDING);
	put(a_pod(UID_A, "shop", "cart", ID_A));
	publish(11 * S);
	assert_string_equal(attr(find(11 * S), RES_K8S_CONTAINER), "main");
}

static void a_pod_that_never_comes_is_waited_for_no_longer_than_said(void **state)
{
	const struct workload *w;

	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	list(NULL);
	assert_int_equal(find(10 * S)->state, WORKLOAD_PENDING);
	assert_int_equal(find(10 * S + WAIT - 1)->state, WORKLOAD_PENDING);
	w = find(10 * S + WAIT);
	assert_string_equal(attr(w, RES_K8S_NAMESPACE), "");
	assert_string_equal(attr(w, RES_CONTAINER_ID), ID_A);
	assert_int_equal(workloads_unnamed(workloads), 1);
	find(20 * S);
	assert_int_equal(workloads_unnamed(workloads), 1);
	/* and if it comes after all, its names are taken */
	put(a_pod(UID_A, "shop", "cart", ID_A));
	publish(30 * S);
	assert_string_equal(attr(find(30 * S), RES_K8S_DEPLOYMENT), "cart");
}

static void whoever_must_go_is_never_told_to_wait(void **state)
{
	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	/* also one that was never asked for, or was forgotten meanwhile */
	assert_int_equal(workloads_find(workloads, CGROUP, TGID, 10 * S, true)->state,
			 WORKLOAD_SHOWN);
	assert_int_equal(workloads_find(workloads, 4711, 4712, 10 * S, true)->state,
			 WORKLOAD_SHOWN);
	/* asking so does not spoil the clock */
	put(a_pod(UID_A, "shop", "cart", ID_A));
	publish(11 * S);
	assert_string_equal(attr(find(11 * S), RES_K8S_DEPLOYMENT), "cart");
}

static void nobody_gets_the_names_of_a_neighbour_s_pod(void **state)
{
	start(store);
	/* a container that made itself a cgroup named like one of another pod's containers */
	tell(pod_cgroup(CGROUP, UID_A, ID_B));
	list(a_pod(UID_B, "bank", "vault", ID_B));
	assert_int_equal(find(10 * S)->state, WORKLOAD_PENDING);
	assert_string_equal(attr(find(20 * S), RES_K8S_NAMESPACE), "");
	/* the same when its own pod is known */
	put(a_pod(UID_A, "shop", "cart", ID_A));
	publish(21 * S);
	assert_string_equal(attr(find(21 * S), RES_K8S_NAMESPACE), "shop");
	assert_string_equal(attr(find(21 * S), RES_K8S_CONTAINER), "");
}

static void where_the_path_names_no_pod_the_container_does(void **state)
{
	start(store);
	tell(docker_cgroup(CGROUP, ID_A));
	assert_int_equal(find(10 * S)->state, WORKLOAD_PENDING); /* no list yet */
	list(a_pod(UID_A, "shop", "cart", ID_A));
	assert_string_equal(attr(find(11 * S), RES_K8S_DEPLOYMENT), "cart");
}

static void a_container_of_no_pod_does_not_wait_once_all_pods_are_known(void **state)
{
	start(store);
	tell(docker_cgroup(CGROUP, ID_B));
	list(a_pod(UID_A, "shop", "cart", ID_A));
	assert_string_equal(attr(find(10 * S), RES_K8S_NAMESPACE), "");
	assert_int_equal(workloads_unnamed(workloads), 0);
}

static void outside_of_containers_the_process_gives_the_name(void **state)
{
	start(store);
	tell(unit_cgroup(CGROUP, "nginx.service"));
	assert_string_equal(attr(find(10 * S), RES_SERVICE_NAME), "nginx");
	assert_string_equal(attr(find(10 * S), RES_K8S_POD), "");
}

static void names_change_with_the_pods(void **state)
{
	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	list(a_pod(UID_A, "shop", "cart", ID_A));
	assert_string_equal(attr(find(10 * S), RES_K8S_DEPLOYMENT), "cart");
	put(a_pod(UID_A, "shop", "basket", ID_A));
	publish(11 * S);
	assert_string_equal(attr(find(11 * S), RES_K8S_DEPLOYMENT), "basket");
}

static void names_change_with_the_process(void **state)
{
	struct kh_process p = a_process(TGID, CGROUP, "python3");

	start(NULL);
	tell(unit_cgroup(CGROUP, "app.service"));
	assert_string_equal(attr(find(10 * S), RES_SERVICE_NAME), "nginx");
	known_tell_process(&known, &p);
	assert_string_equal(attr(find(10 * S), RES_SERVICE_NAME), "python3");
}

static void as_long_as_nothing_changes_the_answer_is_the_same_resource(void **state)
{
	struct resource *first;

	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	list(a_pod(UID_A, "shop", "cart", ID_A));
	first = find(10 * S)->resource;
	assert_ptr_equal(find(100 * S)->resource, first);
}

static void a_cgroup_that_is_told_late_is_noticed(void **state)
{
	struct kh_cgroup c = unit_cgroup(CGROUP, "apache.service");

	start(NULL);
	assert_int_equal(find(10 * S)->state, WORKLOAD_PENDING);
	assert_int_equal(find(20 * S)->state, WORKLOAD_SHOWN); /* its record was lost, it seems */
	known_tell_cgroup(&known, &c);
	assert_string_equal(attr(find(21 * S), RES_SERVICE_NAME), "apache");
}

static void a_cgroup_in_use_is_not_forgotten(void **state)
{
	uint64_t other;

	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	list(a_pod(UID_A, "shop", "cart", ID_A));
	for (other = 1000; other < 1000 + 3 * KNOWN_CGROUPS_MAX; other++) {
		struct kh_cgroup c = unit_cgroup(other, "other.service");

		known_tell_cgroup(&known, &c);
		find(10 * S);
	}
	put(a_pod(UID_A, "shop", "basket", ID_A));
	publish(11 * S);
	assert_string_equal(attr(find(11 * S), RES_K8S_DEPLOYMENT), "basket");
}

static void a_cgroup_that_was_forgotten_keeps_its_names(void **state)
{
	uint64_t other;

	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	list(a_pod(UID_A, "shop", "cart", ID_A));
	assert_string_equal(attr(find(10 * S), RES_K8S_DEPLOYMENT), "cart");
	for (other = 1000; other < 1000 + KNOWN_CGROUPS_MAX; other++) {
		struct kh_cgroup c = unit_cgroup(other, "other.service");

		known_tell_cgroup(&known, &c);
	}
	put(a_pod(UID_B, "shop", "basket", ID_B));
	publish(11 * S);
	assert_string_equal(attr(find(100 * S), RES_K8S_DEPLOYMENT), "cart");
}

static void two_workloads_are_never_taken_for_each_other(void **state)
{
	struct kh_process p = a_process(TGID + 1, CGROUP, "sidecar");

	start(NULL);
	tell(unit_cgroup(CGROUP, "app.service"));
	known_tell_process(&known, &p);
	assert_string_equal(attr(find(10 * S), RES_SERVICE_NAME), "nginx");
	assert_string_equal(
		attr(workloads_find(workloads, CGROUP, TGID + 1, 10 * S, false), RES_SERVICE_NAME),
		"sidecar");
	assert_string_equal(attr(find(10 * S), RES_SERVICE_NAME), "nginx");
}

static void a_full_table_forgets_what_was_not_asked_for_the_longest(void **state)
{
	uint32_t tgid;

	start(NULL);
	tell(unit_cgroup(CGROUP, "app.service"));
	for (tgid = 1; tgid <= WORKLOADS_MAX + 10; tgid++)
		assert_string_equal(
			attr(workloads_find(workloads, CGROUP, tgid + TGID, 10 * S, false),
			     RES_SERVICE_NAME),
			"app");
	assert_int_equal(workloads_evicted(workloads), 10);
}

/* ---- selection ---- */

static void a_pod_that_no_selector_matches_is_hidden_and_so_is_its_cgroup(void **state)
{
	select_default();
	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	list(a_pod(UID_A, "kube-system", "dns", ID_A));
	assert_int_equal(find(10 * S)->state, WORKLOAD_HIDDEN);
	assert_true(find(10 * S)->hide_cgroup);
	assert_null(find(10 * S)->resource);
}

static void a_pod_that_a_selector_matches_is_shown(void **state)
{
	select_default();
	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	list(a_pod(UID_A, "default", "cart", ID_A));
	assert_string_equal(attr(find(10 * S), RES_K8S_DEPLOYMENT), "cart");
}

/* The API is down for longer than the wait: nothing final may come of that. */
static void a_cgroup_whose_pod_is_not_known_is_never_hidden_as_a_whole(void **state)
{
	select_default();
	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	assert_int_equal(find(10 * S)->state, WORKLOAD_PENDING);
	assert_int_equal(find(20 * S)->state, WORKLOAD_HIDDEN);
	assert_false(find(20 * S)->hide_cgroup);
	list(a_pod(UID_A, "default", "cart", ID_A));
	assert_string_equal(attr(find(60 * S), RES_K8S_DEPLOYMENT), "cart");
}

static void a_unit_is_hidden_as_a_whole_where_only_pods_are_chosen(void **state)
{
	select_default();
	start(store);
	tell(unit_cgroup(CGROUP, "nginx.service"));
	assert_int_equal(find(10 * S)->state, WORKLOAD_HIDDEN);
	assert_true(find(10 * S)->hide_cgroup);
}

static void where_processes_decide_only_the_process_is_hidden(void **state)
{
	static const struct selector_entry by_exe = {.text = {[SELECTOR_EXE_PATH] = "*/caddy"},
						     .form = PATTERN_GLOB};
	struct kh_process nginx = a_process(TGID, CGROUP, "nginx");

	selector_free(selector);
	selector = select_entries(&by_exe, 1);
	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	known_tell_process(&known, &nginx);
	list(a_pod(UID_A, "kube-system", "dns", ID_A));
	assert_int_equal(find(10 * S)->state, WORKLOAD_HIDDEN);
	assert_false(find(10 * S)->hide_cgroup);
	assert_true(find(10 * S)->hide_process);
}

static void what_was_hidden_is_shown_when_its_pod_changes(void **state)
{
	select_default();
	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	list(a_pod(UID_A, "default", "", ID_A));
	assert_int_equal(find(10 * S)->state, WORKLOAD_HIDDEN);
	put(a_pod(UID_A, "default", "cart", ID_A));
	publish(11 * S);
	assert_string_equal(attr(find(11 * S), RES_K8S_DEPLOYMENT), "cart");
	put(a_pod(UID_A, "default", "", ID_A));
	publish(12 * S);
	assert_int_equal(find(12 * S)->state, WORKLOAD_HIDDEN);
}

/* ---- the process ---- */

static void select_exe(const char *glob)
{
	struct selector_entry entry = {.text = {[SELECTOR_EXE_PATH] = glob}, .form = PATTERN_GLOB};

	selector_free(selector);
	selector = select_entries(&entry, 1);
}

static void a_child_is_shown_with_its_parent_s_change(void **state)
{
	struct kh_process parent = a_process(TGID - 1, CGROUP, "sh");
	struct kh_process child = a_process(TGID, CGROUP, "worker");
	struct kh_cgroup unit = unit_cgroup(CGROUP, "app.service");

	select_exe("*/master");
	start(NULL);
	child.ppid = TGID - 1;
	known_tell_cgroup(&known, &unit);
	known_tell_process(&known, &parent);
	known_tell_process(&known, &child);
	assert_int_equal(find(10 * S)->state, WORKLOAD_HIDDEN);
	strcpy(parent.exe[0], "master");
	known_tell_process(&known, &parent);
	assert_string_equal(attr(find(10 * S), RES_SERVICE_NAME), "worker");
}

static void parents_are_looked_at_up_to_a_limit(void **state)
{
	struct kh_cgroup unit = unit_cgroup(CGROUP, "app.service");
	struct kh_process p;
	uint32_t i;

	select_exe("*/master");
	start(NULL);
	known_tell_cgroup(&known, &unit);
	for (i = 0; i <= KNOWN_PARENTS + 1; i++) { /* [0] is the eldest */
		p = a_process(TGID + i, CGROUP, i ? "sh" : "master");
		p.ppid = i ? TGID + i - 1 : 1;
		known_tell_process(&known, &p);
	}
	assert_int_equal(workloads_find(workloads, CGROUP, TGID + KNOWN_PARENTS, S, false)->state,
			 WORKLOAD_SHOWN);
	assert_int_equal(
		workloads_find(workloads, CGROUP, TGID + KNOWN_PARENTS + 1, S, false)->state,
		WORKLOAD_HIDDEN);
}

static void what_an_entry_exports_nothing_of_is_hidden(void **state)
{
	struct selector_entry entry = {.text = {[SELECTOR_EXE_PATH] = "*"},
				       .form = PATTERN_GLOB,
				       .has_silent = true,
				       .silent = true};

	selector_free(selector);
	selector = select_entries(&entry, 1);
	start(NULL);
	tell(unit_cgroup(CGROUP, "nginx.service"));
	assert_int_equal(find(10 * S)->state, WORKLOAD_HIDDEN);
	assert_true(find(10 * S)->hide_process);
}

/* ---- scope ---- */

static void in_the_scope_of_a_pod_nobody_else_is_shown(void **state)
{
	struct kh_cgroup mine = pod_cgroup(CGROUP + 1, UID_B, ID_B);

	own_pod = true;
	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	known_tell_cgroup(&known, &mine);
	assert_int_equal(find(10 * S)->state, WORKLOAD_HIDDEN); /* nor before it is known which */
	workloads_own_pod(workloads, UID_B);
	list(a_pod(UID_A, "shop", "cart", ID_A));
	put(a_pod(UID_B, "shop", "own", ID_B));
	publish(2 * S);
	assert_int_equal(find(10 * S)->state, WORKLOAD_HIDDEN);
	assert_true(find(10 * S)->hide_cgroup);
	assert_string_equal(attr(workloads_find(workloads, CGROUP + 1, TGID, 10 * S, false),
				 RES_K8S_DEPLOYMENT),
			    "own");
}

static void a_verdict_rests_on_the_pod_as_it_was_described(void **state)
{
	uint64_t first;

	start(store);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	assert_int_equal(workloads_pod_serial(workloads, CGROUP, 5), 0);
	assert_int_equal(workloads_pod_serial(workloads, CGROUP + 1, 5), 5); /* not known */
	list(a_pod(UID_A, "shop", "cart", ID_A));
	first = workloads_pod_serial(workloads, CGROUP, 5);
	assert_int_equal(find(10 * S)->pod_serial, first);
	put(a_pod(UID_A, "shop", "cart", ID_A));
	publish(2 * S);
	assert_true(workloads_pod_serial(workloads, CGROUP, first) > first);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_pod_that_is_known_gives_its_names_at_once),
		T(a_pod_that_comes_later_is_waited_for),
		T(a_container_id_that_comes_later_is_waited_for),
		T(a_pod_that_never_comes_is_waited_for_no_longer_than_said),
		T(whoever_must_go_is_never_told_to_wait),
		T(nobody_gets_the_names_of_a_neighbour_s_pod),
		T(where_the_path_names_no_pod_the_container_does),
		T(a_container_of_no_pod_does_not_wait_once_all_pods_are_known),
		T(outside_of_containers_the_process_gives_the_name),
		T(names_change_with_the_pods),
		T(names_change_with_the_process),
		T(as_long_as_nothing_changes_the_answer_is_the_same_resource),
		T(a_cgroup_that_is_told_late_is_noticed),
		T(a_cgroup_in_use_is_not_forgotten),
		T(a_cgroup_that_was_forgotten_keeps_its_names),
		T(two_workloads_are_never_taken_for_each_other),
		T(a_full_table_forgets_what_was_not_asked_for_the_longest),
		T(a_pod_that_no_selector_matches_is_hidden_and_so_is_its_cgroup),
		T(a_pod_that_a_selector_matches_is_shown),
		T(a_cgroup_whose_pod_is_not_known_is_never_hidden_as_a_whole),
		T(a_unit_is_hidden_as_a_whole_where_only_pods_are_chosen),
		T(where_processes_decide_only_the_process_is_hidden),
		T(what_was_hidden_is_shown_when_its_pod_changes),
		T(a_child_is_shown_with_its_parent_s_change),
		T(parents_are_looked_at_up_to_a_limit),
		T(what_an_entry_exports_nothing_of_is_hidden),
		T(in_the_scope_of_a_pod_nobody_else_is_shown),
		T(a_verdict_rests_on_the_pod_as_it_was_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
