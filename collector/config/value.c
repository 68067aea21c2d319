/* SPDX-License-Identifier: Apache-2.0 */
/* One value of the file or the environment, checked and stored. */
#include "bind.h"

#include "choose.h"
#include "config.h"
#include "entries.h"
#include "scalar.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#define SHOWN_MAX 80

/* `value` was not what the option takes. */
static void expected(struct binding *b, const struct option *o, const struct tree *value)
{
	char expects[300], shown[SHOWN_MAX];
	const char *found = tree_kind_name(value);

	if (value->kind == TREE_TEXT)
		found = log_text(slice_of(value->text), shown, sizeof(shown));
	note_error(b->notes, &value->place, "%s: expected %s, found %s", o->path,
		   option_expects(o, expects, sizeof(expects)), found);
}

static bool is_text(struct binding *b, const struct option *o, const struct tree *value)
{
	if (value->kind == TREE_TEXT)
		return true;
	expected(b, o, value);
	return false;
}

static void set_bool(struct binding *b, const struct option *o, const struct tree *value, bool *to)
{
	if (is_text(b, o, value) && scalar_bool(slice_of(value->text), to) < 0)
		expected(b, o, value);
}

static void set_count(struct binding *b, const struct option *o, const struct tree *value,
		      uint64_t *to)
{
	uint64_t count;

	if (!is_text(b, o, value))
		return;
	if (scalar_count(slice_of(value->text), &count) < 0 || count < o->min || count > o->max)
		expected(b, o, value);
	else
		*to = count;
}

static void set_period(struct binding *b, const struct option *o, const struct tree *value,
		       uint64_t *to)
{
	uint64_t ns;

	if (!is_text(b, o, value))
		return;
	if (scalar_period(slice_of(value->text), &ns) < 0 || ns < o->min || ns > o->max)
		expected(b, o, value);
	else
		*to = ns;
}

static void set_choice(struct binding *b, const struct option *o, const struct tree *value, int *to)
{
	if (!is_text(b, o, value))
		return;
	for (const struct option_choice *c = o->choices; c->name; c++) {
		if (strcasecmp(c->name, value->text) == 0) {
			*to = c->value;
			return;
		}
	}
	expected(b, o, value);
}

/* Says what an option's own check has against the text. */
static bool passes(struct binding *b, const struct option *o, const struct tree *value)
{
	char why[PATTERN_WHY_MAX], shown[SHOWN_MAX];
	const char *fault = NULL;

	if (strlen(value->text) > BIND_TEXT_MAX)
		fault = "it is longer than 1024 bytes";
	else if (o->check)
		fault = o->check(value->text, why);
	if (fault)
		note_error(b->notes, &value->place, "%s: %s is not possible: %s", o->path,
			   log_text(slice_of(value->text), shown, sizeof(shown)), fault);
	return !fault;
}

static void set_text(struct binding *b, const struct option *o, const struct tree *value,
		     const char **to)
{
	if (is_text(b, o, value) && passes(b, o, value))
		*to = value->text;
}

static enum pattern_form form_of(const struct binding *b, const struct option *o)
{
	return b->in_entry && o->form == PATTERN_GLOB ? b->form : o->form;
}

static bool is_pattern(struct binding *b, const struct option *o, const struct tree *value)
{
	enum pattern_form form = form_of(b, o);
	char why[PATTERN_WHY_MAX], shown[SHOWN_MAX];
	int r;

	if (value->kind != TREE_TEXT) {
		struct option as_seen = *o;

		as_seen.form = form;
		as_seen.type = OPTION_PATTERN;
		expected(b, &as_seen, value);
		return false;
	}
	r = pattern_check(form, value->text, why);
	if (r == -EINVAL)
		note_error(b->notes, &value->place, "%s: %s is no %s: %s", o->path,
			   log_text(slice_of(value->text), shown, sizeof(shown)),
			   form == PATTERN_GLOB ? "glob" : "regular expression", why);
	else if (r < 0)
		note_error(b->notes, &value->place, "%s: out of memory", o->path);
	return r == 0;
}

static void set_pattern(struct binding *b, const struct option *o, const struct tree *value,
			const char **to)
{
	if (is_pattern(b, o, value))
		*to = value->text;
}

/* ---- lists ---- */

/* Members of text split at commas; of no length where there is none. */
static struct tree *split(struct binding *b, const struct tree *text)
{
	struct tree *list = arena_take(b->arena, sizeof(*list)), **end;
	const char *p = text->text;

	if (!list)
		return NULL;
	*list = (struct tree){.kind = TREE_LIST, .place = text->place};
	for (end = &list->first; *p; end = &(*end)->next) {
		size_t n = strcspn(p, ",");

		*end = arena_take(b->arena, sizeof(**end));
		if (!*end)
			return NULL;
		(*end)->kind = TREE_TEXT;
		(*end)->place = text->place;
		(*end)->text = arena_text(b->arena, p, n);
		p += n + (p[n] == ',');
	}
	return list;
}

