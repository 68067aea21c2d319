/* SPDX-License-Identifier: Apache-2.0 */
#include "name_template.h"

#include "../slice.h"

#define SPACE " \t\r\n"

enum value { NO_VALUE, POD_NAME, POD_NAMESPACE, CONTAINER_NAME, POD_LABEL };

enum step_kind { STEP_END, STEP_TEXT, STEP_VALUE, STEP_IF, STEP_ELSE, STEP_ENDIF, STEP_FAULT };

struct step {
	enum step_kind kind;
	enum value value;
	struct slice text; /* STEP_TEXT */
	char key[NAME_TEMPLATE_KEY_MAX + 1];
	const char *fault;
};

struct reader {
	const char *p;
	bool trim; /* the action before ended in -}} */
};

static struct slice stripped(struct slice s, bool left, bool right)
{
	for (; left && s.n > 0 && strchr(SPACE, s.p[0]); s.n--)
		s.p++;
	while (right && s.n > 0 && strchr(SPACE, s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Takes `word` from the front of `s`, and the white space that has to follow it. */
static bool take_word(struct slice *s, const char *word)
{
	size_t n = strlen(word);

	if (s->n <= n || memcmp(s->p, word, n) != 0 || !strchr(SPACE, s->p[n]))
		return false;
	*s = stripped((struct slice){s->p + n, s->n - n}, true, false);
	return true;
}

static bool read_key(struct step *step, struct slice s)
{
	char quote = s.n > 2 ? s.p[0] : 0;

	if ((quote != '"' && quote != '`') || s.p[s.n - 1] != quote)
		return false;
	s = (struct slice){s.p + 1, s.n - 2};
	if (s.n > NAME_TEMPLATE_KEY_MAX || memchr(s.p, quote, s.n) || memchr(s.p, '\\', s.n))
		return false;
	memcpy(step->key, s.p, s.n);
	step->key[s.n] = '\0';
	return true;
}

static bool read_value(struct step *step, struct slice s)
{
	step->value = slice_is(s, ".Meta.Name")        ? POD_NAME
		      : slice_is(s, ".Meta.Namespace") ? POD_NAMESPACE
		      : slice_is(s, ".ContainerName")  ? CONTAINER_NAME
						       : NO_VALUE;
	if (step->value == NO_VALUE && take_word(&s, "index") && take_word(&s, ".Meta.Labels") &&
	    read_key(step, s))
		step->value = POD_LABEL;
	return step->value != NO_VALUE;
}

static void read_action(struct step *step, struct slice s)
{
	if (slice_is(s, "else"))
		step->kind = STEP_ELSE;
	else if (slice_is(s, "end"))
		step->kind = STEP_ENDIF;
	else if (take_word(&s, "if"))
		step->kind = STEP_IF;
	else
		step->kind = STEP_VALUE;
	if ((step->kind == STEP_IF || step->kind == STEP_VALUE) && !read_value(step, s)) {
		step->kind = STEP_FAULT;
		step->fault = "between {{ and }} it may have .Meta.Name, .Meta.Namespace, "
			      ".ContainerName, index .Meta.Labels \"key\", if with one of these, "
			      "else, end";
	}
}

/* "{{- " and " -}}" need their white space, so that {{-3}} is a number. */
static bool cuts_before(const char *open)
{
	return open[2] == '-' && open[3] && strchr(SPACE, open[3]);
}

static void next(struct reader *r, struct step *step)
{
	const char *open = strstr(r->p, "{{"), *close = open ? strstr(open, "}}") : NULL;
	struct slice text = {r->p, open ? (size_t)(open - r->p) : strlen(r->p)};

	step->value = NO_VALUE;
	if (text.n > 0) {
		step->kind = STEP_TEXT;
		step->text = stripped(text, r->trim, open && cuts_before(open));
		r->p += text.n;
		r->trim = false;
	} else if (!open) {
		step->kind = STEP_END;
	} else if (!close) {
		step->kind = STEP_FAULT;
		step->fault = "a {{ has no }}";
	} else {
		const char *from = open + (cuts_before(open) ? 3 : 2);
		size_t n = close > from ? (size_t)(close - from) : 0;

		r->trim = n >= 2 && from[n - 1] == '-' && strchr(SPACE, from[n - 2]);
		read_action(step, stripped((struct slice){from, n - r->trim}, true, true));
		r->p = close + 2;
	}
}

const char *name_template_check(const char *text)
{
	bool has_else[NAME_TEMPLATE_DEPTH];
	struct reader r = {text, false};
	size_t depth = 0, labels = 0;
	struct step step;

	if (strlen(text) > NAME_TEMPLATE_MAX)
		return "it is longer than 1024 bytes";
	for (next(&r, &step); step.kind != STEP_END; next(&r, &step)) {
		if (step.kind == STEP_FAULT)
			return step.fault;
		if (step.value == POD_LABEL && ++labels > NAME_TEMPLATE_LABELS)
			return "it names more than 8 labels";
		if (step.kind == STEP_IF && depth == NAME_TEMPLATE_DEPTH)
			return "it has more than 8 {{if}} within one another";
		if (step.kind == STEP_IF)
			has_else[depth++] = false;
		if ((step.kind == STEP_ELSE || step.kind == STEP_ENDIF) && depth == 0)
			return "an {{else}} or {{end}} has no {{if}}";
		if (step.kind == STEP_ELSE && has_else[depth - 1])
			return "an {{if}} has two {{else}}";
		if (step.kind == STEP_ELSE)
			has_else[depth - 1] = true;
		depth -= step.kind == STEP_ENDIF;
	}
	return depth ? "an {{if}} has no {{end}}" : NULL;
}

static const char *value_of(const struct step *step, const struct name_template_input *in)
{
	const char *value = step->value == POD_NAME         ? in->name
			    : step->value == POD_NAMESPACE  ? in->space
			    : step->value == CONTAINER_NAME ? in->container
			    : in->label                     ? in->label(in->arg, step->key)
							    : NULL;

	return value ? value : "";
}

static size_t put(char *buf, size_t at, size_t size, struct slice s)
{
	size_t n = s.n < size - 1 - at ? s.n : size - 1 - at;

	memcpy(buf + at, s.p, n);
	return at + n;
}

const char *name_template_fill(const char *text, const struct name_template_input *in, char *buf,
			       size_t size)
{
	/* Of each open {{if}}: is its present branch taken? The first is that around all. */
	bool taken[NAME_TEMPLATE_DEPTH + 1] = {true}, live[NAME_TEMPLATE_DEPTH + 1] = {true};
	struct reader r = {text, false};
	size_t depth = 0, n = 0;
	struct step step;

	for (next(&r, &step); step.kind != STEP_END && step.kind != STEP_FAULT; next(&r, &step)) {
		if (step.kind == STEP_IF && depth < NAME_TEMPLATE_DEPTH) {
			taken[depth + 1] = *value_of(&step, in);
			live[depth + 1] = live[depth] && taken[depth + 1];
			depth++;
		} else if (step.kind == STEP_ELSE && depth) {
			live[depth] = live[depth - 1] && !taken[depth];
		} else if (step.kind == STEP_ENDIF && depth) {
			depth--;
		} else if (step.kind == STEP_TEXT && live[depth]) {
			n = put(buf, n, size, step.text);
		} else if (step.kind == STEP_VALUE && live[depth]) {
			n = put(buf, n, size, slice_of(value_of(&step, in)));
		}
	}
	buf[n] = '\0';
	return buf;
}

const char *name_template_label(const char *text, size_t i, char key[NAME_TEMPLATE_KEY_MAX + 1])
{
	struct reader r = {text, false};
	struct step step;

	for (next(&r, &step); step.kind != STEP_END && step.kind != STEP_FAULT; next(&r, &step)) {
		if (step.value == POD_LABEL && i-- == 0)
			return strcpy(key, step.key);
	}
	return NULL;
}
