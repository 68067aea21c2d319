/* SPDX-License-Identifier: Apache-2.0 */
/* AMQP 0-9-1: what methods mean. */
#include "amqp.h"

#include <stdio.h>

#define CODE 8

/* ---- keys of calls: what is open, on which channel, with which tag ---- */

enum kind {
	PUBLISH = 1,
	UNSURE, /* a publish: it is not known whether it will be confirmed */
	DELIVER,
	GET,
};

#define TAG ((1ull << 40) - 1)
/* note[0] of a delivery or an unsure publish: when it had passed */
/* note[1] of a delivery: */
#define NOTE_UNSURE 1u /* it is not known whether it will be acknowledged */

static uint64_t key_of(uint16_t channel, enum kind kind, uint64_t tag)
{
	return (uint64_t)channel << 48 | (uint64_t)kind << 40 | (tag & TAG);
}

static bool is_kind(const struct call *call, uint16_t channel, enum kind kind)
{
	return call->key >> 40 == key_of(channel, kind, 0) >> 40;
}

/* ---- texts ---- */

static struct slice short_text(struct reader *r)
{
	return reader_text(r, reader_u8(r));
}

/* "exchange:routing key" */
static void read_destination(struct call *call, struct reader *r)
{
	struct slice exchange = short_text(r), key = short_text(r);
	char text[255 + 1 + 255];
	size_t n = 0;

	if (r->bad)
		return;
	memcpy(text, exchange.p, exchange.n);
	n = exchange.n;
	if (exchange.n && key.n)
		text[n++] = ':';
	memcpy(text + n, key.p, key.n);
	n += key.n;
	call_set(call, CALL_COLLECTION, n ? (struct slice){text, n} : slice_of("amq.default"));
}

static void fail(struct call *call, const char *code)
{
	call->failed = true;
	call_set(call, CALL_CODE, slice_of(code));
}

static struct call *ask(struct talk *talk, uint64_t key, const char *operation,
			enum messaging_action action)
{
	struct call *call = talk_ask(talk, key);

	call->action = (uint8_t)action;
	call_set(call, CALL_OPERATION, slice_of(operation));
	return call;
}

/* ---- what is open ---- */

/* Ends with what passed when it was asked: nothing else will come. */
static void tell_as_asked(struct talk *talk, struct call *call)
{
	struct moment now = talk->moment;

	talk->moment.first_ns = talk->moment.last_ns = call->note[0];
	call->waits = false;
	talk_answer(talk, call);
	talk->moment = now;
}

static bool is_unsure(const struct call *call, uint16_t channel)
{
	return is_kind(call, channel, UNSURE) ||
	       (is_kind(call, channel, DELIVER) && (call->note[1] & NOTE_UNSURE));
}

static bool is_unsure_like(const struct call *call, uint16_t channel, enum kind kind)
{
	return is_kind(call, channel, kind) && is_unsure(call, channel);
}

static void tell_unsure(struct talk *talk, uint16_t channel, enum kind kind)
{
	struct call *call = talk->calls.first, *next;

	for (; call; call = next) {
		next = call->next;
		if (is_unsure_like(call, channel, kind))
			tell_as_asked(talk, call);
	}
}

/* Acks should have come by now, if there were any. True: they are told, and known not to come. */
static bool none_came(struct talk *talk, uint16_t channel, enum kind kind)
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
	tell_unsure(talk, channel, kind);
	return true;
}

/* An ack, nack or reject: of one, or of all up to it. */
static void settle(struct talk *talk, uint16_t channel, enum kind kind, uint64_t tag, bool multiple,
		   const char *error)
{
	struct call *call = talk->calls.first, *next;

	for (; call; call = next) {
		uint64_t its = call->key & TAG;

		next = call->next;
		if (!is_kind(call, channel, kind) ||
		    (multiple ? tag && its > tag : its != (tag & TAG)))
			continue;
		if (error && !call->failed)
			fail(call, error);
		call->waits = false;
		talk_answer(talk, call);
	}
}

/* ---- publish ---- */

static void publish(struct talk *talk, struct amqp_channel *channel, struct reader *r)
{
	uint16_t number = channel->number;
	struct call *call;

	if (channel->confirms == AMQP_ACKS_UNKNOWN && none_came(talk, number, UNSURE))
		channel->confirms = AMQP_ACKS_NONE;
	if (channel->confirms == AMQP_ACKS_COME)
		call = ask(talk, key_of(number, PUBLISH, channel->next++), "publish",
			   MESSAGING_SEND);
	else
		call = ask(talk, key_of(number, UNSURE, 0), "publish", MESSAGING_SEND);
	call->note[0] = talk->moment.last_ns;
	reader_skip(r, 2);
	read_destination(call, r);
	if (r->bad)
		talk_forget(talk, call, true);
	else if (channel->confirms == AMQP_ACKS_NONE)
		tell_as_asked(talk, call);
	else if (channel->confirms == AMQP_ACKS_UNKNOWN)
		call->waits = true;
}

