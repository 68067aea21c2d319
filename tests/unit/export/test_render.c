/* SPDX-License-Identifier: Apache-2.0 */
#include "../telemetry/fixture.h"
#include "cleanup.h"
#include "export/prometheus.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>
#include <zlib.h>

#define BODY_MAX (256u << 20)

static struct telemetry *telemetry;
static struct selfmetrics *self;
static enum exemplar_filter shown;

static int setup(void **state)
{
	static const double bounds[] = {0, 0.005, 1};
	struct telemetry_options options = telemetry_defaults;

	options.duration = (struct telemetry_buckets){bounds, 3};
	options.request_size = (struct telemetry_buckets){bounds + 2, 1};
	options.response_size = (struct telemetry_buckets){bounds + 2, 0};
	shown = EXEMPLARS_NONE;
	telemetry = new_telemetry(&options);
	self = selfmetrics_new();
	return 0;
}

static int teardown(void **state)
{
	telemetry_free(telemetry);
	selfmetrics_free(self);
	return 0;
}

static char *render(enum prometheus_format format)
{
	struct prometheus_source source = {telemetry, self, shown};
	struct body body;

	assert_int_equal(body_init(&body, BODY_MAX, false), 0);
	prometheus_render(&source, format, &body);
	assert_int_equal(body_finish(&body), 0);
	body_put(&body, "", 1);
	return body.p;
}

static void add_some(void)
{
	const char *values[RES_COUNT] = {[RES_SERVICE_NAME] = "a\"b", [RES_JOB] = "j"};
	struct resource *resource = resource_new(values);
	struct exchange e = served();

	telemetry_http(telemetry, resource, &e, slice_of(""), SECOND);
	e.end_ns = e.start_ns + 2 * SECOND;
	telemetry_http(telemetry, resource, &e, slice_of(""), SECOND);
	e.end_ns = e.start_ns + 3 * MS;
	telemetry_http(telemetry, resource, &e, slice_of(""), SECOND);
	resource_unref(resource);
}

static uint64_t bpf_counter(void *arg, unsigned int counter)
{
	return counter == KH_C_exchanges ? 7 : 0;
}

static void add_self(void)
{
	selfmetrics_add_constant(self, SELF_RECORDS_DROPPED, "full", 5);
	selfmetrics_add_constant(self, SELF_RECORDS_DROPPED, "late", 6);
	selfmetrics_add_constant(self, SELF_SANDBOX, "seccomp", 1);
	selfmetrics_set_bpf(self, bpf_counter, NULL);
}

#define LABELS                                                                                     \
	"service_name=\"a\\\"b\",job=\"j\",http_request_method=\"GET\","                           \
	"http_response_status_code=\"200\",url_scheme=\"http\",server_port=\"8080\""
#define DURATION "http_server_request_duration_seconds"
#define HELP "Duration of HTTP requests served: first byte received to last byte sent."

/* Of each kind and side an exchange that failed, of each side an encrypted connection. */
static void add_calls(void)
{
	struct resource *resource = pod_resource("shop-1");
	struct telemetry_options options = telemetry_defaults;

	options.kinds = (1u << EXCHANGE_KINDS) - 1;
	options.encrypted_connections = true;
	options.time_to_first_byte = true;
	options.exemplars = EXEMPLARS_ALL;
	telemetry_free(telemetry);
	telemetry = new_telemetry(&options);
	for (unsigned int i = 0; i < 2 * PROTOCOLS; i++) {
		struct exchange e = i % 2 ? queried() : served();
		struct attribute_source source = {resource, &e, slice_of(""), 0};

		e.protocol = (enum protocol)(i / 2);
		e.kind = protocol_kind(e.protocol);
		e.action = MESSAGING_PROCESS;
		e.operation = slice_of("GET");
		e.failed = true;
		e.code = slice_of("E\"\n\\");
		assert_int_equal(telemetry_count(telemetry, &source, SECOND, NULL), 0);
		assert_int_equal(telemetry_encrypted(telemetry, &source, SECOND), 0);
	}
	resource_unref(resource);
}

static void the_text_format_is_as_golden(void **state)
{
	static const char golden[] =
		"# HELP " DURATION " " HELP "\n"
		"# TYPE " DURATION " histogram\n" DURATION "_bucket{" LABELS
		",le=\"0\"} 0\n" DURATION "_bucket{" LABELS ",le=\"0.005\"} 1\n" DURATION
		"_bucket{" LABELS ",le=\"1\"} 2\n" DURATION "_bucket{" LABELS
		",le=\"+Inf\"} 3\n" DURATION "_sum{" LABELS "} 2.015\n" DURATION "_count{" LABELS
		"} 3\n"
		"# HELP http_client_request_duration_seconds ";
	_cleanup_free_ char *text = NULL;

	add_some();
	text = render(PROMETHEUS_TEXT);
	assert_memory_equal(text, golden, sizeof(golden) - 1);
	assert_null(strstr(text, "# UNIT"));
	assert_null(strstr(text, "# EOF"));
	assert_non_null(strstr(text,
			       "\n# TYPE target_info gauge\ntarget_info{service_name=\"a\\\"b\","
			       "job=\"j\",telemetry_sdk_name=\"keyhole\","));
}

