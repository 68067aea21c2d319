/* SPDX-License-Identifier: Apache-2.0 */
#include "scalar.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{"h", 3600000000000}, {"ms", 1000000}, {"m", 60000000000}, {"s", 1000000000},
	{"us", 1000},         {"µs", 1000},    {"ns", 1},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int scalar_count(struct slice text, uint64_t *value)
{
	uint64_t v = 0;

	if (text.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < text.n; i++) {
		if (!is_digit(text.p[i]))
			return -EINVAL;
	}
	for (size_t i = 0; i < text.n; i++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(text.p[i] - '0'), &v))
			return -ERANGE;
	}
	*value = v;
	return 0;
}

static struct slice take_digits(struct slice *text)
{
	struct slice digits = {text->p, 0};

	while (digits.n < text->n && is_digit(text->p[digits.n]))
		digits.n++;
	text->p += digits.n;
	text->n -= digits.n;
	return digits;
}

static uint64_t take_unit(struct slice *text)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		size_t n = strlen(units[i].name);

		if (text->n < n || memcmp(text->p, units[i].name, n) != 0)
			continue;
		text->p += n;
		text->n -= n;
		return units[i].ns;
	}
	return 0;
}

/* Nanoseconds of ".ddd" of a unit; digits beyond nanoseconds are cut. */
static uint64_t fraction_of(struct slice digits, uint64_t unit)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < digits.n && unit > 0; i++) {
		/* Minutes and hours divide by ten often enough for this to be exact to 1 ns. */
		ns += (uint64_t)(digits.p[i] - '0') * unit / 10;
		unit /= 10;
	}
	return ns;
}

/* One "1.5h" of the sum. */
static int take_part(struct slice *text, uint64_t *ns)
{
	struct slice whole = take_digits(text), fraction = {NULL, 0};
	uint64_t count = 0, unit;
	int r;

	if (text->n > 0 && *text->p == '.') {
		text->p++;
		text->n--;
		fraction = take_digits(text);
	}
	if (whole.n + fraction.n == 0)
		return -EINVAL;
	r = whole.n > 0 ? scalar_count(whole, &count) : 0;
	unit = take_unit(text);
	if (unit == 0)
		return -EINVAL;
	if (r < 0 || __builtin_mul_overflow(count, unit, &count) ||
	    __builtin_add_overflow(*ns, count, ns) ||
	    __builtin_add_overflow(*ns, fraction_of(fraction, unit), ns))
		return -ERANGE;
	return 0;
}

int scalar_period(struct slice text, uint64_t *ns)
{
	uint64_t sum = 0;
	int r = text.n > 0 ? 0 : -EINVAL;

	if (slice_is(text, "0"))
		text.n = 0;
	while (text.n > 0 && r == 0)
		r = take_part(&text, &sum);
	if (r == 0)
		*ns = sum;
	return r;
}

int scalar_bool(struct slice text, bool *value)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (text.n == strlen(words[i]) && strncasecmp(text.p, words[i], text.n) == 0) {
			*value = i % 2;
			return 0;
		}
	}
	return -EINVAL;
}

int scalar_number(const char *text, double *value)
{
	char *end;
	double v;

	/* strtod() also knows "nan", "inf", hexadecimal and leading space. */
	if (!is_digit(*text) && *text != '.' && *text != '-')
		return -EINVAL;
	if (strpbrk(text, "xXnN"))
		return -EINVAL;
	v = strtod(text, &end);
	if (end == text || *end || !isfinite(v))
		return -EINVAL;
	*value = v;
	return 0;
}

const char *scalar_period_text(uint64_t ns, char buf[SCALAR_PERIOD_MAX])
{
	static const char *const order[] = {"h", "m", "s", "ms", "us", "ns"};
	static const uint64_t size[] = {3600000000000, 60000000000, 1000000000, 1000000, 1000, 1};
	size_t n = 0;

	if (ns == 0)
		return "0";
	for (size_t i = 0; i < sizeof(size) / sizeof(*size); i++) {
		if (ns / size[i] > 0)
			n += (size_t)snprintf(buf + n, SCALAR_PERIOD_MAX - n, "%" PRIu64 "%s",
					      ns / size[i], order[i]);
		ns %= size[i];
	}
	return buf;
}
