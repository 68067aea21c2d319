/* SPDX-License-Identifier: Apache-2.0 */
/* Streams with a protocol made for it: "?NAME:SIZE\n" and SIZE bytes, answered by "=CODE\n". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/stream.h"
#include "talker.h"

static enum guess toy_detect(const struct sight *sight)
{
	struct slice c = sight->from[FROM_CLIENT], s = sight->from[FROM_SERVER];

	if ((c.n && c.p[0] != '?') || (s.n && s.p[0] != '='))
		return GUESS_NO;
	return c.n && s.n ? GUESS_YES : GUESS_MORE;
}

static enum cut toy_frame(const struct talk *talk, enum side side, struct slice b, struct frame *f)
{
	const char *lf = memchr(b.p, '\n', b.n), *colon = memchr(b.p, ':', b.n);

	(void)talk;
	if (b.p[0] != (side == FROM_CLIENT ? '?' : '='))
		return CUT_NOT;
	if (!lf)
		return b.n < 100 ? CUT_MORE : CUT_NOT;
	f->size = f->want = (uint32_t)(lf + 1 - b.p);
	if (side == FROM_CLIENT && colon && colon < lf)
		f->size += strtoul(colon + 1, NULL, 10);
	return CUT_OK;
}

static void toy_message(struct talk *talk, enum side side, struct slice b, const struct frame *f)
{
	struct slice text = {b.p + 1, strcspn(b.p + 1, ":\n")};
	struct call *call;

	(void)f;
	if (side == FROM_CLIENT) {
		call = talk_ask(talk, 0);
		call_set(call, CALL_OPERATION, text);
		if (slice_is(text, "tls"))
			talk_encrypted(talk);
		return;
	}
	call = talk_oldest(talk);
	if (!call)
		return;
	call_set(call, CALL_CODE, text);
	talk_answer(talk, call);
}

static const struct parser toy = {
	.name = "toy",
	.protocol = PROTOCOL_REDIS,
	.kind = EXCHANGE_DB,
	.transports = OVER_TCP,
	.capture = 4096,
	.state_size = 8,
	.detect = toy_detect,
	.frame = toy_frame,
	.message = toy_message,
};
static const struct parser *const toys[] = {&toy};

#define SIDE(r) {.role = r, .parsers = toys, .parsers_n = 1}

static struct talker t;

static const struct said usual[] = {
	CLIENT("?get:3\nabc"), SERVER("=ok\n"), CLIENT("?put:0\n?del\n"),
	SERVER("=no\n"),       SERVER("=ok\n"),
};
static const char usual_told[] = "db redis op=get code=ok\ndb redis op=put code=no\n"
				 "db redis op=del code=ok\n";

static void test_however_cut(void **state)
{
	(void)state;
	for (int role = KH_ROLE_SERVER; role <= KH_ROLE_CLIENT; role++) {
		struct talker_how how = SIDE(role);

		for (how.seed = 0; how.seed < 500; how.seed++) {
			how.cuts = how.seed < 2 ? (enum cuts)how.seed : CUT_RANDOM;
			how.late = how.seed % 2 == 0;
			talker_run(&t, &how, usual, TALKER_N(usual));
			assert_string_equal(t.told, usual_told);
		}
	}
	assert_int_equal(t.last_capture, 4096);
	assert_int_equal(t.open, 0);
}

/* Who opened the connection is not known: the bytes tell. */
static void test_unknown_role(void **state)
{
	struct talker_how how = SIDE(KH_ROLE_UNKNOWN);

	(void)state;
	talker_run(&t, &how, usual, TALKER_N(usual));
	assert_string_equal(t.told, usual_told);
}

/* A frame that is longer than what is captured: its length is enough. */
static void test_long_frame(void **state)
{
	static char block[20000];
	const struct said said[] = {
		CLIENT("?a\n"), SERVER("=1\n"), CLIENT("?big:20000\n"), {'>', block, sizeof(block)},
		CLIENT("?b\n"), SERVER("=2\n"), SERVER("=3\n")};
	struct talker_how how = SIDE(KH_ROLE_SERVER);

	(void)state;
	memset(block, 'x', sizeof(block));
	for (how.seed = 0; how.seed < 100; how.seed++) {
		how.cuts = how.seed ? CUT_RANDOM : CUT_AS_SAID;
		talker_run(&t, &how, said, TALKER_N(said));
		assert_string_equal(t.told, "db redis op=a code=1\ndb redis op=big code=2\n"
					    "db redis op=b code=3\n");
	}
}

