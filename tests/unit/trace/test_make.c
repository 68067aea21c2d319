/* SPDX-License-Identifier: Apache-2.0 */
/* What spans say of exchanges of each kind. */
#include "trace/make.h"

#include "../telemetry/fixture.h"
#include "service/utf8.h"

#include <string.h>

static struct resource *resource;
static struct span span;

static int setup(void **state)
{
	resource = pod_resource("shop-1");
	return 0;
}

static int teardown(void **state)
{
	resource_unref(resource);
	return 0;
}

static const struct span_options all = {.protocols = ~0ull};

static struct span_rules rules_of(const struct span_options *options)
{
	struct span_rules rules;

	assert_int_equal(span_rules_init(&rules, options), 0);
	return rules;
}

/* "NAME | KIND STATUS | attribute=value attribute=number ..." */
static const char *dump(void)
{
	static const char *const kinds[] = {"",       "internal", "server",
					    "client", "producer", "consumer"};
	static char text[SPAN_TEXT_MAX * 2];
	struct slice name = span_slice(&span, span.name);
	size_t n = (size_t)snprintf(text, sizeof(text), "%.*s | %s%s |", (int)name.n, name.p,
				    kinds[span.kind], span.status == SPAN_ERROR ? " error" : "");

	assert_int_not_equal(span.status, SPAN_OK);
	assert_int_equal(span.dropped_attrs, 0);
	for (unsigned int i = 0; i < span.attrs_n; i++) {
		const struct span_attr *a = &span.attr[i];

		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s=", a->name);
		if (a->is_true)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "true");
		else if (a->is_int)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%lld",
					      (long long)a->number);
		else
			n += (size_t)snprintf(text + n, sizeof(text) - n, "'%.*s'", (int)a->text.n,
					      span_slice(&span, a->text).p);
	}
	return text;
}

static const char *made_by(const struct span_options *options, const struct exchange *exchange,
			   const char *route)
{
	const struct attribute_source source = {resource, exchange, slice_of(route), 17};
	struct span_rules rules = rules_of(options);

	span_init(&span);
	span_make(&span, &rules, &source);
	return dump();
}

static const char *made(const struct exchange *exchange, const char *route)
{
	return made_by(&all, exchange, route);
}

static struct exchange of_kind(struct exchange e, enum protocol protocol)
{
	e.protocol = protocol;
	e.kind = protocol_kind(protocol);
	if (e.kind != EXCHANGE_HTTP && protocol != PROTOCOL_ELASTICSEARCH) {
		e.method = HTTP_OTHER;
		e.status = 0;
		e.host = slice_of("");
		e.target = slice_of("");
	}
	e.req_body = e.resp_body = 0;
	return e;
}

static struct exchange http(enum kh_role role, const char *target)
{
	struct exchange e = role == KH_ROLE_CLIENT ? called() : served();

	e.target = slice_of(target);
	e.conn.role = role;
	return e;
}

/* ---- HTTP ---- */

#define SERVED_FROM(host, port)                                                                    \
	" server.address='" host "' server.port=" port " client.address='10.0.0.9'"

