/* SPDX-License-Identifier: Apache-2.0 */
/* W3C Trace Context: the document's own examples, and what it says of each part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "trace/context.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"
#define GOOD "00-" TRACE "-" PARENT "-01"

static const uint8_t trace[] = {0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6,
				0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36};
static const uint8_t parent[] = {0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7};

/* -1: refused; else its flags. Ids are those above, or not written at all. */
static int parsed(const char *text)
{
	uint8_t t[16] = {0}, p[8] = {0}, flags = 0xee;
	static const uint8_t zero[16];

	if (!context_parse(slice_of(text), t, p, &flags)) {
		assert_memory_equal(t, zero, sizeof(t));
		assert_memory_equal(p, zero, sizeof(p));
		assert_int_equal(flags, 0xee);
		return -1;
	}
	assert_memory_equal(t, trace, sizeof(t));
	assert_memory_equal(p, parent, sizeof(p));
	return flags;
}

static void version_00_is_read(void **state)
{
	(void)state;
	assert_int_equal(parsed(GOOD), 1);
	assert_int_equal(parsed("00-" TRACE "-" PARENT "-00"), 0);
	assert_int_equal(parsed("00-" TRACE "-" PARENT "-03"), 3); /* random, of level 2 */
	assert_int_equal(parsed("00-" TRACE "-" PARENT "-ff"), 0xff);
}

static void version_00_is_exactly_so_long(void **state)
{
	(void)state;
	assert_int_equal(parsed(GOOD "-"), -1);
	assert_int_equal(parsed(GOOD "-what-the-future-will-be-like"), -1);
	assert_int_equal(parsed(GOOD "."), -1);
	assert_int_equal(parsed(""), -1);
	for (size_t n = 0; n < sizeof(GOOD) - 1; n++) {
		char *cut = strndup(GOOD, n);

		assert_int_equal(parsed(cut), -1);
		free(cut);
	}
}

static void later_versions_are_read_as_far_as_they_are_known(void **state)
{
	(void)state;
	assert_int_equal(parsed("cc-" TRACE "-" PARENT "-01"), 1);
	assert_int_equal(parsed("cc-" TRACE "-" PARENT "-01-what-the-future-will-be-like"), 1);
	assert_int_equal(parsed("cc-" TRACE "-" PARENT "-01-"), 1);
	assert_int_equal(parsed("fe-" TRACE "-" PARENT "-fe"), 0); /* only sampled is known */
	assert_int_equal(parsed("cc-" TRACE "-" PARENT "-01.what-the-future-will-be-like"), -1);
	assert_int_equal(parsed("cc-" TRACE "-" PARENT "-011"), -1);
	assert_int_equal(parsed("ff-" TRACE "-" PARENT "-01"), -1);
	assert_int_equal(parsed("FF-" TRACE "-" PARENT "-01"), -1);
}

static void zeros_are_no_ids(void **state)
{
	(void)state;
	assert_int_equal(parsed("00-00000000000000000000000000000000-" PARENT "-01"), -1);
	assert_int_equal(parsed("00-" TRACE "-0000000000000000-01"), -1);
}

static void hex_is_lower_case_and_dashes_are_dashes(void **state)
{
	(void)state;
	assert_int_equal(parsed("00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01"), -1);
	assert_int_equal(parsed("00-" TRACE "-00F067AA0BA902B7-01"), -1);
	assert_int_equal(parsed("00-" TRACE "-" PARENT "-0A"), -1);
	assert_int_equal(parsed("0x-" TRACE "-" PARENT "-01"), -1);
	assert_int_equal(parsed("00_" TRACE "-" PARENT "-01"), -1);
	assert_int_equal(parsed("00-" TRACE "_" PARENT "-01"), -1);
	assert_int_equal(parsed("00-" TRACE "-" PARENT "_01"), -1);
	assert_int_equal(parsed(" 00-" TRACE "-" PARENT "-01"), -1);
	/* each character in turn is none of hex */
	for (size_t i = 0; i < sizeof(GOOD) - 1; i++) {
		char odd[] = GOOD;

		odd[i] = '.';
		assert_int_equal(parsed(odd), -1);
		odd[i] = '\0';
		assert_false(context_parse((struct slice){odd, sizeof(odd) - 1}, (uint8_t[16]){0},
					   (uint8_t[8]){0}, &(uint8_t){0}));
	}
}