/* What is lost is never told wrong, and the next call is in step again. */
static void test_lost(void **state)
{
	const struct said said[] = {CLIENT("?a\n"), SERVER("=1\n"), CLIENT("?b\n"), SERVER("=2\n"),
				    CLIENT("?c\n"), SERVER("=3\n"), CLIENT("?d\n"), SERVER("=4\n")};
	size_t told = 0;

	(void)state;
	for (unsigned int seed = 1; seed < 500; seed++) {
		struct talker_how how = SIDE(KH_ROLE_SERVER);
		const char *line;

		how.seed = seed;
		how.lose = 20;
		talker_run(&t, &how, said, TALKER_N(said));
		for (line = t.told; *line; line += strcspn(line, "\n") + 1)
			assert_int_equal(line[strlen("db redis op=")] - 'a',
					 line[strlen("db redis op=x code=")] - '1');
		told += t.exchanges;
	}
	assert_true(told > 500);
}

static void test_ends(void **state)
{
	const struct said closed[] = {CLIENT("?a\n"), SERVER("=1\n"), CLIENT("?b\n"), CLOSED};
	const struct said reset[] = {CLIENT("?a\n"), SERVER("=1\n"), CLIENT("?b\n"), RESET};
	struct talker_how how = SIDE(KH_ROLE_CLIENT);

	(void)state;
	talker_run(&t, &how, closed, TALKER_N(closed));
	assert_string_equal(t.told, "db redis op=a code=1\ndb redis op=b error=2\n");
	talker_run(&t, &how, reset, TALKER_N(reset));
	assert_string_equal(t.told, "db redis op=a code=1\ndb redis op=b error=1\n");
}

/* More requests than are kept: their answers are not given to others. */
static void test_too_many(void **state)
{
	static struct said said[2 * (CALLS_PER_CONN + 3) + 4];
	size_t n = 0;
	struct talker_how how = SIDE(KH_ROLE_CLIENT);

	(void)state;
	said[n++] = (struct said)CLIENT("?a\n");
	said[n++] = (struct said)SERVER("=1\n");
	for (size_t i = 0; i < CALLS_PER_CONN + 3; i++)
		said[n++] = (struct said)CLIENT("?b\n");
	for (size_t i = 0; i < CALLS_PER_CONN + 3; i++)
		said[n++] = (struct said)SERVER("=2\n");
	said[n++] = (struct said)CLIENT("?c\n");
	said[n++] = (struct said)SERVER("=3\n");
	talker_run(&t, &how, said, n);
	assert_int_equal(t.exchanges, CALLS_PER_CONN + 2);
	assert_int_equal(t.counters.of[PROTOCOL_REDIS].unheld, 3);
	assert_non_null(strstr(t.told, "op=c code=3\n"));
	assert_null(strstr(t.told, "op=b code=3\n"));
}

static void test_encrypted(void **state)
{
	const struct said hello[] = {CLIENT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03..."),
				     SERVER("\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03...")};
	const struct said joined[] = {CLIENT("\x17\x03\x03\x00\x05.....\x17\x03\x03\x00\x05....."),
				      SERVER("\x17\x03\x03\x00\x05.....")};
	const struct said asked[] = {CLIENT("?a\n"), SERVER("=1\n"), CLIENT("?tls\n"), SERVER("x")};
	struct talker_how how = SIDE(KH_ROLE_CLIENT);

	(void)state;
	talker_run(&t, &how, hello, TALKER_N(hello));
	assert_int_equal(t.encrypted, 1);
	assert_int_equal(t.last_capture, 0);
	talker_run(&t, &how, asked, TALKER_N(asked));
	assert_int_equal(t.encrypted, 1);
	how.role = KH_ROLE_UNKNOWN;
	talker_run(&t, &how, joined, TALKER_N(joined));
	assert_int_equal(t.encrypted, 1);
	assert_int_equal(t.counters.tls, 1);
}

/* Encryption that a protocol which nobody knows begins amidst a connection is told, too. */
static void test_starttls(void **state)
{
	const struct said smtp[] = {SERVER("220 mail ESMTP\r\n"),
				    CLIENT("EHLO me\r\n"),
				    SERVER("250-mail\r\n250 STARTTLS\r\n"),
				    CLIENT("STARTTLS\r\n"),
				    SERVER("220 Ready\r\n"),
				    CLIENT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03..."),
				    SERVER("\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03...")};
	const struct said nats[] = {SERVER("INFO {\"tls_required\":true}\r\n"), smtp[5], smtp[6],
				    CLIENT("\x17\x03\x03\x00\x05....."),
				    SERVER("\x17\x03\x03\x00\x05.....")};
	struct talker_how how = {.role = KH_ROLE_SERVER};

	(void)state;
	talker_run(&t, &how, smtp, TALKER_N(smtp));
	assert_int_equal(t.encrypted, 1);
	assert_int_equal(t.last_capture, 0);
	talker_run(&t, &how, nats, TALKER_N(nats));
	assert_int_equal(t.encrypted, 1);
	assert_int_equal(t.counters.of[PROTOCOL_NATS].bad_frames, 0);
}