static void http_servers(void **state)
{
	struct exchange e = http(KH_ROLE_SERVER, "/users/42?a=b&sig=secret");

	assert_string_equal(made(&e, "/users/{id}"),
			    "GET /users/{id} | server | http.request.method='GET' "
			    "http.response.status_code=200 "
			    "http.route='/users/{id}' url.scheme='http' url.path='/users/42' "
			    "url.query='a=b&sig=REDACTED' http.request.body.size=3 "
			    "http.response.body.size=1500" SERVED_FROM("shop.example", "8080"));
	assert_ptr_equal(span.resource, resource);
	assert_int_equal(span.start_ns, SECOND);
	assert_int_equal(span.end_ns, SECOND + 12 * MS);
	e = http(KH_ROLE_SERVER, "/");
	e.method = HTTP_OTHER;
	e.protocol = PROTOCOL_FASTCGI;
	e.host = slice_of("Shop.Example:81");
	e.req_body = 0;
	assert_string_equal(
		made(&e, ""),
		"HTTP | server | http.request.method='_OTHER' http.response.status_code=200 "
		"url.scheme='http' url.path='/' http.request.body.size=0 "
		"http.response.body.size=1500 "
		"network.protocol.name='fastcgi'" SERVED_FROM("shop.example", "81"));
	e.protocol = PROTOCOL_HTTP2;
	e.host = slice_of("");
	e.method = HTTP_POST;
	e.resp_body = UINT64_MAX;
	assert_string_equal(
		made(&e, "/"),
		"POST / | server | http.request.method='POST' http.response.status_code=200 "
		"http.route='/' url.scheme='http' url.path='/' http.request.body.size=0 "
		"http.response.body.size=9223372036854775807 network.protocol.version='2' "
		"server.port=8080 client.address='10.0.0.9'");
}

static void http_clients(void **state)
{
	struct exchange e = http(KH_ROLE_CLIENT, "/users/42?a=b&sig=secret");

	assert_string_equal(made(&e, "/users/{id}"),
			    "GET /users/{id} | client | http.request.method='GET' "
			    "http.response.status_code=200 "
			    "http.route='/users/{id}' url.scheme='http' "
			    "url.full='http://shop.example/users/42?a=b&sig=REDACTED' "
			    "http.request.body.size=3 http.response.body.size=1500 "
			    "server.address='shop.example' server.port=80");
	e.host = slice_of("");
	e.conn.rport = 8081;
	assert_non_null(
		strstr(made(&e, ""), "url.full='http://10.0.0.9:8081/users/42?a=b&sig=REDACTED'"));
	e.conn.rport = 80;
	e.conn.family = AF_INET6;
	inet_pton(AF_INET6, "fd00::9", e.conn.raddr);
	assert_non_null(strstr(made(&e, ""), "url.full='http://[fd00::9]/users/42?"));
	assert_non_null(strstr(made(&e, ""), "server.address='fd00::9' server.port=80"));
	e.host = slice_of("me:secret@shop");
	assert_non_null(strstr(made(&e, ""), "url.full='http://REDACTED:REDACTED@shop/users"));
	assert_null(strstr(made(&e, ""), "secret"));
	e.method = HTTP_CONNECT;
	e.target = slice_of("shop:443");
	assert_null(strstr(made(&e, ""), "url.full"));
}

static void status_and_error_type_of_http(void **state)
{
	static const struct {
		enum kh_role role;
		uint16_t status;
		enum exchange_error error;
		bool is_error;
		const char *type; /* NULL: none */
	} v[] = {
		{KH_ROLE_SERVER, 101, EXCHANGE_OK, false, NULL},
		{KH_ROLE_SERVER, 399, EXCHANGE_OK, false, NULL},
		{KH_ROLE_SERVER, 404, EXCHANGE_OK, false, NULL},
		{KH_ROLE_SERVER, 500, EXCHANGE_OK, true, "500"},
		{KH_ROLE_SERVER, 503, EXCHANGE_OK, true, "503"},
		{KH_ROLE_CLIENT, 302, EXCHANGE_OK, false, NULL},
		{KH_ROLE_CLIENT, 404, EXCHANGE_OK, true, "404"},
		{KH_ROLE_CLIENT, 500, EXCHANGE_OK, true, "500"},
		{KH_ROLE_SERVER, 0, EXCHANGE_RESET, true, "connection_reset"},
		{KH_ROLE_CLIENT, 200, EXCHANGE_CLOSED, true, "connection_closed"},
		{KH_ROLE_CLIENT, 0, EXCHANGE_BAD_ANSWER, true, "invalid_response"},
		{KH_ROLE_CLIENT, 0, EXCHANGE_TIMEOUT, true, "timeout"},
		{KH_ROLE_CLIENT, 0, EXCHANGE_CANCELLED, false, "cancelled"},
		{KH_ROLE_SERVER, 0, EXCHANGE_CANCELLED, false, "cancelled"},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct exchange e = http(v[i].role, "/");
		char type[64];
		const char *text;

		e.status = v[i].status;
		e.error = v[i].error;
		text = made(&e, "");
		snprintf(type, sizeof(type), " error.type='%s'", v[i].type ? v[i].type : "");
		if (v[i].type)
			assert_non_null(strstr(text, type));
		else
			assert_null(strstr(text, "error.type"));
		assert_int_equal(span.status, v[i].is_error ? SPAN_ERROR : SPAN_UNSET);
		/* sizes of what never came are not known */
		assert_int_equal(!!strstr(text, "http.response.body.size"), v[i].status > 0);
	}
}