/* The first confirm on a channel whose beginning was not seen: it is for the oldest publish kept.
 */
static void number_unsure(struct talk *talk, struct amqp_channel *channel, uint64_t tag)
{
	struct call *call;

	channel->confirms = AMQP_ACKS_COME;
	channel->next = tag;
	for (call = talk->calls.first; call; call = call->next) {
		if (!is_kind(call, channel->number, UNSURE))
			continue;
		call->key = key_of(channel->number, PUBLISH, channel->next++);
		call->waits = false;
	}
	if (channel->next == tag)
		channel->next++;
}

/* A confirm of what was not published yet: publishes were missed, so all tags are higher. */
static void number_again(struct talk *talk, struct amqp_channel *channel, uint64_t tag)
{
	uint64_t more = tag - (channel->next - 1);
	struct call *call;

	channel->sure = false;
	channel->next = tag + 1;
	for (call = talk->calls.first; call; call = call->next) {
		if (is_kind(call, channel->number, PUBLISH))
			call->key = key_of(channel->number, PUBLISH, (call->key & TAG) + more);
	}
}

static struct call *any_of(struct talk *talk, uint16_t channel, enum kind kind)
{
	struct call *call = talk->calls.first;

	while (call && !is_kind(call, channel, kind))
		call = call->next;
	return call;
}

/* A publish was refused, but which it was is not sure. */
static void lose_confirms(struct talk *talk, uint16_t channel)
{
	struct call *call;

	while ((call = any_of(talk, channel, PUBLISH)))
		talk_forget(talk, call, true);
}

static void confirm(struct talk *talk, struct amqp_channel *channel, uint64_t tag, bool multiple,
		    const char *error)
{
	if (!tag || tag > TAG)
		return;
	if (channel->confirms != AMQP_ACKS_COME)
		number_unsure(talk, channel, tag);
	if (tag >= channel->next)
		number_again(talk, channel, tag);
	if (error && !channel->sure)
		lose_confirms(talk, channel->number);
	settle(talk, channel->number, PUBLISH, tag, multiple, error);
	/* the last one published has its confirm, and all the others have */
	channel->sure |= tag == channel->next - 1 && !any_of(talk, channel->number, PUBLISH);
}

/* It could not be routed. What is confirmed later says so; else nothing waits for it any more. */
static void returned(struct talk *talk, struct amqp_channel *channel, struct reader *r)
{
	struct call *back = ask(talk, key_of(channel->number, GET, TAG), "return", MESSAGING_NONE);
	struct call *call = talk->calls.first;
	char code[CODE];

	back->note[0] = talk->moment.last_ns;
	snprintf(code, sizeof(code), "%u", reader_be16(r));
	short_text(r); /* the same in words */
	read_destination(back, r);
	if (r->bad) {
		talk_forget(talk, back, true);
		return;
	}
	for (; call; call = call->next) {
		if ((is_kind(call, channel->number, PUBLISH) ||
		     is_kind(call, channel->number, UNSURE)) &&
		    !call->failed &&
		    slice_same(call_text(call, CALL_COLLECTION), call_text(back, CALL_COLLECTION)))
			break;
	}
	if (call) {
		fail(call, code);
		talk_forget(talk, back, false);
		return;
	}
	fail(back, code);
	tell_as_asked(talk, back);
}

/* ---- consumers ---- */

static void consume(struct amqp *amqp, struct amqp_channel *channel, struct reader *r)
{
	struct slice tag;

	reader_skip(r, 2);
	short_text(r); /* queue */
	tag = short_text(r);
	channel->consume_no_ack = reader_u8(r) & 2;
	if (tag.n && !r->bad)
		amqp_consumer_add(amqp, channel->number, tag, channel->consume_no_ack);
}

static void consume_ok(struct amqp *amqp, struct amqp_channel *channel, struct reader *r)
{
	struct slice tag = short_text(r);

	if (!r->bad && !amqp_consumer_find(amqp, channel->number, tag))
		amqp_consumer_add(amqp, channel->number, tag, channel->consume_no_ack);
}

static enum amqp_acks acks_of(const struct amqp *amqp, const struct amqp_channel *channel,
			      struct slice tag)
{
	const struct amqp_consumer *consumer = amqp_consumer_find(amqp, channel->number, tag);

