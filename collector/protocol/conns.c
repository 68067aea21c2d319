/* SPDX-License-Identifier: Apache-2.0 */
#include "conns.h"

#include <errno.h>
#include <stdlib.h>

#include "../keyed.h"

struct conns {
	struct keyed table; /* socket cookie to slot of `conn` */
	struct http1_conn *conn;
	struct http1_head *blocks;
	struct http1 http1;
	struct conns_counters counters;
};

struct conns *conns_new(uint32_t capacity, http1_emit_fn emit, void *arg)
{
	struct conns *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->conn = calloc(capacity, sizeof(*c->conn));
	c->blocks = calloc(CONNS_HEADS, sizeof(*c->blocks));
	c->http1.memo = http1_memo_new();
	if (!c->conn || !c->blocks || !c->http1.memo || keyed_init(&c->table, capacity)) {
		conns_free(c);
		return NULL;
	}
	http1_heads_init(&c->http1.heads, c->blocks, CONNS_HEADS);
	c->http1.emit = emit;
	c->http1.arg = arg;
	return c;
}

void conns_payloads(struct conns *c, uint64_t payloads)
{
	c->http1.payloads = payloads;
}

void conns_free(struct conns *c)
{
	if (!c)
		return;
	keyed_free(&c->table);
	free(c->conn);
	free(c->blocks);
	http1_memo_free(c->http1.memo);
	free(c);
}

/* Room for one more. What is open on a connection that must make room is told as far as known. */
static struct http1_conn *add(struct conns *c, const struct kh_exchange *x)
{
	uint32_t victim = keyed_victim(&c->table);
	struct http1_conn *conn;

	if (victim != KEYED_NONE) {
		c->counters.evicted++;
		http1_conn_lost(&c->http1, &c->conn[victim]);
	}
	conn = &c->conn[keyed_add(&c->table, x->conn.cookie)];
	http1_conn_init(conn, x);
	return conn;
}

void conns_exchange(struct conns *c, const struct kh_exchange *x)
{
	uint32_t slot = c->table.used ? keyed_find(&c->table, x->conn.cookie) : KEYED_NONE;
	struct http1_conn *conn = slot == KEYED_NONE ? NULL : &c->conn[slot];

	if (!conn && http1_simple(&c->http1, x))
		return;
	if (!conn)
		conn = add(c, x);
	if (http1_conn_exchange(&c->http1, conn, x))
		c->counters.invalid++;
	/* of a tunnel BPF tells nothing more */
	if (conn->tunnel || http1_conn_idle(conn))
		keyed_remove(&c->table, x->conn.cookie);
}

void conns_part(struct conns *c, const struct kh_part *part)
{
	uint32_t slot = keyed_find(&c->table, part->cookie);
	int r;

	if (slot == KEYED_NONE) {
		/* usual at the end of a connection on which nothing was open */
		if (part->rec.type == KH_PART || part->msg.len)
			c->counters.orphan_parts++;
		return;
	}
	r = http1_conn_part(&c->http1, &c->conn[slot], part);
	if (r == -ESTALE)
		c->counters.orphan_parts++;
	else if (r)
		c->counters.invalid++;
	if (c->conn[slot].tunnel || http1_conn_idle(&c->conn[slot]))
		keyed_remove(&c->table, part->cookie);
}

const struct conns_counters *conns_counters(const struct conns *c)
{
	return &c->counters;
}

const struct http1_counters *conns_http1(const struct conns *c)
{
	return &c->http1.counters;
}

uint32_t conns_open(const struct conns *c)
{
	return c->table.used;
}

uint32_t conns_heads(const struct conns *c)
{
	return (uint32_t)c->http1.heads.used;
}

size_t conns_bytes(const struct conns *c)
{
	return keyed_bytes(&c->table) + c->table.capacity * sizeof(*c->conn) +
	       CONNS_HEADS * sizeof(*c->blocks) + http1_memo_bytes();
}
