/* SPDX-License-Identifier: Apache-2.0 */
/* AMQP 1.0: frames put together after its specification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/parsers.h"
#include "talker.h"

/* ---- putting frames together ---- */

#define STEPS 128

static char bytes[1 << 16];
static size_t used;
static struct said said[STEPS];
static size_t n;
static size_t list_at[3]; /* lists that are open, the outermost first */
static unsigned int lists;

static void be(unsigned int width, uint64_t v)
{
	while (width--)
		bytes[used++] = (char)(v >> (width * 8));
}

static void put(const char *p, size_t size)
{
	memcpy(bytes + used, p, size);
	used += size;
}

static void field(void) /* one more of the innermost list */
{
	if (lists)
		bytes[list_at[lists - 1] + 8]++;
}

static void null(void)
{
	field();
	be(1, 0x40);
}

static void number(uint32_t v)
{
	field();
	if (v == 0) {
		be(1, 0x43);
	} else if (v < 256) {
		be(1, 0x52);
		be(1, v);
	} else {
		be(1, 0x70);
		be(4, v);
	}
}

static void boolean(bool v)
{
	field();
	be(1, v ? 0x41 : 0x42);
}

static void text(unsigned int constructor, const char *s)
{
	field();
	be(1, constructor);
	be(1, strlen(s));
	put(s, strlen(s));
}

static void open_list(unsigned int code)
{
	field();
	be(1, 0);
	be(1, 0x53);
	be(1, code);
	list_at[lists++] = used;
	be(1, 0xd0);
	be(8, 0);
}

static void close_list(void)
{
	size_t at = list_at[--lists], size = used - at - 5;

	for (unsigned int i = 0; i < 4; i++)
		bytes[at + 1 + i] = (char)(size >> (24 - 8 * i));
}

static void begin_frame(char who, unsigned int channel, unsigned int code)
{
	said[n] = (struct said){who, bytes + used, 0};
	be(4, 0);
	be(2, 0x0200);
	be(2, channel);
	open_list(code);
}

static void end_frame_n(const char *payload, size_t payload_n)
{
	char *p = (char *)said[n].p;
	size_t size;

	close_list();
	put(payload, payload_n);
	size = (size_t)(bytes + used - p);
	for (unsigned int i = 0; i < 4; i++)
		p[i] = (char)(size >> (24 - 8 * i));
	said[n++].n = size;
}

static void end_frame(const char *payload)
{
	end_frame_n(payload, strlen(payload));
}

static void header(unsigned int protocol)
{
	for (unsigned int i = 0; i < 2; i++) {
		said[n++] = (struct said){i ? '<' : '>', bytes + used, 8};
		put("AMQP", 4);
		be(1, protocol);
		put("\1\0\0", 3);
	}
}

static void begins(char who, unsigned int channel, int remote)
{
	begin_frame(who, channel, 0x11);
	if (remote < 0)
		null();
	else
		number((uint32_t)remote);
	number(0);
	number(100);
	number(100);
	end_frame("");
}

static void attach(char who, unsigned int channel, uint32_t handle, bool receiver, const char *name,
		   const char *source, const char *target)
{
	begin_frame(who, channel, 0x12);
	text(0xa1, name);
	number(handle);
	boolean(receiver);
	null();
	null();
	for (unsigned int i = 0; i < 2; i++) {
		const char *address = i ? target : source;

		open_list(i ? 0x29 : 0x28);
		if (address)
			text(0xa1, address);
		close_list();
	}
	end_frame("");
}

static const char *message; /* of transfers; NULL: some text */
static size_t message_n;

static void transfer(char who, unsigned int channel, uint32_t handle, int64_t id, bool settled,
		     bool more)
{
	begin_frame(who, channel, 0x14);
	number(handle);
	if (id < 0)
		null();
	else
		number((uint32_t)id);
	text(0xa0, "tag");
	number(0);
	boolean(settled);
	boolean(more);
	if (message)
		end_frame_n(message, message_n);
	else
		end_frame("SwAa message's body");
}