	if (consumer)
		return consumer->no_ack ? AMQP_ACKS_NONE : AMQP_ACKS_COME;
	return (enum amqp_acks)channel->acks;
}

static void deliver(struct talk *talk, struct amqp_channel *channel, struct reader *r)
{
	struct slice consumer = short_text(r);
	uint64_t tag = reader_be(r, 8);
	enum amqp_acks acks = acks_of(talk->state, channel, consumer);
	struct call *call;

	if (acks == AMQP_ACKS_UNKNOWN && none_came(talk, channel->number, DELIVER))
		acks = channel->acks = AMQP_ACKS_NONE;
	reader_skip(r, 1); /* delivered before? */
	call = ask(talk, key_of(channel->number, DELIVER, tag), "deliver", MESSAGING_PROCESS);
	call->note[0] = talk->moment.last_ns;
	read_destination(call, r);
	call->waits = true; /* what is not settled is not told */
	call->note[1] = acks == AMQP_ACKS_UNKNOWN ? NOTE_UNSURE : 0;
	if (r->bad)
		talk_forget(talk, call, true);
	else if (acks == AMQP_ACKS_NONE)
		tell_as_asked(talk, call);
}

static void acknowledge(struct talk *talk, struct amqp_channel *channel, uint64_t tag,
			bool multiple, const char *error)
{
	struct call *call;

	channel->acks = AMQP_ACKS_COME;
	for (call = talk->calls.first; call; call = call->next) {
		if (is_kind(call, channel->number, DELIVER))
			call->note[1] = 0;
	}
	settle(talk, channel->number, DELIVER, tag, multiple, error);
}

static void get(struct talk *talk, uint16_t channel, struct reader *r)
{
	struct call *call = ask(talk, key_of(channel, GET, 0), "get", MESSAGING_RECEIVE);

	reader_skip(r, 2);
	call_set(call, CALL_COLLECTION, short_text(r));
	if (r->bad)
		talk_forget(talk, call, true);
}

static void got(struct talk *talk, uint16_t channel, struct reader *r, bool empty)
{
	struct call *call = talk_asked(talk, key_of(channel, GET, 0));

	if (!call)
		return;
	if (!empty) {
		reader_skip(r, 9); /* tag, delivered before? */
		read_destination(call, r);
	}
	talk_answer(talk, call);
}

/* ---- the end ---- */

/*
 * What is open ends with its channel. `code`, or NULL if nothing went wrong, is of what waited for
 * an answer; of publishes of which some may have been fine it is not known. Returns whether any
 * took it.
 */
static bool channel_ends(struct talk *talk, uint16_t channel, const char *code)
{
	struct call *call = talk->calls.first, *next;
	unsigned int unsure = 0, taken = 0;

	for (; call; call = call->next)
		unsure += is_kind(call, channel, UNSURE);
	for (call = talk->calls.first; call; call = next) {
		next = call->next;
		if (call->key >> 48 != channel)
			continue;
		if (is_kind(call, channel, DELIVER)) {
			if (!code && is_unsure(call, channel))
				tell_as_asked(talk, call);
			else
				talk_forget(talk, call, false);
		} else if (code && is_kind(call, channel, UNSURE) && unsure > 1) {
			talk_forget(talk, call, true);
		} else if (code) {
			fail(call, code);
			call->waits = false;
			talk_answer(talk, call);
			taken++;
		} else if (is_kind(call, channel, UNSURE)) {
			tell_as_asked(talk, call);
		} else {
			talk_forget(talk, call, false);
		}
	}
	amqp_channel_drop(talk->state, channel);
	return taken;
}

static void tell_close(struct talk *talk, uint16_t channel, const char *operation, const char *code)
{
	struct call *call = ask(talk, key_of(channel, GET, TAG), operation, MESSAGING_NONE);

	call->note[0] = talk->moment.last_ns;
	fail(call, code);
	tell_as_asked(talk, call);
}

/* 200 is an end in order; both sides may have reasons. */
static const char *read_code(struct reader *r, char code[CODE])
{
	uint16_t number = reader_be16(r);

	if (r->bad || number < 300)
		return NULL;
	snprintf(code, CODE, "%u", number);
	return code;
}

static void channel_close(struct talk *talk, uint16_t channel, struct reader *r)
{
	char text[CODE];
	const char *code = read_code(r, text);

	if (!channel_ends(talk, channel, code) && code)
		tell_close(talk, channel, "channel.close", code);
}

static void connection_close(struct talk *talk, struct reader *r)
{
	struct amqp *amqp = talk->state;
	char text[CODE];
	const char *code = read_code(r, text);
	bool taken = false;

	for (unsigned int i = 0; i < AMQP_CHANNELS; i++) {
		if (amqp->channel[i].used)
			taken |= channel_ends(talk, amqp->channel[i].number, code);
	}
	if (!taken && code)
		tell_close(talk, 0, "connection.close", code);
}

