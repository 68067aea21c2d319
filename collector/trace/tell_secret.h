/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEYHOLE_TRACE_TELL_SECRET_H
#define KEYHOLE_TRACE_TELL_SECRET_H

#include "tell_datagram.h"

/*
 * The file holds TELL_SECRET_LEN bytes, or twice as many hex digits and at most a line's end.
 * Returns 0, -errno, or -EINVAL: it holds something else, or nothing but zeroes.
 */
int tell_secret_read(const char *path, uint8_t secret[TELL_SECRET_LEN]);

#endif
