/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cassandra. Answers name the stream of their request, which the client may use again then.
 *
 * From version 5 on, once the start is over, envelopes are carried in outer frames with checksums:
 * several in one, or a long one in several. Compressed outer frames are not looked into: such a
 * connection is left. A compressed envelope, of the versions before, keeps its header: its kind
 * and duration are known, its statement is not.
 */
#include "cassandra.h"
#include "parsers.h"
#include "sql_cache.h"

#define KEYSPACE_MAX 48 /* characters, says Cassandra */

enum part { /* of an outer frame: what comes next */
	    PART_HEAD,
	    PART_PAYLOAD,
	    PART_TRAILER,
};

struct outer {
	enum part part;
	uint32_t payload;  /* bytes of it still to come */
	uint64_t envelope; /* likewise of an envelope that goes on in the next one */
	uint64_t key;      /* of that answer's request; 0: nobody's */
};

struct cassandra {
	bool read;   /* a frame was read: whether there are outer ones is known */
	bool framed; /* there are */
	bool compresses;
	struct outer outer[SIDES];
	char keyspace[KEYSPACE_MAX];
	uint8_t keyspace_n;
	struct sql_cache prepared; /* by their id */
};

_Static_assert(sizeof(struct cassandra) <= PARSER_STATE_MAX, "a connection's state");

/* In a call's notes: [0] is its opcode plus one, [1] of a PREPARE what the statement's summary
 * says: its operation, where its collection is and how long that is, a byte each. */

static uint64_t key_of(const struct cassandra_header *h)
{
	return 1ull << 16 | (uint16_t)h->stream;
}

/* ---- requests ---- */

static const char *name_of(uint8_t opcode)
{
	switch (opcode) {
	case CASSANDRA_STARTUP:
		return "STARTUP";
	case CASSANDRA_OPTIONS:
		return "OPTIONS";
	case CASSANDRA_PREPARE:
		return "PREPARE";
	case CASSANDRA_REGISTER:
		return "REGISTER";
	case CASSANDRA_BATCH:
		return "BATCH";
	case CASSANDRA_AUTH_RESPONSE:
		return "AUTH_RESPONSE";
	default:
		return ""; /* QUERY, EXECUTE: as their statement says */
	}
}

static void read_statement(struct talk *talk, const struct cassandra_message *m, struct sql *sql)
{
	struct sql_text text = {m->statement, SQL_CQL, SQL_BACKSLASH_PLAIN, m->statement_cut};

	talk_read_sql(talk, &text, sql);
}

static void name_statement(struct talk *talk, struct call *call, uint8_t opcode,
			   const struct cassandra_message *m)
{
	struct cassandra *s = talk->state;
	struct sql sql;

	if (opcode == CASSANDRA_EXECUTE) {
		if (m->id.n && sql_cache_get(&s->prepared, sql_cache_key(m->id), &sql))
			sql_call(call, &sql);
	} else if (opcode == CASSANDRA_QUERY || opcode == CASSANDRA_PREPARE) {
		read_statement(talk, m, &sql);
		sql_call(call, &sql);
		call->note[1] = (uint64_t)sql.operation << 16 | (uint64_t)sql.collection_at << 8 |
				sql.collection_n;
	}
}

static void request(struct talk *talk, struct slice b)
{
	struct cassandra *s = talk->state;
	struct cassandra_header h;
	struct cassandra_message m;
	struct call *call;
	const char *name;

	if (!cassandra_header(b, &h))
		return;
	cassandra_message(b, &m);
	while ((call = talk_asked(talk, key_of(&h)))) /* its answer was not seen */
		talk_forget(talk, call, true);
	call = talk_ask(talk, key_of(&h));
	call->note[0] = h.opcode + 1u;
	name_statement(talk, call, h.opcode, &m);
	name = name_of(h.opcode);
	if (*name)
		call_set(call, CALL_OPERATION, slice_of(name));
	if (h.opcode == CASSANDRA_STARTUP)
		s->compresses = m.compresses;
}

/* ---- answers ---- */

