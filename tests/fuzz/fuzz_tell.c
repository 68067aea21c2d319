/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as datagrams of peers, through all that handles them. Each stands behind two bytes of
 * length and one that says how: bit 0 gives it a right MAC, so that what lies deeper is reached,
 * bit 1 the time that it is. Whatever comes: nothing is read beyond a datagram, without the secret
 * nothing is taken, none is taken twice, and what is taken is found.
 */
#include "trace/tell_senders.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1700000000000ull
#define DATAGRAMS_MAX 256

static const uint8_t secret[TELL_SECRET_LEN] = "a secret that nobody can guess";
static struct tell_key *key;
static struct tell *tell;
static struct tell_senders senders;
static struct tell_head taken[DATAGRAMS_MAX];
static size_t taken_n;
static uint64_t now_ns = 1000000; /* for the table */

/* Is it sealed already? Compared so that the fuzzer does not learn from it what the seal would be. */
static bool is_sealed(const uint8_t *datagram, size_t length, uint8_t mac[32])
{
	HMAC(EVP_sha256(), secret, sizeof(secret), datagram, length - TELL_MAC_LEN, mac, NULL);
	return CRYPTO_memcmp(datagram + length - TELL_MAC_LEN, mac, TELL_MAC_LEN) == 0;
}

static bool seal(uint8_t *datagram, size_t length)
{
	uint8_t mac[32];

	if (length < TELL_MAC_LEN)
		return false;
	if (!is_sealed(datagram, length, mac))
		memcpy(datagram + length - TELL_MAC_LEN, mac, TELL_MAC_LEN);
	return true;
}

static void check_found(const struct tell_record *record, size_t n)
{
	uint8_t trace_id[SPAN_TRACE_ID_LEN], flags;

	tell_turn(tell, now_ns);
	/* of two with the same id the second counts */
	for (size_t i = n; i-- > 0;) {
		if (!tell_find(tell, record[i].span_id, trace_id, &flags))
			abort();
		if (i == n - 1 && (memcmp(trace_id, record[i].trace_id, sizeof(trace_id)) != 0 ||
				   flags != record[i].flags))
			abort();
	}
}

static void take(const struct tell_head *head, const struct tell_record *record, size_t n)
{
	enum tell_refusal refusal = tell_senders_check(&senders, head, NOW);

	if (!tell_refusal_word(refusal))
		abort();
	if (refusal)
		return;
	for (size_t i = 0; i < taken_n; i++) {
		if (taken[i].sender == head->sender && taken[i].counter == head->counter)
			abort();
	}
	taken[taken_n++] = *head;
	tell_give(tell, record, n);
	check_found(record, n);
}

/* An allocation of its own, so that a sanitizer sees a read beyond its end. */
static void feed(const uint8_t *p, size_t length, unsigned int how)
{
	static const uint8_t now[8] = {0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0}; /* NOW */
	uint8_t *exact = malloc(length ? length : 1);
	struct tell_record record[TELL_RECORDS_MAX];
	enum tell_refusal refusal;
	struct tell_head head;
	uint8_t mac[32];
	bool sealed = false;
	size_t n;

	memcpy(exact, p, length);
	if (how & 2 && length >= TELL_HEAD_LEN)
		memcpy(exact + 24, now, sizeof(now));
	if (how & 1)
		sealed = seal(exact, length);
	refusal = tell_open(key, exact, length, &head, record, &n);
	if (!refusal && !sealed && !is_sealed(exact, length, mac))
		abort(); /* it would have been guessed */
	if (sealed && refusal == TELL_MAC)
		abort();
	if (!refusal)
		take(&head, record, n);
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n;

	/* made once, for speed: what was told before is forgotten */
	if (!key && (tell_key_new(&key, secret) || tell_new(&tell, TELL_TABLE_MIN)))
		abort();
	now_ns += TELL_LIFETIME_MS * 1000000ull;
	tell_turn(tell, now_ns);
	senders.n = taken_n = 0;
	senders.own = 42;
	while (size > 3 && taken_n < DATAGRAMS_MAX) {
		n = (size_t)data[0] << 8 | data[1];
		n = n < size - 3 ? n : size - 3;
		feed(data + 3, n, data[2]);
		data += 3 + n;
		size -= 3 + n;
	}
	return 0;
}
