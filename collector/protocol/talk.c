/* SPDX-License-Identifier: Apache-2.0 */
/* What parsers call: the requests of one connection, and their answers. */
#include "stream.h"

static bool is_nobody(const struct talk *talk, const struct call *call)
{
	return call == &stream_of(talk)->all->nobody;
}

/* The stand-in's turn is over. */
static void nobody_answered(struct talk *talk)
{
	if (talk->before)
		talk->before--;
	else if (talk->behind)
		talk->behind--;
}

static struct call *nobody(struct talk *talk)
{
	struct call *call = &stream_of(talk)->all->nobody;

	memset(call, 0, offsetof(struct call, text));
	return call;
}

/* ---- who waits for an answer: those that asked last stand last ---- */

static void asks_no_more(struct stream *stream)
{
	struct streams *s = stream->all;

	if (stream->asker_before)
		stream->asker_before->asker_after = stream->asker_after;
	else if (s->first_asker == stream)
		s->first_asker = stream->asker_after;
	if (stream->asker_after)
		stream->asker_after->asker_before = stream->asker_before;
	else if (s->last_asker == stream)
		s->last_asker = stream->asker_before;
	stream->asker_before = stream->asker_after = NULL;
}

static void asks(struct stream *stream)
{
	struct streams *s = stream->all;

	if (s->last_asker == stream)
		return;
	asks_no_more(stream);
	stream->asker_before = s->last_asker;
	if (s->last_asker)
		s->last_asker->asker_after = stream;
	else
		s->first_asker = stream;
	s->last_asker = stream;
}

static void gone(struct talk *talk, struct call *call)
{
	struct stream *stream = stream_of(talk);

	calls_remove(&talk->calls, call);
	call_put(&stream->all->pool, call);
	if (!talk->calls.n)
		asks_no_more(stream);
}

/* Of the connection that has asked nothing for the longest time: places are kept, nothing is told.
 */
static bool make_room(const struct stream *stream)
{
	struct stream *other = stream->all->first_asker;

	if (other == stream)
		other = other->asker_after;
	if (!other)
		return false;
	while (other->talk.calls.first) {
		other->count->unheld++;
		other->talk.before += !other->talk.calls.first->key;
		gone(&other->talk, other->talk.calls.first);
	}
	return true;
}

static struct call *get_call(struct stream *stream)
{
	struct call *call = call_get(&stream->all->pool);

	if (!call && make_room(stream))
		call = call_get(&stream->all->pool);
	if (call)
		asks(stream);
	return call;
}

/* ---- requests and answers ---- */

struct call *talk_ask(struct talk *talk, uint64_t key)
{
	struct stream *stream = stream_of(talk);
	struct call *call = NULL;

	stream->count->asked++;
	if (talk->calls.n < CALLS_PER_CONN && (key || !talk->behind))
		call = get_call(stream);
	if (!call) {
		stream->count->unheld++;
		talk->behind += !key;
		return nobody(talk);
	}
	call->key = key;
	call->start_ns = talk->moment.first_ns;
	call->seq = talk->moment.seq;
	call->tgid = talk->moment.tgid;
	call->tid = talk->moment.tid;
	call->routine = talk->moment.routine;
	if (stream_is_udp(stream)) {
		memcpy(call->raddr, stream->conn.raddr, sizeof(call->raddr));
		call->rport = stream->conn.rport;
	}
	call->protocol = (uint8_t)stream->parser->protocol;
	call->kind = (uint8_t)stream->parser->kind;
	calls_add(&talk->calls, call);
	return call;
}

struct call *talk_asked(const struct talk *talk, uint64_t key)
{
	struct call *call = talk->calls.first;

	while (call && call->key != key)
		call = call->next;
	return call;
}

struct call *talk_oldest(struct talk *talk)
{
	if (talk->before)
		return nobody(talk);
	if (talk->calls.first)
		return talk->calls.first;
	return talk->behind ? nobody(talk) : NULL;
}

void talk_answer_begins(struct talk *talk, struct call *call)
{
	if (!call->first_ns)
		call->first_ns = talk->moment.first_ns;
}

static void tell(struct stream *stream, struct call *call)
{
	struct exchange x = {.conn = stream->conn, .cgroup = stream->cgroup};

	x.conn.role = stream->role;
	if (stream_is_udp(stream) && stream->role == KH_ROLE_CLIENT && call->rport) {
		memcpy(x.conn.raddr, call->raddr, sizeof(call->raddr));
		x.conn.rport = call->rport;
	}
	call_tell(call, &x);
	x.alike = call_memo_number(stream->all->memo, call, &x);
	stream->count->answered++;
	stream->all->o.emit(stream->all->o.arg, &x);
}

void talk_answer(struct talk *talk, struct call *call)
{
	if (is_nobody(talk, call)) {
		nobody_answered(talk);
		return;
	}
	talk_answer_begins(talk, call);
	call->last_ns = talk->moment.last_ns;
	tell(stream_of(talk), call);
	gone(talk, call);
}

void talk_forget(struct talk *talk, struct call *call, bool lost)
{
	struct stream *stream = stream_of(talk);

	if (is_nobody(talk, call)) {
		nobody_answered(talk);
		return;
	}
	if (lost)
		stream->count->lost++;
	else
		stream->count->asked--; /* not a request, after all */
	gone(talk, call);
}

void talk_read_sql(struct talk *talk, const struct sql_text *text, struct sql *sql)
{
	sql_memo_read(stream_of(talk)->all->statements, text, sql);
}

void talk_encrypted(struct talk *talk)
{
	talk->over = TALK_ENCRYPTED;
}

void talk_leave(struct talk *talk)
{
	talk->over = TALK_LEFT;
}

/* ---- what happens to all of them ---- */

void talk_forget_all(struct talk *talk, uint64_t *count)
{
	while (talk->calls.first) {
		if (count)
			(*count)++;
		gone(talk, talk->calls.first);
	}
	talk->before = talk->behind = 0;
}

/* One that asked to be kept waiting got nothing until the end: nothing came, nothing failed. */
void talk_end_all(struct talk *talk, enum exchange_error error, uint64_t ns)
{
	while (talk->calls.first) {
		struct call *call = talk->calls.first;

		if (call->doubted || call->waits) {
			talk_forget(talk, call, call->doubted);
			continue;
		}
		if (!call->error)
			call->error = (uint8_t)error;
		call->last_ns = ns;
		tell(stream_of(talk), call);
		gone(talk, call);
	}
	talk->before = talk->behind = 0;
}

/*
 * The oldest stand first. Where a protocol says how long to wait, no answer by then is an answer;
 * else it was missed, or may still come: where answers come in order, its place is kept.
 */
void talk_expire(struct talk *talk, uint64_t now_ns)
{
	struct stream *stream = stream_of(talk);
	uint64_t patience = stream->parser->patience_ns;

	while (talk->calls.first) {
		struct call *call = talk->calls.first;

		if (now_ns - call->start_ns < (patience ? patience : STREAMS_PATIENCE_NS) ||
		    now_ns < call->start_ns)
			return;
		if (patience) {
			call->error = EXCHANGE_TIMEOUT;
			call->last_ns = call->start_ns + patience;
			tell(stream, call);
		} else {
			stream->count->expired++;
			talk->before += !call->key;
		}
		gone(talk, call);
	}
}
