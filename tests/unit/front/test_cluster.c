/* SPDX-License-Identifier: Apache-2.0 */
/* Another configuration asks for other labels of pods: a new client, or everything as before. */
#include "cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "log.h"

static struct loop *loop;
static struct config *configs[2];
static struct cluster cluster;
static struct kube_client *told;

static struct config *config_of(const char *yaml)
{
	struct config *config = NULL;
	struct notes notes = {0};

	assert_int_equal(config_parse(&config, slice_of(yaml), NULL, &notes), 0);
	return config;
}

static int setup(void **state)
{
	loop = loop_new();
	configs[0] = config_of("discovery: {instrument: [{k8s_pod_labels: {app: cart}}]}\n");
	configs[1] = config_of("discovery: {instrument: [{k8s_pod_labels: {tier: back}}]}\n");
	/* nobody answers there, nor is asked: the loop does not run */
	cluster = (struct cluster){.there = true, .api = {.node = strdup("node-1")}};
	told = NULL;
	assert_int_equal(kube_options_set_server(&cluster.api, "http://127.0.0.1:9"), 0);
	return cluster_start(&cluster, loop, configs[0]);
}

static int teardown(void **state)
{
	cluster_stop(&cluster);
	cluster_free(&cluster);
	config_free(configs[0]);
	config_free(configs[1]);
	loop_free(loop);
	return 0;
}

static void replaced(void *arg, struct kube_client *client)
{
	assert_ptr_equal(arg, &cluster);
	assert_ptr_not_equal(client, cluster.client); /* which is still there */
	told = client;
}

static int follow(const struct config *config)
{
	return cluster_follow(&cluster, loop, config, replaced, &cluster);
}

static bool keeps(const char *label)
{
	for (const char *const *at = cluster.api.keep->labels; *at; at++)
		if (strcmp(*at, label) == 0)
			return true;
	return false;
}

static void the_same_labels_need_no_other_client(void **state)
{
	struct kube_client *before = cluster.client;

	assert_int_equal(follow(configs[0]), 0);
	assert_null(told);
	assert_ptr_equal(cluster.client, before);
}

static void other_labels_are_asked_for_by_another_client(void **state)
{
	assert_int_equal(follow(configs[1]), 0);
	assert_non_null(told);
	assert_ptr_equal(cluster.client, told);
	assert_true(keeps("tier") && !keeps("app"));
}

static void nothing(void *arg)
{
}

static void a_client_that_cannot_start_replaces_nobody(void **state)
{
	static char timers[LOOP_TIMERS_MAX];
	struct kube_client *before = cluster.client;
	size_t n = 0;

	while (n < LOOP_TIMERS_MAX && !loop_after(loop, 1000, nothing, &timers[n]))
		n++;
	assert_true(n < LOOP_TIMERS_MAX);
	assert_true(follow(configs[1]) < 0);
	assert_null(told);
	assert_ptr_equal(cluster.client, before);
	assert_true(keeps("app") && !keeps("tier"));
	assert_ptr_equal(cluster.api.keep, &cluster.kept->keep);
	loop_cancel(loop, nothing, &timers[0]);
	assert_int_equal(follow(configs[1]), 0);
	assert_ptr_equal(cluster.client, told);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_same_labels_need_no_other_client),
		T(other_labels_are_asked_for_by_another_client),
		T(a_client_that_cannot_start_replaces_nobody),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