static void what_http_carries(void **state)
{
	struct exchange e = of_kind(http(KH_ROLE_SERVER, "/graphql"), PROTOCOL_GRAPHQL);

	e.operation = slice_of("query");
	e.collection = slice_of("Books");
	assert_string_equal(
		made(&e, "/graphql"),
		"GraphQL query | server | http.request.method='GET' http.response.status_code=200 "
		"http.route='/graphql' url.scheme='http' url.path='/graphql' "
		"http.request.body.size=0 http.response.body.size=0 "
		"graphql.operation.type='query' "
		"graphql.operation.name='Books'" SERVED_FROM("shop.example", "8080"));
	e.operation = slice_of("");
	made(&e, "/graphql");
	assert_true(slice_is(span_slice(&span, span.name), "GraphQL Operation"));
	e.conn.role = KH_ROLE_CLIENT;
	made(&e, "/graphql");
	assert_true(slice_is(span_slice(&span, span.name), "GET /graphql"));

	e = of_kind(http(KH_ROLE_CLIENT, "/bucket/key?X-Amz-Signature=secret"), PROTOCOL_S3);
	e.operation = slice_of("GetObject");
	assert_string_equal(
		made(&e, ""),
		"S3.GetObject | client | http.request.method='GET' http.response.status_code=200 "
		"url.scheme='http' "
		"url.full='http://shop.example/bucket/key?X-Amz-Signature=REDACTED' "
		"http.request.body.size=0 http.response.body.size=0 rpc.system.name='aws-api' "
		"rpc.method='S3/GetObject' server.address='shop.example' server.port=80");
	e.protocol = PROTOCOL_SQS;
	e.operation = slice_of("SendMessage");
	assert_non_null(strstr(made(&e, ""), "rpc.method='SQS/SendMessage'"));
	assert_true(slice_is(span_slice(&span, span.name), "SQS.SendMessage"));
	e.operation = slice_of("");
	made(&e, "");
	assert_true(slice_is(span_slice(&span, span.name), "GET"));
}

/* ---- calls ---- */

static void remote_procedure_calls(void **state)
{
	struct exchange e = of_kind(called(), PROTOCOL_GRPC);

	e.operation = slice_of("shop.Cart/Add");
	e.code = slice_of("OK");
	assert_string_equal(made(&e, ""), "shop.Cart/Add | client | rpc.system.name='grpc' "
					  "rpc.method='shop.Cart/Add' rpc.status_code='OK' "
					  "server.address='10.0.0.9' server.port=80");
	e.failed = true;
	e.code = slice_of("NOT_FOUND");
	assert_string_equal(made(&e, ""),
			    "shop.Cart/Add | client error | rpc.system.name='grpc' "
			    "rpc.method='shop.Cart/Add' rpc.status_code='NOT_FOUND' "
			    "server.address='10.0.0.9' server.port=80 error.type='NOT_FOUND'");
	e = of_kind(served(), PROTOCOL_GRPC);
	e.failed = true;
	e.code = slice_of("NOT_FOUND");
	assert_string_equal(made(&e, ""), "grpc | server | rpc.system.name='grpc' "
					  "rpc.status_code='NOT_FOUND' server.port=8080 "
					  "client.address='10.0.0.9'");
	e.code = slice_of("UNAVAILABLE");
	assert_non_null(strstr(made(&e, ""), "server error |"));
	assert_non_null(strstr(dump(), "error.type='UNAVAILABLE'"));

	/* The caller gave up: the code says so, and to the client any but OK is an error. */
	e = of_kind(called(), PROTOCOL_GRPC);
	e.error = EXCHANGE_CANCELLED;
	made(&e, "");
	assert_int_equal(span.status, SPAN_UNSET);
	e.failed = true;
	e.code = slice_of("CANCELLED");
	made(&e, "");
	assert_int_equal(span.status, SPAN_ERROR);

	e = of_kind(called(), PROTOCOL_JSONRPC);
	e.operation = slice_of("sum");
	e.failed = true;
	e.code = slice_of("-32601");
	assert_string_equal(made(&e, ""), "sum | client error | rpc.system.name='jsonrpc' "
					  "rpc.method='sum' rpc.status_code='-32601' "
					  "server.address='10.0.0.9' server.port=80 "
					  "error.type='-32601'");
}