static void disposition(char who, unsigned int channel, bool receiver, uint32_t first, int64_t last,
			unsigned int state, const char *condition)
{
	begin_frame(who, channel, 0x15);
	boolean(receiver);
	number(first);
	if (last < 0)
		null();
	else
		number((uint32_t)last);
	boolean(true);
	open_list(state);
	if (condition) {
		open_list(0x1d);
		text(0xa3, condition);
		text(0xa1, "the user's own words");
		close_list();
	}
	close_list();
	end_frame("");
}

static void ended(char who, unsigned int channel, unsigned int code, int handle,
		  const char *condition)
{
	begin_frame(who, channel, code);
	if (handle >= 0) {
		number((uint32_t)handle);
		boolean(true);
	}
	open_list(0x1d);
	text(0xa3, condition);
	close_list();
	end_frame("");
}

/* A session whose sides number it 3 and 5. */
static int anew(void **state)
{
	(void)state;
	used = n = 0;
	message = NULL;
	header(3);
	header(0);
	begin_frame('>', 0, 0x10);
	text(0xa1, "container");
	end_frame("");
	begin_frame('<', 0, 0x10);
	text(0xa1, "broker");
	end_frame("");
	begins('>', 3, -1);
	begins('<', 5, 3);
	return 0;
}

static void sender(uint32_t handle, const char *target)
{
	attach('>', 3, handle, false, target, NULL, target);
	attach('<', 5, handle + 20, true, target, NULL, target);
}

static void receiver(uint32_t handle, const char *source)
{
	attach('>', 3, handle, true, source, source, NULL);
	attach('<', 5, handle + 20, false, source, source, NULL);
}

#define PUBLISH "messaging amqp1 op=publish coll="
#define DELIVER "messaging amqp1 op=deliver coll="

/* ---- tests ---- */

static void test_publish(void **state)
{
	static const char expected[] = PUBLISH
		"tasks action=1\n" PUBLISH "tasks code=amqp:not-allowed action=1 failed\n" PUBLISH
		"bills code=released action=1 failed\n" PUBLISH "logs action=1\n" PUBLISH
		"tasks action=1\n" PUBLISH "tasks action=1\n" PUBLISH
		"tasks code=_OTHER action=1 failed\n";

	(void)state;
	sender(0, "tasks");
	sender(1, "bills");
	transfer('>', 3, 0, 0, false, false);
	disposition('<', 5, true, 0, -1, 0x24, NULL);
	transfer('>', 3, 0, 1, false, false);
	transfer('>', 3, 1, 2, false, false);
	disposition('<', 5, true, 1, -1, 0x25, "amqp:not-allowed");
	disposition('<', 5, true, 2, -1, 0x26, NULL);
	sender(2, "logs");
	transfer('>', 3, 2, 3, true, false);
	transfer('>', 3, 0, 4, false, false);
	transfer('>', 3, 0, 5, false, false);
	disposition('<', 5, true, 4, 5, 0x24, NULL);
	transfer('>', 3, 0, 6, false, false);
	disposition('<', 5, true, 6, -1, 0x25, "no room for user 17"); /* no name, but a text */
	talker_same(said, n, expected, 100);
}

#define OTHER_SECTIONS                                                                             \
	"\0\x53\x70\xc0\2\1\x41"        /* header */                                               \
	"\0\x53\x72\xc1\5\2\xa3\1x\x40" /* annotations of the message */                           \
	"\0\x80\0\0\0\0\0\0\0\x73\x45"  /* properties, none */
#define PARENT_8 "\xa1\x0btraceparent\xa1\x37" TALKER_PARENT
#define STATE_32 "\xa1\x0atracestate\xb1\0\0\0\x27" TALKER_STATE
#define BODY "\0\x53\x75\xa0\2hi"

