/* SPDX-License-Identifier: Apache-2.0 */
/* AMQP 0-9-1: frames put together after its specification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/parsers.h"
#include "talker.h"

/* ---- putting frames together ---- */

#define STEPS 512

static char bytes[1 << 17];
static size_t used;
static struct said said[STEPS];
static size_t n;
static size_t frame_at;

static void be(unsigned int width, uint64_t v)
{
	while (width--)
		bytes[used++] = (char)(v >> (width * 8));
}

static void text(const char *s)
{
	be(1, strlen(s));
	memcpy(bytes + used, s, strlen(s));
	used += strlen(s);
}

/* One who speaks: what follows until the next turn is one step. */
static void turn(char who)
{
	said[n++] = (struct said){who, bytes + used, 0};
}

static void frame(unsigned int type, unsigned int channel)
{
	frame_at = used;
	be(1, type);
	be(2, channel);
	be(4, 0);
}

static void end(void)
{
	size_t size = used - frame_at - 7;

	for (unsigned int i = 0; i < 4; i++)
		bytes[frame_at + 3 + i] = (char)(size >> (24 - 8 * i));
	be(1, 0xce);
	said[n - 1].n = (size_t)(bytes + used - said[n - 1].p);
}

static void method(unsigned int channel, unsigned int class, unsigned int number)
{
	frame(1, channel);
	be(2, class);
	be(2, number);
}

static void content(unsigned int channel, const char *body)
{
	frame(2, channel);
	be(2, 60);
	be(2, 0);
	be(8, strlen(body));
	be(2, 0);
	end();
	frame(3, channel);
	memcpy(bytes + used, body, strlen(body));
	used += strlen(body);
	end();
}

static void long_text(char type, const char *name, const char *s)
{
	text(name);
	be(1, (unsigned char)type);
	be(4, strlen(s));
	memcpy(bytes + used, s, strlen(s));
	used += strlen(s);
}

/* A message whose properties have a trace context among values of all types. */
static void content_with_context(unsigned int channel, const char *parent)
{
	size_t table;

	frame(2, channel);
	be(2, 60);
	be(2, 0);
	be(8, 2);
	be(2, 0xe000);
	text("text/plain");
	text("utf-8");
	table = used;
	be(4, 0);
	for (const char *t = "1t1b1B2s2u4I4i8l4f8d5D8T0V"; *t; t += 2) {
		text("other");
		be(1, (unsigned char)t[1]);
		be((unsigned int)(t[0] - '0'), 0);
	}
	long_text('F', "traceparent", "\1aS\0\0\0\0");
	long_text('A', "array", "S....");
	long_text('S', "tracestate", TALKER_STATE);
	long_text('S', "traceparent", parent);
	long_text('S', "traceparent", "the first one counts");
	for (unsigned int i = 0; i < 4; i++)
		bytes[table + i] = (char)((used - table - 4) >> (24 - 8 * i));
	end();
	frame(3, channel);
	be(2, 0x6869);
	end();
}

static const char *context; /* NULL: messages without */

static void publish(unsigned int channel, const char *exchange, const char *key)
{
	turn('>');
	method(channel, 60, 40);
	be(2, 0);
	text(exchange);
	text(key);
	be(1, 0);
	end();
	if (context)
		content_with_context(channel, context);
	else
		content(channel, "\1\0\1\0\0\0\5hello\xce");
}

static void deliver(unsigned int channel, const char *consumer, uint64_t tag, const char *key)
{
	turn('<');
	method(channel, 60, 60);
	text(consumer);
	be(8, tag);
	be(1, 0);
	text("");
	text(key);
	end();
	if (context)
		content_with_context(channel, context);
	else
		content(channel, "a body");
}

static void ack(char who, unsigned int channel, unsigned int number, uint64_t tag,
		unsigned int bits)
{
	turn(who);
	method(channel, 60, number);
	be(8, tag);
	be(1, bits);
	end();
}

static void bare(char who, unsigned int channel, unsigned int class, unsigned int number)
{
	turn(who);
	method(channel, class, number);
	end();
}

static void open_channel(unsigned int channel)
{
	turn('>');
	method(channel, 20, 10);
	text("");
	end();
	turn('<');
	method(channel, 20, 11);
	be(4, 0);
	end();
}

