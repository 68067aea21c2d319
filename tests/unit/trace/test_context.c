/* SPDX-License-Identifier: Apache-2.0 */
/* W3C's Trace Context, sections 3.2 and 3.3. */
#include "trace/context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static uint8_t trace[16], parent[8], flags;

/* In memory of exactly its size, so that a byte too far is seen. */
static bool parse(const char *text)
{
	size_t n = strlen(text);
	char *exact = malloc(n ? n : 1);
	bool good;

	assert_non_null(exact);
	memcpy(exact, text, n);
	memset(trace, 0, sizeof(trace));
	memset(parent, 0, sizeof(parent));
	flags = 0x55;
	good = context_parse((struct slice){exact, n}, trace, parent, &flags);
	free(exact);
	return good;
}

static void good_ones(void **state)
{
	static const uint8_t want_trace[16] = {0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb,
					       0x21, 0x1c, 0x80, 0x31, 0x9c},
			     want_parent[8] = {0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31};

	assert_true(parse("00-" TRACE "-" PARENT "-01"));
	assert_memory_equal(trace, want_trace, 16);
	assert_memory_equal(parent, want_parent, 8);
	assert_int_equal(flags, 1);
	assert_true(parse("00-" TRACE "-" PARENT "-00"));
	assert_int_equal(flags, 0);
	assert_true(parse("00-" TRACE "-" PARENT "-03")); /* level 2: random trace id */
	assert_int_equal(flags, 3);
	/* later versions may be longer; of their flags only one is known */
	assert_true(parse("01-" TRACE "-" PARENT "-ff"));
	assert_int_equal(flags, 1);
	assert_true(parse("cc-" TRACE "-" PARENT "-01-what-the-future-will-be-like"));
}

static void bad_ones(void **state)
{
	static const char *const bad[] = {
		"",
		"00",
		"00-" TRACE "-" PARENT,
		"00-" TRACE "-" PARENT "-",
		"00-" TRACE "-" PARENT "-1",
		"00-" TRACE "-" PARENT "-01-",
		"00-" TRACE "-" PARENT "-01.",
		"01-" TRACE "-" PARENT "-01.",
		"ff-" TRACE "-" PARENT "-01",
		"00-00000000000000000000000000000000-" PARENT "-01",
		"00-" TRACE "-0000000000000000-01",
		"00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01",
		"00-" TRACE "-B7AD6B7169203331-01",
		"00_" TRACE "-" PARENT "-01",
		"00-" TRACE "_" PARENT "-01",
		"00-" TRACE "-" PARENT "_01",
		"0x-" TRACE "-" PARENT "-01",
		"00-" TRACE "-" PARENT "-0x",
		" 00-" TRACE "-" PARENT "-01",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (parse(bad[i]))
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(flags, 0x55);
	}
}

static void states(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} vectors[] = {
		{"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", true},
		{"foo=1 , bar=2", true},
		{"foo=1,,bar=2", true},
		{"fw529a3039@dt=FfffffffF", true},
		{"1tenant@sys=v", true},
		{"", false},
		{" ", false},
		{"foo", false},
		{"foo=", false},
		{"=v", false},
		{"FOO=1", false},
		{"1foo=1", false},
		{"foo=a=b", false},
		{"foo=\x01", false},
		{"foo=\xc3\xa4", false},
		{"foo@=1", false},
		{"@sys=1", false},
		{"a@morethanfourteen=1", false},
	};
	char many[512];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		if (context_state(slice_of(vectors[i].text)) != vectors[i].good)
			fail_msg("%s", vectors[i].text);
	}
	for (int i = 0; i < CONTEXT_STATE_MEMBERS_MAX; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "%sk%d=v", i ? "," : "", i);
	assert_true(context_state((struct slice){many, n}));
	n += (size_t)snprintf(many + n, sizeof(many) - n, ",last=v");
	assert_false(context_state((struct slice){many, n}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones),
		cmocka_unit_test(bad_ones),
		cmocka_unit_test(states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
