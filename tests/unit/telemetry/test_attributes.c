/* SPDX-License-Identifier: Apache-2.0 */
/* Which labels a metric has: the table of attributes, attributes.select, extra attributes. */
#include "fixture.h"

#include <errno.h>
#include <stdlib.h>

#define LIST(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define COUNT(...) (sizeof(LIST(__VA_ARGS__)) / sizeof(char *))
#define INCLUDE(...) .include = LIST(__VA_ARGS__), .include_count = COUNT(__VA_ARGS__)
#define EXCLUDE(...) .exclude = LIST(__VA_ARGS__), .exclude_count = COUNT(__VA_ARGS__)

#define DURATION "http.server.request.duration"

static struct telemetry_options options;
static struct attribute_extras extras;
static struct telemetry *telemetry;
static struct resource *resource;

static int setup(void **state)
{
	options = telemetry_defaults;
	extras = (struct attribute_extras){0};
	options.extras = &extras;
	options.time_to_first_byte = true;
	resource = pod_resource("shop-1");
	return 0;
}

static int teardown(void **state)
{
	telemetry_free(telemetry);
	telemetry = NULL;
	resource_unref(resource);
	return 0;
}

static void count_one(const struct exchange *e)
{
	struct attribute_source source = {resource, e, slice_of("/r"), 7};

	assert_int_equal(telemetry_count(telemetry, &source, SECOND, NULL), 0);
}

static void begin_with(const struct select_section *sections, size_t n)
{
	options.select = (struct select_sections){sections, n};
	telemetry_free(telemetry);
	telemetry = new_telemetry(&options);
}

/* One exchange served and one made, with these sections. */
#define WITH(...)                                                                                  \
	do {                                                                                       \
		const struct select_section sections[] = {__VA_ARGS__};                            \
		struct exchange s = served(), c = called();                                        \
                                                                                                   \
		s.target = c.target = slice_of("/users/42?secret=1");                              \
		s.tgid = c.tgid = 7000;                                                            \
		begin_with(sections, sizeof(sections) / sizeof(*sections));                        \
		count_one(&s);                                                                     \
		count_one(&c);                                                                     \
	} while (0)

static void expect(enum telemetry_metric metric, const char *labels)
{
	struct found f = find(telemetry, metric, "");

	assert_int_equal(f.samples, 1);
	assert_int_equal(f.count, 1);
	assert_string_equal(f.labels, labels);
}

static bool has(enum telemetry_metric metric, const char *label)
{
	char text[100];

	snprintf(text, sizeof(text), "%s=\"", label);
	return find(telemetry, metric, text).samples > 0;
}

static void add_extra(const char *name, bool on_series)
{
	const char *why;

	assert_int_equal(attribute_extras_add(&extras, name, on_series, &why), 0);
}

/* ---- the table ---- */

static void each_attribute_has_its_row(void **state)
{
	for (unsigned int id = 0; id < ATTR_EXTRA; id++) {
		const struct attribute *a = attribute_at(id);
		char plain[ATTRIBUTE_NAME_MAX + 2];

		assert_int_not_equal(a->group, GROUP_NONE);
		assert_non_null(a->doc);
		attribute_plain(attribute_name(NULL, id), plain, sizeof(plain));
		if (id != RES_INSTANCE)
			assert_string_equal(attribute_label(NULL, id), plain);
		assert_int_equal(attribute_find(NULL, slice_of(attribute_name(NULL, id))), id);
		assert_int_equal(attribute_find(NULL, slice_of(attribute_label(NULL, id))), id);
	}
	assert_int_equal(attribute_find(NULL, slice_of("service_instance.id")), RES_INSTANCE);
	assert_int_equal(attribute_find(NULL, slice_of("no.such")), -ENOENT);
}

static void metrics_are_called_as_they_are_exported(void **state)
{
	options.kinds = (1u << EXCHANGE_KINDS) - 1;
	options.encrypted_connections = true;
	options.features = TELEMETRY_SPANS | TELEMETRY_SPANS_OTEL | TELEMETRY_SPAN_SIZES |
			   TELEMETRY_GRAPH;
	begin_with(NULL, 0);
	for (unsigned int m = 0; m < TELEMETRY_METRICS; m++)
		assert_string_equal(telemetry_family(telemetry, m)->name,
				    telemetry_metric_name(m)->label);
}

/* ---- which sections ---- */

