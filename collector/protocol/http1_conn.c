/* SPDX-License-Identifier: Apache-2.0 */
#include "http1_half.h"

void http1_conn_init(struct http1_conn *c, const struct kh_exchange *x)
{
	*c = (struct http1_conn){
		.conn = x->conn,
		.cgroup = x->cgroup,
		.tgid = x->tgid,
		.tid = x->tid,
		.declared = -1,
	};
	if (x->rec.flags & KH_F_ADOPTED) /* we may stand in the middle of a message */
		c->req.mode = c->resp.mode = HTTP1_AT_LOST;
}

bool http1_conn_idle(const struct http1_conn *c)
{
	return !c->tunnel && !c->busy && !c->first && !c->unheld && http1_half_rests(&c->req) &&
	       http1_half_rests(&c->resp);
}

static void connection_ends(struct http1 *h, struct http1_conn *c, bool reset, uint64_t ns)
{
	enum exchange_error error = reset ? EXCHANGE_RESET : EXCHANGE_CLOSED;
	bool short_head = c->resp.part != NULL;

	if (!ns)
		ns = c->last_ns;
	http1_response_evaluate_part(h, c);
	if (c->busy && !reset && !short_head &&
	    (c->resp.mode == HTTP1_AT_CLOSE || c->resp.mode == HTTP1_AT_STOP))
		http1_answer_ends(h, c, EXCHANGE_OK, c->last_ns);
	else if (c->busy)
		http1_answer_ends(h, c, error, ns);
	http1_request_evaluate_part(h, c);
	if (c->resp.mode == HTTP1_AT_LOST)
		http1_queue_lose_all(h, c);
	while (c->first)
		http1_queue_tell(h, c, error, ns);
}

/* As after http1_conn_init(), but for the owner. */
static void start_over(struct http1 *h, struct http1_conn *c, enum http1_mode mode)
{
	http1_half_drop_part(h, &c->req);
	http1_half_drop_part(h, &c->resp);
	c->req = (struct http1_half){.mode = (uint8_t)mode};
	c->resp = (struct http1_half){.mode = (uint8_t)mode};
	c->open = NULL;
	c->unheld = 0;
	c->next_seq = 0;
	c->turned = false;
	c->tunnel = false;
}

void http1_conn_end(struct http1 *h, struct http1_conn *c, enum kh_reason reason, uint64_t ns)
{
	bool uploading = c->req.mode == HTTP1_AT_LENGTH || c->req.mode == HTTP1_AT_CHUNKS;
	bool guessed = c->resp.mode == HTTP1_AT_STOP || c->resp.mode == HTTP1_AT_CLOSE;

	switch (reason) {
	case KH_WHY_RESPONSE:
	case KH_WHY_MORE:
		break;
	case KH_WHY_TURN:
		/* What began may be the rest of a body, after a 100 (Continue). */
		if (!uploading && !c->tunnel)
			http1_turn(h, c);
		break;
	case KH_WHY_LENGTH:
		if (guessed && c->busy)
			http1_answer_ends(h, c, EXCHANGE_OK, c->last_ns);
		break;
	case KH_WHY_CLOSE:
	case KH_WHY_RESET:
		if (!c->tunnel)
			connection_ends(h, c, reason == KH_WHY_RESET, ns);
		start_over(h, c, HTTP1_AT_HEAD);
		break;
	}
}

void http1_conn_lost(struct http1 *h, struct http1_conn *c)
{
	if (c->tunnel)
		return;
	http1_response_evaluate_part(h, c);
	if (c->busy)
		http1_answer_ends(h, c, EXCHANGE_OK, c->last_ns);
	http1_queue_lose_all(h, c);
	start_over(h, c, HTTP1_AT_LOST);
}
