/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges counted once more: as spans, and as edges of the service graph. */
#include "fixture.h"

#include "telemetry/span_name.h"

#include <errno.h>

#define ALL (TELEMETRY_SPANS | TELEMETRY_SPANS_OTEL | TELEMETRY_SPAN_SIZES | TELEMETRY_GRAPH)

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
	options.features = ALL;
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

/* ---- names, kinds, status ---- */

static void a_span_is_called_as_the_conventions_say(void **state)
{
	struct exchange get = served(), graphql = served(), s3 = called(), rpc = served();
	struct exchange query = queried(), plain = queried(), bare = queried(), kafka = called();
	const struct {
		const struct exchange *exchange;
		const char *route, *name;
	} v[] = {
		{&get, "/item/:id", "GET /item/:id"},
		{&get, "", "GET"},
		{&graphql, "/graphql", "GraphQL query"},
		{&s3, "", "S3.GetObject"},
		{&rpc, "", "shop.Cart/Add"},
		{&query, "", "SELECT orders"},
		{&plain, "", "GET orders"},
		{&bare, "", "redis"},
		{&kafka, "", "publish orders"},
	};
	char name[LABEL_VALUE_MAX];

	graphql.protocol = PROTOCOL_GRAPHQL;
	graphql.operation = slice_of("query");
	s3.protocol = PROTOCOL_S3;
	s3.operation = slice_of("GetObject");
	rpc.kind = EXCHANGE_RPC;
	rpc.protocol = PROTOCOL_GRPC;
	rpc.operation = slice_of("shop.Cart/Add");
	plain.summary = slice_of("");
	plain.operation = slice_of("GET");
	bare.protocol = PROTOCOL_REDIS;
	bare.summary = bare.operation = bare.collection = slice_of("");
	kafka.kind = EXCHANGE_MESSAGING;
	kafka.protocol = PROTOCOL_KAFKA;
	kafka.operation = slice_of("publish");
	kafka.collection = slice_of("orders");
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct attribute_source source = {resource, v[i].exchange, slice_of(v[i].route), 0};
		size_t n = span_name(name, &source);

		assert_int_equal(n, strlen(v[i].name));
		assert_memory_equal(name, v[i].name, n);
	}
}

static void a_name_is_clean_and_has_its_bound(void **state)
{
	struct exchange get = served();
	char route[2 * LABEL_VALUE_MAX], name[LABEL_VALUE_MAX];
	struct attribute_source source = {resource, &get, {route, sizeof(route)}, 0};

	memset(route, 'x', sizeof(route));
	assert_int_equal(span_name(name, &source), LABEL_VALUE_MAX);
	source.route = slice_of("/a\xff");
	assert_int_equal(span_name(name, &source), strlen("GET /a\xef\xbf\xbd"));
	assert_memory_equal(name, "GET /a\xef\xbf\xbd", strlen("GET /a\xef\xbf\xbd"));
}

static void messages_are_produced_and_consumed(void **state)
{
	static const enum span_role role[] = {
		[MESSAGING_NONE] = SPAN_ROLE_CLIENT,    [MESSAGING_SEND] = SPAN_ROLE_PRODUCER,
		[MESSAGING_RECEIVE] = SPAN_ROLE_CLIENT, [MESSAGING_PROCESS] = SPAN_ROLE_CONSUMER,
		[MESSAGING_SETTLE] = SPAN_ROLE_CLIENT,
	};
	struct exchange e = called();

	e.kind = EXCHANGE_MESSAGING;
	for (unsigned int action = 0; action < sizeof(role) / sizeof(*role); action++) {
		e.action = (enum messaging_action)action;
		e.conn.role = KH_ROLE_CLIENT;
		assert_int_equal(span_role(&e), role[action]);
		e.conn.role = KH_ROLE_SERVER;
		assert_int_equal(span_role(&e), SPAN_ROLE_SERVER);
	}
}

static void it_failed_where_error_type_says_so(void **state)
{
	struct exchange s = served(), c = called(), q = queried();

	s.status = c.status = 404;
	assert_false(span_failed(&s));
	assert_true(span_failed(&c));
	s.status = 500;
	assert_true(span_failed(&s));
	c.status = 200;
	c.error = EXCHANGE_CANCELLED;
	assert_false(span_failed(&c));
	s.status = 0;
	s.error = EXCHANGE_CANCELLED;
	assert_false(span_failed(&s));
	q.error = EXCHANGE_CANCELLED;
	assert_false(span_failed(&q));
	q.error = EXCHANGE_OK;
	c.error = EXCHANGE_RESET;
	assert_true(span_failed(&c));
	assert_false(span_failed(&q));
	q.failed = true;
	assert_true(span_failed(&q));
}

/* ---- metrics of spans ---- */

