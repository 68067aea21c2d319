/* SPDX-License-Identifier: Apache-2.0 */
/* The request direction of a connection. */
#include "http1_half.h"

void http1_turn(struct http1 *h, struct http1_conn *c)
{
	if (c->resp.mode == HTTP1_AT_STOP && c->busy && http1_queue_waiting(c) == 0) {
		http1_answer_ends(h, c, EXCHANGE_OK, c->last_ns);
	} else if (c->resp.mode == HTTP1_AT_LOST) {
		http1_queue_lose_all(h, c);
		http1_half_begin_run(&c->resp);
	}
}

static void frame_request(struct http1 *h, struct http1_conn *c, const struct http1_request *r)
{
	const struct http1_framing *f = &r->framing;
	bool known = r->head_len && !f->bad && !(f->other_coding && !f->chunked);

	h->counters.bad += f->bad;
	if (c->open)
		c->open->counts = known;
	if (!known) {
		http1_half_at(&c->req, HTTP1_AT_LOST);
	} else if (f->chunked) {
		http1_half_at(&c->req, HTTP1_AT_CHUNKS);
		c->req.chunks = (struct http1_chunks){0};
	} else if (f->length > 0) {
		http1_half_at(&c->req, HTTP1_AT_LENGTH);
		c->req.left = (uint64_t)f->length;
	} else {
		http1_half_at(&c->req, HTTP1_AT_HEAD);
		c->open = NULL;
	}
}

static void request_begins(struct http1 *h, struct http1_conn *c, const struct http1_request *r,
			   uint64_t ns, uint32_t seq)
{
	struct http1_head *head;
	struct http_payload payload;
	bool found = h->payloads && http_payload_find(h->payloads, r, &payload);

	http1_turn(h, c);
	c->turned = true;
	h->counters.requests++;
	h->counters.heads_cut += !r->head_len;
	head = http1_queue_add(h, c);
	if (head) {
		http1_head_keep(head, r, found ? &payload : NULL);
		head->start_ns = ns;
		head->seq = seq;
		head->tid = c->req_tid;
		head->routine = c->routine;
	}
	c->open = head;
	frame_request(h, c, r);
	http1_half_drop_part(h, &c->req); /* where `r` may point to */
}

static void request_is_not(struct http1 *h, struct http1_conn *c)
{
	http1_half_drop_part(h, &c->req);
	h->counters.resyncs += !c->req.tentative;
	http1_half_at(&c->req, HTTP1_AT_LOST);
}

static void request_evaluate(struct http1 *h, struct http1_conn *c, const struct http1_request *r,
			     uint64_t ns, uint32_t seq)
{
	bool usual = r->method != HTTP_OTHER || r->minor >= 0;

	if (usual && r->method_text.n && r->target.n)
		request_begins(h, c, r, ns, seq);
	else
		request_is_not(h, c);
}

void http1_request_evaluate_part(struct http1 *h, struct http1_conn *c)
{
	struct http1_head *part = c->req.part;
	struct http1_request r;

	if (!part)
		return;
	http1_parse_request(part->text, part->used, &r);
	request_evaluate(h, c, &r, part->start_ns, part->seq);
}

static size_t request_head(struct http1 *h, struct http1_conn *c, const struct http1_run *run,
			   struct slice bytes, uint64_t at, bool cut)
{
	struct http1_head *part = c->req.part;
	size_t before = part ? part->used : 0;
	uint64_t ns = part ? part->start_ns : run->first_ns;
	uint32_t seq = part ? part->seq : run->seq;
	struct slice text = bytes;
	enum http1_result result;
	struct http1_request r;

	http1_half_gather(&c->req, &text);
	result = http1_parse_request(text.p, text.n, &r);
	if (r.lead == text.n)
		return bytes.n;
	if (!part && seq)
		seq += (uint32_t)at + r.lead;
	/* Where it is not certain that a request begins, only a known method says so: the rest of
	 * a torn one looks like one of another name. */
	if (c->req.tentative && r.method_text.n && r.method == HTTP_OTHER)
		result = HTTP1_NOT;
	if (result == HTTP1_WHOLE) {
		size_t used = r.head_len - before;

		request_begins(h, c, &r, ns, seq);
		return used;
	}
	if (result == HTTP1_NOT)
		request_is_not(h, c);
	else if (cut || !http1_half_keep_part(h, &c->req, text, ns, seq))
		request_evaluate(h, c, &r, ns, seq);
	return bytes.n;
}

