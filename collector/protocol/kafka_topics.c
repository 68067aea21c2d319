/* SPDX-License-Identifier: Apache-2.0 */
/* Names of topics by their ids, which Metadata answers tell from version 10 on (KIP-516). */
#include "kafka.h"

static const unsigned char no_id[16];

struct slice kafka_ids_name(const struct kafka_ids *ids, const unsigned char id[16])
{
	for (unsigned int i = 0; i < ids->n; i++) {
		if (memcmp(ids->of[i].id, id, 16) == 0)
			return (struct slice){ids->text + ids->of[i].at, ids->of[i].n};
	}
	return (struct slice){"", 0};
}

static void learn(struct kafka_ids *ids, const unsigned char id[16], struct slice name)
{
	if (!name.n || name.n > KAFKA_NAME_MAX || memcmp(id, no_id, 16) == 0 ||
	    kafka_ids_name(ids, id).n)
		return;
	if (ids->n == KAFKA_IDS || name.n > (size_t)(KAFKA_IDS_TEXT - ids->used))
		ids->n = ids->used = 0; /* those still in use are told again with the next answer */
	memcpy(ids->of[ids->n].id, id, 16);
	ids->of[ids->n].at = ids->used;
	ids->of[ids->n].n = (uint16_t)name.n;
	memcpy(ids->text + ids->used, name.p, name.n);
	ids->used += (uint16_t)name.n;
	ids->n++;
}

struct kafka_topic kafka_topic_read(const struct kafka *kafka, struct reader *r, bool by_id,
				    bool compact)
{
	struct kafka_topic topic = {.name = {"", 0}};

	if (!by_id) {
		topic.name = kafka_string(r, compact);
		if (topic.name.n > KAFKA_NAME_MAX)
			topic.name = (struct slice){"", 0};
	} else {
		topic.id = reader_take(r, 16);
		if (topic.id)
			topic.name = kafka_ids_name(&kafka->ids, topic.id);
	}
	return topic;
}

/* The versions that have ids are all flexible; so is what is read here. */
static void brokers_skip(struct reader *r)
{
	for (uint32_t n = kafka_array(r, true); n && !r->bad; n--) {
		reader_skip(r, 4);     /* node */
		kafka_string(r, true); /* host */
		reader_skip(r, 4);     /* port */
		kafka_string(r, true); /* rack */
		kafka_tags_skip(r, true);
	}
}

static void numbers_skip(struct reader *r)
{
	uint32_t n = kafka_array(r, true);

	reader_skip(r, (size_t)n * 4);
}

static void partitions_skip(struct reader *r)
{
	for (uint32_t n = kafka_array(r, true); n && !r->bad; n--) {
		reader_skip(r, 2 + 4 + 4 + 4); /* error, index, leader and its epoch */
		numbers_skip(r);               /* replicas: all, in step, off line */
		numbers_skip(r);
		numbers_skip(r);
		kafka_tags_skip(r, true);
	}
}

void kafka_metadata_answered(struct kafka *kafka, uint16_t version, struct reader *r)
{
	if (version < 10)
		return;
	kafka_tags_skip(r, true);
	reader_skip(r, 4); /* throttle time */
	brokers_skip(r);
	kafka_string(r, true); /* cluster */
	reader_skip(r, 4);     /* controller */
	for (uint32_t n = kafka_array(r, true); n && !r->bad; n--) {
		int16_t error = (int16_t)reader_be16(r);
		struct slice name = kafka_string(r, true);
		const unsigned char *id = reader_take(r, 16);

		if (id && !error)
			learn(&kafka->ids, id, name);
		reader_skip(r, 1); /* internal? */
		partitions_skip(r);
		reader_skip(r, 4); /* operations allowed */
		kafka_tags_skip(r, true);
	}
}
