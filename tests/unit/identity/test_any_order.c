/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods, cgroups, processes and exchanges become known in any order: the names are the same in the
 * end, and at no time another pod's. Random nodes, each told in many orders; a failure prints the
 * seed of its node, with which KEYHOLE_SEED=... repeats it.
 */
#include "node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>

#define NODES 150
#define ORDERS 12
#define PODS 6
#define STEP (S / 1000)

/* What the API says of one pod, one after the other. A restart keeps the id before it. */
enum said { NOT_CREATED, CREATED, STARTED, RESTARTED, DELETED };

struct told_pod {
	char uid[40], deployment[16], id[2][65];
	enum said last, now; /* how its story ends, and how far it has been told */
};

/* A process in one container of a pod, and what the kernel has told of it. */
struct told_process {
	const struct told_pod *pod, *lie; /* its cgroup's name has an id of this other pod's */
	const char *id;
	bool cgroup, process, exchange;
};

static uint64_t random_state;
static struct told_pod pods[PODS];
static struct told_process processes[PODS * 3];
static size_t process_count;
static struct known known;
static struct kube_store *store;
static struct workloads *workloads;
static uint64_t now;

static uint64_t draw(uint64_t below) /* xorshift64* */
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 0x2545f4914f6cdd1dull >> 33) % below;
}

static void draw_hex(char *into, size_t n)
{
	for (size_t i = 0; i < n; i++)
		into[i] = "0123456789abcdef"[draw(16)];
	into[n] = 0;
}

static void add_process(const struct told_pod *pod, const char *id, const struct told_pod *lie)
{
	processes[process_count++] = (struct told_process){.pod = pod, .id = id, .lie = lie};
}

/* Pods of few deployments: re-created ones have the name of one before, and another uid. */
static void draw_node(void)
{
	process_count = 0;
	for (size_t i = 0; i < PODS; i++) {
		struct told_pod *pod = &pods[i];

		draw_hex(pod->uid, 36);
		for (size_t dash = 0; dash < 4; dash++)
			pod->uid[(const int[]){8, 13, 18, 23}[dash]] = '-';
		draw_hex(pod->id[0], 64);
		draw_hex(pod->id[1], 64);
		snprintf(pod->deployment, sizeof(pod->deployment), "app-%d", (int)draw(3));
		pod->last = STARTED + draw(3);
		add_process(pod, pod->id[0], NULL);
		if (pod->last == RESTARTED)
			add_process(pod, pod->id[1], NULL);
		if (i && draw(4) == 0)
			add_process(pod, pods[i - 1].id[0], &pods[i - 1]);
	}
}

/* ---- one order in which it becomes known ---- */

static void put(const struct told_pod *pod)
{
	bool again = pod->now == RESTARTED;
	const struct kube_container container = {.name = "main",
						 .id = pod->now == CREATED ? "" : pod->id[again],
						 .ended_id = again ? pod->id[0] : "",
						 .image = "",
						 .otel_service_name = "",
						 .otel_resource_attributes = ""};
	const struct kube_pod draft = {.uid = pod->uid,
				       .name = pod->deployment,
				       .namespace = "shop",
				       .node = "node-1",
				       .config_hash = "",
				       .workload = {[KUBE_DEPLOYMENT] = pod->deployment},
				       .owner_kind = "Deployment",
				       .owner_name = pod->deployment,
				       .containers = &container,
				       .container_count = 1};
	struct kube_pod *made = kube_pod_new(&draft);

	assert_non_null(made);
	assert_int_equal(kube_store_put(store, made), 0);
}

/* A watch may skip states: the API merges what changes quickly. A deleted pod was there before. */
static void tell_pod(struct told_pod *pod)
{
	if (pod->now == pod->last)
		return;
	pod->now++;
	if (pod->last == DELETED && pod->now == RESTARTED)
		pod->now = DELETED;
	if (pod->now == DELETED)
		kube_store_delete(store, slice_of(pod->uid), now);
	else if (pod->now == pod->last || pod->now == STARTED || draw(4))
		put(pod);
}

/* The watch broke off, and everything is listed again. */
static void tell_list(void)
{
	kube_store_list_begin(store);
	for (size_t i = 0; i < PODS; i++)
		if (pods[i].now != NOT_CREATED && pods[i].now != DELETED)
			put(&pods[i]);
	kube_store_list_end(store, now);
}

