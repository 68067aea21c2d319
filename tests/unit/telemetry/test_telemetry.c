/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>

static struct telemetry_options options;
static struct telemetry *telemetry;
static struct resource *resource;

static int setup(void **state)
{
	options = telemetry_defaults;
	telemetry = new_telemetry(&options);
	resource = pod_resource("shop-1");
	return 0;
}

static int teardown(void **state)
{
	telemetry_free(telemetry);
	resource_unref(resource);
	return 0;
}

static void restart(void)
{
	telemetry_free(telemetry);
	telemetry = new_telemetry(&options);
}

static void add(const struct exchange *exchange)
{
	assert_int_equal(telemetry_http(telemetry, resource, exchange, slice_of(""), SECOND), 0);
}

/* ---- values ---- */

static void one_exchange_updates_duration_and_both_sizes(void **state)
{
	struct exchange e = served();
	struct found f;

	add(&e);
	f = find(telemetry, TELEMETRY_SERVER_DURATION, "");
	assert_int_equal(f.samples, 1);
	assert_int_equal(f.count, 1);
	assert_int_equal(f.sum, 12 * MS);
	f = find(telemetry, TELEMETRY_SERVER_REQUEST_SIZE, "");
	assert_int_equal(f.sum, 3);
	f = find(telemetry, TELEMETRY_SERVER_RESPONSE_SIZE, "");
	assert_int_equal(f.sum, 1500);
	assert_int_equal(find(telemetry, TELEMETRY_CLIENT_DURATION, "").samples, 0);
}

static void a_value_equal_to_a_bound_is_within_it(void **state)
{
	static const struct {
		uint64_t ns;
		unsigned int bucket; /* of 0 .005 .01 .025 … 10 +Inf */
	} cases[] = {
		{0, 0},
		{1, 1},
		{5 * MS, 1},
		{5 * MS + 1, 2},
		{10 * MS, 2},
		{10 * SECOND, 14},
		{10 * SECOND + 1, 15},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct exchange e = served();

		e.end_ns = e.start_ns + cases[i].ns;
		restart();
		add(&e);
		assert_int_equal(
			find(telemetry, TELEMETRY_SERVER_DURATION, "").counts[cases[i].bucket], 1);
	}
}

static void an_end_before_the_start_counts_as_zero(void **state)
{
	struct exchange e = served();

	e.end_ns = 0;
	add(&e);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").counts[0], 1);
}

static void declared_sizes_of_any_length_never_wrap_the_sum(void **state)
{
	struct exchange e = served();
	struct found f;

	e.resp_body = UINT64_MAX;
	for (int i = 0; i < 70000; i++)
		add(&e);
	f = find(telemetry, TELEMETRY_SERVER_RESPONSE_SIZE, "");
	assert_true(f.sum == UINT64_MAX);
	assert_int_equal(f.counts[f.n], 70000);
}

static void time_to_first_byte_is_kept_only_when_asked_for(void **state)
{
	struct exchange e = served();

	assert_null(telemetry_family(telemetry, TELEMETRY_SERVER_FIRST_BYTE));
	options.time_to_first_byte = true;
	restart();
	assert_non_null(telemetry_family(telemetry, TELEMETRY_SERVER_FIRST_BYTE));
	add(&e);
	e.first_ns = 0; /* no answer: no first byte */
	add(&e);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_FIRST_BYTE, "").count, 1);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_FIRST_BYTE, "").sum, 4 * MS);
}

static void bad_options_are_refused(void **state)
{
	static const double falling[] = {1, 0.5}, negative[] = {-1}, same[] = {0.1, 0.1000000001};
	static const double nan[] = {0.0 / 0.0}, endless[] = {1e300},
			    many[HISTOGRAM_BOUNDS_MAX + 1];
	static const struct telemetry_buckets bad[] = {
		{falling, 2}, {negative, 1}, {same, 2},
		{nan, 1},     {endless, 1},  {many, HISTOGRAM_BOUNDS_MAX + 1},
	};
	struct telemetry *t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct telemetry_options o = telemetry_defaults;

		o.duration = bad[i];
		assert_int_equal(telemetry_new(&t, &o), -EINVAL);
	}
	options.series_max = 0;
	assert_int_equal(telemetry_new(&t, &options), -EINVAL);
}

