/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka: messages put together after Apache Kafka's message definitions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/parsers.h"
#include "talker.h"

/* ---- putting messages together ---- */

#define MESSAGES 64

static char bytes[1 << 17];
static size_t used;
static struct said said[MESSAGES];
static size_t n;
static bool flexible;

static void be(unsigned int width, uint64_t v)
{
	while (width--)
		bytes[used++] = (char)(v >> (width * 8));
}

static void text(const char *s) /* a string in the encoding of the version */
{
	size_t len = strlen(s);

	if (flexible)
		be(1, len + 1);
	else
		be(2, len);
	memcpy(bytes + used, s, len);
	used += len;
}

static void count(unsigned int elements)
{
	if (flexible)
		be(1, elements + 1);
	else
		be(4, elements);
}

static void tags(void)
{
	if (flexible)
		be(1, 0);
}

static void uuid(unsigned char first)
{
	be(8, (uint64_t)first << 56 | 0x1234);
	be(8, 0x5678);
}

static void begin(char who)
{
	said[n].who = who;
	said[n].p = bytes + used;
	be(4, 0);
}

static void end(void)
{
	char *p = (char *)said[n].p;
	size_t size = (size_t)(bytes + used - p);

	said[n++].n = size;
	for (unsigned int i = 0; i < 4; i++)
		p[i] = (char)((size - 4) >> (24 - 8 * i));
}

static void ask(unsigned int api, unsigned int version, unsigned int id, bool is_flexible)
{
	begin('>');
	be(2, api);
	be(2, version);
	be(4, id);
	flexible = false;
	text("shop");
	flexible = is_flexible;
	tags();
}

static void answer(unsigned int id, bool is_flexible)
{
	begin('<');
	be(4, id);
	flexible = is_flexible;
	tags();
}

/* ---- record batches ---- */

enum records {
	WITH_CONTEXT,
	NO_RECORDS, /* as brokers answer where there is nothing new */
	COMPRESSED,
	CONTROL,
	OLD_MAGIC,
	NO_HEADERS,
	LONG_VALUE, /* the headers are not captured */
};

static void put_varint(int64_t v)
{
	uint64_t z = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);

	for (; z >= 128; z >>= 7)
		be(1, (z & 127) | 128);
	be(1, z);
}

static void put_bytes(const char *s)
{
	put_varint((int64_t)strlen(s));
	memcpy(bytes + used, s, strlen(s));
	used += strlen(s);
}

static void record(enum records how)
{
	static char value[5000];
	size_t at = used, size;
	char copy[8192];

	memset(value, 'v', how == LONG_VALUE ? sizeof(value) - 1 : 5);
	value[how == LONG_VALUE ? sizeof(value) - 1 : 5] = '\0';
	be(1, 0);
	put_varint(1000);
	put_varint(0);
	put_varint(-1); /* no key */
	put_bytes(value);
	put_varint(how == NO_HEADERS ? 0 : 3);
	if (how != NO_HEADERS) {
		put_bytes("other");
		put_varint(-1); /* null */
		put_bytes("traceparent");
		put_bytes(TALKER_PARENT);
		put_bytes("tracestate");
		put_bytes(TALKER_STATE);
	}
	size = used - at;
	memcpy(copy, bytes + at, size);
	used = at;
	put_varint((int64_t)size);
	memcpy(bytes + used, copy, size);
	used += size;
}

/* A partition's records, its length before them. */
static void batches(enum records how)
{
	char copy[16384];
	size_t at = used, size;

	be(8, 7);
	be(4, 0); /* nobody reads its length or checksum */
	be(4, 0);
	be(1, how == OLD_MAGIC ? 1 : 2);
	be(4, 0);
	be(2, how == COMPRESSED ? 1 : how == CONTROL ? 0x20 : 0);
	be(4, 1);
	be(8, 0);
	be(8, 0);
	be(8, (uint64_t)-1);
	be(2, 0xffff);
	be(4, (uint64_t)-1);
	be(4, 2);
	record(how);
	record(NO_HEADERS);
	size = how == NO_RECORDS ? 0 : used - at;
	memcpy(copy, bytes + at, size);
	used = at;
	if (flexible)
		for (uint64_t z = size + 1; z; z >>= 7)
			be(1, (z & 127) | (z >= 128 ? 128 : 0));
	else
		be(4, size);
	memcpy(bytes + used, copy, size);
	used += size;
}

static bool of_records; /* else a few bytes that are none */
static enum records records_as;

