/* SPDX-License-Identifier: Apache-2.0 */
#include "number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t number_u64(uint64_t value, char *out)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[sizeof(digits) - ++n] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	memcpy(out, digits + sizeof(digits) - n, n);
	return n;
}

size_t number_scaled(uint64_t value, uint64_t unit, char *out)
{
	size_t n = number_u64(value / unit, out);
	uint64_t rest = value % unit;

	if (rest == 0)
		return n;
	out[n++] = '.';
	while (rest > 0) {
		unit /= 10;
		out[n++] = (char)('0' + rest / unit);
		rest %= unit;
	}
	return n;
}

size_t number_double(double value, bool point, char *out)
{
	int n = 0;

	for (int decimals = 0; decimals <= 17; decimals++) {
		n = snprintf(out, NUMBER_MAX, "%.*f", decimals, value);
		if (strtod(out, NULL) == value)
			break;
	}
	if (strtod(out, NULL) != value)
		n = snprintf(out, NUMBER_MAX, "%.17g", value);
	if (point && !strpbrk(out, ".e")) {
		memcpy(out + n, ".0", 3);
		n += 2;
	}
	return (size_t)n;
}
