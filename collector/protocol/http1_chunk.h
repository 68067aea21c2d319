/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a chunked body ends (RFC 9112 section 7.1), byte by byte over any segmentation, also over
 * holes that lie within one chunk's data. Pure.
 */
#ifndef KEYHOLE_PROTOCOL_HTTP1_CHUNK_H
#define KEYHOLE_PROTOCOL_HTTP1_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http1_chunk_state {
	HTTP1_CHUNK_SIZE, /* before the first digit */
	HTTP1_CHUNK_DIGITS,
	HTTP1_CHUNK_EXTENSION, /* to the end of the size's line */
	HTTP1_CHUNK_DATA,
	HTTP1_CHUNK_DATA_END, /* the line end after the data */
	HTTP1_CHUNK_TRAILER,  /* at the start of a line */
	HTTP1_CHUNK_TRAILER_LINE,
	HTTP1_CHUNK_DONE,
	HTTP1_CHUNK_BAD, /* not chunked after all; for good */
};

/* All zero: before the first chunk. */
struct http1_chunks {
	uint64_t left; /* of the data of this chunk; while reading digits: the size so far */
	uint64_t body; /* data passed over */
	uint8_t state; /* enum http1_chunk_state */
	bool after_cr; /* the byte before was a CR */
};

/* Takes what belongs to the body; returns how many bytes that was. n if it goes on or is bad. */
size_t http1_chunks_feed(struct http1_chunks *chunks, const char *p, size_t n);

/* Passes over bytes that nobody saw. False: they were more than data, the end is lost. */
bool http1_chunks_skip(struct http1_chunks *chunks, uint64_t n);

#endif
