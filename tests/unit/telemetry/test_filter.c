/* SPDX-License-Identifier: Apache-2.0 */
/* filter.application: which exchanges are counted. */
#include "fixture.h"

#include "telemetry/filter.h"

#include <errno.h>
#include <stdlib.h>

/* Linked with --wrap: whoever allocates is counted. */
static unsigned long allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	allocations++;
	return __real_calloc(n, size);
}

static struct resource *resource;

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

static struct filter *filter_of(const struct filter_test *tests, size_t n)
{
	char why[PATTERN_WHY_MAX];
	struct filter *filter;

	assert_int_equal(filter_new(&filter, tests, n, NULL, why), 0);
	return filter;
}

static bool passes(const struct filter_test *tests, size_t n, const struct exchange *e)
{
	struct attribute_source source = {resource, e, slice_of("/users/:id"), 7};
	struct filter *filter = filter_of(tests, n);
	bool answer = filter_passes(filter, &source);

	filter_free(filter);
	return answer;
}

static struct exchange a_request(void)
{
	struct exchange e = served();

	e.target = slice_of("/users/42?token=1");
	e.tgid = 7000;
	return e;
}

static void each_attribute_can_be_matched(void **state)
{
	static const struct {
		const char *name, *glob;
		bool match;
	} v[] = {
		{"k8s.pod.name", "shop-*", true},
		{"k8s_pod_name", "cart-*", false},
		{"instance", "shop-1", true},
		{"k8s.job.name", "", true},
		{"k8s.job.name", "?*", false},
		{"http.request.method", "{GET,HEAD}", true},
		{"http.request.method", "POST", false},
		{"http.response.status_code", "2*", true},
		{"http.route", "/users/*", true},
		{"url.path", "/users/42", true},
		{"url.path", "*token*", false},
		{"url.scheme", "http", true},
		{"server.address", "shop.example", true},
		{"server.port", "8080", true},
		{"client.address", "10.0.0.*", true},
		{"error.type", "", true},
		{"error.type", "5*", false},
		{"process.pid", "7", true},
		{"keyhole.process.host_pid", "7000", true},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct filter_test test = {.op = FILTER_MATCH, .glob = v[i].glob};
		struct exchange e = a_request();

		test.attribute = (unsigned int)attribute_find(NULL, slice_of(v[i].name));
		if (passes(&test, 1, &e) != v[i].match)
			fail_msg("%s %s is not %d", v[i].name, v[i].glob, v[i].match);
		test.op = FILTER_NOT_MATCH;
		assert_int_equal(passes(&test, 1, &e), !v[i].match);
	}
}

static void error_type_is_that_of_the_label(void **state)
{
	const struct filter_test reset = {ATTR_ERROR_TYPE, FILTER_MATCH, "connection_*", 0},
				 status = {ATTR_ERROR_TYPE, FILTER_MATCH, "404", 0};
	struct exchange s = a_request(), c = called();

	s.error = EXCHANGE_RESET;
	assert_true(passes(&reset, 1, &s));
	s.error = EXCHANGE_OK;
	s.status = c.status = 404;
	assert_false(passes(&status, 1, &s));
	assert_true(passes(&status, 1, &c));
}

static void numbers_are_compared(void **state)
{
	static const struct {
		enum filter_op op;
		bool below, equal, above; /* 200 */
	} v[] = {
		{FILTER_EQUALS, false, true, false},
		{FILTER_NOT_EQUALS, true, false, true},
		{FILTER_GREATER_THAN, false, false, true},
		{FILTER_GREATER_EQUALS, false, true, true},
		{FILTER_LESS_THAN, true, false, false},
		{FILTER_LESS_EQUALS, true, true, false},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		const struct filter_test test = {ATTR_STATUS, v[i].op, NULL, 200};
		struct exchange e = a_request();

		assert_int_equal(passes(&test, 1, &e), v[i].equal);
		e.status = 199;
		assert_int_equal(passes(&test, 1, &e), v[i].below);
		e.status = 0; /* no answer */
		assert_int_equal(passes(&test, 1, &e), v[i].below);
		e.status = 201;
		assert_int_equal(passes(&test, 1, &e), v[i].above);
	}
}

static void all_tests_must_pass(void **state)
{
	const struct filter_test tests[] = {
		{ATTR_METHOD, FILTER_MATCH, "GET", 0},
		{ATTR_STATUS, FILTER_GREATER_EQUALS, NULL, 200},
		{ATTR_STATUS, FILTER_LESS_THAN, NULL, 300},
	};
	struct exchange e = a_request();

	assert_true(passes(tests, 0, &e));
	assert_true(passes(tests, 3, &e));
	e.status = 300;
	assert_false(passes(tests, 3, &e));
	e.status = 200;
	e.method = HTTP_PUT;
	assert_false(passes(tests, 3, &e));
}

