/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of a request until its response is complete, and the bytes of a head that came in
 * pieces: blocks from one fixed pool, shared by all connections of a thread. A connection at rest
 * holds none.
 */
#ifndef KEYHOLE_PROTOCOL_HTTP1_HEADS_H
#define KEYHOLE_PROTOCOL_HTTP1_HEADS_H

#include "http_payload.h"

#define HTTP1_HEAD_KEEP 1024  /* bytes of a head that came in pieces; and of a request's texts: */
#define HTTP1_TARGET_KEEP 640 /*   of its target (then target_cut is set), */
#define HTTP1_HOST_KEEP 255   /*   its host (a longer one is left out), */
#define HTTP1_TRACE_KEEP 128  /*   its traceparent (likewise); tracestate gets what is left */
#define HTTP1_ERROR_KEEP 12   /* bytes of an error's code in the body of an answer */

struct http1_head {
	struct http1_head *next; /* in the pool, or in a connection's queue */
	uint64_t start_ns;       /* of its first byte */
	uint64_t body;           /* bytes of the request's body so far */
	int64_t declared;        /* Content-Length, -1 unknown */
	uint64_t routine;        /* see KH_ROUTINE, of the thread that had the request: */
	uint32_t tid;            /* 0 unknown */
	uint32_t seq;            /* TCP sequence number of the first byte; 0 unknown */
	uint16_t used;           /* of text */
	uint16_t target_len, host_len, traceparent_len, tracestate_len;
	uint16_t operation_len, collection_len; /* of what it carries: http_payload.h */
	uint8_t payload;                        /* enum protocol; 0: plain HTTP */
	uint8_t error_len;                      /* of the error that the answer tells */
	char error[HTTP1_ERROR_KEEP];
	uint8_t method; /* enum http_method */
	bool target_cut;
	bool sure;   /* the version was seen; if not, only an HTTP response confirms it */
	bool counts; /* `body` is the body's length so far; else only `declared` is known */
	char text[HTTP1_HEAD_KEEP];
};

struct http1_heads {
	struct http1_head *free;
	struct http1_head *fresh; /* `left` blocks that were never used: memory not touched yet */
	size_t left;
	uint32_t used;      /* blocks out */
	uint64_t exhausted; /* times that none was left */
};

/* The caller keeps `blocks` as long as the pool. 1,136 bytes each; 1,024 serve most nodes. */
void http1_heads_init(struct http1_heads *pool, struct http1_head *blocks, size_t n);

/* A block with nothing in it, or NULL (counted). */
struct http1_head *http1_heads_get(struct http1_heads *pool);
void http1_heads_put(struct http1_heads *pool, struct http1_head *head);

/* Appends as much as fits; returns how much that was. */
size_t http1_head_add(struct http1_head *head, const char *p, size_t n);

/* Copies the texts of a request, which must not lie in `head` itself. `payload` may be NULL. */
void http1_head_keep(struct http1_head *head, const struct http1_request *request,
		     const struct http_payload *payload);

/* The answer's body begins so. */
void http1_head_answer(struct http1_head *head, struct slice body);

/* The other way round: the request's part of an exchange. Slices point into `head`. */
void http1_head_tell(const struct http1_head *head, struct exchange *exchange);

#endif
