/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "talker.h"

#define BEGIN "\1\1\0\1\0\x08\0\0\0\1\1\0\0\0\0\0"
#define GET_X                                                                                      \
	"\1\4\0\1\0\x38\6\0"                                                                       \
	"\x0e\3REQUEST_METHODGET"                                                                  \
	"\x0b\4REQUEST_URI/x?y"                                                                    \
	"\x09\x09HTTP_HOSTshop.test"                                                               \
	"......"
#define NO_INPUT "\1\4\0\1\0\0\0\0\1\5\0\1\0\0\0\0"
#define END "\1\3\0\1\0\x08\0\0\0\0\0\0\0\0\0\0"

#define HEADER_SIZE 8 /* of a record */

static struct talker t;

static const struct said usual[] = {
	CLIENT(BEGIN GET_X NO_INPUT),
	SERVER("\1\6\0\1\0\x18\0\0Content-type: text\r\n\r\nhi" END),
	CLIENT(BEGIN GET_X NO_INPUT),
	SERVER("\1\7\0\1\0\4\0\0oops\1\6\0\1\0\x14\3\0A: b\r\nStatus: 404 "
	       "\r\n...\1\6\0\1\0\3\0\0abc" END),
};
static const char told[] = "http fastcgi target=/x?y method=1 status=200\n"
			   "http fastcgi target=/x?y method=1 status=404\n";

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

static void test_context(void **state)
{
	const struct said said[] = {
		CLIENT(BEGIN "\1\4\0\1\0\xa3\0\0"
			     "\x0e\3REQUEST_METHODGET\x0b\2REQUEST_URI/x"
			     "\x10\x37HTTP_TRACEPARENT" TALKER_PARENT
			     "\x0f\x27HTTP_TRACESTATE" TALKER_STATE NO_INPUT),
		SERVER("\1\6\0\1\0\x18\0\0Content-type: text\r\n\r\nhi" END),
	};
	const char *expected = "http fastcgi target=/x" TALKER_CONTEXT " method=1 status=200\n";

	(void)state;
	talker_same(said, TALKER_N(said), expected, 100);
	talker_never_wrong(said, TALKER_N(said), expected, 300);
}

static void test_closed(void **state)
{
	const struct said said[] = {CLIENT(BEGIN GET_X NO_INPUT), CLOSED};
	struct talker_how how = {.role = KH_ROLE_SERVER};

	(void)state;
	talker_run(&t, &how, said, 2);
	assert_string_equal(t.told, "http fastcgi target=/x?y method=1 error=2\n");
}

/* Of a long answer the middle is not captured; the next one is in step again. */
static void test_long_answer(void **state)
{
	static char long_answer[60000];
	size_t n = 0;
	struct talker_how how = {.role = KH_ROLE_CLIENT, .capture = 4096};
	const struct said said[] = {CLIENT(BEGIN GET_X NO_INPUT),
				    {'<', long_answer, sizeof(long_answer)},
				    CLIENT(BEGIN GET_X NO_INPUT),
				    SERVER("\1\6\0\1\0\x18\0\0Content-type: text\r\n\r\nhi" END)};

	(void)state;
	while (n + 8000 + 16 < sizeof(long_answer)) {
		memcpy(long_answer + n, "\1\6\0\1\x1f\x38\0\0A: b\r\n\r\n", 16);
		n += 8 + 0x1f38;
	}
	memcpy(long_answer + n, "\1\6\0\1\0\0\0\0", 8);
	long_answer[n + 4] = (char)((sizeof(long_answer) - n - 24) >> 8);
	long_answer[n + 5] = (char)((sizeof(long_answer) - n - 24) & 255);
	memcpy(long_answer + sizeof(long_answer) - 16, END, 16);
	talker_run(&t, &how, said, TALKER_N(said));
	assert_string_equal(t.told, "http fastcgi target=/x?y method=1 status=200\n"
				    "http fastcgi target=/x?y method=1 status=200\n");
	assert_true(t.counters.of[PROTOCOL_FASTCGI].gaps > 0);
}

/* The end of an answer was lost: the next request of that number is another one. */
static void test_number_again(void **state)
{
	const struct said said[] = {
		CLIENT(BEGIN GET_X NO_INPUT),
		SERVER("\1\6\0\1\0\4\0\0\r\n\r\n"),
		CLIENT(BEGIN GET_X NO_INPUT),
		SERVER("\1\6\0\1\0\x11\0\0Status: 500 a\r\n\r\n" END),
	};
	struct talker_how how = {.role = KH_ROLE_CLIENT};

	(void)state;
	talker_run(&t, &how, said, TALKER_N(said));
	assert_string_equal(t.told, "http fastcgi target=/x?y method=1 status=200\n"
				    "http fastcgi target=/x?y method=1 status=500\n");
}

/* END_REQUEST is read by two calls, of which the first is longer than what is captured. */
static void test_end_in_pieces(void **state)
{
	static char first[600], more[600];
	static const char head[] = "\1\6\0\1\xff\x18\0\0Status: 404\r\nA: bcde\r\n\r\n";
	struct said said[] = {CLIENT(BEGIN GET_X NO_INPUT),
			      {'<', first, sizeof(first)},
			      {'<', first, 0},
			      {'<', END, 0},
			      CLOSED};
	struct talker_how how = {.role = KH_ROLE_CLIENT, .capture = 400};

	(void)state;
	for (size_t n = HEADER_SIZE; n < 16; n++) {
		memset(first, 'x', sizeof(first));
		memcpy(first, head, sizeof(head) - 1);
		first[4] = 1; /* a record of 280 bytes, and behind it what begins no record */
		memset(more, 'y', sizeof(more));
		memcpy(more + 600 - n, END, n);
		said[2] = (struct said){'<', more, 600};
		said[3] = (struct said){'<', END + n, 16 - n};
		talker_run(&t, &how, said, TALKER_N(said));
		assert_string_equal(t.told, "http fastcgi target=/x?y method=1 status=404\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),         cmocka_unit_test(test_never_wrong),
		cmocka_unit_test(test_context),       cmocka_unit_test(test_closed),
		cmocka_unit_test(test_long_answer),   cmocka_unit_test(test_number_again),
		cmocka_unit_test(test_end_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