static void confirms(unsigned int channel)
{
	turn('>');
	method(channel, 85, 10);
	be(1, 0);
	end();
	bare('<', channel, 85, 11);
}

static void consume(unsigned int channel, const char *named, const char *tag, bool no_ack)
{
	turn('>');
	method(channel, 60, 20);
	be(2, 0);
	text("tasks");
	text(named);
	be(1, no_ack ? 2 : 0);
	be(4, 0);
	end();
	turn('<');
	method(channel, 60, 21);
	text(tag);
	end();
}

static void get(unsigned int channel, const char *queue)
{
	turn('>');
	method(channel, 60, 70);
	be(2, 0);
	text(queue);
	be(1, 0);
	end();
}

static void get_ok(unsigned int channel, uint64_t tag, const char *exchange, const char *key)
{
	turn('<');
	method(channel, 60, 71);
	be(8, tag);
	be(1, 0);
	text(exchange);
	text(key);
	be(4, 0);
	end();
	if (context)
		content_with_context(channel, context);
	else
		content(channel, "a body");
}

static void get_empty(unsigned int channel)
{
	turn('<');
	method(channel, 60, 72);
	text("");
	end();
}

static void closed(char who, unsigned int channel, unsigned int class, unsigned int code,
		   unsigned int of)
{
	turn(who);
	method(channel, class, class == 10 ? 50 : 40);
	be(2, code);
	text("NO - and why");
	be(2, of ? 60 : 0);
	be(2, of);
	end();
}

static void greeting(void)
{
	turn('>');
	memcpy(bytes + used, "AMQP\0\0\11\1", 8);
	used += 8;
	said[n - 1].n = 8;
	turn('<');
	method(0, 10, 10);
	be(2, 9);
	be(4, 0);
	be(4, 5);
	memcpy(bytes + used, "PLAIN", 5);
	used += 5;
	be(4, 0);
	end();
	turn('>');
	frame(8, 0);
	end();
}

static int anew(void **state)
{
	(void)state;
	used = n = 0;
	context = NULL;
	greeting();
	return 0;
}

#define PUBLISH "messaging amqp op=publish coll="
#define DELIVER "messaging amqp op=deliver coll="
#define GET "messaging amqp op=get coll="

/* The greeting passed before Keyhole came, which does not know who opened the connection either. */
static void joined(const char *expected)
{
	static struct talker t;
	struct talker_how how = {.role = KH_ROLE_UNKNOWN, .server_port = 5672, .join = 3};

	talker_run(&t, &how, said, n);
	assert_string_equal(t.told, expected);
	assert_int_equal(t.open, 0);
	assert_int_equal(t.counters.of[PROTOCOL_AMQP].lost, 0);
}

/* ---- tests ---- */

/* Of channels whose frames are mixed, confirmed or not, delivered, and got. */
static void test_context(void **state)
{
	static const char expected[] =
		PUBLISH "a" TALKER_CONTEXT " action=1\n" PUBLISH "b" TALKER_CONTEXT
			" action=1\n" DELIVER "c" TALKER_CONTEXT " action=3\n" DELIVER
			"c" TALKER_CONTEXT " action=3\n" GET "d" TALKER_CONTEXT " action=2\n";

	(void)state;
	context = TALKER_PARENT;
	open_channel(1);
	open_channel(2);
	confirms(2);
	publish(1, "", "a");
	publish(2, "", "b");
	ack('<', 2, 80, 1, 0);
	consume(1, "", "sure", false);
	consume(2, "", "free", true);
	deliver(1, "sure", 1, "c");
	ack('>', 1, 80, 1, 0);
	deliver(2, "free", 1, "c");
	get(1, "queue");
	get_ok(1, 2, "", "d");
	talker_same(said, n, expected, 100);
	talker_never_wrong(said, n, expected, 1000);
}

/* Two channels' methods before the headers: each header is its own channel's. */
static void test_context_of_mixed_channels(void **state)
{
	(void)state;
	open_channel(1);
	open_channel(2);
	for (unsigned int channel = 1; channel <= 2; channel++) {
		turn('>');
		method(channel, 60, 40);
		be(2, 0);
		text("");
		text(channel == 1 ? "one" : "two");
		be(1, 0);
		end();
	}
	content_with_context(2, "2");
	content_with_context(1, "1");
	talker_same(said, n,
		    PUBLISH "two parent=2 state=" TALKER_STATE " action=1\n" PUBLISH
			    "one parent=1 state=" TALKER_STATE " action=1\n",
		    50);
}

