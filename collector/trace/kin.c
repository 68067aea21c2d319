/* SPDX-License-Identifier: Apache-2.0 */
#include "kin.h"

#include <stdlib.h>

#include "../service/siphash.h"

const char *const kin_parent_name[KIN_PARENTS] = {
	[KIN_NONE] = "none",     [KIN_HEADER] = "header",       [KIN_TCP] = "tcp",
	[KIN_THREAD] = "thread", [KIN_GOROUTINE] = "goroutine", [KIN_EVENT_LOOP] = "event_loop",
};

enum state { NEW, BUSY, SETTLED };

/* A node is in the list of its thread twice, where two threads had to do with it. */
enum thread { ASKING, ANSWERING, THREADS };

struct node {
	struct trace_ids ids;
	struct trace_context context;
	struct sampler sampler;
	struct kin_place place; /* once settled */
	uint64_t start_ns, end_ns, arrived_ns;
	uint64_t routine;
	uint32_t tgid, tid, req_tid;
	uint8_t state;
	bool server, abroad;

	/* of a client's: the requests in hand when it began */
	uint32_t claims;
	uint64_t claimed_by, claimed_ns; /* the one received last, and when */
	uint64_t after, after_ns;        /* the last call whose answer the thread received before */
	uint64_t twin; /* the request that asked for the same, and was answered next */

	uint64_t asks;     /* what it asks for, HTTP; 0: nothing that can be compared */
	uint64_t first_ns; /* of its answer */

	/* lists, newest first: the number of the next one; of threads also which of its two */
	uint64_t next_id;
	uint64_t next_of[THREADS];
};

struct kin {
	struct kin_counters counters;
	struct kin_told told;
	bool patient;        /* of the settling under way */
	uint64_t last;       /* number given out last */
	uint64_t arrived_ns; /* when; never goes back */
	uint32_t mask;
	uint64_t *by_id;     /* heads of lists */
	uint64_t *by_thread; /* likewise */
	struct node node[];
};

struct kin *kin_new(uint32_t nodes, const struct kin_told *told)
{
	struct kin *k;

	if (!nodes || (nodes & (nodes - 1)))
		return NULL;
	k = calloc(1, sizeof(*k) + nodes * sizeof(*k->node));
	if (!k)
		return NULL;
	k->mask = nodes - 1;
	k->told = *told;
	k->by_id = calloc(nodes, sizeof(*k->by_id));
	k->by_thread = calloc(nodes, sizeof(*k->by_thread));
	if (!k->by_id || !k->by_thread) {
		kin_free(k);
		return NULL;
	}
	return k;
}

void kin_free(struct kin *k)
{
	if (!k)
		return;
	free(k->by_id);
	free(k->by_thread);
	free(k);
}

const struct kin_counters *kin_counters(const struct kin *k)
{
	return &k->counters;
}

size_t kin_bytes(const struct kin *k)
{
	return sizeof(*k) + (k->mask + (size_t)1) * (sizeof(*k->node) + 2 * sizeof(*k->by_id));
}

/* ---- lists ---- */

/* NULL: 0, or overwritten meanwhile: so is all that comes behind it in a list. */
static struct node *node_of(struct kin *k, uint64_t number)
{
	if (!number || number > k->last || k->last - number > k->mask)
		return NULL;
	return &k->node[number & k->mask];
}

static uint64_t *id_list(struct kin *k, const struct trace_ids *ids)
{
	uint64_t v;

	memcpy(&v, ids->client, sizeof(v));
	return &k->by_id[v & k->mask];
}

/* Goroutines move between threads, and a thread has many: they stand for threads. */
static uint64_t *thread_list(struct kin *k, const struct node *n, enum thread which)
{
	uint64_t who = n->routine ? n->routine : which == ASKING ? n->req_tid : n->tid;
	uint64_t v = (who ^ (uint64_t)n->tgid << 32) * 0x9e3779b97f4a7c15ull;

	return &k->by_thread[(v >> 32) & k->mask];
}

