/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include <strings.h>

/* ---- the pool ---- */

void call_pool_init(struct call_pool *pool, struct call *blocks, size_t n)
{
	*pool = (struct call_pool){.fresh = blocks, .left = n};
}

struct call *call_get(struct call_pool *pool)
{
	struct call *call = pool->free;

	if (call) {
		pool->free = call->next;
	} else if (pool->left) {
		call = pool->fresh++;
		pool->left--;
	} else {
		pool->exhausted++;
		return NULL;
	}
	pool->used++;
	memset(call, 0, offsetof(struct call, text));
	return call;
}

void call_put(struct call_pool *pool, struct call *call)
{
	call->next = pool->free;
	pool->free = call;
	pool->used--;
}

/* ---- a connection's queue ---- */

void calls_add(struct calls *calls, struct call *call)
{
	call->next = NULL;
	if (calls->last)
		calls->last->next = call;
	else
		calls->first = call;
	calls->last = call;
	calls->n++;
}

bool calls_remove(struct calls *calls, struct call *call)
{
	struct call *before = NULL, *at = calls->first;

	while (at && at != call) {
		before = at;
		at = at->next;
	}
	if (!at)
		return false;
	if (before)
		before->next = at->next;
	else
		calls->first = at->next;
	if (calls->last == at)
		calls->last = before;
	calls->n--;
	return true;
}

/* ---- texts ---- */

#define CODE_ROOM 64 /* bytes of CALL_TEXT that no tracestate takes */

static bool may_be_cut(enum call_text which)
{
	return which == CALL_TARGET || which == CALL_SUMMARY;
}

/* So that what others chose leaves room for what the answer will say. */
static bool is_too_long(const struct call *call, enum call_text which, size_t n)
{
	if (which == CALL_TRACEPARENT)
		return n > CALL_PARENT_MAX;
	return which == CALL_TRACESTATE &&
	       (n > CALL_STATE_MAX || call->used + n + CODE_ROOM > CALL_TEXT);
}

bool call_set(struct call *call, enum call_text which, struct slice text)
{
	size_t room = CALL_TEXT - call->used;
	size_t n = text.n;
	bool fits;

	if (is_too_long(call, which, n)) {
		call->n[which] = 0;
		return false;
	}
	if (n <= call->n[which]) { /* where the text before it was */
		memmove(call->text + call->at[which], text.p, n);
		call->n[which] = (uint16_t)n;
		return true;
	}
	fits = n <= room;
	if (!fits) {
		n = may_be_cut(which) ? room : 0;
		call->target_cut |= which == CALL_TARGET;
	}
	call->at[which] = call->used;
	call->n[which] = (uint16_t)n;
	if (n)
		memcpy(call->text + call->used, text.p, n);
	call->used += (uint16_t)n;
	return fits;
}

static bool is_named(struct slice name, const char *like)
{
	return name.n == strlen(like) && strncasecmp(name.p, like, name.n) == 0;
}

bool call_header(struct call *call, struct slice name, struct slice value)
{
	enum call_text which = CALL_TRACEPARENT;

	if (is_named(name, "tracestate"))
		which = CALL_TRACESTATE;
	else if (!is_named(name, "traceparent"))
		return false;
	if (!call->n[which])
		call_set(call, which, value);
	return true;
}

struct slice call_text(const struct call *call, enum call_text which)
{
	return (struct slice){call->text + call->at[which], call->n[which]};
}

void call_tell(const struct call *call, struct exchange *x)
{
	x->tgid = call->tgid;
	x->tid = call->tid;
	x->req_tid = call->tid;
	x->req_seq = call->seq;
	x->routine = call->routine;
	x->start_ns = call->start_ns;
	x->first_ns = call->first_ns;
	x->end_ns = call->last_ns > call->start_ns ? call->last_ns : call->start_ns;
	x->method = (enum http_method)call->method;
	x->status = call->status;
	x->error = (enum exchange_error)call->error;
	x->target = call_text(call, CALL_TARGET);
	x->target_cut = call->target_cut;
	x->host = call_text(call, CALL_HOST);
	x->traceparent = call_text(call, CALL_TRACEPARENT);
	x->tracestate = call_text(call, CALL_TRACESTATE);
	x->req_body = call->req_body;
	x->resp_body = call->resp_body;
	x->kind = (enum exchange_kind)call->kind;
	x->protocol = (enum protocol)call->protocol;
	x->action = (enum messaging_action)call->action;
	x->failed = call->failed;
	x->waits = call->waits;
	x->operation = call_text(call, CALL_OPERATION);
	x->collection = call_text(call, CALL_COLLECTION);
	x->namespace = call_text(call, CALL_NAMESPACE);
	x->summary = call_text(call, CALL_SUMMARY);
	x->code = call_text(call, CALL_CODE);
	x->group = call_text(call, CALL_GROUP);
}
