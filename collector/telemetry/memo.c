/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an exchange was counted, for the next one like it: what its key (http_series.c) is made of
 * is compared instead of the key being made, hashed and looked for.
 */
#include "http_values.h"
#include "telemetry_parts.h"

/* Only HTTP's key is known here, and only of what carries nothing else. */
static bool may_be_kept(const struct counted *what)
{
	return (what->owner == OWNER_HTTP_SERVER || what->owner == OWNER_HTTP_CLIENT) &&
	       what->source->exchange->operation.n == 0;
}

/* Names of addresses come and go without a word. */
static bool has_names(const struct telemetry *t, const struct lane *lane,
		      const struct counted *what)
{
	attribute_set all = 0;

	for (unsigned int i = 0; i < lane->groups; i++)
		all |= lane->group[i].set;
	return t->options.namer.name &&
	       (what->owner == OWNER_HTTP_CLIENT ? all & ATTR_BIT(ATTR_SERVER_ADDRESS)
						 : all & ATTR_BIT(ATTR_CLIENT_ADDRESS));
}

bool memo_count(struct telemetry *t, const struct counted *what, uint64_t now_ns,
		struct telemetry_place *place, const struct telemetry_memo *memo)
{
	const struct attribute_source *source = what->source;
	const struct exchange *ex = source->exchange;
	const struct lane *lane = &t->lane[what->owner];

	if (memo->retired != t->grace.retired + 1 || memo->resource != source->resource ||
	    memo->route != source->route.p || memo->status != ex->status ||
	    memo->error != ex->error || memo->protocol != ex->protocol ||
	    memo->pid != source->pid || memo->family != ex->conn.family ||
	    memcmp(memo->ends, ex->conn.laddr, sizeof(memo->ends)) != 0 || !may_be_kept(what))
		return false;
	targets_touch(memo->targets, now_ns);
	for (unsigned int i = 0; i < lane->groups; i++)
		store_update(t, &lane->group[i], memo->series[i], what, now_ns, place);
	return true;
}

void memo_keep(struct telemetry_memo *memo, const struct telemetry *t, const struct lane *lane,
	       const struct counted *what, struct target *const *targets)
{
	const struct attribute_source *source = what->source;
	const struct exchange *ex = source->exchange;

	if (!may_be_kept(what) || lane->groups > TELEMETRY_MEMO_GROUPS || has_names(t, lane, what))
		return;
	memo->retired = t->grace.retired + 1;
	memo->targets = targets;
	memo->resource = source->resource;
	memo->route = source->route.p;
	memo->pid = source->pid;
	memo->status = ex->status;
	memo->error = (uint16_t)ex->error;
	memo->protocol = (uint8_t)ex->protocol;
	memo->family = ex->conn.family;
	memcpy(memo->ends, ex->conn.laddr, sizeof(memo->ends));
}

_Static_assert(offsetof(struct kh_conn, raddr) == offsetof(struct kh_conn, laddr) + 16,
	       "both addresses are compared at once");
