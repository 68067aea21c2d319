/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges of kinds other than HTTP: which metric counts them, under which labels. */
#include "fixture.h"

#include "telemetry/call_values.h"

#include <errno.h>

#define ALL_KINDS ((1u << EXCHANGE_KINDS) - 1)

static struct telemetry_options options;
static struct telemetry *telemetry;
static struct resource *resource;

static void restart(void)
{
	telemetry_free(telemetry);
	telemetry = new_telemetry(&options);
}

static int setup(void **state)
{
	options = telemetry_defaults;
	options.kinds = ALL_KINDS;
	options.encrypted_connections = true;
	telemetry = NULL;
	resource = pod_resource("shop-1");
	restart();
	return 0;
}

static int teardown(void **state)
{
	telemetry_free(telemetry);
	resource_unref(resource);
	return 0;
}

static int count_it(const struct exchange *e)
{
	struct attribute_source source = {resource, e, slice_of(""), 7};

	return telemetry_count(telemetry, &source, SECOND, NULL);
}

static void add(const struct exchange *e)
{
	assert_int_equal(count_it(e), 0);
}

/* The labels that the one series has, those of its target left out. */
static void expect(enum telemetry_metric metric, const char *labels)
{
	struct found f = find(telemetry, metric, "");

	assert_int_equal(f.samples, 1);
	assert_string_equal(strchr(f.labels, '|') + 1, labels);
}

static struct exchange as_server(struct exchange e)
{
	uint16_t port = e.conn.rport;

	e.conn.role = KH_ROLE_SERVER;
	e.conn.rport = e.conn.lport;
	e.conn.lport = port;
	return e;
}

static struct exchange rpc(const char *code, bool failed)
{
	struct exchange e = queried();

	e.kind = EXCHANGE_RPC;
	e.protocol = PROTOCOL_GRPC;
	e.conn.rport = 50051;
	e.host = slice_of("Cart.Shop:50051");
	e.operation = slice_of("shop.Cart/Add");
	e.summary = e.namespace = e.collection = slice_of("");
	e.code = slice_of(code);
	e.failed = failed;
	return e;
}

static struct exchange message(enum messaging_action action)
{
	struct exchange e = queried();

	e.kind = EXCHANGE_MESSAGING;
	e.protocol = PROTOCOL_AMQP;
	e.conn.rport = 5672;
	e.action = action;
	e.operation = slice_of(action == MESSAGING_PROCESS ? "deliver" : "publish");
	e.summary = e.namespace = slice_of("");
	e.collection = slice_of("orders:new");
	e.group = slice_of("workers");
	return e;
}

static struct exchange question(void)
{
	struct exchange e = queried();

	e.kind = EXCHANGE_DNS;
	e.protocol = PROTOCOL_DNS;
	e.conn.rport = 53;
	e.operation = slice_of("AAAA");
	e.collection = slice_of("shop.example");
	e.summary = e.namespace = slice_of("");
	return e;
}

/* ---- which metric ---- */

static void each_kind_and_side_has_its_metric(void **state)
{
	const struct {
		struct exchange e;
		enum telemetry_metric client, server;
	} v[] = {
		{called(), TELEMETRY_CLIENT_DURATION, TELEMETRY_SERVER_DURATION},
		{rpc("OK", false), TELEMETRY_RPC_CLIENT_DURATION, TELEMETRY_RPC_SERVER_DURATION},
		{queried(), TELEMETRY_DB_CLIENT_DURATION, TELEMETRY_DB_SERVER_DURATION},
		{message(MESSAGING_SEND), TELEMETRY_MESSAGING_CLIENT_DURATION,
		 TELEMETRY_MESSAGING_SERVER_DURATION},
		{message(MESSAGING_PROCESS), TELEMETRY_MESSAGING_PROCESS_DURATION,
		 TELEMETRY_MESSAGING_SERVER_DURATION},
		{question(), TELEMETRY_DNS_LOOKUP_DURATION, TELEMETRY_DNS_SERVER_DURATION},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct exchange server = as_server(v[i].e);

		restart();
		add(&v[i].e);
		for (unsigned int m = 0; m < TELEMETRY_METRICS; m++) {
			bool sizes = v[i].client == TELEMETRY_CLIENT_DURATION &&
				     (m == TELEMETRY_CLIENT_REQUEST_SIZE ||
				      m == TELEMETRY_CLIENT_RESPONSE_SIZE);

			assert_int_equal(find(telemetry, m, "").count, m == v[i].client || sizes);
		}
		assert_int_equal(find(telemetry, v[i].client, "").sum, 12 * MS);
		add(&server);
		assert_int_equal(find(telemetry, v[i].client, "").count, 1);
		assert_int_equal(find(telemetry, v[i].server, "").count, 1);
		assert_int_equal(telemetry_stats(telemetry)->exchanges, 2);
	}
}

