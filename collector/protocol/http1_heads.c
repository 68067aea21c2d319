/* SPDX-License-Identifier: Apache-2.0 */
#include "http1_heads.h"

_Static_assert(HTTP1_TARGET_KEEP + HTTP1_HOST_KEEP + HTTP1_TRACE_KEEP <= HTTP1_HEAD_KEEP,
	       "a request's texts fit a block");

void http1_heads_init(struct http1_heads *pool, struct http1_head *blocks, size_t n)
{
	*pool = (struct http1_heads){.fresh = blocks, .left = n};
}

struct http1_head *http1_heads_get(struct http1_heads *pool)
{
	struct http1_head *head = pool->free;

	if (head) {
		pool->free = head->next;
	} else if (pool->left) {
		pool->left--;
		head = pool->fresh++;
	} else {
		pool->exhausted++;
		return NULL;
	}
	pool->used++;
	memset(head, 0, offsetof(struct http1_head, text));
	head->declared = -1;
	return head;
}

void http1_heads_put(struct http1_heads *pool, struct http1_head *head)
{
	if (!head)
		return;
	head->next = pool->free;
	pool->free = head;
	pool->used--;
}

size_t http1_head_add(struct http1_head *head, const char *p, size_t n)
{
	size_t room = HTTP1_HEAD_KEEP - head->used;

	if (n > room)
		n = room;
	if (n)
		memcpy(head->text + head->used, p, n);
	head->used = (uint16_t)(head->used + n);
	return n;
}

/* All of `text` or, if it is longer than `limit` or what is left, nothing. */
static uint16_t add_whole(struct http1_head *head, struct slice text, size_t limit)
{
	if (text.n > limit || text.n > (size_t)(HTTP1_HEAD_KEEP - head->used))
		return 0;
	return (uint16_t)http1_head_add(head, text.p, text.n);
}

void http1_head_keep(struct http1_head *head, const struct http1_request *r,
		     const struct http_payload *payload)
{
	size_t target = r->target.n < HTTP1_TARGET_KEEP ? r->target.n : HTTP1_TARGET_KEEP;

	head->used = 0;
	head->method = (uint8_t)r->method;
	head->sure = r->minor >= 0;
	head->declared = r->framing.length;
	head->target_cut = r->target_cut || target < r->target.n;
	head->target_len = (uint16_t)http1_head_add(head, r->target.p, target);
	head->host_len = add_whole(head, r->host, HTTP1_HOST_KEEP);
	head->traceparent_len = add_whole(head, r->traceparent, HTTP1_TRACE_KEEP);
	head->payload = payload ? (uint8_t)payload->protocol : PROTOCOL_HTTP;
	head->operation_len = head->collection_len = head->error_len = 0;
	if (payload) {
		head->operation_len = add_whole(head, payload->operation, HTTP_PAYLOAD_NAME);
		head->collection_len = add_whole(head, payload->collection, HTTP_PAYLOAD_NAME);
	}
	head->tracestate_len = add_whole(head, r->tracestate, HTTP1_HEAD_KEEP);
}

void http1_head_answer(struct http1_head *head, struct slice body)
{
	struct slice error;

	if (head->payload == PROTOCOL_HTTP)
		return;
	error = http_payload_error((enum protocol)head->payload, body);
	if (error.n && error.n <= HTTP1_ERROR_KEEP) {
		head->error_len = (uint8_t)error.n;
		memcpy(head->error, error.p, error.n);
	}
}

void http1_head_tell(const struct http1_head *head, struct exchange *x)
{
	const char *p = head->text;
	struct http_payload payload;

	x->start_ns = head->start_ns;
	x->req_tid = head->tid;
	x->req_seq = head->seq;
	x->routine = head->routine;
	x->method = (enum http_method)head->method;
	x->target_cut = head->target_cut;
	x->target = (struct slice){p, head->target_len};
	p += head->target_len;
	x->host = (struct slice){p, head->host_len};
	p += head->host_len;
	x->traceparent = (struct slice){p, head->traceparent_len};
	p += head->traceparent_len;
	payload = (struct http_payload){(enum protocol)head->payload,
					{p, head->operation_len},
					{p + head->operation_len, head->collection_len}};
	p += head->operation_len + head->collection_len;
	if (head->payload != PROTOCOL_HTTP)
		http_payload_apply(&payload, (struct slice){head->error, head->error_len}, x);
	x->tracestate = (struct slice){p, head->tracestate_len};
	x->req_body = head->counts || head->declared < 0 ? head->body : (uint64_t)head->declared;
}
