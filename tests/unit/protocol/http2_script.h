/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation of HTTP/2, put together frame by frame (RFC 9113), with an encoder of HPACK that
 * tells by index what it told before.
 */
#ifndef KEYHOLE_TESTS_HTTP2_SCRIPT_H
#define KEYHOLE_TESTS_HTTP2_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/parsers.h"
#include "talker.h"

#define STEPS_MAX 64

enum { DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8, WITH_PRIORITY = 32 };

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* ---- an encoder: what it said once with this name and value is an index afterwards ---- */

struct encoder {
	char entry[64][128]; /* "name\0value" in the order of insertion */
	size_t n;
};

struct script {
	struct said said[STEPS_MAX];
	size_t n;
	char bytes[1 << 18];
	size_t used;
	struct encoder encoder[2]; /* by side */
};

static inline void put(struct script *s, const void *p, size_t n)
{
	assert_true(s->used + n <= sizeof(s->bytes));
	memcpy(s->bytes + s->used, p, n);
	s->used += n;
	s->said[s->n - 1].n += n;
}

/* What follows is said by this side, in one system call. */
static inline void says(struct script *s, char who)
{
	assert_true(s->n < STEPS_MAX);
	s->said[s->n++] = (struct said){who, s->bytes + s->used, 0};
}

static inline void frame(struct script *s, unsigned int type, unsigned int flags, uint32_t stream,
			 const void *payload, size_t n)
{
	const unsigned char head[] = {(unsigned char)(n >> 16),
				      (unsigned char)(n >> 8),
				      (unsigned char)n,
				      (unsigned char)type,
				      (unsigned char)flags,
				      (unsigned char)(stream >> 24),
				      (unsigned char)(stream >> 16),
				      (unsigned char)(stream >> 8),
				      (unsigned char)stream};

	put(s, head, sizeof(head));
	put(s, payload, n);
}

static inline size_t add_string(char *b, const char *text, size_t n)
{
	size_t at = 0, rest = n;

	b[at++] = (char)(n < 127 ? n : 127);
	if (n >= 127) {
		for (rest -= 127; rest >= 128; rest >>= 7)
			b[at++] = (char)(0x80 | (rest & 0x7f));
		b[at++] = (char)rest;
	}
	memcpy(b + at, text, n);
	return at + n;
}

static const struct {
	const char *name, *value;
	int index;
} statics[] = {
	{":method", "GET", 2}, {":method", "POST", 3}, {":scheme", "http", 6},
	{":status", "200", 8}, {":status", "404", 13},
};

/* A field, after its name '+' to be inserted and told by index from then on. */
static inline size_t add_field(struct encoder *e, char *b, const char *name, const char *value)
{
	bool kept = name[0] == '+';
	char entry[sizeof(e->entry[0])] = "";
	size_t at = 0;

	name += kept;
	for (size_t i = 0; kept && i < sizeof(statics) / sizeof(*statics); i++) {
		if (strcmp(name, statics[i].name) == 0 && strcmp(value, statics[i].value) == 0) {
			b[0] = (char)(0x80 | statics[i].index);
			return 1;
		}
	}
	if (kept) {
		assert_true(strlen(name) + strlen(value) + 2 <= sizeof(entry));
		strcpy(entry, name);
		strcpy(entry + strlen(name) + 1, value);
		for (size_t i = 0; i < e->n; i++) {
			if (memcmp(e->entry[i], entry, sizeof(entry)) == 0) {
				b[0] = (char)(0x80 | (62 + e->n - 1 - i));
				return 1;
			}
		}
		memcpy(e->entry[e->n++], entry, sizeof(entry));
	}
	b[at++] = kept ? 0x40 : 0;
	at += add_string(b + at, name, strlen(name));
	return at + add_string(b + at, value, strlen(value));
}

/* "name=value name=value": a header block. Returns its size. */
static inline size_t block(struct script *s, char *b, const char *fields)
{
	struct encoder *e = &s->encoder[s->said[s->n - 1].who == '<'];
	char copy[8192], *rest = copy, *field;
	size_t n = 0;

	assert_true(strlen(fields) < sizeof(copy));
	strcpy(copy, fields);
	while ((field = strsep(&rest, " ")) != NULL) {
		char *eq = strchr(field, '=');

		*eq = '\0';
		n += add_field(e, b + n, field, eq + 1);
	}
	return n;
}

static inline void headers(struct script *s, uint32_t stream, unsigned int flags,
			   const char *fields)
{
	char b[16384];

	frame(s, HEADERS, flags | END_HEADERS, stream, b, block(s, b, fields));
}

static inline void body(struct script *s, uint32_t stream, unsigned int flags, size_t n)
{
	static const char zeros[65536];

	frame(s, DATA, flags, stream, zeros, n);
}

/* gRPC: a message of n bytes, uncompressed */
static inline void message(struct script *s, uint32_t stream, unsigned int flags, size_t n)
{
	char b[4096] = {0, 0, 0, (char)(n >> 8), (char)n};

	memset(b + 5, 'm', n);
	frame(s, DATA, flags, stream, b, n + 5);
}

#define GET "+:method=GET +:scheme=http +:authority=shop +:path="
#define POST                                                                                       \
	"+:method=POST +:scheme=http +:authority=shop +content-type=application/grpc "             \
	"+te=trailers +:path="
#define ANSWER "+:status=200 +content-type=application/grpc"

static inline struct script *script_new(void)
{
	struct script *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	return s;
}

static inline struct script *opened(void)
{
	struct script *s = script_new();

	says(s, '>');
	put(s, PREFACE, 24);
	frame(s, SETTINGS, 0, 0, "\0\3\0\0\0\144\0\4\0\1\0\0", 12);
	frame(s, WINDOW, 0, 0, "\0\1\0\0", 4);
	says(s, '<');
	frame(s, SETTINGS, 0, 0, "", 0);
	frame(s, SETTINGS, ACK, 0, "", 0);
	says(s, '>');
	frame(s, SETTINGS, ACK, 0, "", 0);
	return s;
}

static inline void tells(struct script *s, const char *expected)
{
	talker_same(s->said, s->n, expected, 60);
	free(s);
}

#endif
