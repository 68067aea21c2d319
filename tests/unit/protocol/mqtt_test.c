/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/parsers.h"
#include "talker.h"

#define CONNECT4 "\x10\x0e\0\4MQTT\4\2\0\x3c\0\2me"
#define CONNECT5 "\x10\x0f\0\4MQTT\5\2\0\x3c\0\0\2me"

static struct talker t;

static const struct said usual[] = {
	CLIENT(CONNECT4),
	SERVER("\x20\2\0\0"),
	CLIENT("\x82\x08\0\1\0\3t/#\1"),
	SERVER("\x90\3\0\1\1"),
	CLIENT("\x82\x08\0\2\0\3no!\1"),
	SERVER("\x90\3\0\2\x80"),
	CLIENT("\x30\6\0\1ahey\x32\7\0\1b\0\7hi\x34\7\0\1c\0\x08hi"),
	SERVER("\x40\2\0\7\x50\2\0\x08"),
	CLIENT("\x62\2\0\x08"),
	SERVER("\x70\2\0\x08"),
	SERVER("\x30\6\0\1dhey\x32\7\0\1e\0\7hi\x34\7\0\1f\0\x08hi"),
	CLIENT("\x40\2\0\7\x50\2\0\x08"),
	SERVER("\x62\2\0\x08"),
	CLIENT("\x70\2\0\x08"),
	CLIENT("\xc0\0"),
	SERVER("\xd0\0"),
	CLIENT("\xa2\7\0\3\0\3t/#"),
	SERVER("\xb0\2\0\3"),
	CLIENT("\xe0\0"),
};
static const char told[] = "messaging mqtt op=subscribe coll=t/#\n"
			   "messaging mqtt op=subscribe coll=no! code=0x80 failed\n"
			   "messaging mqtt op=publish coll=a action=1\n"
			   "messaging mqtt op=publish coll=b action=1\n"
			   "messaging mqtt op=publish coll=c action=1\n"
			   "messaging mqtt op=process coll=d action=3\n"
			   "messaging mqtt op=process coll=e action=3\n"
			   "messaging mqtt op=process coll=f action=3\n"
			   "messaging mqtt op=unsubscribe coll=t/#\n";

static void test_usual(void **state)
{
	(void)state;
	talker_same(usual, TALKER_N(usual), told, 200);
}

static void test_never_wrong(void **state)
{
	(void)state;
	talker_never_wrong(usual, TALKER_N(usual), told, 300);
}

/* Properties, aliases and reasons of version 5. */
static void test_five(void **state)
{
	const struct said said[] = {
		CLIENT(CONNECT5),
		SERVER("\x20\3\0\0\0"),
		CLIENT("\x30\x0b\0\1a\5\2\0\0\0\1hi"),
		CLIENT("\x32\x0d\0\3t/x\0\1\3\x23\0\1hi"),
		SERVER("\x40\3\0\1\x10"),
		CLIENT("\x32\x09\0\0\0\2\3\x23\0\1h"),
		SERVER("\x40\4\0\2\x87\0"),
		CLIENT("\x30\7\0\0\3\x23\0\2h"),
		CLIENT("\x82\x07\0\3\0\0\1q\1"),
		SERVER("\x90\4\0\3\0\x87"),
	};

	(void)state;
	talker_same(said, TALKER_N(said),
		    "messaging mqtt op=publish coll=a action=1\n"
		    "messaging mqtt op=publish coll=t/x action=1\n"
		    "messaging mqtt op=publish coll=t/x code=0x87 action=1 failed\n"
		    "messaging mqtt op=publish action=1\n"
		    "messaging mqtt op=subscribe coll=q code=0x87 failed\n",
		    100);
}

#define CONTEXT                                                                                    \
	"\x26\0\x0btraceparent\0\x37" TALKER_PARENT "\x26\0\x0btraceparent\0\5other\x23\0\1"       \
	"\x26\0\x0atracestate\0\x27" TALKER_STATE

