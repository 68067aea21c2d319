/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as both exposition formats write them; the process stays in the C locale. */
#ifndef KEYHOLE_EXPORT_NUMBER_H
#define KEYHOLE_EXPORT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_MAX 40 /* bytes that any of these writes, a NUL or a newline included */

/* Each returns the length; only number_double() puts a NUL. */
size_t number_u64(uint64_t value, char *out);

/* value / unit, exactly; `unit` is a power of ten. */
size_t number_scaled(uint64_t value, uint64_t unit, char *out);

/* The fewest decimals that read back as `value` (0 to 1e15). `point`: at least one of them. */
size_t number_double(double value, bool point, char *out);

#endif
