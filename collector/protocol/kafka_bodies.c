/* SPDX-License-Identifier: Apache-2.0 */
/* Produce and Fetch: which topics, and what became of each. */
#include "kafka.h"

/* note[0] of a call */
#define NOTE_VERSION 0xffffu
#define NOTE_FETCH (1u << 16)
#define NOTE_OPEN (1u << 17) /* an incremental Fetch whose topics only the answer names */
#define NOTE_SEEN (1u << 18) /* what became of it stood in the answer */
/* note[1]: the first half of the topic's id, which is random; 0: asked for by name */

static struct kafka *state_of(const struct talk *talk)
{
	return talk->state;
}

static uint64_t half_id(const unsigned char *id)
{
	uint64_t half = 0;

	if (id)
		memcpy(&half, id, sizeof(half));
	return half;
}

/* ---- asked ---- */

static void name_call(struct call *call, const struct kafka_topic *topic)
{
	call_set(call, CALL_COLLECTION, topic->name);
	call->note[1] = half_id(topic->id);
}

static struct call *ask(struct talk *talk, const struct kafka_head *head,
			const struct kafka_topic *topic)
{
	struct call *call = talk_ask(talk, head->correlation);
	const struct kafka *kafka = state_of(talk);

	call->note[0] = head->version;
	if (head->api == KAFKA_FETCH) {
		call->note[0] |= NOTE_FETCH;
		call->action = MESSAGING_RECEIVE;
		call->waits = true;
		call_set(call, CALL_OPERATION, slice_of("poll"));
		call_set(call, CALL_GROUP, (struct slice){kafka->group, kafka->group_n});
	} else {
		call->action = MESSAGING_SEND;
		call_set(call, CALL_OPERATION, slice_of("publish"));
	}
	if (topic)
		name_call(call, topic);
	return call;
}

/* Topics that do not stand in what was captured: counted, not told. */
static void ask_unseen(struct talk *talk, const struct kafka_head *head, uint32_t seen, uint32_t n)
{
	if (!seen && !n)
		n = 1;
	for (; seen < n && seen < KAFKA_TOPICS_MAX; seen++)
		talk_forget(talk, ask(talk, head, NULL), true);
}

/* The first of the partitions whose first record has a trace context tells it. */
static void produce_partitions(struct call *call, struct reader *r, bool flexible)
{
	for (uint32_t n = kafka_array(r, flexible); n && !r->bad; n--) {
		reader_skip(r, 4); /* index */
		kafka_records_read(call, kafka_bytes(r, flexible));
		kafka_tags_skip(r, flexible);
	}
}

static void tell_now(struct talk *talk, uint32_t correlation)
{
	struct call *call;

	while ((call = talk_asked(talk, correlation)))
		talk_answer(talk, call);
}

void kafka_produce_asked(struct talk *talk, const struct kafka_head *head, struct reader *r)
{
	bool flexible = kafka_flexible(KAFKA_PRODUCE, head->version);
	uint32_t n, seen = 0;
	struct call *call;
	int16_t acks;

	if (head->version >= 3)
		kafka_string(r, flexible); /* transaction */
	acks = (int16_t)reader_be16(r);
	reader_skip(r, 4); /* timeout */
	if (r->bad)
		acks = 1;
	n = kafka_array(r, flexible);
	while (seen < n && seen < KAFKA_TOPICS_MAX) {
		struct kafka_topic topic =
			kafka_topic_read(state_of(talk), r, head->version >= 13, flexible);

		if (r->bad)
			break;
		call = ask(talk, head, &topic);
		seen++;
		produce_partitions(call, r, flexible);
		kafka_tags_skip(r, flexible);
	}
	ask_unseen(talk, head, seen, n);
	if (acks == 0)
		tell_now(talk, head->correlation);
}

static void fetch_partitions_skip(struct reader *r, uint16_t version, bool flexible)
{
	size_t size = 4u + 8u + 4u; /* index, offset, bytes at most */
	uint32_t n = kafka_array(r, flexible);

	size += version >= 9 ? 4 : 0;  /* the leader's epoch */
	size += version >= 12 ? 4 : 0; /* that of the last record */
	size += version >= 5 ? 8 : 0;  /* start of the log */
	for (; n && !r->bad; n--) {
		reader_skip(r, size);
		kafka_tags_skip(r, flexible);
	}
}

static bool session_has(const struct kafka_session *s, const struct kafka_topic *topic)
{
	if (topic->id)
		return s->by_id && memcmp(s->id, topic->id, sizeof(s->id)) == 0;
	return !s->by_id && slice_same((struct slice){s->name, s->name_n}, topic->name);
}

