/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many names of spans a service has: a further one is counted as AGGREGATED. A name is held
 * by the series that have it; it goes with the last of them, and makes room. Looked at only where
 * a series is made. All calls are the writer's.
 */
#ifndef KEYHOLE_TELEMETRY_SPAN_NAMES_H
#define KEYHOLE_TELEMETRY_SPAN_NAMES_H

#include "../service/resource.h"
#include "../slice.h"
#include "grace.h"

#define SPAN_NAMES_DEFAULT 100        /* of one service: attributes.metric_span_names_limit */
#define SPAN_NAME_OTHERS "AGGREGATED" /* Beyla's */

struct span_name;
struct span_service;

struct span_names {
	struct grace *grace; /* whose memory it is */
	unsigned int max;    /* of one service; 0: no limit */
	struct span_name **by_name;
	struct span_service **by_service;
};

int span_names_init(struct span_names *names);   /* 0 or -ENOMEM; close it in either case */
void span_names_close(struct span_names *names); /* when all were given back */

/*
 * Holds the name once more for a series of the resource's service. NULL: the service has `max`
 * others already, or there is no memory.
 */
struct span_name *span_names_take(struct span_names *names, const struct resource *resource,
				  struct slice name);
void span_names_give(struct span_names *names, struct span_name *name); /* NULL is fine */

#endif
