/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slice: bytes that somebody else owns, not NUL-terminated, possibly hostile. Parsers return
 * slices into their input; nothing in the collector may keep one beyond the call that got it.
 */
#ifndef KEYHOLE_SLICE_H
#define KEYHOLE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

static inline struct slice slice_of(const char *text)
{
	return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_is(struct slice s, const char *text)
{
	size_t n = strlen(text);

	return s.n == n && (n == 0 || memcmp(s.p, text, n) == 0);
}

static inline bool slice_same(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

#endif
