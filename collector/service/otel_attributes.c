/* SPDX-License-Identifier: Apache-2.0 */
#include "otel_attributes.h"

#include "../slice.h"

static struct slice trim(struct slice s)
{
	for (; s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'); s.n--)
		s.p++;
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A '%' that begins no escape stands for itself. */
static const char *decode(struct slice value, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < value.n && n + 1 < size; i++) {
		char c = value.p[i];

		if (c == '%' && i + 2 < value.n && hex_digit(value.p[i + 1]) >= 0 &&
		    hex_digit(value.p[i + 2]) >= 0) {
			c = (char)(hex_digit(value.p[i + 1]) << 4 | hex_digit(value.p[i + 2]));
			i += 2;
		}
		if (c == '\0')
			return NULL;
		buf[n++] = c;
	}
	buf[n] = '\0';
	return n > 0 ? buf : NULL;
}

static const char *usable(struct slice value, char *buf, size_t size)
{
	if (memmem(value.p, value.n, "$(", 2))
		return NULL;
	return decode(value, buf, size);
}

const char *otel_attribute(const char *attributes, const char *key, char *buf, size_t size)
{
	const char *p = attributes ? attributes : "";

	while (*p) {
		size_t n = strcspn(p, ",");
		const char *equals = memchr(p, '=', n);

		if (equals && slice_is(trim((struct slice){p, (size_t)(equals - p)}), key)) {
			const char *value = equals + 1;

			return usable(trim((struct slice){value, (size_t)(p + n - value)}), buf,
				      size);
		}
		p += n + (p[n] == ',');
	}
	return NULL;
}
