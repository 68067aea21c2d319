/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client against tests/system/fake_apiserver.py: real HTTP and TLS over loopback, one thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api_server.h"
#include "collector/kube/client.h"
#include "collector/kube/pod_source.h"
#include "collector/log.h"

#define TURN_MS 2
#define PATIENCE_NS (20 * 1000000000ull) /* an upper bound for a loaded machine */

static const char first_pods[] =
	"[{\"namespace\":\"shop\",\"name\":\"web-7c9-aaaaa\",\"uid\":\"uid-1\",\"node\":\"node-1\","
	"\"owner\":[\"Deployment\",\"web\"],\"containers\":[[\"web\",\"c1\"]]},"
	"{\"namespace\":\"shop\",\"name\":\"web-7c9-bbbbb\",\"uid\":\"uid-2\",\"node\":\"node-2\"}"
	"]";

static char dir[] = "/tmp/keyhole-kube-XXXXXX";
static struct loop *loop;
static struct api_server server;
static struct kube_options options;
static struct kube_store *store;
static struct kube_pod_source *pod_source;
static struct kube_client *client;

static const char *write_file(const char *name, const char *text)
{
	static char path[2][256];
	static int used;
	char *into = path[used++ % 2];
	FILE *file;

	snprintf(into, sizeof(path[0]), "%s/%s", dir, name);
	file = fopen(into, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return into;
}

static void stop_loop(void *arg)
{
	loop_stop(arg);
}

static void turn(void)
{
	loop_after(loop, TURN_MS, stop_loop, loop);
	assert_int_equal(loop_run(loop), 0);
	kube_store_quiesce(store);
}

/* Runs the loop until it is so. */
#define UNTIL(condition)                                                                           \
	do {                                                                                       \
		uint64_t deadline = loop_now_ns() + PATIENCE_NS;                                   \
		while (!(condition)) {                                                             \
			if (loop_now_ns() > deadline)                                              \
				fail_msg("never: %s", #condition);                                 \
			turn();                                                                    \
		}                                                                                  \
	} while (0)

static void start_server(int port, const char *pods, const char *version)
{
	const char *args[] = {
		"--pods", write_file("pods.json", pods), "--token", "secret", "--version",
		version,  "--bookmark-seconds",          "0.2",     NULL};

	server = api_server_start(port, args);
}

static void mode(const char *name)
{
	char body[64];

	snprintf(body, sizeof(body), "{\"mode\":\"%s\"}", name);
	api_server_control(&server, "POST", "/control/mode", body);
}

static void add_pod(const char *name, const char *uid, const char *container_id)
{
	char body[512];

	snprintf(body, sizeof(body),
		 "{\"namespace\":\"shop\",\"name\":\"%s\",\"uid\":\"%s\",\"node\":\"node-1\","
		 "\"containers\":[[\"main\",\"%s\"]]}",
		 name, uid, container_id);
	api_server_control(&server, "POST", "/control/pods", body);
}

static void start_client(void)
{
	store = kube_store_new(0);
	pod_source = kube_pod_source_new(loop, &options, store);
	client = kube_client_new(loop, &options, kube_pod_source_of(pod_source));
	assert_non_null(client);
	assert_int_equal(kube_client_start(client), 0);
}

static void stop_client(void)
{
	kube_client_free(client);
	kube_pod_source_free(pod_source);
	kube_store_free(store);
	client = NULL;
	pod_source = NULL;
	store = NULL;
}

static int make_client(void **state)
{
	char url[64];

	options = (struct kube_options){.keep = &kube_keep_default,
					.backoff_min_ms = 4,
					.backoff_max_ms = 20,
					.watch_min_s = 1,
					.watch_max_s = 1,
					.watch_grace_ms = 200,
					.list_idle_ms = 150};
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", server.port);
	options.node = strdup("node-1");
	return kube_options_set_server(&options, url) ||
	       kube_secret_set_data(&options.token, "secret", 6);
}

static int free_client(void **state)
{
	stop_client();
	kube_options_free(&options);
	mode("ok");
	return 0;
}

static bool knows(const char *uid)
{
	return kube_pods_by_uid(kube_store_current(store), slice_of(uid));
}

static size_t living(void)
{
	return kube_pods_count(kube_store_current(store));
}

static bool has_container(const char *id)
{
	const struct kube_container *container;

	return kube_pods_by_container(kube_store_current(store), slice_of(id), &container);
}

static uint64_t faults(enum kube_fault fault)
{
	return kube_client_stats(client).faults[fault];
}

static uint64_t events(enum kube_event_type type)
{
	return kube_client_stats(client).events[type];
}

static void the_nodes_pods_are_listed_then_watched(void **state)
{
	start_client();
	assert_false(kube_client_synced(client));
	UNTIL(knows("uid-1") && kube_pods_synced(kube_store_current(store)));
	assert_true(kube_client_synced(client));
	assert_false(knows("uid-2"));
	assert_true(has_container("c1"));

	add_pod("late", "uid-3", "");
	UNTIL(knows("uid-3"));
	assert_false(has_container("c3"));
	add_pod("late", "uid-3", "c3");
	UNTIL(has_container("c3"));
	api_server_control(&server, "DELETE", "/control/pods/shop/late", "");
	UNTIL(living() == 1);
	assert_true(knows("uid-3")); /* for late records */
	assert_int_equal(events(KUBE_EVENT_ADDED), 1);
	assert_int_equal(events(KUBE_EVENT_MODIFIED), 1);
	assert_int_equal(events(KUBE_EVENT_DELETED), 1);
	assert_true(kube_client_stats(client).connected);
	assert_int_equal(kube_client_stats(client).lists, 1);
}

static void a_watch_that_ended_goes_on_where_it_was(void **state)
{
	uint64_t watches;

	start_client();
	UNTIL(events(KUBE_EVENT_BOOKMARK) > 0);
	watches = kube_client_stats(client).watches;
	UNTIL(kube_client_stats(client).watches > watches);
	add_pod("next", "uid-4", "c4");
	UNTIL(has_container("c4"));
	assert_int_equal(kube_client_stats(client).lists, 1);
	assert_int_equal(faults(KUBE_FAULT_BROKEN) + faults(KUBE_FAULT_TIMEOUT), 0);
	api_server_control(&server, "DELETE", "/control/pods/shop/next", "");
}

static void requests_ask_for_nothing_but_the_nodes_pods(void **state)
{
	const char *at;

	start_client();
	UNTIL(kube_client_stats(client).watches > 0 && kube_client_stats(client).connected);
	UNTIL(strstr(api_server_state(&server), "watch=1"));
	at = api_server_state(&server);
	assert_non_null(strstr(at, "/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1&limit=250"
				   "&resourceVersion=0\""));
	assert_non_null(strstr(at, "&watch=1&allowWatchBookmarks=true&resourceVersion=1"));
	for (; (at = strstr(at, "/api/")); at++)
		assert_int_equal(
			strncmp(at, "/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1&", 50), 0);
}

static void a_whole_cluster_is_listed_in_pages(void **state)
{
	free(options.node);
	options.node = NULL;
	options.list_limit = 1;
	start_client();
	UNTIL(kube_client_synced(client) && living() == 2);
	assert_true(knows("uid-2"));
	assert_int_equal(kube_client_stats(client).lists, 1);
	assert_non_null(strstr(api_server_state(&server), "&continue="));
}

static void gone_as_an_event_lists_anew_and_loses_nothing(void **state)
{
	start_client();
	UNTIL(kube_client_stats(client).watches > 0 && knows("uid-1"));
	mode("gone");
	UNTIL(faults(KUBE_FAULT_GONE) > 1 && kube_client_stats(client).lists > 2);
	assert_int_equal(living(), 1);
	mode("ok");
	add_pod("after", "uid-5", "c5");
	UNTIL(has_container("c5"));
	assert_true(knows("uid-1"));
	api_server_control(&server, "DELETE", "/control/pods/shop/after", "");
}

static void gone_as_a_status_lists_anew(void **state)
{
	start_client();
	UNTIL(kube_client_stats(client).watches > 0);
	mode("gone-http");
	UNTIL(faults(KUBE_FAULT_GONE) > 0 && kube_client_stats(client).lists > 1);
	assert_true(knows("uid-1"));
}

static void a_refused_token_is_read_again(void **state)
{
	free(options.token.data);
	options.token.data = NULL;
	kube_secret_set_path(&options.token, write_file("token", "old\n"));
	start_client();
	UNTIL(faults(KUBE_FAULT_UNAUTHORIZED) > 1);
	assert_false(kube_client_synced(client));
	write_file("token", "secret\n");
	UNTIL(kube_client_synced(client));
}

static void a_token_that_cannot_be_read_or_is_no_token_is_tried_again(void **state)
{
	free(options.token.data);
	options.token.data = NULL;
	kube_secret_set_path(&options.token, "/nonexistent/token");
	start_client();
	UNTIL(faults(KUBE_FAULT_SECRET) > 0);
	kube_secret_set_path(&options.token, write_file("token", "secret\r\nX-Injected: 1\n"));
	UNTIL(faults(KUBE_FAULT_SECRET) > 3);
	write_file("token", "secret");
	UNTIL(kube_client_synced(client));
	assert_null(strstr(api_server_state(&server), "Injected"));
}

static void whatever_goes_wrong_is_counted_and_overcome(void **state)
{
	static const struct {
		const char *mode;
		enum kube_fault fault;
	} cases[] = {
		{"403", KUBE_FAULT_FORBIDDEN},   {"500", KUBE_FAULT_SERVER},
		{"garbage", KUBE_FAULT_GARBAGE}, {"html", KUBE_FAULT_GARBAGE},
		{"hang", KUBE_FAULT_TIMEOUT},    {"down", KUBE_FAULT_BROKEN},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		mode(cases[i].mode);
		start_client();
		UNTIL(faults(cases[i].fault) > 1);
		assert_false(kube_client_synced(client));
		assert_false(kube_client_stats(client).connected);
		mode("ok");
		UNTIL(knows("uid-1"));
		stop_client();
	}
	start_client();
}

static void garbage_in_a_watch_keeps_what_is_known(void **state)
{
	start_client();
	UNTIL(kube_client_stats(client).watches > 0 && knows("uid-1"));
	mode("garbage");
	UNTIL(faults(KUBE_FAULT_GARBAGE) > 3);
	assert_true(knows("uid-1"));
	assert_int_equal(living(), 1);
	mode("ok");
	add_pod("sane", "uid-6", "c6");
	UNTIL(has_container("c6"));
	assert_true(kube_client_stats(client).connected);
	api_server_control(&server, "DELETE", "/control/pods/shop/sane", "");
}

static void an_object_without_bound_is_left_out(void **state)
{
	mode("huge");
	start_client();
	UNTIL(kube_client_stats(client).oversize > 0);
	mode("ok");
}

static void retry_after_is_waited_for(void **state)
{
	mode("429");
	start_client();
	UNTIL(faults(KUBE_FAULT_THROTTLED) == 1);
	mode("ok");
	for (int i = 0; i < 50; i++)
		turn();
	assert_false(kube_client_synced(client));
}

/* A restored etcd: the version we have is one of the future, and a watch from it stays silent. */
static void a_server_that_went_away_and_came_back_older_is_followed_again(void **state)
{
	static const char other[] = "[{\"namespace\":\"shop\",\"name\":\"new\",\"uid\":\"uid-9\","
				    "\"node\":\"node-1\"}]";
	int port = server.port;

	start_client();
	UNTIL(kube_client_stats(client).watches > 0 && knows("uid-1"));
	api_server_stop(&server);
	UNTIL(faults(KUBE_FAULT_CONNECT) > 1);
	assert_true(knows("uid-1"));
	assert_false(kube_client_stats(client).connected);
	start_server(port, other, "10");
	UNTIL(knows("uid-9") && living() == 1);
	assert_true(faults(KUBE_FAULT_TIMEOUT) > 0);
	assert_true(kube_client_stats(client).connected);
}

static void tls_is_verified_against_the_given_ca_alone(void **state)
{
	char tls[256], ca[300], pods[16384] = "[", *p = pods + 1, url[64];
	const char *args[] = {"--tls", tls, "--pods", NULL, NULL};
	struct api_server secure;

	/* 100 pods make a list long enough to be sent as gzip. */
	for (int i = 0; i < 100; i++)
		p += sprintf(p,
			     "%s{\"namespace\":\"s\",\"name\":\"p%d\",\"uid\":\"u%d\",\"node\":"
			     "\"node-1\"}",
			     i ? "," : "", i, i);
	strcpy(p, "]");
	snprintf(tls, sizeof(tls), "%s/tls", dir);
	args[3] = write_file("pods.json", pods);
	secure = api_server_start(0, args);
	snprintf(ca, sizeof(ca), "%s/ca.crt", tls);
	snprintf(url, sizeof(url), "https://127.0.0.1:%d", secure.port);
	assert_int_equal(kube_options_set_server(&options, url), 0);
	start_client();
	UNTIL(faults(KUBE_FAULT_TLS) > 0); /* no CA given: the system's do not know this one */
	stop_client();

	kube_secret_set_path(&options.ca, ca);
	options.tls_server_name = strdup("somebody.else");
	start_client();
	UNTIL(faults(KUBE_FAULT_TLS) > 0);
	stop_client();

	strcpy(options.tls_server_name, "localhost");
	start_client();
	UNTIL(living() == 100);
	assert_true(kube_client_stats(client).connected);
	api_server_stop(&secure);
}

static int begin(void **state)
{
	log_set_level(LOG_LEVEL_ERROR);
	loop = loop_new();
	if (!loop || !mkdtemp(dir))
		return -1;
	start_server(0, first_pods, "1000");
	return 0;
}

static int end(void **state)
{
	char command[64];

	api_server_stop(&server);
	loop_free(loop);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_client, free_client)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_nodes_pods_are_listed_then_watched),
		TEST(a_watch_that_ended_goes_on_where_it_was),
		TEST(requests_ask_for_nothing_but_the_nodes_pods),
		TEST(a_whole_cluster_is_listed_in_pages),
		TEST(gone_as_an_event_lists_anew_and_loses_nothing),
		TEST(gone_as_a_status_lists_anew),
		TEST(a_refused_token_is_read_again),
		TEST(a_token_that_cannot_be_read_or_is_no_token_is_tried_again),
		TEST(whatever_goes_wrong_is_counted_and_overcome),
		TEST(garbage_in_a_watch_keeps_what_is_known),
		TEST(an_object_without_bound_is_left_out),
		TEST(retry_after_is_waited_for),
		TEST(tls_is_verified_against_the_given_ca_alone),
		TEST(a_server_that_went_away_and_came_back_older_is_followed_again),
	};

	return cmocka_run_group_tests_name("kube client", tests, begin, end);
}