static void a_metric_is_found_under_each_of_its_names(void **state)
{
	static const struct {
		const char *key;
		bool match;
	} v[] = {
		{"http.server.request.duration", true},
		{"http_server_request_duration", true},
		{"http_server_request_duration_seconds", true},
		{"http.server.request.duration.seconds", true},
		{"http_*", true},
		{"http.*.duration", true},
		{"*", true},
		{"http_server_request", false},
		{"http_server_request_duration_bytes", false},
		{"http_client_*", false},
		{"resource", false},
		{"traces", false},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		assert_int_equal(select_matches(v[i].key, telemetry_metric_name(0)), v[i].match);
}

static void include_replaces_the_defaults(void **state)
{
	WITH({.key = DURATION, INCLUDE("service.name", "http_response_status_code")});
	expect(TELEMETRY_SERVER_DURATION,
	       "service_name=\"shop\"|http_response_status_code=\"200\"");
	/* Of that metric alone. */
	assert_true(has(TELEMETRY_CLIENT_DURATION, "http_request_method"));
	assert_true(has(TELEMETRY_SERVER_REQUEST_SIZE, "http_request_method"));
	assert_false(has(TELEMETRY_SERVER_REQUEST_SIZE, "url_path"));
}

static void exclude_takes_away(void **state)
{
	WITH({.key = "http_*", EXCLUDE("k8s.*", "*_name", "server.port", "instance", "job")},
	     {.key = "keyhole_*", EXCLUDE("*")});
	expect(TELEMETRY_SERVER_DURATION, "service_namespace=\"prod\"|http_request_method=\"GET\","
					  "http_response_status_code=\"200\",url_scheme=\"http\"");
	expect(TELEMETRY_SERVER_FIRST_BYTE, "|");
}

static void sections_are_applied_in_lexical_order(void **state)
{
	/* Given from specific to broad. */
	WITH({.key = "http_server_request_duration", INCLUDE("url.path"), EXCLUDE("server_port")},
	     {.key = "http_server_*", INCLUDE("http.*"), EXCLUDE("http_request_method")},
	     {.key = "*", INCLUDE("service_name", "server.port")});
	expect(TELEMETRY_SERVER_DURATION,
	       "service_name=\"shop\"|http_response_status_code=\"200\",http_route=\"/r\","
	       "url_path=\"/users/42\"");
	expect(TELEMETRY_SERVER_REQUEST_SIZE,
	       "service_name=\"shop\"|http_response_status_code=\"200\",http_route=\"/r\","
	       "server_port=\"8080\"");
	expect(TELEMETRY_CLIENT_DURATION, "service_name=\"shop\"|server_port=\"80\"");
}

static void a_section_without_include_starts_from_the_defaults(void **state)
{
	WITH({.key = "*", EXCLUDE("*")}, {.key = "http_*", INCLUDE("job")});
	expect(TELEMETRY_SERVER_DURATION, "job=\"prod/shop\"|");
}

/* The example of docs/configuration.md, Attributes. */
static void an_include_behind_a_section_that_only_excludes_adds_to_the_defaults(void **state)
{
	WITH({.key = "*", EXCLUDE("k8s.replicaset.name", "url.scheme")},
	     {.key = "http_server_request_duration", INCLUDE("url.path")});
	assert_true(has(TELEMETRY_SERVER_DURATION, "url_path"));
	assert_true(has(TELEMETRY_SERVER_DURATION, "service_name"));
	assert_true(has(TELEMETRY_SERVER_DURATION, "job"));
	assert_true(has(TELEMETRY_SERVER_DURATION, "http_request_method"));
	assert_false(has(TELEMETRY_SERVER_DURATION, "url_scheme"));
	assert_false(has(TELEMETRY_SERVER_REQUEST_SIZE, "url_path"));
}

static void attributes_of_other_metrics_cannot_be_included(void **state)
{
	WITH({.key = "*", INCLUDE("client.address", "telemetry.*", "os_type")});
	expect(TELEMETRY_SERVER_DURATION, "|client_address=\"10.0.0.9\"");
	expect(TELEMETRY_CLIENT_DURATION, "|");
}

/* ---- values of what is asked for ---- */

static void what_is_asked_for_has_its_value(void **state)
{
	WITH({.key = "*",
	      INCLUDE("*.pid", "*.host_pid", "url.path", "container.id", "host.name",
		      "service.version", "server.address")});
	expect(TELEMETRY_SERVER_DURATION,
	       "service_version=\"1.2\",container_id=\"0123abcd\",host_name=\"node-1\"|"
	       "server_address=\"shop.example\",url_path=\"/users/42\",process_pid=\"7\","
	       "keyhole_process_host_pid=\"7000\"");
}

static void error_type_needs_no_status_beside_it(void **state)
{
	const struct select_section sections[] = {{.key = "*", INCLUDE("error.type")}};
	struct exchange e = served();

	begin_with(sections, 1);
	for (e.status = 200; e.status < 505; e.status++)
		count_one(&e);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").samples, 6);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "|error_type=\"503\"").count,
			 1);
}