static bool has_list(const struct node *n, enum thread which)
{
	if (which == ASKING)
		return n->routine || n->req_tid;
	return !n->routine && n->tid && n->tid != n->req_tid;
}

static uint64_t asks_for(const struct exchange *x)
{
	if (x->kind != EXCHANGE_HTTP || !x->target.n)
		return 0;
	return siphash(siphash_process_key(), x->target.p, x->target.n) + x->method + 1;
}

static void put_in_lists(struct kin *k, struct node *n, uint64_t number)
{
	uint64_t *head = id_list(k, &n->ids);

	n->next_id = *head;
	*head = number;
	for (unsigned int which = 0; which < THREADS; which++) {
		if (!has_list(n, which))
			continue;
		head = thread_list(k, n, which);
		n->next_of[which] = *head;
		*head = number << 1 | which;
	}
}

static struct node *other_end(struct kin *k, const struct node *n)
{
	for (uint64_t number = *id_list(k, &n->ids);;) {
		struct node *other = node_of(k, number);

		if (!other)
			return NULL;
		if (other->server != n->server &&
		    memcmp(other->ids.client, n->ids.client, SPAN_ID_LEN) == 0)
			return other;
		number = other->next_id;
	}
}

/* ---- within a process ---- */

static bool same_thread(const struct node *call, const struct node *n, enum thread which)
{
	if (call->tgid != n->tgid || call->routine != n->routine)
		return false;
	return call->routine || call->req_tid == (which == ASKING ? n->req_tid : n->tid);
}

static bool in_hand(const struct node *request, const struct node *call)
{
	return request->start_ns < call->start_ns && call->start_ns <= request->end_ns;
}

static void claim(struct kin *k, struct node *call, const struct node *request, uint64_t number)
{
	if (call->state == SETTLED) {
		if (!call->claims)
			k->counters.late++;
		return;
	}
	call->claims++;
	if (request->start_ns >= call->claimed_ns) {
		call->claimed_by = number;
		call->claimed_ns = request->start_ns;
	}
}

/* Another exchange that the thread had to do with, and that ended before a new call did. */
static void compare_call(struct kin *k, struct node *call, const struct node *n, uint64_t number,
			 enum thread which)
{
	if (!same_thread(call, n, which))
		return;
	if (n->server) {
		if (in_hand(n, call))
			claim(k, call, n, number);
	} else if ((call->routine || n->tid == call->req_tid) && n->end_ns <= call->start_ns &&
		   n->end_ns > call->after_ns) {
		call->after = number;
		call->after_ns = n->end_ns;
	}
}

/* A proxy's call of this request: each has one, and its answer comes right before the request's. */
static bool may_be_twin(const struct node *request, const struct node *call)
{
	return request->asks && request->asks == call->asks && !call->twin && call->first_ns &&
	       call->first_ns <= request->first_ns;
}

/*
 * What came since `n` began, for nothing else can overlap it: a list is in the order of arrival,
 * and nothing arrives before it ends.
 */
static void look_at_thread(struct kin *k, struct node *n, uint64_t number, enum thread which)
{
	uint64_t at = n->next_of[which];
	struct node *twin = NULL;

	for (unsigned int i = 0;; i++) {
		struct node *other = node_of(k, at >> 1);
		enum thread of = at & 1;

		if (!other)
			break;
		if (i == KIN_LOOK_MAX) {
			k->counters.looks_cut++;
			break;
		}
		if (!n->server)
			compare_call(k, n, other, at >> 1, of);
		else if (!other->server && of == ASKING && same_thread(other, n, which) &&
			 in_hand(n, other)) {
			claim(k, other, n, number);
			if (may_be_twin(n, other) && (!twin || other->first_ns > twin->first_ns))
				twin = other;
		}
		if (other->arrived_ns < n->start_ns)
			break;
		at = other->next_of[of];
	}
	if (twin)
		twin->twin = number;
}

