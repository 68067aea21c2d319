/* SPDX-License-Identifier: Apache-2.0 */
/* Globs are translated to anchored regular expressions, so that one engine's limits hold for both.
 */
#include "pattern.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* A pattern's byte becomes at most "(?:" or an escape. */
#define TRANSLATED_MAX (PATTERN_MAX * 4 + 16)

struct pattern {
	pcre2_code *code;
};

struct pattern_scratch {
	pcre2_match_data *data;
	pcre2_match_context *limits;
};

static _Atomic uint64_t limits_reached;

struct translation {
	const char *p;
	char *out;
	size_t n;
	int depth; /* of open braces */
	const char *wrong;
};

static void put(struct translation *t, const char *text)
{
	size_t n = strlen(text);

	memcpy(t->out + t->n, text, n);
	t->n += n;
}

/* Letters, digits and UTF-8 stand for themselves; a '\' before one would give it a meaning. */
static void put_literal(struct translation *t, char c)
{
	bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		     c == '_' || (unsigned char)c >= 0x80;

	if (!plain)
		t->out[t->n++] = '\\';
	t->out[t->n++] = c;
}

/* p is behind the '['. */
static void put_set(struct translation *t)
{
	bool empty = true;

	put(t, "[");
	if (*t->p == '!' || *t->p == '^') {
		put(t, "^");
		t->p++;
	}
	for (; *t->p && *t->p != ']'; t->p++) {
		if (*t->p == '-' && !empty && t->p[1] != ']') {
			put(t, "-");
			continue;
		}
		if (*t->p == '\\' && t->p[1])
			t->p++;
		put_literal(t, *t->p);
		empty = false;
	}
	if (*t->p != ']')
		t->wrong = "\"[\" is not closed by \"]\"";
	else if (empty)
		t->wrong = "\"[]\" holds no character";
	else
		t->p++;
	put(t, "]");
}

/* Puts what the character before p stands for. */
static void put_one(struct translation *t, char c)
{
	if (c == '*') {
		put(t, ".*");
		while (*t->p == '*')
			t->p++;
	} else if (c == '?') {
		put(t, ".");
	} else if (c == '[') {
		put_set(t);
	} else if (c == '{') {
		put(t, "(?:");
		if (++t->depth > PATTERN_GLOB_DEPTH)
			t->wrong = "braces are nested too deep";
	} else if (c == '}' && t->depth > 0) {
		put(t, ")");
		t->depth--;
	} else if (c == ',' && t->depth > 0) {
		put(t, "|");
	} else if (c == '\\') {
		if (*t->p)
			put_literal(t, *t->p++);
		else
			t->wrong = "it ends in a \"\\\" that escapes nothing";
	} else {
		put_literal(t, c);
	}
}

/* Returns what is wrong with the glob, or NULL. */
static const char *translate(const char *glob, char out[TRANSLATED_MAX])
{
	struct translation t = {.p = glob, .out = out};

	while (*t.p && !t.wrong)
		put_one(&t, *t.p++);
	out[t.n] = '\0';
	if (!t.wrong && t.depth > 0)
		return "\"{\" is not closed by \"}\"";
	return t.wrong;
}

/*
 * What "{n}", "{n,}" or "{n,m}" at p asks for at most, and in *end what follows. Where it is none:
 * 0, and *end stays.
 */
static unsigned long repeat_count(const char *p, const char **end)
{
	unsigned long count, most;
	char *rest;

	if (p[0] != '{' || p[1] < '0' || p[1] > '9')
		return 0;
	count = strtoul(p + 1, &rest, 10);
	if (*rest == ',' && rest[1] >= '0' && rest[1] <= '9') {
		most = strtoul(rest + 1, &rest, 10);
		count = most > count ? most : count;
	} else if (*rest == ',') {
		rest++;
	}
	if (*rest != '}')
		return 0;
	*end = rest + 1;
	return count;
}

