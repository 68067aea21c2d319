/* SPDX-License-Identifier: Apache-2.0 */
/* Whose child an exchange is: each way on its own, and chains of them. */
#include "trace/kin.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#define NODES 1024
#define MS 1000000ull

static struct kin *kin;
static uint64_t now;

static int set_up(void **state)
{
	struct kin_told told = {NULL, NULL};

	kin = kin_new(NODES, &told);
	now = 0;
	return kin ? 0 : -1;
}

static int tear_down(void **state)
{
	kin_free(kin);
	return 0;
}

/* Process `tgid`, whose thread has the same number, from `start` to `end` ms. */
static struct exchange server(uint32_t conn, uint32_t seq, uint32_t tgid, uint64_t start, uint64_t end)
{
	return (struct exchange){
		.conn = {.role = KH_ROLE_SERVER,
			 .family = AF_INET,
			 .isn_local = conn + 1000,
			 .isn_remote = conn},
		.req_seq = seq,
		.tgid = tgid,
		.tid = tgid,
		.req_tid = tgid,
		.start_ns = start * MS,
		.end_ns = end * MS,
	};
}

static struct exchange client(uint32_t conn, uint32_t seq, uint32_t tgid, uint64_t start, uint64_t end)
{
	struct exchange x = server(conn, seq, tgid, start, end);

	x.conn.role = KH_ROLE_CLIENT;
	x.conn.isn_local = conn;
	x.conn.isn_remote = conn + 1000;
	return x;
}

static const struct kin_about plain = {.sampler = SAMPLER_DEFAULT};

static uint64_t add_about(const struct exchange *x, const struct kin_about *about)
{
	struct trace_ids ids;

	now = x->end_ns > now ? x->end_ns : now;
	return kin_add(kin, x, about, now, &ids);
}

static uint64_t add(struct exchange x)
{
	return add_about(&x, &plain);
}

static struct kin_place at(uint64_t number)
{
	struct kin_place place;

	assert_int_equal(kin_settle(kin, number, false, &place), KIN_SETTLED);
	return place;
}

#define is_child(child, parent, by) is_child_((child), (parent), (by), __LINE__)
static void is_child_(uint64_t child, uint64_t parent, enum kin_parent how, int line)
{
	struct kin_place c = at(child), p = at(parent);

	if (c.how != how)
		fail_msg("line %d: %s instead of %s", line, kin_parent_name[c.how], kin_parent_name[how]);
	if (memcmp(c.parent_id, p.span_id, SPAN_ID_LEN) || memcmp(c.trace_id, p.trace_id, SPAN_TRACE_ID_LEN))
		fail_msg("line %d: another parent", line);
}

#define is_root(number) is_root_((number), __LINE__)
static void is_root_(uint64_t number, int line)
{
	static const uint8_t none[SPAN_ID_LEN];
	struct kin_place place = at(number);

	if (place.how != KIN_NONE || memcmp(place.parent_id, none, SPAN_ID_LEN))
		fail_msg("line %d: it has a parent (%s)", line, kin_parent_name[place.how]);
}

/* ---- ids ---- */

static void both_ends_derive_the_same(void **state)
{
	struct exchange c = client(5, 77, 1, 0, 10), s = server(5, 77, 2, 1, 9), other = client(5, 78, 1, 0, 10);
	struct trace_ids of_c, of_s, of_other;

	s.conn.lport = 8080; /* addresses may be translated on the way */
	c.conn.rport = 80;
	trace_ids_of(&of_c, &c, 1);
	trace_ids_of(&of_s, &s, 2);
	trace_ids_of(&of_other, &other, 3);
	assert_true(of_c.shared && of_s.shared);
	assert_memory_equal(&of_c, &of_s, sizeof(of_c));
	assert_memory_not_equal(of_c.client, of_s.server, SPAN_ID_LEN);
	assert_memory_not_equal(of_c.client, of_other.client, SPAN_ID_LEN);
	assert_memory_not_equal(of_c.trace, of_other.trace, SPAN_TRACE_ID_LEN);
	/* The derivation is part of the product: another value breaks traces between versions. */
	assert_memory_equal(of_c.client, ((uint8_t[]){0xf8, 0xad, 0x93, 0x97, 0x2f, 0x8c, 0x32, 0x4b}), SPAN_ID_LEN);
}

