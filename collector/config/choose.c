/* SPDX-License-Identifier: Apache-2.0 */
#include "choose.h"

#include "../service/glob.h"
#include "../telemetry/telemetry.h"
#include "nearest.h"
#include "unsupported.h"

#include <stddef.h>

#define SHOWN_MAX 80
#define UNSET UINT64_MAX /* a number that is not given */

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

/* ---- attributes.select ---- */

struct section_draft {
	struct config_texts include, exclude;
};

static const char *check_glob(const char *text, char why[PATTERN_WHY_MAX])
{
	struct glob *glob = NULL;
	int r;

	if (!*text)
		return "it is empty";
	r = glob_new(&glob, text, why);
	glob_free(glob);
	return r < 0 ? why : NULL;
}

static const struct option section_options[] = {
	{.path = "include",
	 .type = OPTION_TEXTS,
	 .offset = offsetof(struct section_draft, include),
	 .max = SELECT_GLOBS_MAX,
	 .check = check_glob,
	 .doc = "Attributes that the metric has, as names or globs."},
	{.path = "exclude",
	 .type = OPTION_TEXTS,
	 .offset = offsetof(struct section_draft, exclude),
	 .max = SELECT_GLOBS_MAX,
	 .check = check_glob,
	 .doc = "Attributes that it has not."},
};

const struct option_table choose_section_lists = {.options = section_options,
						  .n = ARRAY_SIZE(section_options)};

static size_t length(const struct tree *parent)
{
	size_t n = 0;

	for (const struct tree *t = parent->first; t; t = t->next)
		n++;
	return n;
}

/* Says what is wrong; 0 if it is a map of at most `max` keys. */
static int expect_map(struct binding *b, const struct option *o, const struct tree *map, size_t max)
{
	char buf[300];

	if (map->kind != TREE_MAP)
		note_error(b->notes, &map->place, "%s: expected %s, found %s", o->path,
			   option_expects(o, buf, sizeof(buf)), tree_kind_name(map));
	else if (length(map) > max)
		note_error(b->notes, &map->place, "%s: more than %zu keys", o->path, max);
	else
		return 0;
	return -1;
}

static bool read_section(struct binding *b, const struct option *o, const struct tree *node,
			 struct select_section *to)
{
	char why[PATTERN_WHY_MAX], shown[SHOWN_MAX];
	struct section_draft draft = {0};
	const char *fault = check_glob(node->key, why);

	if (fault)
		note_error(b->notes, &node->key_place, "%s: %s names no metrics: %s", o->path,
			   log_text(slice_of(node->key), shown, sizeof(shown)), fault);
	if (node->kind == TREE_NULL || fault)
		return false;
	if (node->kind != TREE_MAP) {
		note_error(b->notes, &node->place,
			   "%s: expected a map with include and exclude, found %s", o->path,
			   tree_kind_name(node));
		return false;
	}
	bind_map(b, &choose_section_lists, "", node, &draft);
	*to = (struct select_section){node->key, draft.include.v, draft.exclude.v, draft.include.n,
				      draft.exclude.n};
	return true;
}

void choose_select(struct binding *b, const struct option *o, const struct tree *map,
		   struct config_select *to)
{
	struct select_section *v;
	const struct tree **at;
	size_t n = 0;

	if (expect_map(b, o, map, SELECT_SECTIONS_MAX) < 0)
		return;
	v = arena_take(b->arena, length(map) * sizeof(*v));
	at = arena_take(b->arena, length(map) * sizeof(*at));
	if (!v || !at)
		return;
	for (const struct tree *t = map->first; t; t = t->next) {
		at[n] = t;
		n += read_section(b, o, t, &v[n]);
	}
	*to = (struct config_select){{v, n}, at};
}

/* ---- filter.application ---- */

struct filter_draft {
	const char *match, *not_match;
	uint64_t number[FILTER_OPS];
};

#define NUMBER(key, op, says)                                                                      \
	{.path = (key),                                                                            \
	 .type = OPTION_COUNT,                                                                     \
	 .offset = offsetof(struct filter_draft, number[op]),                                      \
	 .max = UINT32_MAX,                                                                        \
	 .doc = (says)}

static const struct option filter_options[] = {
	{.path = "match",
	 .type = OPTION_TEXT,
	 .offset = offsetof(struct filter_draft, match),
	 .check = check_glob,
	 .doc = "The value matches this glob."},
	{.path = "not_match",
	 .type = OPTION_TEXT,
	 .offset = offsetof(struct filter_draft, not_match),
	 .check = check_glob,
	 .doc = "It does not match this glob."},
	NUMBER("equals", FILTER_EQUALS, "The number is this one."),
	NUMBER("not_equals", FILTER_NOT_EQUALS, "It is another."),
	NUMBER("greater_than", FILTER_GREATER_THAN, "It is greater."),
	NUMBER("greater_equals", FILTER_GREATER_EQUALS, "It is this one or greater."),
	NUMBER("less_than", FILTER_LESS_THAN, "It is less."),
	NUMBER("less_equals", FILTER_LESS_EQUALS, "It is this one or less."),
};

