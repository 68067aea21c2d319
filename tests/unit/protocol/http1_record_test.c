/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire.h"

#define GET "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static struct wire w;

static int fresh(void **state)
{
	wire_init(&w);
	return 0;
}

struct piece {
	const char *head;
	const char *tail;
	size_t hole;
};

static char *add_piece(struct kh_message *m, char *p, struct piece piece, uint64_t ns)
{
	m->head_len = (uint16_t)strlen(piece.head);
	m->tail_len = (uint16_t)strlen(piece.tail);
	m->len = m->head_len + m->tail_len + piece.hole;
	m->first_ns = ns;
	m->last_ns = ns + 5;
	memcpy(p, piece.head, m->head_len);
	memcpy(p + m->head_len, piece.tail, m->tail_len);
	return p + m->head_len + m->tail_len;
}

/* The caller frees it; its allocation ends where the record ends. */
static struct kh_exchange *exchange(struct piece req, struct piece resp, uint32_t number)
{
	size_t size = sizeof(struct kh_exchange) + strlen(req.head) + strlen(req.tail) +
		      strlen(resp.head) + strlen(resp.tail);
	struct kh_exchange *x = calloc(1, size);
	char *p = (char *)(x + 1);

	x->rec.type = KH_EXCHANGE;
	x->rec.size = (uint32_t)size;
	x->number = number;
	x->req_seq = 7;
	p = add_piece(&x->req, p, req, 100);
	add_piece(&x->resp, p, resp, 200);
	return x;
}

static struct kh_part *part(struct piece piece, uint32_t number, uint8_t reason)
{
	size_t size = sizeof(struct kh_part) + strlen(piece.head) + strlen(piece.tail);
	struct kh_part *x = calloc(1, size);

	x->rec.type = KH_PART;
	x->rec.flags = KH_F_RESPONSE;
	x->rec.size = (uint32_t)size;
	x->number = number;
	x->reason = reason;
	add_piece(&x->msg, (char *)(x + 1), piece, 300);
	return x;
}

static bool simple(struct piece req, struct piece resp)
{
	struct kh_exchange *x = exchange(req, resp, 1);
	bool done = http1_simple(&w.h, x);

	free(x);
	return done;
}

static int feed(struct piece req, struct piece resp, uint32_t number)
{
	struct kh_exchange *x = exchange(req, resp, number);
	int result = http1_conn_exchange(&w.h, &w.c, x);

	free(x);
	return result;
}

static int feed_part(struct piece piece, uint32_t number, uint8_t reason)
{
	struct kh_part *x = part(piece, number, reason);
	int result = http1_conn_part(&w.h, &w.c, x);

	free(x);
	return result;
}

static const struct piece get = {GET, "", 0};
static const struct piece ok5 = {OK5, "", 0};
static const struct piece none = {"", "", 0};

/* Whose threads had the requests: of each record its own, whatever thread had the answer. */
static void it_is_told_who_had_the_request(void **state)
{
	struct kh_exchange *x[] = {exchange(get, ok5, 1), exchange(get, none, 2),
				   exchange((struct piece){GET GET, "", 0}, ok5, 3)};
	size_t i;

	for (i = 0; i < 3; i++) {
		x[i]->tid = 1;
		x[i]->req_tid = 10 + (uint32_t)i;
		x[i]->routine = 20 + i;
	}
	assert_true(http1_simple(&w.h, x[0]));
	assert_int_equal(http1_conn_exchange(&w.h, &w.c, x[1]), 0);
	assert_int_equal(feed_part(ok5, 2, KH_WHY_MORE), 0);
	w.c.next_seq = 0;
	assert_int_equal(http1_conn_exchange(&w.h, &w.c, x[2]), 0);
	assert_int_equal(feed_part(ok5, 3, KH_WHY_MORE), 0);
	assert_string_equal(w.told, "GET /a @a 200 req=0 resp=5 by=10/20\n"
				    "GET /a @a 200 req=0 resp=5 by=11/21\n"
				    "GET /a @a 200 req=0 resp=5 by=12/22\n"
				    "GET /a @a 200 req=0 resp=5 by=12/22\n");
	for (i = 0; i < 3; i++)
		free(x[i]);
}

static void a_whole_exchange_is_told_without_state(void **state)
{
	w.times = true;
	assert_true(simple(get, ok5));
	assert_string_equal(w.told, "GET /a @a 200 req=0 resp=5 at=100,200,205 seq=7\n");
	assert_true(wire_adds_up(&w));
}

static void bodies_beyond_the_capture_are_simple_if_their_length_fits(void **state)
{
	struct piece post = {"POST /p HTTP/1.1\r\nContent-Length: 900\r\n\r\n", "end", 897};
	struct piece big = {"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", "", 5000};
	struct piece chunks = {CHUNKED "400\r\nab", "z\r\n0\r\n\r\n", 1021};

	assert_true(simple(post, big));
	assert_true(simple(get, chunks));
	assert_string_equal(w.told,
			    "POST /p 200 req=900 resp=5000\nGET /a @a 200 req=0 resp=1024\n");
}

