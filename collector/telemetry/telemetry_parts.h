/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer's half of telemetry (telemetry.c) and the reader's (telemetry_read.c) share. */
#ifndef KEYHOLE_TELEMETRY_TELEMETRY_PARTS_H
#define KEYHOLE_TELEMETRY_TELEMETRY_PARTS_H

#include "grace.h"
#include "labels.h"
#include "metrics.h"
#include "seen.h"
#include "series.h"
#include "slots.h"
#include "target.h"
#include "telemetry.h"

#define GROUPS_MAX 4 /* of one owner: it has so many metrics at most */

/* Metrics of an owner that have the same labels. */
struct family_group {
	attribute_set set;
	unsigned int look; /* of targets */
	unsigned int n;
	struct {
		enum metric_value value;
		const struct histogram_bounds *bounds;
		size_t offset;                 /* of its words in a series */
		size_t exemplars, exponential; /* likewise; 0: it has none */
	} metric[GROUPS_MAX];
	unsigned int timed; /* 1 + which of them has exemplars; 0: none */
	size_t words;
	struct series_table table;
};

/* All metrics that an exchange is counted in. */
struct lane {
	unsigned int groups; /* 0: not counted */
	struct family_group group[GROUPS_MAX];
};

struct telemetry {
	struct telemetry_options options;
	struct grace grace;
	struct targets targets;
	struct lane lane[OWNERS_OF_SERIES];
	struct family_group *group[TELEMETRY_METRICS]; /* of all lanes */
	unsigned int groups;
	struct histogram_bounds bounds[BUCKETS];
	struct {
		struct telemetry_family family;
		const struct family_group *group; /* NULL: switched off */
		unsigned int at;                  /* in group->metric */
	} metric[TELEMETRY_METRICS];
	struct seen seen;
	struct telemetry_stats stats;
	uint64_t serial; /* of the newest series */
};

#endif
