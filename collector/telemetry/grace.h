/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that one thread (the writer) publishes and takes back while another (the reader) looks
 * at it, without a lock. The writer first makes an object unreachable (a seq_cst store), then
 * retires it. It is freed at once if the reader is not reading, else when the reading that was
 * under way is over: a later one can't have found it.
 *
 * Why it is safe: the reader makes `epoch` odd before it loads any pointer and even when it has
 * done; the writer unlinks before it loads `epoch`. All four are seq_cst, so either the writer
 * sees an odd epoch, or the reader sees the pointer gone.
 */
#ifndef KEYHOLE_TELEMETRY_GRACE_H
#define KEYHOLE_TELEMETRY_GRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* First member of every object that grace_alloc() returns. */
struct grace_head {
	struct grace_head *next; /* while retired */
	uint64_t epoch;          /* that it waits to pass */
	size_t size;
};

struct grace {
	_Atomic uint64_t epoch;    /* odd: the reader reads */
	_Atomic uint64_t bytes;    /* held, retired ones included */
	_Atomic uint64_t refusals; /* allocations that would have passed the limit, or failed */
	uint64_t bytes_max;
	uint64_t retired; /* objects so far: as long as it is the same, all that were there still are */
	struct grace_head *oldest, *newest; /* retired, waiting */
};

/* Writer. Zeroed memory of at least sizeof(struct grace_head), or NULL (counted). */
void *grace_alloc(struct grace *grace, size_t size);
/* Writer. `object` may be NULL. */
void grace_retire(struct grace *grace, void *object);
/* Writer. Frees what may be freed; call it now and then. */
void grace_collect(struct grace *grace);
/* Writer. Does the reader read right now? */
bool grace_is_read(const struct grace *grace);
/* Writer, when there is no reader any more. Frees all that is retired. */
void grace_close(struct grace *grace);

/* Reader, one at a time. Pointers loaded in between stay valid until grace_leave(). */
void grace_enter(struct grace *grace);
void grace_leave(struct grace *grace);

#endif