static void session_set(struct kafka_session *s, const struct kafka_topic *topic)
{
	s->one = topic->id || topic->name.n;
	s->by_id = topic->id != NULL;
	if (topic->id)
		memcpy(s->id, topic->id, sizeof(s->id));
	s->name_n = (uint8_t)topic->name.n;
	memcpy(s->name, topic->name.p, topic->name.n);
}

/* The session's only topic, or none. Its name may have become known since. */
static struct kafka_topic session_topic(const struct kafka *kafka)
{
	const struct kafka_session *s = &kafka->session;
	struct kafka_topic topic = {.name = {"", 0}};

	if (!s->one)
		return topic;
	topic.id = s->by_id ? s->id : NULL;
	topic.name =
		s->by_id ? kafka_ids_name(&kafka->ids, s->id) : (struct slice){s->name, s->name_n};
	return topic;
}

/* An incremental Fetch names the partitions that are new or whose offset changed. */
static void fetch_incremental(struct talk *talk, const struct kafka_head *head, struct reader *r,
			      uint32_t n)
{
	bool flexible = kafka_flexible(KAFKA_FETCH, head->version);
	struct kafka *kafka = state_of(talk);
	struct kafka_topic topic;
	struct call *call;

	for (; n && !r->bad; n--) {
		topic = kafka_topic_read(kafka, r, head->version >= 13, flexible);
		if (r->bad || !session_has(&kafka->session, &topic))
			kafka->session.one = false;
		fetch_partitions_skip(r, head->version, flexible);
		kafka_tags_skip(r, flexible);
	}
	topic = session_topic(kafka);
	call = ask(talk, head, &topic);
	if (!kafka->session.one)
		call->note[0] |= NOTE_OPEN;
}

static void fetch_full(struct talk *talk, const struct kafka_head *head, struct reader *r,
		       uint32_t n)
{
	bool flexible = kafka_flexible(KAFKA_FETCH, head->version);
	struct kafka *kafka = state_of(talk);
	uint32_t seen = 0;

	kafka->session.one = false;
	while (seen < n && seen < KAFKA_TOPICS_MAX) {
		struct kafka_topic topic =
			kafka_topic_read(kafka, r, head->version >= 13, flexible);

		if (r->bad)
			break;
		if (n == 1)
			session_set(&kafka->session, &topic);
		ask(talk, head, &topic);
		seen++;
		fetch_partitions_skip(r, head->version, flexible);
		kafka_tags_skip(r, flexible);
	}
	ask_unseen(talk, head, seen, n);
}

void kafka_fetch_asked(struct talk *talk, const struct kafka_head *head, struct reader *r)
{
	uint16_t version = head->version;
	int32_t epoch = -1;
	uint32_t n;

	reader_skip(r, (version < 15 ? 4 : 0) + 4 + 4); /* replica, longest wait, fewest bytes */
	reader_skip(r, version >= 3 ? 4 : 0);           /* most bytes */
	reader_skip(r, version >= 4 ? 1 : 0);           /* isolation */
	if (version >= 7) {
		reader_skip(r, 4); /* session */
		epoch = (int32_t)reader_be32(r);
	}
	n = kafka_array(r, kafka_flexible(KAFKA_FETCH, version));
	if (epoch > 0)
		fetch_incremental(talk, head, r, n);
	else if (n || r->bad) /* for nothing: a session is ended */
		fetch_full(talk, head, r, n);
}

/* ---- answered ---- */

/* An error, or 0. */
static void fail(struct call *call, int16_t error)
{
	char number[KAFKA_NUMBER];

	if (!error || call->failed)
		return;
	call->failed = true;
	call_set(call, CALL_CODE, kafka_error_name(error, number));
}

static bool is_about(const struct call *call, const struct kafka_topic *topic)
{
	if (topic->id)
		return call->note[1] == half_id(topic->id);
	return slice_same(call_text(call, CALL_COLLECTION), topic->name);
}

/* One more topic of an answer to a Fetch that named none. */
static struct call *open_another(struct talk *talk, const struct call *like,
				 const struct kafka_topic *topic)
{
	struct kafka_head head = {.api = KAFKA_FETCH,
				  .version = (uint16_t)(like->note[0] & NOTE_VERSION),
				  .correlation = (uint32_t)like->key};
	struct call *call = ask(talk, &head, topic);

	call->note[0] |= NOTE_OPEN;
	call->start_ns = like->start_ns;
	call->seq = like->seq;
	call->tgid = like->tgid;
	call->tid = like->tid;
	call->routine = like->routine;
	return call;
}

static bool is_only(const struct call *call)
{
	return !call->next || call->next->key != call->key;
}

/* The call that the nth topic of an answer is about: NULL if its topic was not captured. */
static struct call *call_about(struct talk *talk, struct call *first,
			       const struct kafka_topic *topic, uint32_t nth)
{
	struct call *call;

	if ((first->note[0] & NOTE_OPEN) && nth == 0) {
		name_call(first, topic);
		return first;
	}
	for (call = first; call; call = call->next) {
		if (call->key == first->key && is_about(call, topic))
			return call;
	}
	if (first->note[0] & NOTE_OPEN)
		return open_another(talk, first, topic);
	return is_only(first) ? first : NULL;
}