static int count_as_span(const struct exchange *e, const char *route)
{
	struct attribute_source source = {resource, e, slice_of(route), 7};

	return telemetry_span(telemetry, &source, SECOND);
}

static void a_span_is_counted_under_both_names(void **state)
{
	struct exchange s = served();
	struct found f;

	assert_int_equal(count_as_span(&s, "/item/:id"), 0);
	f = find(telemetry, TELEMETRY_SPANMETRICS_LATENCY, "");
	assert_int_equal(f.samples, 1);
	assert_int_equal(f.count, 1);
	assert_int_equal(f.sum, 12 * MS);
	assert_string_equal(f.labels,
			    "service_name=\"shop\",service_namespace=\"prod\",service_"
			    "version=\"1.2\",instance=\"shop-1\",job=\"prod/shop\",k8s_"
			    "namespace_name=\"prod\"|span_name=\"GET /item/:id\",span_kind="
			    "\"SPAN_KIND_SERVER\",status_code=\"STATUS_CODE_UNSET\","
			    "source=\"keyhole\"");
	assert_int_equal(find(telemetry, TELEMETRY_SPANMETRICS_CALLS, "").counts[0], 1);
	assert_int_equal(find(telemetry, TELEMETRY_SPAN_METRICS_CALLS, "").counts[0], 1);
	assert_int_equal(find(telemetry, TELEMETRY_SPAN_METRICS_DURATION, "").sum, 12 * MS);
	assert_int_equal(find(telemetry, TELEMETRY_SPANMETRICS_SIZE, "").counts[0], 3);
	assert_int_equal(find(telemetry, TELEMETRY_SPANMETRICS_RESPONSE_SIZE, "").counts[0], 1500);
	assert_int_equal(telemetry_stats(telemetry)->series, 1);
}

static void each_feature_has_its_own_metrics(void **state)
{
	static const unsigned int feature[TELEMETRY_METRICS] = {
		[TELEMETRY_SPANMETRICS_LATENCY] = TELEMETRY_SPANS,
		[TELEMETRY_SPANMETRICS_CALLS] = TELEMETRY_SPANS,
		[TELEMETRY_SPANMETRICS_SIZE] = TELEMETRY_SPAN_SIZES,
		[TELEMETRY_SPANMETRICS_RESPONSE_SIZE] = TELEMETRY_SPAN_SIZES,
		[TELEMETRY_SPAN_METRICS_DURATION] = TELEMETRY_SPANS_OTEL,
		[TELEMETRY_SPAN_METRICS_CALLS] = TELEMETRY_SPANS_OTEL,
		[TELEMETRY_GRAPH_CLIENT] = TELEMETRY_GRAPH,
		[TELEMETRY_GRAPH_SERVER] = TELEMETRY_GRAPH,
		[TELEMETRY_GRAPH_FAILED] = TELEMETRY_GRAPH,
		[TELEMETRY_GRAPH_TOTAL] = TELEMETRY_GRAPH,
	};

	for (unsigned int on = 0; on <= ALL; on++) {
		options.features = on;
		restart();
		for (unsigned int m = TELEMETRY_SPANMETRICS_LATENCY; m < TELEMETRY_METRICS; m++)
			assert_int_equal(telemetry_family(telemetry, m) != NULL,
					 (feature[m] & on) != 0);
		assert_int_equal(telemetry_info(telemetry, TELEMETRY_TRACES_TARGET_INFO) != NULL,
				 on != 0);
	}
}

static void what_is_off_is_not_counted(void **state)
{
	const struct graph_peer peer = {.service = slice_of("web")};
	struct exchange s = served();
	struct attribute_source source = {resource, &s, slice_of(""), 0};

	options.features = 0;
	restart();
	assert_int_equal(telemetry_span(telemetry, &source, SECOND), -ENOENT);
	assert_int_equal(telemetry_edge(telemetry, &source, &peer, SECOND), -ENOENT);
	assert_int_equal(telemetry_stats(telemetry)->series, 0);
}

static void what_dns_is_asked_is_no_span(void **state)
{
	const struct graph_peer peer = {.service = slice_of("web")};
	struct exchange s = called();
	struct attribute_source source = {resource, &s, slice_of(""), 0};

	s.kind = EXCHANGE_DNS;
	s.protocol = PROTOCOL_DNS;
	assert_int_equal(telemetry_span(telemetry, &source, SECOND), -ENOENT);
	assert_int_equal(telemetry_edge(telemetry, &source, &peer, SECOND), -ENOENT);
}