static const char small_map[] =
	OTHER_SECTIONS "\0\x53\x74\xc1\xa0\6" PARENT_8 "\xa1\1n\x52\7" STATE_32 BODY;
static const char large_map[] = "\0\x53\x74\xd1\0\0\0\xb0\0\0\0\4" STATE_32 PARENT_8 BODY;

static void test_context(void **state)
{
	static const char expected[] =
		PUBLISH "tasks" TALKER_CONTEXT " action=1\n" PUBLISH "tasks" TALKER_CONTEXT
			" action=1\n" DELIVER "bills" TALKER_CONTEXT " action=3\n";

	(void)state;
	sender(0, "tasks");
	receiver(1, "bills");
	message = small_map;
	message_n = sizeof(small_map) - 1;
	transfer('>', 3, 0, 0, false, false);
	disposition('<', 5, true, 0, -1, 0x24, NULL);
	message = large_map;
	message_n = sizeof(large_map) - 1;
	transfer('>', 3, 0, 1, true, false);
	transfer('<', 5, 21, 0, false, false);
	disposition('>', 3, true, 0, -1, 0x24, NULL);
	talker_same(said, n, expected, 100);
	talker_never_wrong(said, n, expected, 1000);
}

/* In the body, or behind it, there are none. */
static void test_no_context(void **state)
{
	static const char body[] = BODY "\0\x53\x74\xc1\xa0\2" PARENT_8;
	static const char twice[] = "\0\x53\x73\x45\0\x53\x72\xc1\1\0\0\x53\x74\xc1\xa0\2" PARENT_8;

	(void)state;
	sender(0, "tasks");
	message = body;
	message_n = sizeof(body) - 1;
	transfer('>', 3, 0, 0, true, false);
	message = twice;
	message_n = sizeof(twice) - 1;
	transfer('>', 3, 0, 1, true, false);
	talker_same(said, n, PUBLISH "tasks action=1\n" PUBLISH "tasks action=1\n", 20);
}

static void test_deliver(void **state)
{
	static const char expected[] =
		DELIVER "tasks action=3\n" DELIVER "tasks code=modified action=3 failed\n" DELIVER
			"tasks code=rejected action=3 failed\n" DELIVER "logs action=3\n";

	(void)state;
	receiver(0, "tasks");
	receiver(1, "logs");
	for (int64_t id = 0; id < 4; id++)
		transfer('<', 5, 20, id, false, false);
	disposition('>', 3, true, 0, -1, 0x24, NULL);
	disposition('>', 3, true, 1, -1, 0x27, NULL);
	disposition('<', 5, false, 0, 1, 0x24, NULL); /* the sender's part of it */
	disposition('>', 3, true, 2, -1, 0x25, NULL);
	transfer('<', 5, 21, 4, true, false);
	talker_same(said, n, expected, 100);
}

/* Both directions have ids of their own. */
static void test_ids_of_both_sides(void **state)
{
	(void)state;
	sender(0, "a");
	receiver(1, "b");
	transfer('>', 3, 0, 0, false, false);
	transfer('<', 5, 21, 0, false, false);
	disposition('<', 5, true, 0, -1, 0x24, NULL);
	disposition('>', 3, true, 0, -1, 0x25, NULL);
	talker_same(said, n, PUBLISH "a action=1\n" DELIVER "b code=rejected action=3 failed\n",
		    100);
}

static void test_several_transfers_of_a_delivery(void **state)
{
	(void)state;
	sender(0, "tasks");
	transfer('>', 3, 0, 0, false, true);
	transfer('>', 3, 0, -1, false, true);
	transfer('>', 3, 0, 0, false, false);
	transfer('>', 3, 0, 1, false, false);
	disposition('<', 5, true, 0, 1, 0x24, NULL);
	talker_same(said, n, PUBLISH "tasks action=1\n" PUBLISH "tasks action=1\n", 100);
}

