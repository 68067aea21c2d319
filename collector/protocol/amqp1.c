/* SPDX-License-Identifier: Apache-2.0 */
#include "amqp1.h"
#include "parsers.h"

#define BEGINNING 8
#define DESCRIPTOR 3 /* bytes: described, small ulong, the code */
#define OF_AMQP 0    /* types of frames */
#define OF_SASL 1
#define BEGIN_AMQP 0 /* what a protocol header begins */
#define BEGIN_TLS 2
#define BEGIN_SASL 3
#define CHAIN 2 /* frames that are proof enough */

/* ---- frames ---- */

/* "AMQP", what begins, and the version 1.0.0 */
static enum cut frame_beginning(struct slice b, struct frame *f)
{
	if (memcmp(b.p, "AMQP", b.n < 4 ? b.n : 4) != 0)
		return CUT_NOT;
	if (b.n < BEGINNING)
		return CUT_MORE;
	if ((b.p[4] != BEGIN_AMQP && b.p[4] != BEGIN_TLS && b.p[4] != BEGIN_SASL) ||
	    memcmp(b.p + 5, "\1\0\0", 3) != 0)
		return CUT_NOT;
	*f = (struct frame){.size = BEGINNING, .want = BEGINNING};
	return CUT_OK;
}

static uint32_t wanted(unsigned int code)
{
	switch (code) {
	case AMQP1_ATTACH:
		return 2048;
	case AMQP1_TRANSFER:
		return AMQP1_TRANSFER_WANT + AMQP1_MESSAGE_WANT;
	case AMQP1_DISPOSITION:
	case AMQP1_DETACH:
	case AMQP1_END:
	case AMQP1_CLOSE:
		return 512;
	default:
		return 64;
	}
}

static bool code_fits(unsigned int type, unsigned int code)
{
	if (type == OF_SASL)
		return code >= 0x40 && code <= 0x44;
	return code >= AMQP1_OPEN && code <= AMQP1_CLOSE;
}

static enum cut frame_at(struct slice b, struct frame *f)
{
	struct reader r = reader_of(b);
	uint32_t size = reader_be32(&r), head = reader_u8(&r) * 4u, type = reader_u8(&r);

	if (b.n && b.p[0] == 'A')
		return frame_beginning(b, f);
	if (b.n < AMQP1_HEAD)
		return CUT_MORE;
	if (head < AMQP1_HEAD || size < head || size > AMQP1_FRAME_MAX || type > OF_SASL)
		return CUT_NOT;
	*f = (struct frame){.size = size};
	if (size == head) /* empty: the connection is alive */
		return type == OF_AMQP ? CUT_OK : CUT_NOT;
	if (size < head + DESCRIPTOR)
		return CUT_NOT;
	if (b.n < head + DESCRIPTOR)
		return CUT_MORE;
	if (b.p[head] != 0 || b.p[head + 1] != 0x53 ||
	    !code_fits(type, (unsigned char)b.p[head + 2]))
		return CUT_NOT;
	f->want = wanted((unsigned char)b.p[head + 2]);
	f->want = f->want < size ? f->want : size;
	return CUT_OK;
}

static enum cut frame(const struct talk *talk, enum side from, struct slice b, struct frame *f)
{
	(void)talk;
	(void)from;
	return frame_at(b, f);
}

/* ---- is it AMQP 1.0? ---- */

/* Whole performatives that stand one after the other; -1: it does not begin with one. */
static int chain(struct slice b)
{
	struct frame f;
	int n = 0;

	while (b.n) {
		enum cut cut = frame_at(b, &f);

		if (cut == CUT_NOT)
			return n ? n : -1;
		if (cut == CUT_MORE || f.size > b.n)
			break;
		n += f.want > 0;
		b.p += f.size;
		b.n -= (size_t)f.size;
	}
	return n;
}

/* Joined, both sides look the same: the one with the usual port is the server. */
static enum guess detect(const struct sight *sight)
{
	struct slice client = sight->from[FROM_CLIENT], server = sight->from[FROM_SERVER];
	struct frame f;
	int asked, answered;

	if (!sight->start && sight->port[FROM_SERVER] > sight->port[FROM_CLIENT])
		return GUESS_NO;
	if (client.n && client.p[0] == 'A') {
		enum cut cut = frame_beginning(client, &f);

		return cut == CUT_OK ? GUESS_YES : cut == CUT_MORE ? GUESS_MORE : GUESS_NO;
	}
	if (sight->start)
		return client.n || server.n ? GUESS_NO : GUESS_MORE;
	asked = chain(client);
	answered = chain(server);
	if (asked + answered >= CHAIN)
		return GUESS_YES;
	return asked < 0 || answered < 0 ? GUESS_NO : GUESS_MORE;
}

/* ---- messages ---- */

static void message(struct talk *talk, enum side from, struct slice b, const struct frame *f)
{
	struct reader r = reader_of(b);
	struct amqp1_list list;
	uint16_t channel;
	unsigned int head, type, code;

	if (f->want && b.n && b.p[0] == 'A') {
		if (from == FROM_SERVER && b.n == BEGINNING && b.p[4] == BEGIN_TLS)
			talk_encrypted(talk);
		return;
	}
	reader_skip(&r, 4);
	head = reader_u8(&r) * 4u;
	type = reader_u8(&r);
	channel = reader_be16(&r);
	reader_skip(&r, head - AMQP1_HEAD);
	if (!f->want)
		return;
	code = amqp1_described(&r, &list);
	if (b.n < f->want && (code != AMQP1_TRANSFER || r.bad)) {
		amqp1_lost(talk, from);
		return;
	}
	if (code && type == OF_AMQP)
		amqp1_performative(talk, from, channel, code, &list, &r);
}

const struct parser amqp1_parser = {
	.name = "amqp1",
	.protocol = PROTOCOL_AMQP1,
	.kind = EXCHANGE_MESSAGING,
	.transports = OVER_TCP,
	.ports = {5672},
	.capture = 16384, /* a read holds as many short messages as came meanwhile */
	.state_size = sizeof(struct amqp1),
	.detect = detect,
	.frame = frame,
	.message = message,
	.lost = amqp1_lost,
};

_Static_assert(sizeof(struct amqp1) <= PARSER_STATE_MAX, "the state of an AMQP 1.0 connection");
