/* SPDX-License-Identifier: Apache-2.0 */
#include "route_path.h"

/* Behind "scheme://authority"; NULL if there is no such thing, or nothing behind it. */
static const char *behind_authority(struct slice target)
{
	const char *end = target.p + target.n, *p = memmem(target.p, target.n, "://", 3);

	for (p = p ? p + 3 : end; p < end; p++) {
		if (*p == '/' || *p == '?' || *p == '#')
			return p;
	}
	return NULL;
}

struct slice route_path_of(struct slice target, bool *cut)
{
	const char *start = target.p;

	if (target.n == 0)
		return (struct slice){"", 0};
	if (*start != '/')
		start = behind_authority(target);
	if (!start)
		return (struct slice){"", 0};
	target.n -= (size_t)(start - target.p);
	for (size_t i = 0; i < target.n; i++) {
		if (start[i] == '?' || start[i] == '#') {
			*cut = false;
			return (struct slice){start, i};
		}
	}
	return (struct slice){start, target.n};
}

void route_path_split(struct route_path *path, struct slice text, bool cut)
{
	const char *p = text.p, *end = text.p + text.n;

	path->n = 0;
	path->open = cut;
	while (p < end) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		const char *stop = slash ? slash : end;

		if (stop > p && path->n == ROUTE_PATH_SEGMENTS_MAX) {
			path->open = true;
			return;
		}
		if (stop > p)
			path->segment[path->n++] = (struct slice){p, (size_t)(stop - p)};
		p = slash ? slash + 1 : end;
	}
}