static void test_other(void **state)
{
	const struct said ssh[] = {SERVER("SSH-2.0-OpenSSH\r\n")};
	const struct said said[] = {CLIENT("hello"), SERVER("x"), CLIENT("hello"), SERVER("x"),
				    CLIENT("hello"), SERVER("x"), CLIENT("?a\n"),  SERVER("=1\n")};
	struct talker_how how = SIDE(KH_ROLE_CLIENT);

	(void)state;
	talker_run(&t, &how, ssh, TALKER_N(ssh));
	assert_int_equal(t.counters.ssh, 1);
	assert_int_equal(t.last_capture, 0);
	talker_run(&t, &how, said, TALKER_N(said));
	assert_string_equal(t.told, "db redis op=a code=1\n"); /* it is looked at again */
}

static void test_proxied(void **state)
{
	const struct said one[] = {CLIENT("PROXY TCP4 192.0.2.9 10.0.0.1 1234 80\r\n?a\n"),
				   SERVER("=1\n"), CLIENT("?b\n"), SERVER("=2\n")};
	const struct said two[] = {CLIENT("\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x09\x0a"
					  "\x00\x00\x01\x04\xd2\0P"),
				   CLIENT("?a\n"), SERVER("=1\n"), CLIENT("?b\n"), SERVER("=2\n")};
	struct talker_how how = SIDE(KH_ROLE_SERVER);

	(void)state;
	for (how.seed = 0; how.seed < 200; how.seed++) {
		how.cuts = how.seed ? CUT_RANDOM : CUT_AS_SAID;
		talker_run(&t, &how, one, TALKER_N(one));
		assert_string_equal(t.told, "db redis op=a code=1\ndb redis op=b code=2\n");
		talker_run(&t, &how, two, TALKER_N(two));
		assert_string_equal(t.told, "db redis op=a code=1\ndb redis op=b code=2\n");
		assert_int_equal(t.counters.proxied, 1);
	}
}

/* BPF hands a connection over with the answer that ended HTTP/1, and what stands behind it. */
static void test_left_http1(void **state)
{
	const struct said alone[] = {SERVER("HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n"),
				     CLIENT("?a\n"), SERVER("=1\n")};
	const struct said more[] = {SERVER("HTTP/1.0 200 OK\r\n\r\n=2"), CLIENT("?a\n"),
				    SERVER("0\n")};
	struct talker_how how = {.parsers = toys, .parsers_n = 1};

	(void)state;
	for (how.seed = 0; how.seed < 200; how.seed++) {
		how.role = how.seed % 2 ? KH_ROLE_SERVER : KH_ROLE_CLIENT;
		how.cuts = how.seed > 1 ? CUT_RANDOM : CUT_AS_SAID;
		talker_run(&t, &how, alone, TALKER_N(alone));
		assert_string_equal(t.told, "db redis op=a code=1\n");
		talker_run(&t, &how, more, TALKER_N(more));
		assert_string_equal(t.told, "db redis op=a code=20\n");
		assert_int_equal(t.counters.of[PROTOCOL_REDIS].bad_frames, 0);
	}
}

/* A parser that understands nothing more is taken back, and the connection looked at again. */
static void test_given_up(void **state)
{
	static struct said said[80];
	struct talker_how how = SIDE(KH_ROLE_CLIENT);
	size_t n = 0;

	(void)state;
	said[n++] = (struct said)CLIENT("?a\n");
	said[n++] = (struct said)SERVER("=1\n");
	for (int i = 0; i < STREAMS_BAD_MAX + 2; i++) {
		said[n++] = (struct said)CLIENT("garbage");
		said[n++] = (struct said)SERVER("rubbish");
	}
	said[n++] = (struct said)CLIENT("?b\n");
	said[n++] = (struct said)SERVER("=2\n");
	talker_run(&t, &how, said, n);
	assert_int_equal(t.counters.of[PROTOCOL_REDIS].given_up, 1);
	assert_string_equal(t.told, "db redis op=a code=1\ndb redis op=b code=2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_however_cut), cmocka_unit_test(test_unknown_role),
		cmocka_unit_test(test_long_frame),  cmocka_unit_test(test_lost),
		cmocka_unit_test(test_ends),        cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_encrypted),   cmocka_unit_test(test_other),
		cmocka_unit_test(test_proxied),     cmocka_unit_test(test_left_http1),
		cmocka_unit_test(test_given_up),    cmocka_unit_test(test_starttls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
