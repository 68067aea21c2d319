/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consumer's end of a BPF ring buffer, by mmap alone: the collector may not call bpf(2), so
 * libbpf's ring_buffer cannot be used. Layout by kernel/bpf/ringbuf.c: one page with the consumer
 * position (writable), one with the producer position, then the data, mapped twice in a row so
 * that a record never wraps. Each record has an 8-byte header: length with two flag bits, and a
 * page offset that is the kernel's own business.
 */
#ifndef KEYHOLE_INTAKE_RING_H
#define KEYHOLE_INTAKE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	uint64_t *consumer;       /* its page: ours to write */
	const uint64_t *producer; /* its page: read only */
	const uint8_t *data;
	size_t size;      /* bytes, a power of two */
	uint64_t next;    /* position up to which records were handed out */
	uint64_t high;    /* most bytes that ever waited, since ring_high() was asked */
	uint64_t skipped; /* bytes passed over because their lengths did not hold together */
	void *base;       /* of the read-only mapping */
	size_t page;
	int fd; /* borrowed; poll it for POLLIN */
};

/*
 * Maps the ring behind `fd`, which must be `size` bytes. Returns 0; -EINVAL if size is no power
 * of two or smaller than a page; else -errno of mmap. The consumer's position is what a collector
 * before this one left there, perhaps one that was taken over: if the records do not follow each
 * other from there to the producer's, all that waits is skipped.
 */
int ring_open(struct ring *ring, int fd, size_t size);
void ring_close(struct ring *ring);

/* Bytes that wait, the records' headers included. */
size_t ring_waiting(const struct ring *ring);

/*
 * The next record that lies wholly before position `until` (from ring_head()), or NULL. It stays
 * valid until ring_release(). A record the kernel is still writing ends the run. Lengths that
 * cannot be right are never followed: what lies before `until`, where a record begins for sure,
 * is skipped.
 */
const void *ring_next(struct ring *ring, uint64_t until, size_t *size);
uint64_t ring_head(const struct ring *ring);

/*
 * Gives back all that was handed out. Called after a batch was handled, not before: if the
 * collector dies in between, the next one gets the batch again.
 */
void ring_release(struct ring *ring);

/* The high-water mark in bytes since the last call. */
uint64_t ring_high(struct ring *ring);

#endif