static size_t length(const struct tree *list)
{
	size_t n = 0;

	for (const struct tree *t = list->first; t; t = t->next)
		n++;
	return n;
}

/* The list that a value is; NULL: said. *room gets space for its members. */
static const struct tree *as_list(struct binding *b, const struct option *o,
				  const struct tree *value, size_t member, void **room)
{
	size_t n, limit = o->max ? o->max : BIND_LIST_MAX;

	if (value->kind == TREE_TEXT && value->place.variable)
		value = split(b, value);
	if (!value)
		return NULL;
	if (value->kind != TREE_LIST) {
		expected(b, o, value);
		return NULL;
	}
	n = length(value);
	if (n > limit) {
		note_error(b->notes, &value->place, "%s: %zu members, but at most %zu are possible",
			   o->path, n, limit);
		return NULL;
	}
	*room = arena_take(b->arena, n * member);
	return *room ? value : NULL;
}

static void set_texts(struct binding *b, const struct option *o, const struct tree *value,
		      struct config_texts *to)
{
	const struct tree *list;
	const char **v;
	size_t n = 0;

	list = as_list(b, o, value, sizeof(*v), (void **)&v);
	if (!list)
		return;
	for (const struct tree *t = list->first; t; t = t->next) {
		if (!is_text(b, o, t) || !passes(b, o, t))
			return;
		v[n++] = t->text;
	}
	*to = (struct config_texts){v, n};
}

/* One attribute and its labels; the key is the attribute. Which there are is settled later. */
static void set_labels(struct binding *b, const struct option *o, const struct tree *value,
		       struct config_labels *to)
{
	struct config_texts keys = {0};
	unsigned errors = b->notes->errors;

	set_texts(b, o, value, &keys);
	if (b->notes->errors > errors)
		return;
	if (to->n == RESOURCE_EXTRAS_MAX) {
		note_error(b->notes, &value->key_place,
			   "attributes.kubernetes.resource_labels: more than %d attributes",
			   RESOURCE_EXTRAS_MAX);
		return;
	}
	if (!to->v) {
		to->v = arena_take(b->arena, RESOURCE_EXTRAS_MAX * sizeof(*to->v));
		to->at = arena_take(b->arena, RESOURCE_EXTRAS_MAX * sizeof(*to->at));
	}
	if (!to->v || !to->at)
		return;
	to->v[to->n] = (struct resolve_extra_labels){value->key, {keys.v, keys.n}};
	to->at[to->n++] = value;
}

static void set_numbers(struct binding *b, const struct option *o, const struct tree *value,
			struct config_numbers *to)
{
	const struct tree *list;
	size_t n = 0;
	double *v;

	list = as_list(b, o, value, sizeof(*v), (void **)&v);
	if (!list)
		return;
	for (const struct tree *t = list->first; t; t = t->next, n++) {
		if (t->kind != TREE_TEXT || scalar_number(t->text, &v[n]) < 0 || v[n] < 0 ||
		    (n > 0 && v[n] <= v[n - 1])) {
			expected(b, o, t);
			return;
		}
	}
	if (n == 0)
		expected(b, o, list);
	else
		*to = (struct config_numbers){v, n};
}

static bool read_range(const struct option *o, const char *text, struct selector_range *range)
{
	size_t first = strcspn(text, "-");
	uint64_t from, to;

	if (scalar_count((struct slice){text, first}, &from) < 0)
		return false;
	to = from;
	if (text[first] && scalar_count(slice_of(text + first + 1), &to) < 0)
		return false;
	*range = (struct selector_range){(uint32_t)from, (uint32_t)to};
	return from >= o->min && from <= to && to <= o->max;
}

/* "80,8000-9000", or a list of such members. Spaces around the commas are allowed. */
static void set_ranges(struct binding *b, const struct option *o, const struct tree *value,
		       struct config_ranges *to)
{
	const struct tree *list = value->kind == TREE_TEXT ? split(b, value) : value;
	struct selector_range *v = arena_take(b->arena, SELECTOR_RANGES_MAX * sizeof(*v));
	size_t n = 0;

	if (!list || !v)
		return;
	if (list->kind != TREE_LIST || length(list) == 0 || length(list) > SELECTOR_RANGES_MAX) {
		expected(b, o, value);
		return;
	}
	for (const struct tree *t = list->first; t; t = t->next, n++) {
		char text[32];

		if (t->kind != TREE_TEXT || sscanf(t->text, " %31[0-9-]", text) != 1 ||
		    t->text[strspn(t->text, "0123456789- ")] || !read_range(o, text, &v[n])) {
			expected(b, o, value);
			return;
		}
	}
	*to = (struct config_ranges){v, n};
}

static void set_pairs(struct binding *b, const struct option *o, const struct tree *value,
		      struct config_pairs *to)
{
	size_t n = length(value), i = 0;
	struct selector_pair *v = arena_take(b->arena, n * sizeof(*v));

