/* SPDX-License-Identifier: Apache-2.0 */
/* From exchanges to the exporter's queue: who waits, who leaves, and that each span is counted once. */
#include "trace/tracer.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#define MS 1000000ull
#define ROOM 64

static time_t ahead_s; /* of the calendar's clock */
static bool interrupted; /* the thread loses the CPU behind each reading of it */

int __real_clock_gettime(clockid_t clock, struct timespec *to);
int __wrap_clock_gettime(clockid_t clock, struct timespec *to);
int __wrap_clock_gettime(clockid_t clock, struct timespec *to)
{
	int r = __real_clock_gettime(clock, to);

	to->tv_sec += clock == CLOCK_REALTIME ? ahead_s : 0;
	if (clock == CLOCK_REALTIME && interrupted)
		nanosleep(&(struct timespec){.tv_nsec = 20 * MS}, NULL);
	return r;
}

static struct tracer *tracer;
static struct span_queue *queue;
static struct telemetry *telemetry;
static struct resource *resource;
static struct span_rules rules;
static uint64_t now = 1000 * MS;

static void start(struct tracer_options o, uint32_t queued)
{
	struct span_options spans = {.protocols = ~0ull};
	const char *const values[RES_COUNT] = {[RES_SERVICE_NAME] = "shop"};

	assert_int_equal(span_rules_init(&rules, &spans), 0);
	assert_int_equal(telemetry_new(&telemetry, &telemetry_defaults), 0);
	assert_int_equal(span_queue_new(&queue, queued, SPAN_QUEUE_BYTES_DEFAULT), 0);
	resource = resource_new(values);
	assert_non_null(resource);
	o.queue = queue;
	o.telemetry = telemetry;
	o.rules = &rules;
	o.join_wait_ns = 2000 * MS;
	o.room_spans = ROOM;
	tracer = tracer_new(&o);
	assert_non_null(tracer);
}

static const struct tracer_options plain = {.sampler = SAMPLER_DEFAULT};

static int stop(void **state)
{
	tracer_free(tracer);
	span_queue_free(queue);
	telemetry_free(telemetry);
	resource_unref(resource);
	return 0;
}

static void put(enum kh_role role, uint32_t conn, uint32_t tgid, uint64_t start_ms, uint64_t end_ms, const char *traceparent)
{
	static const struct telemetry_place nowhere;
	struct exchange x = {
		.conn = {.role = (uint8_t)role, .family = AF_INET, .lport = 80, .rport = 80},
		.req_seq = 1,
		.tgid = tgid,
		.tid = tgid,
		.req_tid = tgid,
		.start_ns = now + start_ms * MS,
		.end_ns = now + end_ms * MS,
		.kind = EXCHANGE_HTTP,
		.method = HTTP_GET,
		.status = 200,
		.target = slice_of("/"),
		.traceparent = slice_of(traceparent),
	};
	struct attribute_source source = {.resource = resource, .exchange = &x};

	x.conn.isn_local = role == KH_ROLE_CLIENT ? conn : conn + 1000;
	x.conn.isn_remote = role == KH_ROLE_CLIENT ? conn + 1000 : conn;
	tracer_exchange(tracer, &source, NULL, &nowhere, now + end_ms * MS);
}

static uint64_t get(const _Atomic uint64_t *value)
{
	return atomic_load(value);
}

static void adds_up(void)
{
	const struct tracer_stats *s = tracer_stats(tracer);
	uint64_t parents = 0;

	for (int i = 0; i < KIN_PARENTS; i++)
		parents += get(&s->parents[i]);
	assert_int_equal(get(&s->spans), get(&s->sampled_out) + get(&s->queued) + get(&s->dropped) + get(&s->waiting));
	assert_int_equal(parents, get(&s->queued));
}

