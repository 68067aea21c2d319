/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration that counts, printed and compared. */
#include "config.h"

#include "../cleanup.h"
#include "put.h"
#include "sections.h"

#include <string.h>

struct printer {
	const struct config *config;
	FILE *out;
};

static bool counts(const struct config *config, const struct option *o, size_t i)
{
	/* Defaults of a section that is not there would make one. */
	if (!config->routes.given && strncmp(o->path, "routes.", 7) == 0)
		return false;
	return config->values[i] && o->type != OPTION_UNSUPPORTED;
}

static bool wants(void *arg, const struct option *o, size_t i)
{
	return counts(((const struct printer *)arg)->config, o, i);
}

/* ---- YAML ---- */

static void yaml_option(void *arg, const char *name, const struct option *o, size_t i,
			unsigned depth, bool first)
{
	const struct printer *p = arg;

	if (o->type == OPTION_LABELS) {
		for (const struct tree *t = p->config->values[i]->first; t; t = t->next) {
			fprintf(p->out, "%*s", (int)depth * 2, "");
			put_plain(p->out, t->key);
			fputc(':', p->out);
			put_yaml(p->out, o, t, (int)depth * 2 + 2);
		}
		return;
	}
	fprintf(p->out, "%*s%s:", (int)depth * 2, "", name);
	put_yaml(p->out, o, p->config->values[i], (int)depth * 2 + 2);
}

static void yaml_open(void *arg, const char *path, const char *name, unsigned depth, bool first)
{
	const struct printer *p = arg;

	fprintf(p->out, "%*s%s:\n", (int)depth * 2, "", name);
}

static void yaml_close(void *arg, unsigned depth)
{
}

/* What only the environment can say: a comment, so that the rest can be read as a file. */
static void yaml_variables(const struct printer *p)
{
	const struct option *o;

	for (size_t i = 0; (o = option_at(&options_all, i)); i++) {
		const struct tree *value = p->config->values[i];

		if (!o->env_only || !value || o->type == OPTION_UNSUPPORTED || o->secret)
			continue;
		fprintf(p->out, "# %s=", value->place.variable);
		put_quoted(p->out, value->text, false);
		fputc('\n', p->out);
	}
}

/* ---- JSON ---- */

static void json_option(void *arg, const char *name, const struct option *o, size_t i,
			unsigned depth, bool first)
{
	const struct printer *p = arg;

	if (o->type == OPTION_LABELS) {
		for (const struct tree *t = p->config->values[i]->first; t; t = t->next) {
			fputs(first ? "" : ",", p->out);
			put_quoted(p->out, t->key, true);
			fputc(':', p->out);
			put_json(p->out, o, t);
			first = false;
		}
		return;
	}
	fprintf(p->out, "%s\"%s\":", first ? "" : ",", name);
	put_json(p->out, o, p->config->values[i]);
}

static void json_open(void *arg, const char *path, const char *name, unsigned depth, bool first)
{
	const struct printer *p = arg;

	fprintf(p->out, "%s\"%s\":{", first ? "" : ",", name);
}

static void json_close(void *arg, unsigned depth)
{
	fputc('}', ((const struct printer *)arg)->out);
}

void config_print(const struct config *config, enum config_shown form, FILE *out)
{
	struct printer p = {config, out};
	struct sections_visitor v = {.wants = wants, .arg = &p};

	if (form == CONFIG_SHOWN_AS_JSON) {
		v.option = json_option;
		v.open = json_open;
		v.close = json_close;
		fputc('{', out);
		sections_each(&v);
		fputs("}\n", out);
	} else if (form == CONFIG_SHOWN_AS_YAML) {
		v.option = yaml_option;
		v.open = yaml_open;
		v.close = yaml_close;
		yaml_variables(&p);
		sections_each(&v);
	}
}

/* ---- comparing ---- */

/* The value as text; "" where there is none. NULL: out of memory. */
static char *value_text(const struct config *config, const struct option *o, size_t i)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		return NULL;
	if (config->values[i])
		put_json(out, o, config->values[i]);
	fclose(out);
	return text;
}

void config_compare(const struct config *before, const struct config *after,
		    void (*say)(void *arg, const char *key, bool live), void *arg)
{
	const struct option *o;

	for (size_t i = 0; (o = option_at(&options_all, i)); i++) {
		_cleanup_free_ char *old = NULL, *new = NULL;

		if (o->type == OPTION_UNSUPPORTED)
			continue;
		old = value_text(before, o, i);
		new = value_text(after, o, i);
		if (old && new && strcmp(old, new) != 0)
			say(arg, o->path, o->live);
	}
}