	if (!v)
		return;
	if (value->kind != TREE_MAP || n == 0 || n > o->max) {
		expected(b, o, value);
		return;
	}
	for (const struct tree *t = value->first; t; t = t->next, i++) {
		if (!is_pattern(b, o, t))
			return;
		v[i] = (struct selector_pair){t->key, t->text};
	}
	*to = (struct config_pairs){v, n};
}

/* A word that Beyla knows and Keyhole has nothing of. */
static void say_unsupported(struct binding *b, const struct place *place, const char *path,
			    const char *word, const char *because, bool yet)
{
	note_warn(b->notes, place, "not supported by Keyhole%s: %s%s%s, because %s",
		  yet ? " yet" : "", path, word ? ": " : "", word ? word : "", because);
}

static const struct option_choice *find_choice(const struct option *o, const char *text)
{
	for (const struct option_choice *c = o->choices; c->name; c++) {
		if (strcasecmp(c->name, text) == 0)
			return c;
	}
	return NULL;
}

static void set_set(struct binding *b, const struct option *o, const struct tree *value,
		    struct config_set *to)
{
	struct config_set set = {.given = true};
	const struct tree *list;
	void *unused;

	list = as_list(b, o, value, 1, &unused);
	if (!list)
		return;
	for (const struct tree *t = list->first; t; t = t->next) {
		const struct option_choice *c;

		if (t->kind != TREE_TEXT || !(c = find_choice(o, t->text))) {
			expected(b, o, t);
			return;
		}
		if (c->because)
			say_unsupported(b, &t->place, o->path, c->name, c->because, c->yet);
		else
			set.bits |= (uint64_t)c->value;
	}
	*to = set;
}

/* ---- what is not supported ---- */

static bool same_value(struct slice text, struct slice idle)
{
	bool text_bool, idle_bool;
	uint64_t text_ns, idle_ns;

	if (text.n == idle.n && strncasecmp(text.p, idle.p, idle.n) == 0)
		return true;
	if (scalar_bool(text, &text_bool) == 0 && scalar_bool(idle, &idle_bool) == 0)
		return text_bool == idle_bool;
	return scalar_period(text, &text_ns) == 0 && scalar_period(idle, &idle_ns) == 0 &&
	       text_ns == idle_ns;
}

/* Nothing, an empty value, or one of those that the row names; a list of one counts as that one. */
static bool asks_for_nothing(const struct option *o, const struct tree *value)
{
	const char *idle = o->idle ? o->idle : "";

	if (value->kind == TREE_NULL || strcmp(idle, OPTION_ANYTHING) == 0)
		return true;
	if (value->kind != TREE_TEXT && !value->first)
		return true;
	if (value->kind == TREE_LIST && !value->first->next)
		value = value->first;
	if (value->kind != TREE_TEXT)
		return false;
	if (!*value->text)
		return true;
	while (*idle) {
		struct slice word = {idle, strcspn(idle, "|")};

		if (same_value(slice_of(value->text), word))
			return true;
		idle += word.n;
		idle += *idle == '|';
	}
	return false;
}

void bind_unsupported(struct binding *b, const struct option *o, const char *path,
		      const struct tree *value)
{
	if (!asks_for_nothing(o, value))
		say_unsupported(b, value->key ? &value->key_place : &value->place, path, NULL,
				o->because, o->yet);
}

void bind_value(struct binding *b, const struct option *o, const struct tree *value, void *base)
{
	void *to = (char *)base + o->offset;

	/* "key:" and nothing more, as templates like to leave it, is as if it were not there. */
	if (value->kind == TREE_NULL && value->key)
		return;
	switch (o->type) {
	case OPTION_BOOL:
		set_bool(b, o, value, to);
		break;
	case OPTION_COUNT:
		set_count(b, o, value, to);
		break;
	case OPTION_PERIOD:
		set_period(b, o, value, to);
		break;
	case OPTION_CHOICE:
		set_choice(b, o, value, to);
		break;
	case OPTION_TEXT:
		set_text(b, o, value, to);
		break;
	case OPTION_PATTERN:
		set_pattern(b, o, value, to);
		break;
	case OPTION_TEXTS:
		set_texts(b, o, value, to);
		break;
	case OPTION_LABELS:
		set_labels(b, o, value, to);
		break;
	case OPTION_NUMBERS:
		set_numbers(b, o, value, to);
		break;
	case OPTION_RANGES:
		set_ranges(b, o, value, to);
		break;
	case OPTION_PAIRS:
		set_pairs(b, o, value, to);
		break;
	case OPTION_ENTRIES:
		entries_read(b, value, o->form, to);
		break;
	case OPTION_SELECT:
		choose_select(b, o, value, to);
		break;
	case OPTION_FILTER:
		choose_filter(b, o, value, to);
		break;
	case OPTION_SET:
		set_set(b, o, value, to);
		break;
	case OPTION_UNSUPPORTED:
		bind_unsupported(b, o, o->path, value);
		break;
	}
}
