/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What values each place of a service's paths had. A place that had more than `cardinality` of
 * them becomes the wildcard for good. All memory is taken at the start; limits: route.h.
 */
#ifndef KEYHOLE_SERVICE_ROUTE_LEARN_H
#define KEYHOLE_SERVICE_ROUTE_LEARN_H

#include "route.h"
#include "route_guess.h"

struct route_learner;

/* `stats` is where limits and collapses are counted. NULL: out of memory. */
struct route_learner *route_learner_new(unsigned cardinality, struct route_stats *stats);
void route_learner_free(struct route_learner *learner);

/*
 * Takes the segments of a path, of which empty ones are wildcards already and none is longer than
 * ROUTE_GUESS_SEGMENT_MAX, and empties those that are wildcards now. Returns how many segments
 * are to be kept, or -ENOSPC (too many services).
 */
int route_learn(struct route_learner *learner, uint64_t service, struct slice *segments, size_t n);

/* Changes whenever an earlier answer may not hold any more. */
uint32_t route_learner_epoch(const struct route_learner *learner);

#endif
