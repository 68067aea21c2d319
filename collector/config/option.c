/* SPDX-License-Identifier: Apache-2.0 */
#include "option.h"

#include "../service/selector.h"
#include "scalar.h"

#include <inttypes.h>
#include <stdio.h>

const struct option *option_at(const struct option_table *table, size_t i)
{
	for (; table; table = table->next) {
		if (i < table->n)
			return &table->options[i];
		i -= table->n;
	}
	return NULL;
}

static void put_choices(const struct option *o, const char *kind, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "%s", kind);

	for (const struct option_choice *c = o->choices; c->name && n < size; c++) {
		if (!c->alias && !c->because)
			n += (size_t)snprintf(buf + n, size - n, "%s %s",
					      c == o->choices ? "" : ",", c->name);
	}
}

const char *option_expects(const struct option *o, char *buf, size_t size)
{
	char from[SCALAR_PERIOD_MAX], to[SCALAR_PERIOD_MAX];

	switch (o->type) {
	case OPTION_BOOL:
		return "true or false";
	case OPTION_COUNT:
		snprintf(buf, size, "a whole number from %" PRIu64 " to %" PRIu64, o->min, o->max);
		return buf;
	case OPTION_PERIOD:
		snprintf(buf, size, "a duration from %s to %s, such as 30s or 5m",
			 scalar_period_text(o->min, from), scalar_period_text(o->max, to));
		return buf;
	case OPTION_CHOICE:
		put_choices(o, "one of", buf, size);
		return buf;
	case OPTION_SET:
		put_choices(o, "a list of", buf, size);
		return buf;
	case OPTION_TEXT:
		return "text";
	case OPTION_PATTERN:
		return o->form == PATTERN_GLOB ? "a glob" : "a regular expression";
	case OPTION_TEXTS:
	case OPTION_LABELS:
		return "a list of texts";
	case OPTION_NUMBERS:
		snprintf(buf, size, "a list of 1 to %" PRIu64 " ascending numbers, none negative",
			 o->max);
		return buf;
	case OPTION_RANGES:
		snprintf(buf, size,
			 "up to %d numbers or ranges from %" PRIu64 " to %" PRIu64
			 ", such as 80,8000-9000",
			 SELECTOR_RANGES_MAX, o->min, o->max);
		return buf;
	case OPTION_PAIRS:
		snprintf(buf, size, "a map of 1 to %" PRIu64 " keys to patterns", o->max);
		return buf;
	case OPTION_ENTRIES:
		return "a list of entries";
	case OPTION_SELECT:
		return "a map of metrics to include and exclude lists";
	case OPTION_FILTER:
		return "a map of attributes to tests";
	case OPTION_UNSUPPORTED:
		break;
	}
	return "anything";
}
