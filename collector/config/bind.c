/* SPDX-License-Identifier: Apache-2.0 */
#include "bind.h"

#include "expand.h"
#include "nearest.h"

#include <stdio.h>

/* Strongest first. */
static const char *const prefixes[] = {"KEYHOLE_", "OTEL_EBPF_", "BEYLA_"};

#define PREFIXES (sizeof(prefixes) / sizeof(*prefixes))

/* ---- keys ---- */

static const struct option *find_option(const struct option_table *table, const char *path)
{
	for (size_t i = 0; i < table->n; i++) {
		if (!table->options[i].env_only && strcmp(table->options[i].path, path) == 0)
			return &table->options[i];
	}
	return NULL;
}

/* What follows `section` and a dot in `path`; "" is followed by all. NULL: it does not begin so. */
static const char *below(const char *path, const char *section)
{
	size_t n = strlen(section);

	if (n == 0)
		return path;
	return strncmp(path, section, n) == 0 && path[n] == '.' ? path + n + 1 : NULL;
}

/* The next word of a list parted by spaces. */
static struct slice next_word(const char **list)
{
	struct slice word = {*list, strcspn(*list, " ")};

	*list += word.n;
	*list += strspn(*list, " ");
	return word;
}

/* Only the table of all options has keys that come later. */
static bool is_later(const struct option_table *table, const char *path)
{
	for (size_t i = 0; i < options_later_count && table == &options_all; i++) {
		const char *key = below(path, options_later[i].section);
		const char *list = options_later[i].keys;

		while (key && *list) {
			struct slice word = next_word(&list);

			if (slice_is(word, key) || slice_is(word, "*"))
				return true;
		}
	}
	return false;
}

bool bind_is_section(const struct option_table *table, const char *path)
{
	for (size_t i = 0; i < table->n; i++) {
		if (below(table->options[i].path, path))
			return true;
	}
	for (size_t i = 0; i < options_later_count && table == &options_all; i++) {
		const char *section = options_later[i].section;

		if (*section && (strcmp(section, path) == 0 || below(section, path)))
			return true;
	}
	return false;
}

struct wanted {
	struct slice key, best;
	unsigned distance;
};

/* A key that is there: `rest` of a path, or the first part of it. */
static void offer(struct wanted *w, const char *rest)
{
	if (!rest || !*rest)
		return;
	nearest_offer(w->key, (struct slice){rest, strcspn(rest, ".")}, &w->best, &w->distance);
	nearest_offer(w->key, slice_of(rest), &w->best, &w->distance);
}

static struct slice nearest_key(const struct option_table *table, const char *section,
				const char *key)
{
	struct wanted w = {.key = slice_of(key)};

	for (size_t i = 0; i < table->n; i++) {
		if (!table->options[i].env_only)
			offer(&w, below(table->options[i].path, section));
	}
	for (size_t i = 0; i < options_later_count && table == &options_all; i++) {
		const char *list = options_later[i].keys;

		offer(&w, below(options_later[i].section, section));
		while (strcmp(options_later[i].section, section) == 0 && *list)
			nearest_offer(w.key, next_word(&list), &w.best, &w.distance);
	}
	return w.best;
}

/* The option elsewhere whose last part is this key: somebody indented too much or too little. */
static const char *same_key_elsewhere(const struct option_table *table, const char *key)
{
	for (size_t i = 0; i < table->n; i++) {
		const char *dot = strrchr(table->options[i].path, '.');

		if (dot && strcmp(dot + 1, key) == 0)
			return table->options[i].path;
	}
	return NULL;
}

static void unknown_key(struct binding *b, const struct option_table *table, const char *section,
			const struct tree *node)
{
	struct slice near = nearest_key(table, section, node->key);
	const char *elsewhere = same_key_elsewhere(table, node->key);
	char shown[80];

	log_text(slice_of(node->key), shown, sizeof(shown));
	if (near.p)
		note_error(b->notes, &node->key_place, "unknown key %s; did you mean \"%.*s\"?",
			   shown, (int)near.n, near.p);
	else if (elsewhere)
		note_error(b->notes, &node->key_place, "unknown key %s here; did you mean \"%s\"?",
			   shown, elsewhere);
	else
		note_error(b->notes, &node->key_place,
			   "unknown key %s; the reference page lists all keys "
			   "(--print-config-reference)",
			   shown);
}

static void bind_key(struct binding *b, const struct option_table *table, const char *section,
		     const struct tree *node, void *base)
{
	const struct option *option;
	char path[BIND_PATH_MAX];
	int n;

	n = snprintf(path, sizeof(path), "%s%s%s", section, *section ? "." : "", node->key);
	if ((size_t)n >= sizeof(path)) {
		unknown_key(b, table, section, node);
		return;
	}
	option = find_option(table, path);
	if (option)
		bind_value(b, option, node, base);
	else if (bind_is_section(table, path) && node->kind == TREE_MAP)
		bind_map(b, table, path, node, base);
	else if (bind_is_section(table, path) && node->kind != TREE_NULL)
		note_error(b->notes, &node->place, "%s: expected a map of keys, found %s", path,
			   tree_kind_name(node));
	else if (is_later(table, path))
		note_warn(b->notes, &node->key_place, "%s: accepted, but not yet in effect", path);
	else if (!bind_is_section(table, path))
		unknown_key(b, table, section, node);
}

