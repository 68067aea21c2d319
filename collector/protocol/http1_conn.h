/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1 on one connection: runs of bytes of both directions go in, exchanges come out. Server
 * and client are alike. The usual exchange, whole within one record, needs no state at all
 * (http1_simple); a caller keeps a struct http1_conn only from the first record that is not of
 * that kind until http1_conn_idle().
 *
 * What comes out does not depend on how the bytes were cut into runs, as long as all were
 * captured and heads that came in pieces fit HTTP1_HEAD_KEEP. Where bytes are missing, a request
 * is told at most once, and each one that is not told is counted:
 *   requests = exchanges + lost + unheld + pipeline_overflow + those still open
 */
#ifndef KEYHOLE_PROTOCOL_HTTP1_CONN_H
#define KEYHOLE_PROTOCOL_HTTP1_CONN_H

#include "http1_chunk.h"
#include "http1_heads.h"
#include "http1_memo.h"

#define HTTP1_PIPELINE_MAX 32 /* unanswered requests kept per connection */

/* X(name, help) */
#define HTTP1_COUNTERS(X)                                                                          \
	X(requests, "HTTP/1 requests seen.")                                                       \
	X(exchanges, "HTTP/1 exchanges told.")                                                     \
	X(lost, "HTTP/1 requests whose answer was not captured or never confirmed them.")          \
	X(unheld, "HTTP/1 requests not told because no block was free to keep them.")              \
	X(pipeline_overflow, "HTTP/1 requests not told because too many were unanswered.")         \
	X(orphans, "HTTP/1 responses without a request.")                                          \
	X(resyncs, "Times that bytes stood where a head was expected, and were passed over.")      \
	X(heads_cut, "HTTP/1 heads longer than what was captured of them.")                        \
	X(tunnels, "Connections that left HTTP/1 (101, CONNECT).")                                 \
	X(bad, "HTTP/1 messages of contradictory length, and answers that are not HTTP/1.")

struct http1_counters {
#define HTTP1_X(name, help) uint64_t name;
	HTTP1_COUNTERS(HTTP1_X)
#undef HTTP1_X
};

/* The exchange's slices end with the call. */
typedef void (*http1_emit_fn)(void *arg, const struct exchange *exchange);

/* What the connections of one thread share. */
struct http1 {
	struct http1_heads heads;
	struct http1_memo *memo; /* NULL: each head is read */
	struct http1_counters counters;
	http1_emit_fn emit;
	void *arg;
	uint64_t payloads; /* those looked for: http_payload.h */
};

/* Consecutive bytes of one direction, of which the start, the end, or nothing was captured. */
struct http1_run {
	const char *head;            /* the first head_len bytes */
	const char *tail;            /* the last tail_len bytes; 0 when the head holds all */
	uint32_t head_len, tail_len; /* head_len + tail_len <= len */
	uint64_t len;
	uint64_t first_ns, last_ns;
	uint32_t seq; /* TCP sequence number of the first byte; 0 unknown */
};

enum http1_mode {
	HTTP1_AT_HEAD,   /* a head comes next, or has begun (part) */
	HTTP1_AT_LENGTH, /* in a body of known length (left) */
	HTTP1_AT_CHUNKS, /* in a chunked body whose chunks can be followed */
	HTTP1_AT_CLOSE,  /* in a body that ends with the connection */
	HTTP1_AT_STOP,   /* in a message whose end must be guessed: see http1_stop, or at a turn */
	HTTP1_AT_LOST,   /* nowhere known: until a run begins like a head */
};

/* Last bytes of a run at which a message of unknown length is taken to end. */
enum http1_stop {
	HTTP1_STOP_TURN,  /* none */
	HTTP1_STOP_CHUNK, /* the last chunk */
	HTTP1_STOP_BLANK, /* an empty line: a head without a body */
};

#define HTTP1_STOP_BYTES 6

struct http1_half {
	uint8_t mode;   /* enum http1_mode */
	bool tentative; /* at a head, but only because a run begins here */
	uint8_t stop;   /* enum http1_stop */
	uint8_t end_len;
	char end[HTTP1_STOP_BYTES + 2]; /* last bytes seen, while a stop is waited for */
	uint64_t left;
	struct http1_chunks chunks;
	struct http1_head *part; /* of a head that goes on in the next run */
};

/* Whose answer the response under way is. */
enum http1_busy {
	HTTP1_NO_ANSWER,
	HTTP1_ANSWER,        /* to the first request of the queue */
	HTTP1_UNHELD_ANSWER, /* to a request that could not be kept */
	HTTP1_ORPHAN,
};

struct http1_conn {
	struct kh_conn conn;
	uint64_t cgroup;
	uint32_t tgid, tid;
	uint32_t number;   /* of the last exchange record; 0: none */
	uint32_t next_seq; /* where the next request run should begin; 0 unknown */
	uint32_t req_tid;  /* whose thread had the requests of the record at hand; 0 unknown */
	uint64_t routine;  /* see KH_ROUTINE: of that thread */

	struct http1_half req, resp;
	struct http1_head *first, *last; /* unanswered requests, in order */
	struct http1_head *open;         /* the one whose body is coming in */
	uint16_t pending;                /* length of that queue */
	uint32_t unheld;                 /* further ones behind it, not kept */

	/* the response under way */
	uint8_t busy; /* enum http1_busy */
	bool turned;  /* a request began since the last run of the response */
	bool tunnel;
	uint16_t status;
	uint64_t first_ns, last_ns;
	uint64_t body;
	int64_t declared; /* length of its body if that cannot be counted, else -1 */
};
_Static_assert(sizeof(struct http1_conn) <= 512, "small enough to have many");

/* A connection of which nothing was seen yet; addresses and owner from the record. */
void http1_conn_init(struct http1_conn *c, const struct kh_exchange *x);

/* Bytes of either direction, in the order in which they passed. Empty runs are allowed. */
void http1_conn_request(struct http1 *h, struct http1_conn *c, const struct http1_run *run);
void http1_conn_response(struct http1 *h, struct http1_conn *c, const struct http1_run *run);

/*
 * What the kernel side knows of the end of a response (TURN, LENGTH) or of the connection (CLOSE,
 * RESET, at `ns`). After the latter two the connection is idle and may be used for a new one.
 */
void http1_conn_end(struct http1 *h, struct http1_conn *c, enum kh_reason reason, uint64_t ns);

/* Records went missing: what is open is told as far as it was seen, or counted as lost. */
void http1_conn_lost(struct http1 *h, struct http1_conn *c);

/* Nothing is open: the state may be dropped without loss. Never true for a tunnel. */
bool http1_conn_idle(const struct http1_conn *c);

/* ---- records (http1_record.c); rec.size bytes must be readable ---- */

/*
 * An exchange that is whole within its record, on a connection without state or with idle state:
 * told at once, no state needed. False: nothing was done; take http1_conn_exchange().
 */
bool http1_simple(struct http1 *h, const struct kh_exchange *x);

/* Return 0, or -EBADMSG for a record whose lengths do not fit its size (nothing was done). */
int http1_conn_exchange(struct http1 *h, struct http1_conn *c, const struct kh_exchange *x);

/* KH_PART and KH_FINISH. Also -ESTALE: it continues another exchange than the last one. */
int http1_conn_part(struct http1 *h, struct http1_conn *c, const struct kh_part *part);

#endif
