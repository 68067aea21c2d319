/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads seen of late, and what they say. Clients send the same head again and again, and servers
 * answer alike: then a comparison is cheaper than reading it. A head is taken for another one only
 * if all of its bytes are the same, up to the empty line that ends it.
 * Where heads differ each time most are read without a look: memo.h.
 */
#ifndef KEYHOLE_PROTOCOL_HTTP1_MEMO_H
#define KEYHOLE_PROTOCOL_HTTP1_MEMO_H

#include "http1.h"

#define HTTP1_MEMO_HEADS 512 /* remembered of requests, and of responses; a power of two */
#define HTTP1_MEMO_BYTES 320 /* of a head; longer ones are read each time */

struct http1_memo;

/* All its memory is had here, and touched as it comes into use. NULL: out of memory. */
struct http1_memo *http1_memo_new(void);
void http1_memo_free(struct http1_memo *memo);
size_t http1_memo_bytes(void);

/*
 * Whose head it is: requests are alike only if the same process sent or received them, and the
 * server's port is the same.
 */
struct http1_memo_owner {
	uint64_t cgroup;
	uint32_t tgid;
	uint16_t port;
	uint16_t role; /* enum kh_role */
};

/*
 * As http1_parse_request() and http1_parse_response(), of which only HTTP1_WHOLE is told: NULL if
 * it was anything else. Valid until the next call. `memo` may be NULL. *alike is a number that all
 * requests have which this owner's request stood for so far, or 0: see struct exchange.
 */
const struct http1_request *http1_memo_request(struct http1_memo *memo, const char *p, size_t n,
					       const struct http1_memo_owner *owner,
					       struct http1_request *room, uint64_t *alike);
/* `alike`: the request's; what answered the one before is looked at first. */
const struct http1_response *http1_memo_response(struct http1_memo *memo, const char *p, size_t n,
						 uint64_t alike, struct http1_response *room);

#endif
