/* SPDX-License-Identifier: Apache-2.0 */
#include "amqp_calls.h"
#include "parsers.h"

#define METHOD_HEAD (AMQP_HEAD + 4) /* and class and method */
#define WANTED 800                  /* of a method: three short texts, and some numbers */
#define BEGINNING 8
#define CHAIN 2 /* frames with a method among them that are proof enough */

static const char beginning[BEGINNING] = {'A', 'M', 'Q', 'P', 0, 0, 9, 1};

/* ---- which methods there are, and who may send them ---- */

#define C 1 /* the client */
#define S 2 /* the server */
#define B 3 /* both */

/* By method / 10 of each class, for x0 and x1 ("-ok", mostly the other side's). */
static unsigned int senders(unsigned int class, unsigned int method)
{
	static const uint8_t connection[][2] = {{0, 0}, {S, C}, {S, C}, {S, C},
						{C, S}, {B, B}, {S, S}, {C, S}};
	static const uint8_t channel[][2] = {{0, 0}, {C, S}, {B, B}, {0, 0}, {B, B}};
	static const uint8_t exchange[][2] = {{0, 0}, {C, S}, {C, S}, {C, S}, {C, 0}, {0, S}};
	static const uint8_t queue[][2] = {{0, 0}, {C, S}, {C, S}, {C, S}, {C, S}, {C, S}};
	static const uint8_t basic[][2] = {{0, 0}, {C, S}, {C, S}, {B, B}, {C, 0}, {S, 0}, {S, 0},
					   {C, S}, {B, 0}, {C, 0}, {C, 0}, {C, S}, {B, 0}};
	static const uint8_t tx[][2] = {{0, 0}, {C, S}, {C, S}, {C, S}};
	static const struct {
		unsigned int class, n;
		const uint8_t (*by)[2];
	} all[] = {{10, 8, connection}, {20, 5, channel}, {40, 6, exchange}, {50, 6, queue},
		   {60, 13, basic},     {85, 2, tx},      {90, 4, tx}};

	if (class == 60 && method == 72) /* get-empty */
		return S;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i].class == class)
			return method / 10 < all[i].n && method % 10 < 2
				       ? all[i].by[method / 10][method % 10]
				       : 0;
	}
	return 0;
}

/* ---- frames ---- */

static bool head_fits(unsigned int type, unsigned int channel, uint32_t size)
{
	if (size > AMQP_FRAME_MAX)
		return false;
	switch (type) {
	case AMQP_METHOD:
		return size >= 4;
	case AMQP_HEADER:
		return channel && size >= 14;
	case AMQP_BODY:
		return channel;
	case AMQP_HEARTBEAT:
		return !channel && !size;
	default:
		return false;
	}
}

static enum cut frame_beginning(struct slice b, struct frame *f)
{
	if (memcmp(b.p, beginning, b.n < BEGINNING ? b.n : BEGINNING) != 0)
		return CUT_NOT;
	*f = (struct frame){.size = BEGINNING, .want = 0};
	return b.n < BEGINNING ? CUT_MORE : CUT_OK;
}

static enum cut frame_at(enum side from, struct slice b, struct frame *f)
{
	struct reader r = reader_of(b);
	unsigned int type = reader_u8(&r), channel = reader_be16(&r);
	uint32_t size = reader_be32(&r);

	if (b.n && b.p[0] == beginning[0])
		return frame_beginning(b, f);
	if (b.n < AMQP_HEAD)
		return CUT_MORE;
	if (!head_fits(type, channel, size))
		return CUT_NOT;
	*f = (struct frame){.size = AMQP_HEAD + (uint64_t)size + 1};
	if (f->size <= b.n && (unsigned char)b.p[f->size - 1] != AMQP_END)
		return CUT_NOT;
	if (type == AMQP_HEADER)
		f->want = f->size < AMQP_HEADER_WANT ? (uint32_t)f->size : AMQP_HEADER_WANT;
	if (type != AMQP_METHOD)
		return CUT_OK;
	if (b.n < METHOD_HEAD)
		return CUT_MORE;
	type = reader_be16(&r);
	if (!(senders(type, reader_be16(&r)) & (from == FROM_CLIENT ? C : S)))
		return CUT_NOT;
	f->want = f->size < WANTED ? (uint32_t)f->size : WANTED;
	return CUT_OK;
}