/* A method where a header should be: what was published before is told without. */
static void test_header_that_does_not_come(void **state)
{
	static struct talker t;
	struct talker_how how = {.role = KH_ROLE_CLIENT};

	(void)state;
	open_channel(1);
	turn('>');
	method(1, 60, 40);
	be(2, 0);
	text("");
	text("one");
	be(1, 0);
	end();
	bare('>', 1, 20, 20); /* flow */
	publish(1, "", "two");
	talker_run(&t, &how, said, n);
	assert_string_equal(t.told, PUBLISH "one action=1\n" PUBLISH "two action=1\n");
	assert_int_equal(t.open, 0);
}

static void test_publish_without_confirms(void **state)
{
	static const char expected[] =
		PUBLISH "shop:order.new action=1\n" PUBLISH "tasks action=1\n" PUBLISH
			"logs action=1\n" PUBLISH "amq.default action=1\n";

	(void)state;
	open_channel(1);
	publish(1, "shop", "order.new");
	publish(1, "", "tasks");
	publish(1, "logs", "");
	publish(1, "", "");
	closed('>', 1, 20, 200, 0);
	talker_same(said, n, expected, 100);
	talker_never_wrong(said, n, expected, 200);
}

/* Queues that the broker names are many: what they are is told, not which. */
static void test_made_queues(void **state)
{
	static const char expected[] =
		PUBLISH "amq.gen action=1\n" PUBLISH "amq.rabbitmq.reply-to action=1\n" PUBLISH
			"amq.topic:amq.general action=1\n";

	(void)state;
	open_channel(1);
	publish(1, "", "amq.gen-JzTY20BRgKO-HjmUJj0wLg");
	publish(1, "", "amq.rabbitmq.reply-to.g2dkAA1yZXBseUBhYmM=.x");
	publish(1, "amq.topic", "amq.general");
	closed('>', 1, 20, 200, 0);
	talker_same(said, n, expected, 10);
}

/* One by one, several at once, out of order, and refused. */
static void test_publish_with_confirms(void **state)
{
	static const char expected[] =
		PUBLISH "a action=1\n" PUBLISH "c code=nack action=1 failed\n" PUBLISH
			"b action=1\n" PUBLISH "d action=1\n" PUBLISH "e action=1\n";

	(void)state;
	open_channel(7);
	confirms(7);
	publish(7, "", "a");
	ack('<', 7, 80, 1, 0);
	publish(7, "", "b");
	publish(7, "", "c");
	ack('<', 7, 120, 3, 0);
	ack('<', 7, 80, 2, 0);
	publish(7, "", "d");
	publish(7, "", "e");
	ack('<', 7, 80, 5, 1);
	talker_same(said, n, expected, 100);
	talker_never_wrong(said, n, expected, 400);
}

static void test_channels_have_their_own_tags(void **state)
{
	(void)state;
	open_channel(1);
	confirms(1);
	open_channel(2);
	confirms(2);
	publish(1, "", "a");
	publish(2, "", "b");
	ack('<', 2, 80, 1, 0);
	ack('<', 1, 120, 1, 0);
	talker_same(said, n, PUBLISH "b action=1\n" PUBLISH "a code=nack action=1 failed\n", 100);
}

static void returned(unsigned int channel, const char *key)
{
	turn('<');
	method(channel, 60, 50);
	be(2, 312);
	text("NO_ROUTE");
	text("");
	text(key);
	end();
	if (context)
		content_with_context(channel, context);
	else
		content(channel, "a body");
}

static void test_returned(void **state)
{
	(void)state;
	open_channel(1);
	publish(1, "", "nowhere");
	returned(1, "nowhere");
	confirms(1);
	publish(1, "", "there");
	publish(1, "", "nowhere");
	returned(1, "nowhere");
	ack('<', 1, 80, 2, 1);
	talker_same(said, n,
		    PUBLISH "nowhere action=1\n"
			    "messaging amqp op=return coll=nowhere code=312 failed\n" PUBLISH
			    "there action=1\n" PUBLISH "nowhere code=312 action=1 failed\n",
		    100);
}

