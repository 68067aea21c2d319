/* SPDX-License-Identifier: Apache-2.0 */
#include "call_memo.h"

_Static_assert(2 * CALL_MEMO_CALLS == ALIKE_PLACES, "the other half is http1_memo.c's");
_Static_assert(sizeof(struct call_memo_key) == 32 + 4 * CALL_TEXTS, "it is compared as bytes");

static struct call_memo_key key_of(const struct call *call, const struct exchange *x)
{
	struct call_memo_key key = {
		.cgroup = x->cgroup,
		.tgid = x->tgid,
		.port = conn_server_port(&x->conn),
		.status = call->status,
		.role = x->conn.role,
		.protocol = call->protocol,
		.kind = call->kind,
		.action = call->action,
		.method = call->method,
		.error = call->error,
		.failed = call->failed,
		.waits = call->waits,
		.target_cut = call->target_cut,
		.used = call->used,
	};

	memcpy(key.at, call->at, sizeof(key.at));
	memcpy(key.n, call->n, sizeof(key.n));
	return key;
}

static uint64_t hash_of(const struct call_memo_key *key)
{
	uint64_t word[sizeof(*key) / 8], hash = 0;

	memcpy(word, key, sizeof(word));
	for (size_t i = 0; i < sizeof(word) / sizeof(*word); i++)
		hash = memo_mix(hash, word[i]);
	return hash;
}

static bool is_it(const struct call_memo_entry *it, const struct call_memo_key *key,
		  const char *text)
{
	return it->alike && memcmp(&it->key, key, sizeof(*key)) == 0 &&
	       memcmp(it->text, text, key->used) == 0;
}

uint64_t call_memo_number(struct call_memo *memo, const struct call *call, const struct exchange *x)
{
	struct call_memo_key key;
	size_t first, oldest;

	if (call->used > CALL_MEMO_BYTES || call->n[CALL_TRACEPARENT] || call->n[CALL_TRACESTATE] ||
	    !memo_worth_it(&memo->trial))
		return 0;
	key = key_of(call, x);
	oldest = first = memo_place(call->text, call->used, hash_of(&key), CALL_MEMO_CALLS);
	for (size_t way = 0; way < MEMO_WAYS; way++) {
		struct call_memo_entry *it = &memo->of[first ^ way];

		if (is_it(it, &key, call->text)) {
			memo->trial.found++;
			return it->alike;
		}
		if (it->alike < memo->of[oldest].alike)
			oldest = first ^ way;
	}
	memo->of[oldest].key = key;
	memcpy(memo->of[oldest].text, call->text, key.used);
	memo->of[oldest].alike = ++memo->serial * ALIKE_PLACES + CALL_MEMO_CALLS + oldest;
	return memo->of[oldest].alike;
}
