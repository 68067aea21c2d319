/* SPDX-License-Identifier: Apache-2.0 */
/* What is between the client and the server: how bytes arrive, connections, delays, addresses. */
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "followed.h"

/* A pod so small that each byte of its list can be tried. */
static void follow_a_small_pod(void)
{
	api_server_control(
		&server, "POST", "/control/pods",
		"{\"metadata\":{\"name\":\"s\",\"namespace\":\"shop\",\"uid\":\"uid-s\"},"
		"\"spec\":{\"nodeName\":\"node-9\"},\"status\":{}}");
	free(options.node);
	options.node = strdup("node-9");
	options.watch_min_s = options.watch_max_s = 30;
}

static void set_number(const char *name, int n)
{
	char text[64];

	snprintf(text, sizeof(text), "{\"%s\":%d}", name, n);
	set(text);
}

/* Each place where a body can come in two pieces. `length` is more than the answer has. */
static void at_every_boundary(bool no_stream, int length)
{
	follow_a_small_pod();
	options.no_stream = no_stream;
	for (int i = 1; i < length; i++) {
		set_number("first", i);
		start_client();
		UNTIL(kube_client_synced(client) && knows("uid-s"));
		for (int fault = 0; fault < KUBE_FAULT_COUNT; fault++)
			assert_int_equal(faults(fault), 0);
		stop_client();
	}
	start_client();
}

static void a_list_may_come_in_two_pieces_at_any_byte(void **state)
{
	at_every_boundary(true, 240);
}

static void a_stream_may_come_in_two_pieces_at_any_byte(void **state)
{
	at_every_boundary(false, 400);
}

static void a_body_may_come_byte_by_byte(void **state)
{
	set("{\"chunk\":1}");
	start_client();
	UNTIL(kube_client_synced(client) && knows("uid-1"));
	add_pod("bytes", "uid-3", "c3");
	UNTIL(has_container("c3"));
	delete_pod("bytes");
	UNTIL(living() == 1);
	assert_int_equal(faults(KUBE_FAULT_GARBAGE), 0);
}

static void trailers_are_bounded(void **state)
{
	options.no_stream = true;
	set("{\"chunk\":100,\"trailers\":20}");
	start_client();
	UNTIL(kube_client_synced(client));
	assert_int_equal(faults(KUBE_FAULT_GARBAGE), 0);
	stop_client();
	set("{\"chunk\":100,\"trailers\":400}");
	start_client();
	UNTIL(faults(KUBE_FAULT_GARBAGE) > 0);
	assert_false(kube_client_synced(client));
	set("{\"chunk\":0,\"trailers\":0}");
	UNTIL(kube_client_synced(client));
}

/* Wherever a list ends too early: nothing is taken for gone, and nothing for complete. */
static void cut_everywhere(bool no_stream, int length)
{
	follow_a_small_pod();
	options.no_stream = no_stream;
	for (int i = 0; i < length; i += 3) {
		set_number("cut", i);
		start_client();
		UNTIL(faults(KUBE_FAULT_BROKEN) > 0);
		assert_false(kube_client_synced(client));
		set("{\"cut\":-1}");
		UNTIL(kube_client_synced(client) && knows("uid-s"));
		stop_client();
	}
	start_client();
}

static void a_list_that_is_cut_anywhere_is_asked_for_again(void **state)
{
	cut_everywhere(true, 160);
}

static void a_stream_that_is_cut_anywhere_is_asked_for_again(void **state)
{
	cut_everywhere(false, 300);
}

static void a_watch_that_is_cut_in_an_event_goes_on_before_it(void **state)
{
	start_client();
	UNTIL(kube_client_synced(client) && stats().watches > 0);
	mode("half");
	add_pod("half", "uid-4", "c4");
	UNTIL(faults(KUBE_FAULT_BROKEN) > 1);
	assert_false(knows("uid-4"));
	assert_true(knows("uid-1"));
	mode("ok");
	UNTIL(has_container("c4"));
	assert_int_equal(stats().lists, 1);
	delete_pod("half");
	UNTIL(living() == 1);
}

/* Bytes come, so it is not silent; but it should have ended long ago. */
static void a_watch_with_an_event_without_end_is_given_up(void **state)
{
	options.no_stream = true;
	options.watch_grace_ms = 1000;
	start_client();
	UNTIL(kube_client_synced(client) && stats().watches > 0);
	mode("unending");
	UNTIL(faults(KUBE_FAULT_TIMEOUT) > 0);
	assert_true(knows("uid-1"));
	mode("ok");
	add_pod("late", "uid-5", "c5");
	UNTIL(has_container("c5"));
	delete_pod("late");
	UNTIL(living() == 1);
}

