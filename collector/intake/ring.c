/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* include/uapi/linux/bpf.h: flags in the length word of a record's header */
#define BUSY 0x80000000u
#define DISCARD 0x40000000u
#define HEADER 8

int ring_open(struct ring *ring, int fd, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer, *rest;

	memset(ring, 0, sizeof(*ring));
	if (size < page || (size & (size - 1)) || size > SIZE_MAX / 4)
		return -EINVAL;
	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	rest = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (rest == MAP_FAILED) {
		int r = -errno;

		munmap(consumer, page);
		return r;
	}
	ring->consumer = consumer;
	ring->base = rest;
	ring->producer = rest;
	ring->data = (const uint8_t *)rest + page;
	ring->size = size;
	ring->page = page;
	ring->fd = fd;
	ring->next = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
	return 0;
}

void ring_close(struct ring *ring)
{
	if (!ring->base)
		return;
	munmap(ring->base, ring->page + 2 * ring->size);
	munmap(ring->consumer, ring->page);
	memset(ring, 0, sizeof(*ring));
}

uint64_t ring_head(const struct ring *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
}

size_t ring_waiting(const struct ring *ring)
{
	return (size_t)(ring_head(ring) - ring->next);
}

const void *ring_next(struct ring *ring, uint64_t until, size_t *size)
{
	uint64_t waiting = until - ring->next;

	if (waiting > ring->high && waiting <= ring->size)
		ring->high = waiting;
	while (ring->next < until) {
		const uint8_t *at = ring->data + (ring->next & (ring->size - 1));
		uint32_t word = __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
		uint64_t len = word & ~(BUSY | DISCARD);
		uint64_t whole = (HEADER + len + 7) & ~7ULL;

		/* the kernel keeps to this; a ring that does not is not read further */
		if ((word & BUSY) || whole > until - ring->next)
			return NULL;
		ring->next += whole;
		if (word & DISCARD)
			continue;
		*size = len;
		return at + HEADER;
	}
	return NULL;
}

void ring_release(struct ring *ring)
{
	__atomic_store_n(ring->consumer, ring->next, __ATOMIC_RELEASE);
}

uint64_t ring_high(struct ring *ring)
{
	uint64_t high = ring->high;

	ring->high = 0;
	return high;
}