static void databases(void **state)
{
	struct exchange e = queried();

	assert_string_equal(made(&e, ""),
			    "SELECT orders | client | db.system.name='postgresql' "
			    "db.namespace='shop' db.operation.name='SELECT' "
			    "db.collection.name='orders' db.query.summary='SELECT orders' "
			    "server.address='10.0.0.9' server.port=5432");
	e.failed = true;
	e.code = slice_of("42P01");
	assert_non_null(strstr(made(&e, ""), "SELECT orders | client error |"));
	assert_non_null(strstr(dump(), " db.response.status_code='42P01' "));
	assert_non_null(strstr(dump(), " error.type='42P01'"));
	e.code = slice_of("");
	assert_non_null(strstr(made(&e, ""), " error.type='_OTHER'"));
	e.failed = false;
	e.error = EXCHANGE_RESET;
	assert_non_null(strstr(made(&e, ""), "client error |"));
	assert_non_null(strstr(dump(), " error.type='connection_reset'"));

	e = of_kind(called(), PROTOCOL_MONGODB);
	e.operation = slice_of("find");
	e.collection = slice_of("orders");
	made(&e, "");
	assert_true(slice_is(span_slice(&span, span.name), "find orders"));
	e.operation = slice_of("");
	made(&e, "");
	assert_true(slice_is(span_slice(&span, span.name), "orders"));

	e = of_kind(served(), PROTOCOL_REDIS);
	e.conn.lport = 6379;
	e.operation = slice_of("GET");
	e.namespace = slice_of("0");
	assert_string_equal(made(&e, ""),
			    "GET | server | db.system.name='redis' db.namespace='0' "
			    "db.operation.name='GET' server.port=6379 client.address='10.0.0.9'");
	e.operation = slice_of("");
	made(&e, "");
	assert_true(slice_is(span_slice(&span, span.name), "redis"));
}

/* What is searched for may stand in the query of the URL, and is never shown. */
static void searches_over_http(void **state)
{
	struct exchange e = of_kind(http(KH_ROLE_CLIENT, "/orders/_search?q=name:secret"),
				    PROTOCOL_ELASTICSEARCH);

	e.operation = slice_of("search");
	e.collection = slice_of("orders");
	assert_string_equal(
		made(&e, ""),
		"search orders | client | db.system.name='elasticsearch' "
		"db.operation.name='search' db.collection.name='orders' "
		"server.address='shop.example' server.port=80 http.request.method='GET' "
		"url.full='http://shop.example/orders/_search'");
}