static void openmetrics_is_as_golden(void **state)
{
	static const char golden[] =
		"# HELP " DURATION " " HELP "\n"
		"# TYPE " DURATION " histogram\n"
		"# UNIT " DURATION " seconds\n" DURATION "_bucket{" LABELS
		",le=\"0.0\"} 0\n" DURATION "_bucket{" LABELS ",le=\"0.005\"} 1\n" DURATION
		"_bucket{" LABELS ",le=\"1.0\"} 2\n" DURATION "_bucket{" LABELS
		",le=\"+Inf\"} 3\n" DURATION "_sum{" LABELS "} 2.015\n" DURATION "_count{" LABELS
		"} 3\n";
	_cleanup_free_ char *text = NULL;

	add_some();
	text = render(PROMETHEUS_OPENMETRICS);
	assert_memory_equal(text, golden, sizeof(golden) - 1);
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
}

/* Of 12 ms, of 2 s, and one of 3 ms whose trace is not sampled. */
static void add_exemplars(void)
{
	static const uint64_t ns[] = {12 * MS, 2 * SECOND, 3 * MS};
	struct telemetry_exemplar x = {.trace_id = {0xab, [15] = 1}, .span_id = {[7] = 0x0f}};
	const char *values[RES_COUNT] = {[RES_SERVICE_NAME] = "a\"b", [RES_JOB] = "j"};
	struct resource *resource = resource_new(values);
	struct exchange e = served();
	struct attribute_source source = {resource, &e, slice_of(""), 0};
	struct telemetry_place place;

	for (int i = 0; i < 3; i++) {
		e.end_ns = e.start_ns + ns[i];
		assert_int_equal(telemetry_count(telemetry, &source, SECOND, &place), 0);
		x.value = ns[i];
		x.time_ns = 1700000000123456789ull + (uint64_t)i * SECOND;
		x.sampled = i < 2;
		telemetry_exemplar(telemetry, &place, &x);
	}
	resource_unref(resource);
}

static void with_exemplars(enum exemplar_filter kept)
{
	static const double bounds[] = {0, 0.005, 1};
	struct telemetry_options options = telemetry_defaults;

	options.duration = (struct telemetry_buckets){bounds, 3};
	options.exemplars = kept;
	telemetry_free(telemetry);
	telemetry = new_telemetry(&options);
	add_exemplars();
}

#define IDS "trace_id=\"ab000000000000000000000000000001\",span_id=\"000000000000000f\""

static void exemplars_stand_at_their_buckets(void **state)
{
	static const char golden[] =
		"\n" DURATION "_bucket{" LABELS ",le=\"0.0\"} 0\n" DURATION "_bucket{" LABELS
		",le=\"0.005\"} 1 # {" IDS "} 0.003 1700000002.123\n" DURATION "_bucket{" LABELS
		",le=\"1.0\"} 2 # {" IDS "} 0.012 1700000000.123\n" DURATION "_bucket{" LABELS
		",le=\"+Inf\"} 3 # {" IDS "} 2 1700000001.123\n" DURATION "_sum{" LABELS
		"} 2.015\n" DURATION "_count{" LABELS "} 3\n";
	_cleanup_free_ char *all = NULL, *sampled = NULL;

	with_exemplars(EXEMPLARS_ALL);
	shown = EXEMPLARS_ALL;
	all = render(PROMETHEUS_OPENMETRICS);
	assert_non_null(strstr(all, golden));
	shown = EXEMPLARS_SAMPLED;
	sampled = render(PROMETHEUS_OPENMETRICS);
	assert_non_null(strstr(sampled, ",le=\"0.005\"} 1\n"));
	assert_non_null(strstr(sampled, ",le=\"1.0\"} 2 # {" IDS "} 0.012 1700000000.123\n"));
}

static void only_openmetrics_has_exemplars_and_only_if_asked_for(void **state)
{
	_cleanup_free_ char *text = NULL, *unasked = NULL;

	with_exemplars(EXEMPLARS_ALL);
	shown = EXEMPLARS_ALL;
	text = render(PROMETHEUS_TEXT);
	assert_non_null(strstr(text, ",le=\"1\"} 2\n"));
	assert_null(strstr(text, "trace_id"));
	shown = EXEMPLARS_NONE;
	unasked = render(PROMETHEUS_OPENMETRICS);
	assert_non_null(strstr(unasked, ",le=\"1.0\"} 2\n"));
	assert_null(strstr(unasked, "trace_id"));
}

