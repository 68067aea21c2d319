/* SPDX-License-Identifier: Apache-2.0 */
#include "body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_LEVEL 1 /* 5,000 histograms: 0.12 s for 0.86 MB; level 6 takes 0.25 s for 0.71 MB */
#define RAW_WINDOW (-15) /* zlib: a window of 2^15, and nothing around the deflated data */
#define FIRST_SIZE (64 << 10)

/* RFC 1952, 2.3: deflated, no flags, no time, the fastest algorithm, system unknown. */
static const unsigned char gzip_header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255};

/*
 * Each chunk is deflated by itself, up to a byte's end: strung together, they are one deflated
 * text. Half of zlib's time for such a text would go into sliding the hashes of its window.
 */
struct body_gzip {
	z_stream z;
	unsigned long crc, plain; /* of all that was put, for the trailer */
	size_t n;                 /* waiting in chunk */
	char chunk[BODY_CHUNK];
};

static int init_gzip(struct body *body)
{
	struct body_gzip *gzip = calloc(1, sizeof(*gzip));

	if (!gzip)
		return -ENOMEM;
	if (deflateInit2(&gzip->z, GZIP_LEVEL, Z_DEFLATED, RAW_WINDOW, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK) {
		free(gzip);
		return -ENOMEM;
	}
	body->gzip = gzip;
	return 0;
}

int body_init(struct body *body, size_t max, bool gzip)
{
	*body = (struct body){.max = max};
	return gzip ? init_gzip(body) : 0;
}

static void free_gzip(struct body *body)
{
	if (!body->gzip)
		return;
	deflateEnd(&body->gzip->z);
	free(body->gzip);
	body->gzip = NULL;
}

void body_free(struct body *body)
{
	free_gzip(body);
	free(body->p);
	body->p = NULL;
}

/* Room for n more bytes, or the error is set. */
static bool reserve(struct body *body, size_t n)
{
	size_t size = body->size ? body->size : FIRST_SIZE;
	char *p;

	if (n > body->max - body->n) {
		body->error = -EFBIG;
		return false;
	}
	if (n <= body->size - body->n)
		return true;
	while (size - body->n < n)
		size *= 2;
	if (size > body->max)
		size = body->max;
	p = realloc(body->p, size);
	if (!p) {
		body->error = -ENOMEM;
		return false;
	}
	body->p = p;
	body->size = size;
	return true;
}

static void append(struct body *body, const void *p, size_t n)
{
	if (n > 0 && reserve(body, n)) {
		memcpy(body->p + body->n, p, n);
		body->n += n;
	}
}

/* Compresses what waits: with Z_SYNC_FLUSH up to a byte's end, with Z_FINISH as the end. */
static void deflate_chunk(struct body *body, int flush)
{
	struct body_gzip *gzip = body->gzip;
	z_stream *z = &gzip->z;
	unsigned char out[16 << 10];

	if (gzip->plain == 0)
		append(body, gzip_header, sizeof(gzip_header));
	gzip->crc = crc32(gzip->crc, (unsigned char *)gzip->chunk, (unsigned int)gzip->n);
	gzip->plain += gzip->n;
	deflateReset(z);
	z->next_in = (unsigned char *)gzip->chunk;
	z->avail_in = (unsigned int)gzip->n;
	do {
		z->next_out = out;
		z->avail_out = sizeof(out);
		deflate(z, flush);
		append(body, out, sizeof(out) - z->avail_out);
	} while (z->avail_out == 0 && !body->error);
	gzip->n = 0;
}

static void put_trailer(struct body *body)
{
	unsigned long words[] = {body->gzip->crc, body->gzip->plain};
	unsigned char bytes[8];

	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(words[i / 4] >> 8 * (i % 4));
	append(body, bytes, sizeof(bytes));
}

static void put_gzip(struct body *body, const char *p, size_t n)
{
	struct body_gzip *gzip = body->gzip;

	while (n > 0 && !body->error) {
		size_t m = BODY_CHUNK - gzip->n < n ? BODY_CHUNK - gzip->n : n;

		memcpy(gzip->chunk + gzip->n, p, m);
		gzip->n += m;
		p += m;
		n -= m;
		if (gzip->n == BODY_CHUNK)
			deflate_chunk(body, Z_SYNC_FLUSH);
	}
}

void body_put(struct body *body, const char *p, size_t n)
{
	if (body->error)
		return;
	if (body->gzip)
		put_gzip(body, p, n);
	else
		append(body, p, n);
}

int body_finish(struct body *body)
{
	if (body->gzip && !body->error) {
		deflate_chunk(body, Z_FINISH);
		put_trailer(body);
	}
	free_gzip(body);
	return body->error;
}
