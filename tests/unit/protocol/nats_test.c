/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "talker.h"

static struct talker t;

/* The payloads begin like a message, but are none: who joins within one that is cannot tell. */
static const struct said usual[] = {
	SERVER("INFO {\"server_id\":\"N\",\"version\":\"2.9.10\",\"headers\":true}\r\n"),
	CLIENT("CONNECT {\"verbose\":false,\"pass\":\"s3cret\"}\r\nPING\r\n"),
	SERVER("PONG\r\n"),
	CLIENT("SUB orders.* q1 1\r\nsub _INBOX.Xy.* 2\r\n"),
	CLIENT("PUB orders.new 11\r\nPUB x 4\r\nab\r\n"),
	CLIENT("pub\torders.new  reply.to 0\r\n\r\n"),
	SERVER("MSG orders.new 1 11\r\nPUB x 4\r\nab\r\n"),
	CLIENT("PUB ask _INBOX.Xy.1 2\r\nhi\r\n"),
	SERVER("MSG _INBOX.Xy.1 2 2\r\nyo\r\n"),
	CLIENT("HPUB ask _INBOX.Xy.2 35 37\r\nNATS/1.0\r\nTraceParent: 00-11-22\r\n\r\nhi\r\n"),
	SERVER("HMSG _INBOX.Xy.2 2 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"),
	SERVER("PING\r\n"),
	CLIENT("PONG\r\n"),
	SERVER("-ERR 'Permissions Violation for Publish to \"a\"'\r\n"),
	CLIENT("UNSUB 1\r\n"),
	SERVER("HMSG a 1 r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n"),
};
static const char told[] =
	"messaging nats op=publish coll=orders.new action=1\n"
	"messaging nats op=publish coll=orders.new action=1\n"
	"messaging nats op=process coll=orders.new action=3\n"
	"messaging nats op=request coll=ask action=1\n"
	"messaging nats op=request coll=ask code=503 parent=00-11-22 action=1 failed\n"
	"messaging nats op=process coll=a action=3\n";

static void test_usual(void **state)
{
	(void)state;
	talker_same(usual, TALKER_N(usual), told, 100);
}

static void test_never_wrong(void **state)
{
	(void)state;
	talker_never_wrong(usual, TALKER_N(usual), told, 300);
}

/* Both ends of a message see the same; what a reply carries is not the request's. */
static void test_context(void **state)
{
	const struct said said[] = {
		CLIENT("CONNECT {}\r\n"),
		CLIENT("HPUB a 135 137\r\nNATS/1.0\r\ntraceparent:" TALKER_PARENT
		       "\r\nTracestate: " TALKER_STATE " \r\n\r\nhi\r\n"),
		SERVER("HMSG b 1 134 136\r\nNATS/1.0\r\ntracestate: " TALKER_STATE
		       "\r\ntraceparent:" TALKER_PARENT "\r\n\r\nhi\r\n"),
		CLIENT("PUB ask _INBOX.1 2\r\nhi\r\n"),
		SERVER("HMSG _INBOX.1 2 32 34\r\nNATS/1.0\r\ntraceparent: no-no\r\n\r\nhi\r\n"),
		CLIENT("HPUB c 40 42\r\nNATS/1.0\r\nx-traceparent: 1\r\nno colon\r\n\r\nhi\r\n"),
	};
	const char *expected = "messaging nats op=publish coll=a" TALKER_CONTEXT " action=1\n"
			       "messaging nats op=process coll=b" TALKER_CONTEXT " action=3\n"
			       "messaging nats op=request coll=ask action=1\n"
			       "messaging nats op=publish coll=c action=1\n";

	(void)state;
	talker_same(said, TALKER_N(said), expected, 100);
	talker_never_wrong(said, TALKER_N(said), expected, 1000);
}

static void test_joined(void **state)
{
	const struct said pub[] = {CLIENT("PUB a 2\r\nhi\r\n"), CLIENT("PUB b 2\r\nhi\r\n")};
	const struct said msg[] = {SERVER("PING\r\n"), SERVER("MSG a 1 2\r\nhi\r\n")};
	struct talker_how how = {0};

	(void)state;
	talker_run(&t, &how, pub, TALKER_N(pub));
	assert_string_equal(t.told, "messaging nats op=publish coll=a action=1\n"
				    "messaging nats op=publish coll=b action=1\n");
	talker_run(&t, &how, msg, TALKER_N(msg));
	assert_string_equal(t.told, "messaging nats op=process coll=a action=3\n");
}

/* Subjects that the server makes, one for each message or key. */
static void test_made_subjects(void **state)
{
	static const char *const subjects[][2] = {
		{"$JS.ACK.orders.worker.1.22.3.1700000000000000000.0", "$JS.ACK"},
		{"$JS.ACK.hub.Xy.orders.worker.1.22.3.1700000000000000000.0.a", "$JS.ACK"},
		{"$JS.FC.orders.worker.aBc", "$JS.FC"},
		{"$JS.API.CONSUMER.CREATE.orders.xYz0123", "$JS.API.CONSUMER.CREATE"},
		{"$JS.API.STREAM.INFO.orders", "$JS.API.STREAM.INFO"},
		{"$JS.API.INFO", "$JS.API.INFO"},
		{"$JS.hub.API.STREAM.INFO.orders", "$JS.hub.API.STREAM"},
		{"$KV.users.4711.name", "$KV.users"},
		{"$O.files.C.xYz0123", "$O.files"},
		{"$SYS.REQ.SERVER.ABC.STATSZ", "$SYS.REQ"},
		{"$plain", "$plain"},
		{"a.$b.c.d.e", "a.$b.c.d.e"},
	};
	struct talker_how how = {.role = KH_ROLE_CLIENT};

	(void)state;
	for (size_t i = 0; i < TALKER_N(subjects); i++) {
		char bytes[200], expected[200];
		int n = snprintf(bytes, sizeof(bytes), "PUB %s 0\r\n\r\n", subjects[i][0]);
		const struct said pub[] = {CLIENT("CONNECT {}\r\n"), {'>', bytes, (size_t)n}};

		snprintf(expected, sizeof(expected), "messaging nats op=publish coll=%s action=1\n",
			 subjects[i][1]);
		talker_run(&t, &how, pub, TALKER_N(pub));
		assert_string_equal(t.told, expected);
	}
}

static void test_not_nats(void **state)
{
	const struct said redis[] = {CLIENT("PING\r\n"), SERVER("+PONG\r\n"), CLIENT("PING\r\n"),
				     SERVER("+PONG\r\n")};
	const struct said odd[] = {CLIENT("PUB a 2\r\nhixx"), SERVER("+OK\r\n"),
				   CLIENT("PUB a 99999999999\r\n")};
	struct talker_how how = {.role = KH_ROLE_CLIENT, .protocols = 1ull << PROTOCOL_NATS};

	(void)state;
	talker_run(&t, &how, redis, TALKER_N(redis));
	assert_int_equal(t.counters.of[PROTOCOL_NATS].connections, 0);
	talker_run(&t, &how, odd, TALKER_N(odd));
	assert_int_equal(t.counters.of[PROTOCOL_NATS].connections, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),    cmocka_unit_test(test_never_wrong),
		cmocka_unit_test(test_joined),   cmocka_unit_test(test_made_subjects),
		cmocka_unit_test(test_context),
		cmocka_unit_test(test_not_nats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
