/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "wire.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define OK_HEAD(n) "HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static struct wire w;

static int fresh(void **state)
{
	wire_init(&w);
	return 0;
}

static void told(const char *want)
{
	assert_string_equal(w.told, want);
	assert_true(wire_adds_up(&w));
}

static void an_exchange_is_told_when_its_answer_is_whole(void **state)
{
	wire_ask(&w, GET("/a"));
	assert_false(http1_conn_idle(&w.c));
	wire_answer(&w, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
	told("");
	wire_answer(&w, "lo");
	told("GET /a @a 200 req=0 resp=5\n");
	assert_true(http1_conn_idle(&w.c));
}

static void times_are_first_byte_asked_first_and_last_byte_answered(void **state)
{
	w.times = true;
	w.seq = 1000;
	wire_ask(&w, "\r\nPOST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nab");
	wire_ask(&w, "cd");
	wire_answer(&w, "HTTP/1.1 100 Continue\r\n\r\n");
	wire_answer(&w, "HTTP/1.1 2");
	wire_answer(&w, "00 OK\r\nContent-Length: 2\r\n\r\na");
	wire_answer(&w, "b");
	told("POST /a 200 req=4 resp=2 at=10,40,65 seq=1002\n");
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	w.times = true;
	w.seq = 1;
	wire_ask(&w, GET("/1") GET("/2") GET("/3"));
	wire_answer(&w, OK5 "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 50");
	wire_answer(&w, "3 X\r\nContent-Length: 0\r\n\r\n");
	told("GET /1 @a 200 req=0 resp=5 at=10,20,25 seq=1\n"
	     "GET /2 @a 404 req=0 resp=0 at=10,20,25 seq=29\n"
	     "GET /3 @a 503 req=0 resp=0 at=10,20,35 seq=57\n");
	assert_true(http1_conn_idle(&w.c));
}

static void a_100_does_not_answer(void **state)
{
	wire_ask(&w, "PUT /u HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	wire_answer(&w, "HTTP/1.1 100 Continue\r\n\r\n");
	wire_end(&w, KH_WHY_TURN);
	wire_ask(&w, "abc");
	wire_answer(&w, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
	told("PUT /u 201 req=3 resp=0\n");
	assert_int_equal(w.h.counters.resyncs, 0);
}

static void some_answers_have_no_body_whatever_they_say(void **state)
{
	wire_ask(&w, "HEAD /h HTTP/1.1\r\n\r\n" GET("/304") GET("/204") GET("/x"));
	wire_answer(&w, OK_HEAD(5000));
	wire_answer(&w, "HTTP/1.1 304 N\r\nContent-Length: 7\r\n\r\nHTTP/1.1 204 N\r\n\r\n" OK5);
	told("HEAD /h 200 req=0 resp=0\nGET /304 @a 304 req=0 resp=0\n"
	     "GET /204 @a 204 req=0 resp=0\nGET /x @a 200 req=0 resp=5\n");
}

static void a_chunked_answer_ends_with_its_last_chunk(void **state)
{
	wire_ask(&w, GET("/a") GET("/b"));
	wire_answer(&w, CHUNKED "5;x=y\r\nhello\r\nA\r\n0\r\n\r\n01234\r\n0\r\nX: y\r\n\r\n" OK5);
	told("GET /a @a 200 req=0 resp=15\nGET /b @a 200 req=0 resp=5\n");
}

static void a_chunked_request_is_followed_too(void **state)
{
	wire_ask(&w,
		 "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" GET(
			 "/b"));
	wire_answer(&w, OK5 OK5);
	told("POST /a 200 req=3 resp=5\nGET /b @a 200 req=0 resp=5\n");
}

static void an_answer_without_length_ends_with_the_connection(void **state)
{
	w.times = true;
	wire_ask(&w, GET("/a"));
	wire_answer(&w, "HTTP/1.0 200 OK\r\n\r\nhello");
	told("");
	wire_end(&w, KH_WHY_CLOSE);
	told("GET /a @a 200 req=0 resp=5 at=10,20,25 seq=0\n");
	assert_true(http1_conn_idle(&w.c));
}

/* ---- bytes that were not captured ---- */

static void a_body_of_known_length_is_skipped_unseen(void **state)
{
	wire_ask(&w, GET("/a"));
	wire_answer(&w, OK_HEAD(100000) "x");
	wire_more(&w, 99000, "");
	wire_more(&w, 998, "");
	told("");
	wire_more(&w, 1, "x");
	wire_end(&w, KH_WHY_LENGTH);
	told("GET /a @a 200 req=0 resp=100000\n");
}

static void chunks_are_followed_over_a_hole_in_their_data(void **state)
{
	wire_ask(&w, GET("/a"));
	wire_answer(&w, CHUNKED "400\r\nabcd");
	wire_more(&w, 1020 + 7, "z\r\n0\r\n\r\n");
	told("GET /a @a 200 req=0 resp=1024\n");
}

static void a_hole_in_the_size_of_a_chunk_leaves_only_the_tail(void **state)
{
	wire_ask(&w, GET("/a"));
	wire_answer(&w, CHUNKED "400");
	wire_more(&w, 500, "\r\n0\r\n\r\n");
	assert_int_equal(w.h.counters.exchanges, 1);
}

static void a_chunked_answer_ends_where_a_tail_shows_the_last_chunk(void **state)
{
	wire_ask(&w, GET("/a"));
	wire_answer(&w, CHUNKED "400\r\nabcd");
	wire_more(&w, 70000, "xxx\r\nxxx");
	wire_more(&w, 70000, "10\r\n\r\n"); /* a line that only ends like it */
	told("");
	wire_more(&w, 5, "0\r\n\r\n");
	assert_int_equal(w.h.counters.exchanges, 1);
	assert_true(http1_conn_idle(&w.c));
}

static void a_chunked_answer_whose_end_was_missed_ends_at_the_turn(void **state)
{
	wire_ask(&w, GET("/a"));
	wire_answer(&w, CHUNKED "400\r\nabcd");
	wire_more(&w, 70000, "");
	wire_end(&w, KH_WHY_TURN);
	assert_int_equal(w.h.counters.exchanges, 1);
	wire_ask(&w, GET("/b"));
	wire_answer(&w, OK5);
	assert_int_equal(w.h.counters.exchanges, 2);
}

static void a_request_head_longer_than_the_capture_is_told_cut(void **state)
{
	char text[2000] = "GET /";

	memset(text + 5, 'x', sizeof(text) - 6);
	wire_run(&w, false, text, sizeof(text), 16, 0);
	wire_answer(&w, OK5);
	wire_ask(&w, GET("/next"));
	wire_answer(&w, OK5);
	told("GET /xxxxxxxxxxx+ 200 req=0 resp=5\nGET /next @a 200 req=0 resp=5\n");
	assert_int_equal(w.h.counters.heads_cut, 1);
	assert_int_equal(w.h.counters.resyncs, 0);
}

static void a_response_head_longer_than_the_capture_ends_at_the_turn(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nServer: a very long name\r\nX: y";

	wire_ask(&w, GET("/a"));
	wire_run(&w, true, head, sizeof(head) - 1, 30, 0);
	wire_more(&w, 500, "");
	told("");
	wire_ask(&w, GET("/b"));
	assert_int_equal(w.h.counters.exchanges, 1);
	wire_run(&w, true, head, sizeof(head) - 1, 30, 0);
	wire_more(&w, 500, "");
	wire_end(&w, KH_WHY_LENGTH);
	assert_int_equal(w.h.counters.exchanges, 2);
	assert_true(http1_conn_idle(&w.c));
}

static void a_cut_response_head_without_body_ends_at_its_empty_line(void **state)
{
	static const char head[] = "HTTP/1.1 304 Not Modified\r\nETag: abcdefgh\r\nX: y\r\n\r\n";

	wire_ask(&w, GET("/a"));
	wire_run(&w, true, head, sizeof(head) - 1, 30, 8);
	told("GET /a @a 304 req=0 resp=0\n");
}

static void a_head_may_come_in_pieces(void **state)
{
	static const char text[] = GET("/pieces");

	for (size_t i = 0; text[i]; i++)
		wire_run(&w, false, text + i, 1, 1, 0);
	wire_answer(&w, OK5);
	told("GET /pieces @a 200 req=0 resp=5\n");
}

static void a_head_in_pieces_longer_than_is_kept_is_told_as_far_as_it_was(void **state)
{
	char filler[700];

	memset(filler, 'x', sizeof(filler));
	wire_ask(&w, "GET /long HTTP/1.1\r\nHost: a\r\nX: ");
	wire_run(&w, false, filler, sizeof(filler), sizeof(filler), 0);
	wire_run(&w, false, filler, sizeof(filler), sizeof(filler), 0);
	wire_ask(&w, "\r\n\r\n");
	wire_answer(&w, OK5);
	told("GET /long @a 200 req=0 resp=5\n");
	assert_int_equal(w.h.counters.heads_cut, 1);
}

/* ---- what goes wrong ---- */

static void an_early_answer_ends_the_exchange_and_the_body_is_passed_over(void **state)
{
	wire_ask(&w, "POST /u HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
	wire_answer(&w, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
	told("POST /u 413 req=3 resp=0\n");
	assert_false(http1_conn_idle(&w.c));
	wire_ask(&w, "defghij" GET("/next"));
	wire_answer(&w, OK5);
	told("POST /u 413 req=3 resp=0\nGET /next @a 200 req=0 resp=5\n");
}

static void a_request_answered_within_its_head_is_told(void **state)
{
	wire_ask(&w, "GET /slow HTTP/1.1\r\nHost: a\r\nX-");
	wire_answer(&w, "HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n");
	told("GET /slow @a 408 req=0 resp=0\n");
}

static void a_request_without_answer_is_told_when_the_connection_ends(void **state)
{
	w.times = true;
	wire_ask(&w, GET("/a"));
	wire_end(&w, KH_WHY_CLOSE);
	wire_ask(&w, GET("/b"));
	wire_end(&w, KH_WHY_RESET);
	told("GET /a @a 0 req=0 resp=0 closed at=10,0,20 seq=0\n"
	     "GET /b @a 0 req=0 resp=0 reset at=30,0,40 seq=0\n");
	assert_true(http1_conn_idle(&w.c));
}

static void an_answer_cut_short_keeps_its_status_and_has_an_error(void **state)
{
	wire_ask(&w, GET("/a") GET("/b"));
	wire_answer(&w, OK_HEAD(10) "abc");
	wire_end(&w, KH_WHY_CLOSE);
	wire_ask(&w, GET("/c"));
	wire_answer(&w, "HTTP/1.0 200 OK\r\n\r\nabc");
	wire_end(&w, KH_WHY_RESET);
	wire_ask(&w, GET("/d"));
	wire_answer(&w, "HTTP/1.1 200 OK\r\nContent-Le");
	wire_end(&w, KH_WHY_CLOSE);
	told("GET /a @a 200 req=0 resp=3 closed\nGET /b @a 0 req=0 resp=0 closed\n"
	     "GET /c @a 200 req=0 resp=3 reset\nGET /d @a 200 req=0 resp=0 closed\n");
}

static void an_answer_of_another_protocol_is_a_bad_answer(void **state)
{
	wire_ask(&w, GET("/radio"));
	wire_answer(&w, "ICY 200 OK\r\n\r\nmusic");
	wire_answer(&w, "more music");
	told("GET /radio @a 0 req=0 resp=0 bad-answer\n");
	assert_int_equal(w.h.counters.bad, 1);
	wire_ask(&w, GET("/next"));
	wire_answer(&w, OK5);
	assert_int_equal(w.h.counters.exchanges, 2);
}

static void what_only_may_be_a_request_is_told_only_if_answered(void **state)
{
	static const char text[] = "OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n";

	wire_run(&w, false, text, sizeof(text) - 1, 18, 0);
	wire_answer(&w, "RTSP/1.0 200 OK\r\n\r\n");
	told("");
	assert_int_equal(w.h.counters.lost, 1);
}

static void a_response_without_request_is_counted_and_passed_over(void **state)
{
	wire_answer(&w, OK_HEAD(10) "abc");
	wire_ask(&w, GET("/a"));
	wire_answer(&w, "defghij" OK5);
	told("GET /a @a 200 req=0 resp=5\n");
	assert_int_equal(w.h.counters.orphans, 1);
}

static void garbage_is_passed_over_until_a_run_begins_with_a_request(void **state)
{
	wire_ask(&w, "\x01\x02 garbage " GET("/inside"));
	wire_ask(&w, "more garbage\r\n");
	wire_ask(&w, GET("/a"));
	wire_answer(&w, OK5);
	told("GET /a @a 200 req=0 resp=5\n");
	assert_int_equal(w.h.counters.resyncs, 1);
}

static void requests_beyond_the_limit_are_counted_and_their_answers_skipped(void **state)
{
	for (int i = 0; i < HTTP1_PIPELINE_MAX + 3; i++)
		wire_ask(&w, GET("/p"));
	assert_int_equal(w.h.counters.pipeline_overflow, 3);
	for (int i = 0; i < HTTP1_PIPELINE_MAX + 3; i++)
		wire_answer(&w, OK5);
	assert_int_equal(w.h.counters.exchanges, HTTP1_PIPELINE_MAX);
	assert_int_equal(w.h.counters.orphans, 0);
	assert_true(http1_conn_idle(&w.c));
	assert_true(wire_adds_up(&w));
}

static void requests_that_find_no_block_are_counted_and_their_answers_skipped(void **state)
{
	http1_heads_init(&w.h.heads, w.blocks, 1);
	wire_ask(&w, GET("/1") GET("/2"));
	wire_answer(&w, OK5 OK5);
	wire_ask(&w, GET("/3"));
	wire_answer(&w, OK5);
	told("GET /1 @a 200 req=0 resp=5\nGET /3 @a 200 req=0 resp=5\n");
	assert_int_equal(w.h.counters.unheld, 1);
	assert_int_equal(w.h.heads.exhausted, 1);
}

static void after_an_upgrade_nothing_is_read(void **state)
{
	wire_ask(&w, GET("/ws"));
	wire_answer(&w, "HTTP/1.1 101 Switching\r\n\r\n\x81\x05hello");
	wire_ask(&w, GET("/not-http"));
	wire_answer(&w, OK5);
	told("GET /ws @a 101 req=0 resp=0\n");
	assert_false(http1_conn_idle(&w.c));
	wire_end(&w, KH_WHY_CLOSE);
	assert_true(http1_conn_idle(&w.c));
	assert_int_equal(w.h.counters.tunnels, 1);
}

static void a_connect_that_succeeds_is_a_tunnel_one_that_fails_is_not(void **state)
{
	wire_ask(&w, "CONNECT h:443 HTTP/1.1\r\n\r\n");
	wire_answer(&w, "HTTP/1.1 407 Auth\r\nContent-Length: 2\r\n\r\nno");
	wire_ask(&w, "CONNECT h:443 HTTP/1.1\r\n\r\n");
	wire_answer(&w, "HTTP/1.1 200 Established\r\n\r\n");
	wire_ask(&w, GET("/inside"));
	told("CONNECT h:443 @h:443 407 req=0 resp=2\nCONNECT h:443 @h:443 200 req=0 resp=0\n");
}

static void a_missing_part_of_a_body_is_found_by_the_next_request(void **state)
{
	wire_ask(&w, GET("/a"));
	wire_answer(&w, OK_HEAD(1000) "abc");
	wire_ask(&w, GET("/b"));
	wire_answer(&w, OK5);
	told("GET /a @a 200 req=0 resp=3\nGET /b @a 200 req=0 resp=5\n");
	assert_int_equal(w.h.counters.resyncs, 1);
}

static void a_body_that_looks_like_an_answer_is_a_body(void **state)
{
	wire_ask(&w, GET("/a") GET("/b"));
	wire_answer(&w, OK_HEAD(44) "x");
	wire_answer(&w, OK5);
	wire_answer(&w, OK5);
	told("GET /a @a 200 req=0 resp=44\nGET /b @a 200 req=0 resp=5\n");
}

static void missing_bytes_of_a_request_body_are_known_by_sequence(void **state)
{
	w.seq = 4000000000;
	wire_ask(&w, "POST /a HTTP/1.1\r\nContent-Length: 1000\r\n\r\nabc");
	w.seq += 990;
	wire_ask(&w, "1234567" GET("/b"));
	wire_answer(&w, OK5 OK5);
	told("POST /a 200 req=1000 resp=5\nGET /b @a 200 req=0 resp=5\n");
}

static void an_answer_that_began_unseen_is_lost_not_guessed(void **state)
{
	wire_ask(&w, GET("/a"));
	wire_more(&w, 500, "whatever");
	wire_ask(&w, GET("/b"));
	wire_answer(&w, OK5);
	told("GET /b @a 200 req=0 resp=5\n");
	assert_int_equal(w.h.counters.lost, 1);
}

static void lost_records_end_what_is_open(void **state)
{
	wire_ask(&w, GET("/a") GET("/b"));
	wire_answer(&w, OK_HEAD(10) "abc");
	http1_conn_lost(&w.h, &w.c);
	told("GET /a @a 200 req=0 resp=3\n");
	assert_int_equal(w.h.counters.lost, 1);
	assert_true(http1_conn_idle(&w.c));
}

#define T(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_exchange_is_told_when_its_answer_is_whole),
		T(times_are_first_byte_asked_first_and_last_byte_answered),
		T(pipelined_requests_are_answered_in_order),
		T(a_100_does_not_answer),
		T(some_answers_have_no_body_whatever_they_say),
		T(a_chunked_answer_ends_with_its_last_chunk),
		T(a_chunked_request_is_followed_too),
		T(an_answer_without_length_ends_with_the_connection),
		T(a_body_of_known_length_is_skipped_unseen),
		T(chunks_are_followed_over_a_hole_in_their_data),
		T(a_hole_in_the_size_of_a_chunk_leaves_only_the_tail),
		T(a_chunked_answer_ends_where_a_tail_shows_the_last_chunk),
		T(a_chunked_answer_whose_end_was_missed_ends_at_the_turn),
		T(a_request_head_longer_than_the_capture_is_told_cut),
		T(a_response_head_longer_than_the_capture_ends_at_the_turn),
		T(a_cut_response_head_without_body_ends_at_its_empty_line),
		T(a_head_may_come_in_pieces),
		T(a_head_in_pieces_longer_than_is_kept_is_told_as_far_as_it_was),
		T(an_early_answer_ends_the_exchange_and_the_body_is_passed_over),
		T(a_request_answered_within_its_head_is_told),
		T(a_request_without_answer_is_told_when_the_connection_ends),
		T(an_answer_cut_short_keeps_its_status_and_has_an_error),
		T(an_answer_of_another_protocol_is_a_bad_answer),
		T(what_only_may_be_a_request_is_told_only_if_answered),
		T(a_response_without_request_is_counted_and_passed_over),
		T(garbage_is_passed_over_until_a_run_begins_with_a_request),
		T(requests_beyond_the_limit_are_counted_and_their_answers_skipped),
		T(requests_that_find_no_block_are_counted_and_their_answers_skipped),
		T(after_an_upgrade_nothing_is_read),
		T(a_connect_that_succeeds_is_a_tunnel_one_that_fails_is_not),
		T(a_missing_part_of_a_body_is_found_by_the_next_request),
		T(a_body_that_looks_like_an_answer_is_a_body),
		T(missing_bytes_of_a_request_body_are_known_by_sequence),
		T(an_answer_that_began_unseen_is_lost_not_guessed),
		T(lost_records_end_what_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
