/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka, between its parser's files. Source of all layouts: Apache Kafka's message definitions
 * (clients/src/main/resources/common/message), the protocol guide, and KIP-482 (flexible versions),
 * KIP-227 (fetch sessions), KIP-516 (topic ids).
 *
 * What is told: one exchange per topic of a Produce (operation "publish", MESSAGING_SEND) and of a
 * Fetch ("poll", MESSAGING_RECEIVE, waits). All other requests move no message; they are read only
 * where later ones need it (topic ids, the consumer's group, SASL).
 *
 * Of an answer, the first PARSER_WANT_MAX bytes are read: an error that stands behind records of
 * that length is not seen. Where fewer were captured than that, what they would have said is lost.
 */
#ifndef KEYHOLE_PROTOCOL_KAFKA_H
#define KEYHOLE_PROTOCOL_KAFKA_H

#include "parser.h"
#include "reader.h"

#define KAFKA_FRAME_MAX (256u << 20) /* bytes of a message; a broker's default is 100 MiB */

#define KAFKA_TOPICS_MAX 32 /* topics of one request that are told; the others are lost */
#define KAFKA_IDS 32        /* topic ids known of a connection */
#define KAFKA_IDS_TEXT 2048 /* bytes of all their names */
#define KAFKA_NAME_MAX 249  /* bytes of a topic's name (Kafka's own limit) */
#define KAFKA_GROUP_MAX 255 /* bytes of a group's name; longer: unknown */
#define KAFKA_NOTED 8       /* requests whose answers are read but not told */
#define KAFKA_NEAR 65536    /* a correlation id this near to the newest is believed */

enum kafka_api {
	KAFKA_PRODUCE = 0,
	KAFKA_FETCH = 1,
	KAFKA_METADATA = 3,
	KAFKA_OFFSET_COMMIT = 8,
	KAFKA_JOIN_GROUP = 11,
	KAFKA_HEARTBEAT = 12,
	KAFKA_SYNC_GROUP = 14,
	KAFKA_SASL_HANDSHAKE = 17,
	KAFKA_API_VERSIONS = 18,
	KAFKA_GROUP_HEARTBEAT = 68,
};

/* Of a request; an answer has that of what it answers, but for its own `cut`. */
struct kafka_head {
	uint16_t api, version;
	uint32_t size; /* of the whole message, its length field included */
	uint32_t correlation;
	bool cut;   /* bytes of it that were wanted were not captured */
	bool named; /* the client says its name */
};

/* By name or, in newer versions, by id. */
struct kafka_topic {
	struct slice name;       /* "" where it is not known */
	const unsigned char *id; /* 16 bytes, or NULL */
};

/* Ids and names, as Metadata answers told them. Full: begins anew. */
struct kafka_ids {
	struct {
		unsigned char id[16];
		uint16_t at, n; /* in text */
	} of[KAFKA_IDS];
	uint16_t n, used;
	char text[KAFKA_IDS_TEXT];
};

/* The topics that an incremental Fetch does not repeat. Known only while there is one. */
struct kafka_session {
	bool one;
	uint8_t name_n;
	bool by_id;
	unsigned char id[16];
	char name[KAFKA_NAME_MAX];
};

struct kafka_noted {
	uint32_t correlation;
	uint8_t api, version;
	bool open;
};

struct kafka {
	uint32_t newest; /* correlation id of the last request */
	bool asked;      /* there was one */
	bool answers_lost;
	bool raw;          /* SASL tokens without header may follow */
	uint8_t raw_asked; /* of them, those not answered */
	uint8_t noted_next, group_n;
	struct kafka_noted noted[KAFKA_NOTED];
	char group[KAFKA_GROUP_MAX];
	struct kafka_session session;
	struct kafka_ids ids;
};

/* ---- kafka_names.c ---- */

/* The key and version may be real ones: later brokers raise the versions, so some more will do. */
bool kafka_version_fits(uint16_t api, uint16_t version);
bool kafka_flexible(uint16_t api, uint16_t version);

/* "NOT_LEADER_OR_FOLLOWER", or the number in `number`. */
#define KAFKA_NUMBER 8
struct slice kafka_error_name(int16_t error, char number[KAFKA_NUMBER]);

/* ---- kafka_read.c ---- */

struct slice kafka_string(struct reader *r, bool compact); /* null: "" */
uint32_t kafka_array(struct reader *r, bool compact);      /* its elements; null: 0 */
struct slice kafka_bytes(struct reader *r, bool compact);  /* as many as there are; then r is bad */
void kafka_tags_skip(struct reader *r, bool flexible);

/*
 * Record batches (magic 2), as many of their bytes as there are: the headers of the first record,
 * where it is not compressed and all of it is there. Of a call that has a trace context already,
 * nothing is read.
 */
void kafka_records_read(struct call *call, struct slice batches);

/* The head of a request at b. CUT_MORE: 14 bytes are needed. */
enum cut kafka_request_head(struct slice b, struct kafka_head *head);

/* ---- kafka_bodies.c: the reader stands behind the header ---- */

void kafka_produce_asked(struct talk *talk, const struct kafka_head *head, struct reader *r);
void kafka_fetch_asked(struct talk *talk, const struct kafka_head *head, struct reader *r);
void kafka_produce_answered(struct talk *talk, const struct kafka_head *head, struct reader *r);
void kafka_fetch_answered(struct talk *talk, const struct kafka_head *head, struct reader *r);

/* ---- kafka_topics.c ---- */

void kafka_metadata_answered(struct kafka *kafka, uint16_t version, struct reader *r);
struct slice kafka_ids_name(const struct kafka_ids *ids, const unsigned char id[16]);

/* The topic at r, by name or id as `by_id` says; an id that is known has its name. */
struct kafka_topic kafka_topic_read(const struct kafka *kafka, struct reader *r, bool by_id,
				    bool compact);

#endif
