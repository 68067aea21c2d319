/* SPDX-License-Identifier: Apache-2.0 */
/* Which connection a record belongs to, and for how long anything is kept of it. */
#include "protocol/conns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define GET "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define OK9_BEGIN "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"
#define CAPACITY 4

static struct conns *conns;
static uint32_t told; /* exchanges */
static struct exchange last;
static uint64_t told_cookies; /* a bit for each of the first 64 cookies */

static void emit(void *arg, const struct exchange *x)
{
	told++;
	last = *x;
	told_cookies |= 1ull << (x->conn.cookie & 63);
}

static int setup(void **state)
{
	told = 0;
	told_cookies = 0;
	conns = conns_new(CAPACITY, emit, NULL);
	return !conns;
}

static int teardown(void **state)
{
	conns_free(conns);
	return 0;
}

static void fill(struct kh_message *m, const char *text, uint64_t ns)
{
	m->len = strlen(text);
	m->head_len = (uint16_t)m->len;
	m->calls = m->len != 0;
	m->first_ns = m->len ? ns : 0;
	m->last_ns = m->len ? ns : 0;
}

static void exchange(uint64_t cookie, uint32_t number, const char *req, const char *resp)
{
	size_t n = strlen(req), m = strlen(resp);
	struct kh_exchange *x = calloc(1, sizeof(*x) + n + m);

	x->rec = (struct kh_rec){.type = KH_EXCHANGE, .size = (uint32_t)(sizeof(*x) + n + m)};
	x->conn.cookie = cookie;
	x->conn.role = KH_ROLE_SERVER;
	x->number = number;
	fill(&x->req, req, 100);
	fill(&x->resp, resp, 200);
	memcpy(x + 1, req, n);
	memcpy((char *)(x + 1) + n, resp, m);
	conns_exchange(conns, x);
	free(x);
}

static void part(uint64_t cookie, uint32_t number, uint16_t type, uint8_t reason, const char *text)
{
	struct kh_part *p = calloc(1, sizeof(*p) + strlen(text));

	p->rec = (struct kh_rec){.type = type,
				 .flags = KH_F_RESPONSE,
				 .size = (uint32_t)(sizeof(*p) + strlen(text))};
	p->cookie = cookie;
	p->number = number;
	p->reason = reason;
	fill(&p->msg, text, 300);
	memcpy(p + 1, text, strlen(text));
	conns_part(conns, p);
	free(p);
}

static void a_whole_exchange_leaves_nothing_behind(void **state)
{
	exchange(1, 1, GET, OK5);
	assert_int_equal(told, 1);
	assert_int_equal(last.status, 200);
	assert_int_equal(conns_open(conns), 0);
	assert_int_equal(conns_heads(conns), 0);
}

static void a_long_answer_is_told_when_its_last_part_comes(void **state)
{
	exchange(1, 1, GET, OK9_BEGIN);
	assert_int_equal(told, 0);
	assert_int_equal(conns_open(conns), 1);
	part(1, 1, KH_PART, KH_WHY_MORE, "late");
	assert_int_equal(told, 1);
	assert_int_equal(last.resp_body, 9);
	assert_int_equal(last.end_ns, 300);
	assert_int_equal(conns_open(conns), 0);
	assert_int_equal(conns_heads(conns), 0);
}

static void connections_do_not_mix(void **state)
{
	exchange(1, 1, GET, OK9_BEGIN);
	exchange(2, 1, GET, OK9_BEGIN);
	part(2, 1, KH_PART, KH_WHY_MORE, "late");
	assert_int_equal(told, 1);
	assert_int_equal(last.conn.cookie, 2);
	part(1, 1, KH_PART, KH_WHY_MORE, "late");
	assert_int_equal(last.conn.cookie, 1);
}

static void a_part_of_nothing_known_is_counted_unless_it_only_says_the_end(void **state)
{
	part(9, 1, KH_PART, KH_WHY_MORE, "late");
	assert_int_equal(conns_counters(conns)->orphan_parts, 1);
	part(9, 1, KH_FINISH, KH_WHY_CLOSE, "");
	assert_int_equal(conns_counters(conns)->orphan_parts, 1);
	part(9, 1, KH_FINISH, KH_WHY_CLOSE, "late");
	assert_int_equal(conns_counters(conns)->orphan_parts, 2);
	assert_int_equal(told, 0);
}

static void a_part_of_another_exchange_is_counted(void **state)
{
	exchange(1, 5, GET, OK9_BEGIN);
	part(1, 4, KH_PART, KH_WHY_MORE, "late");
	assert_int_equal(conns_counters(conns)->orphan_parts, 1);
	assert_int_equal(told, 0);
	part(1, 5, KH_PART, KH_WHY_MORE, "late");
	assert_int_equal(told, 1);
}

