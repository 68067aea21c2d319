/* SPDX-License-Identifier: Apache-2.0 */
#include "expand.h"

#include "../cleanup.h"

#include <errno.h>

struct expansion {
	struct slice text;
	size_t i;           /* where in text */
	struct place place; /* of `placed`, the last place that was asked for */
	size_t placed;
	char *const *environment;
	struct notes *notes;
	unsigned unset; /* variables for which nothing was put */
	char *out;
	size_t n;
};

static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], lower = (char)(c | 0x20);

		if (!(lower >= 'a' && lower <= 'z') && c != '_' && !(i > 0 && c >= '0' && c <= '9'))
			return false;
	}
	return s.n > 0;
}

const char *expand_lookup(char *const *environment, struct slice name)
{
	for (; environment && *environment; environment++) {
		if (strncmp(*environment, name.p, name.n) == 0 && (*environment)[name.n] == '=')
			return *environment + name.n + 1;
	}
	return NULL;
}

/* Counts on from where it was asked for before: a text of nothing but variables is long, too. */
static struct place place_of(struct expansion *x)
{
	for (; x->placed < x->i; x->placed++) {
		x->place.column++;
		if (x->text.p[x->placed] == '\n') {
			x->place.line++;
			x->place.column = 1;
		}
	}
	return x->place;
}

static int put(struct expansion *x, struct slice s)
{
	if (s.n > CONFIG_TEXT_MAX - x->n) {
		struct place place = place_of(x);

		note_error(x->notes, &place,
			   "the text with its variables replaced is longer than "
			   "%u bytes",
			   CONFIG_TEXT_MAX);
		return -E2BIG;
	}
	if (s.n > 0)
		memcpy(x->out + x->n, s.p, s.n);
	x->n += s.n;
	return 0;
}

static void say_unset(struct expansion *x, struct slice name)
{
	struct place place = place_of(x);
	char shown[80];

	if (x->unset++ < NOTE_ERRORS_MAX)
		note_warn(x->notes, &place, "variable %s is not set: nothing is put in its place",
			  log_text(name, shown, sizeof(shown)));
	else if (x->unset == NOTE_ERRORS_MAX + 1)
		note_warn(x->notes, &place,
			  "more variables are not set, from here on; they are not shown");
}

/* `inner` is between "${" and "}". */
static int put_variable(struct expansion *x, struct slice inner)
{
	const char *mark = memmem(inner.p, inner.n, ":-", 2);
	struct slice name = {inner.p, mark ? (size_t)(mark - inner.p) : inner.n};
	struct place place = place_of(x);
	const char *value;
	char shown[80];

	if (!is_name(name)) {
		note_error(x->notes, &place,
			   "%s is no name of a variable; write $$ for a dollar sign",
			   log_text(name, shown, sizeof(shown)));
		return -EINVAL;
	}
	value = expand_lookup(x->environment, name);
	if (value && (*value || !mark))
		return put(x, slice_of(value));
	if (mark)
		return put(x, (struct slice){mark + 2, inner.n - name.n - 2});
	say_unset(x, name);
	return 0;
}

/* At a '$'. */
static int put_dollar(struct expansion *x)
{
	const char *p = x->text.p + x->i, *end = x->text.p + x->text.n, *close;
	struct place place;
	int r;

	if (p + 1 < end && p[1] == '$') {
		x->i += 2;
		return put(x, slice_of("$"));
	}
	if (p + 1 >= end || p[1] != '{') {
		x->i++;
		return put(x, slice_of("$"));
	}
	close = memchr(p, '}', (size_t)(end - p));
	if (!close || memchr(p, '\n', (size_t)(close - p))) {
		place = place_of(x);
		note_error(x->notes, &place,
			   "\"${\" is not closed by \"}\" on its line; write $$ for a dollar sign");
		return -EINVAL;
	}
	r = put_variable(x, (struct slice){p + 2, (size_t)(close - p - 2)});
	x->i += (size_t)(close - p) + 1;
	return r;
}

int expand_text(struct slice text, char *const *environment, struct notes *notes, char **out,
		size_t *n)
{
	struct expansion x = {
		.text = text, .place = {1, 1, NULL}, .environment = environment, .notes = notes};
	_cleanup_free_ char *room = malloc(CONFIG_TEXT_MAX + 1);
	int r = 0;

	if (!room)
		return -ENOMEM;
	x.out = room;
	while (x.i < text.n && r == 0) {
		const char *from = text.p + x.i;
		const char *dollar = memchr(from, '$', text.n - x.i);
		size_t plain = dollar ? (size_t)(dollar - from) : text.n - x.i;

		r = put(&x, (struct slice){from, plain});
		x.i += plain;
		if (r == 0 && dollar)
			r = put_dollar(&x);
	}
	if (r < 0)
		return r;
	room[x.n] = '\0';
	*n = x.n;
	*out = take_ptr(room);
	return 0;
}
