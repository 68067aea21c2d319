/* SPDX-License-Identifier: Apache-2.0 */
#include "filter.h"

#include "../service/glob.h"
#include "call_values.h"

#include <errno.h>
#include <stdlib.h>

struct test {
	unsigned int attribute;
	enum filter_op op;
	struct glob *glob;
	uint64_t number;
};

struct filter {
	struct peer_namer namer;
	size_t n;
	struct test test[];
};

static int compile(struct test *to, const struct filter_test *from, char why[PATTERN_WHY_MAX])
{
	*to = (struct test){from->attribute, from->op, NULL, from->number};
	if (from->op == FILTER_MATCH || from->op == FILTER_NOT_MATCH)
		return glob_new(&to->glob, from->glob, why);
	return 0;
}

int filter_new(struct filter **out, const struct filter_test *tests, size_t n,
	       const struct peer_namer *namer, char why[PATTERN_WHY_MAX])
{
	struct filter *filter;
	int r = 0;

	if (n > FILTER_TESTS_MAX)
		return -E2BIG;
	filter = calloc(1, sizeof(*filter) + n * sizeof(*filter->test));
	if (!filter)
		return -ENOMEM;
	if (namer)
		filter->namer = *namer;
	while (filter->n < n && r == 0) {
		r = compile(&filter->test[filter->n], &tests[filter->n], why);
		filter->n++;
	}
	if (r < 0)
		filter_free(filter);
	else
		*out = filter;
	return r;
}

void filter_free(struct filter *filter)
{
	if (!filter)
		return;
	for (size_t i = 0; i < filter->n; i++)
		glob_free(filter->test[i].glob);
	free(filter);
}

/* ---- per exchange ---- */

static bool glob_finds(const struct filter *filter, const struct test *test,
		       const struct attribute_source *source)
{
	char text[LABEL_VALUE_MAX];
	size_t n;

	if (ATTRS_OF_RESOURCE & ATTR_BIT(test->attribute))
		return glob_match(test->glob, slice_of(attribute_of_resource(source->resource,
									     test->attribute)));
	n = exchange_value(text, test->attribute, source, &filter->namer);
	return glob_match(test->glob, (struct slice){text, n});
}

static bool test_passes(const struct filter *filter, const struct test *test,
			const struct attribute_source *source)
{
	uint64_t number = exchange_number(test->attribute, source);

	switch (test->op) {
	case FILTER_MATCH:
		return glob_finds(filter, test, source);
	case FILTER_NOT_MATCH:
		return !glob_finds(filter, test, source);
	case FILTER_EQUALS:
		return number == test->number;
	case FILTER_NOT_EQUALS:
		return number != test->number;
	case FILTER_GREATER_THAN:
		return number > test->number;
	case FILTER_GREATER_EQUALS:
		return number >= test->number;
	case FILTER_LESS_THAN:
		return number < test->number;
	case FILTER_LESS_EQUALS:
		return number <= test->number;
	case FILTER_OPS:
		break;
	}
	return true;
}

bool filter_passes(const struct filter *filter, const struct attribute_source *source)
{
	bool known = attribute_owner_of(source->exchange) >= 0;

	for (size_t i = 0; i < filter->n && known; i++) {
		if (!test_passes(filter, &filter->test[i], source))
			return false;
	}
	return true;
}