static void series_that_differ_in_what_is_left_out_are_one(void **state)
{
	const struct select_section sections[] = {
		{.key = "http_server_request_duration", EXCLUDE("instance", "k8s_pod_name")}};
	struct resource *other = pod_resource("shop-2");
	struct exchange e = served();

	begin_with(sections, 1);
	telemetry_http(telemetry, resource, &e, slice_of(""), SECOND);
	telemetry_http(telemetry, other, &e, slice_of(""), SECOND);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").samples, 1);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").count, 2);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_REQUEST_SIZE, "").samples, 2);
	/* Each still has its target_info. */
	assert_int_equal(infos_of(telemetry).n, 2);
	resource_unref(other);
}

static void the_limit_of_series_is_that_of_each_metric(void **state)
{
	const struct select_section sections[] = {
		{.key = "http_server_request_duration", EXCLUDE("http_response_status_code")}};
	struct exchange e = served();

	options.series_max = 2;
	begin_with(sections, 1);
	for (e.status = 200; e.status < 205; e.status++)
		count_one(&e);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").samples, 1);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").count, 5);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_REQUEST_SIZE, "overflow").count, 3);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_FIRST_BYTE, "overflow").count, 3);
	assert_int_equal(telemetry_stats(telemetry)->overflows, 3);
	assert_int_equal(telemetry_stats(telemetry)->exchanges, 5);
}

/* All values that there can be, of the greatest length, all of it escaped. */
static void the_longest_labels_are_whole(void **state)
{
	const struct select_section sections[] = {{.key = "*", INCLUDE("*")},
						  {.key = "resource", INCLUDE("*")}};
	char longest[RESOURCE_VALUE_MAX + 1], names[RESOURCE_EXTRAS_MAX][8];
	const char *fixed[RES_COUNT], *more[RESOURCE_EXTRAS_MAX];
	struct exchange e = served();

	memset(longest, '"', RESOURCE_VALUE_MAX);
	longest[RESOURCE_VALUE_MAX] = '\0';
	for (int i = 0; i < RES_COUNT; i++)
		fixed[i] = longest;
	for (int i = 0; i < RESOURCE_EXTRAS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "extra%d", i);
		add_extra(names[i], true);
		more[i] = longest;
	}
	resource_unref(resource);
	resource = resource_new_with(fixed, more, RESOURCE_EXTRAS_MAX);
	begin_with(sections, 2);
	count_one(&e);
	assert_non_null(strstr(infos_of(telemetry).labels, "extra15=\"\\\""));
	assert_true(has(TELEMETRY_SERVER_DURATION, "extra15"));
}

static size_t named(void *arg, const struct exchange *exchange, char *buf, size_t size)
{
	return exchange->conn.rport == 41000 ? (size_t)snprintf(buf, size, "%s", (char *)arg) : 0;
}

static void a_peer_is_called_by_its_name_where_there_is_one(void **state)
{
	options.namer = (struct peer_namer){named, "cart\xff"};
	WITH({.key = "*", INCLUDE("client.address")});
	expect(TELEMETRY_SERVER_DURATION, "|client_address=\"cart\xef\xbf\xbd\"");
}

/* ---- target_info ---- */

static void the_section_resource_is_that_of_target_info(void **state)
{
	WITH({.key = "resource", EXCLUDE("k8s.*", "telemetry.*")});
	assert_null(strstr(infos_of(telemetry).labels, "k8s_"));
	assert_null(strstr(infos_of(telemetry).labels, "telemetry_"));
	assert_non_null(strstr(infos_of(telemetry).labels, "os_type=\"linux\""));
	assert_true(has(TELEMETRY_SERVER_DURATION, "k8s_pod_name"));
	WITH({.key = "*", EXCLUDE("*")});
	assert_non_null(strstr(infos_of(telemetry).labels, "k8s_pod_name"));
}

