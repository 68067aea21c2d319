/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges whose head was seen a moment ago go a short way (alike.h): they must end where the long
 * way would have taken them, whatever was told in between.
 */
#include "piped.h"

#include <stdio.h>
#include <stdlib.h>

#include "export/prometheus.h"
#include "protocol/http1_memo.h"

#define NO "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno"
#define COUNT "http_server_request_duration_seconds_count{"

static const char *counted_in;

/* What the series say whose labels hold both texts. */
static unsigned long counted(const char *one, const char *other)
{
	struct prometheus_source source = {.telemetry = o.telemetry};
	unsigned long sum = 0;
	struct body body;
	char *line, *rest;

	assert_int_equal(body_init(&body, 16 << 20, false), 0);
	prometheus_render(&source, PROMETHEUS_TEXT, &body);
	assert_int_equal(body_finish(&body), 0);
	body_put(&body, "", 1);
	for (rest = body.p; (line = strsep(&rest, "\n"));)
		if (strncmp(line, counted_in, strlen(counted_in)) == 0 && strstr(line, one) &&
		    strstr(line, other))
			sum += strtoul(strrchr(line, ' '), NULL, 10);
	body_free(&body);
	return sum;
}

static void again(unsigned int n, uint32_t tgid, const char *target, const char *resp)
{
	while (n--)
		exchange(CGROUP, tgid, target, resp);
}

static void shown(void)
{
	counted_in = COUNT;
	start(false);
	tell(unit_cgroup(CGROUP, "nginx.service"));
}

static void with_routes(void)
{
	struct telemetry_options options = telemetry_defaults;

	options.routes = true;
	telemetry_free(o.telemetry);
	assert_int_equal(telemetry_new(&o.telemetry, &options), 0);
}

static void each_is_counted_in_its_own_series(void **state)
{
	shown();
	for (int i = 0; i < 3; i++) {
		again(2, TGID, "/a", OK);
		again(1, TGID, "/a", NO);
		again(1, TGID, "/b", OK);
	}
	counts(12, 12, 0);
	assert_int_equal(counted("status_code=\"200\"", ""), 9);
	assert_int_equal(counted("status_code=\"500\"", "error_type=\"500\""), 3);
}

static void routes_are_each_targets_own(void **state)
{
	const struct route_options options = {.unmatched = ROUTE_HEURISTIC};
	char why[ROUTE_WHY_MAX];

	assert_int_equal(route_new(&o.router, &options, why), 0);
	with_routes();
	shown();
	again(3, TGID, "/users/17", OK);
	again(4, TGID, "/users/18", OK);
	again(5, TGID, "/carts", OK);
	assert_int_equal(counted("http_route=\"/users/*\"", ""), 7);
	assert_int_equal(counted("http_route=\"/carts\"", ""), 5);
}

/* More heads than are remembered: a place that another one takes says nothing of the one before. */
static void heads_that_share_a_place_are_told_apart(void **state)
{
	const struct route_options options = {.unmatched = ROUTE_PATH};
	char why[ROUTE_WHY_MAX], path[16];

	assert_int_equal(route_new(&o.router, &options, why), 0);
	with_routes();
	shown();
	for (int i = 0; i < 3 * HTTP1_MEMO_HEADS / 2; i++) {
		snprintf(path, sizeof(path), "/p%d", i);
		again(2, TGID, path, OK);
	}
	assert_int_equal(telemetry_stats(o.telemetry)->series, 3 * HTTP1_MEMO_HEADS / 2);
	assert_int_equal(counted("http_route=\"/p77\"", ""), 2);
}

/* With learning, what a path's route is may change while its requests stay the same. */
static void a_route_that_was_learned_meanwhile_is_taken(void **state)
{
	const struct route_options options = {.unmatched = ROUTE_LOW_CARDINALITY, .cardinality = 3};
	char why[ROUTE_WHY_MAX], path[16];

	assert_int_equal(route_new(&o.router, &options, why), 0);
	with_routes();
	shown();
	again(2, TGID, "/ab", OK);
	assert_int_equal(counted("http_route=\"/ab\"", ""), 2);
	for (int i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "/%c%c", 'c' + i, 'k' + i);
		again(1, TGID, path, OK);
	}
	again(2, TGID, "/ab", OK);
	assert_int_equal(counted("http_route=\"/ab\"", ""), 2);
}

static void a_process_that_executes_another_file_gets_its_name(void **state)
{
	struct kh_process other = a_process(TGID, CGROUP, "envoy");

	shown();
	again(3, TGID, "/", OK);
	feed(&other, sizeof(other));
	again(2, TGID, "/", OK);
	assert_int_equal(counted("service_name=\"nginx\"", ""), 3);
	assert_int_equal(counted("service_name=\"envoy\"", ""), 2);
}

