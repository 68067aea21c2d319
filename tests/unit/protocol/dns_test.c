/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "talker.h"

#define NAME_WWW "\3wWw\7example\3com\0"
#define ASK(id, type) id "\1\0\0\1\0\0\0\0\0\0" NAME_WWW "\0" type "\0\1"
#define EDNS "\0\0\x29\x10\0\0\0\0\0\0\0"
#define TELL(id, flags, type) id "\x81" flags "\0\1\0\0\0\0\0\0" NAME_WWW "\0" type "\0\1"

static struct talker t;

static void play(const struct said *said, size_t n, uint16_t port, const char *expected)
{
	for (int role = KH_ROLE_UNKNOWN; role <= KH_ROLE_CLIENT; role++) {
		struct talker_how how = {.role = role, .transport = OVER_UDP, .server_port = port};

		talker_run(&t, &how, said, n);
		assert_string_equal(t.told, expected);
	}
}

static void test_lookups(void **state)
{
	const struct said said[] = {
		CLIENT(ASK("\1\1", "\x01")),
		CLIENT(ASK("\1\2", "\x1c")),
		SERVER(TELL("\1\2", "\x83", "\x1c")),
		SERVER(TELL("\1\1", "\x80", "\x01")),
		CLIENT(ASK("\1\3", "\x01")),
		SERVER(TELL("\1\3", "\x82", "\x01")),
		CLIENT("\1\4\1\0\0\1\0\0\0\0\0\1\1a\0\x4e\x20\0\1" EDNS),
		SERVER("\1\4\x81\x85\0\1\0\0\0\0\0\0\1A\0\x4e\x20\0\1"),
	};

	(void)state;
	play(said, TALKER_N(said), 53,
	     "dns dns op=AAAA coll=www.example.com code=NXDOMAIN failed\n"
	     "dns dns op=A coll=www.example.com code=NOERROR\n"
	     "dns dns op=A coll=www.example.com code=SERVFAIL failed\n"
	     "dns dns op=TYPE20000 coll=a code=REFUSED failed\n");
}

/* Where the port says nothing, a question is none until its answer comes. */
static void test_other_port(void **state)
{
	const struct said said[] = {CLIENT(ASK("\1\1", "\x01")),
				    SERVER(TELL("\1\1", "\x80", "\x01"))};
	const struct said wrong[] = {CLIENT(ASK("\1\1", "\x01")),
				     SERVER(TELL("\1\2", "\x80", "\x01"))};

	(void)state;
	play(said, 2, 7000, "dns dns op=A coll=www.example.com code=NOERROR\n");
	play(said, 1, 7000, "");
	play(wrong, 2, 7000, "");
	play(said, 2, 5353, "");
}

/* An answer to another question is none, though the id is right; the same question is one. */
static void test_matching(void **state)
{
	const struct said said[] = {CLIENT(ASK("\1\1", "\x01")), CLIENT(ASK("\1\1", "\x01")),
				    SERVER(TELL("\1\1", "\x80", "\x1c")),
				    SERVER(TELL("\1\1", "\x80", "\x01"))};

	(void)state;
	play(said, 4, 53, "dns dns op=A coll=www.example.com code=NOERROR\n");
	assert_int_equal(t.counters.of[PROTOCOL_DNS].asked, 1);
}

/* Where it is no query, what was wished for is told in place of the type. */
static void test_opcodes(void **state)
{
	const struct said said[] = {CLIENT("\1\1\x20\0\0\1\0\0\0\0\0\0" NAME_WWW "\0\6\0\1"),
				    SERVER("\1\1\xa0\0\0\1\0\0\0\0\0\0" NAME_WWW "\0\6\0\1")};

	(void)state;
	play(said, 2, 53, "dns dns op=NOTIFY coll=www.example.com code=NOERROR\n");
}

static void test_timeout(void **state)
{
	const struct said said[] = {CLIENT(ASK("\1\1", "\x01"))};
	struct talker_how how = {.role = KH_ROLE_CLIENT,
				 .transport = OVER_UDP,
				 .server_port = 53,
				 .wait_ns = 6000000000ull};

	(void)state;
	talker_run(&t, &how, said, 1);
	assert_string_equal(t.told, "dns dns op=A coll=www.example.com error=4\n");
}

static void test_tcp(void **state)
{
	const struct said said[] = {
		CLIENT("\0\x21" ASK("\1\1", "\x01") "\0\x21" ASK("\1\2", "\x1c")),
		SERVER("\0\x21" TELL("\1\2", "\x80", "\x1c")),
		SERVER("\0\x21" TELL("\1\1", "\x80", "\x01")),
	};

	(void)state;
	talker_same(said, TALKER_N(said),
		    "dns dns op=AAAA coll=www.example.com code=NOERROR\n"
		    "dns dns op=A coll=www.example.com code=NOERROR\n",
		    100);
}

static void test_hostile(void **state)
{
	/* pointers in the question, labels of 64, names of 256, no question, two questions */
	const struct said said[] = {
		CLIENT("\1\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"),
		CLIENT("\1\1\1\0\0\1\0\0\0\0\0\0\x40"
		       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0\0\1\0\1"),
		CLIENT("\1\1\1\0\0\0\0\0\0\0\0\0"),
		CLIENT("\1\1\1\0\0\2\0\0\0\0\0\0\1a\0\0\1\0\1\1b\0\0\1\0\1"),
		CLIENT("\1\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1more"),
		CLIENT("\1\1\1\x40\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"),
	};

	(void)state;
	for (size_t i = 0; i < TALKER_N(said); i++) {
		play(said + i, 1, 53, "");
		assert_int_equal(t.counters.of[PROTOCOL_DNS].connections, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookups),  cmocka_unit_test(test_other_port),
		cmocka_unit_test(test_matching), cmocka_unit_test(test_opcodes),
		cmocka_unit_test(test_timeout),  cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
