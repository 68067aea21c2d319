/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <unistd.h>

#define LOG_MODULE "test"

static int real_stderr, capture[2];
static char line[4096];

static int setup(void **state)
{
	real_stderr = dup(STDERR_FILENO);
	if (pipe2(capture, O_NONBLOCK) < 0)
		return -1;
	log_set_level(LOG_LEVEL_INFO);
	return dup2(capture[1], STDERR_FILENO) < 0;
}

static int teardown(void **state)
{
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(capture[0]);
	close(capture[1]);
	return 0;
}

static const char *logged(void)
{
	ssize_t n = read(capture[0], line, sizeof(line) - 1);

	line[n > 0 ? n : 0] = '\0';
	return line;
}

static void a_line_has_time_level_module_and_message(void **state)
{
	regex_t shape;

	log_warn("cannot read %s", "x");
	assert_int_equal(regcomp(&shape,
				 "^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:"
				 "[0-6][0-9]\\.[0-9]{3}Z warn test: cannot read x\n$",
				 REG_EXTENDED),
			 0);
	assert_int_equal(regexec(&shape, logged(), 0, NULL, 0), 0);
	regfree(&shape);
}

static void as_json_a_line_is_an_object(void **state)
{
	regex_t shape;

	log_set_format(LOG_JSON);
	log_warn("say \"%s\" \\ \n \xc3\xa4", "x");
	log_set_format(LOG_TEXT);
	assert_int_equal(
		regcomp(&shape,
			"^\\{\"time\":\"20[^\"]*Z\",\"level\":\"warn\",\"module\":\"test\","
			"\"message\":\"say \\\\\"x\\\\\" \\\\\\\\ \\? \\?\\?\"\\}\n$",
			REG_EXTENDED),
		0);
	assert_int_equal(regexec(&shape, logged(), 0, NULL, 0), 0);
	regfree(&shape);
}

static void a_long_message_is_cut_within_its_json(void **state)
{
	char text[3000];
	size_t n;

	for (int quotes = 0; quotes < 2; quotes++) {
		memset(text, quotes ? '"' : 'x', sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		log_set_format(LOG_JSON);
		log_warn("%s", text);
		log_set_format(LOG_TEXT);
		n = strlen(logged());
		assert_true(n <= 1024);
		assert_string_equal(line + n - 6, "...\"}\n");
	}
}

static void less_important_lines_than_the_level_are_not_printed(void **state)
{
	log_debug("no");
	assert_string_equal(logged(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("yes");
	assert_non_null(strstr(logged(), "debug test: yes\n"));
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("no");
	assert_string_equal(logged(), "");
}

static void a_long_message_is_cut_and_stays_one_line(void **state)
{
	char longer[3000];

	memset(longer, 'x', sizeof(longer));
	log_info("%.*s", (int)sizeof(longer), longer);
	assert_true(strlen(logged()) <= 1024);
	assert_string_equal(line + strlen(line) - 4, "...\n");
}

static void control_characters_cannot_forge_a_line(void **state)
{
	log_info("%s", "a\nb\x1b[31m\r");
	assert_non_null(strstr(logged(), "test: a?b?[31m?\n"));
}

static void errno_survives_and_m_works(void **state)
{
	errno = ENOENT;
	log_info("%m");
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(logged(), "No such file"));
}

static void hostile_text_is_quoted_and_escaped(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		const char *out;
	} cases[] = {
		{"", 0, "\"\""},
		{"plain text", 10, "\"plain text\""},
		{"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
		{"\n\x1b\0\x7f", 4, "\"\\x0a\\x1b\\x00\\x7f\""},
		{"\xe2\x80\xae", 3, "\"\\xe2\\x80\\xae\""}, /* right-to-left override */
	};
	char buf[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(log_text((struct slice){cases[i].in, cases[i].n}, buf, 64),
				    cases[i].out);
}

static void text_that_does_not_fit_ends_in_dots_and_whole_escapes(void **state)
{
	char buf[12];

	assert_string_equal(log_text(slice_of("123456789"), buf, 12), "\"123456789\"");
	assert_string_equal(log_text(slice_of("1234567890"), buf, 12), "\"123456...\"");
	assert_string_equal(log_text(slice_of("12345\n890"), buf, 12), "\"12345...\"");
}

static void every_size_from_eight_is_respected(void **state)
{
	char buf[64];

	for (size_t size = 8; size < 40; size++) {
		for (size_t n = 0; n < 40; n++) {
			char text[40];

			memset(text, n % 3 ? 'x' : '\n', n);
			memset(buf, '#', sizeof(buf));
			log_text((struct slice){text, n}, buf, size);
			assert_true(strlen(buf) < size);
			assert_int_equal(buf[strlen(buf) - 1], '"');
			assert_int_equal(buf[size], '#');
		}
	}
}

static void levels_are_read_in_any_case(void **state)
{
	enum log_level level;

	assert_int_equal(log_level_parse(slice_of("WARNING"), &level), 0);
	assert_int_equal(level, LOG_LEVEL_WARN);
	assert_int_equal(log_level_parse(slice_of("Debug"), &level), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse(slice_of("err"), &level), -EINVAL);
	assert_int_equal(log_level_parse(slice_of(""), &level), -EINVAL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_line_has_time_level_module_and_message),
		T(as_json_a_line_is_an_object),
		T(a_long_message_is_cut_within_its_json),
		T(less_important_lines_than_the_level_are_not_printed),
		T(a_long_message_is_cut_and_stays_one_line),
		T(control_characters_cannot_forge_a_line),
		T(errno_survives_and_m_works),
		T(hostile_text_is_quoted_and_escaped),
		T(text_that_does_not_fit_ends_in_dots_and_whole_escapes),
		T(every_size_from_eight_is_respected),
		T(levels_are_read_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