const struct option_table choose_filter_tests = {.options = filter_options,
						 .n = ARRAY_SIZE(filter_options)};

/* Writes at most FILTER_OPS tests; their attribute is settled later. */
static size_t read_tests(struct binding *b, const struct tree *node, struct filter_test *to)
{
	struct filter_draft draft = {0};
	size_t n = 0;

	for (int op = 0; op < FILTER_OPS; op++)
		draft.number[op] = UNSET;
	bind_map(b, &choose_filter_tests, "", node, &draft);
	if (draft.match)
		to[n++] = (struct filter_test){0, FILTER_MATCH, draft.match, 0};
	if (draft.not_match)
		to[n++] = (struct filter_test){0, FILTER_NOT_MATCH, draft.not_match, 0};
	for (int op = 0; op < FILTER_OPS; op++) {
		if (draft.number[op] != UNSET)
			to[n++] =
				(struct filter_test){0, (enum filter_op)op, NULL, draft.number[op]};
	}
	return n;
}

void choose_filter(struct binding *b, const struct option *o, const struct tree *map,
		   struct config_filter *to)
{
	size_t room, n = 0;
	struct filter_test *v;
	const struct tree **at;

	if (expect_map(b, o, map, FILTER_TESTS_MAX) < 0)
		return;
	room = length(map) * FILTER_OPS;
	v = arena_take(b->arena, room * sizeof(*v));
	at = arena_take(b->arena, room * sizeof(*at));
	if (!v || !at)
		return;
	for (const struct tree *t = map->first; t; t = t->next) {
		unsigned errors = b->notes->errors;
		size_t first = n;

		if (t->kind == TREE_MAP)
			n += read_tests(b, t, &v[n]);
		if (n == first && b->notes->errors == errors)
			note_error(b->notes, &t->key_place,
				   "%s: this says nothing of the attribute: give it match, "
				   "not_match, equals or another test",
				   o->path);
		for (size_t i = first; i < n; i++)
			at[i] = t;
	}
	if (n > FILTER_TESTS_MAX)
		note_error(b->notes, &map->place, "%s: more than %d tests", o->path,
			   FILTER_TESTS_MAX);
	*to = (struct config_filter){v, n, at};
}

/* ---- which attributes there are ---- */

const char *choose_check_extra(const char *text, char why[PATTERN_WHY_MAX])
{
	struct attribute_extras none = {0};
	const char *fault = NULL;

	attribute_extras_add(&none, text, EXTRA_ON_INFO, &fault);
	return fault;
}

static void add_extras(struct binding *b, struct config *config, const struct config_texts *names,
		       enum attribute_extra_on on)
{
	const char *why;

	for (size_t i = 0; i < names->n; i++) {
		if (attribute_extras_add(&config->attributes.extras, names->v[i], on, &why) == 0)
			continue;
		note_error(b->notes, NULL,
			   "prometheus_export.extra_resource_attributes, "
			   "prometheus_export.extra_span_resource_attributes and "
			   "attributes.extra_group_attributes: more than %d attributes together",
			   RESOURCE_EXTRAS_MAX);
		return;
	}
}

/*
 * Beyla has these on every metric of spans. They take the places that are left: what was asked for
 * goes first.
 */
static void add_span_extras(struct config *config)
{
	static const char *const names[] = {"deployment.environment.name",
					    "cloud.availability_zone", "cloud.region"};
	const char *why;

	if (!(config_features(config) & CONFIG_ANY_SPANS))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		attribute_extras_add(&config->attributes.extras, names[i], EXTRA_ON_SPANS, &why);
}

static struct slice nearest_attribute(const char *asked, attribute_set among,
				      const struct attribute_extras *extras)
{
	unsigned distance = 0;
	struct slice best = {0};

	for (unsigned int id = 0; id < ATTRS_MAX; id++) {
		if (!(among & ATTR_BIT(id)))
			continue;
		nearest_offer(slice_of(asked), slice_of(attribute_name(extras, id)), &best,
			      &distance);
		nearest_offer(slice_of(asked), slice_of(attribute_label(extras, id)), &best,
			      &distance);
	}
	return best;
}

