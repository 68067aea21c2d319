/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a response as it is written: grows up to a limit, compressed on the way if asked
 * (so that a large plain text never exists). An error sticks and is told by body_finish().
 */
#ifndef KEYHOLE_EXPORT_BODY_H
#define KEYHOLE_EXPORT_BODY_H

#include <stdbool.h>
#include <stddef.h>

/* Plain bytes gathered before they are compressed: what zlib takes in without sliding its window.
 */
#define BODY_CHUNK (60 << 10)

struct body_gzip;

struct body {
	char *p; /* result: the first n bytes */
	size_t n, size, max;
	struct body_gzip *gzip;
	int error; /* 0 or -errno */
};

/* Returns 0 or -ENOMEM. `max` bounds the result, in bytes. */
int body_init(struct body *body, size_t max, bool gzip);
void body_free(struct body *body);

void body_put(struct body *body, const char *p, size_t n);

/* No more will be put. Returns 0, -EFBIG (`max` was passed) or -ENOMEM. */
int body_finish(struct body *body);

#endif
