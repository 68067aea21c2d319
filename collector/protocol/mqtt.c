/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MQTT 3.1, 3.1.1 and 5 (OASIS). A publication lasts until its acknowledgement: QoS 0 has none and
 * is told at once, QoS 1 ends with PUBACK, QoS 2 with PUBCOMP. What the broker hands to a client is
 * told as processed, until the client's acknowledgement. Subscriptions are told, too.
 */
#include "parsers.h"
#include "reader.h"

#define HEADER_MAX 5             /* type, and a length of up to four bytes */
#define TOPIC_MAX 256            /* bytes kept of a topic */
#define MQTT_PROPERTIES_WANT 768 /* bytes of properties (5) looked at for a trace context */
#define ALIASES 8                /* topic aliases (5) remembered per direction */
#define ALIAS_TEXT 96            /* bytes of such a topic; longer ones are not remembered */
#define JOINED_MIN 3 /* packets that must follow each other on a connection that was joined */

enum packet {
	CONNECT = 1,
	CONNACK,
	PUBLISH,
	PUBACK,
	PUBREC,
	PUBREL,
	PUBCOMP,
	SUBSCRIBE,
	SUBACK,
	UNSUBSCRIBE,
	UNSUBACK,
	PINGREQ,
	PINGRESP,
	DISCONNECT,
	AUTH,
};

/* Who may send it (bits of enum side), and the flags it must have (-1: any). */
static const struct {
	uint8_t sides;
	int8_t flags;
	uint8_t least; /* bytes after the header */
} kinds[16] = {
	[CONNECT] = {1, 0, 10},    [CONNACK] = {2, 0, 2},    [PUBLISH] = {3, -1, 2},
	[PUBACK] = {3, 0, 2},      [PUBREC] = {3, 0, 2},     [PUBREL] = {3, 2, 2},
	[PUBCOMP] = {3, 0, 2},     [SUBSCRIBE] = {1, 2, 5},  [SUBACK] = {2, 0, 3},
	[UNSUBSCRIBE] = {1, 2, 4}, [UNSUBACK] = {2, 0, 2},   [PINGREQ] = {1, 0, 0},
	[PINGRESP] = {2, 0, 0},    [DISCONNECT] = {3, 0, 0}, [AUTH] = {3, 0, 0},
};

struct alias {
	uint16_t number; /* 0: free */
	uint8_t n;
	char text[ALIAS_TEXT];
};

struct mqtt {
	uint8_t level; /* of the protocol: 3, 4, 5; 0: not seen */
	struct alias alias[SIDES][ALIASES];
	uint8_t next[SIDES]; /* of them, the one to be taken next */
};

struct packet_head {
	uint8_t type, flags;
	size_t size; /* of the header */
	uint64_t length;
};

static enum cut read_head(struct slice b, enum side side, struct packet_head *h)
{
	struct reader r = reader_of(b);
	uint8_t first = reader_u8(&r), byte;
	unsigned int shift = 0;

	*h = (struct packet_head){.type = first >> 4, .flags = first & 15};
	if (!(kinds[h->type].sides >> side & 1) ||
	    (kinds[h->type].flags >= 0 && h->flags != kinds[h->type].flags) || (h->flags & 6) == 6)
		return CUT_NOT;
	do {
		if (!r.n)
			return CUT_MORE;
		byte = reader_u8(&r);
		h->length |= (uint64_t)(byte & 127) << shift;
		shift += 7;
	} while (byte & 128 && shift < 28);
	if (byte & 128 || h->length < kinds[h->type].least)
		return CUT_NOT;
	h->size = b.n - r.n;
	return CUT_OK;
}

static enum cut mqtt_frame(const struct talk *talk, enum side side, struct slice b, struct frame *f)
{
	struct packet_head h;
	enum cut cut = read_head(b, side, &h);
	const struct mqtt *m = talk->state;

	if (cut != CUT_OK)
		return cut;
	f->size = h.size + h.length;
	f->want = TOPIC_MAX + 64;
	if (h.type == PUBLISH && m->level != 4 && m->level != 3)
		f->want += MQTT_PROPERTIES_WANT;
	f->want = f->size < f->want ? (uint32_t)f->size : f->want;
	return CUT_OK;
}