static void other_protocols_have_their_own_attributes(void **state)
{
	static const struct {
		const char *name, *glob;
		bool match;
	} v[] = {
		{"db.system.name", "postgresql", true},
		{"db.operation.name", "SEL*", true},
		{"db_collection_name", "orders", true},
		{"db.namespace", "cart", false},
		{"server.address", "10.0.0.9", true},
		{"server.port", "5432", true},
		{"k8s.pod.name", "shop-*", true},
		/* of a server, of other kinds: no values */
		{"client.address", "", true},
		{"http.request.method", "", true},
		{"http.response.status_code", "", true},
		{"url.scheme", "", true},
		{"rpc.method", "", true},
		{"messaging.system.name", "", true},
	};
	const struct filter_test status = {ATTR_STATUS, FILTER_EQUALS, NULL, 0},
				 port = {ATTR_SERVER_PORT, FILTER_EQUALS, NULL, 5432};
	struct exchange e = queried(), h = a_request();

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct filter_test test = {.op = FILTER_MATCH, .glob = v[i].glob};

		test.attribute = (unsigned int)attribute_find(NULL, slice_of(v[i].name));
		if (passes(&test, 1, &e) != v[i].match)
			fail_msg("%s %s is not %d", v[i].name, v[i].glob, v[i].match);
		if (strncmp(v[i].name, "db", 2) == 0)
			assert_false(passes(&test, 1, &h));
	}
	e.status = 200; /* means nothing here */
	assert_true(passes(&status, 1, &e));
	assert_true(passes(&port, 1, &e));
}

static void hostile_values_are_clean_before_they_are_matched(void **state)
{
	const struct filter_test test = {ATTR_PATH, FILTER_MATCH, "/??", 0};
	struct exchange e = a_request();

	e.target = slice_of("/\xff\x01");
	assert_true(passes(&test, 1, &e));
}

static void nothing_is_allocated_per_exchange(void **state)
{
	const struct filter_test tests[] = {
		{ATTR_PATH, FILTER_NOT_MATCH, "*{a,b}*[0-9]x*", 0},
		{RES_K8S_POD, FILTER_MATCH, "*sh*p*", 0},
		{ATTR_CLIENT_ADDRESS, FILTER_MATCH, "10.*", 0},
	};
	struct exchange e = a_request();
	struct attribute_source source = {resource, &e, slice_of(""), 7};
	struct filter *filter = filter_of(tests, 3);
	unsigned long before = allocations;

	assert_true(before > 0);
	assert_true(filter_passes(filter, &source));
	assert_int_equal(allocations, before);
	filter_free(filter);
}

/* Nor by a series that is there, whatever labels the metrics have. */
static void nor_by_counting_in_known_series(void **state)
{
	static const char *const all[] = {"*"}, *const few[] = {"url.path", "client.address"};
	const struct select_section sections[] = {
		{.key = "http_*_duration", .include = all, .include_count = 1},
		{.key = "http_*_request_body_size", .include = few, .include_count = 1},
	};
	struct telemetry_options options = telemetry_defaults;
	struct exchange e = a_request();
	struct attribute_source source = {resource, &e, slice_of("/users/:id"), 7};
	struct telemetry *telemetry;
	unsigned long before;

	options.select = (struct select_sections){sections, 2};
	telemetry = new_telemetry(&options);
	telemetry_count(telemetry, &source, SECOND, NULL);
	before = allocations;
	telemetry_count(telemetry, &source, SECOND, NULL);
	assert_int_equal(allocations, before);
	e.target = slice_of("/other");
	telemetry_count(telemetry, &source, SECOND, NULL);
	assert_int_equal(allocations, before + 2); /* new ones do, in two of the three groups */
	telemetry_free(telemetry);
}

static void nor_by_counting_those_of_other_protocols(void **state)
{
	static const char *const all[] = {"*"};
	const struct select_section sections[] = {
		{.key = "*", .include = all, .include_count = 1}};
	struct telemetry_options options = telemetry_defaults;
	struct telemetry *telemetry;
	unsigned long before = 0;

	options.select = (struct select_sections){sections, 1};
	options.kinds = (1u << EXCHANGE_KINDS) - 1;
	options.encrypted_connections = true;
	telemetry = new_telemetry(&options);
	for (int round = 0; round < 2; round++) {
		before = allocations;
		for (unsigned int i = 0; i < 2 * PROTOCOLS; i++) {
			struct exchange e = queried();
			struct attribute_source source = {resource, &e, slice_of(""), 7};

			e.protocol = (enum protocol)(i / 2);
			e.kind = protocol_kind(e.protocol);
			e.conn.role = i % 2 ? KH_ROLE_CLIENT : KH_ROLE_SERVER;
			telemetry_count(telemetry, &source, SECOND, NULL);
			telemetry_encrypted(telemetry, &source, SECOND);
		}
	}
	assert_int_equal(allocations, before); /* in the second round */
	telemetry_free(telemetry);
}

static void bad_filters_are_refused(void **state)
{
	static struct filter_test many[FILTER_TESTS_MAX + 1];
	const struct filter_test bad[] = {{ATTR_PATH, FILTER_MATCH, "ok", 0},
					  {ATTR_PATH, FILTER_MATCH, "[", 0}};
	char why[PATTERN_WHY_MAX];
	struct filter *filter;

	assert_int_equal(filter_new(&filter, bad, 2, NULL, why), -EINVAL);
	assert_string_equal(why, "\"[\" is not closed by \"]\"");
	assert_int_equal(filter_new(&filter, many, FILTER_TESTS_MAX + 1, NULL, why), -E2BIG);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_attribute_can_be_matched),
		T(error_type_is_that_of_the_label),
		T(numbers_are_compared),
		T(all_tests_must_pass),
		T(other_protocols_have_their_own_attributes),
		T(hostile_values_are_clean_before_they_are_matched),
		T(nothing_is_allocated_per_exchange),
		T(nor_by_counting_in_known_series),
		T(nor_by_counting_those_of_other_protocols),
		T(bad_filters_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
