/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that somebody else chose, made fit for a label value: valid UTF-8 (RFC 3629, no
 * surrogates, no overlong forms), no control characters (C0, DEL, C1: they reach terminals).
 * What is not becomes U+FFFD.
 */
#ifndef KEYHOLE_SERVICE_UTF8_H
#define KEYHOLE_SERVICE_UTF8_H

#include "../slice.h"

/* Writes at most `size` bytes, whole characters only, no NUL. Returns how many. */
size_t utf8_clean(struct slice text, char *buf, size_t size);

/* Would utf8_clean() return exactly these bytes? */
bool utf8_is_clean(struct slice text, size_t size);

#endif
