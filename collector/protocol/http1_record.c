/* SPDX-License-Identifier: Apache-2.0 */
/* From the kernel side's records to runs, and the exchanges that need no state. */
#include <errno.h>

#include "http1_conn.h"

/*
 * Reads one direction from the payload at *p, of which *left bytes remain. False: it does not
 * fit. The tail may reach back before this record (it is the end of the message): then it is
 * shortened to what belongs to it.
 */
static bool read_run(struct http1_run *run, const struct kh_message *m, uint32_t seq,
		     const char **p, size_t *left)
{
	if ((size_t)m->head_len + m->tail_len > *left || m->head_len > m->len)
		return false;
	*run = (struct http1_run){
		.head = *p,
		.head_len = m->head_len,
		.tail = *p + m->head_len,
		.tail_len = m->tail_len,
		.len = m->len,
		.first_ns = m->first_ns,
		.last_ns = m->last_ns,
		.seq = seq,
	};
	*p += m->head_len + m->tail_len;
	*left -= m->head_len + m->tail_len;
	if (run->tail_len > run->len - run->head_len) {
		uint32_t fits = (uint32_t)(run->len - run->head_len);

		run->tail += run->tail_len - fits;
		run->tail_len = fits;
	}
	return true;
}

static bool read_exchange(const struct kh_exchange *x, struct http1_run *req,
			  struct http1_run *resp)
{
	const char *p = (const char *)(x + 1);
	size_t left = x->rec.size - sizeof(*x);

	return x->rec.size >= sizeof(*x) && read_run(req, &x->req, x->req_seq, &p, &left) &&
	       read_run(resp, &x->resp, 0, &p, &left);
}

/* ---- exchanges without state ---- */

static bool chunks_end_run(const struct http1_run *run, uint32_t from, uint64_t *body)
{
	uint64_t hole = run->len - run->head_len - run->tail_len;
	struct http1_chunks chunks = {0};
	size_t used;

	used = http1_chunks_feed(&chunks, run->head + from, run->head_len - from);
	if (chunks.state != HTTP1_CHUNK_DONE) {
		if (!http1_chunks_skip(&chunks, hole))
			return false;
		used = http1_chunks_feed(&chunks, run->tail, run->tail_len);
		if (used != run->tail_len)
			return false;
	} else if (from + used != run->len) {
		return false;
	}
	*body = chunks.body;
	return chunks.state == HTTP1_CHUNK_DONE;
}

/* Does the message with this head end exactly where the run ends? */
static bool ends_run(const struct http1_run *run, const struct http1_framing *f, uint32_t head_len,
		     int64_t absent, uint64_t *body)
{
	int64_t length = f->length >= 0 ? f->length : absent;

	if (f->bad)
		return false;
	if (f->chunked)
		return chunks_end_run(run, head_len, body);
	if (f->other_coding || length < 0)
		return false;
	*body = (uint64_t)length;
	return run->len - head_len == *body;
}

bool http1_simple(struct http1 *h, const struct kh_exchange *x)
{
	const struct http1_memo_owner owner = {
		.cgroup = x->cgroup,
		.tgid = x->tgid,
		.port = conn_server_port(&x->conn),
		.role = x->conn.role,
	};
	struct http1_run req, resp;
	struct http1_response response;
	struct http1_request request;
	const struct http1_response *a;
	const struct http1_request *r;
	struct http_payload payload;
	struct exchange e;

	if (x->reason != KH_WHY_RESPONSE || !read_exchange(x, &req, &resp))
		return false;
	r = http1_memo_request(h->memo, req.head, req.head_len, &owner, &request, &e.alike);
	if (!r || !ends_run(&req, &r->framing, r->head_len, 0, &e.req_body))
		return false;
	a = http1_memo_response(h->memo, resp.head, resp.head_len, e.alike, &response);
	if (!a || a->status < 200 || http1_tunnels(r->method, a->status))
		return false;
	if (!http1_no_body(r->method, a->status)) {
		if (!ends_run(&resp, &a->framing, a->head_len, -1, &e.resp_body))
			return false;
	} else if (a->head_len != resp.len || a->framing.bad) {
		return false;
	} else {
		e.resp_body = 0;
	}
	e = (struct exchange){
		.conn = x->conn,
		.cgroup = x->cgroup,
		.tgid = x->tgid,
		.tid = x->tid,
		.req_tid = x->req_tid,
		.routine = x->routine,
		.req_seq = x->req_seq ? x->req_seq + r->lead : 0,
		.alike = e.alike,
		.start_ns = req.first_ns,
		.first_ns = resp.first_ns,
		.end_ns = resp.last_ns,
		.method = r->method,
		.status = a->status,
		.target = r->target,
		.host = r->host,
		.traceparent = r->traceparent,
		.tracestate = r->tracestate,
		.req_body = e.req_body,
		.resp_body = e.resp_body,
	};
	if (h->payloads && http_payload_find(h->payloads, r, &payload))
		http_payload_apply(&payload,
				   http_payload_error(payload.protocol,
						      (struct slice){resp.head + a->head_len,
								     resp.head_len - a->head_len}),
				   &e);
	h->counters.requests++;
	h->counters.exchanges++;
	h->emit(h->arg, &e);
	return true;
}

/* ---- records of a connection with state ---- */

int http1_conn_exchange(struct http1 *h, struct http1_conn *c, const struct kh_exchange *x)
{
	struct http1_run req, resp;

	if (!read_exchange(x, &req, &resp))
		return -EBADMSG;
	if (c->number && x->number != c->number + 1 && !http1_conn_idle(c))
		http1_conn_lost(h, c);
	c->number = x->number;
	c->cgroup = x->cgroup;
	c->tgid = x->tgid;
	c->tid = x->tid;
	c->req_tid = x->req_tid;
	c->routine = x->routine;
	http1_conn_request(h, c, &req);
	http1_conn_response(h, c, &resp);
	if (x->reason == KH_WHY_CLOSE || x->reason == KH_WHY_RESET)
		http1_conn_end(h, c, (enum kh_reason)x->reason,
			       resp.last_ns ? resp.last_ns : req.last_ns);
	return 0;
}

int http1_conn_part(struct http1 *h, struct http1_conn *c, const struct kh_part *part)
{
	const char *p = (const char *)(part + 1);
	size_t left = part->rec.size - sizeof(*part);
	struct http1_run run;

	if (part->rec.size < sizeof(*part) || !read_run(&run, &part->msg, 0, &p, &left) ||
	    part->reason > KH_WHY_RESET)
		return -EBADMSG;
	if (part->number != c->number)
		return -ESTALE;
	if (part->rec.flags & KH_F_RESPONSE)
		http1_conn_response(h, c, &run);
	else
		http1_conn_request(h, c, &run);
	http1_conn_end(h, c, (enum kh_reason)part->reason, run.last_ns);
	return 0;
}