/* Behind the escape at p: "\\Q...\\E" and the braces of "\\x{...}" and "\\p{...}" belong to it. */
static const char *behind_escape(const char *p)
{
	const char *end = NULL;

	if (!p[1])
		return p + 1;
	if (p[1] == 'Q') {
		end = strstr(p + 2, "\\E");
		return end ? end + 2 : p + strlen(p);
	}
	if (p[2] == '{' && strchr("xopPN", p[1]))
		end = strchr(p + 2, '}');
	return end ? end + 1 : p + 2;
}

/* Behind the set at p; a ']' at its very beginning is one of it. */
static const char *behind_set(const char *p)
{
	p += p[1] == '^' ? 2 : 1;
	for (const char *first = p; *p && (*p != ']' || p == first);)
		p = *p == '\\' ? behind_escape(p) : p + 1;
	return *p ? p + 1 : p;
}

/* What RE2 has not, found by looking: PCRE2 tells only of back-references. */
static const char *beyond_re2(const char *regex)
{
	static const char *const starts[] = {
		"(?=",  "(?!",  "(?<=", "(?<!", "(?>",  "(?R",  "(?&",  "(?(",  "(?|",
		"(*",   "(?C",  "(?P>", "(?P=", "(?+",  "(?'",  "(?#",  "(?x",  "(?J",
		"(?n",  "(?^",  "(?0",  "(?1",  "(?2",  "(?3",  "(?4",  "(?5",  "(?6",
		"(?7",  "(?8",  "(?9",  "(?-0", "(?-1", "(?-2", "(?-3", "(?-4", "(?-5",
		"(?-6", "(?-7", "(?-8", "(?-9", "\\g",  "\\k",  "\\K",  "\\R",  "\\X",
		"\\G",  "\\h",  "\\H",  "\\N",  "\\V",  "\\Z",  "++",   "*+",   "?+"};
	const char *end, *behind;

	for (const char *p = regex; *p; p = end) {
		for (size_t i = 0; *p != '[' && i < sizeof(starts) / sizeof(*starts); i++) {
			if (strncmp(p, starts[i], strlen(starts[i])) == 0)
				return starts[i];
		}
		end = *p == '\\' ? behind_escape(p) : *p == '[' ? behind_set(p) : p + 1;
		if (*p == '{' && repeat_count(p, &behind) > 0 && *behind == '+')
			return "}+";
	}
	return NULL;
}

/* Would RE2 refuse it for its counts? They are the size of its program. */
static bool repeats_too_much(const char *p)
{
	unsigned long within[PATTERN_MAX + 1] = {1}; /* of each open group, the largest so far */
	size_t depth = 0;

	while (*p) {
		unsigned long atom = 1, count;

		if (*p == '(' && depth < PATTERN_MAX) {
			within[++depth] = 1;
			p++;
			continue;
		}
		if (*p == ')' && depth > 0)
			atom = within[depth--];
		p = *p == '\\' ? behind_escape(p) : *p == '[' ? behind_set(p) : p + 1;
		count = repeat_count(p, &p);
		if (count > PATTERN_REPEAT_MAX)
			return true;
		atom *= count > 0 ? count : 1;
		if (atom > PATTERN_REPEAT_MAX)
			return true;
		if (atom > within[depth])
			within[depth] = atom;
	}
	return false;
}

static int compile(struct pattern *pattern, const char *text, uint32_t flags, char *why)
{
	uint32_t references = 0;
	PCRE2_SIZE at;
	int error;

	pattern->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
				      flags | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF |
					      PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY,
				      &error, &at, NULL);
	if (!pattern->code) {
		PCRE2_UCHAR message[100];

		if (error == PCRE2_ERROR_HEAP_FAILED)
			return -ENOMEM;
		pcre2_get_error_message(error, message, sizeof(message));
		snprintf(why, PATTERN_WHY_MAX, "%s, at character %zu", (char *)message, at + 1);
		return -EINVAL;
	}
	pcre2_pattern_info(pattern->code, PCRE2_INFO_BACKREFMAX, &references);
	if (references > 0) {
		snprintf(why, PATTERN_WHY_MAX, "back-references are not supported");
		return -EINVAL;
	}
	return 0;
}

