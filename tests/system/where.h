/* SPDX-License-Identifier: Apache-2.0 */
/* For jail.c: whether a path's way leads through a place that is out of bounds. */
#ifndef WHERE_H
#define WHERE_H

#include <limits.h>
#include <stdbool.h>

/*
 * Follows `path` from the directory `from` (an absolute path) name by name, as path_resolution(7)
 * says: links, `.` and `..` included. True, with the place, if the way enters
 *
 *   - /sys/kernel/tracing or /sys/kernel/debug, whether or not something is mounted there,
 *   - a tracefs or a debugfs, wherever it is mounted,
 *   - the directory of a process in a procfs, wherever it is mounted: by its number or as self or
 *     thread-self, so also /proc/mounts, /proc/net and /dev/fd, which are links through it,
 *
 * even if it leaves again, and even if the last name does not exist. What cannot be followed to
 * its end because a name on the way is missing is out of nobody's bounds: the kernel fails too.
 *
 * `follow`: a link as the last name is followed; false is O_NOFOLLOW.
 */
bool where_forbidden(const char *from, const char *path, bool follow, char place[PATH_MAX]);

#endif
