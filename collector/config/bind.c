/* SPDX-License-Identifier: Apache-2.0 */
#include "bind.h"

#include "expand.h"
#include "nearest.h"

#include <stdio.h>

/* Strongest first. */
static const char *const prefixes[] = {"KEYHOLE_", "OTEL_EBPF_", "BEYLA_"};

#define PREFIXES (sizeof(prefixes) / sizeof(*prefixes))

/* ---- keys ---- */

/* "section.*" of a row: every key of that section. */
static bool is_any_of(const char *row, const char *path)
{
	size_t n = strlen(row);

	return n > 2 && strcmp(row + n - 2, ".*") == 0 && strncmp(row, path, n - 1) == 0;
}

const struct option *bind_find(const struct option_table *table, const char *path)
{
	const struct option *o, *any = NULL;

	for (size_t i = 0; (o = option_at(table, i)); i++) {
		if (!o->env_only && strcmp(o->path, path) == 0)
			return o;
		if (!any && !o->env_only && is_any_of(o->path, path))
			any = o;
	}
	return any;
}

/* What follows `section` and a dot in `path`; "" is followed by all. NULL: it does not begin so. */
static const char *below(const char *path, const char *section)
{
	size_t n = strlen(section);

	if (n == 0)
		return path;
	return strncmp(path, section, n) == 0 && path[n] == '.' ? path + n + 1 : NULL;
}

