/* SPDX-License-Identifier: Apache-2.0 */
/* AMQP 0-9-1: what methods mean. */
#include "amqp_calls.h"

#include <stdio.h>

/* ---- texts ---- */

/* Queues that the broker names, one for each connection or more: only what they are is told. */
static struct slice named(struct slice key)
{
	static const char *const made[] = {"amq.gen-", "amq.rabbitmq.reply-to."};

	for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
		size_t n = strlen(made[i]);

		if (key.n > n && memcmp(key.p, made[i], n) == 0)
			return (struct slice){key.p, n - 1};
	}
	return key;
}

/* "exchange:routing key" */
static void read_destination(struct call *call, struct reader *r)
{
	struct slice exchange = amqp_text(r), key = named(amqp_text(r));
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

/* ---- publish ---- */

static void publish(struct talk *talk, struct amqp_channel *channel, struct reader *r)
{
	uint16_t number = channel->number;
	struct call *call;

	if (channel->confirms == AMQP_ACKS_UNKNOWN && amqp_none_came(talk, number, AMQP_IS_UNSURE))
		channel->confirms = AMQP_ACKS_NONE;
	if (channel->confirms == AMQP_ACKS_COME)
		call = amqp_ask(talk, amqp_key(number, AMQP_IS_PUBLISH, channel->next++), "publish",
				MESSAGING_SEND);
	else
		call = amqp_ask(talk, amqp_key(number, AMQP_IS_UNSURE, 0), "publish",
				MESSAGING_SEND);
	call->note[0] = talk->moment.last_ns;
	reader_skip(r, 2);
	read_destination(call, r);
	if (r->bad) {
		talk_forget(talk, call, true);
		return;
	}
	amqp_header_follows(channel, FROM_CLIENT, call, channel->confirms == AMQP_ACKS_NONE);
	if (channel->confirms == AMQP_ACKS_UNKNOWN)
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
		if (!amqp_is_kind(call, channel->number, AMQP_IS_UNSURE))
			continue;
		call->key = amqp_key(channel->number, AMQP_IS_PUBLISH, channel->next++);
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
		if (amqp_is_kind(call, channel->number, AMQP_IS_PUBLISH))
			call->key = amqp_key(channel->number, AMQP_IS_PUBLISH,
					     (call->key & AMQP_TAG) + more);
	}
}

static struct call *any_of(struct talk *talk, uint16_t channel, enum amqp_kind kind)
{
	struct call *call = talk->calls.first;

	while (call && !amqp_is_kind(call, channel, kind))
		call = call->next;
	return call;
}

/* A publish was refused, but which it was is not sure. */
static void lose_confirms(struct talk *talk, uint16_t channel)
{
	struct call *call;

	while ((call = any_of(talk, channel, AMQP_IS_PUBLISH)))
		talk_forget(talk, call, true);
}

static void confirm(struct talk *talk, struct amqp_channel *channel, uint64_t tag, bool multiple,
		    const char *error)
{
	if (!tag || tag > AMQP_TAG)
		return;
	if (channel->confirms != AMQP_ACKS_COME)
		number_unsure(talk, channel, tag);
	if (tag >= channel->next)
		number_again(talk, channel, tag);
	if (error && !channel->sure)
		lose_confirms(talk, channel->number);
	amqp_settle(talk, channel->number, AMQP_IS_PUBLISH, tag, multiple, error);
	/* the last one published has its confirm, and all the others have */
	channel->sure |=
		tag == channel->next - 1 && !any_of(talk, channel->number, AMQP_IS_PUBLISH);
}

/* It could not be routed. What is confirmed later says so; else nothing waits for it any more. */
static void returned(struct talk *talk, struct amqp_channel *channel, struct reader *r)
{
	struct call *back = amqp_ask(talk, amqp_key(channel->number, AMQP_IS_GET, AMQP_TAG),
				     "return", MESSAGING_NONE);
	struct call *call = talk->calls.first;
	char code[AMQP_CODE];

	back->note[0] = talk->moment.last_ns;
	snprintf(code, sizeof(code), "%u", reader_be16(r));
	amqp_text(r); /* the same in words */
	read_destination(back, r);
	if (r->bad) {
		talk_forget(talk, back, true);
		return;
	}
	for (; call; call = call->next) {
		if ((amqp_is_kind(call, channel->number, AMQP_IS_PUBLISH) ||
		     amqp_is_kind(call, channel->number, AMQP_IS_UNSURE)) &&
		    !call->failed &&
		    slice_same(call_text(call, CALL_COLLECTION), call_text(back, CALL_COLLECTION)))
			break;
	}
	if (call) {
		amqp_fail(call, code);
		talk_forget(talk, back, false);
		return;
	}
	amqp_fail(back, code);
	amqp_tell_as_asked(talk, back);
}

