/* SPDX-License-Identifier: Apache-2.0 */
/* Real sockets: the loop runs in a thread, the test is the client. */
#include "../telemetry/fixture.h"
#include "cleanup.h"
#include "export/export.h"
#include "export/http.h"
#include "log.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;
static struct export *export;
static struct telemetry *telemetry;
static struct selfmetrics *self;
static const char *_Atomic missing; /* why not ready */
static pthread_t front;
static char answer[1 << 20];

static const char *not_ready(void *arg)
{
	return missing;
}

static void *run(void *arg)
{
	loop_run(loop);
	return NULL;
}

static int start(struct export_options options)
{
	int err;

	self = selfmetrics_new();
	options.source = (struct prometheus_source){telemetry, self, EXEMPLARS_NONE};
	options.not_ready = not_ready;
	err = export_start(&export, loop, &options);
	if (!err) {
		export_bind(export, self);
		pthread_create(&front, NULL, run, NULL);
	}
	return err;
}

static void stop(void)
{
	if (!export)
		return;
	loop_stop(loop);
	pthread_join(front, NULL);
	export_stop(export);
	export = NULL;
	selfmetrics_free(self); /* it points to the export's counters */
	self = NULL;
}

static int setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_ERROR);
	missing = NULL;
	telemetry = new_telemetry(&telemetry_defaults);
	loop = loop_new();
	return start((struct export_options){.listen = "127.0.0.1"});
}

static int teardown(void **state)
{
	stop();
	loop_free(loop);
	telemetry_free(telemetry);
	return 0;
}

