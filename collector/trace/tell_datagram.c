/* SPDX-License-Identifier: Apache-2.0 */
#include "tell_datagram.h"

#include <endian.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1

static const uint8_t magic[4] = {'K', 'H', 't', 'r'};

_Static_assert(TELL_HEAD_LEN + TELL_RECORDS_MAX * TELL_RECORD_LEN + TELL_MAC_LEN <=
		       TELL_DATAGRAM_MAX,
	       "a full datagram fits");
_Static_assert(sizeof(struct tell_record) == TELL_RECORD_LEN, "records are copied as they are");

struct tell_key {
	EVP_MAC_CTX *mac;
};

/* ---- the secret ---- */

int tell_key_new(struct tell_key **key, const uint8_t secret[TELL_SECRET_LEN])
{
	char digest[] = "SHA256";
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	struct tell_key *k = calloc(1, sizeof(*k));
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	if (k && hmac)
		k->mac = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac); /* the context refers to it */
	if (!k || !k->mac || !EVP_MAC_init(k->mac, secret, TELL_SECRET_LEN, parameters)) {
		tell_key_free(k);
		return -ENOMEM;
	}
	*key = k;
	return 0;
}

void tell_key_free(struct tell_key *key)
{
	if (!key)
		return;
	EVP_MAC_CTX_free(key->mac);
	free(key);
}

static bool mac_of(struct tell_key *key, const uint8_t *p, size_t n, uint8_t mac[TELL_MAC_LEN])
{
	uint8_t whole[32];
	size_t length;

	/* without a key: begins anew with the one it has */
	if (!EVP_MAC_init(key->mac, NULL, 0, NULL) || !EVP_MAC_update(key->mac, p, n) ||
	    !EVP_MAC_final(key->mac, whole, &length, sizeof(whole)))
		return false;
	memcpy(mac, whole, TELL_MAC_LEN);
	return true;
}

/* ---- to and from bytes ---- */

static void put64(uint8_t *to, uint64_t value)
{
	value = htobe64(value);
	memcpy(to, &value, sizeof(value));
}

static uint64_t get64(const uint8_t *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return be64toh(value);
}

size_t tell_seal(struct tell_key *key, const struct tell_head *head,
		 const struct tell_record *record, size_t n, uint8_t to[TELL_DATAGRAM_MAX])
{
	size_t length = TELL_HEAD_LEN + n * TELL_RECORD_LEN;

	if (n < 1 || n > TELL_RECORDS_MAX)
		return 0;
	memset(to, 0, TELL_HEAD_LEN);
	memcpy(to, magic, sizeof(magic));
	to[4] = VERSION;
	to[5] = (uint8_t)n;
	put64(to + 8, head->sender);
	put64(to + 16, head->counter);
	put64(to + 24, head->wall_ms);
	memcpy(to + TELL_HEAD_LEN, record, n * TELL_RECORD_LEN);
	return mac_of(key, to, length, to + length) ? length + TELL_MAC_LEN : 0;
}

/* What can be said without the secret, which costs next to nothing. */
static enum tell_refusal look(const uint8_t *from, size_t length)
{
	if (length < TELL_HEAD_LEN + TELL_RECORD_LEN + TELL_MAC_LEN || length > TELL_DATAGRAM_MAX)
		return TELL_LENGTH;
	if (memcmp(from, magic, sizeof(magic)) != 0 || from[4] != VERSION || from[6] || from[7])
		return TELL_VERSION;
	if (from[5] > TELL_RECORDS_MAX ||
	    length != TELL_HEAD_LEN + from[5] * (size_t)TELL_RECORD_LEN + TELL_MAC_LEN)
		return TELL_LENGTH;
	return TELL_TAKEN;
}

static bool are_ids(const struct tell_record *record, size_t n)
{
	static const uint8_t zero[SPAN_TRACE_ID_LEN];

	for (size_t i = 0; i < n; i++) {
		if (memcmp(record[i].span_id, zero, SPAN_ID_LEN) == 0 ||
		    memcmp(record[i].trace_id, zero, SPAN_TRACE_ID_LEN) == 0)
			return false;
	}
	return true;
}

enum tell_refusal tell_open(struct tell_key *key, const uint8_t *from, size_t length,
			    struct tell_head *head, struct tell_record record[TELL_RECORDS_MAX],
			    size_t *n)
{
	enum tell_refusal refusal = look(from, length);
	uint8_t mac[TELL_MAC_LEN];

	if (refusal)
		return refusal;
	length -= TELL_MAC_LEN;
	if (!mac_of(key, from, length, mac) || CRYPTO_memcmp(mac, from + length, sizeof(mac)) != 0)
		return TELL_MAC;
	*head = (struct tell_head){get64(from + 8), get64(from + 16), get64(from + 24)};
	*n = from[5];
	memcpy(record, from + TELL_HEAD_LEN, *n * TELL_RECORD_LEN);
	return are_ids(record, *n) ? TELL_TAKEN : TELL_RECORD;
}

const char *tell_refusal_word(enum tell_refusal refusal)
{
	static const char *const word[TELL_REFUSALS] = {
		[TELL_TAKEN] = "taken", [TELL_LENGTH] = "length", [TELL_VERSION] = "version",
		[TELL_MAC] = "mac",     [TELL_RECORD] = "record", [TELL_OWN] = "own",
		[TELL_CLOCK] = "clock", [TELL_REPLAY] = "replay", [TELL_SENDERS] = "senders",
	};

	return word[refusal];
}
