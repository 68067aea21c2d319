/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka.h"
#include "parsers.h"

#define HEAD 14
#define ANSWER_HEAD 8 /* length, correlation id */
#define DETECT_HEADS 16

static uint32_t least(uint64_t a, uint64_t b)
{
	return (uint32_t)(a < b ? a : b);
}

/* ---- is it Kafka? ---- */

static bool answer_size_fits(uint32_t size)
{
	return size >= ANSWER_HEAD - 4 && size <= KAFKA_FRAME_MAX;
}

/* Correlation ids of the requests at hand; -1: these are none. */
static int requests_at_hand(struct slice b, uint32_t ids[DETECT_HEADS])
{
	struct kafka_head head;
	int n = 0;

	while (n < DETECT_HEADS) {
		enum cut cut = kafka_request_head(b, &head);

		if (cut == CUT_NOT)
			return -1;
		if (cut == CUT_MORE)
			break;
		ids[n++] = head.correlation;
		if (head.size >= b.n)
			break;
		b.p += head.size;
		b.n -= head.size;
	}
	return n;
}

static bool one_of(uint32_t id, const uint32_t *ids, int n)
{
	while (n--) {
		if (ids[n] == id)
			return true;
	}
	return false;
}

static bool is_near(uint32_t id, uint32_t newest)
{
	return id - newest + KAFKA_NEAR < 2 * KAFKA_NEAR;
}

/* The answers at hand: is one to a request of `ids`? The first may be to an older one on joining.
 */
static enum guess answered(struct slice b, const uint32_t *ids, int n, bool start)
{
	while (b.n >= ANSWER_HEAD) {
		struct reader r = reader_of(b);
		uint32_t size = reader_be32(&r), id = reader_be32(&r);

		if (!answer_size_fits(size))
			return GUESS_NO;
		if (one_of(id, ids, n))
			return GUESS_YES;
		if (start || !is_near(id, ids[0]))
			return GUESS_NO;
		if (size + 4 >= b.n)
			return size + 4 == b.n ? GUESS_MORE : GUESS_NO;
		b.p += size + 4;
		b.n -= size + 4;
	}
	return GUESS_MORE;
}

/* A request alone looks like many things; an answer with its number does not. */
static enum guess detect(const struct sight *sight)
{
	struct slice client = sight->from[FROM_CLIENT], server = sight->from[FROM_SERVER];
	uint32_t ids[DETECT_HEADS];
	int n = requests_at_hand(client, ids);
	struct kafka_head head;

	if (n < 0 || !client.n) /* brokers never speak first */
		return GUESS_NO;
	/* joined, an answer can look like a request, and what follows like its answer */
	if (!sight->start && sight->port[FROM_SERVER] > sight->port[FROM_CLIENT])
		return GUESS_NO;
	/* without a client's name a head is a few small numbers, as ZooKeeper's are */
	if (kafka_request_head(client, &head) == CUT_OK && !head.named)
		return GUESS_NO;
	return n ? answered(server, ids, n, sight->start) : GUESS_MORE;
}

/* ---- frames ---- */

static uint32_t wanted_of_request(uint16_t api)
{
	switch (api) {
	case KAFKA_PRODUCE:
	case KAFKA_FETCH:
		return PARSER_WANT_MAX;
	case KAFKA_OFFSET_COMMIT:
	case KAFKA_JOIN_GROUP:
	case KAFKA_HEARTBEAT:
	case KAFKA_SYNC_GROUP:
	case KAFKA_GROUP_HEARTBEAT:
		return HEAD + 256 + KAFKA_GROUP_MAX + 4; /* the client's id and the group's */
	default:
		return HEAD;
	}
}

/* A SASL token without any header, as SaslHandshake 0 has them follow. It is never looked at. */
static enum cut frame_raw(struct slice b, struct frame *f)
{
	struct reader r = reader_of(b);
	uint32_t size = reader_be32(&r);

	if (r.bad)
		return CUT_MORE;
	if (size > PARSER_STATE_MAX)
		return CUT_NOT;
	*f = (struct frame){.size = 4 + (uint64_t)size, .want = 4};
	return CUT_OK;
}

static enum cut frame_request(const struct kafka *kafka, struct slice b, struct frame *f)
{
	struct reader r = reader_of(b);
	struct kafka_head head;
	enum cut cut = kafka_request_head(b, &head);

	if (cut == CUT_OK)
		*f = (struct frame){.size = head.size,
				    .want = least(head.size, wanted_of_request(head.api))};
	if (!kafka->raw || cut == CUT_OK)
		return cut;
	if (cut == CUT_MORE && b.n >= 4 && 4 + (uint64_t)reader_be32(&r) > b.n)
		return CUT_MORE; /* a longer token could still be a request */
	return frame_raw(b, f);
}

static struct kafka_noted *noted(struct kafka *kafka, uint32_t correlation)
{
	for (unsigned int i = 0; i < KAFKA_NOTED; i++) {
		if (kafka->noted[i].open && kafka->noted[i].correlation == correlation)
			return &kafka->noted[i];
	}
	return NULL;
}

static enum cut frame_answer(const struct talk *talk, struct slice b, struct frame *f)
{
	struct kafka *kafka = talk->state;
	struct reader r = reader_of(b);
	uint32_t size, id;
	bool read;