static void without_sequence_numbers_ids_are_ones_own(void **state)
{
	struct exchange c = client(5, 77, 1, 0, 10);
	struct trace_ids a, b;

	c.conn.isn_local = c.conn.isn_remote = 0;
	trace_ids_of(&a, &c, 1);
	trace_ids_of(&b, &c, 2);
	assert_false(a.shared);
	assert_memory_not_equal(a.client, b.client, SPAN_ID_LEN);
}

static void no_header_makes_a_span_its_own_parent(void **state)
{
	struct exchange s = server(1, 10, 2, 1, 9);
	struct kin_about about = plain;
	struct trace_ids ids;

	trace_ids_of(&ids, &s, 1);
	about.context.there = true;
	memset(about.context.trace_id, 7, SPAN_TRACE_ID_LEN);
	memcpy(about.context.parent_id, ids.server, SPAN_ID_LEN);
	is_root(add_about(&s, &about));
}

/* ---- one way each ---- */

static void a_server_is_the_child_of_its_client(void **state)
{
	uint64_t s = add(server(1, 10, 2, 1, 9)), c = add(client(1, 10, 1, 0, 10));

	is_child(s, c, KIN_TCP);
	is_root(c);
	assert_true(at(s).other_end && at(c).other_end && at(s).parent_remote);
	/* another request of the same connection */
	is_root(add(server(1, 20, 2, 11, 12)));
}

/* A send returns late where its thread loses the CPU in it: the server is at work by then. */
static void a_client_begins_no_later_than_its_server(void **state)
{
	uint64_t s = add(server(1, 10, 2, 3, 9)), late = add(client(1, 10, 1, 7, 10)),
		 in_time = add(client(2, 10, 1, 12, 20)), other = add(server(2, 10, 2, 13, 19));

	is_child(s, late, KIN_TCP);
	is_child(other, in_time, KIN_TCP);
	assert_int_equal(at(late).early_ns, 4 * MS);
	assert_int_equal(at(in_time).early_ns, 0);
	assert_int_equal(at(s).early_ns, 0);
}

static void a_call_belongs_to_the_request_in_hand(void **state)
{
	uint64_t before = add(client(3, 1, 7, 0, 1)), inside = add(client(3, 2, 7, 12, 14)),
		 elsewhere = add(client(4, 1, 8, 12, 14)), request = add(server(1, 1, 7, 10, 20)),
		 after = add(client(3, 3, 7, 25, 26));

	is_child(inside, request, KIN_THREAD);
	is_root(before);
	is_root(elsewhere); /* another process */
	is_root(after);
	assert_false(at(inside).parent_remote);
}

static void a_call_that_ends_after_its_request_is_its_child_too(void **state)
{
	uint64_t request = add(server(1, 1, 7, 10, 20)), call = add(client(3, 2, 7, 15, 40));

	is_child(call, request, KIN_THREAD);
}

/* What is told late, of a batch that began before the request did, does not hide the call below it. */
static void the_order_of_arrival_does_not_matter(void **state)
{
	struct exchange late = server(2, 1, 7, 1, 9);
	struct trace_ids ids;
	uint64_t call = add(client(3, 2, 7, 12, 14)), request;

	kin_add(kin, &late, &plain, 5 * MS, &ids);
	request = add(server(1, 1, 7, 10, 20));
	is_child(call, request, KIN_THREAD);
}

static void either_thread_of_a_request_counts(void **state)
{
	struct exchange call = client(3, 2, 7, 12, 14), by_worker = client(3, 3, 7, 15, 16),
			by_nobody = client(3, 4, 7, 15, 16), request = server(1, 1, 7, 10, 20);
	uint64_t numbers[3], parent;

	request.tid = 72; /* answers */
	call.tid = by_worker.req_tid = by_worker.tid = 72;
	by_nobody.req_tid = by_nobody.tid = 73;
	numbers[0] = add(call);
	numbers[1] = add(by_worker);
	numbers[2] = add(by_nobody);
	parent = add(request);
	is_child(numbers[0], parent, KIN_THREAD);
	is_child(numbers[1], parent, KIN_THREAD);
	is_root(numbers[2]);
}