/* The server makes up an address where the client leaves it open. */
static void test_dynamic_address(void **state)
{
	(void)state;
	attach('>', 3, 0, true, "reply", NULL, NULL);
	attach('<', 5, 0, false, "reply", "temp-1", NULL);
	attach('>', 3, 1, false, "made", NULL, NULL);
	attach('<', 5, 1, true, "made", NULL, "temp-2");
	transfer('<', 5, 0, 0, true, false);
	transfer('>', 3, 1, 0, true, false);
	talker_same(said, n, DELIVER "temp-1 action=3\n" PUBLISH "temp-2 action=1\n", 100);
}

static void test_errors_of_ends(void **state)
{
	(void)state;
	sender(0, "none");
	ended('<', 5, 0x16, 20, "amqp:not-found");
	sender(0, "tasks");
	transfer('>', 3, 0, 0, false, false);
	ended('<', 5, 0x16, 20, "amqp:resource-deleted");
	ended('<', 5, 0x17, -1, "amqp:internal-error");
	ended('<', 0, 0x18, -1, "amqp:connection:forced");
	talker_same(said, n,
		    "messaging amqp1 op=detach coll=none code=amqp:not-found failed\n" PUBLISH
		    "tasks code=amqp:resource-deleted action=1 failed\n"
		    "messaging amqp1 op=end code=amqp:internal-error failed\n"
		    "messaging amqp1 op=close code=amqp:connection:forced failed\n",
		    100);
}

/* Joined after the links were attached, what is told has no destination. Never another one. */
static void test_joined(void **state)
{
	static const char seen[] = PUBLISH
		"a action=1\n" DELIVER "b code=rejected action=3 failed\n" PUBLISH "a action=1\n";
	static const char unseen[] = "messaging amqp1 op=publish action=1\n"
				     "messaging amqp1 op=deliver code=rejected action=3 failed\n"
				     "messaging amqp1 op=publish action=1\n";
	struct talker_how how = {.role = KH_ROLE_UNKNOWN, .server_port = 5672};
	static struct talker t;
	char all[1024];

	(void)state;
	sender(0, "a");
	receiver(1, "b");
	how.join = n;
	transfer('>', 3, 0, 0, false, false);
	transfer('<', 5, 21, 0, false, false);
	disposition('<', 5, true, 0, -1, 0x24, NULL);
	disposition('>', 3, true, 0, -1, 0x25, NULL);
	transfer('>', 3, 0, 1, true, false);
	snprintf(all, sizeof(all), "%s%s", seen, unseen);
	talker_never_wrong(said, n, all, 300);
	/* sides number their sessions alike, mostly: only then it is known which belong together */
	for (size_t i = how.join; i < n; i++)
		((char *)said[i].p)[7] = 3;
	talker_run(&t, &how, said, n);
	assert_string_equal(t.told, unseen);
}

static void test_not_amqp1(void **state)
{
	static const struct said other[] = {CLIENT("AMQP\0\0\11\1"), SERVER("AMQP\0\0\11\1")};
	struct talker_how how = {.role = KH_ROLE_CLIENT};
	static struct talker t;

	(void)state;
	talker_run(&t, &how, other, TALKER_N(other));
	assert_int_equal(t.counters.of[PROTOCOL_AMQP1].connections, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_publish, anew),
		cmocka_unit_test_setup(test_deliver, anew),
		cmocka_unit_test_setup(test_context, anew),
		cmocka_unit_test_setup(test_no_context, anew),
		cmocka_unit_test_setup(test_ids_of_both_sides, anew),
		cmocka_unit_test_setup(test_several_transfers_of_a_delivery, anew),
		cmocka_unit_test_setup(test_dynamic_address, anew),
		cmocka_unit_test_setup(test_errors_of_ends, anew),
		cmocka_unit_test_setup(test_joined, anew),
		cmocka_unit_test_setup(test_not_amqp1, NULL),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
