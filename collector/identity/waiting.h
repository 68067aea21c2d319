/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The waiting room: exchanges whose workload is not named yet, in the order in which they came.
 * Its size is fixed; when it is full the oldest leaves first, with the names that are known.
 * Belongs to the intake thread.
 */
#ifndef KEYHOLE_IDENTITY_WAITING_H
#define KEYHOLE_IDENTITY_WAITING_H

#include "../protocol/exchange.h"

#define WAITING_DEFAULT 2048 /* exchanges, about 1 KiB each */
#define WAITING_TEXT 768     /* bytes of target and host kept while waiting; longer ones are cut */

struct waiting;

/* `exchange` is a copy with slices into the room. Return true if it is done with. */
typedef bool (*waiting_fn)(void *arg, const struct exchange *exchange, bool must_go);

struct waiting *waiting_new(uint32_t capacity, waiting_fn fn, void *arg); /* NULL: no memory */
void waiting_free(struct waiting *room);

void waiting_put(struct waiting *room, const struct exchange *exchange);

/* Offers each exchange to `fn` again; those it is done with leave. `all`: none may stay. */
void waiting_offer(struct waiting *room, bool all);

uint32_t waiting_count(const struct waiting *room);
uint64_t waiting_forced(const struct waiting *room); /* left because the room was full */
size_t waiting_bytes(const struct waiting *room);

#endif
