/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/language.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void interpreters_and_machines_are_known_by_their_names(void **state)
{
	static const struct {
		const char *exe, *language;
	} rows[] = {
		{"/usr/lib/jvm/java-17-openjdk-amd64/bin/java", "java"},
		{"/usr/local/bin/node", "nodejs"},
		{"nodejs", "nodejs"},
		{"/usr/bin/python3.11", "python"},
		{"/usr/bin/python2", "python"},
		{"pypy3", "python"},
		{"/usr/local/bin/ruby3.1", "ruby"},
		{"/usr/sbin/php-fpm8.2", "php"},
		{"/usr/bin/php8.2", "php"},
		{"/usr/bin/php-cgi", "php"},
		{"/usr/share/dotnet/dotnet", "dotnet"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(language_of(rows[i].exe), rows[i].language);
}

static void of_other_programs_nothing_is_said(void **state)
{
	static const char *const exes[] = {"",
					   "/",
					   "/usr/sbin/nginx",
					   "/app/server",
					   "/usr/bin/nodepad",
					   "/usr/bin/javac",
					   "/java/bin/agent",
					   "/usr/bin/phpunit",
					   "pythonista",
					   "/node/",
					   "rubyx1"};

	for (size_t i = 0; i < sizeof(exes) / sizeof(*exes); i++)
		assert_string_equal(language_of(exes[i]), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interpreters_and_machines_are_known_by_their_names),
		cmocka_unit_test(of_other_programs_nothing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
