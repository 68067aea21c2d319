/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memcached. What is quiet (noreply, the meta flag q, opcodes ending in Q) may stay unanswered:
 * with noreply a command is told when it was sent, otherwise when a later one is answered. That a
 * key is not there, or that a condition was not met, is an answer and no failure.
 */
#include "memcached.h"
#include "parsers.h"

struct call *memcached_ask(struct talk *talk, uint64_t key, struct slice operation)
{
	struct memcached *s = talk->state;
	struct call *call;

	if (s->unsure && s->heard && !talk_oldest(talk))
		s->unsure = false;
	call = talk_ask(talk, key);
	call_set(call, CALL_OPERATION, operation);
	if (s->unsure)
		call->note[1] |= MEMCACHED_UNSURE;
	return call;
}

void memcached_tell(struct talk *talk, struct call *call)
{
	if (call->note[1] & MEMCACHED_UNSURE)
		talk_forget(talk, call, true);
	else
		talk_answer(talk, call);
}

void memcached_forget_all(struct talk *talk)
{
	struct call *call;

	while ((call = talk_oldest(talk)))
		talk_forget(talk, call, true);
}

/* The first byte tells which of the two it is: no command and no answer begins as a header does. */
static enum memcached_language language_of(const struct memcached *s, struct slice b)
{
	if (s->language || !b.n)
		return s->language;
	return (unsigned char)b.p[0] >= 0x80 ? MEMCACHED_BINARY : MEMCACHED_TEXT;
}

static enum cut frame(const struct talk *talk, enum side from, struct slice b, struct frame *f)
{
	if (b.n == 0)
		return CUT_MORE;
	if (language_of(talk->state, b) == MEMCACHED_BINARY)
		return memcached_binary_frame(from, b, f);
	return memcached_text_frame(talk, from, b, f);
}

static void message(struct talk *talk, enum side from, struct slice b, const struct frame *f)
{
	struct memcached *s = talk->state;

	if (b.n == 0)
		return;
	s->language = language_of(s, b);
	if (s->language == MEMCACHED_BINARY)
		memcached_binary_message(talk, from, b);
	else
		memcached_text_message(talk, from, b, f);
}

static void lost(struct talk *talk, enum side from)
{
	struct memcached *s = talk->state;

	s->unsure = true;
	s->heard = false;
	if (s->language == MEMCACHED_TEXT)
		memcached_text_lost(talk, from);
	else
		memcached_forget_all(talk);
}

static bool tail(struct talk *talk, enum side from, struct slice b)
{
	const struct memcached *s = talk->state;

	return s->language == MEMCACHED_TEXT && memcached_text_tail(talk, from, b);
}

static enum guess detect(const struct sight *sight)
{
	struct slice client = sight->from[FROM_CLIENT];

	if (client.n == 0)
		return sight->start && sight->from[FROM_SERVER].n ? GUESS_NO : GUESS_MORE;
	if ((unsigned char)client.p[0] == 0x80)
		return memcached_binary_detect(sight);
	return memcached_text_detect(sight);
}

const struct parser memcached_parser = {
	.name = "memcached",
	.protocol = PROTOCOL_MEMCACHED,
	.kind = EXCHANGE_DB,
	.transports = OVER_TCP,
	.ports = {11211},
	.capture = KH_SEGMENT_CALL, /* pipelines */
	.state_size = sizeof(struct memcached),
	.detect = detect,
	.frame = frame,
	.message = message,
	.lost = lost,
	.tail = tail,
};