	if (kafka->raw_asked)
		return frame_raw(b, f);
	if (!kafka->asked)
		return CUT_NOT;
	if (b.n < ANSWER_HEAD)
		return CUT_MORE;
	size = reader_be32(&r);
	id = reader_be32(&r);
	if (!answer_size_fits(size))
		return CUT_NOT;
	read = talk_asked(talk, id) || noted(kafka, id);
	if (!read && !is_near(id, kafka->newest))
		return CUT_NOT;
	*f = (struct frame){.size = 4 + (uint64_t)size};
	f->want = least(f->size, read ? PARSER_WANT_MAX : ANSWER_HEAD);
	return CUT_OK;
}

static enum cut frame(const struct talk *talk, enum side from, struct slice b, struct frame *f)
{
	return from == FROM_CLIENT ? frame_request(talk->state, b, f) : frame_answer(talk, b, f);
}

/* ---- messages ---- */

static void note_request(struct kafka *kafka, const struct kafka_head *head)
{
	kafka->noted[kafka->noted_next++ % KAFKA_NOTED] = (struct kafka_noted){
		head->correlation, (uint8_t)head->api, (uint8_t)head->version, true};
}

/* The name of the group stands first in all these requests. */
static void learn_group(struct kafka *kafka, const struct kafka_head *head, struct reader *r)
{
	struct slice group = kafka_string(r, kafka_flexible(head->api, head->version));

	if (r->bad || group.n > KAFKA_GROUP_MAX)
		return;
	memcpy(kafka->group, group.p, group.n);
	kafka->group_n = (uint8_t)group.n;
}

static void request(struct talk *talk, struct slice b, const struct frame *f)
{
	struct kafka *kafka = talk->state;
	struct reader r = reader_of(b);
	struct kafka_head head;

	if (kafka_request_head(b, &head) != CUT_OK) {
		if (kafka->raw && kafka->raw_asked < UINT8_MAX)
			kafka->raw_asked++;
		return;
	}
	head.cut = b.n < f->want;
	kafka->raw = false;
	kafka->asked = true;
	kafka->newest = head.correlation;
	reader_skip(&r, HEAD - 2);
	kafka_string(&r, false); /* client, whose length is in the old form in all versions */
	kafka_tags_skip(&r, kafka_flexible(head.api, head.version));
	switch (head.api) {
	case KAFKA_PRODUCE:
		kafka_produce_asked(talk, &head, &r);
		break;
	case KAFKA_FETCH:
		kafka_fetch_asked(talk, &head, &r);
		break;
	case KAFKA_METADATA:
		note_request(kafka, &head);
		break;
	case KAFKA_SASL_HANDSHAKE:
		if (head.version == 0)
			note_request(kafka, &head);
		break;
	case KAFKA_OFFSET_COMMIT:
	case KAFKA_JOIN_GROUP:
	case KAFKA_HEARTBEAT:
	case KAFKA_SYNC_GROUP:
	case KAFKA_GROUP_HEARTBEAT:
		learn_group(kafka, &head, &r);
		break;
	default:
		break;
	}
}

/* Answers come in order: what was asked before and lost its answer will not get one. */
static void forget_before(struct talk *talk, const struct call *call)
{
	struct call *oldest;

	while ((oldest = talk_oldest(talk)) && oldest->key != call->key)
		talk_forget(talk, oldest, true);
}

static void noted_answer(struct kafka *kafka, struct kafka_noted *note, struct reader *r)
{
	note->open = false;
	if (note->api == KAFKA_METADATA)
		kafka_metadata_answered(kafka, note->version, r);
	else
		kafka->raw = reader_be16(r) == 0;
}

static void answer(struct talk *talk, struct slice b, const struct frame *f)
{
	struct kafka *kafka = talk->state;
	struct reader r = reader_of(b);
	struct kafka_head head = {0};
	struct kafka_noted *note;
	struct call *call;
	uint32_t id;

	if (kafka->raw_asked) {
		kafka->raw_asked--;
		return;
	}
	reader_skip(&r, 4);
	id = reader_be32(&r);
	if (r.bad)
		return;
	note = noted(kafka, id);
	if (note) {
		noted_answer(kafka, note, &r);
		return;
	}
	call = talk_asked(talk, id);
	if (!call)
		return;
	if (kafka->answers_lost)
		forget_before(talk, call);
	kafka->answers_lost = false;
	head.version = (uint16_t)call->note[0];
	head.correlation = id;
	head.cut = b.n < f->want;
	if (call->action == MESSAGING_RECEIVE)
		kafka_fetch_answered(talk, &head, &r);
	else
		kafka_produce_answered(talk, &head, &r);
}

static void message(struct talk *talk, enum side from, struct slice b, const struct frame *f)
{
	if (from == FROM_CLIENT)
		request(talk, b, f);
	else
		answer(talk, b, f);
}

/* Whatever was asked is still known by its number. */
static void lost(struct talk *talk, enum side from)
{
	struct kafka *kafka = talk->state;

	if (from == FROM_SERVER)
		kafka->answers_lost = true;
	kafka->raw_asked = 0;
}

const struct parser kafka_parser = {
	.name = "kafka",
	.protocol = PROTOCOL_KAFKA,
	.kind = EXCHANGE_MESSAGING,
	.transports = OVER_TCP,
	.ports = {9092, 9093, 29092},
	.capture = 4096,
	.state_size = sizeof(struct kafka),
	.detect = detect,
	.frame = frame,
	.message = message,
	.lost = lost,
};

_Static_assert(sizeof(struct kafka) <= PARSER_STATE_MAX, "the state of a Kafka connection");