static void request_body(struct http1_conn *c, uint64_t n)
{
	if (c->open)
		c->open->body += n;
}

static void request_ends(struct http1_conn *c)
{
	c->open = NULL;
	http1_half_at(&c->req, HTTP1_AT_HEAD);
}

static uint64_t request_pass(struct http1_conn *c, uint64_t n)
{
	n = c->req.left < n ? c->req.left : n;
	request_body(c, n);
	c->req.left -= n;
	if (c->req.left == 0)
		request_ends(c);
	return n;
}

static size_t request_chunks(struct http1_conn *c, struct slice bytes)
{
	struct http1_chunks *chunks = &c->req.chunks;
	uint64_t before = chunks->body;
	size_t n = http1_chunks_feed(chunks, bytes.p, bytes.n);

	request_body(c, chunks->body - before);
	if (chunks->state == HTTP1_CHUNK_DONE)
		request_ends(c);
	else if (chunks->state == HTTP1_CHUNK_BAD)
		http1_half_at(&c->req, HTTP1_AT_LOST);
	return n;
}

static void request_bytes(struct http1 *h, struct http1_conn *c, const struct http1_run *run,
			  struct slice bytes, uint64_t at, bool cut)
{
	while (bytes.n) {
		size_t used = bytes.n;

		if (c->req.mode == HTTP1_AT_HEAD)
			used = request_head(h, c, run, bytes, at, cut);
		else if (c->req.mode == HTTP1_AT_LENGTH)
			used = (size_t)request_pass(c, bytes.n);
		else if (c->req.mode == HTTP1_AT_CHUNKS)
			used = request_chunks(c, bytes);
		bytes.p += used;
		bytes.n -= used;
		at += used;
	}
}

/* Bytes of requests that nobody saw. */
static void request_skip(struct http1 *h, struct http1_conn *c, uint64_t n)
{
	http1_request_evaluate_part(h, c);
	if (c->req.mode == HTTP1_AT_LENGTH) {
		n -= request_pass(c, n);
	} else if (c->req.mode == HTTP1_AT_CHUNKS) {
		request_body(c, n);
		if (!http1_chunks_skip(&c->req.chunks, n))
			http1_half_at(&c->req, HTTP1_AT_LOST);
	}
	if (c->req.mode == HTTP1_AT_HEAD && n)
		request_is_not(h, c);
}

/*
 * In the middle of a message the TCP sequence tells how much of it never reached us. Between
 * messages it only makes us wary of what comes.
 */
static void request_check_seq(struct http1 *h, struct http1_conn *c, uint32_t seq)
{
	uint32_t missing = seq - c->next_seq;

	if (!seq || !c->next_seq || !missing)
		return;
	if (missing < UINT32_C(1) << 31 && !http1_half_rests(&c->req)) {
		request_skip(h, c, missing);
	} else {
		http1_half_drop_part(h, &c->req);
		http1_half_at(&c->req, HTTP1_AT_LOST);
	}
}

void http1_conn_request(struct http1 *h, struct http1_conn *c, const struct http1_run *run)
{
	uint64_t hole = run->len - run->head_len - run->tail_len;

	if (c->tunnel || !run->len)
		return;
	request_check_seq(h, c, run->seq);
	if (run->seq)
		c->next_seq = run->seq;
	if (c->next_seq)
		c->next_seq += (uint32_t)run->len;
	http1_half_begin_run(&c->req);
	request_bytes(h, c, run, (struct slice){run->head, run->head_len}, 0, hole > 0);
	if (hole)
		request_skip(h, c, hole);
	request_bytes(h, c, run, (struct slice){run->tail, run->tail_len}, run->len - run->tail_len,
		      false);
}
