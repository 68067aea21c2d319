/* SPDX-License-Identifier: Apache-2.0 */
#include "http1_conn.h"

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

static bool half_rests(const struct http1_half *half)
{
	return (half->mode == HTTP1_AT_HEAD || half->mode == HTTP1_AT_LOST) && !half->part;
}

bool http1_conn_idle(const struct http1_conn *c)
{
	return !c->tunnel && !c->busy && !c->first && !c->unheld && half_rests(&c->req) &&
	       half_rests(&c->resp);
}

static void half_at(struct http1_half *half, enum http1_mode mode)
{
	half->mode = mode;
	half->tentative = false;
	half->end_len = 0;
}

static void half_drop_part(struct http1 *h, struct http1_half *half)
{
	http1_heads_put(&h->heads, half->part);
	half->part = NULL;
}

/* A run begins: if nothing is known of where we are, its first byte may begin a head. */
static void half_begin_run(struct http1_half *half)
{
	if (half->mode != HTTP1_AT_LOST)
		return;
	half_at(half, HTTP1_AT_HEAD);
	half->tentative = true;
}

/* Adds bytes of a head to what came before; *text is all of it. */
static void half_gather(struct http1_half *half, struct slice *text)
{
	if (!half->part)
		return;
	http1_head_add(half->part, text->p, text->n);
	*text = (struct slice){half->part->text, half->part->used};
}

/* Keeps the beginning of a head until the next run. False: there is no room for it. */
static bool half_keep_part(struct http1 *h, struct http1_half *half, struct slice text, uint64_t ns,
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

static struct http1_head *queue_add(struct http1 *h, struct http1_conn *c)
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

static void queue_pop(struct http1 *h, struct http1_conn *c)
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

/* Requests whose answer has not begun. */
static uint32_t waiting(const struct http1_conn *c)
{
	uint32_t begun = c->busy == HTTP1_ANSWER || c->busy == HTTP1_UNHELD_ANSWER;

	return c->pending + c->unheld - begun;
}

/* The answer to the first request went by unseen. */
static void lose_first(struct http1 *h, struct http1_conn *c)
{
	if (c->first) {
		h->counters.lost++;
		queue_pop(h, c);
	} else if (c->unheld) {
		c->unheld--;
	}
}

static void lose_all(struct http1 *h, struct http1_conn *c)
{
	while (c->first)
		lose_first(h, c);
	c->unheld = 0;
}

/* Tells the first request of the queue, with whatever answer there was, and forgets it. */
static void tell_first(struct http1 *h, struct http1_conn *c, enum exchange_error error,
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
		lose_first(h, c);
		return;
	}
	http1_head_tell(c->first, &x);
	if (x.end_ns < x.start_ns) /* the time of the end is not known */
		x.end_ns = x.start_ns;
	h->counters.exchanges++;
	h->emit(h->arg, &x);
	queue_pop(h, c);
}

/* ---- responses ---- */

static void answer_ends(struct http1 *h, struct http1_conn *c, enum exchange_error error,
			uint64_t ns)
{
	if (c->resp.mode == HTTP1_AT_CHUNKS)
		c->body += c->resp.chunks.body;
	if (c->busy == HTTP1_ANSWER)
		tell_first(h, c, error, ns);
	else if (c->busy == HTTP1_UNHELD_ANSWER && c->unheld)
		c->unheld--;
	c->busy = HTTP1_NO_ANSWER;
	half_at(&c->resp, HTTP1_AT_HEAD);
}

static void become_tunnel(struct http1 *h, struct http1_conn *c)
{
	h->counters.tunnels++;
	lose_all(h, c);
	half_drop_part(h, &c->req);
	c->open = NULL;
	c->tunnel = true;
}

static void answer_stops_at(struct http1_conn *c, enum http1_stop stop)
{
	half_at(&c->resp, HTTP1_AT_STOP);
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
		answer_ends(h, c, EXCHANGE_OK, c->last_ns);
	} else if (f->chunked) {
		half_at(&c->resp, HTTP1_AT_CHUNKS);
		c->resp.chunks = (struct http1_chunks){0};
	} else if (f->other_coding || f->length < 0) {
		half_at(&c->resp, HTTP1_AT_CLOSE);
	} else if (f->length == 0) {
		answer_ends(h, c, EXCHANGE_OK, c->last_ns);
	} else {
		half_at(&c->resp, HTTP1_AT_LENGTH);
		c->resp.left = (uint64_t)f->length;
	}
}

static void request_evaluate_part(struct http1 *h, struct http1_conn *c);

