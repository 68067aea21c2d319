/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"), for hash tables whose
 * keys somebody hostile may choose.
 */
#ifndef KEYHOLE_SERVICE_SIPHASH_H
#define KEYHOLE_SERVICE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t n);

/* A key nobody can guess, the same one for the life of the process. Any thread. */
const struct siphash_key *siphash_process_key(void);

#endif