/* ---- consumers ---- */

static void consume(struct amqp *amqp, struct amqp_channel *channel, struct reader *r)
{
	struct slice tag;

	reader_skip(r, 2);
	amqp_text(r); /* queue */
	tag = amqp_text(r);
	channel->consume_no_ack = reader_u8(r) & 2;
	if (tag.n && !r->bad)
		amqp_consumer_add(amqp, channel->number, tag, channel->consume_no_ack);
}

static void consume_ok(struct amqp *amqp, struct amqp_channel *channel, struct reader *r)
{
	struct slice tag = amqp_text(r);

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
	struct slice consumer = amqp_text(r);
	uint64_t tag = reader_be(r, 8);
	enum amqp_acks acks = acks_of(talk->state, channel, consumer);
	struct call *call;

	if (acks == AMQP_ACKS_UNKNOWN && amqp_none_came(talk, channel->number, AMQP_IS_DELIVER))
		acks = channel->acks = AMQP_ACKS_NONE;
	reader_skip(r, 1); /* delivered before? */
	call = amqp_ask(talk, amqp_key(channel->number, AMQP_IS_DELIVER, tag), "deliver",
			MESSAGING_PROCESS);
	call->note[0] = talk->moment.last_ns;
	read_destination(call, r);
	call->waits = true; /* what is not settled is not told */
	call->note[1] = acks == AMQP_ACKS_UNKNOWN ? AMQP_NOTE_UNSURE : 0;
	if (r->bad)
		talk_forget(talk, call, true);
	else
		amqp_header_follows(channel, FROM_SERVER, call, acks == AMQP_ACKS_NONE);
}

static void acknowledge(struct talk *talk, struct amqp_channel *channel, uint64_t tag,
			bool multiple, const char *error)
{
	struct call *call;

	channel->acks = AMQP_ACKS_COME;
	for (call = talk->calls.first; call; call = call->next) {
		if (amqp_is_kind(call, channel->number, AMQP_IS_DELIVER))
			call->note[1] &= ~(uint64_t)AMQP_NOTE_UNSURE;
	}
	amqp_settle(talk, channel->number, AMQP_IS_DELIVER, tag, multiple, error);
}

static void get(struct talk *talk, uint16_t channel, struct reader *r)
{
	struct call *call =
		amqp_ask(talk, amqp_key(channel, AMQP_IS_GET, 0), "get", MESSAGING_RECEIVE);

	reader_skip(r, 2);
	call_set(call, CALL_COLLECTION, amqp_text(r));
	if (r->bad)
		talk_forget(talk, call, true);
}

static void got(struct talk *talk, struct amqp_channel *channel, struct reader *r, bool empty)
{
	struct call *call = talk_asked(talk, amqp_key(channel->number, AMQP_IS_GET, 0));

	if (!call)
		return;
	if (empty) {
		talk_answer(talk, call);
		return;
	}
	reader_skip(r, 9); /* tag, delivered before? */
	read_destination(call, r);
	talk_answer_begins(talk, call);
	call->note[0] = talk->moment.last_ns;
	amqp_header_follows(channel, FROM_SERVER, call, true);
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
	amqp_tell_unsure(talk, channel->number, AMQP_IS_UNSURE);
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
		talk_forget(talk, talk_ask(talk, amqp_key(channel, AMQP_IS_GET, AMQP_TAG)), true);
}

static void on_channel(struct talk *talk, enum side from, struct amqp_channel *channel,
		       uint32_t method, struct reader *r)
{
	struct amqp *amqp = talk->state;

	amqp_header_missed(talk, from, channel);
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
		got(talk, channel, r, method == AMQP_GET_EMPTY);
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
		amqp_consumer_drop(amqp, channel->number, amqp_text(r));
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
		amqp_connection_close(talk, r);
	} else if (method == AMQP_CHANNEL_OPEN) {
		channel_open(talk->state, number);
	} else if (method == AMQP_CHANNEL_CLOSE) {
		amqp_channel_close(talk, number, r);
	} else if (method >> 16 == 60 || method == AMQP_CONFIRM_SELECT) {
		channel = amqp_channel_get(talk->state, number);
		if (channel)
			on_channel(talk, from, channel, method, r);
		else
			on_unknown(talk, number, method);
	}
}
