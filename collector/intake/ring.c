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

static void skip(struct ring *ring, uint64_t until)
{
	ring->skipped += until - ring->next;
	ring->next = until;
}

static uint32_t header_at(const struct ring *ring, uint64_t position)
{
	const void *at = ring->data + (position & (ring->size - 1));

	return __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
}

/* Bytes of the record with this header. The kernel writes the length before it moves its position,
 * also of a record that is still busy. */
static uint64_t whole(uint32_t header)
{
	return (HEADER + (uint64_t)(header & ~(BUSY | DISCARD)) + 7) & ~7ULL;
}

/* Do the records follow each other up to `head`? */
static bool holds(const struct ring *ring, uint64_t head)
{
	uint64_t at = ring->next;

	if (at % 8 || head - at > ring->size)
		return false;
	while (at < head)
		at += whole(header_at(ring, at));
	return at == head;
}

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
	if (!holds(ring, ring_head(ring))) {
		skip(ring, ring_head(ring));
		ring_release(ring);
	}
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
	while (ring->next < until) {
		const uint8_t *at = ring->data + (ring->next & (ring->size - 1));
		uint64_t waiting = until - ring->next;
		uint32_t header;

		/* the kernel keeps to its size; only then is there something at `at` */
		if (waiting > ring->size || until % 8) {
			skip(ring, until);
			break;
		}
		if (waiting > ring->high)
			ring->high = waiting;
		header = header_at(ring, ring->next);
		if (whole(header) > waiting) {
			skip(ring, until);
			break;
		}
		if (header & BUSY)
			break;
		ring->next += whole(header);
		if (header & DISCARD)
			continue;
		*size = header & ~(BUSY | DISCARD);
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
