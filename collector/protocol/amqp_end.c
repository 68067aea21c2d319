/* SPDX-License-Identifier: Apache-2.0 */
/* AMQP 0-9-1: channels and connections that are closed, and what was not captured. */
#include "amqp_calls.h"

#include <stdio.h>

/* Why a channel or the connection is closed. */
struct reason {
	char code[AMQP_CODE]; /* "": in order */
	uint32_t method;      /* the one that is to blame */
};

static void headers_missed(struct talk *talk, uint16_t number)
{
	struct amqp_channel *channel = amqp_channel_find(talk->state, number);

	if (!channel)
		return;
	amqp_header_missed(talk, FROM_CLIENT, channel);
	amqp_header_missed(talk, FROM_SERVER, channel);
}

/*
 * What is open ends with its channel. The code is of what waited for an answer, and of a publish
 * if one is to blame; which of several is not known. Returns whether any took it.
 */
static bool channel_ends(struct talk *talk, uint16_t channel, const struct reason *why)
{
	const char *code = why->code[0] ? why->code : NULL;
	struct call *call, *next;
	unsigned int unsure = 0, taken = 0;

	headers_missed(talk, channel);
	for (call = talk->calls.first; call; call = call->next)
		unsure += amqp_is_kind(call, channel, AMQP_IS_UNSURE);
	for (call = talk->calls.first; call; call = next) {
		next = call->next;
		if (call->key >> 48 != channel)
			continue;
		if (amqp_is_kind(call, channel, AMQP_IS_DELIVER)) {
			if (!code && amqp_is_unsure(call, channel))
				amqp_tell_as_asked(talk, call);
			else
				talk_forget(talk, call, false);
		} else if (amqp_is_kind(call, channel, AMQP_IS_UNSURE) &&
			   (!code || why->method != AMQP_PUBLISH)) {
			amqp_tell_as_asked(talk, call);
		} else if (amqp_is_kind(call, channel, AMQP_IS_UNSURE) && unsure > 1) {
			talk_forget(talk, call, true);
		} else if (code) {
			amqp_fail(call, code);
			call->waits = false;
			talk_answer(talk, call);
			taken++;
		} else {
			talk_forget(talk, call, false);
		}
	}
	amqp_channel_drop(talk->state, channel);
	return taken;
}

static void tell_close(struct talk *talk, uint16_t channel, const char *operation, const char *code)
{
	struct call *call =
		amqp_ask(talk, amqp_key(channel, AMQP_IS_GET, AMQP_TAG), operation, MESSAGING_NONE);

	call->note[0] = talk->moment.last_ns;
	amqp_fail(call, code);
	amqp_tell_as_asked(talk, call);
}

/* 200 is an end in order; both sides may have reasons. */
static struct reason read_reason(struct reader *r)
{
	uint16_t number = reader_be16(r), class, method;
	struct reason why = {.code = ""};

	amqp_text(r); /* the same in words */
	class = reader_be16(r);
	method = reader_be16(r);
	if (r->bad || number < 300)
		return why;
	snprintf(why.code, sizeof(why.code), "%u", number);
	why.method = AMQP_ID(class, method);
	return why;
}

void amqp_channel_close(struct talk *talk, uint16_t channel, struct reader *r)
{
	struct reason why = read_reason(r);

	if (!channel_ends(talk, channel, &why) && why.code[0])
		tell_close(talk, channel, "channel.close", why.code);
}

void amqp_connection_close(struct talk *talk, struct reader *r)
{
	struct amqp *amqp = talk->state;
	struct reason why = read_reason(r);
	bool taken = false;

	for (unsigned int i = 0; i < AMQP_CHANNELS; i++) {
		if (amqp->channel[i].used)
			taken |= channel_ends(talk, amqp->channel[i].number, &why);
	}
	if (!taken && why.code[0])
		tell_close(talk, 0, "connection.close", why.code);
}

void amqp_lost(struct talk *talk, enum side from)
{
	struct amqp *amqp = talk->state;
	struct call *call, *next;

	for (unsigned int i = 0; i < AMQP_CHANNELS; i++) {
		if (amqp->channel[i].used)
			amqp_header_missed(talk, from, &amqp->channel[i]);
	}
	for (call = talk->calls.first; call; call = next) {
		bool settled_by_client = (call->key >> 40 & 0xff) == AMQP_IS_DELIVER;

		next = call->next;
		if (call->note[1] & AMQP_NOTE_TELL) /* it waits for the other side's header alone */
			continue;
		if (settled_by_client == (from == FROM_CLIENT))
			talk_forget(talk, call, true);
	}
	for (unsigned int i = 0; i < AMQP_CHANNELS; i++) {
		amqp->channel[i].sure = false;
		if (amqp->channel[i].confirms == AMQP_ACKS_NONE) /* they may have been asked for */
			amqp->channel[i].confirms = AMQP_ACKS_UNKNOWN;
	}
}