static void another_process_has_its_own_name(void **state)
{
	struct kh_process other = a_process(TGID + 1, CGROUP, "envoy");

	shown();
	feed(&other, sizeof(other));
	for (int i = 0; i < 3; i++) {
		again(1, TGID, "/", OK);
		again(1, TGID + 1, "/", OK);
	}
	assert_int_equal(counted("service_name=\"nginx\"", ""), 3);
	assert_int_equal(counted("service_name=\"envoy\"", ""), 3);
}

static void a_pod_that_comes_later_names_what_comes_then(void **state)
{
	o.wait_ns = 0;
	start(true);
	list(NULL);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	again(3, TGID, "/", OK);
	list(a_pod(UID_A, "shop", "cart", ID_A));
	idle_after(1);
	again(2, TGID, "/", OK);
	counts(5, 5, 0);
	assert_int_equal(counted("service_name=\"cart\"", ""), 2);
}

static void other_rules_hide_what_was_shown(void **state)
{
	o.books = rulebooks_new(book_of("discovery: {instrument: [{exe_path: \"*nginx\"}]}\n"));
	shown();
	again(3, TGID, "/", OK);
	rulebooks_publish(o.books, book_of("discovery: {instrument: [{exe_path: \"*envoy\"}]}\n"));
	idle_after(1);
	again(2, TGID, "/", OK);
	counts(5, 3, 0);
	assert_int_equal(STAT(hidden), 2);
}

/* The series that were remembered are gone; so is the memory that they had. */
static void series_that_expired_begin_anew(void **state)
{
	struct telemetry_options options = telemetry_defaults;

	options.ttl_ns = S / 4;
	telemetry_free(o.telemetry);
	assert_int_equal(telemetry_new(&o.telemetry, &options), 0);
	shown();
	again(3, TGID, "/", OK);
	assert_int_equal(counted("", ""), 3);
	for (int i = 0; i < 200; i++) {
		now += S / 250; /* all within the time that is remembered */
		telemetry_expire(o.telemetry, now);
	}
	assert_int_equal(counted("", ""), 0);
	again(2, TGID, "/", OK);
	assert_int_equal(counted("", ""), 2);
	counts(5, 5, 0);
}

/* What is one too many is counted with the rest, and what had a series before still has it. */
static void the_series_for_the_rest_is_not_remembered(void **state)
{
	struct telemetry_options options = telemetry_defaults;

	options.series_max = 1;
	telemetry_free(o.telemetry);
	assert_int_equal(telemetry_new(&o.telemetry, &options), 0);
	shown();
	again(2, TGID, "/", OK);
	again(1, TGID, "/", NO);
	again(3, TGID, "/", OK);
	assert_int_equal(counted("status_code=\"200\"", ""), 5);
	assert_int_equal(counted("otel_metric_overflow=\"true\"", ""), 1);
	assert_int_equal(telemetry_stats(o.telemetry)->overflows, 1);
}

/* The server's address, where a client's request names no host, is not in the head. */
static void ends_are_looked_at_beside_the_head(void **state)
{
	static const char head[] = "GET / HTTP/1.1\r\n\r\n", resp[] = OK;
	struct {
		struct kh_exchange x;
		char text[sizeof(head) + sizeof(resp) - 2];
	} record = {.x.rec = {.type = KH_EXCHANGE, .size = sizeof(record)}};

	shown();
	record.x.rec.size = (uint32_t)(sizeof(record.x) + sizeof(record.text));
	record.x.cgroup = CGROUP;
	record.x.tgid = TGID;
	record.x.req.len = record.x.req.head_len = sizeof(head) - 1;
	record.x.resp.len = record.x.resp.head_len = sizeof(resp) - 1;
	record.x.req.first_ns = record.x.req.last_ns = 1;
	record.x.resp.first_ns = record.x.resp.last_ns = 2;
	memcpy(record.text, head, sizeof(head) - 1);
	memcpy(record.text + sizeof(head) - 1, resp, sizeof(resp) - 1);
	record.x.conn = (struct kh_conn){.family = 2, .role = KH_ROLE_CLIENT, .rport = 80};
	for (uint8_t i = 0; i < 4; i++) {
		record.x.conn.raddr[0] = 10;
		record.x.conn.raddr[3] = 1 + i % 2;
		record.x.conn.cookie = 1000u + i;
		feed(&record, record.x.rec.size);
	}
	counts(4, 4, 0);
	assert_int_equal(telemetry_stats(o.telemetry)->series, 2);
}

/* ---- calls of other protocols ---- */

static void shown_with_all_kinds(void)
{
	struct telemetry_options options = telemetry_defaults;

	options.kinds = ~0u;
	telemetry_free(o.telemetry);
	assert_int_equal(telemetry_new(&o.telemetry, &options), 0);
	shown();
}

#define DB_COUNT "db_client_operation_duration_seconds_count{"
#define PING "*1\r\n$4\r\nPING\r\n"
#define GET "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
#define PONG "+PONG\r\n"
#define WRONG "-WRONGTYPE a\r\n"

static struct piped_conn connect_as(enum kh_role role, uint8_t peer, uint32_t tgid)
{
	static uint64_t cookie = 1000;

