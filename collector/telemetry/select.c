/* SPDX-License-Identifier: Apache-2.0 */
#include "select.h"

#include "../service/glob.h"
#include "semconv.h"

const struct select_metric select_resource = {OWNER_INFO, "resource", "resource"};
const struct select_metric select_spans = {OWNER_SPANS, "traces", "traces"};

/* A glob over names in which dots are underscores. NULL: it is none, or out of memory. */
static struct glob *plain_glob(const char *text)
{
	char plain[PATTERN_MAX + 1], why[PATTERN_WHY_MAX];
	struct glob *glob = NULL;

	return glob_new(&glob, attribute_plain(text, plain, sizeof(plain)), why) == 0 ? glob : NULL;
}

/* Under any of the names that versions have for it. */
static bool matches(const struct glob *glob, const char *name)
{
	char plain[ATTRIBUTE_NAME_MAX + 2];

	for (int version = 0; glob && version < SEMCONVS; version++) {
		const char *then = semconv_name((enum semconv)version, name);

		if (glob_match(glob, slice_of(attribute_plain(then, plain, sizeof(plain)))))
			return true;
	}
	return false;
}

bool select_matches(const char *key, const struct select_metric *metric)
{
	struct glob *glob = plain_glob(key);
	/* target_info is no metric to choose labels for by "*": Beyla calls it "resource". */
	bool found = metric->owner == OWNER_INFO
			     ? strcmp(key, metric->name) == 0
			     : matches(glob, metric->name) || matches(glob, metric->label);

	glob_free(glob);
	return found;
}

attribute_set select_attributes(const char *text, attribute_set among,
				const struct attribute_extras *extras)
{
	struct glob *glob = plain_glob(text);
	attribute_set set = 0;

	for (unsigned int id = 0; id < ATTRS_MAX; id++) {
		if ((among & ATTR_BIT(id)) && (matches(glob, attribute_name(extras, id)) ||
					       matches(glob, attribute_label(extras, id))))
			set |= ATTR_BIT(id);
	}
	glob_free(glob);
	return set;
}

static attribute_set all_of(const char *const *globs, size_t n, attribute_set among,
			    const struct attribute_extras *extras)
{
	attribute_set set = 0;

	for (size_t i = 0; i < n; i++)
		set |= select_attributes(globs[i], among, extras);
	return set;
}

static int compare_keys(const char *a, const char *b)
{
	char x[ATTRIBUTE_NAME_MAX + 2], y[ATTRIBUTE_NAME_MAX + 2];

	return strcmp(attribute_plain(a, x, sizeof(x)), attribute_plain(b, y, sizeof(y)));
}

/* The first section behind `last`, in lexical order; NULL: there is none. */
static const struct select_section *next_section(const struct select_sections *sections,
						 const struct select_section *last)
{
	const struct select_section *next = NULL;

	for (size_t i = 0; i < sections->n; i++) {
		const struct select_section *s = &sections->v[i];
		int order = last ? compare_keys(s->key, last->key) : 1;

		if ((order > 0 || (order == 0 && s > last)) &&
		    (!next || compare_keys(s->key, next->key) < 0))
			next = s;
	}
	return next;
}

/* What the section takes away: see select.h for what a glob must not. */
static attribute_set excluded(const struct select_section *s, const struct select_metric *metric,
			      attribute_set possible, const struct attribute_extras *extras)
{
	attribute_set set = all_of(s->exclude, s->exclude_count, possible, extras);

	return strcmp(s->key, metric->name) == 0 ? set : set & ~attributes_anyway(metric->owner);
}

struct selected select_for(const struct select_sections *sections,
			   const struct select_metric *metric, const struct attribute_rules *rules)
{
	attribute_set possible = attributes_possible(rules, metric->owner);
	struct selected set = {attributes_default(rules, metric->owner), 0};
	const struct select_section *s = NULL;
	bool first = true;

	while ((s = next_section(sections, s))) {
		if (!select_matches(s->key, metric))
			continue;
		if (first && s->include_count > 0)
			set.on &= attributes_anyway(metric->owner);
		first = false;
		set.asked |= all_of(s->include, s->include_count, possible, rules->extras);
		set.on |= set.asked;
		set.on &= ~excluded(s, metric, possible, rules->extras);
		set.asked &= set.on;
	}
	return set;
}