static void names_beyond_the_limit_are_counted_together(void **state)
{
	struct exchange s = served();
	struct found f;

	options.span_names_max = 2;
	restart();
	count_as_span(&s, "/a");
	count_as_span(&s, "/b");
	for (int i = 0; i < 3; i++) {
		count_as_span(&s, "/c");
		count_as_span(&s, "/d");
	}
	count_as_span(&s, "/a");
	f = find(telemetry, TELEMETRY_SPANMETRICS_CALLS, "AGGREGATED");
	assert_int_equal(f.samples, 1);
	assert_int_equal(f.counts[0], 6);
	assert_int_equal(find(telemetry, TELEMETRY_SPANMETRICS_CALLS, "GET /a").counts[0], 2);
	assert_int_equal(telemetry_stats(telemetry)->names_cut, 6);
	/* another outcome of a name that has a place is no other name */
	s.status = 500;
	count_as_span(&s, "/b");
	assert_int_equal(find(telemetry, TELEMETRY_SPANMETRICS_CALLS, "GET /b").samples, 2);
}

static void the_limit_is_that_of_one_service(void **state)
{
	const char *values[RES_COUNT] = {[RES_SERVICE_NAME] = "other"};
	struct resource *other = resource_new(values), *mine = resource;
	struct exchange s = served();

	options.span_names_max = 1;
	restart();
	count_as_span(&s, "/a");
	resource = other;
	count_as_span(&s, "/b");
	resource = mine;
	assert_int_equal(find(telemetry, TELEMETRY_SPANMETRICS_CALLS, "AGGREGATED").samples, 0);
	resource_unref(other);
}

static void no_limit_is_none(void **state)
{
	struct exchange s = served();
	char route[16];

	options.span_names_max = 0;
	restart();
	for (int i = 0; i < 300; i++) {
		snprintf(route, sizeof(route), "/%d", i);
		count_as_span(&s, route);
	}
	assert_int_equal(find(telemetry, TELEMETRY_SPANMETRICS_CALLS, "").samples, 300);
}

static void a_name_that_is_gone_makes_room(void **state)
{
	struct exchange s = served();

	options.span_names_max = 1;
	options.ttl_ns = SECOND;
	restart();
	count_as_span(&s, "/a");
	count_as_span(&s, "/b");
	assert_int_equal(telemetry_stats(telemetry)->names_cut, 1);
	for (int i = 0; i < 200; i++)
		telemetry_expire(telemetry, 100 * SECOND);
	assert_int_equal(telemetry_stats(telemetry)->series, 0);
	count_as_span(&s, "/b");
	assert_int_equal(find(telemetry, TELEMETRY_SPANMETRICS_CALLS, "GET /b").samples, 1);
	assert_int_equal(telemetry_stats(telemetry)->names_cut, 1);
}

static void the_limits_of_series_and_memory_hold(void **state)
{
	struct exchange s = served();
	char route[16];

	options.span_names_max = 0;
	options.series_max = 3;
	restart();
	for (int i = 0; i < 10; i++) {
		snprintf(route, sizeof(route), "/%d", i);
		count_as_span(&s, route);
	}
	assert_int_equal(
		find(telemetry, TELEMETRY_SPANMETRICS_CALLS, "otel_metric_overflow").counts[0], 7);
	options.series_max = 1000;
	options.bytes_max = 20000;
	restart();
	for (int i = 0; i < 1000; i++) {
		snprintf(route, sizeof(route), "/%d", i);
		count_as_span(&s, route);
	}
	assert_true(telemetry_bytes(telemetry) <= options.bytes_max);
	assert_true(find(telemetry, TELEMETRY_SPANMETRICS_CALLS, "otel_metric_overflow").counts[0] >
		    0);
}

/* ---- edges ---- */

static const struct graph_peer looked_at = {
	.service = {"cart", 4},
	.service_namespace = {"store", 5},
	.k8s_namespace = {"kube-store", 10},
	.counted_there = true,
};

static int count_as_edge(const struct exchange *e, const struct graph_peer *peer)
{
	struct attribute_source source = {resource, e, slice_of(""), 7};

	return telemetry_edge(telemetry, &source, peer, SECOND);
}

static void the_server_adds_to_the_total(void **state)
{
	struct exchange s = served();
	struct found f;

	assert_int_equal(count_as_edge(&s, &looked_at), 0);
	f = find(telemetry, TELEMETRY_GRAPH_TOTAL, "");
	assert_int_equal(f.counts[0], 1);
	assert_string_equal(f.labels, "|client=\"cart\",client_service_namespace=\"store\","
				      "client_k8s_namespace_name=\"kube-store\",server=\"shop\","
				      "server_service_namespace=\"prod\","
				      "server_k8s_namespace_name=\"prod\",source=\"keyhole\"");
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_SERVER, "").sum, 12 * MS);
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_CLIENT, "").samples, 0);
	f = find(telemetry, TELEMETRY_GRAPH_FAILED, "");
	assert_int_equal(f.samples, 1);
	assert_int_equal(f.counts[0], 0);
}