static void counters_are_named_as_each_format_wants(void **state)
{
	_cleanup_free_ char *text = NULL, *openmetrics = NULL;

	add_self();
	text = render(PROMETHEUS_TEXT);
	openmetrics = render(PROMETHEUS_OPENMETRICS);
	assert_non_null(strstr(text, "# TYPE keyhole_records_dropped_total counter\n"
				     "keyhole_records_dropped_total{reason=\"full\"} 5\n"
				     "keyhole_records_dropped_total{reason=\"late\"} 6\n"));
	assert_non_null(strstr(openmetrics, "# TYPE keyhole_records_dropped counter\n"
					    "keyhole_records_dropped_total{reason=\"full\"} 5\n"));
	assert_non_null(strstr(text, "keyhole_sandbox{part=\"seccomp\"} 1\n"));
	assert_non_null(strstr(text, "\nkeyhole_bpf_exchanges_total 7\n"));
	assert_null(strstr(text, "keyhole_build_info")); /* not bound: not exported */
}

static void counters_of_workloads_are_named_as_each_format_wants(void **state)
{
	_cleanup_free_ char *text = NULL, *openmetrics = NULL;

	add_calls();
	text = render(PROMETHEUS_TEXT);
	openmetrics = render(PROMETHEUS_OPENMETRICS);
	assert_non_null(strstr(text, "# TYPE keyhole_encrypted_connections_total counter\n"
				     "keyhole_encrypted_connections_total{service_name=\"shop\","));
	assert_non_null(strstr(text, ",keyhole_side=\"server\"} 24\n"));
	assert_non_null(strstr(openmetrics,
			       "# TYPE keyhole_encrypted_connections counter\n"
			       "keyhole_encrypted_connections_total{service_name=\"shop\","));
	assert_null(strstr(openmetrics, "# UNIT keyhole_encrypted"));
}

static void more_values_than_the_limit_are_refused(void **state)
{
	for (int i = 0; i < SELFMETRICS_VALUES_MAX; i++)
		assert_int_equal(selfmetrics_add_constant(self, SELF_MEMORY, "x", 1), 0);
	assert_int_equal(selfmetrics_add_constant(self, SELF_MEMORY, "x", 1), -ENOSPC);
}

/* ---- the body ---- */

/* Unpacks `body`, which must hold exactly `plain`. */
static void assert_unpacks_to(const struct body *body, const char *plain, size_t n)
{
	_cleanup_free_ char *back = malloc(n + 1);
	z_stream z = {0};

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	z.next_in = (unsigned char *)body->p;
	z.avail_in = (unsigned int)body->n;
	z.next_out = (unsigned char *)back;
	z.avail_out = (unsigned int)n + 1;
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, n);
	assert_memory_equal(back, plain, n);
	inflateEnd(&z);
}

static void a_gzip_body_unpacks_to_the_same_text(void **state)
{
	struct prometheus_source source = {telemetry, self, EXEMPLARS_NONE};
	_cleanup_free_ char *plain = NULL;
	struct body body;

	for (int i = 0; i < 200; i++) {
		struct exchange e = served();
		struct resource *resource = pod_resource("shop-1");

		e.status = (uint16_t)(100 + i);
		telemetry_http(telemetry, resource, &e, slice_of(""), SECOND);
		resource_unref(resource);
	}
	plain = render(PROMETHEUS_TEXT);
	assert_true(strlen(plain) > 3 * BODY_CHUNK);
	assert_int_equal(body_init(&body, BODY_MAX, true), 0);
	prometheus_render(&source, PROMETHEUS_TEXT, &body);
	assert_int_equal(body_finish(&body), 0);
	assert_true(body.n < strlen(plain) / 5);
	assert_unpacks_to(&body, plain, strlen(plain));
	body_free(&body);
}

static const char *noise(size_t n)
{
	static char bytes[200000];
	unsigned int x = 1;

	assert_true(n <= sizeof(bytes));
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)((x = x * 1664525 + 1013904223) >> 24);
	return bytes;
}

static void bytes_that_gzip_cannot_shorten_pass_whole(void **state)
{
	struct body body;

	assert_int_equal(body_init(&body, BODY_MAX, true), 0);
	body_put(&body, noise(200000), 200000);
	assert_int_equal(body_finish(&body), 0);
	assert_unpacks_to(&body, noise(200000), 200000);
	body_free(&body);
}