static void what_is_switched_off_has_no_family_and_is_not_counted(void **state)
{
	struct exchange e = queried(), h = called();

	options.kinds = 1u << EXCHANGE_DB;
	options.encrypted_connections = false;
	restart();
	add(&e);
	assert_int_equal(count_it(&h), -ENOENT);
	assert_int_equal(telemetry_encrypted(telemetry,
					     &(struct attribute_source){resource, &h, {0}, 0},
					     SECOND),
			 -ENOENT);
	for (unsigned int m = 0; m < TELEMETRY_METRICS; m++) {
		bool on = m == TELEMETRY_DB_CLIENT_DURATION || m == TELEMETRY_DB_SERVER_DURATION;

		assert_int_equal(telemetry_family(telemetry, m) != NULL, on);
		assert_int_equal(find(telemetry, m, "").count, m == TELEMETRY_DB_CLIENT_DURATION);
	}
	assert_int_equal(telemetry_stats(telemetry)->exchanges, 1);
}

static void databases_have_buckets_of_their_own(void **state)
{
	struct exchange e = queried(), m = message(MESSAGING_SEND);
	struct found f;

	e.end_ns = e.start_ns + MS; /* a value equal to a bound is within */
	add(&e);
	add(&m);
	f = find(telemetry, TELEMETRY_DB_CLIENT_DURATION, "");
	assert_int_equal(f.n, 9);
	assert_int_equal(f.counts[0], 1);
	assert_int_equal(find(telemetry, TELEMETRY_MESSAGING_CLIENT_DURATION, "").n, 15);
}

static void buckets_of_durations_are_those_of_databases_unless_they_are_the_default(void **state)
{
	static const double few[] = {0.5, 1};
	struct telemetry_options o = telemetry_defaults;
	double usual[HISTOGRAM_BOUNDS_MAX];

	memcpy(usual, o.duration.le, o.duration.n * sizeof(*usual));
	telemetry_set_durations(&o, (struct telemetry_buckets){usual, o.duration.n});
	assert_int_equal(o.db_duration.n, 9);
	telemetry_set_durations(&o, (struct telemetry_buckets){usual, 14});
	assert_int_equal(o.db_duration.n, 14);
	usual[14] = 11;
	telemetry_set_durations(&o, (struct telemetry_buckets){usual, 15});
	assert_int_equal(o.db_duration.n, 15);
	telemetry_set_durations(&o, (struct telemetry_buckets){few, 2});
	assert_int_equal(o.db_duration.n, 2);
	assert_int_equal(o.duration.n, 2);
}

/* ---- labels ---- */

static void labels_are_those_of_the_conventions(void **state)
{
	struct exchange e = queried(), r = rpc("OK", false), p = message(MESSAGING_PROCESS),
			m = message(MESSAGING_SEND), d = question(), s = as_server(e);

	add(&e);
	add(&r);
	add(&m);
	add(&p);
	add(&d);
	add(&s);
	expect(TELEMETRY_DB_CLIENT_DURATION,
	       "db_system_name=\"postgresql\",db_namespace=\"shop\",db_operation_name=\"SELECT\","
	       "db_query_summary=\"SELECT orders\",server_address=\"10.0.0.9\"");
	expect(TELEMETRY_DB_SERVER_DURATION,
	       "db_system_name=\"postgresql\",db_namespace=\"shop\",db_operation_name=\"SELECT\","
	       "db_query_summary=\"SELECT orders\",server_port=\"5432\"");
	expect(TELEMETRY_RPC_CLIENT_DURATION,
	       "rpc_system_name=\"grpc\",rpc_method=\"shop.Cart/Add\",rpc_status_code=\"OK\","
	       "server_address=\"cart.shop\"");
	expect(TELEMETRY_MESSAGING_CLIENT_DURATION,
	       "messaging_system_name=\"rabbitmq\",messaging_operation_name=\"publish\","
	       "messaging_destination_name=\"orders:new\",server_address=\"10.0.0.9\","
	       "messaging_operation_type=\"send\"");
	expect(TELEMETRY_MESSAGING_PROCESS_DURATION,
	       "messaging_system_name=\"rabbitmq\",messaging_operation_name=\"deliver\","
	       "messaging_destination_name=\"orders:new\",server_address=\"10.0.0.9\","
	       "messaging_operation_type=\"process\"");
	expect(TELEMETRY_DNS_LOOKUP_DURATION, "dns_question_type=\"AAAA\"");
}