static void an_exchange_of_unknown_role_is_refused_and_counted(void **state)
{
	struct exchange e = served();

	e.conn.role = KH_ROLE_UNKNOWN;
	assert_int_equal(telemetry_http(telemetry, resource, &e, slice_of(""), 1), -EINVAL);
	assert_int_equal(telemetry_stats(telemetry)->invalid, 1);
	assert_int_equal(telemetry_stats(telemetry)->exchanges, 0);
}

/* ---- labels ---- */

static void server_labels_are_those_of_the_conventions(void **state)
{
	struct exchange e = served();

	add(&e);
	assert_string_equal(
		find(telemetry, TELEMETRY_SERVER_DURATION, "").labels,
		"service_name=\"shop\",service_namespace=\"prod\",instance=\"shop-1\","
		"job=\"prod/shop\",k8s_namespace_name=\"prod\",k8s_pod_name=\"shop-1\","
		"k8s_deployment_name=\"shop\"|http_request_method=\"GET\","
		"http_response_status_code=\"200\",url_scheme=\"http\",server_port=\"8080\"");
}

static void kubernetes_labels_can_be_switched_off(void **state)
{
	struct exchange e = served();

	options.kubernetes = false;
	restart();
	add(&e);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "k8s_").samples, 0);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "shop").samples, 1);
	assert_null(strstr(infos_of(telemetry).labels, "k8s_"));
}

static void the_route_is_a_label_only_where_routes_are_configured(void **state)
{
	struct exchange e = served();

	telemetry_http(telemetry, resource, &e, slice_of("/a"), SECOND);
	telemetry_http(telemetry, resource, &e, slice_of("/b"), SECOND);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").samples, 1);
	options.routes = true;
	restart();
	telemetry_http(telemetry, resource, &e, slice_of("/a"), SECOND);
	telemetry_http(telemetry, resource, &e, slice_of("/b"), SECOND);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").samples, 2);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "http_route=\"/b\"").samples,
			 1);
}

static void a_client_series_names_the_host_it_asked(void **state)
{
	static const struct {
		const char *host, *labels;
	} cases[] = {
		{"api.example", "server_address=\"api.example\",server_port=\"80\""},
		{"API.Example:8443", "server_address=\"api.example\",server_port=\"8443\""},
		{"[2001:db8::1]:81", "server_address=\"2001:db8::1\",server_port=\"81\""},
		{"[2001:db8::1]", "server_address=\"2001:db8::1\",server_port=\"80\""},
		{"user:secret@h:1", "server_address=\"h\",server_port=\"1\""},
		{"h:99999", "server_address=\"h\",server_port=\"80\""},
		{"h:", "server_address=\"h\",server_port=\"80\""},
		{":", "server_address=\"10.0.0.9\",server_port=\"80\""},
		{"[", "server_address=\"10.0.0.9\",server_port=\"80\""},
		{"", "server_address=\"10.0.0.9\",server_port=\"80\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct exchange e = called();

		e.host = slice_of(cases[i].host);
		restart();
		add(&e);
		assert_int_equal(
			find(telemetry, TELEMETRY_CLIENT_DURATION, cases[i].labels).samples, 1);
		assert_int_equal(find(telemetry, TELEMETRY_CLIENT_DURATION, "secret").samples, 0);
	}
}

static void a_server_series_names_the_host_only_when_asked_to(void **state)
{
	struct exchange e = served();

	add(&e);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "server_address").samples, 0);
	options.server_address_from_host = true;
	restart();
	add(&e);
	assert_int_equal(
		find(telemetry, TELEMETRY_SERVER_DURATION, "server_address=\"shop.example\"")
			.samples,
		1);
}

