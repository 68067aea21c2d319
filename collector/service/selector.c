/* SPDX-License-Identifier: Apache-2.0 */
#include "selector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct pair {
	char *key;
	struct pattern *pattern;
};

struct entry {
	char *name, *space;
	struct pattern *text[SELECTOR_TEXT_COUNT];
	struct pattern *exe_regex;
	struct pair labels[SELECTOR_LABELS_MAX], annotations[SELECTOR_LABELS_MAX];
	struct selector_range *ports, *pids;
	size_t label_count, annotation_count, port_count, pid_count;
	uint32_t left_out;
	bool containers_only, silent, has_silent, untraced, has_untraced, has_sampler;
	struct sampler sampler;
	unsigned routes;
};

struct list {
	struct entry *entries;
	size_t n;
};

struct selector {
	struct list include, exclude;
	struct pattern_scratch *scratch;
};

/* One question: a subject, and what it takes to answer. */
struct question {
	const struct selector_subject *s;
	struct pattern_scratch *scratch;
};

static const char *const text_keys[] = {
#define SEL_X(e, key) [SELECTOR_##e] = #key,
	SELECTOR_TEXTS(SEL_X)
#undef SEL_X
};

/* ---- compiling ---- */

static int copy_text(char **to, const char *from)
{
	if (!from || !*from)
		return 0;
	*to = strdup(from);
	return *to ? 0 : -ENOMEM;
}

static int copy_ranges(struct selector_range **to, size_t *to_n, const struct selector_range *from,
		       size_t n)
{
	if (n == 0)
		return 0;
	*to = calloc(n, sizeof(**to));
	if (!*to)
		return -ENOMEM;
	memcpy(*to, from, n * sizeof(**to));
	*to_n = n;
	return 0;
}

static int compile(struct pattern **to, enum pattern_form form, const char *text, const char *key,
		   char *why)
{
	char reason[PATTERN_WHY_MAX];
	int r;

	if (!text)
		return 0;
	r = pattern_new(to, form, text, reason);
	if (r == -EINVAL)
		snprintf(why, PATTERN_WHY_MAX, "%s: %.120s", key, reason);
	return r;
}

static int compile_pairs(struct pair *to, size_t *to_n, const struct selector_pair *from, size_t n,
			 enum pattern_form form, char *why)
{
	int r = 0;

	if (n > SELECTOR_LABELS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n && r == 0; i++) {
		*to_n = i + 1;
		to[i].key = strdup(from[i].key);
		if (!to[i].key)
			return -ENOMEM;
		r = compile(&to[i].pattern, form, from[i].pattern, "k8s_pod_labels", why);
	}
	return r;
}

static int compile_entry(struct entry *e, const struct selector_entry *from, char *why)
{
	int r = copy_text(&e->name, from->name);

	e->containers_only = from->containers_only;
	e->silent = from->silent;
	e->has_silent = from->has_silent;
	e->left_out = from->left_out;
	e->untraced = from->untraced;
	e->has_untraced = from->has_untraced;
	e->has_sampler = from->has_sampler;
	e->sampler = from->sampler;
	e->routes = from->routes;
	if (r == 0)
		r = copy_text(&e->space, from->namespace);
	for (int i = 0; i < SELECTOR_TEXT_COUNT && r == 0; i++)
		r = compile(&e->text[i], from->form, from->text[i], text_keys[i], why);
	if (r == 0)
		r = compile(&e->exe_regex, PATTERN_REGEX, from->exe_regex, "exe_path_regexp", why);
	if (r == 0)
		r = compile_pairs(e->labels, &e->label_count, from->labels, from->label_count,
				  from->form, why);
	if (r == 0)
		r = compile_pairs(e->annotations, &e->annotation_count, from->annotations,
				  from->annotation_count, from->form, why);
	if (r == 0)
		r = copy_ranges(&e->ports, &e->port_count, from->ports, from->port_count);
	if (r == 0)
		r = copy_ranges(&e->pids, &e->pid_count, from->pids, from->pid_count);
	return r;
}

static int compile_list(struct list *list, const struct selector_entry *from, size_t n, char *why)
{
	int r = 0;

	if (n == 0)
		return 0;
	if (n > SELECTOR_ENTRIES_MAX)
		return -E2BIG;
	list->entries = calloc(n, sizeof(*list->entries));
	if (!list->entries)
		return -ENOMEM;
	for (; list->n < n && r == 0; list->n++)
		r = compile_entry(&list->entries[list->n], &from[list->n], why);
	return r;
}