static void test_deliver(void **state)
{
	static const char expected[] = DELIVER
		"tasks action=3\n" DELIVER "tasks code=reject action=3 failed\n" DELIVER
		"tasks code=nack action=3 failed\n" DELIVER "tasks code=nack action=3 failed\n";

	(void)state;
	open_channel(1);
	consume(1, "", "amq.ctag-1", false);
	for (uint64_t tag = 1; tag <= 5; tag++)
		deliver(1, "amq.ctag-1", tag, "tasks");
	ack('>', 1, 80, 1, 0);
	ack('>', 1, 90, 2, 1);
	ack('>', 1, 120, 4, 3);
	closed('>', 1, 20, 200, 0); /* the fifth was not processed */
	talker_same(said, n, expected, 100);
	talker_never_wrong(said, n, expected, 400);
}

static void test_deliver_without_acks(void **state)
{
	static const char expected[] = DELIVER "tasks action=3\n" DELIVER "tasks action=3\n";

	(void)state;
	open_channel(1);
	consume(1, "mine", "mine", true);
	deliver(1, "mine", 1, "tasks");
	deliver(1, "mine", 2, "tasks");
	talker_same(said, n, expected, 100);
}

static void test_get(void **state)
{
	static const char expected[] = GET "shop:order.new action=2\n" GET "tasks action=2\n";

	(void)state;
	open_channel(1);
	get(1, "tasks");
	get_ok(1, 1, "shop", "order.new");
	ack('>', 1, 80, 1, 0);
	get(1, "tasks");
	get_empty(1);
	talker_same(said, n, expected, 100);
	talker_never_wrong(said, n, expected, 200);
}

/* What is open when the server closes a channel or the connection fails with its reason. */
static void test_closed_by_the_server(void **state)
{
	(void)state;
	open_channel(1);
	get(1, "none");
	closed('<', 1, 20, 404, 70);
	bare('>', 1, 20, 41);
	open_channel(1);
	confirms(1);
	publish(1, "none", "a");
	closed('<', 1, 20, 404, 40);
	bare('>', 1, 20, 41);
	open_channel(1);
	publish(1, "none", "b");
	closed('<', 1, 20, 404, 40);
	bare('>', 1, 20, 41);
	closed('<', 0, 10, 320, 0);
	talker_same(said, n,
		    GET "none code=404 action=2 failed\n" PUBLISH
			"none:a code=404 action=1 failed\n" PUBLISH "none:b action=1\n"
			"messaging amqp op=channel.close code=404 failed\n"
			"messaging amqp op=connection.close code=320 failed\n",
		    100);
}

/* ---- joined: neither confirms nor acks are known ---- */

static void test_joined_publisher(void **state)
{
	(void)state;
	publish(1, "", "a");
	publish(1, "", "b");
	closed('>', 1, 20, 200, 0);
	joined(PUBLISH "a action=1\n" PUBLISH "b action=1\n");
}

/* The server has a reason for closing: what was published before something else is fine. */
static void test_joined_publisher_closed(void **state)
{
	(void)state;
	publish(1, "", "a");
	publish(1, "", "b");
	get(1, "none");
	closed('<', 1, 20, 404, 70);
	bare('>', 1, 20, 41);
	publish(2, "none", "c");
	closed('<', 2, 20, 404, 40);
	joined(PUBLISH "a action=1\n" PUBLISH "b action=1\n" GET
		       "none code=404 action=2 failed\n" PUBLISH
		       "none:c code=404 action=1 failed\n");
}

static void test_joined_confirmed(void **state)
{
	(void)state;
	publish(1, "", "a");
	ack('<', 1, 80, 41, 0);
	publish(1, "", "b");
	ack('<', 1, 120, 42, 0);
	publish(1, "", "c");
	publish(1, "", "d");
	ack('<', 1, 80, 44, 1);
	joined(PUBLISH "a action=1\n" PUBLISH "b code=nack action=1 failed\n" PUBLISH
		       "c action=1\n" PUBLISH "d action=1\n");
}

/* The first confirm is of a publish before: that shows once one comes that is higher. */
static void test_joined_pipelined(void **state)
{
	(void)state;
	publish(1, "", "a");
	publish(1, "", "b");
	ack('<', 1, 80, 41, 0);
	ack('<', 1, 80, 43, 1);
	publish(1, "", "c");
	ack('<', 1, 120, 44, 0);
	joined(PUBLISH "a action=1\n" PUBLISH "b action=1\n" PUBLISH
		       "c code=nack action=1 failed\n");
}