static void all_that_can_be_asked_for_has_its_value(void **state)
{
	static const char *const all[] = {"*"}, *const targets[] = {"service*", "k8s*",
								    "job",      "instance",
								    "host*",    "container*"};
	const struct select_section sections[] = {{.key = "*",
						   .include = all,
						   .include_count = 1,
						   .exclude = targets,
						   .exclude_count = 6}};
	struct exchange e = queried(), m = message(MESSAGING_SEND), d = question();

	e = as_server(e);
	m = as_server(m);
	d = as_server(d);
	e.failed = d.failed = true;
	e.code = slice_of("42P01");
	d.code = slice_of("NXDOMAIN");
	e.tgid = 7000;
	options.select = (struct select_sections){sections, 1};
	restart();
	add(&e);
	add(&m);
	add(&d);
	expect(TELEMETRY_DB_SERVER_DURATION,
	       "db_system_name=\"postgresql\",db_namespace=\"shop\",db_operation_name=\"SELECT\","
	       "db_collection_name=\"orders\",db_query_summary=\"SELECT orders\","
	       "db_response_status_code=\"42P01\",error_type=\"42P01\",client_address=\"10.0.0.9\","
	       "server_port=\"5432\",process_pid=\"7\",keyhole_process_host_pid=\"7000\"");
	expect(TELEMETRY_MESSAGING_SERVER_DURATION,
	       "messaging_system_name=\"rabbitmq\",messaging_operation_name=\"publish\","
	       "messaging_destination_name=\"orders:new\","
	       "messaging_consumer_group_name=\"workers\",client_address=\"10.0.0.9\","
	       "messaging_operation_type=\"send\",server_port=\"5672\",process_pid=\"7\"");
	expect(TELEMETRY_DNS_SERVER_DURATION,
	       "dns_question_type=\"AAAA\",dns_question_name=\"shop.example\","
	       "error_type=\"NXDOMAIN\",client_address=\"10.0.0.9\",server_port=\"53\","
	       "process_pid=\"7\"");
}

static void each_protocol_but_the_webs_has_a_system(void **state)
{
	for (unsigned int p = 0; p < PROTOCOLS; p++) {
		enum exchange_kind kind = protocol_kind((enum protocol)p);
		bool named = *call_system_name((enum protocol)p) != '\0';

		assert_int_equal(named, kind != EXCHANGE_HTTP && kind != EXCHANGE_DNS);
	}
}

static void fastcgi_and_http2_are_told_from_http1(void **state)
{
	static const char *const both[] = {"network.protocol.*"};
	const struct select_section sections[] = {
		{.key = "*", .include = both, .include_count = 1}};
	struct exchange e = served();

	e.protocol = PROTOCOL_FASTCGI;
	add(&e);
	assert_int_equal(
		find(telemetry, TELEMETRY_SERVER_DURATION, "network_protocol_name=\"fastcgi\"")
			.count,
		1);
	options.select = (struct select_sections){sections, 1};
	restart();
	e.protocol = PROTOCOL_HTTP2;
	add(&e);
	expect(TELEMETRY_SERVER_DURATION, "network_protocol_version=\"2\"");
	e.protocol = PROTOCOL_HTTP;
	add(&e);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").samples, 2);
}

static void what_http_carries_has_its_operation(void **state)
{
	static const char *const all[] = {"graphql.*", "rpc.*"};
	const struct select_section sections[] = {{.key = "*", .include = all, .include_count = 2}};
	struct exchange e = served();
	char text[LABEL_VALUE_MAX];
	struct attribute_source source = {resource, &e, slice_of(""), 0};

	e.protocol = PROTOCOL_GRAPHQL;
	e.operation = slice_of("mutation");
	e.collection = slice_of("addToCart");
	add(&e);
	assert_int_equal(
		find(telemetry, TELEMETRY_SERVER_DURATION, ",graphql_operation_type=\"mutation\"")
			.count,
		1);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "addToCart").count, 0);
	options.select = (struct select_sections){sections, 1};
	restart();
	add(&e);
	expect(TELEMETRY_SERVER_DURATION, "graphql_operation_type=\"mutation\","
					  "graphql_operation_name=\"addToCart\"");
	assert_int_equal(exchange_value(text, ATTR_GRAPHQL_NAME, &source, &options.namer), 9);
	assert_int_equal(exchange_value(text, ATTR_RPC_METHOD, &source, &options.namer), 0);
	assert_int_equal(exchange_value(text, ATTR_RPC_SYSTEM, &source, &options.namer), 0);
	e.protocol = PROTOCOL_S3;
	e.operation = slice_of("GetObject");
	restart();
	add(&e);
	expect(TELEMETRY_SERVER_DURATION,
	       "rpc_system_name=\"aws-api\",rpc_method=\"S3/GetObject\"");
	assert_int_equal(exchange_value(text, ATTR_RPC_METHOD, &source, &options.namer), 12);
	assert_int_equal(exchange_value(text, ATTR_GRAPHQL_TYPE, &source, &options.namer), 0);
	options.semconv = SEMCONV_BEYLA_3_20;
	restart();
	add(&e);
	expect(TELEMETRY_SERVER_DURATION, "rpc_system=\"aws-api\",rpc_method=\"S3/GetObject\"");
}