static void spans_leave_when_their_time_is_over(void **state)
{
	const struct span *span;
	uint8_t parent[SPAN_ID_LEN], trace[SPAN_TRACE_ID_LEN];

	start(plain, 100);
	put(KH_ROLE_CLIENT, 2, 7, 20, 30, "");
	put(KH_ROLE_SERVER, 1, 7, 10, 40, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	tracer_turn(tracer, now + 2000 * MS);
	assert_int_equal(span_queue_length(queue), 0);
	assert_int_equal(get(&tracer_stats(tracer)->waiting), 2);
	tracer_turn(tracer, now + 2200 * MS);
	assert_int_equal(span_queue_length(queue), 2);
	adds_up();
	span = span_queue_peek(queue);
	assert_int_equal(span->kind, SPAN_CLIENT);
	assert_int_equal(span->end_ns - span->start_ns, 10 * MS);
	assert_true(span->start_ns > 1600000000ull * 1000 * MS); /* of the calendar's clock */
	memcpy(parent, span->parent_id, sizeof(parent));
	memcpy(trace, span->trace_id, sizeof(trace));
	span_queue_pop(queue);
	span = span_queue_peek(queue);
	assert_memory_equal(parent, span->span_id, sizeof(parent));
	assert_memory_equal(trace, span->trace_id, sizeof(trace));
	assert_int_equal(trace[0], 0x0a);
	assert_int_equal(span->parent_id[0], 0xb7);
}

/* A client's send that returned late: its span begins where the server's does. */
static void a_client_does_not_begin_behind_its_server(void **state)
{
	uint64_t begin;

	start(plain, 100);
	put(KH_ROLE_SERVER, 1, 7, 13, 19, "");
	put(KH_ROLE_CLIENT, 1, 6, 17, 20, "");
	tracer_turn(tracer, now + 2200 * MS);
	assert_int_equal(span_queue_length(queue), 2);
	begin = span_queue_peek(queue)->start_ns;
	span_queue_pop(queue);
	assert_int_equal(span_queue_peek(queue)->kind, SPAN_CLIENT);
	assert_int_equal(span_queue_peek(queue)->start_ns, begin);
	assert_int_equal(span_queue_peek(queue)->end_ns - begin, 7 * MS);
}

/* Somebody sets the calendar's clock: spans follow it. */
static void a_clock_that_is_set_is_followed(void **state)
{
	uint64_t before;

	start(plain, 100);
	put(KH_ROLE_CLIENT, 1, 7, 1, 2, "");
	tracer_turn(tracer, now + 3000 * MS);
	before = span_queue_peek(queue)->start_ns;
	span_queue_pop(queue);
	ahead_s = 3600;
	tracer_turn(tracer, now + 4000 * MS);
	put(KH_ROLE_CLIENT, 2, 7, 3999, 4000, ""); /* the pipeline has the turn's time */
	tracer_turn(tracer, now + 7000 * MS);
	ahead_s = 0;
	assert_in_range(span_queue_peek(queue)->start_ns - before, 3603000 * MS, 3605000 * MS);
}

static void clocks_that_are_read_apart_move_no_span(void **state)
{
	uint64_t before;

	start(plain, 100);
	put(KH_ROLE_CLIENT, 1, 7, 1, 2, "");
	interrupted = true;
	tracer_turn(tracer, now + 100 * MS);
	interrupted = false;
	put(KH_ROLE_CLIENT, 2, 7, 4, 5, "");
	tracer_turn(tracer, now + 7000 * MS);
	before = span_queue_peek(queue)->start_ns;
	span_queue_pop(queue);
	assert_in_range(span_queue_peek(queue)->start_ns - before, 3 * MS - MS / 10, 3 * MS + MS / 10);
}

static void a_room_that_is_full_makes_the_oldest_leave(void **state)
{
	start(plain, 1000);
	for (uint32_t i = 0; i < 10 * ROOM; i++)
		put(KH_ROLE_CLIENT, i + 1, 7, i, i + 1, "");
	tracer_turn(tracer, now + 1000 * MS);
	assert_int_equal(get(&tracer_stats(tracer)->forced), 9 * ROOM);
	assert_int_equal(get(&tracer_stats(tracer)->queued), 9 * ROOM);
	assert_int_equal(get(&tracer_stats(tracer)->waiting), ROOM);
	adds_up();
	tracer_finish(tracer);
	assert_int_equal(get(&tracer_stats(tracer)->queued), 10 * ROOM);
	adds_up();
}

static void what_the_queue_does_not_take_is_counted(void **state)
{
	start(plain, 3);
	for (uint32_t i = 0; i < 10; i++)
		put(KH_ROLE_CLIENT, i + 1, 7, i, i + 1, "");
	tracer_finish(tracer);
	assert_int_equal(get(&tracer_stats(tracer)->queued), 3);
	assert_int_equal(get(&tracer_stats(tracer)->dropped), 7);
	adds_up();
}

static void what_the_sampler_does_not_keep_goes_nowhere(void **state)
{
	struct tracer_options o = plain;

	o.sampler.below = 0;
	start(o, 100);
	put(KH_ROLE_CLIENT, 1, 7, 1, 2, "");
	put(KH_ROLE_SERVER, 2, 8, 1, 2, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	put(KH_ROLE_SERVER, 3, 8, 3, 4, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
	tracer_finish(tracer);
	assert_int_equal(get(&tracer_stats(tracer)->sampled_out), 2);
	assert_int_equal(get(&tracer_stats(tracer)->queued), 1); /* a parent that was sampled decides */
	adds_up();
}

static void a_link_leads_to_the_server_on_another_node(void **state)
{
	struct tracer_options o = plain;
	const struct span *span;

	o.remote = TRACER_REMOTE_ALWAYS;
	start(o, 100);
	put(KH_ROLE_CLIENT, 1, 7, 20, 30, ""); /* of the request: its server cannot know the trace */
	put(KH_ROLE_SERVER, 2, 7, 10, 40, "");
	put(KH_ROLE_CLIENT, 3, 9, 20, 30, ""); /* the root of a trace: its server derives the same */
	tracer_finish(tracer);
	assert_int_equal(get(&tracer_stats(tracer)->linked), 1);
	span = span_queue_peek(queue);
	assert_int_equal(span->links_n, 1);
	assert_memory_not_equal(span->link[0].trace_id, span->trace_id, SPAN_TRACE_ID_LEN);
	assert_int_equal(get(&tracer_stats(tracer)->parents[KIN_TCP]), 1); /* the server's own, which was not seen */
	adds_up();
}

#define TEST(name) cmocka_unit_test_teardown(name, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(spans_leave_when_their_time_is_over),
		TEST(a_client_does_not_begin_behind_its_server),
		TEST(a_clock_that_is_set_is_followed),
		TEST(clocks_that_are_read_apart_move_no_span),
		TEST(a_room_that_is_full_makes_the_oldest_leave),
		TEST(what_the_queue_does_not_take_is_counted),
		TEST(what_the_sampler_does_not_keep_goes_nowhere),
		TEST(a_link_leads_to_the_server_on_another_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