static void say_unknown(struct binding *b, enum log_level level, const struct tree *node,
			const char *where, const char *asked, attribute_set among,
			const struct attribute_extras *extras)
{
	const struct place *place = node->text == asked ? &node->place : &node->key_place;
	struct slice near = nearest_attribute(asked, among, extras);
	char shown[SHOWN_MAX];

	log_text(slice_of(asked), shown, sizeof(shown));
	if (attribute_find(extras, slice_of(asked)) >= 0)
		note(b->notes, level, place,
		     "%s: these metrics cannot have %s; the reference page says which can "
		     "(--print-config-reference)",
		     where, shown);
	else if (near.p)
		note(b->notes, level, place,
		     "%s: no attribute is called %s; did you mean \"%.*s\"?", where, shown,
		     (int)near.n, near.p);
	else
		note(b->notes, level, place,
		     "%s: no attribute is called %s; the reference page lists them "
		     "(--print-config-reference)",
		     where, shown);
}

/* Says so if Beyla has attributes of that name, or glob of names, and no metric of Keyhole has. */
static bool say_unsupported(struct binding *b, const struct tree *node, const char *where,
			    const char *asked, attribute_set all,
			    const struct attribute_extras *extras)
{
	const struct place *place = node->text == asked ? &node->place : &node->key_place;
	const struct unsupported_attribute *a = unsupported_attribute_find(asked);
	char shown[SHOWN_MAX];

	if (!a || select_attributes(asked, all, extras))
		return false;
	note_warn(b->notes, place, "not supported by Keyhole%s: %s: %s, because %s",
		  a->yet ? " yet" : "", where, log_text(slice_of(asked), shown, sizeof(shown)),
		  a->because);
	return true;
}

static attribute_set possible(const struct config *config, enum attribute_owner owner)
{
	const struct attribute_rules all = {.kubernetes = true,
					    .extras = &config->attributes.extras};

	return attributes_possible(&all, owner);
}

/* ---- attributes.select, once all attributes are known ---- */

/* All that the metrics, or spans, of a section can have; 0: there is no such metric. */
static attribute_set of_section(const struct config *config, const char *key)
{
	attribute_set set = 0;

	for (unsigned int m = 0; m < TELEMETRY_METRICS; m++) {
		if (select_matches(key, telemetry_metric_name(m)))
			set |= possible(config, telemetry_metric_name(m)->owner);
	}
	if (select_matches(key, &select_spans))
		set |= possible(config, OWNER_SPANS);
	return select_matches(key, &select_resource) ? set | possible(config, OWNER_INFO) : set;
}

static bool of_spans(const char *key)
{
	for (unsigned int m = 0; m < TELEMETRY_METRICS; m++) {
		const struct select_metric *metric = telemetry_metric_name(m);

		if (metric->owner >= OWNERS && select_matches(key, metric))
			return true;
	}
	return false;
}

static void say_no_metric(struct binding *b, const struct tree *section)
{
	char shown[SHOWN_MAX];
	unsigned distance = 0;
	struct slice best = {0};

	nearest_offer(slice_of(section->key), slice_of(select_resource.name), &best, &distance);
	nearest_offer(slice_of(section->key), slice_of(select_spans.name), &best, &distance);
	for (unsigned int m = 0; m < TELEMETRY_METRICS; m++) {
		const struct select_metric *metric = telemetry_metric_name(m);

		nearest_offer(slice_of(section->key), slice_of(metric->name), &best, &distance);
		nearest_offer(slice_of(section->key), slice_of(metric->label), &best, &distance);
	}
	log_text(slice_of(section->key), shown, sizeof(shown));
	if (of_spans(section->key))
		note_warn(b->notes, &section->key_place,
			  "attributes.select: the labels of %s are always the same, so this has "
			  "no effect",
			  shown);
	else if (best.p)
		note_warn(b->notes, &section->key_place,
			  "attributes.select: Keyhole has no metric %s, so this has no effect; did "
			  "you mean \"%.*s\"?",
			  shown, (int)best.n, best.p);
	else
		note_warn(b->notes, &section->key_place,
			  "attributes.select: Keyhole has no metric %s, so this has no effect",
			  shown);
}

/* A list of globs as it stands in the file. */
static const struct tree *list_of(const struct tree *section, const char *key)
{
	for (const struct tree *t = section->first; t; t = t->next) {
		if (strcmp(t->key, key) == 0 && t->kind == TREE_LIST)
			return t->first;
	}
	return NULL;
}

/* Nothing was said against it yet. */
static bool is_good(const struct tree *glob)
{
	char why[PATTERN_WHY_MAX];

	return glob->kind == TREE_TEXT && !check_glob(glob->text, why);
}

static attribute_set possible_anywhere(const struct config *config)
{
	attribute_set all = 0;

	for (int owner = 0; owner < OWNERS; owner++)
		all |= possible(config, owner);
	return all;
}