static int dial_to(int family, uint16_t port)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = {.tv_sec = 10};

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in6.sin6_addr = in6addr_loopback;
	if (connect(fd, family == AF_INET ? (void *)&in : (void *)&in6,
		    family == AF_INET ? sizeof(in) : sizeof(in6)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int dial(void)
{
	int fd = dial_to(AF_INET, export_port(export));

	assert_true(fd >= 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Everything until the server closes. */
static const char *hear(int fd)
{
	size_t n = 0;
	ssize_t m;

	while (n < sizeof(answer) - 1 && (m = recv(fd, answer + n, sizeof(answer) - 1 - n, 0)) > 0)
		n += (size_t)m;
	answer[n] = '\0';
	close(fd);
	return answer;
}

static const char *ask(const char *line, const char *fields)
{
	int fd = dial();

	say(fd, line);
	say(fd, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
	say(fd, fields);
	say(fd, "\r\n");
	return hear(fd);
}

static unsigned int status_of(const char *text)
{
	unsigned int status = 0;

	sscanf(text, "HTTP/1.1 %u", &status);
	return status;
}

static bool has(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

/* ---- endpoints ---- */

static void metrics_are_served_as_text_by_default(void **state)
{
	const char *text = ask("GET /metrics", "");

	assert_int_equal(status_of(text), 200);
	assert_true(has(text, "content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_true(has(text, "\r\n\r\n# HELP http_server_request_duration_seconds"));
	assert_false(has(text, "content-encoding"));
}

static void metrics_are_served_as_openmetrics_on_request(void **state)
{
	const char *text = ask("GET /metrics", "Accept: application/openmetrics-text\r\n");

	assert_true(has(text, "content-type: application/openmetrics-text; version=1.0.0; "
			      "charset=utf-8\r\n"));
	assert_true(has(text, "\n# EOF\n"));
}

static void metrics_are_packed_on_request(void **state)
{
	const char *text = ask("GET /metrics", "Accept-Encoding: gzip\r\n");

	assert_true(has(text, "content-encoding: gzip\r\n"));
	assert_memory_equal(strstr(text, "\r\n\r\n") + 4, "\x1f\x8b", 2);
}

static void a_query_is_ignored_and_another_path_is_not_found(void **state)
{
	assert_int_equal(status_of(ask("GET /metrics?a=b", "")), 200);
	assert_int_equal(status_of(ask("GET /", "")), 404);
	assert_int_equal(status_of(ask("GET /metrics/", "")), 404);
	assert_int_equal(status_of(ask("GET /../metrics", "")), 404);
	assert_int_equal(status_of(ask("POST /nothing", "Content-Length: 0\r\n")), 404);
}

static void other_methods_are_not_allowed(void **state)
{
	const char *text = ask("DELETE /metrics", "");

	assert_int_equal(status_of(text), 405);
	assert_true(has(text, "allow: GET, HEAD\r\n"));
	assert_int_equal(export_stats(export)->not_allowed, 1);
}

static void head_gets_the_head_alone(void **state)
{
	const char *text = ask("HEAD /metrics", "");

	assert_int_equal(status_of(text), 200);
	assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
}

static void health_is_always_ok(void **state)
{
	missing = "something";
	assert_int_equal(status_of(ask("GET /healthz", "")), 200);
}

static void readiness_says_what_is_missing(void **state)
{
	const char *text = ask("GET /readyz", "");

	assert_int_equal(status_of(text), 200);
	missing = "no loader on /run/keyhole.sock";
	text = ask("GET /readyz", "");
	assert_int_equal(status_of(text), 503);
	assert_true(has(text, "\r\n\r\nno loader on /run/keyhole.sock\n"));
}

static void answers_are_counted_by_status(void **state)
{
	ask("GET /metrics", "");
	ask("GET /nothing", "");
	assert_true(has(ask("GET /metrics", ""), "keyhole_scrapes_total{code=\"200\"} 1\n"));
	assert_true(has(answer, "keyhole_scrapes_total{code=\"404\"} 1\n"));
}

static void a_connection_serves_many_scrapes(void **state)
{
	int fd = dial();

	for (int i = 0; i < 3; i++)
		say(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	say(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	hear(fd);
	assert_int_equal(export_stats(export)->ok, 4);
}

/* ---- bad input ---- */

static void a_request_with_a_body_is_refused(void **state)
{
	assert_int_equal(status_of(ask("GET /metrics", "Content-Length: 100000000\r\n")), 413);
	assert_int_equal(status_of(ask("POST /metrics", "Transfer-Encoding: chunked\r\n")), 413);
	assert_int_equal(status_of(ask("GET /healthz", "")), 200);
}

static void a_head_without_end_is_refused(void **state)
{
	static char field[2 * HTTP_REQUEST_MAX];
	int fd = dial();
	unsigned int status;

	memset(field, 'a', sizeof(field));
	say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\nX: ");
	send(fd, field, sizeof(field), MSG_NOSIGNAL);
	status = status_of(hear(fd));
	assert_true(status == 0 || (status >= 400 && status < 500)); /* 0: closed without */
	assert_int_equal(status_of(ask("GET /healthz", "")), 200);
}

static void garbage_and_half_requests_do_no_harm(void **state)
{
	static const char *const garbage[] = {
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", "\r\n\r\n\r\n", "GET\r\n\r\n",
		"GET /metrics HTTP/9.9\r\n\r\n",        "GET /metrics",
	};

	for (size_t i = 0; i < sizeof(garbage) / sizeof(*garbage); i++) {
		int fd = dial();

		say(fd, garbage[i]);
		close(fd);
	}
	assert_int_equal(status_of(ask("GET /metrics", "")), 200);
}

static void a_scraper_that_goes_away_in_the_middle_frees_its_place(void **state)
{
	struct linger reset = {.l_onoff = 1};

	for (int i = 0; i < 4 * EXPORT_SCRAPES_MAX; i++) {
		int fd = dial();

		say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
		assert_int_equal(status_of(ask("GET /healthz", "")), 200);
	}
	assert_int_equal(status_of(ask("GET /metrics", "")), 200);
}

/* So much that the sockets' buffers can't hold it. */
static void add_many_series(void)
{
	struct resource *resource = pod_resource("shop-1");

	for (int i = 0; i < 1000; i++) {
		struct exchange e = served();

		e.conn.lport = (uint16_t)(1 + i);
		telemetry_http(telemetry, resource, &e, slice_of(""), SECOND);
	}
	resource_unref(resource);
}

static void more_scrapes_at_once_than_the_limit_are_told_to_wait(void **state)
{
	int slow[EXPORT_SCRAPES_MAX];
	char first;

	add_many_series();
	for (int i = 0; i < EXPORT_SCRAPES_MAX; i++) {
		slow[i] = dial();
		say(slow[i], "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		/* It has begun, and is not read any further. */
		assert_int_equal(recv(slow[i], &first, 1, 0), 1);
	}
	assert_int_equal(status_of(ask("GET /metrics", "")), 503);
	assert_true(has(answer, "retry-after: 1\r\n"));
	assert_int_equal(export_stats(export)->scrapes_refused, 1);
	assert_int_equal(status_of(ask("GET /healthz", "")), 200);
	/* One is read to its end: there is room again. */
	hear(slow[0]);
	assert_int_equal(status_of(ask("GET /metrics", "")), 200);
	for (int i = 1; i < EXPORT_SCRAPES_MAX; i++)
		close(slow[i]);
}

static void idle_connections_leave_room_for_others(void **state)
{
	int idle[HTTP_CONNECTIONS_PER_IP_MAX - 1];

	for (size_t i = 0; i < sizeof(idle) / sizeof(*idle); i++)
		idle[i] = dial();
	assert_int_equal(status_of(ask("GET /metrics", "")), 200);
	for (size_t i = 0; i < sizeof(idle) / sizeof(*idle); i++)
		close(idle[i]);
}

/* From as many addresses as it takes, each with half a request. */
static int dial_as(uint32_t from)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(export_port(export)),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(from)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	say(fd, "GET /metrics HT");
	return fd;
}

static void whoever_never_ends_a_request_does_not_keep_others_out(void **state)
{
	int half[2 * HTTP_CONNECTIONS_MAX];

	for (size_t i = 0; i < sizeof(half) / sizeof(*half); i++)
		half[i] = dial_as(INADDR_LOOPBACK + 1 + (uint32_t)(i % 8));
	assert_int_equal(status_of(ask("GET /healthz", "")), 200);
	assert_int_equal(status_of(ask("GET /metrics", "")), 200);
	for (size_t i = 0; i < sizeof(half) / sizeof(*half); i++)
		close(half[i]);
}

/* ---- listening ---- */

static void a_health_check_of_its_own_serves_no_metrics(void **state)
{
	stop();
	assert_int_equal(start((struct export_options){.listen = "127.0.0.1", .health_only = true}),
			 0);
	assert_int_equal(status_of(ask("GET /healthz", "")), 200);
	assert_int_equal(status_of(ask("GET /readyz", "")), 200);
	assert_int_equal(status_of(ask("GET /metrics", "")), 404);
}

static void the_path_is_an_option(void **state)
{
	stop();
	assert_int_equal(start((struct export_options){.listen = "127.0.0.1", .path = "/m"}), 0);
	assert_int_equal(status_of(ask("GET /m", "")), 200);
	assert_int_equal(status_of(ask("GET /metrics", "")), 404);
}

static void without_an_address_both_families_are_served(void **state)
{
	int fd;

	stop();
	assert_int_equal(start((struct export_options){0}), 0);
	assert_int_equal(status_of(ask("GET /healthz", "")), 200);
	fd = dial_to(AF_INET6, export_port(export));
	if (fd < 0)
		skip(); /* no IPv6 here */
	say(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_int_equal(status_of(hear(fd)), 200);
}

static void a_port_in_use_is_an_error_that_says_so(void **state)
{
	struct export_options options = {.listen = "127.0.0.1", .port = export_port(export)};
	struct export *second;
	int capture[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(capture), 0);
	dup2(capture[1], STDERR_FILENO);
	assert_int_equal(export_start(&second, loop, &options), -EADDRINUSE);
	dup2(saved, STDERR_FILENO);
	n = read(capture[0], answer, sizeof(answer) - 1);
	answer[n > 0 ? n : 0] = '\0';
	assert_true(has(answer, "cannot listen on \"127.0.0.1\" port"));
	assert_true(has(answer, "another process listens there"));
	close(capture[0]);
	close(capture[1]);
	close(saved);
}

static void bad_options_are_refused(void **state)
{
	static const struct export_options bad[] = {
		{.listen = "localhost"},
		{.listen = "127.0.0.1", .path = "metrics"},
		{.listen = "127.0.0.1", .path = "/readyz"},
	};
	struct export *second;
	int saved = dup(STDERR_FILENO);

	close(STDERR_FILENO);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(export_start(&second, loop, &bad[i]), -EINVAL);
	dup2(saved, STDERR_FILENO);
	close(saved);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(metrics_are_served_as_text_by_default),
		T(metrics_are_served_as_openmetrics_on_request),
		T(metrics_are_packed_on_request),
		T(a_query_is_ignored_and_another_path_is_not_found),
		T(other_methods_are_not_allowed),
		T(head_gets_the_head_alone),
		T(health_is_always_ok),
		T(readiness_says_what_is_missing),
		T(answers_are_counted_by_status),
		T(a_connection_serves_many_scrapes),
		T(a_request_with_a_body_is_refused),
		T(a_head_without_end_is_refused),
		T(garbage_and_half_requests_do_no_harm),
		T(a_scraper_that_goes_away_in_the_middle_frees_its_place),
		T(more_scrapes_at_once_than_the_limit_are_told_to_wait),
		T(idle_connections_leave_room_for_others),
		T(whoever_never_ends_a_request_does_not_keep_others_out),
		T(the_path_is_an_option),
		T(a_health_check_of_its_own_serves_no_metrics),
		T(without_an_address_both_families_are_served),
		T(a_port_in_use_is_an_error_that_says_so),
		T(bad_options_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
