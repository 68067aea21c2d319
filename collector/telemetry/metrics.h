/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of workloads, one table: whose they are, what is measured, how they are called. */
#ifndef KEYHOLE_TELEMETRY_METRICS_H
#define KEYHOLE_TELEMETRY_METRICS_H

#include "telemetry.h"

enum metric_value {
	VALUE_DURATION, /* ns */
	VALUE_REQUEST_SIZE,
	VALUE_RESPONSE_SIZE,
	VALUE_FIRST_BYTE, /* ns; none where there was no answer */
	VALUE_NONE,       /* of a counter: it happened */
	/* of an edge, where this end is the one that tells (graph.h) */
	VALUE_CLIENT_DURATION,
	VALUE_SERVER_DURATION,
	VALUE_ADDED,  /* counter */
	VALUE_FAILED, /* counter */
};

enum metric_buckets {
	BUCKETS_DURATION,
	BUCKETS_DB_DURATION,
	BUCKETS_REQUEST_SIZE,
	BUCKETS_RESPONSE_SIZE,
	BUCKETS_NONE, /* of a counter */
	BUCKETS,
};

struct metric {
	struct select_metric is;
	enum metric_value value;
	enum metric_buckets buckets;
	const char *unit; /* NULL: none */
	const char *help;
	unsigned int feature; /* enum telemetry_feature: of spans and edges */
};

extern const struct metric metrics[TELEMETRY_METRICS];

#endif
