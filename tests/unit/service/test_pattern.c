/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "service/pattern.h"

#include <errno.h>

struct vector {
	const char *pattern, *text;
	bool matches;
};

static bool matches(enum pattern_form form, const char *pattern, struct slice text)
{
	char why[PATTERN_WHY_MAX];
	struct pattern_scratch *scratch = pattern_scratch_new();
	struct pattern *p;
	bool found;

	assert_int_equal(pattern_new(&p, form, pattern, why), 0);
	found = pattern_match(p, scratch, text);
	pattern_free(p);
	pattern_scratch_free(scratch);
	return found;
}

static void check(enum pattern_form form, const struct vector *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (matches(form, v[i].pattern, slice_of(v[i].text)) != v[i].matches)
			fail_msg("\"%s\" and \"%s\"", v[i].pattern, v[i].text);
	}
}

static void globs_match_the_whole_text(void **state)
{
	static const struct vector v[] = {
		{"cart", "cart", true},
		{"cart", "carts", false},
		{"cart", "acart", false},
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "a/b\nc", true},
		{"**", "a/b", true},
		{"*/nginx", "/usr/sbin/nginx", true},
		{"*/nginx", "nginx", false},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false},
		{"c?t", "cat", true},
		{"c?t", "ct", false},
		{"c?t", "c\xc3\xa4t", true},
		{"[abc]x", "bx", true},
		{"[abc]x", "dx", false},
		{"[a-c]x", "bx", true},
		{"[!a-c]x", "dx", true},
		{"[!a-c]x", "bx", false},
		{"[a\\]]", "]", true},
		{"[a^]", "^", true},
		{"[a-]", "-", true},
		{"{cart,order}", "order", true},
		{"{cart,order}", "cart,order", false},
		{"{cart,order-*}-v1", "order-eu-v1", true},
		{"{a,{b,c}d}", "cd", true},
		{"{*/,}obi", "obi", true},
		{"{*/,}obi", "/bin/obi", true},
		{"{*/,}obi", "/bin/foobi", false},
		{"a,b", "a,b", true},
		{"a}", "a}", true},
		{"\\*", "*", true},
		{"\\*", "a", false},
		{"a.b", "a.b", true},
		{"a.b", "axb", false},
		{"(a|b)+$^", "(a|b)+$^", true},
		{"Cart", "cart", false},
	};

	check(PATTERN_GLOB, v, sizeof(v) / sizeof(*v));
}

static void regular_expressions_are_searched_for_anywhere(void **state)
{
	static const struct vector v[] = {
		{".", "default", true},
		{".", "", false},
		{"", "anything", true},
		{"default", "my-default-ns", true},
		{"^default$", "my-default-ns", false},
		{"^default$", "default", true},
		{"^a$", "a\n", false},
		{"cart|order", "reorder", true},
		{"(?i)CART", "cart", true},
		{"^[a-z0-9]{3,5}$", "ab1", true},
		{"\\d+", "v12", true},
		{"\\bapi\\b", "my-api-v1", true},
		{"[(]?", "x", true},
		{"(?P<name>a)", "a", true},
		{"\\(?=", "(=", true},
		{"a\\++", "a+++", true},
		{"[+*?]+", "++", true},
		{"[(?=]", "=", true},
		{"\\Q(?=\\g++\\E", "(?=\\g++", true},
		{"\\p{L}+", "x", true},
		{"^a{x}+$", "a{x}}", true},
		{"^a{0,1000}$", "aaa", true},
		{"^(b{10}|a{100}){10}$", "bbbbbbbbbb", false},
		{"^(?:a{1000})?b{1000}?", "a", false},
		{"[{1001}]{2}", "{}", true},
		{"\\{1001\\}", "{1001}", true},
		{"\\Qa{1001}\\E", "a{1001}", true},
		{"^\\x{2014}$", "\xe2\x80\x94", true},
		{"a{1001", "a{1001", true},
		{"a{,1001}", "a{,1001}", true},
	};

	check(PATTERN_REGEX, v, sizeof(v) / sizeof(*v));
}