/* ---- is it MQTT? ---- */

static bool is_connect(struct slice b)
{
	struct packet_head h;
	struct reader r;
	struct slice name;
	uint8_t level;

	if (read_head(b, FROM_CLIENT, &h) != CUT_OK || h.type != CONNECT)
		return false;
	r = reader_of((struct slice){b.p + h.size, b.n - h.size});
	name = reader_text(&r, reader_be16(&r));
	level = reader_u8(&r);
	return !r.bad && ((slice_is(name, "MQTT") && (level & 127) >= 4 && (level & 127) <= 5) ||
			  (slice_is(name, "MQIsdp") && (level & 127) == 3));
}

/* A topic that somebody publishes to: no wildcards, nothing that is no text. */
static bool is_topic(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == '+' || s.p[i] == '#' || s.p[i] == 127)
			return false;
	return true;
}

static bool fits_type(const struct packet_head *h, struct slice b)
{
	struct reader r = reader_of((struct slice){b.p + h->size, b.n - h->size});

	if (h->type == PUBLISH) {
		struct slice topic = reader_text(&r, reader_be16(&r));

		return !r.bad && topic.n && is_topic(topic);
	}
	return h->type == PINGREQ || h->type == PINGRESP
		       ? h->length == 0
		       : h->type >= PUBACK && h->type <= UNSUBACK && reader_be16(&r) != 0;
}

/*
 * Packets from here to the end, and how many of them are publications. -1: they do not fit. The
 * last one may go on: brokers read a header and what follows it by several calls.
 */
static int chain(struct slice b, enum side side, int *publications)
{
	int n = 0;

	while (b.n) {
		struct packet_head h;
		enum cut cut = read_head(b, side, &h);

		if (cut == CUT_MORE || (cut == CUT_OK && h.size + h.length > b.n))
			return n;
		if (cut != CUT_OK || !fits_type(&h, b))
			return -1;
		*publications += h.type == PUBLISH;
		b.p += h.size + h.length;
		b.n -= (size_t)(h.size + h.length);
		n++;
	}
	return n;
}

static enum guess mqtt_detect(const struct sight *sight)
{
	int publications = 0, client, server;
	struct packet_head h;

	if (sight->from[FROM_CLIENT].n && is_connect(sight->from[FROM_CLIENT]))
		return GUESS_YES;
	if (sight->start)
		return sight->from[FROM_CLIENT].n < 12 &&
				       (!sight->from[FROM_CLIENT].n ||
					read_head(sight->from[FROM_CLIENT], FROM_CLIENT, &h) !=
						CUT_NOT) &&
				       !sight->from[FROM_SERVER].n
			       ? GUESS_MORE
			       : GUESS_NO;
	client = chain(sight->from[FROM_CLIENT], FROM_CLIENT, &publications);
	server = chain(sight->from[FROM_SERVER], FROM_SERVER, &publications);
	if (client < 0 || server < 0)
		return GUESS_NO;
	return client + server >= JOINED_MIN && publications ? GUESS_YES : GUESS_MORE;
}

/* ---- topics ---- */

static struct slice known_alias(struct mqtt *m, enum side side, uint16_t number)
{
	for (unsigned int i = 0; i < ALIASES; i++)
		if (m->alias[side][i].number == number)
			return (struct slice){m->alias[side][i].text, m->alias[side][i].n};
	return (struct slice){"", 0};
}

static void learn_alias(struct mqtt *m, enum side side, uint16_t number, struct slice topic)
{
	struct alias *a = NULL;

	for (unsigned int i = 0; i < ALIASES && !a; i++)
		if (m->alias[side][i].number == number)
			a = &m->alias[side][i];
	if (!a)
		a = &m->alias[side][m->next[side]++ % ALIASES];
	*a = (struct alias){.number = number};
	if (topic.n > ALIAS_TEXT)
		return;
	memcpy(a->text, topic.p, topic.n);
	a->n = (uint8_t)topic.n;
}

/* Of a publication (5). */
struct properties {
	uint16_t alias;             /* of its topic; 0: none */
	struct slice parent, state; /* of its trace context */
};

