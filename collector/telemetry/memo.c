/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an exchange was counted, for the next one like it: what its key (http_series.c or
 * call_series.c) is made of is compared instead of the key being made, hashed and looked for.
 */
#include "http_values.h"
#include "telemetry_parts.h"

/* Heads of HTTP/1 that are the same say nothing of what a body carries. */
static bool may_be_kept(const struct counted *what)
{
	const struct exchange *ex = what->source->exchange;

	return alike_in_all(ex) ||
	       ((what->owner == OWNER_HTTP_SERVER || what->owner == OWNER_HTTP_CLIENT) &&
		ex->operation.n == 0);
}

/* The other end's address, or its name, may be a label. */
static bool shows_peer(const struct lane *lane, const struct exchange *ex)
{
	attribute_set all = 0;

	for (unsigned int i = 0; i < lane->groups; i++)
		all |= lane->group[i].set;
	return all & ATTR_BIT(ex->conn.role == KH_ROLE_CLIENT ? ATTR_SERVER_ADDRESS
							      : ATTR_CLIENT_ADDRESS);
}

static bool is_peer(const struct telemetry_memo *memo, const struct kh_conn *conn)
{
	return memo->family == conn->family &&
	       memcmp(memo->peer, conn->raddr, sizeof(memo->peer)) == 0;
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
	    memo->pid != source->pid || (memo->shows_peer && !is_peer(memo, &ex->conn)) ||
	    !may_be_kept(what))
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
	bool peer = shows_peer(lane, ex);

	/* names of addresses come and go without a word */
	if (!may_be_kept(what) || lane->groups > TELEMETRY_MEMO_GROUPS ||
	    (peer && t->options.namer.name))
		return;
	memo->retired = t->grace.retired + 1;
	memo->targets = targets;
	memo->resource = source->resource;
	memo->route = source->route.p;
	memo->pid = source->pid;
	memo->status = ex->status;
	memo->error = (uint16_t)ex->error;
	memo->protocol = (uint8_t)ex->protocol;
	memo->shows_peer = peer;
	memo->family = ex->conn.family;
	memcpy(memo->peer, ex->conn.raddr, sizeof(memo->peer));
}
