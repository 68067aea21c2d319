/* SPDX-License-Identifier: Apache-2.0 */
/* What telemetry.c, which writes, spans.c and telemetry_read.c share. */
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

#define GROUPS_MAX 6 /* of one owner: it has so many metrics at most */

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
	struct span_names names;
	struct lane lane[OWNERS_OF_ANY];
	struct family_group *group[TELEMETRY_METRICS]; /* of all lanes */
	unsigned int groups;
	struct histogram_bounds bounds[BUCKETS];
	struct {
		struct telemetry_family family;
		const struct family_group *group; /* NULL: switched off */
		unsigned int at;                  /* in group->metric */
	} metric[TELEMETRY_METRICS];
	struct telemetry_family info[TELEMETRY_INFOS]; /* .name NULL: switched off */
	char host_info[2 * LABEL_VALUE_MAX + 32];
	size_t host_info_n;
	struct seen seen;
	struct telemetry_stats stats;
	uint64_t serial; /* of the newest series */
};

/* What is counted, in one lane. */
struct counted {
	enum attribute_owner owner;
	const struct attribute_source *source;
	const struct graph_peer *peer; /* of OWNER_AS_EDGE */
};

/* telemetry.c. 0, or -ENOENT. `memo` may be NULL. */
int store_count(struct telemetry *t, const struct counted *what, uint64_t now_ns,
		struct telemetry_place *place, struct telemetry_memo *memo);
/* Counts it in one series of that group. */
void store_update(const struct telemetry *t, const struct family_group *group,
		  struct series *series, const struct counted *what, uint64_t now_ns,
		  struct telemetry_place *place);
/* memo.c. Counts it where the memo says, if that still holds; false: it does not. */
bool memo_count(struct telemetry *t, const struct counted *what, uint64_t now_ns,
		struct telemetry_place *place, const struct telemetry_memo *memo);
/* Where it was counted, memo->series, becomes what the memo says. */
void memo_keep(struct telemetry_memo *memo, const struct telemetry *t, const struct lane *lane,
	       const struct counted *what, struct target *const *targets);
struct series *store_make(struct telemetry *t, struct family_group *group,
			  const struct series_key *key, uint64_t hash, const struct labels *labels);

/* spans.c: lanes of spans and edges; infos. */
void spans_init(struct telemetry *t);
bool spans_has(const struct telemetry_options *options, const struct metric *metric);
attribute_set spans_set(const struct telemetry_options *options, enum attribute_owner owner);
struct series *spans_make(struct telemetry *t, const struct counted *what,
			  struct family_group *group, struct series_key *key, uint64_t hash);
/* Does this exchange have such a value? */
bool spans_value(const struct counted *what, enum metric_value value);
/* Is there anything to show of it? An edge has both ends' metrics, but perhaps one end. */
bool spans_shown(const struct telemetry *t, enum telemetry_metric metric,
		 const struct series *series);

#endif
