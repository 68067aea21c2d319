/* SPDX-License-Identifier: Apache-2.0 */
#include "glob.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct glob {
	size_t n;
	char *alternative[GLOB_ALTERNATIVES_MAX]; /* without braces that part */
};

/* ---- braces ---- */

/* Behind one character of a glob: an escaped one and a set count as one. */
static const char *behind(const char *p)
{
	if (*p == '\\' && p[1])
		return p + 2;
	if (*p != '[')
		return p + 1;
	for (p++; *p && *p != ']'; p++) {
		if (*p == '\\' && p[1])
			p++;
	}
	return *p ? p + 1 : p;
}

/* The end of the alternative that begins at p: its ',' or '}'. */
static const char *end_of_alternative(const char *p)
{
	int depth = 0;

	for (; *p; p = behind(p)) {
		if (*p == '{')
			depth++;
		else if (depth > 0 && *p == '}')
			depth--;
		else if (depth == 0 && (*p == ',' || *p == '}'))
			break;
	}
	return p;
}

static int add(struct glob *glob, const char *text)
{
	if (glob->n == GLOB_ALTERNATIVES_MAX)
		return -E2BIG;
	glob->alternative[glob->n] = strdup(text);
	return glob->alternative[glob->n++] ? 0 : -ENOMEM;
}

/* Once for each alternative of the first braces, with what stands before and behind them. */
static int expand(struct glob *glob, const char *text)
{
	const char *open = text, *close, *p;
	int r = 0;

	while (*open && *open != '{')
		open = behind(open);
	if (!*open)
		return add(glob, text);
	for (close = open + 1; *(close = end_of_alternative(close)) == ',';)
		close++;
	for (p = open + 1; r == 0; p++) {
		const char *end = end_of_alternative(p);
		char *one;

		if (asprintf(&one, "%.*s%.*s%s", (int)(open - text), text, (int)(end - p), p,
			     close + 1) < 0)
			return -ENOMEM;
		r = expand(glob, one);
		free(one);
		if (end == close)
			break;
		p = end;
	}
	return r;
}

/* ---- life ---- */

int glob_new(struct glob **out, const char *text, char why[PATTERN_WHY_MAX])
{
	int r = pattern_check(PATTERN_GLOB, text, why);
	struct glob *glob;

	if (r < 0)
		return r;
	glob = calloc(1, sizeof(*glob));
	if (!glob)
		return -ENOMEM;
	r = expand(glob, text);
	if (r == 0) {
		*out = glob;
		return 0;
	}
	glob_free(glob);
	if (r != -E2BIG)
		return r;
	snprintf(why, PATTERN_WHY_MAX, "its braces come to more than %d patterns",
		 GLOB_ALTERNATIVES_MAX);
	return -EINVAL;
}

void glob_free(struct glob *glob)
{
	if (!glob)
		return;
	for (size_t i = 0; i < glob->n; i++)
		free(glob->alternative[i]);
	free(glob);
}

bool glob_is_wild(const char *text)
{
	return text[strcspn(text, "*?[{\\")] != '\0';
}

/* ---- matching ---- */

/* One character of clean UTF-8, all its bytes in one number. Takes at least one byte. */
static uint32_t take(const char **p, const char *end)
{
	uint32_t c = (unsigned char)*(*p)++;

	while (*p < end && ((unsigned char)**p & 0xc0) == 0x80)
		c = c << 8 | (unsigned char)*(*p)++;
	return c;
}

static uint32_t take_escaped(const char **p, const char *end)
{
	if (**p == '\\' && *p + 1 < end)
		(*p)++;
	return take(p, end);
}

/* *p is behind the '[', and then behind the ']'. */
static bool in_set(const char **p, const char *end, uint32_t c)
{
	bool negated = **p == '!' || **p == '^', found = false;

	if (negated)
		(*p)++;
	while (*p < end && **p != ']') {
		uint32_t from = take_escaped(p, end), to = from;

		if (**p == '-' && *p + 1 < end && (*p)[1] != ']') {
			(*p)++;
			to = take_escaped(p, end);
		}
		found = found || (from <= c && c <= to);
	}
	(*p)++;
	return found != negated;
}

/* One character of the pattern against one of the text; moves on in both. */
static bool same(const char **p, const char *end, const char **text, const char *text_end)
{
	uint32_t c;

	if (*p == end || *text == text_end)
		return false;
	c = take(text, text_end);
	if (**p == '?') {
		(*p)++;
		return true;
	}
	if (**p == '[') {
		(*p)++;
		return in_set(p, end, c);
	}
	return take_escaped(p, end) == c;
}

/* Only the last star is ever tried again: what went before it matched as early as possible. */
static bool match_one(const char *p, struct slice text)
{
	const char *end = p + strlen(p), *t = text.p, *text_end = text.p + text.n;
	const char *star = NULL, *star_text = NULL;

	while (t < text_end || p < end) {
		if (p < end && *p == '*') {
			star = ++p;
			star_text = t;
			continue;
		}
		if (same(&p, end, &t, text_end))
			continue;
		if (!star || star_text == text_end)
			return false;
		take(&star_text, text_end);
		t = star_text;
		p = star;
	}
	return true;
}

bool glob_match(const struct glob *glob, struct slice text)
{
	if (!text.p)
		text = (struct slice){"", 0};
	for (size_t i = 0; i < glob->n; i++) {
		if (match_one(glob->alternative[i], text))
			return true;
	}
	return false;
}