static void free_pairs(struct pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(pairs[i].key);
		pattern_free(pairs[i].pattern);
	}
}

static void free_list(struct list *list)
{
	for (struct entry *e = list->entries; e && e < list->entries + list->n; e++) {
		free(e->name);
		free(e->space);
		for (int i = 0; i < SELECTOR_TEXT_COUNT; i++)
			pattern_free(e->text[i]);
		pattern_free(e->exe_regex);
		free_pairs(e->labels, e->label_count);
		free_pairs(e->annotations, e->annotation_count);
		free(e->ports);
		free(e->pids);
	}
	free(list->entries);
}

int selector_new(struct selector **out, const struct selector_options *options,
		 char why[PATTERN_WHY_MAX])
{
	struct selector *selector = calloc(1, sizeof(*selector));
	int r;

	if (!selector)
		return -ENOMEM;
	selector->scratch = pattern_scratch_new();
	r = selector->scratch ? 0 : -ENOMEM;
	if (r == 0)
		r = compile_list(&selector->include, options->include, options->include_count, why);
	if (r == 0)
		r = compile_list(&selector->exclude, options->exclude, options->exclude_count, why);
	if (r < 0)
		selector_free(selector);
	else
		*out = selector;
	return r;
}

void selector_free(struct selector *selector)
{
	if (!selector)
		return;
	free_list(&selector->include);
	free_list(&selector->exclude);
	pattern_scratch_free(selector->scratch);
	free(selector);
}

/* ---- matching ---- */

static bool has(const char *text)
{
	return text && *text;
}

/* "No" wins over "undecided", which wins over "yes". */
static enum selector_answer both(enum selector_answer a, enum selector_answer b)
{
	if (a == SELECTOR_NO || b == SELECTOR_NO)
		return SELECTOR_NO;
	return a == SELECTOR_UNDECIDED ? a : b;
}

/* Fields before this one are the process', from here on the pod's. */
#define OF_POD SELECTOR_CONTAINER_NAME

/* What a field says whose value is absent, by where the value would come from. */
static enum selector_answer absent(const struct question *q, bool from_pod)
{
	if (from_pod ? q->s->metadata == SELECTOR_METADATA_PENDING : q->s->any_process)
		return SELECTOR_UNDECIDED;
	return SELECTOR_NO;
}

static enum selector_answer match_value(const struct pattern *pattern, const char *value,
					const struct question *q, bool from_pod)
{
	if (!pattern)
		return SELECTOR_YES;
	if (!has(value))
		return absent(q, from_pod);
	return pattern_match(pattern, q->scratch, slice_of(value)) ? SELECTOR_YES : SELECTOR_NO;
}

/* Any level of ownership counts, not only the topmost. */
static enum selector_answer match_owner(const struct pattern *pattern, const struct question *q)
{
	enum selector_answer answer = SELECTOR_NO;

	if (!pattern)
		return SELECTOR_YES;
	if (q->s->metadata == SELECTOR_METADATA_PENDING)
		return SELECTOR_UNDECIDED;
	for (int i = SELECTOR_K8S_DEPLOYMENT; i <= SELECTOR_K8S_OWNER; i++) {
		if (match_value(pattern, q->s->text[i], q, true) == SELECTOR_YES)
			answer = SELECTOR_YES;
	}
	return answer;
}

static enum selector_answer match_text(const struct entry *e, const struct question *q, int i)
{
	bool container = i == SELECTOR_CONTAINER_NAME || i == SELECTOR_K8S_CONTAINER;

	if (i == SELECTOR_K8S_OWNER)
		return match_owner(e->text[i], q);
	if (container && q->s->any_container && e->text[i])
		return SELECTOR_UNDECIDED;
	return match_value(e->text[i], q->s->text[i], q, i >= OF_POD);
}

static enum selector_answer match_texts(const struct entry *e, const struct question *q)
{
	enum selector_answer answer =
		match_value(e->exe_regex, q->s->text[SELECTOR_EXE_PATH], q, false);