static void of_go_the_goroutine_counts_and_not_the_thread(void **state)
{
	struct exchange mine = client(3, 2, 7, 12, 14), others = client(3, 3, 7, 12, 15),
			request = server(1, 1, 7, 10, 20);
	uint64_t a, b, parent;

	request.routine = mine.routine = 0xc000000100;
	mine.req_tid = mine.tid = 99; /* it moved */
	others.routine = 0xc000000200;
	a = add(mine);
	b = add(others);
	parent = add(request);
	is_child(a, parent, KIN_GOROUTINE);
	is_root(b);
}

/* A loop has two requests in hand: what it heard of last decides. */
static void an_event_loop_answers_whom_it_heard_last(void **state)
{
	/* request A at 10, its call at 11; B at 12, its call at 13; answers at 20 (A) and 21 (B),
	 * second calls at 20.5 and 22 */
	struct exchange a2 = client(3, 3, 7, 0, 40), a1 = client(3, 1, 7, 11, 20);
	uint64_t first_a, first_b, second_a, second_b, a, b;

	a2.start_ns = 20 * MS + MS / 2;
	first_a = add(a1);
	first_b = add(client(3, 2, 7, 13, 21));
	second_a = add(a2);
	second_b = add(client(3, 4, 7, 22, 41));
	a = add(server(1, 1, 7, 10, 50));
	b = add(server(2, 1, 7, 12, 51));
	/* as long as A is the only one, that is certain as far as anybody can tell */
	is_child(first_a, a, KIN_THREAD);
	is_child(first_b, b, KIN_EVENT_LOOP);
	is_child(second_a, a, KIN_EVENT_LOOP);
	is_child(second_b, b, KIN_EVENT_LOOP);
}

/* Two requests are read before their calls are sent, as while a proxy connects: answers tell. */
static void a_proxys_call_is_answered_right_before_its_request(void **state)
{
	struct exchange ca = client(3, 1, 7, 12, 30), cb = client(4, 1, 7, 13, 20), a = server(1, 1, 7, 10, 31),
			b = server(2, 1, 7, 11, 21);
	uint64_t call_a, call_b, request_a, request_b;

	a.target = b.target = ca.target = cb.target = slice_of("/same");
	ca.first_ns = 29 * MS;
	a.first_ns = 29 * MS + MS / 2;
	cb.first_ns = 19 * MS;
	b.first_ns = 19 * MS + MS / 2;
	call_b = add(cb);
	request_b = add(b);
	call_a = add(ca);
	request_a = add(a);
	is_child(call_a, request_a, KIN_EVENT_LOOP);
	is_child(call_b, request_b, KIN_EVENT_LOOP);
}

/* ---- contexts ---- */

static struct trace_context context(uint8_t trace, uint8_t parent, uint8_t flags)
{
	struct trace_context c = {.there = true, .flags = flags};

	memset(c.trace_id, trace, sizeof(c.trace_id));
	memset(c.parent_id, parent, sizeof(c.parent_id));
	return c;
}

static uint64_t add_with(struct exchange x, struct trace_context c)
{
	struct kin_about about = {.context = c, .sampler = SAMPLER_DEFAULT};

	return add_about(&x, &about);
}

static void has_context(uint64_t number, struct trace_context c)
{
	struct kin_place place = at(number);

	assert_int_equal(place.how, KIN_HEADER);
	assert_true(place.parent_remote);
	assert_memory_equal(place.trace_id, c.trace_id, sizeof(c.trace_id));
	assert_memory_equal(place.parent_id, c.parent_id, sizeof(c.parent_id));
	assert_int_equal(place.flags, c.flags);
}

static void a_context_comes_first(void **state)
{
	struct trace_context mine = context(1, 2, 1), not_kept = context(3, 4, 0);
	uint64_t s = add_with(server(1, 10, 2, 1, 9), mine), c = add_with(client(1, 10, 1, 0, 10), mine);
	uint64_t call = add(client(9, 9, 2, 3, 4)), dropped = add_with(server(2, 10, 2, 11, 12), not_kept);

	has_context(s, mine);
	has_context(c, mine);
	is_child(call, s, KIN_THREAD);
	has_context(dropped, not_kept);
	assert_int_equal(at(s).flags & 1, 1);
	assert_int_equal(at(dropped).flags & 1, 0);
}