static void a_container_in_a_pod_has_its_id_when_asked_for(void **state)
{
	WITH({.key = "resource", INCLUDE("job", "instance", "container.id")});
	assert_string_equal(infos_of(telemetry).labels,
			    "instance=\"shop-1\",job=\"prod/shop\",container_id=\"0123abcd\"");
}

static void target_infos_that_look_alike_are_one(void **state)
{
	const struct select_section sections[] = {{.key = "resource", INCLUDE("service.name")}};
	struct resource *other = pod_resource("shop-2");
	struct exchange e = served();

	begin_with(sections, 1);
	telemetry_http(telemetry, resource, &e, slice_of(""), SECOND);
	telemetry_http(telemetry, other, &e, slice_of(""), SECOND);
	assert_int_equal(infos_of(telemetry).n, 1);
	assert_string_equal(infos_of(telemetry).labels, "service_name=\"shop\"");
	resource_unref(other);
}

/* ---- extra attributes ---- */

static struct resource *with_extras(const char *const *values, size_t n)
{
	const char *fixed[RES_COUNT] = {[RES_SERVICE_NAME] = "shop", [RES_INSTANCE] = "i"};

	return resource_new_with(fixed, values, n);
}

static void extra_attributes_stand_where_they_are_asked_for(void **state)
{
	const char *values[] = {"prod", "x\"\xff"};

	add_extra("deployment.environment", false);
	add_extra("k8s.app/team", true);
	add_extra("k8s_app_team", true); /* again */
	add_extra("service.version", true);
	assert_int_equal(extras.n, 2);
	resource_unref(resource);
	resource = with_extras(values, 2);
	WITH({.key = "http_client_*", INCLUDE("deployment_*")});
	assert_string_equal(infos_of(telemetry).labels,
			    "service_name=\"shop\",instance=\"i\",telemetry_sdk_name=\"keyhole\","
			    "telemetry_sdk_version=\"" KEYHOLE_VERSION "\",source=\"keyhole\","
			    "os_type=\"linux\",deployment_environment=\"prod\","
			    "k8s_app_team=\"x\\\"\xef\xbf\xbd\"");
	assert_true(has(TELEMETRY_SERVER_DURATION, "k8s_app_team"));
	assert_false(has(TELEMETRY_SERVER_DURATION, "deployment_environment"));
	expect(TELEMETRY_CLIENT_DURATION, "deployment_environment=\"prod\"|");
}

static void extra_attributes_that_cannot_be_are_refused(void **state)
{
	static const char *const bad[] = {
		"",       "a b", "a=b", "le", "http.route", "__name", "otel.metric.overflow",
		"source", "a\"b"};
	const char *why;
	char name[16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(attribute_extras_add(&extras, bad[i], false, &why), -EINVAL);
		assert_non_null(why);
	}
	for (int i = 0; i < RESOURCE_EXTRAS_MAX; i++) {
		snprintf(name, sizeof(name), "%dx", i);
		add_extra(strdup(name), false);
	}
	assert_string_equal(extras.label[3], "_3x");
	assert_int_equal(attribute_extras_add(&extras, "more", false, &why), -ENOSPC);
	for (int i = 0; i < RESOURCE_EXTRAS_MAX; i++)
		free((void *)extras.name[i]);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_attribute_has_its_row),
		T(metrics_are_called_as_they_are_exported),
		T(a_metric_is_found_under_each_of_its_names),
		T(include_replaces_the_defaults),
		T(exclude_takes_away),
		T(sections_are_applied_in_lexical_order),
		T(a_section_without_include_starts_from_the_defaults),
		T(an_include_behind_a_section_that_only_excludes_adds_to_the_defaults),
		T(attributes_of_other_metrics_cannot_be_included),
		T(what_is_asked_for_has_its_value),
		T(error_type_needs_no_status_beside_it),
		T(series_that_differ_in_what_is_left_out_are_one),
		T(the_limit_of_series_is_that_of_each_metric),
		T(the_longest_labels_are_whole),
		T(a_peer_is_called_by_its_name_where_there_is_one),
		T(the_section_resource_is_that_of_target_info),
		T(a_container_in_a_pod_has_its_id_when_asked_for),
		T(target_infos_that_look_alike_are_one),
		T(extra_attributes_stand_where_they_are_asked_for),
		T(extra_attributes_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