void bind_map(struct binding *b, const struct option_table *table, const char *path,
	      const struct tree *map, void *base)
{
	for (const struct tree *node = map->first; node; node = node->next)
		bind_key(b, table, path, node, base);
}

void bind_defaults(struct binding *b, const struct option_table *table, void *base)
{
	for (size_t i = 0; i < table->n; i++) {
		struct tree value = {.kind = TREE_TEXT,
				     .text = table->options[i].fallback,
				     .place = {.variable = "(default)"}};

		if (value.text)
			bind_value(b, &table->options[i], &value, base);
	}
}

/* ---- environment ---- */

/*
 * Kubernetes gives each pod variables of each Service of its namespace: one named "keyhole" makes
 * KEYHOLE_PORT=tcp://10.0.0.1:80, KEYHOLE_SERVICE_HOST and more. They are not meant for us.
 */
static bool is_service_link(struct slice name, const char *value)
{
	static const char *const ends[] = {"_SERVICE_HOST", "_SERVICE_PORT", "_ADDR",
					   "_PROTO",        "_TCP_PORT",     "_UDP_PORT"};

	if (!strncmp(value, "tcp://", 6) || !strncmp(value, "udp://", 6) ||
	    !strncmp(value, "sctp://", 7) || memmem(name.p, name.n, "_SERVICE_PORT_", 14))
		return true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t n = strlen(ends[i]);

		if (name.n > n && memcmp(name.p + name.n - n, ends[i], n) == 0)
			return true;
	}
	return false;
}

static void bind_variable(struct binding *b, const struct option *option, const char *name,
			  const char *value, void *base)
{
	struct tree node = {.kind = TREE_TEXT};

	node.place.variable = arena_text(b->arena, name, strlen(name));
	node.text = arena_text(b->arena, value, strlen(value));
	if (node.text && node.place.variable)
		bind_value(b, option, &node, base);
}

/* Empty variables are as good as unset ones (OpenTelemetry's rule for the environment). */
static bool bind_named(struct binding *b, const struct option *option, const char *prefix,
		       const char *suffix, char *const *environment, void *base)
{
	char name[100];
	const char *value;
	int n = snprintf(name, sizeof(name), "%s%s", prefix, suffix);

	value = expand_lookup(environment, (struct slice){name, (size_t)n});
	if (!value || !*value || is_service_link((struct slice){name, (size_t)n}, value))
		return false;
	bind_variable(b, option, name, value, base);
	return true;
}

static bool is_known(const struct option_table *table, struct slice suffix)
{
	if (slice_is(suffix, "CONFIG_PATH"))
		return true;
	for (size_t i = 0; i < table->n; i++) {
		if (table->options[i].env && slice_is(suffix, table->options[i].env))
			return true;
	}
	return false;
}

static void unknown_variable(struct binding *b, const struct option_table *table, struct slice name,
			     size_t prefix, const char *value)
{
	struct wanted w = {.key = {name.p + prefix, name.n - prefix}};
	char shown[100];
	struct place place = {.variable = shown};

	if (!*value || is_known(table, w.key) || is_service_link(name, value))
		return;
	for (size_t i = 0; i < table->n; i++) {
		if (table->options[i].env)
			nearest_offer(w.key, slice_of(table->options[i].env), &w.best, &w.distance);
	}
	snprintf(shown, sizeof(shown), "%.*s", (int)name.n, name.p);
	if (w.best.p)
		note_warn(b->notes, &place, "not known, has no effect; did you mean \"%.*s%.*s\"?",
			  (int)prefix, name.p, (int)w.best.n, w.best.p);
	else
		note_warn(b->notes, &place, "not known, has no effect");
}

static void look_for_unknown(struct binding *b, const struct option_table *table,
			     char *const *environment)
{
	for (; *environment; environment++) {
		struct slice name = {*environment, strcspn(*environment, "=")};

		for (size_t i = 0; i < PREFIXES; i++) {
			size_t n = strlen(prefixes[i]);

			if (name.n > n && memcmp(name.p, prefixes[i], n) == 0 && name.p[name.n])
				unknown_variable(b, table, name, n, name.p + name.n + 1);
		}
	}
}

void bind_environment(struct binding *b, const struct option_table *table, char *const *environment,
		      void *base)
{
	if (!environment)
		return;
	for (size_t i = 0; i < table->n; i++) {
		const struct option *o = &table->options[i];
		bool found = false;

		for (size_t j = 0; j < PREFIXES && o->env && !found; j++)
			found = bind_named(b, o, prefixes[j], o->env, environment, base);
		if (!found && o->env_plain)
			bind_named(b, o, "", o->env_plain, environment, base);
	}
	look_for_unknown(b, table, environment);
}