static void tell_process(size_t i)
{
	struct told_process *p = &processes[i];
	struct kh_cgroup cgroup = pod_cgroup(i + 1, p->pod->uid, p->id);
	struct kh_process process = a_process(100 + i, i + 1, "server");

	switch (draw(3)) {
	case 0:
		known_tell_cgroup(&known, &cgroup);
		p->cgroup = true;
		break;
	case 1:
		known_tell_process(&known, &process);
		p->process = true;
		break;
	default:
		p->exchange = true;
	}
}

static bool all_told(void)
{
	for (size_t i = 0; i < PODS; i++)
		if (pods[i].now != pods[i].last)
			return false;
	for (size_t i = 0; i < process_count; i++)
		if (!processes[i].cgroup || !processes[i].process)
			return false;
	return true;
}

static const struct workload *find(size_t i)
{
	return workloads_find(workloads, i + 1, 100 + i, now, false);
}

/* Whatever is known so far: waiting, or right. */
static void check(size_t i, bool end)
{
	const struct told_process *p = &processes[i];
	const struct workload *w = find(i);

	if (p->lie && !end)
		assert_int_equal(w->state, WORKLOAD_PENDING); /* no API knows that container */
	if (w->state == WORKLOAD_PENDING) {
		assert_false(end);
		return;
	}
	assert_int_equal(w->state, WORKLOAD_SHOWN);
	assert_string_equal(w->resource->attr[RES_K8S_POD_UID], p->pod->uid);
	assert_string_equal(w->resource->attr[RES_SERVICE_NAME], p->pod->deployment);
	assert_string_equal(w->resource->attr[RES_CONTAINER_ID], p->id);
	assert_string_equal(w->resource->attr[RES_K8S_CONTAINER], p->lie ? "" : "main");
}

static void publish(void)
{
	kube_store_quiesce(store);
	assert_int_equal(kube_store_publish(store, now), 0);
}

static void tell_in_some_order(void)
{
	bool waited = false;

	while (!all_told()) {
		now += STEP;
		if (draw(20) == 0)
			tell_list();
		else if (draw(3) == 0)
			tell_pod(&pods[draw(PODS)]);
		else
			tell_process(draw(process_count));
		if (draw(2))
			publish();
		for (size_t i = 0; i < process_count; i++)
			if (processes[i].exchange)
				check(i, false);
	}
	publish();
	for (size_t i = 0; i < process_count; i++)
		if (!processes[i].lie)
			check(i, true);
		else if (find(i)->state == WORKLOAD_PENDING)
			waited = true;
	now += waited ? 5 * S : 0;
	for (size_t i = 0; i < process_count; i++)
		check(i, true);
}

static void start(struct selector *selector)
{
	static const struct resolve_rules rules = {.host = "node-1"};
	const struct workloads_options o = {.known = &known,
					    .store = store = kube_store_new(0),
					    .selector = selector,
					    .rules = &rules,
					    .wait_ns = 5 * S};

	now = 10 * S;
	assert_non_null(store);
	assert_int_equal(known_init(&known), 0);
	workloads = workloads_new(&o);
	assert_non_null(workloads);
	for (size_t i = 0; i < PODS; i++)
		pods[i].now = NOT_CREATED;
	for (size_t i = 0; i < process_count; i++)
		processes[i].cgroup = processes[i].process = processes[i].exchange = false;
}

static void stop(void)
{
	workloads_free(workloads);
	known_free(&known);
	kube_store_free(store);
}

static void any_order_ends_with_the_same_names(void **state)
{
	const char *only = getenv("KEYHOLE_SEED");
	struct selector_options all = {0};
	char why[PATTERN_WHY_MAX];
	struct selector *selector;

	assert_int_equal(selector_new(&selector, &all, why), 0);
	for (uint64_t node = 1; node <= NODES; node++) {
		uint64_t seed = only ? strtoull(only, NULL, 10) : node;

		random_state = seed * 0x9e3779b97f4a7c15ull;
		draw_node();
		for (int order = 0; order < ORDERS; order++) {
			fprintf(stderr, "\rseed %llu order %d ", (unsigned long long)seed, order);
			start(selector);
			tell_in_some_order();
			stop();
		}
		if (only)
			break;
	}
	selector_free(selector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_ends_with_the_same_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