static void test_joined_consumer(void **state)
{
	(void)state;
	deliver(1, "c", 17, "tasks");
	ack('>', 1, 80, 17, 0);
	deliver(1, "c", 18, "tasks");
	ack('>', 1, 120, 18, 0);
	joined(DELIVER "tasks action=3\n" DELIVER "tasks code=nack action=3 failed\n");
}

static void test_joined_consumer_without_acks(void **state)
{
	static char expected[8192];

	(void)state;
	for (uint64_t tag = 1; tag <= 40; tag++) {
		deliver(1, "c", tag, "tasks");
		strcat(expected, DELIVER "tasks action=3\n");
	}
	joined(expected);
}

static void test_too_many_channels(void **state)
{
	struct talker_how how = {.role = KH_ROLE_CLIENT};
	static struct talker t;

	(void)state;
	for (unsigned int channel = 1; channel <= 33; channel++)
		open_channel(channel);
	publish(32, "", "a");
	publish(33, "", "b");
	talker_run(&t, &how, said, n);
	assert_string_equal(t.told, PUBLISH "a action=1\n");
	assert_int_equal(t.counters.of[PROTOCOL_AMQP].lost, 1);
	assert_int_equal(t.counters.of[PROTOCOL_AMQP].connections, 1);
}

/* A body longer than anything captured, in two frames. */
static void test_long_body(void **state)
{
	static char body[40000];
	struct talker_how how = {.role = KH_ROLE_SERVER};
	static struct talker t;

	(void)state;
	open_channel(1);
	turn('>');
	method(1, 60, 40);
	be(2, 0);
	text("");
	text("a");
	be(1, 0);
	end();
	for (unsigned int i = 0; i < 2; i++) {
		frame(3, 1);
		memcpy(bytes + used, body, sizeof(body));
		used += sizeof(body);
		end();
	}
	publish(1, "", "b");
	closed('>', 0, 10, 200, 0);
	talker_run(&t, &how, said, n);
	assert_string_equal(t.told, PUBLISH "a action=1\n" PUBLISH "b action=1\n");
	assert_int_equal(t.counters.of[PROTOCOL_AMQP].gaps, 1);
	assert_int_equal(t.open, 0);
}

/* An AMQP 1.0 client is none of these, nor is one that the server answers with its version. */
static void test_not_amqp(void **state)
{
	static const struct said other[] = {CLIENT("AMQP\0\1\0\0"), SERVER("AMQP\0\1\0\0")};
	struct talker_how how = {.role = KH_ROLE_CLIENT};
	static struct talker t;

	(void)state;
	talker_run(&t, &how, other, TALKER_N(other));
	assert_int_equal(t.counters.of[PROTOCOL_AMQP].connections, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_publish_without_confirms, anew),
		cmocka_unit_test_setup(test_made_queues, anew),
		cmocka_unit_test_setup(test_context, anew),
		cmocka_unit_test_setup(test_context_of_mixed_channels, anew),
		cmocka_unit_test_setup(test_header_that_does_not_come, anew),
		cmocka_unit_test_setup(test_publish_with_confirms, anew),
		cmocka_unit_test_setup(test_channels_have_their_own_tags, anew),
		cmocka_unit_test_setup(test_returned, anew),
		cmocka_unit_test_setup(test_deliver, anew),
		cmocka_unit_test_setup(test_deliver_without_acks, anew),
		cmocka_unit_test_setup(test_get, anew),
		cmocka_unit_test_setup(test_closed_by_the_server, anew),
		cmocka_unit_test_setup(test_joined_publisher, anew),
		cmocka_unit_test_setup(test_joined_publisher_closed, anew),
		cmocka_unit_test_setup(test_joined_confirmed, anew),
		cmocka_unit_test_setup(test_joined_pipelined, anew),
		cmocka_unit_test_setup(test_joined_consumer, anew),
		cmocka_unit_test_setup(test_joined_consumer_without_acks, anew),
		cmocka_unit_test_setup(test_too_many_channels, anew),
		cmocka_unit_test_setup(test_long_body, anew),
		cmocka_unit_test_setup(test_not_amqp, NULL),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