void amqp_lost(struct talk *talk, enum side from)
{
	struct amqp *amqp = talk->state;
	struct call *call = talk->calls.first, *next;

	for (; call; call = next) {
		bool settled_by_client = (call->key >> 40 & 0xff) == DELIVER;

		next = call->next;
		if (settled_by_client == (from == FROM_CLIENT))
			talk_forget(talk, call, true);
	}
	for (unsigned int i = 0; i < AMQP_CHANNELS; i++) {
		amqp->channel[i].sure = false;
		if (amqp->channel[i].confirms == AMQP_ACKS_NONE) /* they may have been asked for */
			amqp->channel[i].confirms = AMQP_ACKS_UNKNOWN;
	}
}

/* ---- one channel's methods ---- */

static void channel_open(struct amqp *amqp, uint16_t number)
{
	struct amqp_channel *channel;

	amqp_channel_drop(amqp, number);
	channel = amqp_channel_get(amqp, number);
	if (!channel)
		return;
	channel->confirms = AMQP_ACKS_NONE;
	channel->acks = AMQP_ACKS_COME; /* of consumers that are too many to know */
}

static void select_confirms(struct talk *talk, struct amqp_channel *channel)
{
	tell_unsure(talk, channel->number, UNSURE);
	channel->confirms = AMQP_ACKS_COME;
	channel->sure = true;
	channel->next = 1;
}

static void on_ack(struct talk *talk, enum side from, struct amqp_channel *channel, uint32_t method,
		   struct reader *r)
{
	uint64_t tag = reader_be(r, 8);
	bool multiple = (reader_u8(r) & 1) && method != AMQP_REJECT;
	const char *error = method == AMQP_ACK ? NULL : method == AMQP_NACK ? "nack" : "reject";

	if (r->bad)
		return;
	if (from == FROM_SERVER)
		confirm(talk, channel, tag, multiple, error);
	else
		acknowledge(talk, channel, tag, multiple, error);
}

/* Of a channel that is one too many, or not captured. */
static void on_unknown(struct talk *talk, uint16_t channel, uint32_t method)
{
	if (method == AMQP_PUBLISH || method == AMQP_DELIVER || method == AMQP_GET)
		talk_forget(talk, talk_ask(talk, key_of(channel, GET, TAG)), true);
}

static void on_channel(struct talk *talk, enum side from, struct amqp_channel *channel,
		       uint32_t method, struct reader *r)
{
	struct amqp *amqp = talk->state;

	switch (method) {
	case AMQP_PUBLISH:
		publish(talk, channel, r);
		break;
	case AMQP_RETURN:
		returned(talk, channel, r);
		break;
	case AMQP_DELIVER:
		deliver(talk, channel, r);
		break;
	case AMQP_GET:
		get(talk, channel->number, r);
		break;
	case AMQP_GET_OK:
	case AMQP_GET_EMPTY:
		got(talk, channel->number, r, method == AMQP_GET_EMPTY);
		break;
	case AMQP_ACK:
	case AMQP_NACK:
	case AMQP_REJECT:
		on_ack(talk, from, channel, method, r);
		break;
	case AMQP_CONSUME:
		consume(amqp, channel, r);
		break;
	case AMQP_CONSUME_OK:
		consume_ok(amqp, channel, r);
		break;
	case AMQP_CANCEL:
		amqp_consumer_drop(amqp, channel->number, short_text(r));
		break;
	case AMQP_CONFIRM_SELECT:
		select_confirms(talk, channel);
		break;
	default:
		break;
	}
}

void amqp_method_cut(struct talk *talk, enum side from, uint16_t channel, uint32_t method)
{
	on_unknown(talk, channel, method);
	amqp_lost(talk, from);
}

void amqp_method(struct talk *talk, enum side from, uint16_t number, uint32_t method,
		 struct reader *r)
{
	struct amqp_channel *channel;

	if (method == AMQP_CONNECTION_CLOSE) {
		connection_close(talk, r);
	} else if (method == AMQP_CHANNEL_OPEN) {
		channel_open(talk->state, number);
	} else if (method == AMQP_CHANNEL_CLOSE) {
		channel_close(talk, number, r);
	} else if (method >> 16 == 60 || method == AMQP_CONFIRM_SELECT) {
		channel = amqp_channel_get(talk->state, number);
		if (channel)
			on_channel(talk, from, channel, method, r);
		else
			on_unknown(talk, number, method);
	}
}
