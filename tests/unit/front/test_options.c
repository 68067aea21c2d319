/* SPDX-License-Identifier: Apache-2.0 */
/* The collector's command line. */
#include "collector/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct options o;
static char said[512]; /* on standard error by the last parse() */

#define ARGS_MAX 8

static int parse(const char *first, ...)
{
	char *argv[ARGS_MAX] = {"keyhole-collector"};
	int argc = 1, r, keep = dup(2);
	FILE *f = tmpfile();
	va_list args;
	size_t n;

	va_start(args, first);
	for (; first && argc < ARGS_MAX; first = va_arg(args, const char *))
		argv[argc++] = (char *)first;
	va_end(args);
	dup2(fileno(f), 2);
	r = options_parse(&o, argc, argv);
	dup2(keep, 2);
	close(keep);
	rewind(f);
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = 0;
	fclose(f);
	return r;
}

static void refused(const char *option, const char *why)
{
	assert_int_equal(parse(option, NULL), -EINVAL);
	assert_non_null(strstr(said, why));
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1); /* one line */
}

static void without_arguments_all_is_left_to_the_configuration(void **state)
{
	static const struct options nothing;

	assert_int_equal(parse(NULL), 0);
	assert_memory_equal(&o, &nothing, sizeof(o));
}

static void a_value_follows_an_equals_sign_or_is_the_next_argument(void **state)
{
	assert_int_equal(parse("--config=/a", "--socket", "/b", "--user", "7", NULL), 0);
	assert_string_equal(o.config, "/a");
	assert_string_equal(o.socket, "/b");
	assert_int_equal(o.user, 7);
}

static void flags_are_set_each_by_its_name(void **state)
{
	assert_int_equal(parse("--no-sandbox", "--check-config", "--version", "--help",
			       "--print-config-reference", NULL),
			 0);
	assert_true(o.no_sandbox && o.check_config && o.version && o.help && o.print_reference);
	assert_false(o.print_metrics);
}

static void a_value_that_may_be_left_out_is_no_other_option(void **state)
{
	assert_int_equal(parse("--check-config", "/c.yml", "--help-config=routes", NULL), 0);
	assert_string_equal(o.check_config, "/c.yml");
	assert_string_equal(o.help_config, "routes");
	assert_int_equal(parse("--check-config", "--config", "/c.yml", "--help-config", NULL), 0);
	assert_string_equal(o.check_config, "");
	assert_string_equal(o.config, "/c.yml");
	assert_string_equal(o.help_config, "");
	assert_int_equal(parse("--print-config-schema", NULL), 0);
	assert_true(o.print_schema);
	assert_null(o.check_config);
}

static void a_user_is_a_uid_that_is_not_root(void **state)
{
	static const char *const bad[] = {"--user=",           "--user=0",
					  "--user=-1",         "--user=+1",
					  "--user= 1",         "--user=1x",
					  "--user=nobody",     "--user=4294967295",
					  "--user=4294967296", "--user=18446744073709551617"};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i], "must be a uid from 1 to 4294967294");
	assert_int_equal(parse("--user=4294967294", NULL), 0);
	assert_int_equal(o.user, 4294967294u);
}

static void mistakes_are_named(void **state)
{
	refused("--konfig=/a", "--konfig=/a: no such option");
	refused("--conf", "--conf: no such option");
	refused("config", "config: no such option");
	refused("", "no such option");
	refused("-", "-: no such option");
	refused("--", "--: no such option");
	refused("--=x", "no such option");
	refused("--config", "--config: needs a value");
	refused("--config=", "must not be empty");
	refused("--help=yes", "takes no value");
}

static void a_tape_is_written_or_read_but_not_both(void **state)
{
	assert_int_equal(parse("--record=a", NULL), 0);
	assert_int_equal(parse("--replay=a", "--print-metrics", NULL), 0);
	assert_int_equal(parse("--record=a", "--replay=b", NULL), -EINVAL);
	assert_non_null(strstr(said, "exclude each other"));
	assert_int_equal(parse("--print-metrics", NULL), -EINVAL);
	assert_non_null(strstr(said, "goes with --replay"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_arguments_all_is_left_to_the_configuration),
		cmocka_unit_test(a_value_follows_an_equals_sign_or_is_the_next_argument),
		cmocka_unit_test(flags_are_set_each_by_its_name),
		cmocka_unit_test(a_value_that_may_be_left_out_is_no_other_option),
		cmocka_unit_test(a_user_is_a_uid_that_is_not_root),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(a_tape_is_written_or_read_but_not_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
