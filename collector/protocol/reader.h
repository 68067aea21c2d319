/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading binary messages without running over their end: whatever does not fit reads as 0 (or "")
 * and sets `bad`, which is looked at once, at the end.
 */
#ifndef KEYHOLE_PROTOCOL_READER_H
#define KEYHOLE_PROTOCOL_READER_H

#include <stdint.h>

#include "../slice.h"

struct reader {
	const unsigned char *p;
	size_t n; /* bytes left */
	bool bad; /* something asked for more than there was */
};

static inline struct reader reader_of(struct slice s)
{
	return (struct reader){(const unsigned char *)s.p, s.n, false};
}

/* The next n bytes, or NULL. */
static inline const unsigned char *reader_take(struct reader *r, size_t n)
{
	const unsigned char *p = r->p;

	if (n > r->n) {
		r->bad = true;
		r->n = 0;
		return NULL;
	}
	if (n) {
		r->p += n;
		r->n -= n;
	}
	return p;
}

static inline void reader_skip(struct reader *r, size_t n)
{
	reader_take(r, n);
}

/* The next n bytes; "" if there are not so many. */
static inline struct slice reader_text(struct reader *r, size_t n)
{
	const unsigned char *p = reader_take(r, n);

	return p ? (struct slice){(const char *)p, n} : (struct slice){"", 0};
}

/* What stands before the next NUL, which is passed over, too. */
static inline struct slice reader_string(struct reader *r)
{
	const unsigned char *end = r->n ? memchr(r->p, 0, r->n) : NULL;
	struct slice s;

	if (!end) {
		r->bad = true;
		r->n = 0;
		return (struct slice){"", 0};
	}
	s = reader_text(r, (size_t)(end - r->p));
	reader_skip(r, 1);
	return s;
}

/* Big endian, n <= 8 bytes. */
static inline uint64_t reader_be(struct reader *r, unsigned int n)
{
	const unsigned char *p = reader_take(r, n);
	uint64_t v = 0;

	for (unsigned int i = 0; p && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* Little endian, n <= 8 bytes. */
static inline uint64_t reader_le(struct reader *r, unsigned int n)
{
	const unsigned char *p = reader_take(r, n);
	uint64_t v = 0;

	for (unsigned int i = n; p && i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static inline uint8_t reader_u8(struct reader *r)
{
	return (uint8_t)reader_be(r, 1);
}

static inline uint16_t reader_be16(struct reader *r)
{
	return (uint16_t)reader_be(r, 2);
}

static inline uint32_t reader_be32(struct reader *r)
{
	return (uint32_t)reader_be(r, 4);
}

static inline uint16_t reader_le16(struct reader *r)
{
	return (uint16_t)reader_le(r, 2);
}

static inline uint32_t reader_le32(struct reader *r)
{
	return (uint32_t)reader_le(r, 4);
}

#endif