/* Whose call it is: the number of a request of the same process, or 0. */
static uint64_t pick(struct kin *k, const struct node *call, enum kin_parent *how)
{
	const struct node *at = call, *request;

	*how = KIN_NONE;
	if (!call->claims)
		return 0;
	*how = call->routine ? KIN_GOROUTINE : KIN_THREAD;
	if (call->claims == 1)
		return call->claimed_by;
	*how = KIN_EVENT_LOOP;
	if (node_of(k, call->twin))
		return call->twin;
	/* from answer to answer, back to where a request was the last that was heard of */
	for (unsigned int i = 0;
	     i < KIN_DEPTH_MAX && at->claims > 1 && at->after_ns > at->claimed_ns; i++) {
		const struct node *before = node_of(k, at->after);

		if (!before || !before->claims)
			break;
		at = before;
	}
	request = node_of(k, at->claimed_by);
	return request && in_hand(request, call) ? at->claimed_by : call->claimed_by;
}

/* ---- settling ---- */

static bool settle(struct kin *k, struct node *n, unsigned int depth);

static bool same_context(const struct trace_context *a, const struct trace_context *b)
{
	return a->there && b->there && memcmp(a->trace_id, b->trace_id, sizeof(a->trace_id)) == 0 &&
	       memcmp(a->parent_id, b->parent_id, sizeof(a->parent_id)) == 0;
}

static void decide(struct node *n, bool parent, uint8_t flags)
{
	bool keep = parent && n->sampler.parent ? flags & 1
						: sampler_keeps(&n->sampler, n->place.trace_id);

	/* the other flags are the trace's own (W3C: random trace id) */
	n->place.flags = (uint8_t)((parent ? flags & ~1u : 0u) | keep);
}

static void be_root(struct node *n)
{
	n->place.how = KIN_NONE;
	memset(n->place.parent_id, 0, SPAN_ID_LEN);
	memcpy(n->place.trace_id, n->ids.trace, SPAN_TRACE_ID_LEN);
	decide(n, false, 0);
}

static void be_child(struct node *n, enum kin_parent how, const uint8_t parent[SPAN_ID_LEN],
		     const uint8_t trace[SPAN_TRACE_ID_LEN], uint8_t flags)
{
	n->place.how = how;
	n->place.parent_remote = how == KIN_HEADER || how == KIN_TCP;
	memcpy(n->place.parent_id, parent, SPAN_ID_LEN);
	memcpy(n->place.trace_id, trace, SPAN_TRACE_ID_LEN);
	decide(n, true, flags);
}

static void follow_context(struct node *n)
{
	be_child(n, KIN_HEADER, n->context.parent_id, n->context.trace_id, n->context.flags);
}

enum parent_answer { NOT_A_PARENT, A_PARENT, WAITS };

/* A parent that is on the way to itself is none; clocks should not allow it. */
static enum parent_answer settle_parent(struct kin *k, const struct node *n, struct node *parent,
					unsigned int depth)
{
	if (depth == KIN_DEPTH_MAX) {
		k->counters.deep++;
		return NOT_A_PARENT;
	}
	if (parent == n || parent->state == BUSY)
		return NOT_A_PARENT;
	return settle(k, parent, depth + 1) ? A_PARENT : WAITS;
}

/* The client handed on the context that it got: its own span stands between. */
static bool handed_on(const struct node *client, const struct node *server)
{
	return same_context(&client->context, &server->context) &&
	       client->place.how != KIN_HEADER && client->place.how != KIN_NONE;
}

/* Only another node's collector can know the client's trace. */
static bool settle_abroad(struct kin *k, struct node *n)
{
	uint8_t trace[SPAN_TRACE_ID_LEN], flags;

	if (k->told.find && k->told.find(k->told.arg, n->ids.client, trace, &flags)) {
		be_child(n, KIN_TCP, n->ids.client, trace, flags);
		n->place.other_end = true;
		return true;
	}
	if (k->told.find && n->abroad && k->patient)
		return false;
	be_root(n);
	if (n->abroad) {
		n->place.how = KIN_TCP;
		n->place.parent_remote = true;
		memcpy(n->place.parent_id, n->ids.client, SPAN_ID_LEN);
	}
	return true;
}