static void check_section(struct binding *b, const struct config *config,
			  const struct tree *section)
{
	const struct attribute_extras *extras = &config->attributes.extras;
	attribute_set among = of_section(config, section->key);
	attribute_set all = possible_anywhere(config);

	if (!among) {
		say_no_metric(b, section);
		return;
	}
	for (const struct tree *t = list_of(section, "include"); t; t = t->next) {
		if (is_good(t) && !select_attributes(t->text, among, extras) &&
		    !say_unsupported(b, t, "attributes.select", t->text, all, extras))
			say_unknown(b, LOG_LEVEL_ERROR, t, "attributes.select", t->text, among,
				    extras);
	}
	/* What is not there is excluded already, unless somebody meant another. */
	for (const struct tree *t = list_of(section, "exclude"); t; t = t->next) {
		if (is_good(t) && !glob_is_wild(t->text) && !unsupported_attribute_find(t->text) &&
		    !select_attributes(t->text, all, extras))
			say_unknown(b, LOG_LEVEL_WARN, t, "attributes.select", t->text, among,
				    extras);
	}
}

/* ---- filter.application, likewise ---- */

/* Beyla's configurations go on working: such a test tests nothing. */
static bool say_only_spans(struct binding *b, const struct tree *node, int id)
{
	if (id < 0 || attribute_presence((unsigned)id, OWNER_SPANS) == PRESENT_NEVER)
		return false;
	note_warn(
		b->notes, &node->key_place,
		"not supported by Keyhole: filter.application: \"%s\", because only spans have it",
		attribute_name(NULL, (unsigned)id));
	return true;
}

/* The attribute that a test is about; -1: said that there is none, or that it is not tested. */
static int attribute_of_test(struct binding *b, const struct config *config,
			     const struct filter_test *test, const struct tree *node)
{
	const struct attribute_extras *extras = &config->attributes.extras;
	attribute_set among = 0;
	int id = attribute_find(extras, slice_of(node->key));

	for (int owner = 0; owner < OWNER_CONNECTION; owner++)
		among |= possible(config, owner);
	/* No glob: a test is of one attribute. */
	if (id < 0 && !glob_is_wild(node->key) &&
	    say_unsupported(b, node, "filter.application", node->key, 0, extras))
		return -1;
	if (id >= 0 && !(among & ATTR_BIT(id)) && say_only_spans(b, node, id))
		return -1;
	if (id < 0 || !(among & ATTR_BIT(id))) {
		say_unknown(b, LOG_LEVEL_ERROR, node, "filter.application", node->key, among,
			    extras);
		return -1;
	}
	if (test->op >= FILTER_EQUALS && !attribute_at((unsigned)id)->number) {
		note_error(b->notes, &node->key_place,
			   "filter.application: %s is no number; use match or not_match",
			   attribute_name(extras, (unsigned)id));
		return -1;
	}
	return id;
}

/* Tests of attributes that there are not are said once each, and left out. */
static void settle_filter(struct binding *b, struct config *config)
{
	struct config_filter *filter = &config->attributes.filter;
	const struct tree *said = NULL;
	size_t n = 0;

	for (size_t i = 0; i < filter->n; i++) {
		const struct tree *node = filter->at[i];
		int id;

		if (node == said)
			continue;
		id = attribute_of_test(b, config, &filter->v[i], node);
		if (id < 0) {
			said = node;
			continue;
		}
		filter->v[n] = filter->v[i];
		filter->v[n++].attribute = (unsigned)id;
	}
	filter->n = n;
}

/* Labels are looked up for extra attributes; whose are none is said, and left out. */
static void settle_labels(struct binding *b, struct config *config)
{
	const struct attribute_extras *extras = &config->attributes.extras;
	struct config_labels *labels = &config->kubernetes.extra_labels;
	size_t n = 0;

	for (size_t i = 0; i < labels->n; i++) {
		const struct tree *node = labels->at[i];
		int id = attribute_find(extras, slice_of(node->key));
		char shown[SHOWN_MAX];

		if (id < ATTR_EXTRA) {
			note_warn(
				b->notes, &node->key_place,
				"not supported by Keyhole: attributes.kubernetes.resource_labels: "
				"%s, because %s",
				log_text(slice_of(node->key), shown, sizeof(shown)),
				id < 0 ? "it is not in prometheus_export.extra_resource_attributes"
				       : "that attribute is not taken from labels");
			continue;
		}
		labels->v[n] = labels->v[i];
		labels->at[n] = node;
		labels->v[n++].attribute = attribute_name(extras, (unsigned)id);
	}
	labels->n = n;
}

void choose_settle(struct binding *b, struct config *config)
{
	add_extras(b, config, &config->attributes.group, EXTRA_ON_SERIES);
	add_extras(b, config, &config->prometheus.extra, EXTRA_ON_INFO);
	add_extras(b, config, &config->prometheus.span_extra, EXTRA_ON_SPANS);
	add_span_extras(config);
	settle_labels(b, config);
	for (size_t i = 0; i < config->attributes.select.sections.n; i++)
		check_section(b, config, config->attributes.select.at[i]);
	settle_filter(b, config);
}
