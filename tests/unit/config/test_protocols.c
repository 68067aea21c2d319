/* SPDX-License-Identifier: Apache-2.0 */
/* instrumentations, payload_extraction and semconv: which protocols are on, and what is called how.
 */
#include "parsed.h"

#include "protocol/exchange.h"

#define P(e) (1ull << PROTOCOL_##e)
#define WEB (P(HTTP) | P(HTTP2) | P(FASTCGI))
#define SQL (P(POSTGRESQL) | P(MYSQL) | P(MARIADB) | P(MSSQL))
#define PAYLOADS (P(GRAPHQL) | P(ELASTICSEARCH) | P(OPENSEARCH) | P(JSONRPC) | P(S3) | P(SQS))

static struct parsed p;

static int teardown(void **state)
{
	config_free(p.config);
	p.config = NULL;
	return 0;
}

static const struct config *read_it(const char *text)
{
	config_free(p.config);
	p.config = NULL;
	parse_text(&p, text);
	assert_string_equal(p.said, "");
	return p.config;
}

static const struct config *with(const char *words)
{
	char text[200];

	snprintf(text, sizeof(text), "prometheus_export: {instrumentations: [%s]}\n", words);
	return read_it(text);
}

static void each_word_switches_its_protocols_on(void **state)
{
	static const struct {
		const char *words;
		uint64_t protocols;
	} v[] = {
		{"http", WEB},
		{"grpc", P(GRPC)},
		{"sql", SQL},
		{"redis", P(REDIS)},
		{"memcached", P(MEMCACHED)},
		{"mongo", P(MONGODB)},
		{"cassandra", P(CASSANDRA)},
		{"kafka", P(KAFKA)},
		{"amqp", P(AMQP) | P(AMQP1)},
		{"mqtt", P(MQTT)},
		{"nats", P(NATS)},
		{"dns", P(DNS)},
		{"postgresql", P(POSTGRESQL)},
		{"mysql", P(MYSQL) | P(MARIADB)},
		{"mssql", P(MSSQL)},
		{"fastcgi", P(FASTCGI)},
		{"HTTP, sql, dns", WEB | SQL | P(DNS)},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		assert_int_equal(config_protocols(with(v[i].words)), v[i].protocols);
}

static void all_of_them_are_on_by_default(void **state)
{
	uint64_t all = ((1ull << PROTOCOLS) - 1) & ~PAYLOADS;

	assert_int_equal(config_protocols(read_it("")), all);
	assert_int_equal(config_protocols(with("'*'")), all);
}

static void spans_are_of_all_but_lookups_unless_told(void **state)
{
	uint64_t most = ((1ull << PROTOCOLS) - 1) & ~PAYLOADS & ~P(DNS);

	assert_int_equal(config_traced(read_it("")), most);
	/* whatever there are metrics of */
	assert_int_equal(config_traced(with("dns")), most);
	assert_int_equal(config_traced(read_it("otel_traces_export: {instrumentations: ['*']}\n")),
			 most | P(DNS));
	assert_int_equal(config_traced(read_it("otel_traces_export:\n"
					       "  instrumentations: [http, kafka]\n"
					       "ebpf: {payload_extraction: {http: {graphql: "
					       "{enabled: true}}}}\n")),
			 WEB | P(KAFKA) | P(GRAPHQL));
	assert_int_equal(config_protocols(p.config), most | P(DNS) | P(GRAPHQL));
	assert_int_equal(config_traced(read_it("otel_traces_export: {instrumentations: [kafka]}\n"
					       "ebpf: {payload_extraction: {http: {graphql: "
					       "{enabled: true}}}}\n")),
			 P(KAFKA));
}

static void spans_get_what_is_chosen_for_them(void **state)
{
	struct span_options o;

	config_spans(read_it("attributes:\n"
			     "  select: {traces: {exclude: [url.query]}}\n"
			     "  sensitive_query_params: {add: [a, b], remove: [sig]}\n"
			     "keyhole: {semconv: beyla}\n"
			     "otel_traces_export: {instrumentations: [redis]}\n"),
		     &o);
	assert_int_equal(o.select.n, 1);
	assert_string_equal(o.select.v[0].key, "traces");
	assert_int_equal(o.secrets_n, 2);
	assert_string_equal(o.secret[1], "b");
	assert_int_equal(o.open_n, 1);
	assert_string_equal(o.open[0], "sig");
	assert_int_equal(o.semconv, SEMCONV_BEYLA);
	assert_int_equal(o.protocols, P(REDIS));
}

static void what_http_carries_is_off_until_it_is_asked_for(void **state)
{
	static const struct {
		const char *name;
		uint64_t payloads;
	} v[] = {
		{"graphql", P(GRAPHQL)},
		{"elasticsearch", P(ELASTICSEARCH) | P(OPENSEARCH)},
		{"aws", P(S3) | P(SQS)},
		{"jsonrpc", P(JSONRPC)},
	};

	assert_int_equal(config_payloads(read_it("")), 0);
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		char text[200];

		snprintf(text, sizeof(text),
			 "ebpf: {payload_extraction: {http: {%s: {enabled: true}}}}\n", v[i].name);
		assert_int_equal(config_payloads(read_it(text)), v[i].payloads);
		assert_int_equal(config_protocols(p.config) & PAYLOADS, v[i].payloads);
		/* It is told from HTTP, which is not read then. */
		snprintf(text, sizeof(text),
			 "ebpf: {payload_extraction: {http: {%s: {enabled: true}}}}\n"
			 "prometheus_export: {instrumentations: [redis]}\n",
			 v[i].name);
		assert_int_equal(config_payloads(read_it(text)), v[i].payloads);
		assert_int_equal(config_protocols(p.config), P(REDIS));
	}
}

static void without_the_feature_nothing_is_on(void **state)
{
	parse_text(&p, "metrics: {features: []}\n");
	assert_int_not_equal(p.r, 0);
}

static void names_are_of_the_version_that_is_asked_for(void **state)
{
	assert_int_equal(read_it("")->keyhole.semconv, SEMCONV_CURRENT);
	assert_int_equal(read_it("keyhole: {semconv: beyla}\n")->keyhole.semconv, SEMCONV_BEYLA);
	assert_int_equal(read_it("keyhole: {semconv: beyla-3.20}\n")->keyhole.semconv,
			 SEMCONV_BEYLA_3_20);
}

static void sections_of_the_new_metrics_are_known_under_all_their_names(void **state)
{
	read_it("attributes:\n  select:\n"
		"    db.client.operation.duration: {include: [db.collection.name]}\n"
		"    rpc_server_duration_seconds: {exclude: [rpc.grpc.status_code, rpc_system]}\n"
		"    rpc_server_call_duration: {exclude: [rpc.response.status_code]}\n"
		"    \"messaging_*\": {include: [messaging.system]}\n"
		"    dns_lookup_duration: {include: [dns.question.name]}\n"
		"    keyhole.encrypted.connections: {include: [server.address]}\n");
}

#define T(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_word_switches_its_protocols_on),
		T(all_of_them_are_on_by_default),
		T(spans_are_of_all_but_lookups_unless_told),
		T(spans_get_what_is_chosen_for_them),
		T(what_http_carries_is_off_until_it_is_asked_for),
		T(without_the_feature_nothing_is_on),
		T(names_are_of_the_version_that_is_asked_for),
		T(sections_of_the_new_metrics_are_known_under_all_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
