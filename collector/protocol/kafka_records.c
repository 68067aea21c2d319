/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka: the headers of a record (KIP-82), in a batch of magic 2 (KIP-98; clients/src/main/java/
 * org/apache/kafka/common/record/DefaultRecordBatch.java and DefaultRecord.java have the layout).
 */
#include "kafka.h"

#define BATCH_HEAD 61 /* bytes before its first record */
#define MAGIC_AT 16
#define ATTRIBUTES_AT 21
#define COUNT_AT 57
#define MAGIC 2
#define COMPRESSED 0x07 /* of the attributes */
#define CONTROL 0x20    /* a marker of transactions */

/* Zigzag, of at most ten bytes. */
static int64_t varint(struct reader *r)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		uint8_t byte = reader_u8(r);

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
	}
	r->bad = true;
	r->n = 0;
	return 0;
}

/* Null, whose length is -1: "". */
static struct slice bytes(struct reader *r)
{
	int64_t n = varint(r);

	return reader_text(r, n > 0 ? (size_t)n : 0);
}

/* The record ends where it says it does, or what was read of it is no record. */
static void read_record(struct call *call, struct reader *batch)
{
	int64_t size = varint(batch);
	struct slice record = reader_text(batch, size > 0 ? (size_t)size : SIZE_MAX);
	struct reader r = reader_of(record);

	reader_skip(&r, 1); /* attributes */
	varint(&r);         /* time and offset, from the batch's on */
	varint(&r);
	bytes(&r); /* key */
	bytes(&r); /* value */
	for (int64_t n = varint(&r); n > 0 && !r.bad; n--) {
		struct slice name = bytes(&r), value = bytes(&r);

		if (!r.bad)
			call_header(call, name, value);
	}
}

static bool is_of_records(struct slice batch)
{
	const unsigned char *p = (const unsigned char *)batch.p;

	return batch.n > BATCH_HEAD && p[MAGIC_AT] == MAGIC &&
	       !(p[ATTRIBUTES_AT + 1] & (COMPRESSED | CONTROL)) &&
	       (p[COUNT_AT] | p[COUNT_AT + 1] | p[COUNT_AT + 2] | p[COUNT_AT + 3]);
}

void kafka_records_read(struct call *call, struct slice batches)
{
	struct reader r = reader_of(batches);

	if (!call || !is_of_records(batches) || call_text(call, CALL_TRACEPARENT).n)
		return;
	reader_skip(&r, BATCH_HEAD);
	read_record(call, &r);
}
