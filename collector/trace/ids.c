/* SPDX-License-Identifier: Apache-2.0 */
#include "ids.h"

#include <netinet/in.h>

#include "../service/siphash.h"

/* Any numbers, as long as all collectors have the same: the ids are no secret. */
static const struct siphash_key shared_key = {0x6b6579686f6c6520ull, 0x7472616365696473ull};

struct origin {
	uint32_t client_isn, server_isn, seq;
	uint32_t purpose;
	uint64_t number; /* 0 where the rest is known */
};

_Static_assert(sizeof(struct origin) == 24, "no byte of it is left to chance");

enum purpose { CLIENT_SPAN = 1, SERVER_SPAN, TRACE_HIGH, TRACE_LOW };

/* Most significant byte first, so that what is told and what is shown is the same text. */
static void derive(uint8_t out[8], const struct siphash_key *key, struct origin origin,
		   enum purpose purpose)
{
	uint64_t v;

	origin.purpose = purpose;
	v = siphash(key, &origin, sizeof(origin));
	v = v ? v : 1;
	for (int i = 7; i >= 0; i--, v >>= 8)
		out[i] = (uint8_t)v;
}

void trace_ids_of(struct trace_ids *ids, const struct exchange *exchange, uint64_t number)
{
	const struct kh_conn *conn = &exchange->conn;
	bool client = conn->role == KH_ROLE_CLIENT;
	struct origin origin = {.client_isn = client ? conn->isn_local : conn->isn_remote,
				.server_isn = client ? conn->isn_remote : conn->isn_local,
				.seq = exchange->req_seq};
	const struct siphash_key *key = &shared_key;

	/* a number may be 0 by chance: then, rarely, two ends are not joined */
	ids->shared = origin.client_isn && origin.server_isn && origin.seq;
	if (!ids->shared) {
		origin.number = number + 1;
		key = siphash_process_key();
	}
	derive(ids->client, key, origin, CLIENT_SPAN);
	derive(ids->server, key, origin, SERVER_SPAN);
	derive(ids->trace, key, origin, TRACE_HIGH);
	derive(ids->trace + 8, key, origin, TRACE_LOW);
}