static void the_client_of_one_that_is_looked_at_does_not(void **state)
{
	struct exchange c = called();

	c.status = 500;
	assert_int_equal(count_as_edge(&c, &looked_at), 0);
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_CLIENT, "server=\"cart\"").count, 1);
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_TOTAL, "").samples, 0);
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_FAILED, "").samples, 0);
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_SERVER, "").samples, 0);
}

static void the_client_of_one_that_nobody_looks_at_does(void **state)
{
	struct graph_peer peer = looked_at;
	struct exchange c = called();

	peer.counted_there = false;
	count_as_edge(&c, &peer);
	c.status = 500;
	count_as_edge(&c, &peer);
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_TOTAL, "virtual_node").counts[0], 2);
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_FAILED, "virtual_node").counts[0], 1);
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_CLIENT, "virtual_node").count, 2);
}

static void both_ends_of_a_kind_have_one_type(void **state)
{
	struct exchange c = queried(), s = queried();

	s.conn.role = KH_ROLE_SERVER;
	count_as_edge(&c, &looked_at);
	count_as_edge(&s, &looked_at);
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_CLIENT, "\"database\"").samples, 1);
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_SERVER, "\"database\"").samples, 1);
	c.kind = s.kind = EXCHANGE_MESSAGING;
	count_as_edge(&c, &looked_at);
	count_as_edge(&s, &looked_at);
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_CLIENT, "\"messaging_system\"").samples,
			 1);
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_SERVER, "\"messaging_system\"").samples,
			 1);
}

static void an_edge_to_itself_is_none_unless_asked_for(void **state)
{
	const struct graph_peer self = {.service = slice_of("shop"),
					.service_namespace = slice_of("prod")};
	struct graph_peer namesake = self;
	struct exchange s = served();

	assert_int_equal(count_as_edge(&s, &self), -ENOENT);
	namesake.service_namespace = slice_of("test");
	assert_int_equal(count_as_edge(&s, &namesake), 0);
	options.self_references = true;
	restart();
	assert_int_equal(count_as_edge(&s, &self), 0);
}

static void edges_of_two_pods_of_a_service_are_one(void **state)
{
	struct resource *mine = resource, *other = pod_resource("shop-2");
	struct exchange s = served();

	count_as_edge(&s, &looked_at);
	resource = other;
	count_as_edge(&s, &looked_at);
	resource = mine;
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_TOTAL, "").samples, 1);
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_TOTAL, "").counts[0], 2);
	resource_unref(other);
}

static void names_of_peers_are_cleaned_and_cut(void **state)
{
	char name[3 * LABEL_VALUE_MAX];
	const struct graph_peer peer = {.service = {name, sizeof(name)},
					.service_namespace = {name, sizeof(name)},
					.k8s_namespace = {name, sizeof(name)}};
	struct exchange s = served();

	memset(name, '\xff', sizeof(name));
	assert_int_equal(count_as_edge(&s, &peer), 0);
	assert_int_equal(find(telemetry, TELEMETRY_GRAPH_TOTAL, "client=\"\xef\xbf\xbd").samples,
			 1);
}

/* ---- infos ---- */

static void a_host_is_said_once(void **state)
{
	struct infos infos = {0};

	assert_null(telemetry_info(telemetry, TELEMETRY_HOST_INFO));
	telemetry_each_info(telemetry, TELEMETRY_HOST_INFO, note_info, &infos);
	assert_int_equal(infos.n, 0);
	options.host_info = "node-\"1";
	options.no_target_info = true;
	restart();
	assert_null(telemetry_info(telemetry, TELEMETRY_TARGET_INFO));
	telemetry_each_info(telemetry, TELEMETRY_HOST_INFO, note_info, &infos);
	assert_int_equal(infos.n, 1);
	assert_string_equal(infos.labels, "grafana_host_id=\"node-\\\"1\"");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_span_is_called_as_the_conventions_say),
		T(a_name_is_clean_and_has_its_bound),
		T(messages_are_produced_and_consumed),
		T(it_failed_where_error_type_says_so),
		T(a_span_is_counted_under_both_names),
		T(each_feature_has_its_own_metrics),
		T(what_is_off_is_not_counted),
		T(what_dns_is_asked_is_no_span),
		T(names_beyond_the_limit_are_counted_together),
		T(the_limit_is_that_of_one_service),
		T(no_limit_is_none),
		T(a_name_that_is_gone_makes_room),
		T(the_limits_of_series_and_memory_hold),
		T(the_server_adds_to_the_total),
		T(the_client_of_one_that_is_looked_at_does_not),
		T(the_client_of_one_that_nobody_looks_at_does),
		T(both_ends_of_a_kind_have_one_type),
		T(an_edge_to_itself_is_none_unless_asked_for),
		T(edges_of_two_pods_of_a_service_are_one),
		T(names_of_peers_are_cleaned_and_cut),
		T(a_host_is_said_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
