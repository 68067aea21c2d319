/* SPDX-License-Identifier: Apache-2.0 */
#include "language.h"

#include <stddef.h>
#include <string.h>

/* Files are called so, or so with a version behind: python3.11, php-fpm8.2. */
static const struct {
	const char *file, *language;
} table[] = {
	{"dotnet", "dotnet"}, {"java", "java"},   {"node", "nodejs"}, {"nodejs", "nodejs"},
	{"php", "php"},       {"php-cgi", "php"}, {"php-fpm", "php"}, {"pypy", "python"},
	{"python", "python"}, {"ruby", "ruby"},
};

const char *const languages_known[] = {"dotnet", "java",   "nodejs", "php",
				       "python", "ruby", NULL};

const char *language_of(const char *exe)
{
	const char *slash = strrchr(exe, '/'), *name = slash ? slash + 1 : exe;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t n = strlen(table[i].file);

		if (strncmp(name, table[i].file, n) == 0 &&
		    !name[n + strspn(name + n, "0123456789.-")])
			return table[i].language;
	}
	return "";
}