static void remember_prepared(struct cassandra *s, const struct call *call, struct slice id)
{
	struct slice summary = call_text(call, CALL_SUMMARY);
	struct sql sql = {.operation = (uint8_t)(call->note[1] >> 16),
			  .collection_at = (uint8_t)(call->note[1] >> 8),
			  .collection_n = (uint8_t)call->note[1]};

	if (call->note[0] != CASSANDRA_PREPARE + 1 || !id.n || summary.n > sizeof(sql.summary))
		return;
	sql.n = (uint8_t)summary.n;
	memcpy(sql.summary, summary.p, summary.n);
	if (sql.collection_at + sql.collection_n <= sql.n)
		sql_cache_put(&s->prepared, sql_cache_key(id), &sql);
}

static void set_code(struct call *call, uint32_t code)
{
	char text[12], *p = text + sizeof(text);

	do {
		*--p = (char)('0' + code % 10);
		code /= 10;
	} while (code);
	call_set(call, CALL_CODE, (struct slice){p, (size_t)(text + sizeof(text) - p)});
}

static void take_effect(struct cassandra *s, const struct call *call,
			const struct cassandra_header *h, const struct cassandra_message *m)
{
	bool starts = call->note[0] == CASSANDRA_STARTUP + 1;

	if (h->opcode == CASSANDRA_RESULT)
		remember_prepared(s, call, m->id);
	if (m->keyspace.n && m->keyspace.n <= KEYSPACE_MAX) {
		memcpy(s->keyspace, m->keyspace.p, m->keyspace.n);
		s->keyspace_n = (uint8_t)m->keyspace.n;
	}
	if (starts && h->version >= 5 &&
	    (h->opcode == CASSANDRA_READY || h->opcode == CASSANDRA_AUTHENTICATE))
		s->framed = true;
}

/* `whole`: no more of it follows. Returns the key of the request that it answers. */
static uint64_t answer(struct talk *talk, struct slice b, bool whole)
{
	struct cassandra *s = talk->state;
	struct cassandra_header h;
	struct cassandra_message m;
	struct call *call;

	if (!cassandra_header(b, &h) || h.opcode == CASSANDRA_EVENT)
		return 0;
	call = talk_asked(talk, key_of(&h));
	if (!call)
		return 0;
	cassandra_message(b, &m);
	talk_answer_begins(talk, call);
	call->failed = m.failed;
	if (m.failed && m.code)
		set_code(call, m.code);
	call_set(call, CALL_NAMESPACE, (struct slice){s->keyspace, s->keyspace_n});
	take_effect(s, call, &h, &m);
	if (whole)
		talk_answer(talk, call);
	if (s->framed && s->compresses)
		talk_leave(talk);
	return key_of(&h);
}

static uint64_t envelope(struct talk *talk, enum side from, struct slice b, bool whole)
{
	if (from == FROM_SERVER)
		return answer(talk, b, whole);
	request(talk, b);
	return 0;
}

/* ---- outer frames ---- */

static bool is_framed(const struct cassandra *s, struct slice b)
{
	uint32_t payload;
	bool self_contained;

	return s->framed || (!s->read && cassandra_outer(b, &payload, &self_contained));
}

static enum cut envelope_frame(enum side from, struct slice b, uint64_t most, struct frame *f)
{
	struct cassandra_header h;

	if (!cassandra_header(b, &h))
		return CUT_MORE;
	if (!cassandra_header_fits(from, &h))
		return CUT_NOT;
	f->size = CASSANDRA_HEADER + (uint64_t)h.body;
	f->size = f->size < most ? f->size : most;
	f->want = f->size < CASSANDRA_WANT ? (uint32_t)f->size : CASSANDRA_WANT;
	return CUT_OK;
}

static enum cut head_frame(struct slice b, struct frame *f)
{
	uint32_t payload;
	bool self_contained;

	if (b.n < CASSANDRA_OUTER)
		return CUT_MORE;
	f->size = f->want = CASSANDRA_OUTER;
	return cassandra_outer(b, &payload, &self_contained) ? CUT_OK : CUT_NOT;
}

