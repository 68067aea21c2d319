/* SPDX-License-Identifier: Apache-2.0 */
#include "grace.h"

#include <stdlib.h>

void *grace_alloc(struct grace *grace, size_t size)
{
	uint64_t held = atomic_load_explicit(&grace->bytes, memory_order_relaxed);
	struct grace_head *head = NULL;

	if (held + size <= grace->bytes_max)
		head = calloc(1, size);
	if (!head) {
		atomic_fetch_add_explicit(&grace->refusals, 1, memory_order_relaxed);
		return NULL;
	}
	head->size = size;
	atomic_store_explicit(&grace->bytes, held + size, memory_order_relaxed);
	return head;
}

static void release(struct grace *grace, struct grace_head *head)
{
	atomic_fetch_sub_explicit(&grace->bytes, head->size, memory_order_relaxed);
	free(head);
}

void grace_retire(struct grace *grace, void *object)
{
	struct grace_head *head = object;

	if (!head)
		return;
	grace->retired++;
	head->next = NULL;
	head->epoch = atomic_load(&grace->epoch);
	if (head->epoch % 2 == 0) {
		release(grace, head);
		return;
	}
	if (grace->newest)
		grace->newest->next = head;
	else
		grace->oldest = head;
	grace->newest = head;
}

static void free_until(struct grace *grace, uint64_t epoch)
{
	while (grace->oldest && grace->oldest->epoch != epoch) {
		struct grace_head *head = grace->oldest;

		grace->oldest = head->next;
		if (!grace->oldest)
			grace->newest = NULL;
		release(grace, head);
	}
}

void grace_collect(struct grace *grace)
{
	if (grace->oldest)
		free_until(grace, atomic_load(&grace->epoch));
}

bool grace_is_read(const struct grace *grace)
{
	return atomic_load(&grace->epoch) % 2 != 0;
}

void grace_close(struct grace *grace)
{
	free_until(grace, UINT64_MAX);
}

void grace_enter(struct grace *grace)
{
	atomic_fetch_add(&grace->epoch, 1);
}

void grace_leave(struct grace *grace)
{
	atomic_fetch_add(&grace->epoch, 1);
}
