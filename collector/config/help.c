/* SPDX-License-Identifier: Apache-2.0 */
/* --help-config: what is to be said of a key, from its row. */
#include "config.h"

#include "bind.h"

#include <errno.h>
#include <string.h>

static void put_reason(FILE *out, const struct option *o)
{
	fprintf(out, "  not supported by Keyhole%s, because %s\n", o->yet ? " yet" : "",
		o->because);
	if (o->idle && strcmp(o->idle, OPTION_ANYTHING) == 0)
		fputs("  asks for nothing, whatever it is: no line is said of it\n", out);
	else if (o->idle)
		fprintf(out, "  asks for nothing as: %s\n", o->idle);
}

static void put_words(FILE *out, const struct option *o)
{
	for (const struct option_choice *c = o->choices; c && c->name; c++) {
		if (c->because)
			fprintf(out, "  %s: not supported by Keyhole%s, because %s\n", c->name,
				c->yet ? " yet" : "", c->because);
	}
}

static void put_meaning(FILE *out, const struct option *o)
{
	char buf[300];

	fprintf(out, "  %s\n  value: %s\n", o->doc, option_expects(o, buf, sizeof(buf)));
	if (o->fallback_doc)
		fprintf(out, "  default: %s\n", o->fallback_doc);
	else if (o->fallback && *o->fallback)
		fprintf(out, "  default: %s\n", o->fallback);
	put_words(out, o);
	if (o->section)
		fprintf(out, "  more: section %s of --print-config-reference\n", o->section);
	fprintf(out, "  a change takes effect %s\n",
		o->live ? "when the file is read again" : "at the next start");
}

static void put_help(FILE *out, const struct option *o)
{
	fprintf(out, "%s\n", o->env_only ? (o->env ? o->env : o->env_plain) : o->path);
	if (o->type == OPTION_UNSUPPORTED)
		put_reason(out, o);
	else
		put_meaning(out, o);
	if (o->env)
		fprintf(out, "  variable: KEYHOLE_%s, OTEL_EBPF_%s or BEYLA_%s\n", o->env, o->env,
			o->env);
	if (o->env_plain)
		fprintf(out, "  variable: %s\n", o->env_plain);
}

static bool is_below(const char *path, const char *section)
{
	size_t n = strlen(section);

	return n == 0 || (strncmp(path, section, n) == 0 && (path[n] == '.' || !path[n]));
}

static bool is_variable(const struct option *o, const char *key)
{
	static const char *const prefixes[] = {"KEYHOLE_", "OTEL_EBPF_", "BEYLA_", ""};

	for (size_t i = 0; o->env && i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		size_t n = strlen(prefixes[i]);

		if (strncmp(key, prefixes[i], n) == 0 && strcmp(key + n, o->env) == 0)
			return true;
	}
	return o->env_plain && strcmp(key, o->env_plain) == 0;
}

static void put_nearest(FILE *out, const char *key)
{
	struct slice near;
	const char *dot = strrchr(key, '.');
	char section[BIND_PATH_MAX] = "";

	if (dot && (size_t)(dot - key) < sizeof(section))
		memcpy(section, key, (size_t)(dot - key));
	near = bind_nearest(&options_all, section, dot ? dot + 1 : key);
	if (near.p)
		fprintf(out, "%s: no such key; did you mean \"%s%s%.*s\"?\n", key, section,
			*section ? "." : "", (int)near.n, near.p);
	else
		fprintf(out, "%s: no such key; --help-config alone prints all of them\n", key);
}

int config_print_help(const char *key, FILE *out)
{
	const struct option *o;
	bool found = false;

	if (!key)
		key = "";
	for (size_t i = 0; (o = option_at(&options_all, i)); i++) {
		if (!is_below(o->path, key) && !is_variable(o, key))
			continue;
		put_help(out, o);
		found = true;
	}
	if (!found && (o = bind_find(&options_all, key))) {
		put_help(out, o);
		found = true;
	}
	if (!found)
		put_nearest(out, key);
	return found ? 0 : -ENOENT;
}