static void answer_begins(struct http1 *h, struct http1_conn *c, const struct http1_response *r,
			  uint64_t first_ns)
{
	bool whole = r->head_len > 0;
	enum http_method method;

	half_drop_part(h, &c->resp);
	h->counters.heads_cut += !whole;
	if (r->status < 200 && r->status != 101) {
		/* The final answer is still to come; after a cut head, at the start of a run. */
		half_at(&c->resp, whole ? HTTP1_AT_HEAD : HTTP1_AT_LOST);
		return;
	}
	/* A server may answer before it has the whole head (408, 414, 431). */
	if (!c->first && !c->unheld)
		request_evaluate_part(h, c);
	method = c->first ? (enum http_method)c->first->method : HTTP_OTHER;
	c->busy = c->first ? HTTP1_ANSWER : c->unheld ? HTTP1_UNHELD_ANSWER : HTTP1_ORPHAN;
	h->counters.orphans += c->busy == HTTP1_ORPHAN;
	c->status = r->status;
	c->first_ns = first_ns;
	c->body = 0;
	c->declared = -1;
	if (http1_tunnels(method, r->status)) {
		answer_ends(h, c, EXCHANGE_OK, c->last_ns);
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
	half_drop_part(h, &c->resp);
	if (!c->resp.tentative) {
		if (c->first && c->first->sure)
			h->counters.bad++;
		else
			h->counters.resyncs++;
		if (c->first)
			tell_first(h, c, EXCHANGE_BAD_ANSWER, c->last_ns);
		else if (c->unheld)
			c->unheld--;
	}
	half_at(&c->resp, HTTP1_AT_LOST);
}

/* A head that ends in bytes nobody saw. */
static void response_evaluate(struct http1 *h, struct http1_conn *c, const struct http1_response *r,
			      uint64_t first_ns)
{
	if (r->status) {
		answer_begins(h, c, r, first_ns);
		return;
	}
	half_drop_part(h, &c->resp);
	lose_first(h, c);
	half_at(&c->resp, HTTP1_AT_LOST);
}

static void response_evaluate_part(struct http1 *h, struct http1_conn *c)
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

	half_gather(&c->resp, &text);
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
	if (cut || !half_keep_part(h, &c->resp, text, first_ns, 0))
		response_evaluate(h, c, &r, first_ns);
	return bytes.n;
}

static size_t response_take(struct http1 *h, struct http1_conn *c, const struct http1_run *run,
			    struct slice bytes, bool cut)
{
	struct http1_half *half = &c->resp;
	size_t n = bytes.n;