static int16_t produce_errors(struct reader *r, uint16_t version, bool flexible)
{
	int16_t first = 0;

	for (uint32_t n = kafka_array(r, flexible); n && !r->bad; n--) {
		int16_t error;

		reader_skip(r, 4); /* index */
		error = (int16_t)reader_be16(r);
		first = first ? first : error;
		/* offset, time of appending, start of the log */
		reader_skip(r, 8u + (version >= 2 ? 8u : 0) + (version >= 5 ? 8u : 0));
		if (version >= 8) {
			for (uint32_t m = kafka_array(r, flexible); m && !r->bad; m--) {
				reader_skip(r, 4);         /* record */
				kafka_string(r, flexible); /* what is wrong with it */
				kafka_tags_skip(r, flexible);
			}
			kafka_string(r, flexible); /* what is wrong */
		}
		kafka_tags_skip(r, flexible);
	}
	return first;
}

static int16_t fetch_results(struct call *call, struct reader *r, uint16_t version, bool flexible)
{
	int16_t first = 0;

	for (uint32_t n = kafka_array(r, flexible); n && !r->bad; n--) {
		int16_t error;

		reader_skip(r, 4); /* index */
		error = (int16_t)reader_be16(r);
		first = first ? first : error;
		/* high water mark, last stable offset, start of the log */
		reader_skip(r, 8u + (version >= 4 ? 8u : 0) + (version >= 5 ? 8u : 0));
		if (version >= 4) { /* aborted transactions */
			for (uint32_t m = kafka_array(r, flexible); m && !r->bad; m--) {
				reader_skip(r, 16);
				kafka_tags_skip(r, flexible);
			}
		}
		reader_skip(r, version >= 11 ? 4 : 0); /* replica to read from */
		kafka_records_read(call, kafka_bytes(r, flexible));
		kafka_tags_skip(r, flexible);
	}
	return first;
}

/* What stands in the answer about one topic. */
static void result(struct call *call, int16_t error, const struct reader *r)
{
	if (!call)
		return;
	fail(call, error);
	if (call->failed || !r->bad)
		call->note[0] |= NOTE_SEEN;
}

/* All of that number: those of which nothing was captured are lost. */
static void tell_answered(struct talk *talk, const struct kafka_head *head, bool bad)
{
	struct call *call;

	while ((call = talk_asked(talk, head->correlation))) {
		if (bad && head->cut && !call->failed && !(call->note[0] & NOTE_SEEN))
			talk_forget(talk, call, true);
		else
			talk_answer(talk, call);
	}
}

void kafka_produce_answered(struct talk *talk, const struct kafka_head *head, struct reader *r)
{
	uint16_t version = head->version;
	bool flexible = kafka_flexible(KAFKA_PRODUCE, version);
	struct call *first = talk_asked(talk, head->correlation);
	uint32_t n;

	kafka_tags_skip(r, flexible);
	n = kafka_array(r, flexible);
	for (uint32_t i = 0; first && i < n && i < KAFKA_TOPICS_MAX; i++) {
		struct kafka_topic topic =
			kafka_topic_read(state_of(talk), r, version >= 13, flexible);
		int16_t error;

		if (r->bad)
			break;
		error = produce_errors(r, version, flexible);
		result(call_about(talk, first, &topic, i), error, r);
		kafka_tags_skip(r, flexible);
	}
	tell_answered(talk, head, r->bad);
}

void kafka_fetch_answered(struct talk *talk, const struct kafka_head *head, struct reader *r)
{
	uint16_t version = head->version;
	bool flexible = kafka_flexible(KAFKA_FETCH, version);
	struct call *first = talk_asked(talk, head->correlation), *call;
	int16_t all = 0;
	uint32_t n;

	kafka_tags_skip(r, flexible);
	reader_skip(r, version >= 1 ? 4 : 0); /* throttle time */
	if (version >= 7) {
		all = (int16_t)reader_be16(r);
		reader_skip(r, 4); /* session */
	}
	for (call = first; call; call = call->next) {
		if (call->key == head->correlation)
			fail(call, all);
	}
	n = kafka_array(r, flexible);
	for (uint32_t i = 0; first && i < n && i < KAFKA_TOPICS_MAX; i++) {
		struct kafka_topic topic =
			kafka_topic_read(state_of(talk), r, version >= 13, flexible);

		if (r->bad)
			break;
		call = call_about(talk, first, &topic, i);
		result(call, fetch_results(call, r, version, flexible), r);
		kafka_tags_skip(r, flexible);
	}
	tell_answered(talk, head, r->bad);
}