struct pattern_scratch *pattern_scratch_new(void)
{
	struct pattern_scratch *scratch = calloc(1, sizeof(*scratch));

	if (!scratch)
		return NULL;
	scratch->data = pcre2_match_data_create(1, NULL);
	scratch->limits = pcre2_match_context_create(NULL);
	if (!scratch->data || !scratch->limits) {
		pattern_scratch_free(scratch);
		return NULL;
	}
	pcre2_set_match_limit(scratch->limits, PATTERN_STEPS_MAX);
	pcre2_set_depth_limit(scratch->limits, PATTERN_DEPTH_MAX);
	pcre2_set_heap_limit(scratch->limits, PATTERN_HEAP_KB);
	return scratch;
}

void pattern_scratch_free(struct pattern_scratch *scratch)
{
	if (!scratch)
		return;
	pcre2_match_context_free(scratch->limits);
	pcre2_match_data_free(scratch->data);
	free(scratch);
}

static int compile_glob(struct pattern *pattern, const char *text, char *why)
{
	char regex[TRANSLATED_MAX];
	const char *wrong = translate(text, regex);

	if (wrong) {
		snprintf(why, PATTERN_WHY_MAX, "%s", wrong);
		return -EINVAL;
	}
	return compile(pattern, regex, PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL, why);
}

static int compile_regex(struct pattern *pattern, const char *text, char *why)
{
	const char *beyond = beyond_re2(text);

	if (beyond) {
		snprintf(why, PATTERN_WHY_MAX, "\"%s\" is not supported", beyond);
		return -EINVAL;
	}
	if (repeats_too_much(text)) {
		snprintf(why, PATTERN_WHY_MAX, "it repeats something more than %d times",
			 PATTERN_REPEAT_MAX);
		return -EINVAL;
	}
	return compile(pattern, text, 0, why);
}

int pattern_new(struct pattern **out, enum pattern_form form, const char *text,
		char why[PATTERN_WHY_MAX])
{
	struct pattern *pattern;
	int r;

	if (strlen(text) > PATTERN_MAX) {
		snprintf(why, PATTERN_WHY_MAX, "it is longer than %d bytes", PATTERN_MAX);
		return -EINVAL;
	}
	pattern = calloc(1, sizeof(*pattern));
	if (!pattern)
		return -ENOMEM;
	r = form == PATTERN_GLOB ? compile_glob(pattern, text, why)
				 : compile_regex(pattern, text, why);
	if (r < 0)
		pattern_free(pattern);
	else
		*out = pattern;
	return r;
}

void pattern_free(struct pattern *pattern)
{
	if (!pattern)
		return;
	pcre2_code_free(pattern->code);
	free(pattern);
}

int pattern_check(enum pattern_form form, const char *text, char why[PATTERN_WHY_MAX])
{
	struct pattern *pattern = NULL;
	int r = pattern_new(&pattern, form, text, why);

	pattern_free(r == 0 ? pattern : NULL);
	return r;
}

bool pattern_match(const struct pattern *pattern, struct pattern_scratch *scratch,
		   struct slice text)
{
	int r = pcre2_match(pattern->code, (PCRE2_SPTR)(text.p ? text.p : ""), text.n, 0, 0,
			    scratch->data, scratch->limits);

	if (r < 0 && r != PCRE2_ERROR_NOMATCH)
		atomic_fetch_add_explicit(&limits_reached, 1, memory_order_relaxed);
	return r >= 0;
}

uint64_t pattern_limits_reached(void)
{
	return atomic_load_explicit(&limits_reached, memory_order_relaxed);
}
