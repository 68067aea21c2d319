/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of spans, answers of receivers, pauses and options. */
#include "../telemetry/fixture.h"
#include "export/otlp_sender.h"
#include "trace/span_queue.h"

#include <errno.h>
#include <stdlib.h>

static void a_full_queue_drops_and_goes_round(void **state)
{
	struct resource *resource = pod_resource("a");
	static struct span span;
	struct span_queue *queue;
	uint64_t next = 0, put = 0;

	assert_int_equal(span_queue_new(&queue, 1000, SPAN_QUEUE_BYTES_MIN), 0);
	for (uint64_t i = 0; i < 5000; i++) {
		char name[SPAN_NAME_MAX + 1];

		snprintf(name, sizeof(name), "%0*llu", (int)(i % 200) + 8, (unsigned long long)put);
		span_init(&span);
		span.resource = resource;
		span.start_ns = put;
		span_set_name(&span, slice_of(name));
		put += !span_queue_put(queue, &span);
		if (i % 3 == 0) {
			const struct span *got = span_queue_peek(queue);

			assert_int_equal(got->start_ns, next);
			snprintf(name, sizeof(name), "%.*s", got->name.n,
				 span_slice(got, got->name).p);
			assert_int_equal(atoll(name), next++);
			span_queue_pop(queue);
		}
	}
	assert_true(span_queue_stats(queue)->dropped_full > 1000);
	assert_int_equal(span_queue_stats(queue)->dropped_full + put, 5000);
	assert_int_equal(span_queue_length(queue), put - next);
	assert_int_equal(resource->refs, 1 + put - next);
	span_queue_free(queue);
	assert_int_equal(resource->refs, 1);
	resource_unref(resource);
}

static void answers_are_read_or_not(void **state)
{
	static const char *const bad[] = {"\x0a\x06\x08", "\x08", "hello", "\x0a\x03\x0a\x7f\x01",
					  "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"};
	struct otlp_answer a;

	assert_true(otlp_answer_read(&a, slice_of(""), false));
	assert_true(otlp_answer_read(&a, slice_of("\x0a\x06\x08\x03\x12\x02no"), false));
	assert_int_equal(a.rejected, 3);
	assert_string_equal(a.text, "no");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(otlp_answer_read(&a, slice_of(bad[i]), false));
	assert_true(otlp_answer_read(&a, slice_of("{}"), true));
	assert_true(otlp_answer_read(&a,
				     slice_of("{\"partialSuccess\":{\"rejectedSpans\":\"7\","
					      "\"errorMessage\":\"x\"}}"),
				     true));
	assert_int_equal(a.rejected, 7);
	assert_false(otlp_answer_read(&a, slice_of("[1"), true));
}

static void pauses_double_to_a_limit(void **state)
{
	struct otlp_backoff b = {.min_ms = 100, .max_ms = 1000};

	assert_int_equal(otlp_pause_ms(&b, 0, 0, 0), 50);
	assert_int_equal(otlp_pause_ms(&b, 0, 0, 100), 150);
	assert_int_equal(otlp_pause_ms(&b, 2, 0, 0), 200);
	assert_int_equal(otlp_pause_ms(&b, 1000000, 0, 0), 500);
	assert_int_equal(otlp_pause_ms(&b, 0, 7, 0), 7000);
}

static void endpoints_and_headers_are_taken_as_specified(void **state)
{
	char *const environment[] = {"OTEL_EXPORTER_OTLP_HEADERS=a=b%20c, d = e",
				     "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT=5", NULL};
	char *const injected[] = {"OTEL_EXPORTER_OTLP_HEADERS=a=b%0d%0ac", NULL};
	struct otlp_said said = {.common_endpoint = "http://x:4318/p/",
				 .endpoint[OTLP_TRACES] = "https://y/t"};
	struct otlp_signal_options o[OTLP_SIGNALS];

	assert_int_equal(otlp_options_read(o, &said, environment), 0);
	assert_string_equal(o[OTLP_METRICS].url, "http://x:4318/p/v1/metrics");
	assert_string_equal(o[OTLP_TRACES].url, "https://y/t");
	assert_int_equal(o[OTLP_METRICS].port, 4318);
	assert_int_equal(o[OTLP_TRACES].port, 443);
	assert_int_equal(o[OTLP_METRICS].timeout_ms, 5);
	assert_int_equal(o[OTLP_TRACES].timeout_ms, 10000);
	assert_string_equal(o[OTLP_METRICS].headers->data, "a: b c");
	assert_string_equal(o[OTLP_METRICS].headers->next->data, "d: e");
	otlp_options_free(o);
	assert_int_equal(otlp_options_read(o, &said, injected), -EINVAL);
	otlp_options_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_queue_drops_and_goes_round),
		cmocka_unit_test(answers_are_read_or_not),
		cmocka_unit_test(pauses_double_to_a_limit),
		cmocka_unit_test(endpoints_and_headers_are_taken_as_specified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