static void hostile_text_neither_crashes_nor_hides(void **state)
{
	assert_true(matches(PATTERN_REGEX, "b", (struct slice){"a\xff\0b", 4}));
	assert_true(matches(PATTERN_GLOB, "a*", (struct slice){"a\0b", 3}));
	assert_false(matches(PATTERN_GLOB, "a", (struct slice){"a\0b", 3}));
	assert_false(matches(PATTERN_REGEX, "a", (struct slice){NULL, 0}));
}

static void matching_ends_whatever_the_pattern(void **state)
{
	uint64_t before = pattern_limits_reached();
	/* About a million steps: ours is the limit that ends it, not PCRE2's own of ten million. */
	assert_false(matches(PATTERN_REGEX, "^(a+)+c", slice_of("aaaaaaaaaaaaaaaaaaaa!c")));
	assert_true(pattern_limits_reached() > before);
}

static void what_cannot_be_understood_is_refused_with_a_reason(void **state)
{
	static const struct {
		enum pattern_form form;
		const char *text, *why;
	} v[] = {
		{PATTERN_GLOB, "{a", "\"{\" is not closed by \"}\""},
		{PATTERN_GLOB, "[a", "\"[\" is not closed by \"]\""},
		{PATTERN_GLOB, "[]", "\"[]\" holds no character"},
		{PATTERN_GLOB, "a\\", "it ends in a \"\\\" that escapes nothing"},
		{PATTERN_GLOB, "{{{{{{{{{a}}}}}}}}}", "braces are nested too deep"},
		{PATTERN_GLOB, "[z-a]", "range out of order in character class, at character 4"},
		{PATTERN_REGEX, "a(b", "missing closing parenthesis, at character 4"},
		{PATTERN_REGEX, "(?<!a)b", "\"(?<!\" is not supported"},
		{PATTERN_REGEX, "(?R)", "\"(?R\" is not supported"},
		{PATTERN_REGEX, "(*LIMIT_MATCH=1)a", "\"(*\" is not supported"},
		{PATTERN_REGEX, "\\g<0>", "\"\\g\" is not supported"},
		{PATTERN_REGEX, "a\\Kb", "\"\\K\" is not supported"},
		{PATTERN_REGEX, "(?'n'a)", "\"(?'\" is not supported"},
		{PATTERN_REGEX, "(?x) a", "\"(?x\" is not supported"},
		{PATTERN_REGEX, "[^]a]++", "\"++\" is not supported"},
		{PATTERN_REGEX, "[]a](?=b)", "\"(?=\" is not supported"},
		{PATTERN_REGEX, "a{2}+", "\"}+\" is not supported"},
		{PATTERN_REGEX, "(a)\\1", "back-references are not supported"},
		{PATTERN_REGEX, "a{1001}", "it repeats something more than 1000 times"},
		{PATTERN_REGEX, "a{2(b{50}){50}", "it repeats something more than 1000 times"},
		{PATTERN_REGEX, "[^]{x]{3,1001}", "it repeats something more than 1000 times"},
		{PATTERN_REGEX, "\\d{1001,}?", "it repeats something more than 1000 times"},
		{PATTERN_REGEX, "a{99999999999999999999}",
		 "it repeats something more than 1000 times"},
		{PATTERN_REGEX, "(?:x(ab{20}|c){10}y){6}",
		 "it repeats something more than 1000 times"},
		{PATTERN_REGEX, "\\C", "using \\C is disabled by the application, at character 3"},
	};
	static char longest[PATTERN_MAX + 2];
	char why[PATTERN_WHY_MAX];

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		assert_int_equal(pattern_check(v[i].form, v[i].text, why), -EINVAL);
		assert_string_equal(why, v[i].why);
	}
	memset(longest, '{', PATTERN_MAX + 1);
	assert_int_equal(pattern_check(PATTERN_GLOB, longest, why), -EINVAL);
	assert_string_equal(why, "it is longer than 1024 bytes");
	memset(longest, '.', PATTERN_MAX);
	longest[PATTERN_MAX] = '\0';
	assert_int_equal(pattern_check(PATTERN_GLOB, longest, why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs_match_the_whole_text),
		cmocka_unit_test(regular_expressions_are_searched_for_anywhere),
		cmocka_unit_test(hostile_text_neither_crashes_nor_hides),
		cmocka_unit_test(matching_ends_whatever_the_pattern),
		cmocka_unit_test(what_cannot_be_understood_is_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