static enum cut frame(const struct talk *talk, enum side from, struct slice b, struct frame *f)
{
	(void)talk;
	return frame_at(from, b, f);
}

/* ---- is it AMQP? ---- */

static bool one_sided(struct slice b)
{
	struct reader r = reader_of(b);
	unsigned int class, method, by;

	reader_skip(&r, AMQP_HEAD);
	class = reader_be16(&r);
	method = reader_be16(&r);
	by = senders(class, method);
	return b.p[0] == AMQP_METHOD && (by == C || by == S);
}

/* Whole frames that stand one after the other; -1: it does not begin with one. */
static int chain(enum side from, struct slice b, bool *method)
{
	struct frame f;
	int n = 0;

	while (b.n) {
		enum cut cut = frame_at(from, b, &f);

		if (cut == CUT_NOT)
			return n ? n : -1;
		if (cut == CUT_MORE || f.size > b.n)
			break;
		*method |= one_sided(b);
		n++;
		b.p += f.size;
		b.n -= (size_t)f.size;
	}
	return n;
}

/* Joined, one side may be amidst a message; what the other one sends can be enough. */
static enum guess detect(const struct sight *sight)
{
	struct slice client = sight->from[FROM_CLIENT];
	bool method = false;
	int asked, answered;

	if (client.n >= BEGINNING && memcmp(client.p, beginning, BEGINNING) == 0)
		return GUESS_YES;
	if (sight->start) {
		if (!client.n)
			return sight->from[FROM_SERVER].n ? GUESS_NO : GUESS_MORE;
		return client.n < BEGINNING && memcmp(client.p, beginning, client.n) == 0
			       ? GUESS_MORE
			       : GUESS_NO;
	}
	asked = chain(FROM_CLIENT, client, &method);
	answered = chain(FROM_SERVER, sight->from[FROM_SERVER], &method);
	if (method && asked + answered >= CHAIN)
		return GUESS_YES;
	return asked < 0 || answered < 0 ? GUESS_NO : GUESS_MORE;
}

/* ---- messages ---- */

static void message(struct talk *talk, enum side from, struct slice b, const struct frame *f)
{
	struct reader r = reader_of(b);
	unsigned int type = reader_u8(&r), class, method;
	uint16_t channel = reader_be16(&r);

	if (!f->want) /* neither method nor header */
		return;
	reader_skip(&r, 4);
	if (type == AMQP_HEADER) {
		amqp_header(talk, from, channel, &r);
		return;
	}
	class = reader_be16(&r);
	method = reader_be16(&r);
	if (b.n < f->want)
		amqp_method_cut(talk, from, channel, AMQP_ID(class, method));
	else if (type == AMQP_METHOD)
		amqp_method(talk, from, channel, AMQP_ID(class, method), &r);
}

/* A method at the beginning of a call, or behind the end of another frame in it. */
static long resync(struct talk *talk, enum side from, struct slice b)
{
	const char *at = b.p, *end = b.p + b.n;
	struct frame f;

	(void)talk;
	while (at && at < end) {
		struct slice rest = {at, (size_t)(end - at)};

		if (*at == AMQP_METHOD && frame_at(from, rest, &f) == CUT_OK &&
		    f.size <= PARSER_WANT_MAX)
			return at - b.p;
		at = memchr(at, AMQP_END, rest.n);
		at = at ? at + 1 : NULL;
	}
	return -1;
}

const struct parser amqp_parser = {
	.name = "amqp",
	.protocol = PROTOCOL_AMQP,
	.kind = EXCHANGE_MESSAGING,
	.transports = OVER_TCP,
	.ports = {5672},
	.capture = 16384, /* a read holds as many short messages as came meanwhile */
	.state_size = sizeof(struct amqp),
	.detect = detect,
	.frame = frame,
	.message = message,
	.lost = amqp_lost,
	.resync = resync,
};

_Static_assert(sizeof(struct amqp) <= PARSER_STATE_MAX, "the state of an AMQP connection");
