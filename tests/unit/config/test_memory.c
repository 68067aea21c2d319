/* SPDX-License-Identifier: Apache-2.0 */
/* keyhole.memory_limit: what it comes to for each part. */
#include "parsed.h"

#include "config/memory.h"
#include "export/export.h"
#include "identity/waiting.h"
#include "protocol/streams.h"
#include "trace/kin.h"
#include "trace/tracer.h"

#define MIB (1ull << 20)
#define TRACES "otel_traces_export: {endpoint: \"http://collector:4318\"}\n"
#define EVERYTHING                                                                                 \
	"otel_traces_export: {endpoint: \"http://collector:4318\", queue_size: 1000000}\n"         \
	"keyhole: {memory_limit: %llu, peers: [pods, services], series_memory: 1000000000000,\n"   \
	"  waiting_room: {records: 1000000}, traces: {join_spans: 1000000, queue_bytes: "          \
	"1000000000}}\n"

static struct parsed p;

static int teardown(void **state)
{
	config_free(p.config);
	p.config = NULL;
	return 0;
}

static const struct config *with(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const struct config *with(const char *format, ...)
{
	char text[600];
	va_list args;

	config_free(p.config);
	p.config = NULL;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	parse_text(&p, text);
	assert_non_null(p.config);
	return p.config;
}

static uint64_t all_of(const struct config *c)
{
	return c->keyhole.series_memory + c->shares.streams + c->shares.answers +
	       c->otlp.queue_bytes +
	       c->traces.join_spans * (TRACER_ROOM_BYTES_PER_SPAN + TRACER_PLACE_BYTES) +
	       c->keyhole.waiting_records * WAITING_BYTES +
	       (c->shares.peer_pods + c->shares.peer_services) * MEMORY_PEER;
}

static void all_shares_together_fit(void **state)
{
	static const unsigned long long limits[] = {48, 64, 100, 256, 1024, 8192};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		uint64_t rest = limits[i] * MIB - limits[i] * MIB / 8 - MEMORY_FIXED;
		const struct config *c = with(EVERYTHING, limits[i] * MIB);

		assert_in_range(all_of(c), rest < 128 * MIB ? rest - rest / 10 : 0, rest);
		assert_true(c->keyhole.series_memory >= MIB);
		assert_true(c->shares.streams >= 2 * MIB);
	}
}

static void a_lower_limit_of_its_own_stays(void **state)
{
	const struct config *c =
		with("keyhole: {memory_limit: %llu, series_memory: 2000000}\n" TRACES, 1024 * MIB);

	assert_int_equal(c->keyhole.series_memory, 2000000);
	assert_int_equal(c->shares.streams, STREAMS_BYTES_DEFAULT);
	assert_int_equal(c->traces.join_spans, 8192);
}

static void what_is_off_leaves_its_share_to_series(void **state)
{
	uint64_t off = with("keyhole: {memory_limit: %llu}\n", 64 * MIB)->keyhole.series_memory;
	uint64_t on =
		with("keyhole: {memory_limit: %llu}\n" TRACES, 64 * MIB)->keyhole.series_memory;

	assert_true(off > on + 2 * MIB);
}

static void what_is_off_is_not_said(void **state)
{
	with("keyhole: {memory_limit: %llu}\n", 64 * MIB);
	assert_non_null(strstr(p.said, "series_memory "));
	assert_null(strstr(p.said, "traces."));
	assert_null(strstr(p.said, "peers"));
	with(EVERYTHING, 64 * MIB);
	assert_non_null(strstr(p.said, "traces.join_spans "));
	assert_non_null(strstr(p.said, "peers "));
}

static void without_it_parts_have_their_own_limits(void **state)
{
	const struct config *c = with("keyhole: {memory_limit: %llu}\n", 0ull);

	assert_int_equal(c->shares.streams, STREAMS_BYTES_DEFAULT);
	assert_int_equal(c->shares.answers, (uint64_t)EXPORT_SCRAPES_MAX * EXPORT_BODY_MAX);
	assert_int_equal(c->keyhole.series_memory, 64 * MIB);
	assert_string_equal(p.said, "");
}

static void one_that_is_too_low_is_refused(void **state)
{
	config_free(p.config);
	p.config = NULL;
	parse_text(&p, "keyhole: {memory_limit: 50331647}\n");
	assert_null(p.config);
	assert_non_null(strstr(p.said, "at least 50331648 (48 MiB), or 0 for no limit"));
}

/* What the shares are worked out with. */
static void a_span_that_waits_takes_no_more_than_is_said(void **state)
{
	for (uint32_t spans = TRACER_ROOM_SPANS_MIN; spans <= 20000; spans = spans * 3 + 1) {
		struct tracer_options o = {.room_spans = spans};
		struct tracer *t = tracer_new(&o);

		assert_non_null(t);
		assert_true(tracer_bytes(t) <= 4096 + (size_t)spans * TRACER_PLACE_BYTES);
		tracer_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(all_shares_together_fit, teardown),
		cmocka_unit_test_teardown(a_lower_limit_of_its_own_stays, teardown),
		cmocka_unit_test_teardown(what_is_off_leaves_its_share_to_series, teardown),
		cmocka_unit_test_teardown(what_is_off_is_not_said, teardown),
		cmocka_unit_test_teardown(without_it_parts_have_their_own_limits, teardown),
		cmocka_unit_test_teardown(one_that_is_too_low_is_refused, teardown),
		cmocka_unit_test(a_span_that_waits_takes_no_more_than_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
