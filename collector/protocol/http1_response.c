/* SPDX-License-Identifier: Apache-2.0 */
/* The response direction of a connection. */
#include "http1_half.h"

void http1_answer_ends(struct http1 *h, struct http1_conn *c, enum exchange_error error,
		       uint64_t ns)
{
	if (c->resp.mode == HTTP1_AT_CHUNKS)
		c->body += c->resp.chunks.body;
	if (c->busy == HTTP1_ANSWER)
		http1_queue_tell(h, c, error, ns);
	else if (c->busy == HTTP1_UNHELD_ANSWER && c->unheld)
		c->unheld--;
	c->busy = HTTP1_NO_ANSWER;
	http1_half_at(&c->resp, HTTP1_AT_HEAD);
}

static void become_tunnel(struct http1 *h, struct http1_conn *c)
{
	h->counters.tunnels++;
	http1_queue_lose_all(h, c);
	http1_half_drop_part(h, &c->req);
	c->open = NULL;
	c->tunnel = true;
}

static void answer_stops_at(struct http1_conn *c, enum http1_stop stop)
{
	http1_half_at(&c->resp, HTTP1_AT_STOP);
	c->resp.stop = stop;
}

/* Where the response whose head was cut ends, as far as it can be told. */
static void frame_cut_answer(struct http1_conn *c, const struct http1_framing *f, bool no_body)
{
	if (no_body) {
		c->declared = 0;
		answer_stops_at(c, HTTP1_STOP_BLANK);
	} else if (f->length >= 0 && !f->chunked) {
		c->declared = f->length;
		answer_stops_at(c, HTTP1_STOP_TURN);
	} else {
		answer_stops_at(c, HTTP1_STOP_CHUNK);
	}
}

/* RFC 9112 section 6.3 */
static void frame_answer(struct http1 *h, struct http1_conn *c, const struct http1_framing *f,
			 bool no_body)
{
	h->counters.bad += f->bad;
	if (no_body) {
		http1_answer_ends(h, c, EXCHANGE_OK, c->last_ns);
	} else if (f->chunked) {
		http1_half_at(&c->resp, HTTP1_AT_CHUNKS);
		c->resp.chunks = (struct http1_chunks){0};
	} else if (f->other_coding || f->length < 0) {
		http1_half_at(&c->resp, HTTP1_AT_CLOSE);
	} else if (f->length == 0) {
		http1_answer_ends(h, c, EXCHANGE_OK, c->last_ns);
	} else {
		http1_half_at(&c->resp, HTTP1_AT_LENGTH);
		c->resp.left = (uint64_t)f->length;
	}
}

static void answer_begins(struct http1 *h, struct http1_conn *c, const struct http1_response *r,
			  uint64_t first_ns)
{
	bool whole = r->head_len > 0;
	enum http_method method;

	http1_half_drop_part(h, &c->resp);
	h->counters.heads_cut += !whole;
	if (r->status < 200 && r->status != 101) {
		/* The final answer is still to come; after a cut head, at the start of a run. */
		http1_half_at(&c->resp, whole ? HTTP1_AT_HEAD : HTTP1_AT_LOST);
		return;
	}
	/* A server may answer before it has the whole head (408, 414, 431). */
	if (!c->first && !c->unheld)
		http1_request_evaluate_part(h, c);
	method = c->first ? (enum http_method)c->first->method : HTTP_OTHER;
	c->busy = c->first ? HTTP1_ANSWER : c->unheld ? HTTP1_UNHELD_ANSWER : HTTP1_ORPHAN;
	h->counters.orphans += c->busy == HTTP1_ORPHAN;
	c->status = r->status;
	c->first_ns = first_ns;
	c->body = 0;
	c->declared = -1;
	if (http1_tunnels(method, r->status)) {
		http1_answer_ends(h, c, EXCHANGE_OK, c->last_ns);
		become_tunnel(h, c);
	} else if (whole) {
		frame_answer(h, c, &r->framing, http1_no_body(method, r->status));
	} else {
		frame_cut_answer(c, &r->framing, http1_no_body(method, r->status));
	}
}

