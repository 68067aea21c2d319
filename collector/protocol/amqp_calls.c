/* SPDX-License-Identifier: Apache-2.0 */
/* AMQP 0-9-1: what waits for confirms and acks. */
#include "amqp_calls.h"

void amqp_fail(struct call *call, const char *code)
{
	call->failed = true;
	call_set(call, CALL_CODE, slice_of(code));
}

struct call *amqp_ask(struct talk *talk, uint64_t key, const char *operation,
		      enum messaging_action action)
{
	struct call *call = talk_ask(talk, key);

	call->action = (uint8_t)action;
	call_set(call, CALL_OPERATION, slice_of(operation));
	return call;
}

/* Ends with what passed when it was asked: nothing else will come. */
void amqp_tell_as_asked(struct talk *talk, struct call *call)
{
	struct moment now = talk->moment;

	talk->moment.first_ns = talk->moment.last_ns = call->note[0];
	call->waits = false;
	talk_answer(talk, call);
	talk->moment = now;
}

bool amqp_is_unsure(const struct call *call, uint16_t channel)
{
	return amqp_is_kind(call, channel, AMQP_IS_UNSURE) ||
	       (amqp_is_kind(call, channel, AMQP_IS_DELIVER) && (call->note[1] & AMQP_NOTE_UNSURE));
}

static bool is_unsure_like(const struct call *call, uint16_t channel, enum amqp_kind kind)
{
	return amqp_is_kind(call, channel, kind) && amqp_is_unsure(call, channel);
}

void amqp_tell_unsure(struct talk *talk, uint16_t channel, enum amqp_kind kind)
{
	struct call *call = talk->calls.first, *next;

	for (; call; call = next) {
		next = call->next;
		if (is_unsure_like(call, channel, kind))
			amqp_tell_as_asked(talk, call);
	}
}

/* Acks should have come by now, if there were any. True: they are told, and known not to come. */
bool amqp_none_came(struct talk *talk, uint16_t channel, enum amqp_kind kind)
{
	const struct call *oldest = NULL, *call;
	unsigned int n = 0;

	for (call = talk->calls.first; call; call = call->next) {
		if (!is_unsure_like(call, channel, kind))
			continue;
		oldest = oldest ? oldest : call;
		n++;
	}
	if (!oldest ||
	    (n < AMQP_NO_ACK_MAX && talk->moment.first_ns - oldest->note[0] < AMQP_NO_ACK_NS))
		return false;
	amqp_tell_unsure(talk, channel, kind);
	return true;
}

/* An ack, nack or reject: of one, or of all up to it. */
void amqp_settle(struct talk *talk, uint16_t channel, enum amqp_kind kind, uint64_t tag,
		 bool multiple, const char *error)
{
	struct call *call = talk->calls.first, *next;

	for (; call; call = next) {
		uint64_t its = call->key & AMQP_TAG;

		next = call->next;
		if (!amqp_is_kind(call, channel, kind) ||
		    (multiple ? tag && its > tag : its != (tag & AMQP_TAG)))
			continue;
		if (error && !call->failed)
			amqp_fail(call, error);
		call->waits = false;
		talk_answer(talk, call);
	}
}