static void what_is_not_whole_is_left_to_a_connection(void **state)
{
	struct piece longer = {OK5 "H", "", 0}, shorter = {OK5, "", 0};
	struct piece two = {GET GET, "", 0}, unseen = {OK5, "", 3};
	struct piece interim = {"HTTP/1.1 100 C\r\n\r\n", "", 0};
	struct piece tunnel = {"HTTP/1.1 101 S\r\n\r\n", "", 0};
	struct piece till_close = {"HTTP/1.1 200 S\r\n\r\n", "", 0};
	struct piece open = {CHUNKED "5\r\nhello\r\n", "", 0};
	struct piece more = {CHUNKED "0\r\n\r\nx", "", 0};
	struct piece empty = {"", "", 5};

	shorter.head = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello";
	assert_false(simple(get, longer));
	assert_false(simple(get, shorter));
	assert_false(simple(two, ok5));
	assert_false(simple(get, unseen));
	assert_false(simple(get, interim));
	assert_false(simple(get, tunnel));
	assert_false(simple(get, till_close));
	assert_false(simple(get, open));
	assert_false(simple(get, more));
	assert_false(simple(empty, ok5));
	assert_false(simple(get, none));
	assert_false(simple((struct piece){"HEAD /h HTTP/1.1\r\n\r\n", "", 0}, ok5));
	assert_int_equal(w.h.counters.requests, 0);
}

static void a_long_answer_is_told_by_its_finish(void **state)
{
	struct piece begin = {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", "", 10};
	struct piece rest = {"", "", 40};

	w.times = true;
	assert_int_equal(feed(get, begin, 1), 0);
	assert_string_equal(w.told, "");
	assert_int_equal(feed_part(rest, 1, KH_WHY_LENGTH), 0);
	assert_string_equal(w.told, "GET /a @a 200 req=0 resp=50 at=100,200,305 seq=7\n");
	assert_true(http1_conn_idle(&w.c));
}

static void a_record_may_say_that_there_was_no_answer(void **state)
{
	struct kh_exchange *x = exchange(get, none, 1);

	x->reason = KH_WHY_RESET;
	assert_false(http1_simple(&w.h, x));
	assert_int_equal(http1_conn_exchange(&w.h, &w.c, x), 0);
	assert_string_equal(w.told, "GET /a @a 0 req=0 resp=0 reset\n");
	free(x);
}

static void a_jump_of_the_number_ends_what_was_open(void **state)
{
	struct piece begin = {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", "", 10};

	assert_int_equal(feed(get, begin, 1), 0);
	assert_int_equal(feed(get, ok5, 3), 0);
	assert_string_equal(w.told, "GET /a @a 200 req=0 resp=10\nGET /a @a 200 req=0 resp=5\n");
	assert_int_equal(feed(get, none, 4), 0);
	assert_int_equal(feed(get, ok5, 6), 0);
	assert_int_equal(w.h.counters.lost, 1);
	assert_true(http1_conn_idle(&w.c));
}

static void a_part_of_another_exchange_is_refused(void **state)
{
	struct piece begin = {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", "", 10};

	assert_int_equal(feed(get, begin, 4), 0);
	assert_int_equal(feed_part(ok5, 3, KH_WHY_MORE), -ESTALE);
}

static void a_tail_that_reaches_back_is_shortened(void **state)
{
	struct piece begin = {CHUNKED "2\r\nab\r\n", "", 0};
	struct kh_part *x;

	assert_int_equal(feed(get, begin, 1), 0);
	x = part((struct piece){"", "ab\r\n0\r\n\r\n", 0}, 1, KH_WHY_TURN);
	x->msg.len = 5;
	assert_int_equal(http1_conn_part(&w.h, &w.c, x), 0);
	free(x);
	assert_string_equal(w.told, "GET /a @a 200 req=0 resp=2\n");
}

static void lengths_that_do_not_fit_the_record_are_refused(void **state)
{
	struct kh_exchange *x = exchange(get, ok5, 1);
	struct kh_part *p = part(ok5, 0, KH_WHY_MORE);

	x->resp.tail_len = 1;
	assert_int_equal(http1_conn_exchange(&w.h, &w.c, x), -EBADMSG);
	assert_false(http1_simple(&w.h, x));
	x->resp.tail_len = 0;
	x->req.len = 3;
	assert_int_equal(http1_conn_exchange(&w.h, &w.c, x), -EBADMSG);
	x->rec.size = 8;
	assert_int_equal(http1_conn_exchange(&w.h, &w.c, x), -EBADMSG);
	p->msg.head_len++;
	assert_int_equal(http1_conn_part(&w.h, &w.c, p), -EBADMSG);
	p->msg.head_len--;
	p->reason = 77;
	assert_int_equal(http1_conn_part(&w.h, &w.c, p), -EBADMSG);
	p->rec.size = 8;
	assert_int_equal(http1_conn_part(&w.h, &w.c, p), -EBADMSG);
	free(x);
	free(p);
}

static void an_adopted_connection_may_begin_in_the_middle_of_a_message(void **state)
{
	struct kh_exchange *x = exchange((struct piece){"T /torn HTTP/1.1\r\n\r\n", "", 0}, ok5, 1);

	x->rec.flags = KH_F_ADOPTED;
	http1_conn_init(&w.c, x);
	assert_int_equal(http1_conn_exchange(&w.h, &w.c, x), 0);
	assert_string_equal(w.told, "");
	assert_int_equal(w.h.counters.orphans, 1);
	free(x);
}

#define T(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(it_is_told_who_had_the_request),
		T(a_whole_exchange_is_told_without_state),
		T(bodies_beyond_the_capture_are_simple_if_their_length_fits),
		T(what_is_not_whole_is_left_to_a_connection),
		T(a_long_answer_is_told_by_its_finish),
		T(a_record_may_say_that_there_was_no_answer),
		T(a_jump_of_the_number_ends_what_was_open),
		T(a_part_of_another_exchange_is_refused),
		T(a_tail_that_reaches_back_is_shortened),
		T(lengths_that_do_not_fit_the_record_are_refused),
		T(an_adopted_connection_may_begin_in_the_middle_of_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