/* What stands where a response should begin is none. */
static void answer_is_not(struct http1 *h, struct http1_conn *c)
{
	http1_half_drop_part(h, &c->resp);
	if (!c->resp.tentative) {
		if (c->first && c->first->sure)
			h->counters.bad++;
		else
			h->counters.resyncs++;
		if (c->first)
			http1_queue_tell(h, c, EXCHANGE_BAD_ANSWER, c->last_ns);
		else if (c->unheld)
			c->unheld--;
	}
	http1_half_at(&c->resp, HTTP1_AT_LOST);
}

/* A head that ends in bytes nobody saw. */
static void response_evaluate(struct http1 *h, struct http1_conn *c, const struct http1_response *r,
			      uint64_t first_ns)
{
	if (r->status) {
		answer_begins(h, c, r, first_ns);
		return;
	}
	http1_half_drop_part(h, &c->resp);
	http1_queue_lose(h, c);
	http1_half_at(&c->resp, HTTP1_AT_LOST);
}

void http1_response_evaluate_part(struct http1 *h, struct http1_conn *c)
{
	struct http1_head *part = c->resp.part;
	struct http1_response r;

	if (!part)
		return;
	http1_parse_response(part->text, part->used, &r);
	response_evaluate(h, c, &r, part->start_ns);
}

static size_t response_head(struct http1 *h, struct http1_conn *c, const struct http1_run *run,
			    struct slice bytes, bool cut)
{
	size_t before = c->resp.part ? c->resp.part->used : 0;
	uint64_t first_ns = c->resp.part ? c->resp.part->start_ns : run->first_ns;
	struct slice text = bytes;
	struct http1_response r;

	http1_half_gather(&c->resp, &text);
	switch (http1_parse_response(text.p, text.n, &r)) {
	case HTTP1_WHOLE:
		answer_begins(h, c, &r, first_ns);
		return r.head_len - before;
	case HTTP1_NOT:
		answer_is_not(h, c);
		return bytes.n;
	case HTTP1_CUT:
		break;
	}
	if (r.lead == text.n)
		return bytes.n;
	if (cut || !http1_half_keep_part(h, &c->resp, text, first_ns, 0))
		response_evaluate(h, c, &r, first_ns);
	return bytes.n;
}

static size_t response_take(struct http1 *h, struct http1_conn *c, const struct http1_run *run,
			    struct slice bytes, bool cut)
{
	struct http1_half *half = &c->resp;
	size_t n = bytes.n;

	if (h->payloads && c->busy == HTTP1_ANSWER && half->mode != HTTP1_AT_HEAD && !c->body)
		http1_head_answer(c->first, bytes);
	switch ((enum http1_mode)half->mode) {
	case HTTP1_AT_HEAD:
		return response_head(h, c, run, bytes, cut);
	case HTTP1_AT_LENGTH:
		n = half->left < n ? (size_t)half->left : n;
		c->body += n;
		half->left -= n;
		if (half->left == 0)
			http1_answer_ends(h, c, EXCHANGE_OK, c->last_ns);
		return n;
	case HTTP1_AT_CHUNKS:
		n = http1_chunks_feed(&half->chunks, bytes.p, n);
		if (half->chunks.state == HTTP1_CHUNK_DONE) {
			http1_answer_ends(h, c, EXCHANGE_OK, c->last_ns);
		} else if (half->chunks.state == HTTP1_CHUNK_BAD) {
			c->body += half->chunks.body;
			answer_stops_at(c, HTTP1_STOP_CHUNK);
		}
		return n;
	case HTTP1_AT_CLOSE:
	case HTTP1_AT_STOP:
		c->body += n;
		return n;
	case HTTP1_AT_LOST:
		break;
	}
	return n;
}

static void response_bytes(struct http1 *h, struct http1_conn *c, const struct http1_run *run,
			   struct slice bytes, bool cut)
{
	while (bytes.n && !c->tunnel) {
		size_t used = response_take(h, c, run, bytes, cut);

		bytes.p += used;
		bytes.n -= used;
	}
}

