/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The waiting room: exchanges whose workload is not named yet, in the order in which they came.
 * Its size is fixed; when it is full the oldest leaves first, with the names that are known.
 * Belongs to the intake thread.
 */
#ifndef KEYHOLE_IDENTITY_WAITING_H
#define KEYHOLE_IDENTITY_WAITING_H

#include "../protocol/exchange.h"

#define WAITING_DEFAULT 2048 /* exchanges, about 1.2 KiB each */
/*
 * Bytes kept of an exchange's texts, HTTP's target and the trace state last: a target that does not
 * fit is cut (target_cut), any other text that does not fit is left out. A call of a protocol other
 * than HTTP/1 has CALL_TEXT bytes of them at most, so that nothing of it is lost.
 */
#define WAITING_TEXT 768
#define WAITING_BYTES 1280 /* of an exchange that waits, at most */

struct waiting;

/*
 * `exchange` has slices into the room. Return true if it is done with; where it must go, it leaves
 * either way.
 */
typedef bool (*waiting_fn)(void *arg, const struct exchange *exchange, bool must_go);

/* A capacity of 0 lets nobody wait. NULL: no memory. */
struct waiting *waiting_new(uint32_t capacity, waiting_fn fn, void *arg);
void waiting_free(struct waiting *room);

void waiting_put(struct waiting *room, const struct exchange *exchange);

/* Offers each exchange to `fn` again; those it is done with leave. `all`: none may stay. */
void waiting_offer(struct waiting *room, bool all);

uint32_t waiting_count(const struct waiting *room);
uint64_t waiting_forced(const struct waiting *room); /* left because the room was full */
size_t waiting_bytes(const struct waiting *room);

#endif
