/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `filter.application`: which exchanges are counted at all, by their attributes. All tests must
 * pass. An attribute without a value is "" to a glob, 0 to a comparison. The filter does not change
 * once made, so that another can take its place.
 */
#ifndef KEYHOLE_TELEMETRY_FILTER_H
#define KEYHOLE_TELEMETRY_FILTER_H

#include "../service/pattern.h"
#include "http_values.h"

#define FILTER_TESTS_MAX 128

enum filter_op {
	FILTER_MATCH, /* globs */
	FILTER_NOT_MATCH,
	FILTER_EQUALS, /* numbers; only of attributes that are (struct attribute) */
	FILTER_NOT_EQUALS,
	FILTER_GREATER_THAN,
	FILTER_GREATER_EQUALS,
	FILTER_LESS_THAN,
	FILTER_LESS_EQUALS,
	FILTER_OPS,
};

struct filter_test {
	unsigned int attribute; /* enum attribute_id */
	enum filter_op op;
	const char *glob;
	uint64_t number;
};

struct filter;

/* Returns 0, -E2BIG, -ENOMEM, or -EINVAL (why: one clause). `namer` is copied; NULL: none. */
int filter_new(struct filter **filter, const struct filter_test *tests, size_t n,
	       const struct peer_namer *namer, char why[PATTERN_WHY_MAX]);
void filter_free(struct filter *filter);

/* Shall it be counted? No allocation, no lock. One whose role is not known passes. */
bool filter_passes(const struct filter *filter, const struct attribute_source *source);

#endif
