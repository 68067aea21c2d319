/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From segments to exchanges, for all protocols but HTTP/1: keeps a state per connection, finds
 * out which protocol it speaks (parser.h: detect), puts each direction together, cuts it into
 * frames and hands these to the protocol's parser.
 *
 * A connection is looked at until some protocol says yes; what was kept of it till then is read
 * again by that protocol's parser, so that the first request counts. TLS, SSH and the PROXY
 * protocol are known first: the last is passed over, the others end it. A parser that meets
 * STREAMS_BAD_MAX frames in a row which are none gives the connection up to a second look.
 *
 * Two threads on one socket may tell their segments in the wrong order. Each says how far the
 * other direction had come (kh_segment.other): one that is ahead waits, for at most
 * STREAMS_HOLD_NS, until that was told (stream_order.c).
 *
 * Accounting, per protocol: asked = answered + lost + expired + those still open. Memory: at most
 * streams_options.bytes_max in all; one connection at most STREAMS_CONN_MAX, and what waits
 * (HELD_BYTES_MAX), beside its calls.
 */
#ifndef KEYHOLE_PROTOCOL_STREAMS_H
#define KEYHOLE_PROTOCOL_STREAMS_H

#include "parser.h"

#define STREAMS_DEFAULT 8192                  /* connections followed at once */
#define STREAMS_BYTES_DEFAULT (32u << 20)     /* of everything kept for them */
#define STREAMS_CONN_MAX 16384                /* bytes kept of one until its protocol is known */
#define STREAMS_CALLS 8192                    /* unanswered calls of all connections */
#define STREAMS_LOOKS_MAX 256                 /* segments of a connection until it is "other" */
#define STREAMS_BAD_MAX 8                     /* frames in a row that are none */
#define STREAMS_HOLD_NS (200ull * 1000000ull) /* a segment ahead of its time waits at most */
#define STREAMS_PATIENCE_NS (300ull * 1000000000ull) /* the usual time for an answer */

/* X(name, help); keyhole_protocol_<name>_total{protocol=…} */
#define STREAMS_PROTOCOL_COUNTERS(X)                                                               \
	X(connections, "Connections that were found to speak the protocol.")                       \
	X(asked, "Requests seen.")                                                                 \
	X(answered, "Requests told with their answer, or with why there was none.")                \
	X(lost, "Requests not told: bytes of them or of their answer were not captured.")          \
	X(expired, "Requests not told: no answer came within the time that is waited.")            \
	X(unheld, "Requests not told: too many were unanswered.")                                  \
	X(bad_frames, "Bytes where a frame should begin, and none did.")                           \
	X(gaps, "Times that bytes of a direction were missing amidst a frame's head.")             \
	X(given_up, "Connections given up after too many bad frames.")

struct streams_protocol_counters {
#define STREAMS_X(name, help) uint64_t name;
	STREAMS_PROTOCOL_COUNTERS(STREAMS_X)
#undef STREAMS_X
};

#define STREAMS_COUNTERS(X)                                                                        \
	X(segments, "Segments of streams handled.")                                                \
	X(tls, "Connections that are encrypted, and so not visible.")                              \
	X(ssh, "Connections that speak SSH.")                                                      \
	X(proxied, "Connections with a PROXY protocol header, passed over.")                       \
	X(other, "Connections that speak no protocol known.")                                      \
	X(held, "Segments that waited for the other direction.")                                   \
	X(held_in_vain, "Of them, those that waited too long.")                                    \
	X(evicted,                                                                                 \
	  "Connections dropped because there were too many, or the memory for all was used up.")   \
	X(no_memory, "Connections not followed because the memory for all was used up.")           \
	X(late, "Segments that came after what follows them was read, and so were not.")           \
	X(invalid, "Segments whose lengths contradict each other.")

struct streams_counters {
#define STREAMS_X(name, help) uint64_t name;
	STREAMS_COUNTERS(STREAMS_X)
#undef STREAMS_X
	struct streams_protocol_counters of[PROTOCOLS]; /* by the parser's own protocol */
};

struct streams_options {
	uint32_t connections;
	uint64_t bytes_max;
	uint64_t protocols;                  /* bits of enum protocol: those switched on */
	const struct parser *const *parsers; /* NULL: the table of parsers.c */
	unsigned int parsers_n;
	/* For each exchange, and once for an encrypted connection, during the calls below. Its
	 * slices end with the call. */
	void (*emit)(void *arg, const struct exchange *exchange);
	/* What BPF is to capture of a connection from now on; see struct kh_stream_slot. */
	void (*decide)(void *arg, uint64_t cookie, uint32_t capture, enum kh_role role);
	void *arg;
};

struct streams;

/* NULL: out of memory. */
struct streams *streams_new(const struct streams_options *options);
void streams_free(struct streams *streams);

/* A record checked by intake/record.c. */
void streams_segment(struct streams *streams, const struct kh_segment *segment);

/* Time passes: what waited too long goes. A bounded step; call it at least ten times a second. */
void streams_tick(struct streams *streams, uint64_t now_ns);

const struct streams_counters *streams_counters(const struct streams *streams);
uint32_t streams_open(const struct streams *streams);
size_t streams_bytes(const struct streams *streams);

/* No more memory than there is now, until it is taken back. */
void streams_hold(struct streams *streams, bool hold);

#endif
