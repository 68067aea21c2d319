/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads of HTTP/1.x messages (RFC 9112), as far as a metric needs them. Pure: bytes in, a struct
 * out; slices point into the input. The input may end at any byte (capture limit, segment): what
 * was seen in full until there is filled in.
 *
 * Whatever is said of an input holds for its prefixes: a prefix of a message that is taken is
 * never refused (HTTP1_NOT), it is cut.
 */
#ifndef KEYHOLE_PROTOCOL_HTTP1_H
#define KEYHOLE_PROTOCOL_HTTP1_H

#include <stdint.h>

#include "exchange.h"

#define HTTP1_METHOD_MAX 24 /* bytes of a method; the longest registered one has 17 */

enum http1_result {
	HTTP1_WHOLE, /* the head ends within the input, at head_len */
	HTTP1_CUT,   /* valid so far; only what was complete is filled in */
	HTTP1_NOT,   /* not HTTP/1 */
};

/* What tells where a message ends, and what comes after it (RFC 9112 section 6). */
struct http1_framing {
	int64_t length;    /* Content-Length; -1: absent, or not to be believed (bad) */
	bool chunked;      /* Transfer-Encoding ends in chunked; beats the length */
	bool other_coding; /* Transfer-Encoding ends in something else: until close */
	bool bad;          /* contradictory or malformed Content-Length */
	bool close;        /* Connection: close, or HTTP/1.0 without keep-alive */
	bool upgrade;      /* Connection: upgrade */
	bool expect;       /* Expect: 100-continue (requests) */
};

struct http1_request {
	enum http_method method;
	struct slice method_text; /* as sent; empty until it is complete */
	struct slice target;      /* as sent; see target_cut */
	bool target_cut;          /* the input ends within the target */
	int8_t minor;      /* of the version, 0..9; -1: not seen, so not yet sure to be HTTP */
	struct slice host; /* authority of the target (section 3.2.2), else Host */
	struct slice traceparent; /* first of its name, not validated */
	struct slice tracestate;  /* likewise */
	struct slice amz_target;  /* likewise: AWS' name of the operation */
	struct slice text;        /* what of the body follows the head at once */
	struct http1_framing framing;
	uint32_t head_len; /* through the empty line, blank lines before it included; 0 if cut */
	uint32_t lead;     /* blank lines before it, bytes */
};

struct http1_response {
	uint16_t status; /* 100..599; 0: cut before it was complete */
	int8_t minor;    /* 0..9; -1: not seen */
	struct http1_framing framing;
	uint32_t head_len; /* as above */
	uint32_t lead;
};

enum http1_result http1_parse_request(const char *p, size_t n, struct http1_request *request);
enum http1_result http1_parse_response(const char *p, size_t n, struct http1_response *response);

/* The method with exactly this spelling (RFC 9110 section 9.1: case-sensitive), or HTTP_OTHER. */
enum http_method http1_method(struct slice text);

/* No body whatever the fields say: RFC 9112 section 6.3, rules 1 and 2. */
static inline bool http1_no_body(enum http_method method, uint16_t status)
{
	return method == HTTP_HEAD || status < 200 || status == 204 || status == 304;
}

/* The connection leaves HTTP after this response (RFC 9110 sections 9.3.6 and 15.2.2). */
static inline bool http1_tunnels(enum http_method method, uint16_t status)
{
	return status == 101 || (method == HTTP_CONNECT && status >= 200 && status < 300);
}

#endif
