/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same random node twice: with what is remembered of heads, calls and statements, and without.
 * All metrics must come out the same, whatever was told in between. $SEED and $RUNS choose others.
 */
#include "piped.h"

#include <stdio.h>
#include <stdlib.h>

#include "export/prometheus.h"
#include "protocol/call_memo.h"
#include "protocol/http1_memo.h"
#include "protocol/sql_memo.h"
#include "telemetry/telemetry_parts.h"

#define RUNS 20
#define STEPS 2000
#define CONNS 24

/* ---- without memory ---- */

static bool plain;

#define WRAPPED(type, name, ...)                                                                   \
	type __real_##name(__VA_ARGS__);                                                           \
	type __wrap_##name(__VA_ARGS__);                                                           \
	type __wrap_##name(__VA_ARGS__)

WRAPPED(const struct http1_request *, http1_memo_request, struct http1_memo *memo, const char *p,
	size_t n, const struct http1_memo_owner *owner, struct http1_request *room, uint64_t *alike)
{
	return __real_http1_memo_request(plain ? NULL : memo, p, n, owner, room, alike);
}

WRAPPED(const struct http1_response *, http1_memo_response, struct http1_memo *memo, const char *p,
	size_t n, uint64_t alike, struct http1_response *room)
{
	return __real_http1_memo_response(plain ? NULL : memo, p, n, alike, room);
}

WRAPPED(uint64_t, call_memo_number, struct call_memo *memo, const struct call *call,
	const struct exchange *x)
{
	return plain ? 0 : __real_call_memo_number(memo, call, x);
}

WRAPPED(void, sql_memo_read, struct sql_memo *memo, const struct sql_text *text, struct sql *sql)
{
	if (plain)
		sql_read(text, sql);
	else
		__real_sql_memo_read(memo, text, sql);
}

static unsigned long found, looked; /* places where an exchange is counted */
static uint64_t expired;            /* series */

WRAPPED(bool, memo_count, struct telemetry *t, const struct counted *what, uint64_t now_ns,
	struct telemetry_place *place, const struct telemetry_memo *memo)
{
	bool is = __real_memo_count(t, what, now_ns, place, memo);

	looked++;
	found += is;
	return is;
}

/* ---- chance ---- */

static uint64_t seed;