static void error_type_follows_the_conventions(void **state)
{
	static const struct {
		enum kh_role role;
		uint16_t status;
		enum exchange_error error;
		const char *type; /* NULL: absent */
	} cases[] = {
		{KH_ROLE_SERVER, 200, EXCHANGE_OK, NULL},
		{KH_ROLE_SERVER, 404, EXCHANGE_OK, NULL},
		{KH_ROLE_SERVER, 500, EXCHANGE_OK, "error_type=\"500\""},
		{KH_ROLE_CLIENT, 302, EXCHANGE_OK, NULL},
		{KH_ROLE_CLIENT, 404, EXCHANGE_OK, "error_type=\"404\""},
		{KH_ROLE_CLIENT, 200, EXCHANGE_RESET, "error_type=\"connection_reset\""},
		{KH_ROLE_CLIENT, 0, EXCHANGE_CLOSED, "error_type=\"connection_closed\""},
		{KH_ROLE_SERVER, 0, EXCHANGE_BAD_ANSWER, "error_type=\"invalid_response\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		enum telemetry_metric metric = cases[i].role == KH_ROLE_SERVER
						       ? TELEMETRY_SERVER_DURATION
						       : TELEMETRY_CLIENT_DURATION;
		struct exchange e = served();

		e.conn.role = (uint8_t)cases[i].role;
		e.status = cases[i].status;
		e.error = cases[i].error;
		restart();
		add(&e);
		if (cases[i].type)
			assert_int_equal(find(telemetry, metric, cases[i].type).samples, 1);
		else
			assert_int_equal(find(telemetry, metric, "error_type").samples, 0);
		if (!cases[i].status)
			assert_int_equal(find(telemetry, metric, "status_code").samples, 0);
	}
}

static void hostile_label_values_are_clean_escaped_and_cut(void **state)
{
	struct exchange e = served();
	char longer[600];

	options.routes = true;
	restart();
	telemetry_http(telemetry, resource, &e, slice_of("/\"\\\n\xff\x1b"), SECOND);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION,
			      "http_route=\"/\\\"\\\\\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"")
				 .samples,
			 1);
	/* 255 bytes, then a character of two: it does not fit, and is not cut in halves. */
	memset(longer, 'x', sizeof(longer));
	memcpy(longer + 255, "\xc3\xa9", 2);
	telemetry_http(telemetry, resource, &e, (struct slice){longer, sizeof(longer)}, SECOND);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "xx\",url_scheme").samples, 1);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "\xc3").samples, 0);
}

static void values_that_look_alike_share_a_series(void **state)
{
	struct exchange e = served();

	options.routes = true;
	restart();
	telemetry_http(telemetry, resource, &e, slice_of("/\xfe"), SECOND);
	telemetry_http(telemetry, resource, &e, slice_of("/\xff"), SECOND);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").samples, 1);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").count, 2);
}

/* ---- targets ---- */

static void target_info_describes_the_resource(void **state)
{
	struct exchange e = served();
	struct infos infos;

	add(&e);
	infos = infos_of(telemetry);
	assert_int_equal(infos.n, 1);
	assert_non_null(strstr(infos.labels, "service_version=\"1.2\""));
	assert_non_null(strstr(infos.labels, "k8s_deployment_name=\"shop\""));
	assert_non_null(strstr(infos.labels, "host_name=\"node-1\""));
	assert_non_null(strstr(infos.labels, "telemetry_sdk_name=\"keyhole\""));
	assert_non_null(strstr(infos.labels, "source=\"keyhole\",os_type=\"linux\""));
	assert_null(strstr(infos.labels, "container_id"));
}

static void resources_that_look_alike_on_a_series_share_it(void **state)
{
	struct resource *twin = pod_resource("shop-1");
	struct exchange e = served();

	add(&e);
	telemetry_http(telemetry, twin, &e, slice_of(""), SECOND);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").samples, 1);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").count, 2);
	assert_int_equal(infos_of(telemetry).n, 1);
	resource_unref(twin);
}

/* Each change of any pod makes new ones: they must not fill the table. */
static void resources_of_equal_values_count_as_one(void **state)
{
	struct exchange e = served();

	for (int i = 0; i < 2 * TELEMETRY_RESOURCES_MAX; i++) {
		struct resource *again = pod_resource("shop-1");

		telemetry_http(telemetry, again, &e, slice_of(""), SECOND);
		resource_unref(again);
	}
	assert_int_equal(telemetry_stats(telemetry)->overflows, 0);
	assert_int_equal(telemetry_stats(telemetry)->targets, 1);
}

static struct resource *with(const char *uid, const char *version)
{
	const char *values[RES_COUNT] = {
		[RES_SERVICE_NAME] = "db",       [RES_SERVICE_VERSION] = version,
		[RES_INSTANCE] = "prod.db-0.db", [RES_JOB] = "prod/db",
		[RES_K8S_POD] = "db-0",          [RES_K8S_POD_UID] = uid,
	};

	return resource_new(values);
}