/* ---- tracestate ---- */

static bool state_of(const char *text)
{
	return context_state(slice_of(text));
}

static void the_documents_states_are_valid(void **state)
{
	(void)state;
	assert_true(state_of("vendorname1=opaqueValue1,vendorname2=opaqueValue2"));
	assert_true(state_of("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
	assert_true(state_of("congo=ucfJifl5GOE,rojo=00f067aa0ba902b7"));
	assert_true(state_of("fw529a3039@dt=FfmdoGgLgg,foo=1"));
	assert_true(state_of("abcdefghijklmnopqrstuvwxyz0123456789_-*/=a"));
	assert_true(state_of("0tenant@system=1"));
}

static void empty_members_and_blanks_around_members_are_allowed(void **state)
{
	(void)state;
	assert_true(state_of("foo=1,"));
	assert_true(state_of("foo=1,,bar=2"));
	assert_true(state_of("foo=1 \t , \t bar=2, \t baz=3"));
	assert_true(state_of("foo= 1")); /* a value may begin with a blank */
	/* there is nothing to show others */
	assert_false(state_of(""));
	assert_false(state_of(" , \t,"));
}

static void keys_are_as_the_document_has_them(void **state)
{
	(void)state;
	assert_false(state_of("foo"));
	assert_false(state_of("foo =1"));
	assert_false(state_of("FOO=1"));
	assert_false(state_of("foo.bar=1"));
	assert_false(state_of("0foo=1"));
	assert_false(state_of("=1"));
	assert_false(state_of("foo@=1,bar=2"));
	assert_false(state_of("@foo=1,bar=2"));
	assert_false(state_of("foo@@bar=1,bar=2"));
	assert_false(state_of("foo@bar@baz=1,bar=2"));
	assert_false(state_of("foo@0bar=1"));
}

static void values_are_as_the_document_has_them(void **state)
{
	(void)state;
	assert_false(state_of("foo="));
	assert_false(state_of("foo=bar=baz"));
	assert_false(state_of("foo=\x01"));
	assert_false(state_of("foo=a\tb"));
	assert_false(state_of("foo=\x7f"));
	assert_false(state_of("foo=\xc3\xa4"));
	assert_true(state_of("foo=!\"#$%&'()*+-./0:;<>?@[\\]^_`{|}~"));
}

/* KEY of `key` letters, tenants and systems of so many, `value` letters. */
static bool lengths(int key, int tenant, int system, int value)
{
	char text[2048], a[512], v[512];

	memset(a, 'a', sizeof(a));
	memset(v, 'v', sizeof(v));
	if (key)
		snprintf(text, sizeof(text), "%.*s=%.*s", key, a, value, v);
	else
		snprintf(text, sizeof(text), "%.*s@%.*s=%.*s", tenant, a, system, a, value, v);
	return state_of(text);
}

static void lengths_have_limits(void **state)
{
	char text[512] = "";

	(void)state;
	assert_true(lengths(256, 0, 0, 1));
	assert_false(lengths(257, 0, 0, 1));
	assert_true(lengths(0, 241, 14, 1));
	assert_false(lengths(0, 242, 14, 1));
	assert_false(lengths(0, 241, 15, 1));
	assert_true(lengths(1, 0, 0, 256));
	assert_false(lengths(1, 0, 0, 257));
	for (int i = 0; i < 32; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "k%d=v,", i);
	assert_true(state_of(text));
	strcat(text, "one=more");
	assert_false(state_of(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_00_is_read),
		cmocka_unit_test(version_00_is_exactly_so_long),
		cmocka_unit_test(later_versions_are_read_as_far_as_they_are_known),
		cmocka_unit_test(zeros_are_no_ids),
		cmocka_unit_test(hex_is_lower_case_and_dashes_are_dashes),
		cmocka_unit_test(the_documents_states_are_valid),
		cmocka_unit_test(empty_members_and_blanks_around_members_are_allowed),
		cmocka_unit_test(keys_are_as_the_document_has_them),
		cmocka_unit_test(values_are_as_the_document_has_them),
		cmocka_unit_test(lengths_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