static void produce(unsigned int id, unsigned int version, int acks, const char *topic,
		    const char *other)
{
	ask(0, version, id, version >= 9);
	if (version >= 3)
		be(flexible ? 1 : 2, flexible ? 0 : 0xffff); /* no transaction */
	be(2, (uint64_t)acks);
	be(4, 30000);
	count(other ? 2 : 1);
	for (const char *t = topic; t; t = t == topic ? other : NULL) {
		text(t);
		count(1);
		be(4, 0);
		if (of_records) {
			batches(records_as);
		} else {
			count(7);
			memcpy(bytes + used, "records", 7);
			used += 7;
		}
		tags();
		tags();
	}
	tags();
	end();
}

static void produced_topic(unsigned int version, const char *topic, int error, int error2)
{
	text(topic);
	count(2);
	for (unsigned int i = 0; i < 2; i++) {
		be(4, i);
		be(2, (uint64_t)(i ? error2 : error));
		be(8, 42);
		if (version >= 2)
			be(8, 0);
		if (version >= 5)
			be(8, 0);
		if (version >= 8) {
			count(0);
			be(flexible ? 1 : 2, flexible ? 0 : 0xffff);
		}
		tags();
	}
	tags();
}

static void produced(unsigned int id, unsigned int version, const char *topic, int error)
{
	answer(id, version >= 9);
	count(1);
	produced_topic(version, topic, 0, error);
	if (version >= 1)
		be(4, 0);
	tags();
	end();
}

/* A topic by name, or (version 13) by the id that begins with name[0]. */
static void named(unsigned int version, const char *name)
{
	if (version >= 13)
		uuid((unsigned char)name[0]);
	else
		text(name);
}

static void fetch(unsigned int id, unsigned int version, int epoch, const char *topic,
		  const char *other)
{
	ask(1, version, id, version >= 12);
	be(4, (uint64_t)-1); /* no replica */
	be(4, 500);
	be(4, 1);
	if (version >= 3)
		be(4, 1 << 20);
	if (version >= 4)
		be(1, 0);
	if (version >= 7) {
		be(4, epoch > 0 ? 99 : 0);
		be(4, (uint64_t)epoch);
	}
	count(other ? 2 : topic ? 1 : 0);
	for (const char *t = topic; t; t = t == topic ? other : NULL) {
		named(version, t);
		count(1);
		be(4, 0);
		if (version >= 9)
			be(4, 0);
		be(8, 5);
		if (version >= 12)
			be(4, 0);
		if (version >= 5)
			be(8, 0);
		be(4, 1 << 20);
		tags();
		tags();
	}
	if (version >= 7)
		count(0); /* forgotten */
	if (version >= 11)
		text("");
	tags();
	end();
}

static void fetched_topic(unsigned int version, const char *topic, int error)
{
	named(version, topic);
	count(1);
	be(4, 0);
	be(2, (uint64_t)error);
	be(8, 9);
	if (version >= 4)
		be(8, 9);
	if (version >= 5)
		be(8, 0);
	if (version >= 4)
		count(0);
	if (version >= 11)
		be(4, 0);
	if (of_records) {
		batches(records_as);
	} else {
		count(5);
		memcpy(bytes + used, "batch", 5);
		used += 5;
	}
	tags();
	tags();
}

static void fetched(unsigned int id, unsigned int version, int error, const char *topic, int error1,
		    const char *other, int error2)
{
	answer(id, version >= 12);
	if (version >= 1)
		be(4, 0);
	if (version >= 7) {
		be(2, (uint64_t)error);
		be(4, 99);
	}
	count(other ? 2 : topic ? 1 : 0);
	if (topic)
		fetched_topic(version, topic, error1);
	if (other)
		fetched_topic(version, other, error2);
	tags();
	end();
}

static void metadata(unsigned int id, const char *topic, const char *other)
{
	ask(3, 12, id, true);
	count(0);
	be(3, 0);
	tags();
	end();

	answer(id, true);
	be(4, 0);
	count(1); /* brokers */
	be(4, 1);
	text("broker");
	be(4, 9092);
	be(1, 0);
	tags();
	text("cluster");
	be(4, 1);
	count(other ? 2 : 1);
	for (const char *t = topic; t; t = t == topic ? other : NULL) {
		be(2, 0);
		text(t);
		uuid((unsigned char)t[0]);
		be(1, 0);
		count(1);
		be(2, 0);
		be(4, 0);
		be(4, 1);
		be(4, 0);
		for (unsigned int i = 0; i < 3; i++) {
			count(1);
			be(4, 1);
		}
		tags();
		be(4, 0);
		tags();
	}
	tags();
	end();
}

