/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/parsers.h"
#include "talker.h"

#define ROUNDS 60
#define SAME(said, expected) talker_same(said, TALKER_N(said), expected, ROUNDS)

static const struct said text[] = {
	CLIENT("set secret 0 0 6\r\nEND\r\nx\r\n"),
	SERVER("STORED\r\n"),
	CLIENT("get secret\r\n"),
	SERVER("VALUE secret 0 6\r\nEND\r\nx\r\nEND\r\n"),
	CLIENT("get secret other absent\r\n"),
	SERVER("VALUE secret 0 1\r\na\r\nVALUE other 0 0\r\n\r\nEND\r\n"),
	CLIENT("gets absent\r\n"),
	SERVER("END\r\n"),
	CLIENT("add secret 0 0 1\r\nx\r\n"),
	SERVER("NOT_STORED\r\n"),
	CLIENT("cas secret 0 0 1 9\r\nx\r\n"),
	SERVER("EXISTS\r\n"),
	CLIENT("incr secret 1\r\n"),
	SERVER("CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
	CLIENT("incr n 1\r\n"),
	SERVER("42\r\n"),
	CLIENT("delete absent\r\n"),
	SERVER("NOT_FOUND\r\n"),
	CLIENT("touch secret 10\r\n"),
	SERVER("TOUCHED\r\n"),
	CLIENT("gat 10 secret\r\n"),
	SERVER("VALUE secret 0 1\r\nx\r\nEND\r\n"),
	CLIENT("stats\r\n"),
	SERVER("STAT pid 1\r\nSTAT uptime 2\r\nEND\r\n"),
	CLIENT("version\r\n"),
	SERVER("VERSION 1.6.18\r\n"),
	CLIENT("flush_all\r\n"),
	SERVER("OK\r\n"),
	CLIENT("set big 0 0 9\r\n123456789\r\n"),
	SERVER("SERVER_ERROR object too large for cache\r\n"),
};
static const char text_told[] = "db memcached op=set\n"
				"db memcached op=get\n"
				"db memcached op=get\n"
				"db memcached op=gets\n"
				"db memcached op=add\n"
				"db memcached op=cas\n"
				"db memcached op=incr code=CLIENT_ERROR failed\n"
				"db memcached op=incr\n"
				"db memcached op=delete\n"
				"db memcached op=touch\n"
				"db memcached op=gat\n"
				"db memcached op=stats\n"
				"db memcached op=version\n"
				"db memcached op=flush_all\n"
				"db memcached op=set code=SERVER_ERROR failed\n";

static void a_miss_is_an_answer_and_only_an_error_fails(void **state)
{
	(void)state;
	SAME(text, text_told);
	talker_never_wrong(text, TALKER_N(text), text_told, 300);
}

static void noreply_is_told_when_sent(void **state)
{
	static const struct said said[] = {
		CLIENT("set a 0 0 1 noreply\r\nx\r\nset b 0 0 2 noreply\r\nxy\r\n"),
		CLIENT("incr n 1 noreply\r\ndelete a noreply\r\nget noreply\r\n"),
		SERVER("END\r\n"),
		CLIENT("set noreply 0 0 1\r\nx\r\n"),
		SERVER("STORED\r\n"),
		CLIENT("flush_all noreply\r\nget a\r\n"),
		SERVER("END\r\n"),
	};
	(void)state;
	SAME(said, "db memcached op=set\n"
		   "db memcached op=set\n"
		   "db memcached op=incr\n"
		   "db memcached op=delete\n"
		   "db memcached op=get\n"
		   "db memcached op=set\n"
		   "db memcached op=flush_all\n"
		   "db memcached op=get\n");
}

static void pipelined_answers_come_in_order(void **state)
{
	static const struct said said[] = {
		CLIENT("get a\r\nset a 0 0 1\r\nx\r\nincr a 1\r\nget a\r\n"),
		SERVER("END\r\nSTORED\r\n"),
		SERVER("CLIENT_ERROR cannot increment\r\nVALUE a 0 1\r\nx\r\nEND\r\n"),
	};
	(void)state;
	SAME(said, "db memcached op=get\n"
		   "db memcached op=set\n"
		   "db memcached op=incr code=CLIENT_ERROR failed\n"
		   "db memcached op=get\n");
}

/* As a script does that writes all at once. */
static void what_was_asked_before_quit_is_answered(void **state)
{
	static const struct said said[] = {
		CLIENT("set a 0 0 1\r\nx\r\nget a\r\nquit\r\n"),
		SERVER("STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n"),
		CLOSED,
	};
	(void)state;
	SAME(said, "db memcached op=quit\n"
		   "db memcached op=set\n"
		   "db memcached op=get\n");
}

static void quiet_meta_commands_are_told_with_the_next_answer(void **state)
{
	static const struct said said[] = {
		CLIENT("mg a v\r\n"),
		SERVER("VA 2\r\nhi\r\n"),
		CLIENT("ms a 2 T0\r\nhi\r\n"),
		SERVER("HD\r\n"),
		CLIENT("mg a v q k\r\nmg b v q k\r\nms c 1 q\r\nx\r\nmd d q\r\nmn\r\n"),
		SERVER("VA 2 kb\r\nhi\r\nNS\r\nMN\r\n"),
		CLIENT("ma n\r\nmg z v\r\n"),
		SERVER("NF\r\nEN\r\n"),
		CLIENT("md a q x\r\nmg a v\r\n"),
		SERVER("CLIENT_ERROR invalid flag\r\nEN\r\n"),
	};
	(void)state;
	SAME(said, "db memcached op=mg\n"
		   "db memcached op=ms\n"
		   "db memcached op=mg\n"
		   "db memcached op=mg\n"
		   "db memcached op=ms\n"
		   "db memcached op=md\n"
		   "db memcached op=mn\n"
		   "db memcached op=ma\n"
		   "db memcached op=mg\n"
		   "db memcached op=md code=CLIENT_ERROR failed\n"
		   "db memcached op=mg\n");
}

/* magic, opcode, key's length, extras, status or 0, body's length, opaque (all short) */
#define HEAD(magic, opcode, key, extras, status, body, opaque)                                     \
	magic opcode "\x00" key extras "\x00\x00" status "\x00\x00\x00" body "\x00\x00\x00" opaque \
		     "\x00\x00\x00\x00\x00\x00\x00\x00"
#define ASK(opcode, key, extras, body, opaque)                                                     \
	HEAD("\x80", opcode, key, extras, "\x00", body, opaque)
#define SAY(opcode, key, extras, status, body, opaque)                                             \
	HEAD("\x81", opcode, key, extras, status, body, opaque)

static const struct said binary[] = {
	CLIENT(ASK("\x01", "\x01", "\x08", "\x0e", "\x01") "\0\0\0\0\0\0\0\0asecre"),
	SERVER(SAY("\x01", "\x00", "\x00", "\x00", "\x00", "\x01")),
	CLIENT(ASK("\x00", "\x01", "\x00", "\x01", "\x02") "a"),
	SERVER(SAY("\x00", "\x00", "\x04", "\x00", "\x09", "\x02") "\0\0\0\0secre"),
	CLIENT(ASK("\x00", "\x01", "\x00", "\x01", "\x03") "b"),
	SERVER(SAY("\x00", "\x00", "\x00", "\x01", "\x09", "\x03") "Not found"),
	CLIENT(ASK("\x05", "\x01", "\x14", "\x15", "\x04") "01234567012345670123a"),
	SERVER(SAY("\x05", "\x00", "\x00", "\x06", "\x03", "\x04") "bad"),
	/* getkq a, getkq b, setq, noop: b is there, the others say nothing */
	CLIENT(ASK("\x0d", "\x01", "\x00", "\x01", "\x05") "a" ASK("\x0d", "\x01", "\x00", "\x01",
								   "\x06") "b"),
	CLIENT(ASK("\x11", "\x01", "\x08", "\x09",
		   "\x07") "\0\0\0\0\0\0\0\0a" ASK("\x0a", "\x00", "\x00", "\x00", "\x08")),
	SERVER(SAY("\x0d", "\x01", "\x04", "\x00", "\x06", "\x06") "\0\0\0\0bx"),
	SERVER(SAY("\x0a", "\x00", "\x00", "\x00", "\x00", "\x08")),
	CLIENT(ASK("\x10", "\x00", "\x00", "\x00", "\x09")),
	SERVER(SAY("\x10", "\x03", "\x00", "\x00", "\x04", "\x09") "pid1"),
	SERVER(SAY("\x10", "\x00", "\x00", "\x00", "\x00", "\x09")),
	CLIENT(ASK("\x21", "\x05", "\x00", "\x08", "\x0a") "PLAIN\0\0s"),
	SERVER(SAY("\x21", "\x00", "\x00", "\x20", "\x04", "\x0a") "fail"),
	CLIENT(ASK("\x7f", "\x00", "\x00", "\x00", "\x0b")),
	SERVER(SAY("\x7f", "\x00", "\x00", "\x81", "\x00", "\x0b")),
};
static const char binary_told[] = "db memcached op=set\n"
				  "db memcached op=get\n"
				  "db memcached op=get\n"
				  "db memcached op=incr code=6 failed\n"
				  "db memcached op=get\n"
				  "db memcached op=get\n"
				  "db memcached op=set\n"
				  "db memcached op=noop\n"
				  "db memcached op=stats\n"
				  "db memcached op=sasl_auth code=32 failed\n"
				  "db memcached code=129 failed\n";

static void binary_answers_are_found_by_their_opaque_value(void **state)
{
	(void)state;
	SAME(binary, binary_told);
	talker_never_wrong(binary, TALKER_N(binary), binary_told, 300);
}

/* ---- more than is captured ---- */

static char big[200000];

static void expect(const struct said *said, size_t n, const char *expected)
{
	static struct talker t;

	for (int role = KH_ROLE_SERVER; role <= KH_ROLE_CLIENT; role++) {
		struct talker_how how = {.role = (enum kh_role)role};

		talker_run(&t, &how, said, n);
		assert_string_equal(t.told, expected);
	}
}

static void long_values_lists_and_answers_count(void **state)
{
	struct said said[] = {
		CLIENT("version\r\n"),  SERVER("VERSION 1.6.18\r\n"),
		{'>', big, 0},          SERVER("STORED\r\n"),
		{'>', big, 0},          {'<', big, 0},
		CLIENT("incr a 1\r\n"), SERVER("CLIENT_ERROR no\r\n"),
		CLIENT("get a\r\n"),    SERVER("END\r\n"),
	};
	size_t n = 0, at;

	(void)state;
	n += (size_t)sprintf(big, "set a 0 0 50000\r\n");
	memset(big + n, 'v', 50000);
	n += 50000;
	n += (size_t)sprintf(big + n, "\r\n");
	said[2].n = n;
	said[4].p = big + n;
	at = n;
	n += (size_t)sprintf(big + n, "get");
	for (int i = 0; i < 1000; i++)
		n += (size_t)sprintf(big + n, " key%d", i);
	n += (size_t)sprintf(big + n, "\r\n");
	said[4].n = n - at;
	said[5].p = big + n;
	at = n;
	for (int i = 0; i < 1000; i++)
		n += (size_t)sprintf(big + n, "VALUE key%d 0 3\r\nabc\r\n", i);
	n += (size_t)sprintf(big + n, "END\r\n");
	said[5].n = n - at;
	expect(said, TALKER_N(said),
	       "db memcached op=version\n"
	       "db memcached op=set\n"
	       "db memcached op=get\n"
	       "db memcached op=incr code=CLIENT_ERROR failed\n"
	       "db memcached op=get\n");
}

/* ---- detection ---- */

static enum guess look_at(struct slice client, struct slice server)
{
	struct sight sight = {.from = {client, server}, .start = true, .transport = OVER_TCP};

	return memcached_parser.detect(&sight);
}

static enum guess look(const char *client, const char *server)
{
	return look_at(slice_of(client), slice_of(server));
}

static void only_a_fitting_answer_proves_it(void **state)
{
	(void)state;
	assert_int_equal(look("get a\r\n", ""), GUESS_MORE);
	assert_int_equal(look("get a\r\n", "END\r\n"), GUESS_YES);
	assert_int_equal(look("get a\r\n", "VALUE a 0 10\r\n"), GUESS_YES);
	assert_int_equal(look("get a\r\n", "VALUE"), GUESS_MORE);
	assert_int_equal(look("get a\r\n", "$-1\r\n"), GUESS_NO); /* Redis, typed */
	assert_int_equal(look("get a\r\n", "STORED\r\n"), GUESS_NO);
	assert_int_equal(look("get a\r\n", "ENDING\r\n"), GUESS_NO);
	assert_int_equal(look("get\r\n", "END\r\n"), GUESS_NO);
	assert_int_equal(look("set a 0 0 1\r\nx\r\n", "STORED\r\n"), GUESS_YES);
	assert_int_equal(look("set a 0 0\r\nx\r\n", "STORED\r\n"), GUESS_NO);
	assert_int_equal(look("set a 0 0 1 noreply\r\nx\r\n", ""), GUESS_YES);
	assert_int_equal(look("set a 0 0 1 noreply\r\nxyz\r\n", ""), GUESS_NO);
	assert_int_equal(look("version\r\n", "VERSION 1.6.18\r\n"), GUESS_YES);
	assert_int_equal(look("stats\r\n", "STAT pid 1\r\n"), GUESS_YES);
	assert_int_equal(look("GET / HTTP/1.1\r\n", ""), GUESS_NO);
	assert_int_equal(look("quit\r\n", "+OK\r\n"), GUESS_NO);
	assert_int_equal(look("", "VERSION 1\r\n"), GUESS_NO);
}

static void a_header_needs_its_answer(void **state)
{
	struct slice asked = {binary[2].p, binary[2].n}, other = {binary[1].p, binary[1].n};
	struct slice answered = {binary[3].p, binary[3].n};

	(void)state;
	assert_int_equal(look_at(asked, slice_of("")), GUESS_MORE);
	assert_int_equal(look_at(asked, answered), GUESS_YES);
	assert_int_equal(look_at(asked, other), GUESS_NO);
	assert_int_equal(look_at(asked, slice_of("HTTP/1.1 200 OK\r\n\r\n.....")), GUESS_NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_miss_is_an_answer_and_only_an_error_fails),
		cmocka_unit_test(noreply_is_told_when_sent),
		cmocka_unit_test(pipelined_answers_come_in_order),
		cmocka_unit_test(what_was_asked_before_quit_is_answered),
		cmocka_unit_test(quiet_meta_commands_are_told_with_the_next_answer),
		cmocka_unit_test(binary_answers_are_found_by_their_opaque_value),
		cmocka_unit_test(long_values_lists_and_answers_count),
		cmocka_unit_test(only_a_fitting_answer_proves_it),
		cmocka_unit_test(a_header_needs_its_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
