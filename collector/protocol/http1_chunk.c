/* SPDX-License-Identifier: Apache-2.0 */
#include "http1_chunk.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint8_t after_size_line(const struct http1_chunks *c)
{
	return c->left ? HTTP1_CHUNK_DATA : HTTP1_CHUNK_TRAILER;
}

/* A line end is CRLF or, leniently, LF. Returns the state after `c` where one must stand. */
static uint8_t line_end(struct http1_chunks *chunks, char c, uint8_t here, uint8_t then)
{
	if (c == '\r' && !chunks->after_cr) {
		chunks->after_cr = true;
		return here;
	}
	chunks->after_cr = false;
	return c == '\n' ? then : HTTP1_CHUNK_BAD;
}

static uint8_t digits(struct http1_chunks *chunks, char c)
{
	int v = hex(c);

	if (v < 0)
		return c == '\n'                                        ? after_size_line(chunks)
		       : c == ';' || c == ' ' || c == '\t' || c == '\r' ? HTTP1_CHUNK_EXTENSION
									: HTTP1_CHUNK_BAD;
	if (chunks->left >> 58)
		return HTTP1_CHUNK_BAD;
	chunks->left = chunks->left << 4 | (unsigned int)v;
	return HTTP1_CHUNK_DIGITS;
}

static uint8_t step(struct http1_chunks *chunks, char c)
{
	switch (chunks->state) {
	case HTTP1_CHUNK_SIZE:
		return hex(c) < 0 ? HTTP1_CHUNK_BAD : digits(chunks, c);
	case HTTP1_CHUNK_DIGITS:
		return digits(chunks, c);
	case HTTP1_CHUNK_EXTENSION:
		return c == '\n' ? after_size_line(chunks) : HTTP1_CHUNK_EXTENSION;
	case HTTP1_CHUNK_DATA_END:
		return line_end(chunks, c, HTTP1_CHUNK_DATA_END, HTTP1_CHUNK_SIZE);
	case HTTP1_CHUNK_TRAILER:
		if (c == '\r' || c == '\n')
			return line_end(chunks, c, HTTP1_CHUNK_TRAILER, HTTP1_CHUNK_DONE);
		return chunks->after_cr ? HTTP1_CHUNK_BAD : HTTP1_CHUNK_TRAILER_LINE;
	case HTTP1_CHUNK_TRAILER_LINE:
		return c == '\n' ? HTTP1_CHUNK_TRAILER : HTTP1_CHUNK_TRAILER_LINE;
	default:
		return HTTP1_CHUNK_BAD;
	}
}

static void pass_data(struct http1_chunks *chunks, uint64_t n)
{
	chunks->left -= n;
	chunks->body += n;
	if (chunks->left == 0)
		chunks->state = HTTP1_CHUNK_DATA_END;
}

size_t http1_chunks_feed(struct http1_chunks *chunks, const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && chunks->state < HTTP1_CHUNK_DONE) {
		if (chunks->state == HTTP1_CHUNK_DATA) {
			size_t take = chunks->left < n - i ? (size_t)chunks->left : n - i;

			pass_data(chunks, take);
			i += take;
		} else {
			chunks->state = step(chunks, p[i++]);
		}
	}
	return chunks->state == HTTP1_CHUNK_DONE ? i : n;
}

bool http1_chunks_skip(struct http1_chunks *chunks, uint64_t n)
{
	if (n == 0)
		return chunks->state != HTTP1_CHUNK_BAD;
	if (chunks->state != HTTP1_CHUNK_DATA || n > chunks->left) {
		chunks->body += n;
		chunks->state = HTTP1_CHUNK_BAD;
		return false;
	}
	pass_data(chunks, n);
	return true;
}