static void messages(void **state)
{
	static const struct {
		enum kh_role role;
		enum messaging_action action;
		const char *operation, *expected;
	} v[] = {
		{KH_ROLE_CLIENT, MESSAGING_SEND, "publish", "publish jobs | producer |"},
		{KH_ROLE_CLIENT, MESSAGING_PROCESS, "deliver", "deliver jobs | consumer |"},
		{KH_ROLE_CLIENT, MESSAGING_RECEIVE, "get", "get jobs | client |"},
		{KH_ROLE_CLIENT, MESSAGING_SETTLE, "ack", "ack jobs | client |"},
		{KH_ROLE_CLIENT, MESSAGING_NONE, "subscribe", "subscribe jobs | client |"},
		{KH_ROLE_SERVER, MESSAGING_SEND, "publish", "publish jobs | server |"},
		{KH_ROLE_SERVER, MESSAGING_PROCESS, "deliver", "deliver jobs | server |"},
		{KH_ROLE_CLIENT, MESSAGING_SEND, "", "jobs | producer |"},
	};
	struct exchange e;

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		e = of_kind(v[i].role == KH_ROLE_CLIENT ? called() : served(), PROTOCOL_AMQP);
		e.action = v[i].action;
		e.operation = slice_of(v[i].operation);
		e.collection = slice_of("jobs");
		made(&e, "");
		if (strncmp(dump(), v[i].expected, strlen(v[i].expected)) != 0)
			fail_msg("%s, not %s", dump(), v[i].expected);
	}
	e = of_kind(called(), PROTOCOL_KAFKA);
	e.conn.rport = 9092;
	e.action = MESSAGING_RECEIVE;
	e.operation = slice_of("poll");
	e.collection = slice_of("jobs");
	e.group = slice_of("workers");
	assert_string_equal(
		made(&e, ""),
		"poll jobs | client | messaging.system.name='kafka' "
		"messaging.operation.name='poll' messaging.operation.type='receive' "
		"messaging.destination.name='jobs' messaging.consumer.group.name='workers' "
		"server.address='10.0.0.9' server.port=9092");
}

static void lookups(void **state)
{
	struct exchange e = of_kind(called(), PROTOCOL_DNS);

	e.conn.rport = 53;
	e.operation = slice_of("AAAA");
	e.collection = slice_of("shop.example");
	assert_string_equal(made(&e, ""), "DNS AAAA | client | dns.question.type='AAAA' "
					  "dns.question.name='shop.example' "
					  "server.address='10.0.0.9' server.port=53");
	e.failed = true;
	e.code = slice_of("NXDOMAIN");
	assert_non_null(strstr(made(&e, ""), "client error |"));
	assert_non_null(strstr(dump(), "error.type='NXDOMAIN'"));
	e.operation = slice_of("");
	made(&e, "");
	assert_true(slice_is(span_slice(&span, span.name), "DNS"));
}

/* ---- what is chosen ---- */

static void other_versions_have_other_names(void **state)
{
	struct span_options o = all;
	struct exchange e = of_kind(called(), PROTOCOL_GRPC);

	e.failed = true;
	e.code = slice_of("NOT_FOUND");
	o.semconv = SEMCONV_BEYLA;
	assert_non_null(strstr(made_by(&o, &e, ""), "rpc.system.name='grpc' "
						    "rpc.response.status_code='NOT_FOUND'"));
	o.semconv = SEMCONV_BEYLA_3_20;
	assert_non_null(strstr(made_by(&o, &e, ""), "rpc.system='grpc' rpc.grpc.status_code=5 "));
	assert_non_null(strstr(dump(), "error.type='NOT_FOUND'"));
	e.protocol = PROTOCOL_JSONRPC;
	e.code = slice_of("OK");
	assert_non_null(strstr(made_by(&o, &e, ""), "rpc.grpc.status_code='OK' "));
	e = of_kind(called(), PROTOCOL_NATS);
	assert_non_null(strstr(made_by(&o, &e, ""), "messaging.system='nats'"));
}

static const char *selected(const char *key, const char *include, const char *exclude,
			    const struct exchange *exchange)
{
	const struct select_section section = {key, &include, &exclude, *include != '\0',
					       *exclude != '\0'};
	struct span_options o = all;

	o.select = (struct select_sections){&section, 1};
	return made_by(&o, exchange, "");
}

