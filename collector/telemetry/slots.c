/* SPDX-License-Identifier: Apache-2.0 */
#include "slots.h"

#include <errno.h>
#include <stdlib.h>

int slots_init(struct slots *slots, uint32_t max)
{
	slots->slot = calloc(max, sizeof(*slots->slot));
	slots->free = calloc(max, sizeof(*slots->free));
	slots->max = max;
	slots->n_free = 0;
	atomic_init(&slots->end, 0);
	return slots->slot && slots->free ? 0 : -ENOMEM;
}

void slots_close(struct slots *slots)
{
	free(slots->slot);
	free(slots->free);
}

int slots_put(struct slots *slots, void *pointer)
{
	uint32_t end = slots_end(slots);

	if (slots->n_free > 0) {
		uint32_t index = slots->free[--slots->n_free];

		atomic_store(&slots->slot[index], pointer);
		return (int)index;
	}
	if (end == slots->max)
		return -ENOSPC;
	atomic_store(&slots->slot[end], pointer);
	atomic_store_explicit(&slots->end, end + 1, memory_order_release);
	return (int)end;
}

void slots_take(struct slots *slots, uint32_t index)
{
	atomic_store(&slots->slot[index], NULL);
	slots->free[slots->n_free++] = index;
}