	return (struct piped_conn){.role = role,
				   .peer = peer,
				   .port = 6379,
				   .cookie = ++cookie,
				   .cgroup = CGROUP,
				   .tgid = tgid,
				   .seq = {1, 1}};
}

static void call(struct piped_conn *c, const char *ask, const char *answer)
{
	segment(c, c->role == KH_ROLE_CLIENT, ask, strlen(ask));
	segment(c, c->role == KH_ROLE_SERVER, answer, strlen(answer));
}

static void each_call_is_counted_in_its_own_series(void **state)
{
	struct piped_conn c[] = {connect_as(KH_ROLE_CLIENT, 1, TGID),
				 connect_as(KH_ROLE_CLIENT, 1, TGID)};

	shown_with_all_kinds();
	for (int i = 0; i < 10; i++) {
		call(&c[i % 2], PING, PONG);
		call(&c[i % 2], GET, WRONG);
		call(&c[i % 2], GET, "$1\r\nb\r\n");
		call(&c[i % 2], GET, "$1\r\nb\r\n");
	}
	counts(40, 40, 0);
	counted_in = DB_COUNT;
	assert_int_equal(counted("operation_name=\"PING\"", ""), 10);
	assert_int_equal(counted("operation_name=\"GET\"", "status_code=\"WRONGTYPE\""), 10);
	assert_int_equal(counted("operation_name=\"GET\"", ""), 30);
}

static void calls_to_two_servers_are_told_apart(void **state)
{
	struct piped_conn c[] = {connect_as(KH_ROLE_CLIENT, 1, TGID),
				 connect_as(KH_ROLE_CLIENT, 2, TGID)};

	shown_with_all_kinds();
	for (int i = 0; i < 12; i++)
		call(&c[i % 3 == 0], PING, PONG);
	counted_in = DB_COUNT;
	assert_int_equal(counted("server_address=\"10.0.0.1\"", ""), 8);
	assert_int_equal(counted("server_address=\"10.0.0.2\"", ""), 4);
}

static void calls_of_two_processes_are_told_apart(void **state)
{
	struct kh_process other = a_process(TGID + 1, CGROUP, "envoy");
	struct piped_conn c[] = {connect_as(KH_ROLE_CLIENT, 1, TGID),
				 connect_as(KH_ROLE_CLIENT, 1, TGID + 1)};

	shown_with_all_kinds();
	feed(&other, sizeof(other));
	for (int i = 0; i < 12; i++)
		call(&c[i % 3 == 0], PING, PONG);
	counted_in = DB_COUNT;
	assert_int_equal(counted("service_name=\"nginx\"", ""), 8);
	assert_int_equal(counted("service_name=\"envoy\"", ""), 4);
}

static void a_caller_that_executes_another_file_gets_its_name(void **state)
{
	struct kh_process other = a_process(TGID, CGROUP, "envoy");
	struct piped_conn c = connect_as(KH_ROLE_CLIENT, 1, TGID);

	shown_with_all_kinds();
	for (int i = 0; i < 5; i++)
		call(&c, PING, PONG);
	feed(&other, sizeof(other));
	for (int i = 0; i < 4; i++)
		call(&c, PING, PONG);
	counted_in = DB_COUNT;
	assert_int_equal(counted("service_name=\"nginx\"", ""), 5);
	assert_int_equal(counted("service_name=\"envoy\"", ""), 4);
}

/* JSON-RPC: the head is the same, and what is called stands in the body. */
static void what_a_body_carries_is_told_apart(void **state)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 35\r\n\r\n"
				     "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}";

	shown_with_all_kinds();
	for (int i = 0; i < 6; i++) {
		char ask[160];

		snprintf(ask, sizeof(ask),
			 "POST /rpc HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
			 "Content-Length: "
			 "38\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m%d\"}",
			 i % 2);
		exchange_of(CGROUP, TGID, ask, answer);
	}
	counted_in = "rpc_server_call_duration_seconds_count{";
	assert_int_equal(counted("rpc_method=\"m0\"", ""), 3);
	assert_int_equal(counted("rpc_method=\"m1\"", ""), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_is_counted_in_its_own_series),
		T(routes_are_each_targets_own),
		T(heads_that_share_a_place_are_told_apart),
		T(a_route_that_was_learned_meanwhile_is_taken),
		T(a_process_that_executes_another_file_gets_its_name),
		T(another_process_has_its_own_name),
		T(a_pod_that_comes_later_names_what_comes_then),
		T(other_rules_hide_what_was_shown),
		T(series_that_expired_begin_anew),
		T(the_series_for_the_rest_is_not_remembered),
		T(ends_are_looked_at_beside_the_head),
		T(each_call_is_counted_in_its_own_series),
		T(calls_to_two_servers_are_told_apart),
		T(calls_of_two_processes_are_told_apart),
		T(a_caller_that_executes_another_file_gets_its_name),
		T(what_a_body_carries_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
