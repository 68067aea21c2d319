/* SPDX-License-Identifier: Apache-2.0 */
/* Text to numbers. Each takes the whole text or refuses it. */
#ifndef KEYHOLE_CONFIG_SCALAR_H
#define KEYHOLE_CONFIG_SCALAR_H

#include "../slice.h"

#include <stdint.h>

/* Decimal digits only. Returns 0, -EINVAL, or -ERANGE beyond 64 bits. */
int scalar_count(struct slice text, uint64_t *value);

/*
 * Durations as Go writes them: "300ms", "1.5h", "2h45m", units ns, us, ms, s, m, h; "0" needs none.
 * Returns 0, -EINVAL, or -ERANGE beyond 64 bits of nanoseconds.
 */
int scalar_period(struct slice text, uint64_t *ns);

/* true, false, yes, no, on, off in any case, 1, 0. Returns 0 or -EINVAL. */
int scalar_bool(struct slice text, bool *value);

/* A finite decimal number. Returns 0 or -EINVAL. */
int scalar_number(const char *text, double *value);

/* The shortest exact form of a duration: "5m", "1h30m", "250ms". Returns buf. */
#define SCALAR_PERIOD_MAX 40
const char *scalar_period_text(uint64_t ns, char buf[SCALAR_PERIOD_MAX]);

#endif