/* A proxy that knows nothing of traces hands the header on: its spans are part of the chain. */
static void a_context_handed_on_does_not_skip_who_did_it(void **state)
{
	struct trace_context mine = context(1, 2, 1), changed = context(1, 5, 1);
	uint64_t backend = add_with(server(2, 1, 3, 12, 18), mine), call = add_with(client(2, 1, 2, 11, 19), mine);
	uint64_t aware = add_with(client(2, 2, 2, 12, 13), changed), proxy = add_with(server(1, 1, 2, 10, 20), mine);

	has_context(proxy, mine);
	is_child(call, proxy, KIN_THREAD);
	is_child(backend, call, KIN_TCP);
	has_context(aware, changed); /* it made a span of its own between */
}

/* ---- chains ---- */

static void a_chain_is_one_trace(void **state)
{
	uint64_t redis = add(server(3, 1, 30, 14, 15)), call = add(client(3, 1, 20, 13, 16)),
		 app = add(server(2, 1, 20, 12, 17)), proxied = add(client(2, 1, 10, 11, 18)),
		 proxy = add(server(1, 1, 10, 10, 19)), user = add(client(1, 1, 1, 9, 20));

	is_child(redis, call, KIN_TCP);
	is_child(call, app, KIN_THREAD);
	is_child(app, proxied, KIN_TCP);
	is_child(proxied, proxy, KIN_THREAD);
	is_child(proxy, user, KIN_TCP);
	is_root(user);
	assert_memory_equal(at(redis).trace_id, at(user).trace_id, SPAN_TRACE_ID_LEN);
}

static void a_request_that_comes_too_late_is_counted(void **state)
{
	uint64_t call = add(client(3, 2, 7, 12, 14));

	is_root(call);
	add(server(1, 1, 7, 10, 20));
	is_root(call);
	assert_int_equal(kin_counters(kin)->late, 1);
}

static void a_chain_has_a_longest_length(void **state)
{
	uint64_t deepest = 0;
	struct kin_place place;

	/* each process serves one and asks the next, the innermost first */
	for (uint32_t i = 100; i > 0; i--) {
		uint64_t s = add(server(i, 1, i, 2 * i, 1000 - 2 * i));

		deepest = deepest ? deepest : s;
		add(client(i, 1, i - 1, 2 * i - 1, 1001 - 2 * i));
	}
	assert_int_equal(kin_settle(kin, deepest, false, &place), KIN_SETTLED);
	assert_true(kin_counters(kin)->deep > 0);
}

static void what_is_overwritten_is_said(void **state)
{
	uint64_t first = add(client(1, 1, 1, 1, 2));
	struct kin_place place;

	for (uint32_t i = 0; i < NODES; i++)
		add(client(2, i + 1, 1, 3 + i, 4 + i));
	assert_int_equal(kin_settle(kin, first, false, &place), KIN_FORGOTTEN);
	assert_int_equal(kin_counters(kin)->forgotten, 1);
}

/* A thread that does nothing but ask, for ever: what one comes after is not searched through. */
static void searches_are_bounded(void **state)
{
	for (uint32_t i = 0; i < NODES; i++)
		add(client(2, i + 1, 1, 3 + i, 4 + i));
	assert_int_equal(kin_counters(kin)->looks_cut, 0);
	add(server(1, 1, 1, 1, 4 + NODES));
	assert_int_equal(kin_counters(kin)->looks_cut, 1);
}

/* ---- other nodes ---- */

static struct trace_context told_context;

static bool find(void *arg, const uint8_t client_id[SPAN_ID_LEN], uint8_t trace_id[SPAN_TRACE_ID_LEN], uint8_t *flags)
{
	if (!told_context.there || memcmp(client_id, told_context.parent_id, SPAN_ID_LEN))
		return false;
	memcpy(trace_id, told_context.trace_id, SPAN_TRACE_ID_LEN);
	*flags = told_context.flags;
	return true;
}