static bool settle_server(struct kin *k, struct node *n, unsigned int depth)
{
	struct node *client = other_end(k, n);
	enum parent_answer answer = client ? settle_parent(k, n, client, depth) : NOT_A_PARENT;

	if (answer == WAITS)
		return false;
	n->place.other_end = client != NULL;
	if (n->context.there && !(answer == A_PARENT && handed_on(client, n)))
		follow_context(n);
	else if (answer == A_PARENT)
		be_child(n, KIN_TCP, n->ids.client, client->place.trace_id, client->place.flags);
	else if (n->ids.shared && !client)
		return settle_abroad(k, n);
	else
		be_root(n);
	return true;
}

static bool settle_client(struct kin *k, struct node *n, unsigned int depth)
{
	enum kin_parent how;
	struct node *request = node_of(k, pick(k, n, &how)), *server = other_end(k, n);
	enum parent_answer answer = NOT_A_PARENT;

	if (request && (!n->context.there || same_context(&request->context, &n->context)))
		answer = settle_parent(k, n, request, depth);
	if (answer == WAITS)
		return false;
	n->place.other_end = server != NULL;
	if (server && server->start_ns < n->start_ns)
		n->place.early_ns = n->start_ns - server->start_ns;
	if (answer == A_PARENT)
		be_child(n, how, request->ids.server, request->place.trace_id,
			 request->place.flags);
	else if (n->context.there)
		follow_context(n);
	else
		be_root(n);
	return true;
}

/* False: it waits. */
static bool settle(struct kin *k, struct node *n, unsigned int depth)
{
	bool settled;

	if (n->state == SETTLED)
		return true;
	n->state = BUSY;
	memcpy(n->place.span_id, n->server ? n->ids.server : n->ids.client, SPAN_ID_LEN);
	settled = n->server ? settle_server(k, n, depth) : settle_client(k, n, depth);
	n->state = settled ? SETTLED : NEW;
	return settled;
}

enum kin_answer kin_settle(struct kin *k, uint64_t number, bool patient, struct kin_place *place)
{
	struct node *n = node_of(k, number);

	if (!n) {
		k->counters.forgotten++;
		return KIN_FORGOTTEN;
	}
	k->patient = patient;
	if (!settle(k, n, 0))
		return KIN_WAITS;
	*place = n->place;
	return KIN_SETTLED;
}

/* ---- arrival ---- */

uint64_t kin_add(struct kin *k, const struct exchange *x, const struct kin_about *about,
		 uint64_t now_ns, struct trace_ids *ids)
{
	uint64_t number = ++k->last;
	struct node *n = &k->node[number & k->mask];
	uint64_t newest_ns = now_ns > x->end_ns ? now_ns : x->end_ns;

	/* the clock is asked once for a batch, whose exchanges may be younger, and come in any
	 * order */
	if (newest_ns > k->arrived_ns)
		k->arrived_ns = newest_ns;

	*n = (struct node){.context = about->context,
			   .sampler = about->sampler,
			   .abroad = about->abroad,
			   .start_ns = x->start_ns,
			   .end_ns = x->end_ns,
			   .arrived_ns = k->arrived_ns,
			   .routine = x->routine,
			   .asks = asks_for(x),
			   .first_ns = x->first_ns,
			   .tgid = x->tgid,
			   .tid = x->tid,
			   .req_tid = x->req_tid,
			   .server = x->conn.role == KH_ROLE_SERVER};
	trace_ids_of(&n->ids, x, number);
	/* ids can be computed by who sees the connection: no header makes a span its own parent */
	if (memcmp(n->context.parent_id, n->server ? n->ids.server : n->ids.client, SPAN_ID_LEN) ==
	    0)
		n->context.there = false;
	*ids = n->ids;
	put_in_lists(k, n, number);
	for (unsigned int which = 0; which < THREADS; which++) {
		/* a call begins on the thread that asks, wherever its answer is read */
		if (has_list(n, which) && (n->server || which == ASKING))
			look_at_thread(k, n, number, which);
	}
	return number;
}