static void attributes_are_chosen(void **state)
{
	struct exchange e = http(KH_ROLE_SERVER, "/a?b=c");
	struct exchange dns = of_kind(called(), PROTOCOL_DNS);

	e.tgid = 4711;
	assert_null(strstr(made(&e, ""), "pid"));
	/* An include leaves all that Beyla always has, and takes the other defaults away. */
	made(&e, "");
	assert_non_null(strstr(dump(), "url.query"));
	selected("traces", "*pid", "", &e);
	assert_non_null(strstr(dump(), " process.pid=17 keyhole.process.host_pid=4711"));
	assert_non_null(strstr(dump(), " url.path='/a' http"));
	assert_null(strstr(dump(), "url.query"));
	selected("traces", "network_peer_*", "", &e);
	assert_non_null(strstr(dump(), " network.peer.address='10.0.0.9' network.peer.port=41000"));
	selected("traces", "", "url_*", &e);
	assert_null(strstr(dump(), "url"));
	assert_non_null(strstr(dump(), "server.address"));
	/* Of a glob, which is about metrics, spans lose what Beyla's would. */
	selected("*", "", "url.*", &e);
	assert_non_null(strstr(dump(), " url.path='/a' http"));
	assert_null(strstr(dump(), "url.query"));
	selected("*", "server.*", "", &e);
	assert_null(strstr(dump(), "url.query"));
	selected("http_*", "server.*", "url.*", &e);
	assert_non_null(strstr(dump(), "url.query"));
	dns.collection = slice_of("shop.example");
	selected("traces", "", "dns.question.name", &dns);
	assert_null(strstr(dump(), "shop"));
	/* A client's URL goes with its query, or without. */
	e.conn.role = KH_ROLE_CLIENT;
	selected("traces", "", "url.query", &e);
	assert_non_null(strstr(dump(), "url.full='http://shop.example/a' "));
}

static void parameters_are_chosen(void **state)
{
	static const char *const secret[] = {"token"}, *const open[] = {"sig", "token"};
	struct span_options o = all;
	struct exchange e = http(KH_ROLE_SERVER, "/?sig=a&token=b&Signature=c");

	o.secret = secret;
	o.secrets_n = 1;
	o.open = open;
	o.open_n = 2;
	assert_non_null(
		strstr(made_by(&o, &e, ""), "url.query='sig=a&token=REDACTED&Signature=REDACTED'"));
}

static void receivers_are_told_not_to_make_metrics_again(void **state)
{
	struct span_options o = all;
	struct exchange e = of_kind(called(), PROTOCOL_REDIS);
	const char *end = " span.metrics.skip=true";

	assert_null(strstr(made_by(&o, &e, ""), "skip"));
	o.metrics_made = true;
	made_by(&o, &e, "");
	assert_string_equal(dump() + strlen(dump()) - strlen(end), end);
}

static void only_some_protocols_make_spans(void **state)
{
	struct span_options o = {.protocols = 1ull << PROTOCOL_HTTP | 1ull << PROTOCOL_DNS};
	struct span_rules rules = rules_of(&o);
	struct exchange e = served();

	assert_true(span_is_made(&rules, &e));
	e.kind = EXCHANGE_ENCRYPTED; /* there is no exchange to speak of */
	assert_false(span_is_made(&rules, &e));
	e = queried();
	assert_false(span_is_made(&rules, &e));
	e = of_kind(called(), PROTOCOL_DNS);
	assert_true(span_is_made(&rules, &e));
}

static size_t name_peer(void *arg, const struct exchange *exchange, char *buf, size_t size)
{
	memcpy(buf, "cart\xff", 5);
	return 5;
}

static void peers_have_names(void **state)
{
	struct span_options o = all;
	struct exchange e = served();

	o.namer.name = name_peer;
	assert_non_null(strstr(made_by(&o, &e, ""), "client.address='cart\xef\xbf\xbd'"));
	e = queried();
	assert_non_null(strstr(made_by(&o, &e, ""), "server.address='cart\xef\xbf\xbd'"));
}

