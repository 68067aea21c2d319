/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was asked and not yet answered on a connection: requests of all protocols but HTTP/1, in
 * blocks from one fixed pool. A connection at rest holds none.
 */
#ifndef KEYHOLE_PROTOCOL_CALL_H
#define KEYHOLE_PROTOCOL_CALL_H

#include "exchange.h"

#define CALL_TEXT 512       /* bytes of all texts of one call */
#define CALL_PARENT_MAX 128 /* bytes of a traceparent; a longer one is left out */
#define CALL_STATE_MAX 256  /* bytes of a tracestate; likewise */
#define CALLS_PER_CONN 1024 /* unanswered calls of one connection */

enum call_text {
	CALL_OPERATION,
	CALL_COLLECTION,
	CALL_NAMESPACE,
	CALL_SUMMARY,
	CALL_CODE,
	CALL_GROUP,
	CALL_TARGET, /* HTTP */
	CALL_HOST,
	CALL_TRACEPARENT,
	CALL_TRACESTATE,
	CALL_TEXTS,
};

struct call {
	struct call *next; /* in the pool, or in the connection's queue */
	uint64_t key;
	uint64_t start_ns, first_ns, last_ns; /* first_ns: of the answer, 0 while there is none */
	uint32_t seq;
	uint8_t raddr[16];  /* UDP: of whom was asked, as struct kh_conn has it */
	uint16_t rport;     /* 0: not known */
	uint32_t tgid, tid; /* who sent (client) or received (server) the request */
	uint64_t routine;   /* of that thread: see KH_ROUTINE */

	/* what the exchange will say: see exchange.h. The parser sets what it knows */
	uint8_t protocol, kind, action, method, error; /* enum protocol, exchange_kind, … */
	bool failed, waits, target_cut;
	bool doubted; /* its answer may have been missed: lost, unless one still comes */
	uint16_t status;
	uint64_t req_body, resp_body;

	uint64_t note[2]; /* the parser's own */
	uint16_t at[CALL_TEXTS], n[CALL_TEXTS], used;
	char text[CALL_TEXT];
};

struct calls {
	struct call *first, *last;
	uint32_t n;
};

struct call_pool {
	struct call *free;  /* given back */
	struct call *fresh; /* never used: memory that is not touched is not there */
	size_t left;        /* of those */
	uint32_t used;
	uint64_t exhausted; /* times that none was left */
};

/* The caller keeps `blocks` as long as the pool. */
void call_pool_init(struct call_pool *pool, struct call *blocks, size_t n);
struct call *call_get(struct call_pool *pool); /* zero but for its text; NULL: none left */
void call_put(struct call_pool *pool, struct call *call);

void calls_add(struct calls *calls, struct call *call); /* behind the others */
bool calls_remove(struct calls *calls, struct call *call);

/*
 * Copies a text; a second one replaces the first. What does not fit is cut off a target or a
 * summary, and left out otherwise: half a name would be another name. False: it did not fit.
 */
bool call_set(struct call *call, enum call_text which, struct slice text);

/*
 * A header of a message, of whatever protocol: traceparent and tracestate (W3C Trace Context) are
 * kept, the first of each; names are compared as HTTP's are. False: it is neither.
 */
bool call_header(struct call *call, struct slice name, struct slice value);
struct slice call_text(const struct call *call, enum call_text which);

/* The call's part of an exchange; connection and owner are the caller's. Slices point into `call`.
 */
void call_tell(const struct call *call, struct exchange *exchange);

#endif
