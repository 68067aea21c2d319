/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "protocol/call_memo.h"

static struct call_memo *memo;

static int setup(void **state)
{
	memo = calloc(1, sizeof(*memo));
	return memo == NULL;
}

static int teardown(void **state)
{
	free(memo);
	return 0;
}

/* A call, as a parser of a database would make it, and whose it is. */
struct told {
	struct call call;
	struct exchange exchange;
};

static void make(struct told *t)
{
	memset(t, 0, sizeof(*t));
	t->call.kind = EXCHANGE_DB;
	t->call.protocol = PROTOCOL_POSTGRESQL;
	t->exchange.tgid = 7;
	t->exchange.cgroup = 70;
	t->exchange.conn = (struct kh_conn){
		.role = KH_ROLE_SERVER, .family = 2, .lport = 5432, .rport = 40000};
}

static void set(struct told *t, enum call_text which, const char *text)
{
	assert_true(call_set(&t->call, which, slice_of(text)));
}

static uint64_t number(struct told *t)
{
	return call_memo_number(memo, &t->call, &t->exchange);
}

static void made_again_it_is_alike(void **state)
{
	struct told a, b;
	uint64_t first;

	make(&a);
	set(&a, CALL_OPERATION, "SELECT");
	set(&a, CALL_COLLECTION, "orders");
	first = number(&a);
	assert_int_not_equal(first, 0);
	make(&b);
	set(&b, CALL_OPERATION, "SELECT");
	set(&b, CALL_COLLECTION, "orders");
	/* what is counted, not named */
	b.call.start_ns = 5;
	b.call.last_ns = 9;
	b.call.req_body = 77;
	b.call.tid = 8;
	b.exchange.conn.rport = 40001;
	b.exchange.conn.raddr[3] = 9;
	assert_int_equal(number(&b), first);
	b.exchange.alike = first;
	assert_true(alike_in_all(&b.exchange));
}

/* One thing that differs, each time another one. */
static void differ(struct told *t, unsigned int how)
{
	static const char *const text[CALL_TEXTS] = {
		[CALL_OPERATION] = "SELECS", [CALL_COLLECTION] = "order",
		[CALL_NAMESPACE] = "a",      [CALL_SUMMARY] = "SELECT",
		[CALL_CODE] = "42P01",       [CALL_GROUP] = "g",
		[CALL_TARGET] = "/",         [CALL_HOST] = "h"};
	uint8_t *const byte[] = {&t->call.protocol, &t->call.kind,  &t->call.action,
				 &t->call.method,   &t->call.error, &t->exchange.conn.role};
	bool *const flag[] = {&t->call.failed, &t->call.waits, &t->call.target_cut};

	if (how < CALL_TRACEPARENT)
		set(t, (enum call_text)how, text[how]);
	else if (how < CALL_TRACEPARENT + 6)
		*byte[how - CALL_TRACEPARENT] ^= 3;
	else if (how < CALL_TRACEPARENT + 9)
		*flag[how - CALL_TRACEPARENT - 6] = true;
	else if (how == CALL_TRACEPARENT + 9)
		t->call.status = 200;
	else if (how == CALL_TRACEPARENT + 10)
		t->exchange.tgid++;
	else if (how == CALL_TRACEPARENT + 11)
		t->exchange.cgroup++;
	else
		t->exchange.conn.lport++;
}

#define WAYS (CALL_TRACEPARENT + 13)

static void whatever_differs_tells_them_apart(void **state)
{
	uint64_t seen[1 + WAYS];

	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int how = 0; how <= WAYS; how++) {
			struct told t;
			uint64_t n;

			make(&t);
			set(&t, CALL_OPERATION, "SELECT");
			set(&t, CALL_COLLECTION, "orders");
			if (how < WAYS)
				differ(&t, how);
			n = number(&t);
			assert_int_not_equal(n, 0);
			for (unsigned int i = 0; i < how && round == 0; i++)
				assert_int_not_equal(n, seen[i]);
			if (round == 0)
				seen[how] = n;
			else
				assert_int_equal(n, seen[how]);
		}
	}
}

/* The same bytes in other texts. */
static void texts_do_not_flow_together(void **state)
{
	struct told a, b;

	make(&a);
	set(&a, CALL_OPERATION, "ab");
	set(&a, CALL_COLLECTION, "c");
	make(&b);
	set(&b, CALL_OPERATION, "a");
	set(&b, CALL_COLLECTION, "bc");
	assert_int_not_equal(number(&a), number(&b));
	make(&b);
	set(&b, CALL_OPERATION, "ab");
	set(&b, CALL_NAMESPACE, "c");
	assert_int_not_equal(number(&a), number(&b));
}

static void each_byte_of_a_text_counts(void **state)
{
	char text[CALL_MEMO_BYTES + 1];
	uint64_t seen[CALL_MEMO_BYTES];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	for (unsigned int i = 0; i < CALL_MEMO_BYTES; i++) {
		struct told t;

		make(&t);
		text[i] = 'b';
		set(&t, CALL_SUMMARY, text);
		text[i] = 'a';
		seen[i] = number(&t);
		for (unsigned int j = 0; j < i; j++)
			assert_int_not_equal(seen[i], seen[j]);
	}
}

static void a_trace_and_a_long_text_get_no_number(void **state)
{
	char text[CALL_MEMO_BYTES + 2];
	struct told t;

	make(&t);
	set(&t, CALL_TRACEPARENT, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	assert_int_equal(number(&t), 0);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	make(&t);
	set(&t, CALL_SUMMARY, text);
	assert_int_equal(number(&t), 0);
	make(&t);
	set(&t, CALL_SUMMARY, text + 1);
	assert_int_not_equal(number(&t), 0);
}

/* More than are remembered: none ever has another's number. */
static void a_place_that_is_taken_says_nothing_of_the_one_before(void **state)
{
	static uint64_t seen[2 * CALL_MEMO_CALLS];
	size_t n = sizeof(seen) / sizeof(*seen);

	for (size_t i = 0; i < n; i++) {
		struct told t;

		make(&t);
		t.exchange.tgid = (uint32_t)i;
		seen[i] = number(&t);
		for (size_t j = 0; j < i; j++)
			assert_true(!seen[i] || seen[i] != seen[j]);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(made_again_it_is_alike),
		T(whatever_differs_tells_them_apart),
		T(texts_do_not_flow_together),
		T(each_byte_of_a_text_counts),
		T(a_trace_and_a_long_text_get_no_number),
		T(a_place_that_is_taken_says_nothing_of_the_one_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
