/* SPDX-License-Identifier: Apache-2.0 */
/* Route patterns (syntax: route.h) in a tree of segments; matching looks at each node once. */
#ifndef KEYHOLE_SERVICE_ROUTE_PATTERN_H
#define KEYHOLE_SERVICE_ROUTE_PATTERN_H

#include "route_path.h"

struct route_patterns;

/*
 * The patterns must outlive the tree and be good (route_pattern_check()). Of two that say the same
 * the first one counts. NULL: out of memory.
 */
struct route_patterns *route_patterns_new(const char *const *patterns, size_t n);
void route_patterns_free(struct route_patterns *patterns);

/* Index of the pattern that matches best, or -1. */
int route_patterns_match(const struct route_patterns *patterns, const struct route_path *path);

#endif
