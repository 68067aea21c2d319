/* SPDX-License-Identifier: Apache-2.0 */
#include "utf8.h"

#include <stdint.h>

static const char replacement[3] = {'\xef', '\xbf', '\xbd'};

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

/* Length of the sequence that a lead byte starts, and the least code point it may encode. */
static size_t lead(unsigned char c, uint32_t *bits, uint32_t *least)
{
	if (c >= 0xc2 && c <= 0xdf) {
		*bits = c & 0x1f;
		*least = 0x80;
		return 2;
	}
	if (c >= 0xe0 && c <= 0xef) {
		*bits = c & 0x0f;
		*least = 0x800;
		return 3;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		*bits = c & 0x07;
		*least = 0x10000;
		return 4;
	}
	return 0;
}

/*
 * The character at the start of non-empty text: returns the bytes it takes (at least 1) and says
 * whether they may stand as they are.
 */
static size_t next_char(struct slice text, bool *good)
{
	const unsigned char *p = (const unsigned char *)text.p;
	uint32_t c = 0, least = 0;
	size_t n, i;

	if (p[0] < 0x80) {
		*good = !is_control(p[0]);
		return 1;
	}
	*good = false;
	n = lead(p[0], &c, &least);
	for (i = 1; i < n && i < text.n && (p[i] & 0xc0) == 0x80; i++)
		c = c << 6 | (p[i] & 0x3f);
	if (n == 0 || i < n)
		return 1;
	if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 1;
	*good = !is_control(c);
	return n;
}

#define EACH(byte) (UINT64_MAX / 0xff * (byte))

/* Eight bytes at once: are they all ASCII, and none of them a control character? */
static bool are_plain(const char *p)
{
	uint64_t w, no_delete, bad;

	memcpy(&w, p, sizeof(w));
	no_delete = w ^ EACH(0x7f);
	/* A byte below n, and none of the high bits before, borrows into its own high bit. */
	bad = w | ((w - EACH(0x20)) & ~w) | ((no_delete - EACH(0x01)) & ~no_delete);
	return (bad & EACH(0x80)) == 0;
}

size_t utf8_clean(struct slice text, char *buf, size_t size)
{
	size_t put = 0;

	while (text.n > 0) {
		bool good;
		size_t n = next_char(text, &good);
		size_t m = good ? n : sizeof(replacement);

		if (put + m > size)
			break;
		memcpy(buf + put, good ? text.p : replacement, m);
		put += m;
		text.p += n;
		text.n -= n;
	}
	return put;
}

bool utf8_is_clean(struct slice text, size_t size)
{
	bool good = text.n <= size;

	while (good && text.n > 0) {
		size_t n = 1;

		if (text.n >= 8 && are_plain(text.p))
			n = 8;
		else if (*text.p < 0x20 || *text.p > 0x7e)
			n = next_char(text, &good);
		text.p += n;
		text.n -= n;
	}
	return good;
}