/* User properties of version 5; those of the same name that follow do not count. */
static void test_context(void **state)
{
	const struct said said[] = {
		CLIENT(CONNECT5),
		SERVER("\x20\3\0\0\0"),
		CLIENT("\x30"
		       "\x9c\x01\0\1a\x95\x01" CONTEXT "hi"),
		SERVER("\x32"
		       "\x9e\x01\0\1a\0\7\x95\x01" CONTEXT "hi"),
		CLIENT("\x40\2\0\7"),
		CLIENT("\x30\7\0\0\3\x23\0\1h"), /* the alias stood among them */
	};
	const char *expected = "messaging mqtt op=publish coll=a" TALKER_CONTEXT " action=1\n"
			       "messaging mqtt op=process coll=a" TALKER_CONTEXT " action=3\n"
			       "messaging mqtt op=publish coll=a action=1\n";

	(void)state;
	talker_same(said, TALKER_N(said), expected, 100);
	talker_never_wrong(said, TALKER_N(said), expected, 1000);
}

/* Below version 5 the same bytes are the message. */
static void test_no_properties(void **state)
{
	const struct said said[] = {
		CLIENT(CONNECT4),
		SERVER("\x20\2\0\0"),
		CLIENT("\x30"
		       "\x9c\x01\0\1a\x95\x01" CONTEXT "hi"),
	};

	(void)state;
	talker_same(said, TALKER_N(said), "messaging mqtt op=publish coll=a action=1\n", 20);
}

static void test_joined(void **state)
{
	const struct said said[] = {CLIENT(CONNECT4), CLIENT("\x30\6\0\1ahey"),
				    CLIENT("\x30\6\0\1ahey"), CLIENT("\x30\6\0\1ahey")};
	const struct said chaff[] = {CLIENT(CONNECT4), CLIENT("\x30\6\0\1+hey"),
				     CLIENT("\x30\6\0\1ahey"), CLIENT("\x30\6\0\1ahey")};
	struct talker_how how = {.join = 1};

	(void)state;
	talker_run(&t, &how, said, TALKER_N(said));
	assert_int_equal(t.exchanges, 3);
	talker_run(&t, &how, chaff, TALKER_N(chaff));
	assert_int_equal(t.exchanges, 0);
}

/* Mosquitto reads a byte, the length, and the rest; it was joined while it hands out QoS 2. */
static void test_joined_in_pieces(void **state)
{
	const struct said said[] = {
		CLIENT(CONNECT4), SERVER("\x34\7\0\1a\0\1hi"), CLIENT("\x50"), CLIENT("\2"),
		CLIENT("\0\1"),   SERVER("\x62\2\0\1"),        CLIENT("\x70"), CLIENT("\2"),
		CLIENT("\0\1"),   SERVER("\x34\7\0\1a\0\2hi"), CLIENT("\x50"), CLIENT("\2"),
		CLIENT("\0\2"),   SERVER("\x62\2\0\2"),        CLIENT("\x70"), CLIENT("\2"),
		CLIENT("\0\2"),
	};
	static const struct parser *const only[] = {&mqtt_parser}; /* no other one keeps looking */
	struct talker_how how = {.join = 1, .accepted = true, .parsers = only, .parsers_n = 1};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		talker_run(&t, &how, said, TALKER_N(said));
		assert_string_equal(t.told, "messaging mqtt op=process coll=a action=3\n"
					    "messaging mqtt op=process coll=a action=3\n");
		how.accepted = false;
	}
}

/* Publications look the same from either side: the ports tell who the broker is. */
static void test_joined_broker(void **state)
{
	const struct said said[] = {CLIENT(CONNECT4), CLIENT("\x32\7\0\1a\0\1hi"),
				    SERVER("\x40\2\0\1"), CLIENT("\x30\6\0\1ahey"),
				    CLIENT("\x30\6\0\1ahey")};
	struct talker_how how = {.join = 1, .accepted = true};

	(void)state;
	talker_run(&t, &how, said, TALKER_N(said));
	assert_string_equal(t.told, "messaging mqtt op=publish coll=a action=1\n"
				    "messaging mqtt op=publish coll=a action=1\n"
				    "messaging mqtt op=publish coll=a action=1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_context),       cmocka_unit_test(test_no_properties),
		cmocka_unit_test(test_usual),         cmocka_unit_test(test_never_wrong),
		cmocka_unit_test(test_five),          cmocka_unit_test(test_joined),
		cmocka_unit_test(test_joined_broker), cmocka_unit_test(test_joined_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
