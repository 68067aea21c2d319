/* SPDX-License-Identifier: Apache-2.0 */
/* A request target's path, taken apart. */
#ifndef KEYHOLE_SERVICE_ROUTE_PATH_H
#define KEYHOLE_SERVICE_ROUTE_PATH_H

#include "../slice.h"

#define ROUTE_PATH_SEGMENTS_MAX 64 /* looked at; deeper paths match only a pattern's last `*` */

struct route_path {
	struct slice segment[ROUTE_PATH_SEGMENTS_MAX]; /* not empty, no '/' */
	size_t n;
	bool open; /* more follows that is not here, or the last segment may be incomplete */
};

/*
 * The path of a target in origin form or absolute form (RFC 9112, 3.2), without query and
 * fragment; empty for `*` and for an authority. *cut stays true only if the path itself is cut.
 */
struct slice route_path_of(struct slice target, bool *cut);

void route_path_split(struct route_path *path, struct slice text, bool cut);

#endif