/* Bytes of the response that nobody saw. */
static void response_skip(struct http1 *h, struct http1_conn *c, uint64_t n)
{
	struct http1_half *half = &c->resp;

	http1_response_evaluate_part(h, c);
	if (half->mode == HTTP1_AT_LENGTH) {
		uint64_t take = half->left < n ? half->left : n;

		c->body += take;
		half->left -= take;
		n -= take;
		if (half->left == 0)
			http1_answer_ends(h, c, EXCHANGE_OK, c->last_ns);
	} else if (half->mode == HTTP1_AT_CHUNKS) {
		if (!http1_chunks_skip(&half->chunks, n)) {
			c->body += half->chunks.body;
			answer_stops_at(c, HTTP1_STOP_CHUNK);
		}
	} else if (half->mode == HTTP1_AT_CLOSE || half->mode == HTTP1_AT_STOP) {
		c->body += n;
	}
	if (half->mode == HTTP1_AT_HEAD && n && !c->tunnel) {
		h->counters.resyncs += !half->tentative;
		http1_queue_lose(h, c);
		http1_half_at(half, HTTP1_AT_LOST);
	}
}

/*
 * Does this run begin the next answer although the one before has no end yet? Where its length
 * is unknown: whenever somebody waits. Where it is known, only after a new request: bytes of the
 * old answer were lost then.
 */
static bool next_answer_begins(struct http1 *h, const struct http1_conn *c,
			       const struct http1_run *run)
{
	bool known = c->resp.mode != HTTP1_AT_STOP;
	struct http1_response r;

	if (!c->busy || !http1_queue_waiting(c) || !run->head_len || (known && !c->turned))
		return false;
	if (http1_parse_response(run->head, run->head_len, &r) == HTTP1_NOT || !r.status)
		return false;
	h->counters.resyncs += known;
	return true;
}

/* The last bytes of the run, or nothing if they were not captured. */
static struct slice run_end(const struct http1_run *run)
{
	if (run->tail_len)
		return (struct slice){run->tail, run->tail_len};
	if (run->head_len == run->len)
		return (struct slice){run->head, run->head_len};
	return (struct slice){NULL, 0};
}

static void remember_end(struct http1_half *half, struct slice end)
{
	size_t keep = half->end_len;

	if (end.n >= HTTP1_STOP_BYTES) {
		end.p += end.n - HTTP1_STOP_BYTES;
		end.n = HTTP1_STOP_BYTES;
		keep = 0;
	} else if (keep + end.n > HTTP1_STOP_BYTES) {
		keep = HTTP1_STOP_BYTES - end.n;
	}
	memmove(half->end, half->end + half->end_len - keep, keep);
	memcpy(half->end + keep, end.p, end.n);
	half->end_len = (uint8_t)(keep + end.n);
}

static bool ends_with(const struct http1_half *half, const char *text, size_t n)
{
	return half->end_len >= n && memcmp(half->end + half->end_len - n, text, n) == 0;
}

static bool stop_reached(const struct http1_half *half)
{
	if (half->stop == HTTP1_STOP_BLANK)
		return ends_with(half, "\r\n\r\n", 4);
	/* The last chunk stands on a line of its own, as far as the line before was seen. */
	return half->stop == HTTP1_STOP_CHUNK && ends_with(half, "0\r\n\r\n", 5) &&
	       (half->end_len < 6 || half->end[half->end_len - 6] == '\n');
}

static void check_stop(struct http1 *h, struct http1_conn *c, const struct http1_run *run)
{
	struct slice end = run_end(run);

	if (c->resp.mode != HTTP1_AT_STOP)
		return;
	if (end.n < run->len && end.n < HTTP1_STOP_BYTES)
		c->resp.end_len = 0;
	if (!end.n)
		return;
	remember_end(&c->resp, end);
	if (stop_reached(&c->resp))
		http1_answer_ends(h, c, EXCHANGE_OK, c->last_ns);
}

void http1_conn_response(struct http1 *h, struct http1_conn *c, const struct http1_run *run)
{
	uint64_t hole = run->len - run->head_len - run->tail_len;

	if (c->tunnel || !run->len)
		return;
	http1_half_begin_run(&c->resp);
	if (next_answer_begins(h, c, run))
		http1_answer_ends(h, c, EXCHANGE_OK, c->last_ns);
	c->turned = false;
	c->last_ns = run->last_ns;
	response_bytes(h, c, run, (struct slice){run->head, run->head_len}, hole > 0);
	if (hole)
		response_skip(h, c, hole);
	response_bytes(h, c, run, (struct slice){run->tail, run->tail_len}, false);
	if (!c->tunnel)
		check_stop(h, c, run);
}