	for (int i = 0; i < SELECTOR_TEXT_COUNT && answer != SELECTOR_NO; i++)
		answer = both(answer, match_text(e, q, i));
	return answer;
}

static enum selector_answer match_pairs(const struct pair *pairs, size_t n,
					const char *(*look)(const void *, const char *),
					const struct question *q)
{
	enum selector_answer answer = SELECTOR_YES;

	for (size_t i = 0; i < n && answer != SELECTOR_NO; i++) {
		const char *value = look && q->s->pod ? look(q->s->pod, pairs[i].key) : NULL;

		answer = both(answer, match_value(pairs[i].pattern, value, q, true));
	}
	return answer;
}

static bool within(const struct selector_range *ranges, size_t n, uint32_t value)
{
	for (size_t i = 0; i < n; i++) {
		if (value >= ranges[i].from && value <= ranges[i].to)
			return true;
	}
	return false;
}

static enum selector_answer match_numbers(const struct entry *e, const struct question *q)
{
	bool port = e->port_count == 0;

	if (q->s->any_process && (e->port_count || e->pid_count))
		return SELECTOR_UNDECIDED;
	for (size_t i = 0; i < q->s->port_count && !port; i++)
		port = within(e->ports, e->port_count, q->s->ports[i]);
	return port && (e->pid_count == 0 || within(e->pids, e->pid_count, q->s->pid))
		       ? SELECTOR_YES
		       : SELECTOR_NO;
}

static enum selector_answer match_entry(const struct entry *e, const struct question *q)
{
	enum selector_answer answer = match_numbers(e, q);

	if ((e->containers_only && !q->s->in_container) || answer == SELECTOR_NO)
		return SELECTOR_NO;
	answer = both(answer, match_texts(e, q));
	answer = both(answer, match_pairs(e->labels, e->label_count, q->s->label, q));
	return both(answer, match_pairs(e->annotations, e->annotation_count, q->s->annotation, q));
}

/* "Yes" of the process or a parent wins; else one that is undecided. */
static enum selector_answer match_family(const struct entry *e, const struct question *q)
{
	enum selector_answer answer = SELECTOR_NO;
	struct question of = *q;

	for (; of.s && answer != SELECTOR_YES; of.s = of.s->parent) {
		enum selector_answer one = match_entry(e, &of);

		answer = one == SELECTOR_NO ? answer : one;
	}
	return answer;
}

static void choose(const struct entry *e, struct selector_choice *choice)
{
	choice->name = e->name ? e->name : choice->name;
	choice->space = e->space ? e->space : choice->space;
	choice->routes = e->routes ? e->routes : choice->routes;
	choice->silent = e->has_silent ? e->silent : choice->silent;
	choice->left_out = e->has_silent ? e->left_out : choice->left_out;
	choice->untraced = e->has_untraced ? e->untraced : choice->untraced;
	if (e->has_sampler) {
		choice->has_sampler = true;
		choice->sampler = e->sampler;
	}
}

static enum selector_answer match_list(const struct list *list, const struct question *q,
				       bool parents, struct selector_choice *choice)
{
	enum selector_answer answer = SELECTOR_NO;

	for (size_t i = 0; i < list->n; i++) {
		const struct entry *e = &list->entries[i];
		enum selector_answer one = parents ? match_family(e, q) : match_entry(e, q);

		if (one == SELECTOR_YES) {
			choose(e, choice);
			answer = SELECTOR_YES;
		} else if (one == SELECTOR_UNDECIDED && answer == SELECTOR_NO) {
			answer = SELECTOR_UNDECIDED;
		}
	}
	return answer;
}

enum selector_answer selector_match(const struct selector *selector,
				    const struct selector_subject *subject,
				    struct selector_choice *choice)
{
	const struct question q = {subject, selector->scratch};
	struct selector_choice found = {0}, unused = {0};
	enum selector_answer excluded = match_list(&selector->exclude, &q, false, &unused);
	enum selector_answer included = SELECTOR_YES;

	if (selector->include.n > 0)
		included = match_list(&selector->include, &q, true, &found);
	if (choice)
		*choice = found;
	if (excluded == SELECTOR_YES)
		return SELECTOR_NO;
	return excluded == SELECTOR_UNDECIDED ? both(included, excluded) : included;
}

bool selector_includes(const struct selector *selector)
{
	return selector->include.n > 0;
}
