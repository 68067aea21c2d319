/* SPDX-License-Identifier: Apache-2.0 */
#include "sections.h"

#include <stdio.h>
#include <string.h>

#define PATH_MAX_BYTES 256

/* What follows "section." in the path; NULL: it is not below. */
static const char *below(const struct option *o, const char *section, size_t n)
{
	if (n == 0)
		return o->path;
	return strncmp(o->path, section, n) == 0 && o->path[n] == '.' ? o->path + n + 1 : NULL;
}

static bool is_key(const struct option *o, const char *rest)
{
	unsigned dots = 0;

	for (; *rest; rest++)
		dots += *rest == '.';
	return dots == o->key_dots;
}

static bool wanted(const struct sections_visitor *v, const struct option *o, size_t i)
{
	return !o->env_only && v->wants(v->arg, o, i);
}

/* Was a row of the section path[0..n) met before row `end`? */
static bool was_met(const struct sections_visitor *v, const char *path, size_t n, size_t end)
{
	for (size_t i = 0; i < end; i++) {
		const struct option *o = option_at(&options_all, i);
		const char *rest = wanted(v, o, i) ? below(o, path, n) : NULL;

		if (rest)
			return true;
	}
	return false;
}

static void each(const struct sections_visitor *v, const char *section, unsigned depth)
{
	size_t n = strlen(section);
	const struct option *o;
	bool first = true;

	for (size_t i = 0; (o = option_at(&options_all, i)); i++) {
		const char *rest = wanted(v, o, i) ? below(o, section, n) : NULL;
		char path[PATH_MAX_BYTES], name[PATH_MAX_BYTES];
		size_t end;

		if (!rest)
			continue;
		if (is_key(o, rest)) {
			v->option(v->arg, rest, o, i, depth, first);
			first = false;
			continue;
		}
		end = (size_t)(rest - o->path) + strcspn(rest, ".");
		if (was_met(v, o->path, end, i))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(rest, "."), rest);
		snprintf(path, sizeof(path), "%.*s", (int)end, o->path);
		v->open(v->arg, path, name, depth, first);
		each(v, path, depth + 1);
		v->close(v->arg, depth);
		first = false;
	}
}

void sections_each(const struct sections_visitor *visitor)
{
	each(visitor, "", 0);
}
