/* SPDX-License-Identifier: Apache-2.0 */
/* Lists, watches, and what goes wrong with them. */
#include "followed.h"

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
	delete_pod("late");
	UNTIL(living() == 1);
	assert_true(knows("uid-3")); /* for late records */
	assert_int_equal(events(KUBE_EVENT_ADDED), 1);
	assert_int_equal(events(KUBE_EVENT_MODIFIED), 1);
	assert_int_equal(events(KUBE_EVENT_DELETED), 1);
	assert_true(stats().connected && stats().current);
	assert_int_equal(stats().lists, 1);
}

static void a_watch_that_ended_goes_on_where_it_was(void **state)
{
	uint64_t watches;

	start_client();
	UNTIL(events(KUBE_EVENT_BOOKMARK) > 0);
	watches = stats().watches;
	UNTIL(stats().watches > watches);
	add_pod("next", "uid-4", "c4");
	UNTIL(has_container("c4"));
	assert_int_equal(stats().lists, 1);
	assert_int_equal(faults(KUBE_FAULT_BROKEN) + faults(KUBE_FAULT_TIMEOUT), 0);
	delete_pod("next");
}

static void requests_ask_for_nothing_but_the_nodes_pods(void **state)
{
	const char *at;

	options.no_stream = true;
	start_client();
	UNTIL(stats().watches > 0 && stats().connected);
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
	options.no_stream = true;
	start_client();
	UNTIL(kube_client_synced(client) && living() == 2);
	assert_true(knows("uid-2"));
	assert_int_equal(stats().lists, 1);
	assert_non_null(strstr(api_server_state(&server), "&continue="));
}

/* The stand-in forgets the pages' version after each first page. */
static void a_list_whose_pages_expire_is_made_in_one(void **state)
{
	unsigned paged, whole;

	free(options.node);
	options.node = NULL;
	options.list_limit = 1;
	options.no_stream = true;
	mode("gone");
	start_client();
	UNTIL(kube_client_synced(client) && living() == 2);
	paged = asked("/api/v1/pods?limit=1\"");
	whole = asked("/api/v1/pods\"");
	assert_true(paged > 0 && whole > 0);
	assert_true(faults(KUBE_FAULT_GONE) > 0);
}

static void gone_as_an_event_lists_anew_and_loses_nothing(void **state)
{
	start_client();
	UNTIL(stats().watches > 0 && knows("uid-1"));
	mode("gone");
	UNTIL(faults(KUBE_FAULT_GONE) > 1 && stats().lists > 2);
	assert_int_equal(living(), 1);
	mode("ok");
	add_pod("after", "uid-5", "c5");
	UNTIL(has_container("c5"));
	assert_true(knows("uid-1"));
	delete_pod("after");
}

static void gone_as_a_status_lists_anew(void **state)
{
	start_client();
	UNTIL(stats().watches > 0);
	mode("gone-http");
	UNTIL(faults(KUBE_FAULT_GONE) > 0 && stats().lists > 1);
	assert_true(knows("uid-1"));
}

/* Each list is answered, each watch that follows is not: the lists become rare. */
static void gone_again_and_again_is_asked_ever_more_rarely(void **state)
{
	enum { min_ms = 8, lists = 8 };
	uint64_t began, waited_ms = 0;

	options.no_stream = true;
	options.backoff_min_ms = min_ms;
	options.backoff_max_ms = 60000;
	mode("gone-http");
	began = loop_now_ns();
	start_client();
	UNTIL(stats().lists == lists);
	for (int i = 0; i < lists - 1; i++)
		waited_ms += (min_ms << i) / 2;
	assert_true(loop_now_ns() - began >= waited_ms * 1000000);
	assert_true(knows("uid-1"));
	mode("ok");
	UNTIL(stats().current);
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
		{"short", KUBE_FAULT_GARBAGE},   {"hang", KUBE_FAULT_TIMEOUT},
		{"down", KUBE_FAULT_BROKEN},
	};

	options.list_idle_ms = 150;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		mode(cases[i].mode);
		start_client();
		UNTIL(faults(cases[i].fault) > 1);
		assert_false(kube_client_synced(client));
		assert_false(stats().connected || stats().current);
		mode("ok");
		UNTIL(knows("uid-1"));
		stop_client();
	}
	start_client();
}