static const struct properties no_properties = {.parent = {"", 0}, .state = {"", 0}};

/* Whole ones only: what is cut reads as "". The first of a name counts. */
static void user_property(struct properties *all, struct reader *r)
{
	struct slice name = reader_text(r, reader_be16(r));
	struct slice value = reader_text(r, reader_be16(r));

	if (slice_is(name, "traceparent") && !all->parent.n)
		all->parent = value;
	else if (slice_is(name, "tracestate") && !all->state.n)
		all->state = value;
}

/* Passes over properties (5). */
static struct properties properties(struct reader *r)
{
	struct properties all = no_properties;
	uint32_t n = 0;
	unsigned int shift = 0;
	uint8_t byte;
	struct reader in;

	do {
		byte = reader_u8(r);
		n |= (uint32_t)(byte & 127) << shift;
		shift += 7;
	} while (byte & 128 && shift < 28);
	in = (struct reader){r->p, n < r->n ? n : r->n, false};
	reader_skip(r, in.n);
	while (in.n && !in.bad) {
		switch (reader_u8(&in)) {
		case 0x01: /* payload format */
			reader_skip(&in, 1);
			break;
		case 0x02: /* expiry */
			reader_skip(&in, 4);
			break;
		case 0x03: /* content type, response topic, correlation data */
		case 0x08:
		case 0x09:
			reader_skip(&in, reader_be16(&in));
			break;
		case 0x0b: /* subscription identifier */
			while (in.n && reader_u8(&in) & 128)
				;
			break;
		case 0x23:
			all.alias = reader_be16(&in);
			break;
		case 0x26:
			user_property(&all, &in);
			break;
		default:
			return all;
		}
	}
	return all;
}

/* Do filters of a subscription stand here, up to the end? */
static bool filters_fit(struct reader r, bool with_options)
{
	bool any = r.n > 0;

	while (r.n && !r.bad) {
		reader_skip(&r, reader_be16(&r));
		reader_skip(&r, with_options);
	}
	return any && !r.bad;
}

/* ---- packets ---- */

/* Packet identifiers of the two sides are counted apart. */
static uint64_t key_of(enum side publisher, uint8_t type, uint16_t id)
{
	return 1ull << 32 | (uint64_t)publisher << 24 | (uint64_t)type << 16 | id;
}

static struct slice topic_of(struct mqtt *m, enum side side, struct slice topic, uint16_t alias)
{
	if (alias && topic.n)
		learn_alias(m, side, alias, topic);
	return alias && !topic.n ? known_alias(m, side, alias) : topic;
}

static void publication(struct talk *talk, enum side side, const struct packet_head *h,
			struct reader *r)
{
	uint8_t qos = h->flags >> 1 & 3;
	struct slice topic = reader_text(r, reader_be16(r));
	struct properties more = no_properties;
	struct mqtt *m = talk->state;
	struct call *call;
	uint16_t id;

	if (r->bad)
		topic = (struct slice){"", 0}; /* longer than is looked at */
	id = qos ? reader_be16(r) : 0;
	if (m->level == 5 || (!m->level && !topic.n))
		more = properties(r);
	topic = topic_of(m, side, topic, more.alias);
	if (qos && talk_asked(talk, key_of(side, PUBLISH, id)))
		return; /* sent again */
	call = talk_ask(talk, key_of(side, PUBLISH, id));
	call->action = side == FROM_CLIENT ? MESSAGING_SEND : MESSAGING_PROCESS;
	call->req_body = h->length;
	call_set(call, CALL_OPERATION, slice_of(side == FROM_CLIENT ? "publish" : "process"));
	call_set(call, CALL_COLLECTION, topic);
	call_set(call, CALL_TRACEPARENT, more.parent);
	call_set(call, CALL_TRACESTATE, more.state);
	if (!qos)
		talk_answer(talk, call);
}

/* Reasons from 0x80 on are failures (5). */
static void fail(struct call *call, uint8_t reason)
{
	static const char digits[] = "0123456789abcdef";
	char text[4] = {'0', 'x', digits[reason >> 4], digits[reason & 15]};

	if (reason < 0x80)
		return;
	call->failed = true;
	call_set(call, CALL_CODE, (struct slice){text, 4});
}