static void api_versions(unsigned int id)
{
	ask(18, 3, id, true);
	text("librdkafka");
	text("2.0");
	tags();
	end();
	answer(id, false); /* its header is always the old one */
	be(2, 0);
	be(1, 1);
	be(4, 0);
	be(1, 0);
	end();
}

static int anew(void **state)
{
	(void)state;
	used = n = 0;
	of_records = false;
	api_versions(0); /* as every client begins: short enough to be known byte by byte */
	return 0;
}

#define PUBLISH "messaging kafka op=publish coll="
#define POLL "messaging kafka op=poll coll="

/* ---- tests ---- */

static void test_produce_of_each_version(void **state)
{
	char expected[4096] = "";

	(void)state;
	for (unsigned int version = 0; version <= 12; version++) {
		produce(2 + version, version, -1, "orders", NULL);
		produced(2 + version, version, "orders", 0);
		strcat(expected, PUBLISH "orders action=1\n");
	}
	talker_same(said, n, expected, 20);
	talker_never_wrong(said, n, expected, 100);
}

/* The first record's headers, of what is produced as of what is fetched. */
static void test_context(void **state)
{
	static const char expected[] =
		PUBLISH "orders" TALKER_CONTEXT " action=1\n" PUBLISH "orders" TALKER_CONTEXT
			" action=1\n" POLL "orders" TALKER_CONTEXT " action=2 waits\n" POLL
			"orders" TALKER_CONTEXT " action=2 waits\n";

	(void)state;
	of_records = true;
	records_as = WITH_CONTEXT;
	produce(1, 3, 1, "orders", NULL);
	produced(1, 3, "orders", 0);
	produce(2, 9, 1, "orders", NULL);
	produced(2, 9, "orders", 0);
	fetch(3, 4, 0, "orders", NULL);
	fetched(3, 4, 0, "orders", 0, NULL, 0);
	fetch(4, 12, 0, "orders", NULL);
	fetched(4, 12, 0, "orders", 0, NULL, 0);
	talker_same(said, n, expected, 50);
	talker_never_wrong(said, n, expected, 1000);
}

/* Each topic has its own. */
static void test_context_by_topic(void **state)
{
	(void)state;
	of_records = true;
	records_as = WITH_CONTEXT;
	produce(1, 9, 0, "orders", "bills");
	talker_same(said, n,
		    PUBLISH "orders" TALKER_CONTEXT " action=1\n" PUBLISH "bills" TALKER_CONTEXT
			    " action=1\n",
		    20);
}

static void test_records_without_context(void **state)
{
	(void)state;
	for (records_as = NO_RECORDS; records_as <= LONG_VALUE; records_as++) {
		anew(state);
		of_records = true;
		produce(1, 9, 1, "orders", NULL);
		produced(1, 9, "orders", 0);
		fetch(2, 12, 0, "orders", NULL);
		fetched(2, 12, 0, "orders", 0, NULL, 0);
		talker_same(said, n, PUBLISH "orders action=1\n" POLL "orders action=2 waits\n",
			    10);
	}
}

static void test_fetch_of_each_version(void **state)
{
	char expected[4096] = "";

	(void)state;
	for (unsigned int version = 0; version <= 12; version++) {
		fetch(2 + version, version, -1, "orders", NULL);
		fetched(2 + version, version, 0, "orders", 0, NULL, 0);
		strcat(expected, POLL "orders action=2 waits\n");
	}
	talker_same(said, n, expected, 20);
	talker_never_wrong(said, n, expected, 100);
}

/* The second partition's error is the topic's; a number that has no name here stays one. */
static void test_errors(void **state)
{
	(void)state;
	produce(1, 7, 1, "orders", NULL);
	produced(1, 7, "orders", 6);
	produce(2, 9, 1, "orders", NULL);
	produced(2, 9, "orders", 1234);
	fetch(3, 11, -1, "orders", NULL);
	fetched(3, 11, 0, "orders", 1, NULL, 0);
	fetch(4, 12, -1, "orders", NULL);
	fetched(4, 12, 70, NULL, 0, NULL, 0);
	talker_same(said, n,
		    PUBLISH "orders code=NOT_LEADER_OR_FOLLOWER action=1 failed\n" PUBLISH
			    "orders code=1234 action=1 failed\n" POLL
			    "orders code=OFFSET_OUT_OF_RANGE action=2 failed waits\n" POLL
			    "orders code=FETCH_SESSION_ID_NOT_FOUND action=2 failed waits\n",
		    50);
}