	switch ((enum http1_mode)half->mode) {
	case HTTP1_AT_HEAD:
		return response_head(h, c, run, bytes, cut);
	case HTTP1_AT_LENGTH:
		n = half->left < n ? (size_t)half->left : n;
		c->body += n;
		half->left -= n;
		if (half->left == 0)
			answer_ends(h, c, EXCHANGE_OK, c->last_ns);
		return n;
	case HTTP1_AT_CHUNKS:
		n = http1_chunks_feed(&half->chunks, bytes.p, n);
		if (half->chunks.state == HTTP1_CHUNK_DONE) {
			answer_ends(h, c, EXCHANGE_OK, c->last_ns);
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

	response_evaluate_part(h, c);
	if (half->mode == HTTP1_AT_LENGTH) {
		uint64_t take = half->left < n ? half->left : n;

		c->body += take;
		half->left -= take;
		n -= take;
		if (half->left == 0)
			answer_ends(h, c, EXCHANGE_OK, c->last_ns);
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
		lose_first(h, c);
		half_at(half, HTTP1_AT_LOST);
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

	if (!c->busy || !waiting(c) || !run->head_len || (known && !c->turned))
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
		answer_ends(h, c, EXCHANGE_OK, c->last_ns);
}

void http1_conn_response(struct http1 *h, struct http1_conn *c, const struct http1_run *run)
{
	uint64_t hole = run->len - run->head_len - run->tail_len;

	if (c->tunnel || !run->len)
		return;
	half_begin_run(&c->resp);
	if (next_answer_begins(h, c, run))
		answer_ends(h, c, EXCHANGE_OK, c->last_ns);
	c->turned = false;
	c->last_ns = run->last_ns;
	response_bytes(h, c, run, (struct slice){run->head, run->head_len}, hole > 0);
	if (hole)
		response_skip(h, c, hole);
	response_bytes(h, c, run, (struct slice){run->tail, run->tail_len}, false);
	if (!c->tunnel)
		check_stop(h, c, run);
}

/* ---- requests ---- */

/* The next request began: an answer of unknown length has ended, one that was missed is lost. */
static void turn(struct http1 *h, struct http1_conn *c)
{
	if (c->resp.mode == HTTP1_AT_STOP && c->busy && waiting(c) == 0) {
		answer_ends(h, c, EXCHANGE_OK, c->last_ns);
	} else if (c->resp.mode == HTTP1_AT_LOST) {
		lose_all(h, c);
		half_begin_run(&c->resp);
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
		half_at(&c->req, HTTP1_AT_LOST);
	} else if (f->chunked) {
		half_at(&c->req, HTTP1_AT_CHUNKS);
		c->req.chunks = (struct http1_chunks){0};
	} else if (f->length > 0) {
		half_at(&c->req, HTTP1_AT_LENGTH);
		c->req.left = (uint64_t)f->length;
	} else {
		half_at(&c->req, HTTP1_AT_HEAD);
		c->open = NULL;
	}
}

static void request_begins(struct http1 *h, struct http1_conn *c, const struct http1_request *r,
			   uint64_t ns, uint32_t seq)
{
	struct http1_head *head;

	turn(h, c);
	c->turned = true;
	h->counters.requests++;
	h->counters.heads_cut += !r->head_len;
	head = queue_add(h, c);
	if (head) {
		http1_head_keep(head, r);
		head->start_ns = ns;
		head->seq = seq;
	}
	c->open = head;
	frame_request(h, c, r);
	half_drop_part(h, &c->req); /* where `r` may point to */
}

static void request_is_not(struct http1 *h, struct http1_conn *c)
{
	half_drop_part(h, &c->req);
	h->counters.resyncs += !c->req.tentative;
	half_at(&c->req, HTTP1_AT_LOST);
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

static void request_evaluate_part(struct http1 *h, struct http1_conn *c)
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

	half_gather(&c->req, &text);
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
	else if (cut || !half_keep_part(h, &c->req, text, ns, seq))
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
	half_at(&c->req, HTTP1_AT_HEAD);
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
		half_at(&c->req, HTTP1_AT_LOST);
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
	request_evaluate_part(h, c);
	if (c->req.mode == HTTP1_AT_LENGTH) {
		n -= request_pass(c, n);
	} else if (c->req.mode == HTTP1_AT_CHUNKS) {
		request_body(c, n);
		if (!http1_chunks_skip(&c->req.chunks, n))
			half_at(&c->req, HTTP1_AT_LOST);
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
	if (missing < UINT32_C(1) << 31 && !half_rests(&c->req)) {
		request_skip(h, c, missing);
	} else {
		half_drop_part(h, &c->req);
		half_at(&c->req, HTTP1_AT_LOST);
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
	half_begin_run(&c->req);
	request_bytes(h, c, run, (struct slice){run->head, run->head_len}, 0, hole > 0);
	if (hole)
		request_skip(h, c, hole);
	request_bytes(h, c, run, (struct slice){run->tail, run->tail_len}, run->len - run->tail_len,
		      false);
}

/* ---- ends ---- */

static void connection_ends(struct http1 *h, struct http1_conn *c, bool reset, uint64_t ns)
{
	enum exchange_error error = reset ? EXCHANGE_RESET : EXCHANGE_CLOSED;
	bool short_head = c->resp.part != NULL;

	if (!ns)
		ns = c->last_ns;
	response_evaluate_part(h, c);
	if (c->busy && !reset && !short_head &&
	    (c->resp.mode == HTTP1_AT_CLOSE || c->resp.mode == HTTP1_AT_STOP))
		answer_ends(h, c, EXCHANGE_OK, c->last_ns);
	else if (c->busy)
		answer_ends(h, c, error, ns);
	request_evaluate_part(h, c);
	if (c->resp.mode == HTTP1_AT_LOST)
		lose_all(h, c);
	while (c->first)
		tell_first(h, c, error, ns);
}

/* As after http1_conn_init(), but for the owner. */
static void start_over(struct http1 *h, struct http1_conn *c, enum http1_mode mode)
{
	half_drop_part(h, &c->req);
	half_drop_part(h, &c->resp);
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
			turn(h, c);
		break;
	case KH_WHY_LENGTH:
		if (guessed && c->busy)
			answer_ends(h, c, EXCHANGE_OK, c->last_ns);
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
	response_evaluate_part(h, c);
	if (c->busy)
		answer_ends(h, c, EXCHANGE_OK, c->last_ns);
	lose_all(h, c);
	start_over(h, c, HTTP1_AT_LOST);
}