static void a_slow_list_is_waited_for(void **state)
{
	options.no_stream = true;
	options.list_idle_ms = 1000;
	set("{\"chunk\":200,\"pause\":0.15}"); /* longer than that silence, in all */
	start_client();
	UNTIL(kube_client_synced(client) && knows("uid-1"));
	assert_int_equal(faults(KUBE_FAULT_TIMEOUT), 0);
}

static void json_with_another_content_type_is_not_believed(void **state)
{
	set("{\"content_type\":\"text/html\"}");
	start_client();
	UNTIL(faults(KUBE_FAULT_GARBAGE) > 1);
	assert_false(kube_client_synced(client) || stats().connected);
	set("{\"content_type\":\"application/json;charset=utf-8\"}");
	UNTIL(kube_client_synced(client));
}

static void a_body_without_end_is_bounded_also_when_it_is_compressed(void **state)
{
	static const char *const modes[] = {"endless", "bomb"};

	options.body_max = 1 << 20;
	options.no_stream = true;
	for (size_t i = 0; i < 2; i++) {
		mode(modes[i]);
		start_client();
		UNTIL(faults(KUBE_FAULT_GARBAGE) > 0);
		mode("ok");
		UNTIL(kube_client_synced(client));
		stop_client();
	}
	start_client();
}

/* etcd takes 1.5 MiB; most of it here is what nobody asked for. */
static void an_object_as_large_as_they_get_is_taken(void **state)
{
	enum { n = 1536 << 10 };
	static char body[n + 300];
	int at = sprintf(body, "{\"namespace\":\"shop\",\"name\":\"large\",\"uid\":\"uid-7\","
			       "\"node\":\"node-1\",\"containers\":[[\"main\",\"c7\"]],"
			       "\"annotations\":{\"note\":\"");

	memset(body + at, 'x', n);
	strcpy(body + at + n, "\"}}");
	start_client();
	UNTIL(kube_client_synced(client) && stats().watches > 0);
	api_server_control(&server, "POST", "/control/pods", body);
	UNTIL(has_container("c7"));
	stop_client();
	start_client();
	UNTIL(kube_client_synced(client) && has_container("c7"));
	assert_int_equal(stats().oversize, 0);
	delete_pod("large");
}

static unsigned connections(void)
{
	return atoi(strstr(api_server_state(&server), "\"connections\":") + 14);
}

static void list_and_watch_share_a_connection(void **state)
{
	unsigned before = connections();

	options.no_stream = true;
	start_client();
	UNTIL(stats().watches > 2 && stats().connected);
	assert_int_equal(connections(), before + 1);
}

/* A user agent that begins with "curl/" gets indented JSON; a watch is never compressed. */
static void requests_say_who_asks_and_what_is_understood(void **state)
{
	const char *at;

	options.no_stream = true;
	start_client();
	UNTIL(stats().watches > 1 && stats().connected);
	at = strstr(api_server_state(&server), "\"headers\":");
	at = strstr(at, "\"list\":{");
	assert_non_null(strstr(at, "\"User-Agent\":\"keyhole/"));
	assert_non_null(strstr(at, "\"Accept\":\"application/json\""));
	assert_non_null(strstr(at, "\"Accept-Encoding\":\"gzip\""));
	at = strstr(at, "\"watch\":{");
	assert_non_null(at);
	assert_null(strstr(at, "Accept-Encoding"));
}

/* The socket to the server; the caller does not own it. */
static int find_socket(void)
{
	for (int fd = 3; fd < 256; fd++) {
		struct sockaddr_in peer = {0};
		socklen_t n = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &n) == 0 &&
		    peer.sin_family == AF_INET && ntohs(peer.sin_port) == server.port)
			return fd;
	}
	return -1;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t n = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &n), 0);
	return value;
}

static void a_connection_whose_other_end_is_gone_is_noticed_by_the_kernel(void **state)
{
	int fd;

	options.watch_min_s = options.watch_max_s = 30;
	start_client();
	UNTIL(kube_client_synced(client));
	fd = find_socket();
	assert_true(fd >= 0);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), KUBE_KEEPALIVE_IDLE_S);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), KUBE_KEEPALIVE_INTERVAL_S);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPCNT), KUBE_KEEPALIVE_COUNT);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), KUBE_UNACKED_MS);
}

static void a_proxy_in_the_environment_is_not_used(void **state)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
					    "ALL_PROXY"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		setenv(names[i], "http://127.0.0.1:1", 1);
	start_client();
	UNTIL(kube_client_synced(client));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
	assert_int_equal(faults(KUBE_FAULT_CONNECT), 0);
}