/* ---- what is hostile ---- */

static bool is_utf8(struct slice text)
{
	char out[SPAN_TEXT_MAX];

	return utf8_clean(text, out, sizeof(out)) == text.n && memcmp(out, text.p, text.n) == 0;
}

/* All texts of an exchange are `fill`, as long as they come. */
static void flood(struct exchange *e, const char *fill, size_t n)
{
	struct slice text = {fill, n};

	e->host = e->operation = e->collection = e->namespace = e->summary = text;
	e->code = e->group = e->target = text;
}

static void nothing_that_is_sent_breaks_a_span(void **state)
{
	static const char *const fills[] = {"/a?sig=b&",  "\xff\xfe/?%", "\xf0\x9f\x92\xa9",
					    "a\n\"\\\0b", "@[:]",        "%"};
	struct span_options o = all;
	const char *include = "*";
	const struct select_section everything = {"traces", &include, NULL, 1, 0};
	char bytes[5000];

	o.select = (struct select_sections){&everything, 1};
	o.metrics_made = true;
	for (unsigned int i = 0; i < PROTOCOLS * 2 * sizeof(fills) / sizeof(*fills); i++) {
		const char *fill = fills[i / 2 / PROTOCOLS];
		size_t length = strlen(fill) ? strlen(fill) : 1;
		struct exchange e = i & 1 ? called() : served();
		struct span_rules rules = rules_of(&o);
		struct attribute_source source = {resource, &e, {bytes, sizeof(bytes)}, 1};

		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = fill[k % length];
		bytes[0] = '/';
		e.protocol = i / 2 % PROTOCOLS;
		e.kind = protocol_kind(e.protocol);
		e.failed = true;
		e.tgid = 1;
		flood(&e, bytes, sizeof(bytes));
		span_init(&span);
		span_make(&span, &rules, &source);
		assert_in_range(span.text_n, 1, SPAN_TEXT_MAX);
		assert_in_range(span.name.n, 1, SPAN_NAME_MAX);
		assert_true(is_utf8(span_slice(&span, span.name)));
		assert_in_range(span.attrs_n + span.dropped_attrs, 5, SPAN_ATTRS_MAX - 4);
		for (unsigned int k = 0; k < span.attrs_n; k++) {
			if (span.attr[k].is_int || span.attr[k].is_true)
				continue;
			assert_in_range(span.attr[k].text.n, 1, SPAN_VALUE_MAX);
			assert_in_range(span.attr[k].text.at + span.attr[k].text.n, 1, span.text_n);
			assert_true(is_utf8(span_slice(&span, span.attr[k].text)));
		}
	}
}

/* A clock that stepped, or an answer before its request, makes no span that ends before it began.
 */
static void a_span_never_ends_before_it_begins(void **state)
{
	struct exchange e = served();

	e.end_ns = e.start_ns - 1;
	made(&e, "");
	assert_int_equal(span.start_ns, e.start_ns);
	assert_int_equal(span.end_ns, e.start_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http_servers),
		cmocka_unit_test(http_clients),
		cmocka_unit_test(status_and_error_type_of_http),
		cmocka_unit_test(what_http_carries),
		cmocka_unit_test(remote_procedure_calls),
		cmocka_unit_test(databases),
		cmocka_unit_test(searches_over_http),
		cmocka_unit_test(messages),
		cmocka_unit_test(lookups),
		cmocka_unit_test(other_versions_have_other_names),
		cmocka_unit_test(attributes_are_chosen),
		cmocka_unit_test(parameters_are_chosen),
		cmocka_unit_test(receivers_are_told_not_to_make_metrics_again),
		cmocka_unit_test(only_some_protocols_make_spans),
		cmocka_unit_test(peers_have_names),
		cmocka_unit_test(nothing_that_is_sent_breaks_a_span),
		cmocka_unit_test(a_span_never_ends_before_it_begins),
	};

	return cmocka_run_group_tests_name("trace make", tests, setup, teardown);
}