static void garbage_in_a_watch_keeps_what_is_known(void **state)
{
	start_client();
	UNTIL(stats().watches > 0 && knows("uid-1"));
	mode("garbage");
	UNTIL(faults(KUBE_FAULT_GARBAGE) > 3);
	assert_true(knows("uid-1"));
	assert_int_equal(living(), 1);
	mode("ok");
	add_pod("sane", "uid-6", "c6");
	UNTIL(has_container("c6"));
	assert_true(stats().connected);
	assert_true(stats().lists > 1); /* after that nothing was certain */
	delete_pod("sane");
}

static void an_object_without_bound_is_left_out(void **state)
{
	mode("huge");
	start_client();
	UNTIL(stats().oversize > 0);
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
	UNTIL(stats().watches > 0 && knows("uid-1"));
	api_server_stop(&server);
	UNTIL(faults(KUBE_FAULT_CONNECT) > 1);
	assert_true(knows("uid-1"));
	assert_false(stats().connected);
	start_server(port, other, "10");
	UNTIL(knows("uid-9") && living() == 1);
	assert_true(faults(KUBE_FAULT_TIMEOUT) > 0);
	assert_true(stats().connected);
}

/* A watch that goes on where it was may still have to tell of all that happened meanwhile. */
static void after_an_outage_nothing_is_current_until_the_server_has_said_something(void **state)
{
	const char *args[] = {"--bookmark-seconds", "3600", "--version", "1000", NULL};
	struct api_server quiet = api_server_start(0, args);
	char version[KUBE_VERSION_MAX], url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d", quiet.port);
	assert_int_equal(kube_options_set_server(&options, url), 0);
	start_client();
	assert_false(stats().current);
	UNTIL(stats().watches > 0 && stats().current);
	api_server_stop(&quiet);
	UNTIL(faults(KUBE_FAULT_CONNECT) > 1);
	assert_false(stats().current);
	memcpy(version, stats().version, sizeof(version));
	args[3] = version;
	quiet = api_server_start(quiet.port, args);
	UNTIL(stats().connected);
	assert_true(stats().synced);
	assert_false(stats().current);
	api_server_control(&quiet, "POST", "/control/pods",
			   "{\"namespace\":\"shop\",\"name\":\"n\",\"uid\":\"uid-8\","
			   "\"node\":\"node-1\"}");
	UNTIL(knows("uid-8"));
	assert_true(stats().current);
	assert_int_equal(stats().lists, 1);
	api_server_stop(&quiet);
}

/* The watch before it lives as long as one has to that is not taken for a failure: 6 s. */
static void a_watch_that_is_not_answered_is_not_current(void **state)
{
	if (plainly)
		skip(); /* the same */
	options.watch_min_s = options.watch_max_s = KUBE_WATCH_SHORT_MS / 1000 + 1;
	start_client();
	UNTIL(stats().watches > 0 && stats().current);
	mode("hang"); /* the next one, when the server has ended this one */
	UNTIL(!stats().current);
	for (int fault = 0; fault < KUBE_FAULT_COUNT; fault++)
		assert_int_equal(faults(fault), 0);
	mode("ok");
	UNTIL(stats().current);
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
	assert_true(stats().connected);
	api_server_stop(&secure);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_nodes_pods_are_listed_then_watched),
		TEST(a_watch_that_ended_goes_on_where_it_was),
		TEST(requests_ask_for_nothing_but_the_nodes_pods),
		TEST(a_whole_cluster_is_listed_in_pages),
		TEST(a_list_whose_pages_expire_is_made_in_one),
		TEST(gone_as_an_event_lists_anew_and_loses_nothing),
		TEST(gone_as_a_status_lists_anew),
		TEST(gone_again_and_again_is_asked_ever_more_rarely),
		TEST(a_refused_token_is_read_again),
		TEST(a_token_that_cannot_be_read_or_is_no_token_is_tried_again),
		TEST(whatever_goes_wrong_is_counted_and_overcome),
		TEST(garbage_in_a_watch_keeps_what_is_known),
		TEST(an_object_without_bound_is_left_out),
		TEST(retry_after_is_waited_for),
		TEST(after_an_outage_nothing_is_current_until_the_server_has_said_something),
		TEST(a_watch_that_is_not_answered_is_not_current),
		TEST(tls_is_verified_against_the_given_ca_alone),
		TEST(a_server_that_went_away_and_came_back_older_is_followed_again),
	};

	int failed = cmocka_run_group_tests_name("kube client, streams", tests, begin, end);

	plainly = true;
	return failed + cmocka_run_group_tests_name("kube client, lists", tests, begin, end);
}
