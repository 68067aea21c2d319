/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MongoDB. Answers name their request. A server takes the requests of a connection one after the
 * other, so one that is older than what was just answered has lost its answer.
 *
 * With "exhaust" a server goes on to answer unasked, each time naming its own last answer: only
 * the first of these is one. What is compressed keeps its outer header: its duration is known, its
 * operation and outcome are not.
 */
#include "mongodb.h"
#include "parsers.h"

struct mongodb {
	bool chained;
	uint32_t chain; /* the answer that the next unasked one names */
};

static uint64_t key_of(uint32_t id)
{
	return 1ull << 32 | id;
}

static void request(struct talk *talk, struct slice b)
{
	struct mongodb *s = talk->state;
	struct mongodb_header h;
	struct mongodb_message m;
	struct call *call;

	if (!mongodb_header(b, &h))
		return;
	s->chained = false; /* a client does not ask while it listens */
	mongodb_request(b, &m);
	call = talk_ask(talk, key_of(h.id));
	if (m.command)
		call_set(call, CALL_OPERATION, slice_of(m.command->name));
	call_set(call, CALL_COLLECTION, m.collection);
	call_set(call, CALL_NAMESPACE, m.namespace);
	call->waits = m.waits;
	if (m.more_to_come)
		talk_answer(talk, call);
}

static void set_code(struct call *call, int64_t code)
{
	char text[24], *p = text + sizeof(text);
	uint64_t v = code < 0 ? 0 - (uint64_t)code : (uint64_t)code;

	for (; v; v /= 10)
		*--p = (char)('0' + v % 10);
	if (code < 0)
		*--p = '-';
	call_set(call, CALL_CODE, (struct slice){p, (size_t)(text + sizeof(text) - p)});
}

/* False: an unasked one, of those that follow an answer. */
static bool is_asked_for(struct mongodb *s, const struct mongodb_header *h, bool more)
{
	bool asked = !s->chained || h->to != s->chain;

	if (more || !asked) {
		s->chained = more;
		s->chain = h->id;
	}
	return asked;
}

static void answer(struct talk *talk, struct slice b)
{
	struct mongodb_header h;
	struct mongodb_message m;
	struct call *call;

	if (!mongodb_header(b, &h))
		return;
	mongodb_answer(b, &m);
	call = is_asked_for(talk->state, &h, m.more_to_come) ? talk_asked(talk, key_of(h.to))
							     : NULL;
	if (!call)
		return;
	while (talk->calls.first != call)
		talk_forget(talk, talk->calls.first, true);
	call->failed = m.failed;
	if (m.failed && m.code)
		set_code(call, m.code);
	talk_answer(talk, call);
}

static enum cut frame(const struct talk *talk, enum side from, struct slice b, struct frame *f)
{
	(void)talk;
	return mongodb_frame(from, b, f);
}

static void message(struct talk *talk, enum side from, struct slice b, const struct frame *f)
{
	(void)f;
	if (from == FROM_CLIENT)
		request(talk, b);
	else
		answer(talk, b);
}

/* What was asked may still be answered: answers name their request. */
static void lost(struct talk *talk, enum side from)
{
	(void)talk;
	(void)from;
}

/* ---- detection ---- */

static bool answers(struct slice client, struct slice server)
{
	struct mongodb_header asked, answered;
	struct frame f;

	return mongodb_frame(FROM_SERVER, server, &f) == CUT_OK && mongodb_header(client, &asked) &&
	       mongodb_header(server, &answered) && answered.to == asked.id;
}

static enum guess detect(const struct sight *sight)
{
	struct slice client = sight->from[FROM_CLIENT], server = sight->from[FROM_SERVER];
	struct mongodb_header h;
	struct mongodb_message m;
	struct frame f;

	if (client.n == 0 && (server.n == 0 || !sight->start))
		return server.n && mongodb_frame(FROM_SERVER, server, &f) == CUT_NOT ? GUESS_NO
										     : GUESS_MORE;
	if (client.n == 0)
		return GUESS_NO;
	switch (mongodb_frame(FROM_CLIENT, client, &f)) {
	case CUT_NOT:
		return GUESS_NO;
	case CUT_MORE:
		return GUESS_MORE;
	default:
		break;
	}
	mongodb_header(client, &h);
	mongodb_request(client, &m);
	if ((m.command && (h.opcode == MONGODB_OP_MSG || m.namespace.n)) || answers(client, server))
		return GUESS_YES;
	return server.n >= MONGODB_HEADER && sight->start ? GUESS_NO : GUESS_MORE;
}

const struct parser mongodb_parser = {
	.name = "mongodb",
	.protocol = PROTOCOL_MONGODB,
	.kind = EXCHANGE_DB,
	.transports = OVER_TCP,
	.ports = {27017, 27018, 27019},
	.capture = MONGODB_WANT,
	.state_size = sizeof(struct mongodb),
	.detect = detect,
	.frame = frame,
	.message = message,
	.lost = lost,
};