static enum cut payload_frame(const struct outer *outer, enum side from, struct slice b,
			      struct frame *f)
{
	uint64_t rest = outer->envelope < outer->payload ? outer->envelope : outer->payload;

	if (!rest && outer->payload >= CASSANDRA_HEADER)
		return envelope_frame(from, b, outer->payload, f);
	f->size = rest ? rest : outer->payload;
	f->want = 1;
	return CUT_OK;
}

static enum cut frame(const struct talk *talk, enum side from, struct slice b, struct frame *f)
{
	const struct cassandra *s = talk->state;
	const struct outer *outer = &s->outer[from];

	if (b.n == 0 || (!s->read && b.n < CASSANDRA_OUTER))
		return CUT_MORE;
	if (!is_framed(s, b))
		return envelope_frame(from, b, UINT64_MAX, f);
	switch (outer->part) {
	case PART_HEAD:
		return head_frame(b, f);
	case PART_PAYLOAD:
		return payload_frame(outer, from, b, f);
	default:
		f->size = f->want = CASSANDRA_TRAILER;
		return CUT_OK;
	}
}

/* An envelope, or the part of it that is in this outer frame. */
static void payload(struct talk *talk, enum side from, struct slice b, uint64_t size)
{
	struct cassandra *s = talk->state;
	struct outer *outer = &s->outer[from];
	struct cassandra_header h;
	struct call *call;
	uint64_t all;

	outer->payload -= size < outer->payload ? (uint32_t)size : outer->payload;
	if (outer->envelope) {
		outer->envelope -= size < outer->envelope ? size : outer->envelope;
		call = outer->envelope || !outer->key ? NULL : talk_asked(talk, outer->key);
		if (call)
			talk_answer(talk, call);
	} else if (cassandra_header(b, &h)) {
		all = CASSANDRA_HEADER + (uint64_t)h.body;
		outer->envelope = all > size ? all - size : 0;
		outer->key = envelope(talk, from, b, !outer->envelope);
	}
	if (!outer->payload)
		outer->part = PART_TRAILER;
}

static void outer_message(struct talk *talk, enum side from, struct slice b, uint64_t size)
{
	struct cassandra *s = talk->state;
	struct outer *outer = &s->outer[from];
	bool self_contained;

	switch (outer->part) {
	case PART_HEAD:
		if (!cassandra_outer(b, &outer->payload, &self_contained))
			return;
		outer->part = outer->payload ? PART_PAYLOAD : PART_TRAILER;
		break;
	case PART_PAYLOAD:
		payload(talk, from, b, size);
		break;
	default:
		outer->part = PART_HEAD;
	}
}

static void message(struct talk *talk, enum side from, struct slice b, const struct frame *f)
{
	struct cassandra *s = talk->state;

	s->framed = is_framed(s, b);
	s->read = true;
	if (s->framed)
		outer_message(talk, from, b, f->size);
	else
		envelope(talk, from, b, true);
}

/*
 * Where answers were lost, their streams may be in use again. Requests that were lost leave those
 * that were seen as they are.
 */
static void lost(struct talk *talk, enum side from)
{
	struct cassandra *s = talk->state;

	s->outer[from] = (struct outer){.part = PART_HEAD};
	while (from == FROM_SERVER && talk->calls.first)
		talk_forget(talk, talk->calls.first, true);
}

/* Outer frames follow each other only with what is in them between. */
static long resync(struct talk *talk, enum side from, struct slice b)
{
	const struct cassandra *s = talk->state;
	struct frame f;

	if (is_framed(s, b))
		return head_frame(b, &f) == CUT_OK ? 0 : -1;
	return envelope_frame(from, b, UINT64_MAX, &f) == CUT_OK ? 0 : -1;
}

const struct parser cassandra_parser = {
	.name = "cassandra",
	.protocol = PROTOCOL_CASSANDRA,
	.kind = EXCHANGE_DB,
	.transports = OVER_TCP,
	.ports = {9042},
	.capture = CASSANDRA_WANT,
	.state_size = sizeof(struct cassandra),
	.detect = cassandra_detect,
	.frame = frame,
	.message = message,
	.lost = lost,
	.resync = resync,
};