static void another_node_tells_the_trace(void **state)
{
	struct kin_about abroad = {.sampler = SAMPLER_DEFAULT, .abroad = true};
	struct exchange x = server(1, 1, 7, 10, 20), y = server(2, 1, 7, 30, 40);
	struct kin_told told = {find, NULL};
	struct trace_ids ids;
	struct kin_place place;
	uint64_t s, call, untold;

	kin_free(kin);
	kin = kin_new(NODES, &told);
	assert_non_null(kin);
	told_context = (struct trace_context){0};
	call = add(client(3, 2, 7, 12, 14));
	s = add_about(&x, &abroad);
	assert_int_equal(kin_settle(kin, call, true, &place), KIN_WAITS);
	assert_int_equal(kin_settle(kin, s, true, &place), KIN_WAITS);
	told_context = context(9, 0, 1);
	trace_ids_of(&ids, &x, 0);
	memcpy(told_context.parent_id, ids.client, SPAN_ID_LEN);
	assert_int_equal(kin_settle(kin, call, true, &place), KIN_SETTLED);
	assert_memory_equal(place.trace_id, told_context.trace_id, SPAN_TRACE_ID_LEN);
	is_child(call, s, KIN_THREAD);
	assert_int_equal(at(s).how, KIN_TCP);
	assert_memory_equal(at(s).parent_id, ids.client, SPAN_ID_LEN);
	/* nobody tells: the parent is known all the same, and the trace is the exchange's own */
	untold = add_about(&y, &abroad);
	trace_ids_of(&ids, &y, 0);
	assert_int_equal(at(untold).how, KIN_TCP);
	assert_memory_equal(at(untold).parent_id, ids.client, SPAN_ID_LEN);
	assert_memory_equal(at(untold).trace_id, ids.trace, SPAN_TRACE_ID_LEN);
}

/* ---- samplers ---- */

static void a_trace_is_kept_whole_or_not_at_all(void **state)
{
	unsigned int kept = 0;
	struct kin_about about = plain;

	assert_null(sampler_read(&about.sampler, slice_of("parentbased_traceidratio"), slice_of("0.25")));
	for (uint32_t i = 1; i <= 300; i++) {
		struct exchange x = server(i, 1, 2, 10 * i, 10 * i + 5), y = client(i, 1, 1, 10 * i - 1, 10 * i + 6);
		uint64_t s = add_about(&x, &about), c = add_about(&y, &about);

		assert_int_equal(at(s).flags, at(c).flags);
		kept += at(s).flags & 1;
	}
	assert_in_range(kept, 45, 105); /* 75 with a deviation of 7.5 */
}

static void samplers_are_opentelemetrys(void **state)
{
	static const uint8_t low[16] = {[8] = 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, high[16] = {[8] = 0x40};
	struct sampler s;

	assert_null(sampler_read(&s, slice_of("traceidratio"), slice_of("0.25")));
	assert_true(sampler_keeps(&s, low));
	assert_false(sampler_keeps(&s, high));
	assert_false(s.parent);
	assert_null(sampler_read(&s, slice_of("parentbased_always_off"), slice_of("")));
	assert_true(s.parent);
	assert_false(sampler_keeps(&s, low));
	assert_null(sampler_read(&s, slice_of("always_on"), slice_of("junk is not looked at")));
	assert_true(sampler_keeps(&s, high));
	assert_non_null(sampler_read(&s, slice_of("sometimes"), slice_of("")));
	assert_non_null(sampler_read(&s, slice_of("traceidratio"), slice_of("1.5")));
	assert_non_null(sampler_read(&s, slice_of("traceidratio"), slice_of("nan")));
	assert_non_null(sampler_read(&s, slice_of("traceidratio"), slice_of("0.5x")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_ends_derive_the_same),
		TEST(without_sequence_numbers_ids_are_ones_own),
		TEST(a_server_is_the_child_of_its_client),
		TEST(a_client_begins_no_later_than_its_server),
		TEST(a_call_belongs_to_the_request_in_hand),
		TEST(a_call_that_ends_after_its_request_is_its_child_too),
		TEST(the_order_of_arrival_does_not_matter),
		TEST(either_thread_of_a_request_counts),
		TEST(of_go_the_goroutine_counts_and_not_the_thread),
		TEST(an_event_loop_answers_whom_it_heard_last),
		TEST(a_proxys_call_is_answered_right_before_its_request),
		TEST(a_context_comes_first),
		TEST(a_context_handed_on_does_not_skip_who_did_it),
		TEST(a_chain_is_one_trace),
		TEST(a_request_that_comes_too_late_is_counted),
		TEST(a_chain_has_a_longest_length),
		TEST(what_is_overwritten_is_said),
		TEST(no_header_makes_a_span_its_own_parent),
		TEST(searches_are_bounded),
		TEST(another_node_tells_the_trace),
		TEST(a_trace_is_kept_whole_or_not_at_all),
		TEST(samplers_are_opentelemetrys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