static void a_connection_that_must_make_room_is_told_as_far_as_it_was_seen(void **state)
{
	uint64_t cookie;

	for (cookie = 1; cookie <= CAPACITY; cookie++)
		exchange(cookie, 1, GET, OK9_BEGIN);
	assert_int_equal(told, 0);
	exchange(cookie, 1, GET, OK9_BEGIN);
	assert_int_equal(conns_counters(conns)->evicted, 1);
	assert_int_equal(told, 1);
	assert_int_equal(last.conn.cookie, 1); /* heard of the longest ago */
	assert_int_equal(last.status, 200);
	assert_int_equal(conns_open(conns), CAPACITY);
	part(1, 1, KH_PART, KH_WHY_MORE, "late");
	assert_int_equal(conns_counters(conns)->orphan_parts, 1);
}

static void a_connection_heard_of_again_does_not_make_room(void **state)
{
	uint64_t cookie;

	for (cookie = 1; cookie <= CAPACITY; cookie++)
		exchange(cookie, 1, GET, OK9_BEGIN);
	part(1, 1, KH_PART, KH_WHY_MORE, "la");
	exchange(cookie, 1, GET, OK9_BEGIN);
	assert_int_equal(last.conn.cookie, 2);
}

static void many_connections_at_once_lose_no_request_uncounted(void **state)
{
	const struct http1_counters *h = conns_http1(conns);
	uint64_t cookie;

	for (cookie = 1; cookie <= 5000; cookie++)
		exchange(cookie, 1, GET GET, cookie % 3 ? OK9_BEGIN : "");
	for (cookie = 1; cookie <= 5000; cookie++)
		part(cookie, 1, KH_FINISH, KH_WHY_CLOSE, "");
	assert_int_equal(h->requests, h->exchanges + h->lost + h->unheld + h->pipeline_overflow);
	assert_int_equal(told, h->exchanges);
	assert_int_equal(conns_open(conns), 0);
	assert_int_equal(conns_heads(conns), 0);
}

static void a_tunnel_is_told_once_and_forgotten(void **state)
{
	exchange(1, 1, "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
		 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
	assert_int_equal(told, 1);
	assert_int_equal(last.status, 101);
	assert_int_equal(conns_open(conns), 0);
	exchange(2, 1, "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
		 "HTTP/1.1 200 OK\r\n\r\n\x16\x03\x01");
	assert_int_equal(told, 2);
	assert_int_equal(conns_open(conns), 0);
}

static void a_tunnel_takes_its_queued_requests_and_their_memory_along(void **state)
{
	uint32_t i;

	for (i = 1; i <= 3 * CONNS_HEADS; i++)
		exchange(i, 1, "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n" GET GET "GET /cut HTT",
			 "HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 20");
	assert_int_equal(conns_open(conns), 0);
	assert_int_equal(conns_heads(conns), 0);
	assert_int_equal(conns_http1(conns)->unheld, 0);
}

static void an_answer_in_pieces_that_becomes_a_tunnel_gives_its_memory_back(void **state)
{
	uint32_t i;

	for (i = 1; i <= 3 * CONNS_HEADS; i++) {
		exchange(i, 1, "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 101 Swit");
		part(i, 1, KH_PART, KH_WHY_MORE, "ching Protocols\r\n\r\n");
		assert_int_equal(told, i);
	}
	assert_int_equal(conns_open(conns), 0);
	assert_int_equal(conns_heads(conns), 0);
}

static void no_connections_at_all_cannot_be_asked_for(void **state)
{
	assert_null(conns_new(0, emit, NULL));
	conns_free(NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_whole_exchange_leaves_nothing_behind),
		T(a_long_answer_is_told_when_its_last_part_comes),
		T(connections_do_not_mix),
		T(a_part_of_nothing_known_is_counted_unless_it_only_says_the_end),
		T(a_part_of_another_exchange_is_counted),
		T(a_connection_that_must_make_room_is_told_as_far_as_it_was_seen),
		T(a_connection_heard_of_again_does_not_make_room),
		T(many_connections_at_once_lose_no_request_uncounted),
		T(a_tunnel_is_told_once_and_forgotten),
		T(a_tunnel_takes_its_queued_requests_and_their_memory_along),
		T(an_answer_in_pieces_that_becomes_a_tunnel_gives_its_memory_back),
		T(no_connections_at_all_cannot_be_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
