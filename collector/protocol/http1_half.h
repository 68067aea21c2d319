/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Within http1_conn only: what its two directions (http1_request.c, http1_response.c) share, and
 * what each does for the other.
 */
#ifndef KEYHOLE_PROTOCOL_HTTP1_HALF_H
#define KEYHOLE_PROTOCOL_HTTP1_HALF_H

#include "http1_conn.h"

/* ---- one direction (http1_queue.c) ---- */

bool http1_half_rests(const struct http1_half *half);
void http1_half_at(struct http1_half *half, enum http1_mode mode);
void http1_half_drop_part(struct http1 *h, struct http1_half *half);

/* A run begins: if nothing is known of where we are, its first byte may begin a head. */
void http1_half_begin_run(struct http1_half *half);

/* Adds bytes of a head to what came before; *text is then all of it. */
void http1_half_gather(struct http1_half *half, struct slice *text);

/* Keeps the beginning of a head until the next run. False: there is no room for it. */
bool http1_half_keep_part(struct http1 *h, struct http1_half *half, struct slice text, uint64_t ns,
			  uint32_t seq);

/* ---- the queue of unanswered requests (http1_queue.c) ---- */

/* NULL: the request is counted, but not kept. */
struct http1_head *http1_queue_add(struct http1 *h, struct http1_conn *c);

/* Requests whose answer has not begun. */
uint32_t http1_queue_waiting(const struct http1_conn *c);

/* The answer to the first request, or to all, went by unseen. */
void http1_queue_lose(struct http1 *h, struct http1_conn *c);
void http1_queue_lose_all(struct http1 *h, struct http1_conn *c);

/* Tells the first request, with whatever answer there was, and forgets it. */
void http1_queue_tell(struct http1 *h, struct http1_conn *c, enum exchange_error error,
		      uint64_t end_ns);

/* ---- responses ---- */

/* The response under way is over, at `ns`. */
void http1_answer_ends(struct http1 *h, struct http1_conn *c, enum exchange_error error,
		       uint64_t ns);

/* The rest of a head that came in pieces will not come: makes do with what is there. */
void http1_response_evaluate_part(struct http1 *h, struct http1_conn *c);
void http1_request_evaluate_part(struct http1 *h, struct http1_conn *c);

/* ---- requests ---- */

/* The next request began: an answer of unknown length has ended, one that was missed is lost. */
void http1_turn(struct http1 *h, struct http1_conn *c);

#endif
