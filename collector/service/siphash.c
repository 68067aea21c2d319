/* SPDX-License-Identifier: Apache-2.0 */
#include "siphash.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void sip_round(struct state *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

uint64_t siphash(const struct siphash_key *key, const void *data, size_t n)
{
	struct state s = {
		.v0 = key->k0 ^ 0x736f6d6570736575u,
		.v1 = key->k1 ^ 0x646f72616e646f6du,
		.v2 = key->k0 ^ 0x6c7967656e657261u,
		.v3 = key->k1 ^ 0x7465646279746573u,
	};
	const unsigned char *p = data;
	uint64_t word, last = (uint64_t)n << 56;
	size_t left = n;

	/* Words are taken in the machine's byte order: the hash never leaves the process. */
	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		sip_word(&s, word);
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)p[i] << 8 * i;
	sip_word(&s, last);
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static struct siphash_key process_key;

static void make_process_key(void)
{
	struct timespec now;

	if (getrandom(&process_key, sizeof(process_key), 0) == sizeof(process_key))
		return;
	/* Only early in boot or under a foreign seccomp filter: weak, but not constant. */
	clock_gettime(CLOCK_REALTIME, &now);
	process_key.k0 = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u;
	process_key.k1 = (uint64_t)(uintptr_t)&now ^ (uint64_t)now.tv_sec;
}

const struct siphash_key *siphash_process_key(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_process_key);
	return &process_key;
}
