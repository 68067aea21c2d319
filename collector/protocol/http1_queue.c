/* SPDX-License-Identifier: Apache-2.0 */
#include "http1_half.h"

bool http1_half_rests(const struct http1_half *half)
{
	return (half->mode == HTTP1_AT_HEAD || half->mode == HTTP1_AT_LOST) && !half->part;
}

void http1_half_at(struct http1_half *half, enum http1_mode mode)
{
	half->mode = mode;
	half->tentative = false;
	half->end_len = 0;
}

void http1_half_drop_part(struct http1 *h, struct http1_half *half)
{
	http1_heads_put(&h->heads, half->part);
	half->part = NULL;
}

void http1_half_begin_run(struct http1_half *half)
{
	if (half->mode != HTTP1_AT_LOST)
		return;
	http1_half_at(half, HTTP1_AT_HEAD);
	half->tentative = true;
}

void http1_half_gather(struct http1_half *half, struct slice *text)
{
	if (!half->part)
		return;
	http1_head_add(half->part, text->p, text->n);
	*text = (struct slice){half->part->text, half->part->used};
}

bool http1_half_keep_part(struct http1 *h, struct http1_half *half, struct slice text, uint64_t ns,
			  uint32_t seq)
{
	if (half->part)
		return half->part->used < HTTP1_HEAD_KEEP;
	if (text.n >= HTTP1_HEAD_KEEP)
		return false;
	half->part = http1_heads_get(&h->heads);
	if (!half->part)
		return false;
	half->part->start_ns = ns;
	half->part->seq = seq;
	http1_head_add(half->part, text.p, text.n);
	return true;
}

/* ---- the queue of unanswered requests ---- */

struct http1_head *http1_queue_add(struct http1 *h, struct http1_conn *c)
{
	struct http1_head *head = NULL;

	if (!c->unheld && c->pending < HTTP1_PIPELINE_MAX)
		head = http1_heads_get(&h->heads);
	if (!head) {
		if (c->pending + c->unheld >= HTTP1_PIPELINE_MAX)
			h->counters.pipeline_overflow++;
		else
			h->counters.unheld++;
		c->unheld++;
		return NULL;
	}
	if (c->last)
		c->last->next = head;
	else
		c->first = head;
	c->last = head;
	c->pending++;
	return head;
}

static void http1_queue_pop(struct http1 *h, struct http1_conn *c)
{
	struct http1_head *head = c->first;

	c->first = head->next;
	if (!c->first)
		c->last = NULL;
	if (c->open == head)
		c->open = NULL;
	c->pending--;
	http1_heads_put(&h->heads, head);
}

uint32_t http1_queue_waiting(const struct http1_conn *c)
{
	uint32_t begun = c->busy == HTTP1_ANSWER || c->busy == HTTP1_UNHELD_ANSWER;

	return c->pending + c->unheld - begun;
}

void http1_queue_lose(struct http1 *h, struct http1_conn *c)
{
	if (c->first) {
		h->counters.lost++;
		http1_queue_pop(h, c);
	} else if (c->unheld) {
		c->unheld--;
	}
}

void http1_queue_lose_all(struct http1 *h, struct http1_conn *c)
{
	while (c->first)
		http1_queue_lose(h, c);
	c->unheld = 0;
}

void http1_queue_tell(struct http1 *h, struct http1_conn *c, enum exchange_error error,
		      uint64_t end_ns)
{
	struct exchange x = {
		.conn = c->conn,
		.cgroup = c->cgroup,
		.tgid = c->tgid,
		.tid = c->tid,
		.error = error,
		.end_ns = end_ns,
	};

	if (c->busy == HTTP1_ANSWER) {
		x.status = c->status;
		x.first_ns = c->first_ns;
		x.resp_body = c->declared >= 0 ? (uint64_t)c->declared : c->body;
	} else if (!c->first->sure) {
		http1_queue_lose(h, c);
		return;
	}
	http1_head_tell(c->first, &x);
	if (x.end_ns < x.start_ns) /* the time of the end is not known */
		x.end_ns = x.start_ns;
	h->counters.exchanges++;
	h->emit(h->arg, &x);
	http1_queue_pop(h, c);
}