static void error_type_is_the_code_of_a_failure_else_how_it_broke(void **state)
{
	static const struct {
		bool failed;
		const char *code;
		enum exchange_error error;
		const char *type;
	} v[] = {
		{false, "", EXCHANGE_OK, ""},
		{false, "00000", EXCHANGE_OK, ""},
		{true, "42P01", EXCHANGE_OK, "42P01"},
		{true, "42P01", EXCHANGE_RESET, "42P01"},
		{true, "", EXCHANGE_OK, "_OTHER"},
		{false, "", EXCHANGE_TIMEOUT, "timeout"},
		{false, "", EXCHANGE_CANCELLED, "cancelled"},
		{false, "", EXCHANGE_RESET, "connection_reset"},
		{false, "", EXCHANGE_CLOSED, "connection_closed"},
		{false, "", EXCHANGE_BAD_ANSWER, "invalid_response"},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct exchange e = queried();
		char with[64];

		e.failed = v[i].failed;
		e.code = slice_of(v[i].code);
		e.error = v[i].error;
		restart();
		add(&e);
		snprintf(with, sizeof(with), ",error_type=\"%s\"", v[i].type);
		assert_int_equal(find(telemetry, TELEMETRY_DB_CLIENT_DURATION, with).count,
				 *v[i].type != '\0');
		/* Of a success there is none, whatever the protocol calls it. */
		assert_int_equal(
			find(telemetry, TELEMETRY_DB_CLIENT_DURATION, "db_response_status_code")
				.count,
			v[i].failed && *v[i].code);
	}
}

static void a_server_of_grpc_is_at_fault_for_its_own_errors_only(void **state)
{
	static const struct {
		const char *code;
		bool server;
	} v[] = {
		{"CANCELLED", false},        {"UNKNOWN", true},         {"INVALID_ARGUMENT", false},
		{"DEADLINE_EXCEEDED", true}, {"NOT_FOUND", false},      {"UNIMPLEMENTED", true},
		{"INTERNAL", true},          {"UNAVAILABLE", true},     {"DATA_LOSS", true},
		{"UNAUTHENTICATED", false},  {"ALREADY_EXISTS", false},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct exchange client = rpc(v[i].code, true), server = as_server(client);

		restart();
		add(&client);
		add(&server);
		assert_int_equal(find(telemetry, TELEMETRY_RPC_CLIENT_DURATION, "error_type").count,
				 1);
		assert_int_equal(find(telemetry, TELEMETRY_RPC_SERVER_DURATION, "error_type").count,
				 v[i].server);
		assert_int_equal(
			find(telemetry, TELEMETRY_RPC_SERVER_DURATION, "rpc_status_code").count, 1);
	}
}

/* ---- hostile texts ---- */

static void hostile_texts_are_clean_and_cut(void **state)
{
	static char longest[3 * LABEL_VALUE_MAX];
	struct exchange e = queried();
	struct found f;

	memset(longest, 'x', sizeof(longest));
	e.operation = slice_of("A\xff\"\n");
	e.summary = (struct slice){longest, sizeof(longest)};
	e.namespace = (struct slice){longest, sizeof(longest)};
	add(&e);
	/* The same, once they are clean and cut: two series with equal labels spoil a scrape. */
	e.summary.n = LABEL_VALUE_MAX + 1;
	e.operation = slice_of("A\xfe\"\n");
	add(&e);
	f = find(telemetry, TELEMETRY_DB_CLIENT_DURATION, "");
	assert_int_equal(f.samples, 1);
	assert_int_equal(f.count, 2);
	assert_non_null(strstr(f.labels, "db_operation_name=\"A\xef\xbf\xbd\\\""));
	assert_true(strlen(f.labels) < 3 * LABEL_VALUE_MAX + 400);
}

