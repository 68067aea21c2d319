/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An array of published pointers: the writer puts and takes, the reader walks. A slot that was
 * given back is the next one used, so the array stays dense and the order of a scrape stable.
 */
#ifndef KEYHOLE_TELEMETRY_SLOTS_H
#define KEYHOLE_TELEMETRY_SLOTS_H

#include <stdatomic.h>
#include <stdint.h>

struct slots {
	_Atomic(void *) *slot;
	uint32_t *free; /* stack of indices below `end` that hold nothing */
	uint32_t max, n_free;
	_Atomic uint32_t end; /* no index from here on was ever used */
};

int slots_init(struct slots *slots, uint32_t max); /* 0 or -ENOMEM */
void slots_close(struct slots *slots);

/* Writer. Publishes what `pointer` points to; returns its index, or -ENOSPC. */
int slots_put(struct slots *slots, void *pointer);
/* Writer. From now on a reader that begins does not find it. */
void slots_take(struct slots *slots, uint32_t index);

/* Either side. */
static inline uint32_t slots_end(const struct slots *slots)
{
	return atomic_load_explicit(&slots->end, memory_order_acquire);
}

static inline void *slots_get(const struct slots *slots, uint32_t index)
{
	return atomic_load(&slots->slot[index]);
}

static inline uint32_t slots_used(const struct slots *slots)
{
	return slots_end(slots) - slots->n_free;
}

#endif
