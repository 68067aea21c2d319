/* SPDX-License-Identifier: Apache-2.0 */
/* Globs on the path of each exchange mean what the globs of pattern.h mean. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "service/glob.h"

#include <errno.h>
#include <stdlib.h>

static struct glob *glob_of(const char *text)
{
	char why[PATTERN_WHY_MAX];
	struct glob *glob;

	assert_int_equal(glob_new(&glob, text, why), 0);
	return glob;
}

static void globs_match_the_whole_text(void **state)
{
	static const struct {
		const char *glob, *text;
		bool match;
	} v[] = {
		{"", "", true},
		{"", "a", false},
		{"a", "", false},
		{"*", "", true},
		{"*", "a/b", true},
		{"a*", "abc", true},
		{"a*", "bac", false},
		{"*.png", "x.png", true},
		{"*.png", "x.png.gz", false},
		{"*a*b*c", "xxaxbxbxc", true},
		{"*a*b*c", "xxaxcxb", false},
		{"/users/?", "/users/1", true},
		{"/users/?", "/users/", false},
		{"/users/?", "/users/12", false},
		{"?", "\xc3\xa9", true},
		{"*?", "\xc3\xa9", true},
		{"??", "\xc3\xa9", false},
		{"[a-c]", "b", true},
		{"[a-c]", "d", false},
		{"[!a-c]", "d", true},
		{"[^a-c]", "a", false},
		{"[\xc3\xa0-\xc3\xbf]", "\xc3\xa9", true},
		{"[a-]", "-", true},
		{"[\\]]", "]", true},
		{"{a,b*,}c", "c", true},
		{"{a,b*,}c", "bxc", true},
		{"{a,b*,}c", "bc", true},
		{"{a,b*,}c", "dc", false},
		{"{a,{b,c}d}e{f,g}", "cdeg", true},
		{"{a,{b,c}d}e{f,g}", "bef", false},
		{"[{]a[}]", "{a}", true},
		{"\\{a,b\\}", "{a,b}", true},
		{"a}", "a}", true},
		{"a,b", "a,b", true},
		{"\\*", "*", true},
		{"\\*", "x", false},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct glob *glob = glob_of(v[i].glob);

		if (glob_match(glob, slice_of(v[i].text)) != v[i].match)
			fail_msg("%s on %s is not %d", v[i].glob, v[i].text, v[i].match);
		glob_free(glob);
	}
}

static const char letters[] = "ab*?[]{},-!\\";

static char *any_text(char *buf, size_t max, size_t alphabet)
{
	size_t n = (size_t)rand() % max;

	for (size_t i = 0; i < n; i++)
		buf[i] = letters[(size_t)rand() % alphabet];
	buf[n] = '\0';
	return buf;
}

static void compare(const char *text, struct pattern *pattern, struct pattern_scratch *scratch)
{
	struct glob *glob = glob_of(text);
	char subject[10];

	for (int i = 0; i < 12; i++) {
		bool want = pattern_match(pattern, scratch,
					  slice_of(any_text(subject, sizeof(subject), 2)));

		if (glob_match(glob, slice_of(subject)) != want)
			fail_msg("%s on %s is not %d", text, subject, want);
	}
	glob_free(glob);
}

static void they_mean_what_the_globs_of_selectors_mean(void **state)
{
	struct pattern_scratch *scratch = pattern_scratch_new();
	char text[14], why[PATTERN_WHY_MAX];
	unsigned good = 0;

	srand(5);
	for (int i = 0; i < 20000; i++) {
		struct pattern *pattern;

		any_text(text, sizeof(text), sizeof(letters) - 1);
		if (pattern_new(&pattern, PATTERN_GLOB, text, why) < 0)
			continue;
		good++;
		compare(text, pattern, scratch);
		pattern_free(pattern);
	}
	assert_true(good > 5000);
	pattern_scratch_free(scratch);
}

static void bad_globs_are_refused_with_a_reason(void **state)
{
	static const char *const v[][2] = {
		{"{a", "\"{\" is not closed by \"}\""},
		{"[a", "\"[\" is not closed by \"]\""},
		{"{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", "its braces come to more than 64 patterns"},
	};
	char why[PATTERN_WHY_MAX];
	struct glob *glob;

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		assert_int_equal(glob_new(&glob, v[i][0], why), -EINVAL);
		assert_string_equal(why, v[i][1]);
	}
}

/* Quadratic at worst: a regular expression would take forever, or give up. */
static void hostile_text_costs_no_more_than_pattern_times_text(void **state)
{
	struct glob *glob = glob_of("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b");
	char text[4096];

	memset(text, 'a', sizeof(text));
	assert_false(glob_match(glob, (struct slice){text, sizeof(text)}));
	glob_free(glob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs_match_the_whole_text),
		cmocka_unit_test(they_mean_what_the_globs_of_selectors_mean),
		cmocka_unit_test(bad_globs_are_refused_with_a_reason),
		cmocka_unit_test(hostile_text_costs_no_more_than_pattern_times_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