static void a_job_and_instance_has_one_target_info_the_newest(void **state)
{
	struct resource *first = with("u1", "1"), *second = with("u2", "1"),
			*third = with("u2", "2");
	struct exchange e = served();
	struct infos infos;

	telemetry_http(telemetry, first, &e, slice_of(""), 1 * SECOND);
	telemetry_http(telemetry, second, &e, slice_of(""), 400 * SECOND);
	infos = infos_of(telemetry);
	assert_int_equal(infos.n, 1);
	assert_non_null(strstr(infos.labels, "k8s_pod_uid=\"u2\""));
	telemetry_http(telemetry, third, &e, slice_of(""), 400 * SECOND);
	infos = infos_of(telemetry);
	assert_int_equal(infos.n, 1);
	assert_non_null(strstr(infos.labels, "service_version=\"2\""));
	resource_unref(first);
	resource_unref(second);
	resource_unref(third);
}

/* ---- limits ---- */

static void beyond_the_limit_exchanges_go_to_the_overflow_series(void **state)
{
	struct found f;

	options.series_max = 3;
	restart();
	for (int i = 0; i < 10; i++) {
		struct exchange e = served();

		e.status = (uint16_t)(200 + i);
		add(&e);
	}
	f = find(telemetry, TELEMETRY_SERVER_DURATION, "otel_metric_overflow");
	assert_string_equal(f.labels, "|otel_metric_overflow=\"true\"");
	assert_int_equal(f.count, 7);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").samples, 4);
	assert_int_equal(telemetry_stats(telemetry)->overflows, 7);
	assert_int_equal(telemetry_stats(telemetry)->exchanges, 10);
}

static void series_known_before_the_overflow_go_on(void **state)
{
	struct exchange e = served();

	options.series_max = 1;
	restart();
	add(&e);
	e.status = 500;
	add(&e);
	e.status = 200;
	add(&e);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "\"200\"").count, 2);
}

static void the_limits_of_the_two_sides_are_their_own(void **state)
{
	struct exchange s = served(), c = called();

	options.series_max = 1;
	restart();
	add(&s);
	add(&c);
	assert_int_equal(telemetry_stats(telemetry)->overflows, 0);
}

static void without_memory_exchanges_go_to_the_overflow_series(void **state)
{
	struct exchange e = served();

	options.bytes_max = 4096; /* the overflow groups fit, little else does */
	restart();
	for (int i = 0; i < 20; i++) {
		e.status = (uint16_t)(200 + i);
		add(&e);
	}
	assert_true(telemetry_bytes(telemetry) <= 4096);
	assert_true(telemetry_stats(telemetry)->overflows > 0);
	assert_int_equal(telemetry_stats(telemetry)->exchanges, 20);
}

static void more_targets_than_series_are_bounded_too(void **state)
{
	struct exchange e = served();

	options.series_max = 2;
	restart();
	for (int i = 0; i < 5; i++) {
		char name[16];
		struct resource *r;

		snprintf(name, sizeof(name), "shop-%d", i);
		r = pod_resource(name);
		telemetry_http(telemetry, r, &e, slice_of(""), SECOND);
		resource_unref(r);
	}
	assert_int_equal(infos_of(telemetry).n, 2);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "overflow").count, 3);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_exchange_updates_duration_and_both_sizes),
		T(a_value_equal_to_a_bound_is_within_it),
		T(an_end_before_the_start_counts_as_zero),
		T(declared_sizes_of_any_length_never_wrap_the_sum),
		T(time_to_first_byte_is_kept_only_when_asked_for),
		T(bad_options_are_refused),
		T(an_exchange_of_unknown_role_is_refused_and_counted),
		T(server_labels_are_those_of_the_conventions),
		T(kubernetes_labels_can_be_switched_off),
		T(the_route_is_a_label_only_where_routes_are_configured),
		T(a_client_series_names_the_host_it_asked),
		T(a_server_series_names_the_host_only_when_asked_to),
		T(error_type_follows_the_conventions),
		T(hostile_label_values_are_clean_escaped_and_cut),
		T(values_that_look_alike_share_a_series),
		T(target_info_describes_the_resource),
		T(resources_that_look_alike_on_a_series_share_it),
		T(resources_of_equal_values_count_as_one),
		T(a_job_and_instance_has_one_target_info_the_newest),
		T(beyond_the_limit_exchanges_go_to_the_overflow_series),
		T(series_known_before_the_overflow_go_on),
		T(the_limits_of_the_two_sides_are_their_own),
		T(without_memory_exchanges_go_to_the_overflow_series),
		T(more_targets_than_series_are_bounded_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