bool bind_is_section(const struct option_table *table, const char *path)
{
	const struct option *o;

	for (size_t i = 0; (o = option_at(table, i)); i++) {
		if (!o->env_only && below(o->path, path))
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

struct slice bind_nearest(const struct option_table *table, const char *section, const char *key)
{
	struct wanted w = {.key = slice_of(key)};
	const struct option *o;

	for (size_t i = 0; (o = option_at(table, i)); i++) {
		if (!o->env_only)
			offer(&w, below(o->path, section));
	}
	return w.best;
}

/* The option elsewhere whose last part is this key: somebody indented too much or too little. */
static const char *same_key_elsewhere(const struct option_table *table, const char *key)
{
	const struct option *o;

	for (size_t i = 0; (o = option_at(table, i)); i++) {
		const char *dot = strrchr(o->path, '.');

		if (dot && strcmp(dot + 1, key) == 0)
			return o->path;
	}
	return NULL;
}

#define KEYS_SHOWN_MAX 4

/* The keys of a section that has few of them, with commas; "" if it has more. Returns buf. */
static const char *few_keys(const struct option_table *table, const char *section, char *buf,
			    size_t size)
{
	const struct option *o;
	unsigned keys = 0;
	size_t n = 0;

	*buf = '\0';
	for (size_t i = 0; *section && (o = option_at(table, i)); i++) {
		const char *rest = o->env_only ? NULL : below(o->path, section);

		if (!rest)
			continue;
		if (strchr(rest, '.') || ++keys > KEYS_SHOWN_MAX || n >= size) {
			*buf = '\0';
			return buf;
		}
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", rest);
	}
	return buf;
}

static void unknown_key(struct binding *b, const struct option_table *table, const char *section,
			const struct tree *node)
{
	const char *elsewhere, *few;
	char shown[80], keys[200];
	struct slice near;

	/* Those that are only counted need no advice, which takes its time. */
	if (b->notes->errors >= NOTE_ERRORS_MAX) {
		note_error(b->notes, &node->key_place, "unknown key");
		return;
	}
	near = bind_nearest(table, section, node->key);
	elsewhere = same_key_elsewhere(table, node->key);
	few = few_keys(table, section, keys, sizeof(keys));
	log_text(slice_of(node->key), shown, sizeof(shown));
	if (near.p)
		note_error(b->notes, &node->key_place, "unknown key %s; did you mean \"%.*s\"?",
			   shown, (int)near.n, near.p);
	else if (elsewhere)
		note_error(b->notes, &node->key_place, "unknown key %s here; did you mean \"%s\"?",
			   shown, elsewhere);
	else if (*few)
		note_error(b->notes, &node->key_place, "unknown key %s; %s has only: %s", shown,
			   section, few);
	else
		note_error(b->notes, &node->key_place,
			   "unknown key %s; the reference page lists all keys "
			   "(--print-config-reference)",
			   shown);
}

/* Of a row for every key: each key's value in one map, as it could stand in a file. */
static void keep_member(struct binding *b, const struct tree **kept, const struct tree *value)
{
	struct tree *copy = arena_take(b->arena, sizeof(*copy));
	struct tree *map = (struct tree *)*kept, **end;

	if (!map) {
		*kept = map = arena_take(b->arena, sizeof(*map));
		if (map)
			map->kind = TREE_MAP;
	}
	if (!map || !copy)
		return;
	*copy = *value;
	copy->next = NULL;
	for (end = &map->first; *end; end = &(*end)->next)
		;
	*end = copy;
}

/* The value that counts so far: `effective.c` prints it, a reload compares it. */
static void keep_value(struct binding *b, const struct option_table *table,
		       const struct option *option, const struct tree *value)
{
	const struct option *o;

	if (table != &options_all || value->kind == TREE_NULL)
		return;
	for (size_t i = 0; (o = option_at(table, i)); i++) {
		if (o == option && o->type == OPTION_LABELS)
			keep_member(b, &b->values[i], value);
		else if (o == option)
			b->values[i] = value;
	}
}

/* `path` as it was written: a row may stand for many. */
static void bind_option(struct binding *b, const struct option_table *table,
			const struct option *option, const char *path, const struct tree *value,
			void *base)
{
	unsigned errors = b->notes->errors;
	struct option as_written = *option;

	as_written.path = path;
	if (option->type == OPTION_UNSUPPORTED)
		bind_unsupported(b, option, path, value);
	else if (option->type == OPTION_LABELS)
		bind_value(b, &as_written, value, base);
	else
		bind_value(b, option, value, base);
	if (b->notes->errors == errors)
		keep_value(b, table, option, value);
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
	option = bind_find(table, path);
	/* A row for every key of a section does not hide the sections in it. */
	if (option && strcmp(option->path, path) != 0 && bind_is_section(table, path))
		option = NULL;
	if (option)
		bind_option(b, table, option, path, node, base);
	else if (!bind_is_section(table, path))
		unknown_key(b, table, section, node);
	else if (node->kind == TREE_MAP)
		bind_map(b, table, path, node, base);
	else if (node->kind != TREE_NULL)
		note_error(b->notes, &node->place, "%s: expected a map of keys, found %s", path,
			   tree_kind_name(node));
}

void bind_map(struct binding *b, const struct option_table *table, const char *path,
	      const struct tree *map, void *base)
{
	for (const struct tree *node = map->first; node; node = node->next)
		bind_key(b, table, path, node, base);
}

void bind_defaults(struct binding *b, const struct option_table *table, void *base)
{
	const struct option *o;

	for (size_t i = 0; (o = option_at(table, i)); i++) {
		struct tree *value = o->fallback ? arena_take(b->arena, sizeof(*value)) : NULL;

		if (!value)
			continue;
		*value = (struct tree){
			.kind = TREE_TEXT, .text = o->fallback, .place = {.variable = "(default)"}};
		bind_option(b, table, o, o->path, value, base);
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

static void bind_variable(struct binding *b, const struct option_table *table,
			  const struct option *option, struct slice name, const char *value,
			  void *base)
{
	struct tree *node = arena_take(b->arena, sizeof(*node));
	const char *variable = arena_text(b->arena, name.p, name.n);

	if (!node || !variable)
		return;
	*node = (struct tree){.kind = TREE_TEXT, .place = {.variable = variable}};
	node->text = arena_text(b->arena, value, strlen(value));
	if (node->text)
		bind_option(b, table, option, option->env_only ? variable : option->path, node,
			    base);
}

/* Empty variables are as good as unset ones (OpenTelemetry's rule for the environment). */
static bool bind_named(struct binding *b, const struct option_table *table,
		       const struct option *option, const char *prefix, const char *suffix,
		       char *const *environment, void *base)
{
	char text[100];
	const char *value;
	int n = snprintf(text, sizeof(text), "%s%s", prefix, suffix);
	struct slice name = {text, (size_t)n};

	value = expand_lookup(environment, name);
	if (!value || !*value || is_service_link(name, value))
		return false;
	bind_variable(b, table, option, name, value, base);
	return true;
}

/* "X_*" is never named exactly, as no variable is called so. */
static const struct option *find_variable(const struct option_table *table, struct slice suffix)
{
	const struct option *o, *any = NULL;

	for (size_t i = 0; (o = option_at(table, i)); i++) {
		size_t n = o->env ? strlen(o->env) : 0;

		if (n > 0 && slice_is(suffix, o->env))
			return o;
		if (n > 0 && o->env[n - 1] == '*' && suffix.n >= n - 1 &&
		    memcmp(suffix.p, o->env, n - 1) == 0)
			any = o;
	}
	return any;
}

static void say_unknown(struct binding *b, const struct option_table *table, struct slice name,
			size_t prefix)
{
	struct wanted w = {.key = {name.p + prefix, name.n - prefix}};
	char shown[100];
	struct place place = {.variable = shown};
	const struct option *o;

	for (size_t i = 0; (o = option_at(table, i)); i++) {
		if (o->env && o->type != OPTION_UNSUPPORTED)
			nearest_offer(w.key, slice_of(o->env), &w.best, &w.distance);
	}
	snprintf(shown, sizeof(shown), "%.*s", (int)name.n, name.p);
	if (w.best.p)
		note_warn(b->notes, &place, "not known, has no effect; did you mean \"%.*s%.*s\"?",
			  (int)prefix, name.p, (int)w.best.n, w.best.p);
	else
		note_warn(b->notes, &place, "not known, has no effect");
}

/* Variables that are no row's own: those of a row for many, and misspelt ones. */
static void look_for_others(struct binding *b, const struct option_table *table,
			    char *const *environment, void *base)
{
	for (; *environment; environment++) {
		struct slice name = {*environment, strcspn(*environment, "=")};
		const char *value = name.p[name.n] ? name.p + name.n + 1 : "";

		for (size_t i = 0; i < PREFIXES && *value; i++) {
			size_t n = strlen(prefixes[i]);
			struct slice suffix = {name.p + n, name.n - n};
			const struct option *o;

			if (name.n <= n || memcmp(name.p, prefixes[i], n) != 0 ||
			    slice_is(suffix, "CONFIG_PATH") || is_service_link(name, value))
				continue;
			o = find_variable(table, suffix);
			if (!o)
				say_unknown(b, table, name, n);
			else if (o->env[strlen(o->env) - 1] == '*')
				bind_variable(b, table, o, name, value, base);
		}
	}
}

void bind_environment(struct binding *b, const struct option_table *table, char *const *environment,
		      void *base)
{
	const struct option *o;

	if (!environment)
		return;
	for (size_t i = 0; (o = option_at(table, i)); i++) {
		bool found = false;

		for (size_t j = 0; j < PREFIXES && o->env && !found; j++)
			found = bind_named(b, table, o, prefixes[j], o->env, environment, base);
		if (!found && o->env_plain)
			bind_named(b, table, o, "", o->env_plain, environment, base);
	}
	look_for_others(b, table, environment, base);
}