static void a_body_never_grows_beyond_its_limit(void **state)
{
	for (int gzip = 0; gzip <= 1; gzip++) {
		struct body body;

		assert_int_equal(body_init(&body, 70000, gzip), 0);
		for (int i = 0; i < 3; i++)
			body_put(&body, noise(100000), 100000);
		assert_int_equal(body_finish(&body), -EFBIG);
		assert_true(body.n <= 70000);
		body_free(&body);
	}
}

static void an_empty_gzip_body_is_a_gzip_stream(void **state)
{
	struct body body;

	assert_int_equal(body_init(&body, 1000, true), 0);
	assert_int_equal(body_finish(&body), 0);
	assert_true(body.n >= 18);
	body_free(&body);
}

/* ---- other people's parsers ---- */

/* Runs a shell command with `text` as input; returns its exit code. */
static int pipe_to(const char *command, const char *text)
{
	FILE *out = popen(command, "w");
	int status;

	assert_non_null(out);
	fputs(text, out);
	status = pclose(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void promtool_finds_nothing_to_complain_about(void **state)
{
	_cleanup_free_ char *text = NULL;

	if (system("command -v promtool >/dev/null 2>&1") != 0)
		skip();
	add_calls();
	add_some();
	add_self();
	for (int i = 0; i < SELF_COUNT; i++)
		selfmetrics_add_constant(self, i, "v", 1);
	text = render(PROMETHEUS_TEXT);
	assert_int_equal(pipe_to("promtool check metrics", text), 0);
}

static void the_openmetrics_parser_of_the_python_client_accepts_it(void **state)
{
	_cleanup_free_ char *text = NULL;

	if (system("/usr/bin/python3 -c 'import prometheus_client' 2>/dev/null") != 0)
		skip();
	add_calls();
	add_some();
	add_exemplars();
	shown = EXEMPLARS_ALL;
	add_self();
	for (int i = 0; i < SELF_COUNT; i++)
		selfmetrics_add_constant(self, i, "v", 1);
	text = render(PROMETHEUS_OPENMETRICS);
	assert_non_null(strstr(text, "span_id"));
	assert_int_equal(pipe_to("/usr/bin/python3 -c '"
				 "import sys\n"
				 "from prometheus_client.openmetrics.parser import *\n"
				 "n = [f.name for f in text_string_to_metric_families("
				 "sys.stdin.read())]\n"
				 "assert \"target_info\" in n, n\n"
				 "assert len(n) == len(set(n)), n'",
				 text),
			 0);
}

/* ---- size ---- */

static void ten_thousand_series_render(void **state)
{
	struct telemetry_options options = telemetry_defaults;
	struct timespec from, to;
	unsigned int lines = 0;

	options.routes = true;
	telemetry_free(telemetry);
	telemetry = new_telemetry(&options);
	/* 200 label sets; each has 17 + 13 + 13 lines. */
	for (int i = 0; i < 233; i++) {
		struct resource *resource = pod_resource("shop-1");
		struct exchange e = served();

		e.status = (uint16_t)(100 + i);
		telemetry_http(telemetry, resource, &e, slice_of("/cart/{id}"), SECOND);
		resource_unref(resource);
	}
	for (int gzip = 0; gzip <= 1; gzip++) {
		struct prometheus_source source = {telemetry, self, EXEMPLARS_NONE};
		struct body body;

		body_init(&body, BODY_MAX, gzip);
		clock_gettime(CLOCK_MONOTONIC, &from);
		prometheus_render(&source, PROMETHEUS_TEXT, &body);
		assert_int_equal(body_finish(&body), 0);
		clock_gettime(CLOCK_MONOTONIC, &to);
		for (size_t i = 0; !gzip && i < body.n; i++)
			lines += body.p[i] == '\n';
		print_message("%u lines, %zu bytes%s: %.1f ms\n", lines, body.n,
			      gzip ? " of gzip" : "",
			      (double)(to.tv_sec - from.tv_sec) * 1e3 +
				      (double)(to.tv_nsec - from.tv_nsec) / 1e6);
		body_free(&body);
	}
	assert_true(lines > 10000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_text_format_is_as_golden),
		T(openmetrics_is_as_golden),
		T(exemplars_stand_at_their_buckets),
		T(only_openmetrics_has_exemplars_and_only_if_asked_for),
		T(counters_are_named_as_each_format_wants),
		T(counters_of_workloads_are_named_as_each_format_wants),
		T(more_values_than_the_limit_are_refused),
		T(a_gzip_body_unpacks_to_the_same_text),
		T(bytes_that_gzip_cannot_shorten_pass_whole),
		T(a_body_never_grows_beyond_its_limit),
		T(an_empty_gzip_body_is_a_gzip_stream),
		T(promtool_finds_nothing_to_complain_about),
		T(the_openmetrics_parser_of_the_python_client_accepts_it),
		T(ten_thousand_series_render),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