static void acknowledged(struct talk *talk, enum side publisher, uint8_t type, bool last,
			 const struct packet_head *h, struct reader *r)
{
	struct call *call = talk_asked(talk, key_of(publisher, type, reader_be16(r)));
	uint8_t reason = h->length > 2 ? reader_u8(r) : 0;

	if (!call)
		return;
	if (r->bad) { /* the reason was not captured */
		talk_forget(talk, call, true);
		return;
	}
	fail(call, reason);
	if (last || call->failed)
		talk_answer(talk, call);
	else
		talk_answer_begins(talk, call);
}

static void subscription(struct talk *talk, const struct packet_head *h, struct reader *r)
{
	const struct mqtt *m = talk->state;
	uint16_t id = reader_be16(r);
	struct call *call = talk_ask(talk, key_of(FROM_CLIENT, h->type, id));
	struct slice filter;

	/* properties stand before the filters where the version has them */
	if (m->level == 5 || (!m->level && !filters_fit(*r, h->type == SUBSCRIBE)))
		properties(r);
	filter = reader_text(r, reader_be16(r));
	call_set(call, CALL_OPERATION,
		 slice_of(h->type == SUBSCRIBE ? "subscribe" : "unsubscribe"));
	call_set(call, CALL_COLLECTION, r->bad ? (struct slice){"", 0} : filter);
}

static void subscribed(struct talk *talk, uint8_t type, const struct packet_head *h,
		       struct slice body)
{
	const struct mqtt *m = talk->state;
	struct reader r = reader_of(body);
	struct call *call = talk_asked(talk, key_of(FROM_CLIENT, type, reader_be16(&r)));

	if (!call)
		return;
	if (body.n < h->length && type == SUBSCRIBE) {
		talk_forget(talk, call, true);
		return;
	}
	/* the codes stand at the end, one for each filter */
	if (body.n > 2 && (m->level != 5 || body.n > 3) && type == SUBSCRIBE)
		fail(call, (uint8_t)body.p[body.n - 1]);
	talk_answer(talk, call);
}

static void connected(struct mqtt *m, struct reader *r)
{
	reader_skip(r, reader_be16(r));
	m->level = reader_u8(r) & 127;
}

static void mqtt_message(struct talk *talk, enum side side, struct slice b, const struct frame *f)
{
	enum side other = side == FROM_CLIENT ? FROM_SERVER : FROM_CLIENT;
	struct packet_head h;
	struct slice body;
	struct reader r;

	(void)f;
	if (read_head(b, side, &h) != CUT_OK)
		return;
	body = (struct slice){b.p + h.size, b.n - h.size};
	r = reader_of(body);
	switch (h.type) {
	case CONNECT:
		connected(talk->state, &r);
		break;
	case PUBLISH:
		publication(talk, side, &h, &r);
		break;
	case PUBACK:
	case PUBCOMP:
		acknowledged(talk, other, PUBLISH, true, &h, &r);
		break;
	case PUBREC:
		acknowledged(talk, other, PUBLISH, false, &h, &r);
		break;
	case SUBSCRIBE:
	case UNSUBSCRIBE:
		subscription(talk, &h, &r);
		break;
	case SUBACK:
		subscribed(talk, SUBSCRIBE, &h, body);
		break;
	case UNSUBACK:
		subscribed(talk, UNSUBSCRIBE, &h, body);
		break;
	default:
		break;
	}
}

/* Acknowledgements name what they answer: what was asked may still be answered. */
static void mqtt_lost(struct talk *talk, enum side side)
{
	(void)talk;
	(void)side;
}

const struct parser mqtt_parser = {
	.name = "mqtt",
	.protocol = PROTOCOL_MQTT,
	.kind = EXCHANGE_MESSAGING,
	.transports = OVER_TCP,
	.ports = {1883},
	.capture = KH_SEGMENT_CALL, /* a call holds as many messages as came meanwhile */
	.state_size = sizeof(struct mqtt),
	.detect = mqtt_detect,
	.frame = mqtt_frame,
	.message = mqtt_message,
	.lost = mqtt_lost,
};
