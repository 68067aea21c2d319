/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What collectors send each other, one UDP datagram at a time. Big-endian:
 *
 *    0   4  "KHtr"
 *    4   1  version, 1
 *    5   1  number n of records, 1 to TELL_RECORDS_MAX
 *    6   2  zero
 *    8   8  the sender's id, drawn at its start
 *   16   8  a counter, which grows with each of its datagrams
 *   24   8  the sender's CLOCK_REALTIME, in milliseconds
 *   32 25n  records: id of the client span (8), id of its trace (16), W3C trace flags (1)
 *       16  HMAC-SHA-256 (RFC 2104, FIPS 180-4) of all that precedes, its first 16 bytes
 *
 * It is authentic, not secret. Reading is pure: every byte may be hostile.
 */
#ifndef KEYHOLE_TRACE_TELL_DATAGRAM_H
#define KEYHOLE_TRACE_TELL_DATAGRAM_H

#include "tell.h"

#define TELL_DATAGRAM_MAX 1200 /* bytes: below IPv6's least MTU, with room for tunnels */
#define TELL_RECORDS_MAX 46    /* records of a datagram */
#define TELL_SECRET_LEN 32
#define TELL_HEAD_LEN 32
#define TELL_RECORD_LEN 25
#define TELL_MAC_LEN 16

/* Why a datagram is not taken; words for it: tell_refusal_word(). */
enum tell_refusal {
	TELL_TAKEN,
	TELL_LENGTH,  /* shorter or longer than such a datagram, or than it says */
	TELL_VERSION, /* not ours, or of another version */
	TELL_MAC,     /* made without the secret, or changed on the way */
	TELL_RECORD,  /* made with the secret, but with an id of zeroes */
	TELL_OWN,     /* sent by this collector itself */
	TELL_CLOCK,   /* the clocks differ too much, or it is old */
	TELL_REPLAY,  /* taken before */
	TELL_SENDERS, /* too many senders at once */
	TELL_REFUSALS,
};

struct tell_head {
	uint64_t sender, counter, wall_ms;
};

struct tell_key; /* the secret, made ready */

/* Returns 0 or -ENOMEM. Not before curl_global_init(), before the sandbox. */
int tell_key_new(struct tell_key **key, const uint8_t secret[TELL_SECRET_LEN]);
void tell_key_free(struct tell_key *key); /* NULL is fine */

/* Writes a datagram of n <= TELL_RECORDS_MAX records; returns its length, or 0 if it cannot. */
size_t tell_seal(struct tell_key *key, const struct tell_head *head,
		 const struct tell_record *record, size_t n, uint8_t to[TELL_DATAGRAM_MAX]);

/* Only with TELL_TAKEN `head`, `record` and `n` mean something. */
enum tell_refusal tell_open(struct tell_key *key, const uint8_t *from, size_t length,
			    struct tell_head *head, struct tell_record record[TELL_RECORDS_MAX],
			    size_t *n);

const char *tell_refusal_word(enum tell_refusal refusal);

#endif
