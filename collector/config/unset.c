/* SPDX-License-Identifier: Apache-2.0 */
#include "unset.h"

#include "entries.h"

#include <string.h>

/* Only the older form was used: an empty list of the newer one would put it out of effect. */
static bool older_form(const struct config *config)
{
	return !config->discovery.instrument.given && !config->discovery.exclude_instrument.given &&
	       (config->discovery.services.given || config->discovery.exclude_services.given ||
		config->discovery.default_exclude_services.given);
}

/* Entries that are built in count unless those of a form in effect were given. */
static bool built_in_count(const struct config *config)
{
	return !config->discovery.default_exclude_instrument.given &&
	       !(older_form(config) && config->discovery.default_exclude_services.given);
}

static const struct tree *empty(struct binding *b, enum tree_kind kind)
{
	struct tree *value = arena_take(b->arena, sizeof(*value));

	if (value)
		value->kind = kind;
	return value;
}

static const struct tree *entries(struct binding *b, const struct config *config,
				  const struct option *o)
{
	const char *name = strrchr(o->path, '.') + 1;

	if (strcmp(name, "default_exclude_instrument") == 0)
		return built_in_count(config) ? entries_default(b) : NULL;
	if (strcmp(name, "default_exclude_services") == 0)
		return NULL;
	return older_form(config) == (o->form == PATTERN_REGEX) ? empty(b, TREE_LIST) : NULL;
}

static const struct tree *value_of(struct binding *b, const struct config *config,
				   const struct option *o)
{
	switch (o->type) {
	case OPTION_TEXTS:
		return empty(b, TREE_LIST);
	case OPTION_ENTRIES:
		return entries(b, config, o);
	case OPTION_SELECT:
	case OPTION_FILTER:
		return empty(b, TREE_MAP);
	default:
		return NULL;
	}
}

void unset_complete(struct binding *b, const struct config *config)
{
	const struct option *o;

	for (size_t i = 0; (o = option_at(&options_all, i)); i++) {
		if (!b->values[i] && !o->env_only)
			b->values[i] = value_of(b, config, o);
	}
}