/* What stands before it has another length in each version. */
static void test_an_error_behind_in_each_version(void **state)
{
	char expected[8192] = "";

	(void)state;
	for (unsigned int version = 0; version <= 12; version++) {
		produce(2 * version + 1, version, -1, "orders", NULL);
		produced(2 * version + 1, version, "orders", 6);
		fetch(2 * version + 2, version, -1, "bills", "orders");
		fetched(2 * version + 2, version, 0, "bills", 0, "orders", 3);
		strcat(expected,
		       PUBLISH "orders code=NOT_LEADER_OR_FOLLOWER action=1 failed\n" POLL
			       "bills action=2 waits\n" POLL
			       "orders code=UNKNOWN_TOPIC_OR_PARTITION action=2 failed waits\n");
	}
	talker_same(said, n, expected, 5);
}

static void test_one_exchange_per_topic(void **state)
{
	static const char expected[] =
		PUBLISH "orders action=1\n" PUBLISH
			"bills code=TOPIC_AUTHORIZATION_FAILED action=1 failed\n" POLL
			"orders code=UNKNOWN_TOPIC_OR_PARTITION action=2 failed waits\n" POLL
			"bills action=2 waits\n";

	(void)state;
	produce(1, 9, -1, "orders", "bills");
	answer(1, true);
	count(2);
	produced_topic(9, "bills", 29, 0);
	produced_topic(9, "orders", 0, 0);
	be(4, 0);
	tags();
	end();
	fetch(2, 11, -1, "orders", "bills");
	fetched(2, 11, 0, "bills", 0, "orders", 3);
	talker_same(said, n, expected, 50);
	talker_never_wrong(said, n, expected, 200);
}

/* acks=0: the next request follows, and what is answered is that one. */
static void test_no_answer_wanted(void **state)
{
	static const char expected[] = PUBLISH "logs action=1\n" PUBLISH "logs action=1\n" PUBLISH
					       "orders action=1\n" PUBLISH "logs action=1\n";

	(void)state;
	produce(2, 7, 0, "logs", NULL);
	produce(3, 7, 0, "logs", NULL);
	produce(4, 7, 1, "orders", NULL);
	produced(4, 7, "orders", 0);
	produce(5, 9, 0, "logs", NULL);
	talker_same(said, n, expected, 50);
}

static void test_pipelined(void **state)
{
	(void)state;
	produce(1, 7, 1, "a", NULL);
	produce(2, 7, 1, "b", NULL);
	produce(3, 7, 1, "c", NULL);
	produced(1, 7, "a", 0);
	produced(2, 7, "b", 7);
	produced(3, 7, "c", 0);
	talker_same(said, n,
		    PUBLISH "a action=1\n" PUBLISH
			    "b code=REQUEST_TIMED_OUT action=1 failed\n" PUBLISH "c action=1\n",
		    50);
}

/* Names of ids come from Metadata; until then a topic has none. */
static void test_topic_ids(void **state)
{
	static const char expected[] =
		"messaging kafka op=poll action=2 waits\n" POLL "orders action=2 waits\n" POLL
		"bills code=UNKNOWN_TOPIC_ID action=2 failed waits\n";

	(void)state;
	fetch(1, 13, -1, "orders", NULL);
	fetched(1, 13, 0, "orders", 0, NULL, 0);
	metadata(2, "orders", "bills");
	fetch(3, 13, -1, "orders", "bills");
	fetched(3, 13, 0, "bills", 100, "orders", 0);
	talker_same(said, n, expected, 50);
}

/* Incremental fetches (KIP-227) name only what is new: a session of one topic is that topic's. */
static void test_session(void **state)
{
	(void)state;
	fetch(1, 11, 0, "orders", NULL);
	fetched(1, 11, 0, "orders", 0, NULL, 0);
	fetch(2, 11, 1, NULL, NULL);
	fetched(2, 11, 0, NULL, 0, NULL, 0);
	fetch(3, 11, 2, "orders", NULL);
	fetched(3, 11, 0, "orders", 0, NULL, 0);
	fetch(4, 11, 3, "bills", NULL); /* now there are two: the answer tells which */
	fetched(4, 11, 0, "bills", 0, "orders", 1);
	fetch(5, 11, 4, NULL, NULL);
	fetched(5, 11, 0, NULL, 0, NULL, 0);
	talker_same(said, n,
		    POLL "orders action=2 waits\n" POLL "orders action=2 waits\n" POLL
			 "orders action=2 waits\n" POLL "bills action=2 waits\n" POLL
			 "orders code=OFFSET_OUT_OF_RANGE action=2 failed waits\n"
			 "messaging kafka op=poll action=2 waits\n",
		    50);
}