static uint32_t any(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

#define ANY(of) of[any(sizeof(of) / sizeof(*of))]

/* ---- what is spoken ---- */

static const char *const asks[] = {
	"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: b\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: a:81\r\n\r\n",
	"GET /a HTTP/1.0\r\n\r\n",
	"GET http://c/a HTTP/1.1\r\nHost: a\r\n\r\n",
	"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n",
	"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
	"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nh",
	"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nhi",
	"PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n0\r\n\r\n",
	"PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
	"PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nh",
	"\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: a\r\ntraceparent: "
	"00-11111111111111111111111111111111-2222222222222222-01\r\n\r\n",
	"GET /users/1 HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /users/2 HTTP/1.1\r\nHost: a\r\n\r\n",
	"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
	"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: "
	"29\r\n\r\n{\"query\":\"query a { a { b }}\"}",
	"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: "
	"29\r\n\r\n{\"query\":\"query b { a { b }}\"}",
	"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: "
	"29\r\n\r\n{\"quary\":\"query b { a { b }}\"}",
	"POST /rpc HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: "
	"38\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m1\"}",
	"POST /rpc HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: "
	"38\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m2\"}",
	"POST /rpc HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: "
	"38\r\n\r\n{\"jsonrpd\":\"2.0\",\"id\":1,\"method\":\"m2\"}",
	"POST /i/_search HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
	"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\n"
	"Content-Length: 0\r\n\r\n",
};

static const char *const answers[] = {
	OK,
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\no",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no",
	"HTTP/1.1 201 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 204 No\r\n\r\n",
	"HTTP/1.1 304 No\r\nContent-Length: 2\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
	"HTTP/1.1 200 OK\r\n\r\n",
	"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nook\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nX-Elastic-Product: Elasticsearch\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: "
	"50\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601 }  }",
};

static uint32_t calm; /* 1, or: of what is told nothing comes, but once in so many times */

static const uint64_t cgroups[] = {CGROUP, CGROUP + 1, CGROUP + 2};
static const uint32_t tgids[] = {TGID, TGID + 1, TGID + 2, TGID + 3};
static const char *const names[] = {"nginx", "envoy", "redis", "python3"};
static const uint16_t ports[] = {80, 81};

static void some_exchange(void)
{
	static _Alignas(8) char room[sizeof(struct kh_exchange) + 4096];
	struct kh_exchange *x = (struct kh_exchange *)room;
	char *req = (char *)(x + 1);
	size_t n, m, cut;

	memset(room, 0, sizeof(*x));
	strcpy(req, asks[any(calm > 1 ? 8 : sizeof(asks) / sizeof(*asks))]);
	if (any(8) == 0) /* as many as teach that the place holds anything */
		sprintf(req, "GET /s%c%c/a HTTP/1.1\r\nHost: a\r\n\r\n", 'a' + any(4),
			'a' + any(26));
	n = strlen(req);
	if (any(6) == 0)
		req[any((uint32_t)n)] ^= (char)(1 << any(5));
	m = strlen(
		strcpy(req + n, answers[any(calm > 1 ? 5 : sizeof(answers) / sizeof(*answers))]));
	if (any(6) == 0)
		req[n + any((uint32_t)m)] ^= (char)(1 << any(5));
	cut = any(10) ? 0 : any((uint32_t)m);
	x->rec = (struct kh_rec){.type = KH_EXCHANGE, .size = (uint32_t)(sizeof(*x) + n + m - cut)};
	x->conn = (struct kh_conn){.cookie = any(16) + 1,
				   .role = any(2) ? KH_ROLE_SERVER : KH_ROLE_CLIENT,
				   .family = any(2) ? 2 : 10,
				   .lport = ports[any(calm > 1 ? 1 : 2)],
				   .rport = ports[any(calm > 1 ? 1 : 2)],
				   .raddr = {10, 0, 0, (uint8_t)(1 + any(2))}};
	x->cgroup = cgroups[any(calm > 1 ? 1 : 3)];
	x->tgid = tgids[any(calm > 1 ? 1 : 4)];
	x->number = any(4);
	x->reason = any(8) ? KH_WHY_RESPONSE : KH_WHY_CLOSE;
	x->req = (struct kh_message){
		.first_ns = now, .last_ns = now + 1, .len = n, .head_len = (uint16_t)n};
	x->resp = (struct kh_message){.first_ns = now + 2,
				      .last_ns = now + 3 + any(3) * S,
				      .len = m,
				      .head_len = (uint16_t)(m - cut)};
	feed(x, x->rec.size);
}

#define REDIS 6379
#define POSTGRESQL 5432

static struct piped_conn conns[CONNS];

static size_t message(char *to, char type, const char *text, size_t n)
{
	to[0] = type;
	to[1] = to[2] = 0;
	to[3] = (char)((n + 4) >> 8);
	to[4] = (char)(n + 4);
	memcpy(to + 5, text, n);
	return n + 5;
}

static void some_call(void)
{
	static const char *const redis[][2] = {
		{"*1\r\n$4\r\nPING\r\n", "+PONG\r\n"},
		{"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "$1\r\nb\r\n"},
		{"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "-WRONGTYPE a\r\n"},
		{"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "-OTHERTYPE a\r\n"},
		{"*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n", "+OK\r\n"},
		{"*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n", "+OK\r\n"},
	};
	static const char *const statements[] = {
		"SELECT * FROM a",
		"SELECT * FROM b",
		"SELECT '\\' FROM a' FROM b",
		"INSERT INTO a VALUES (1)",
		"SELECT * FROM a WHERE x = 'a long literal that has more than seventy two bytes' "
		"AND y IN (SELECT 1 FROM b)",
		"SELECT * FROM a WHERE x = 'a long literal that has more than seventy two bytes' "
		"AND y IN (SELECT 1 FROM c)",
		"WITH q AS (SELECT 1) SELECT * FROM q",
		"SELECT 1",
	};
	struct piped_conn *c = &ANY(conns);
	bool asks_by_sending = c->role == KH_ROLE_CLIENT;
	char text[400];
	size_t n;

	c->tgid = tgids[any(calm > 1 ? 1 : 4)];
	if (c->port == REDIS) {
		const char *const *it = ANY(redis);

		segment(c, asks_by_sending, it[0], strlen(it[0]));
		segment(c, !asks_by_sending, it[1], strlen(it[1]));
		return;
	}
	snprintf(text + 200, 200, "%s", ANY(statements));
	if (any(3) == 0)
		text[200 + any((uint32_t)strlen(text + 200))] ^= (char)(1 << any(5));
	n = message(text, 'Q', text + 200, strlen(text + 200) + 1);
	segment(c, asks_by_sending, text, n);
	if (any(4) == 0)
		n = message(text, 'E', any(2) ? "SERROR\0C42P01\0\0" : "SERROR\0C42P02\0\0", 15);
	else
		n = message(text, 'C', "SELECT 1", 9);
	n += message(text + n, 'Z', "I", 1);
	segment(c, !asks_by_sending, text, n);
}

/* ---- what is told ---- */

static void some_process(void)
{
	struct kh_process p =
		a_process(tgids[any(calm > 1 ? 1 : 4)], cgroups[any(calm > 1 ? 1 : 3)], ANY(names));

	p.start_ns = 1 + any(2);
	feed(&p, sizeof(p));
}

static void some_cgroup(void)
{
	uint64_t key = cgroups[any(calm > 1 ? 1 : 3)];
	struct kh_cgroup c =
		any(3) == 0 ? unit_cgroup(key, any(2) ? "a.service" : "b.service")
			    : pod_cgroup(key, any(2) ? UID_A : UID_B, any(2) ? ID_A : ID_B);

	feed(&c, sizeof(c));
}

static void some_exit(void)
{
	struct kh_exit e = {.rec = {KH_EXIT, 0, sizeof(e)}, .tgid = tgids[any(calm > 1 ? 1 : 4)]};

	feed(&e, sizeof(e));
}

static void some_pods(void)
{
	static const char *const deployments[] = {"cart", "till", "shelf"};

	kube_store_list_begin(o.store);
	if (any(3))
		assert_int_equal(
			kube_store_put(o.store, a_pod(UID_A, any(2) ? "shop" : "bank",
						      ANY(deployments), any(3) ? ID_A : "")),
			0);
	if (any(3))
		assert_int_equal(
			kube_store_put(o.store, a_pod(UID_B, "shop", ANY(deployments), ID_B)), 0);
	kube_store_list_end(o.store, now);
	assert_int_equal(kube_store_publish(o.store, now), 0);
}

static const char *const books[] = {
	"routes: {unmatched: low-cardinality}\n",
	"routes: {unmatched: low-cardinality, max_path_segment_cardinality: 3}\n",
	"routes: {unmatched: heuristic}\n",
	"routes: {unmatched: low-cardinality}\n",
	"routes: {unmatched: path}\n",
	"routes: {unmatched: wildcard, patterns: [\"/users/:id\"]}\n",
	"routes: {unmatched: wildcard, ignored_patterns: [\"/a\"]}\n",
	"discovery: {instrument: [{exe_path: \"*nginx\"}]}\n",
	"discovery: {instrument: [{k8s_deployment_name: \"cart\"}]}\n",
	"discovery: {instrument: [{open_ports: \"80\", name: x}]}\n",
	"filter: {application: {http_response_status_code: {match: \"2*\"}}}\n",
};

static void some_time(void)
{
	static const uint64_t steps[] = {1, 1000, S / 100, S / 3, S / 3, S / 3, S, 3 * S};

	idle_after(ANY(steps));
	for (int i = 0; i < 4000; i++)
		telemetry_expire(o.telemetry, now);
}

static void step(void)
{
	uint32_t what = any(1000);

	if (what >= 965 && what < 992 && any(calm))
		what = 0;
	if (what < 500)
		some_exchange();
	else if (what < 950)
		some_call();
	else if (what < 965)
		some_time();
	else if (what < 975)
		some_process();
	else if (what < 980)
		some_cgroup();
	else if (what < 984)
		some_exit();
	else if (what < 990)
		some_pods();
	else if (what < 992)
		rulebooks_publish(o.books, book_of(ANY(books)));
	else
		idle_after(1);
}

/* ---- twice ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All lines, in order. */
static char *all(void)
{
	struct prometheus_source source = {.telemetry = o.telemetry};
	static char *lines[100000];
	struct body body;
	char *text, *rest, *line, *end;
	size_t n = 0;

	assert_int_equal(body_init(&body, 64 << 20, false), 0);
	prometheus_render(&source, PROMETHEUS_TEXT, &body);
	assert_int_equal(body_finish(&body), 0);
	body_put(&body, "", 1);
	end = text = malloc(strlen(body.p) + 2);
	for (rest = body.p; (line = strsep(&rest, "\n"));)
		if (n < sizeof(lines) / sizeof(*lines))
			lines[n++] = line;
	qsort(lines, n, sizeof(*lines), by_text);
	for (size_t i = 0; i < n; i++)
		end += sprintf(end, "%s\n", lines[i]);
	body_free(&body);
	return text;
}

static char *run(uint64_t with, bool without)
{
	struct telemetry_options options = telemetry_defaults;
	char *text;

	assert_int_equal(setup(NULL), 0);
	plain = without;
	seed = with * 0x9e3779b97f4a7c15ull + 1;
	options.kinds = ~0u;
	options.routes = any(2);
	options.kubernetes = any(2);
	options.server_address_from_host = any(2);
	options.series_max = any(3) ? 4000 : 1 + any(30);
	options.ttl_ns = any(2) ? S / 2 : 0;
	telemetry_free(o.telemetry);
	assert_int_equal(telemetry_new(&o.telemetry, &options), 0);
	o.wait_ns = any(2) * S;
	calm = any(2) ? 1 : 100;
	o.books = rulebooks_new(book_of(ANY(books)));
	start(true);
	now = 1000 * S;
	idle_after(1);
	for (uint32_t i = 0; i < CONNS; i++)
		conns[i] = (struct piped_conn){.role = any(2) ? KH_ROLE_SERVER : KH_ROLE_CLIENT,
					       .peer = (uint8_t)(1 + any(2)),
					       .port = any(2) ? POSTGRESQL : REDIS,
					       .cookie = 1000 + i,
					       .cgroup = cgroups[any(calm > 1 ? 1 : 3)],
					       .seq = {1, 1}};
	tell(unit_cgroup(CGROUP, "a.service"));
	for (int i = 0; i < STEPS; i++)
		step();
	expired += telemetry_stats(o.telemetry)->series_expired;
	idle_after(20 * S);
	text = all();
	teardown(NULL);
	return text;
}

/* The first line that is not the same. */
static void differ(const char *one, const char *other)
{
	while (*one && strcspn(one, "\n") == strcspn(other, "\n") &&
	       strncmp(one, other, strcspn(one, "\n") + 1) == 0) {
		size_t n = strcspn(one, "\n") + 1;

		one += n;
		other += n;
	}
	print_error("with:    %.*s\nwithout: %.*s\n", (int)strcspn(one, "\n"), one,
		    (int)strcspn(other, "\n"), other);
}

static uint64_t number_in(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void what_is_remembered_changes_nothing(void **state)
{
	uint64_t first = number_in("SEED", 1), end = first + number_in("RUNS", RUNS);

	for (uint64_t i = first; i < end; i++) {
		char *one = run(i, false), *other = run(i, true);

		if (strcmp(one, other) != 0) {
			differ(one, other);
			fail_msg("SEED=%llu RUNS=1", (unsigned long long)i);
		}
		free(one);
		free(other);
	}
	/* it says something only if much was remembered, and series went meanwhile */
	assert_true(found > looked / 10);
	assert_true(expired > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_remembered_changes_nothing)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