static void texts_do_not_run_into_each_other(void **state)
{
	struct exchange a = queried(), b = queried();

	a.namespace = slice_of("ab");
	a.operation = slice_of("c");
	b.namespace = slice_of("a");
	b.operation = slice_of("bc");
	add(&a);
	add(&b);
	assert_int_equal(find(telemetry, TELEMETRY_DB_CLIENT_DURATION, "").samples, 2);
}

static void beyond_the_limit_they_go_to_the_overflow_series(void **state)
{
	struct exchange e = queried();
	char name[16];

	options.series_max = 3;
	restart();
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "OP%d", i);
		e.operation = slice_of(name);
		add(&e);
	}
	assert_int_equal(find(telemetry, TELEMETRY_DB_CLIENT_DURATION, "").samples, 4);
	assert_int_equal(find(telemetry, TELEMETRY_DB_CLIENT_DURATION, "overflow").count, 7);
	assert_int_equal(telemetry_stats(telemetry)->overflows, 7);
}

/* ---- encrypted connections ---- */

static void encrypted_connections_are_counted_by_side(void **state)
{
	struct exchange c = called(), s = served(), nobody = served();
	struct attribute_source source = {resource, &c, slice_of(""), 7};

	assert_int_equal(telemetry_encrypted(telemetry, &source, SECOND), 0);
	c.kind = EXCHANGE_ENCRYPTED;
	assert_int_equal(attribute_owner_of(&c), OWNER_CONNECTION);
	assert_int_equal(telemetry_encrypted(telemetry, &source, SECOND), 0);
	source.exchange = &s;
	assert_int_equal(telemetry_encrypted(telemetry, &source, SECOND), 0);
	nobody.conn.role = KH_ROLE_UNKNOWN;
	source.exchange = &nobody;
	assert_int_equal(telemetry_encrypted(telemetry, &source, SECOND), -EINVAL);
	assert_true(telemetry_family(telemetry, TELEMETRY_ENCRYPTED_CONNECTIONS)->counter);
	assert_int_equal(find(telemetry, TELEMETRY_ENCRYPTED_CONNECTIONS, "").samples, 2);
	assert_int_equal(
		find(telemetry, TELEMETRY_ENCRYPTED_CONNECTIONS, "service_name=\"shop\"").samples,
		2);
	assert_int_equal(
		find(telemetry, TELEMETRY_ENCRYPTED_CONNECTIONS, "|keyhole_side=\"client\"").count,
		2);
	assert_int_equal(
		find(telemetry, TELEMETRY_ENCRYPTED_CONNECTIONS, "|keyhole_side=\"server\"").count,
		1);
	assert_int_equal(telemetry_stats(telemetry)->exchanges, 0);
	assert_int_equal(infos_of(telemetry).n, 1);
}

/* ---- the time that they asked for ---- */

static void operations_that_ask_to_wait_are_counted_with_their_time(void **state)
{
	struct exchange e = queried();

	e.protocol = PROTOCOL_REDIS;
	e.operation = slice_of("BLPOP");
	e.waits = true;
	e.end_ns = e.start_ns + 5 * SECOND;
	add(&e);
	assert_int_equal(
		find(telemetry, TELEMETRY_DB_CLIENT_DURATION, "db_operation_name=\"BLPOP\"").sum,
		5 * SECOND);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_kind_and_side_has_its_metric),
		T(what_is_switched_off_has_no_family_and_is_not_counted),
		T(databases_have_buckets_of_their_own),
		T(buckets_of_durations_are_those_of_databases_unless_they_are_the_default),
		T(labels_are_those_of_the_conventions),
		T(all_that_can_be_asked_for_has_its_value),
		T(each_protocol_but_the_webs_has_a_system),
		T(fastcgi_and_http2_are_told_from_http1),
		T(what_http_carries_has_its_operation),
		T(error_type_is_the_code_of_a_failure_else_how_it_broke),
		T(a_server_of_grpc_is_at_fault_for_its_own_errors_only),
		T(hostile_texts_are_clean_and_cut),
		T(texts_do_not_run_into_each_other),
		T(beyond_the_limit_they_go_to_the_overflow_series),
		T(encrypted_connections_are_counted_by_side),
		T(operations_that_ask_to_wait_are_counted_with_their_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