static void the_server_may_have_an_ipv6_address(void **state)
{
	const char *args[] = {"--address", "::1",   "--token",
			      "secret",    "--pod", "namespace=s,name=six,uid=uid-6,node=node-1",
			      NULL};
	struct api_server six = api_server_start(0, args);
	char url[64];

	snprintf(url, sizeof(url), "http://[::1]:%d", six.port);
	assert_int_equal(kube_options_set_server(&options, url), 0);
	start_client();
	UNTIL(kube_client_synced(client) && knows("uid-6"));
	api_server_stop(&six);
}

/* As the kubelet does it: a new directory, and a link to it that is swapped in one step. */
static void rotate_token(const char *token)
{
	static int version;
	char path[400], target[400], link[400];

	snprintf(path, sizeof(path), "%s/..v%d", dir, ++version);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(target, sizeof(target), "..v%d/token", version);
	write_file(target, token);
	snprintf(target, sizeof(target), "..v%d", version);
	snprintf(link, sizeof(link), "%s/..new", dir);
	assert_int_equal(symlink(target, link), 0);
	snprintf(path, sizeof(path), "%s/..data", dir);
	assert_int_equal(rename(link, path), 0);
}

static void a_rotated_token_is_used_from_the_next_request_on(void **state)
{
	char link[300];

	rotate_token("secret");
	snprintf(link, sizeof(link), "%s/link", dir);
	assert_int_equal(symlink("..data/token", link), 0);
	free(options.token.data);
	options.token.data = NULL;
	kube_secret_set_path(&options.token, link);
	start_client();
	UNTIL(kube_client_synced(client));
	rotate_token("renewed");
	api_server_control(&server, "POST", "/control/tokens", "{\"tokens\":[\"renewed\"]}");
	add_pod("rotated", "uid-8", "c8"); /* by the watch that the old token opened, or the next */
	UNTIL(has_container("c8"));
	for (uint64_t watches = stats().watches; stats().watches < watches + 2;)
		turn();
	assert_int_equal(faults(KUBE_FAULT_UNAUTHORIZED), 0);
	api_server_control(&server, "POST", "/control/tokens", "{\"tokens\":[\"secret\"]}");
	delete_pod("rotated");
}

/* The delay a server asks for, in each of its forms, is longer than any backoff here. */
static void delays(const char *status, const char *retry_after, enum kube_fault fault)
{
	char body[128];

	snprintf(body, sizeof(body), "{\"mode\":\"%s\",\"retry_after\":%s}", status, retry_after);
	api_server_control(&server, "POST", "/control/mode", body);
	start_client();
	UNTIL(faults(fault) == 1);
	mode("ok");
	for (int i = 0; i < 50; i++)
		turn();
	assert_int_equal(faults(fault), 1);
	assert_false(kube_client_synced(client));
	stop_client();
}

static void a_delay_asked_for_in_any_form_is_kept(void **state)
{
	delays("429", "60", KUBE_FAULT_THROTTLED);
	delays("503", "60", KUBE_FAULT_THROTTLED);
	delays("503", "\"Tue, 19 Jan 2038 03:14:07 GMT\"", KUBE_FAULT_THROTTLED);
	delays("504", "0", KUBE_FAULT_SERVER); /* by details.retryAfterSeconds alone */
	start_client();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_list_may_come_in_two_pieces_at_any_byte),
		TEST(a_stream_may_come_in_two_pieces_at_any_byte),
		TEST(a_body_may_come_byte_by_byte),
		TEST(trailers_are_bounded),
		TEST(a_list_that_is_cut_anywhere_is_asked_for_again),
		TEST(a_stream_that_is_cut_anywhere_is_asked_for_again),
		TEST(a_watch_that_is_cut_in_an_event_goes_on_before_it),
		TEST(a_watch_with_an_event_without_end_is_given_up),
		TEST(a_slow_list_is_waited_for),
		TEST(json_with_another_content_type_is_not_believed),
		TEST(a_body_without_end_is_bounded_also_when_it_is_compressed),
		TEST(an_object_as_large_as_they_get_is_taken),
		TEST(list_and_watch_share_a_connection),
		TEST(requests_say_who_asks_and_what_is_understood),
		TEST(a_connection_whose_other_end_is_gone_is_noticed_by_the_kernel),
		TEST(a_proxy_in_the_environment_is_not_used),
		TEST(the_server_may_have_an_ipv6_address),
		TEST(a_rotated_token_is_used_from_the_next_request_on),
		TEST(a_delay_asked_for_in_any_form_is_kept),
	};

	return cmocka_run_group_tests_name("kube wire", tests, begin, end);
}