static void test_group(void **state)
{
	(void)state;
	ask(11, 5, 1, false);
	text("readers");
	be(4, 30000);
	end();
	answer(1, false);
	be(2, 79);
	end();
	fetch(2, 11, -1, "orders", NULL);
	fetched(2, 11, 0, "orders", 0, NULL, 0);
	talker_same(said, n, POLL "orders group=readers action=2 waits\n", 50);
}

/* SaslHandshake 0: tokens without a header until the next request. */
static void test_sasl_tokens(void **state)
{
	(void)state;
	ask(17, 0, 1, false);
	text("PLAIN");
	end();
	answer(1, false);
	be(2, 0);
	count(0);
	end();
	begin('>');
	memcpy(bytes + used, "\0user\0secret", 12);
	used += 12;
	end();
	begin('<');
	end();
	produce(2, 2, 1, "orders", NULL);
	produced(2, 2, "orders", 0);
	talker_same(said, n, PUBLISH "orders action=1\n", 50);
}

/* Requests after the end of a capture count; their topics are not known, and are not guessed. */
static void test_long_produce(void **state)
{
	static char block[30000];
	struct talker_how how = {.role = KH_ROLE_SERVER};
	static struct talker t;
	size_t first;

	(void)state;
	first = n;
	produce(2, 7, 1, "orders", NULL);
	/* the one partition's records are longer than anything that is captured */
	memcpy(block, said[first].p, said[first].n);
	block[1] = 0;
	block[2] = (char)((sizeof(block) - 4) >> 8);
	block[3] = (char)(sizeof(block) - 4);
	block[said[first].n - 11] = 0;
	block[said[first].n - 9] = (char)((sizeof(block) - said[first].n + 7) >> 8);
	block[said[first].n - 8] = (char)(sizeof(block) - said[first].n + 7);
	said[first] = (struct said){'>', block, sizeof(block)};
	produced(2, 7, "orders", 0);
	talker_run(&t, &how, said, n);
	assert_string_equal(t.told, PUBLISH "orders action=1\n");
	assert_int_equal(t.open, 0);
}

/* A consumer that ends while it waits for records has not failed. */
static void test_poll_at_the_end(void **state)
{
	struct talker_how how = {.role = KH_ROLE_CLIENT};
	static struct talker t;

	(void)state;
	fetch(2, 11, -1, "orders", NULL);
	said[n++] = (struct said){'C', "", 0};
	talker_run(&t, &how, said, n);
	assert_string_equal(t.told, "");
	assert_int_equal(t.open, 0);
}

/* Bytes that could be a request, but whose answer is another's. */
static void test_not_kafka(void **state)
{
	struct talker_how how = {.role = KH_ROLE_CLIENT};
	static struct talker t;

	(void)state;
	used = n = 0;
	produce(1, 7, 1, "orders", NULL);
	produced(2, 7, "orders", 0);
	talker_run(&t, &how, said, n);
	assert_string_equal(t.told, "");
	assert_int_equal(t.counters.of[PROTOCOL_KAFKA].connections, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_produce_of_each_version, anew),
		cmocka_unit_test_setup(test_fetch_of_each_version, anew),
		cmocka_unit_test_setup(test_context, anew),
		cmocka_unit_test_setup(test_context_by_topic, anew),
		cmocka_unit_test_setup(test_records_without_context, anew),
		cmocka_unit_test_setup(test_errors, anew),
		cmocka_unit_test_setup(test_an_error_behind_in_each_version, anew),
		cmocka_unit_test_setup(test_one_exchange_per_topic, anew),
		cmocka_unit_test_setup(test_no_answer_wanted, anew),
		cmocka_unit_test_setup(test_pipelined, anew),
		cmocka_unit_test_setup(test_topic_ids, anew),
		cmocka_unit_test_setup(test_session, anew),
		cmocka_unit_test_setup(test_group, anew),
		cmocka_unit_test_setup(test_sasl_tokens, anew),
		cmocka_unit_test_setup(test_long_produce, anew),
		cmocka_unit_test_setup(test_poll_at_the_end, anew),
		cmocka_unit_test_setup(test_not_kafka, anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
