/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/mongodb.h"
#include "protocol/parsers.h"
#include "talker.h"

#define ROUNDS 60

/* ---- messages, put together in one arena ---- */

static char arena[1 << 20];
static size_t used;

static void bytes(const void *p, size_t n)
{
	assert_true(used + n < sizeof(arena));
	memcpy(arena + used, p, n);
	used += n;
}

static void int32(int64_t v)
{
	uint32_t u = (uint32_t)v;
	unsigned char b[4] = {(unsigned char)u, (unsigned char)(u >> 8), (unsigned char)(u >> 16),
			      (unsigned char)(u >> 24)};

	bytes(b, 4);
}

static void length_at(size_t at)
{
	size_t end = used;

	used = at;
	int32((int64_t)(end - at));
	used = end;
}

static void element(char type, const char *name)
{
	bytes(&type, 1);
	bytes(name, strlen(name) + 1);
}

static void text(const char *name, const char *value)
{
	element(BSON_STRING, name);
	int32((int64_t)strlen(value) + 1);
	bytes(value, strlen(value) + 1);
}

static void number(const char *name, int32_t value)
{
	element(BSON_INT32, name);
	int32(value);
}

static void real(const char *name, double value)
{
	element(BSON_DOUBLE, name);
	bytes(&value, 8);
}

static size_t open_document(void)
{
	int32(0);
	return used - 4;
}

static size_t open_element(char type, const char *name)
{
	element(type, name);
	return open_document();
}

static void close_document(size_t at)
{
	bytes("", 1);
	length_at(at);
}

static struct said said_from(char who, size_t at)
{
	length_at(at);
	return (struct said){who, arena + at, used - at};
}

static size_t open_message(uint32_t id, uint32_t to, uint32_t opcode)
{
	size_t at = used;

	int32(0);
	int32(id);
	int32(to);
	int32(opcode);
	return at;
}

/* An OP_MSG of one document, which is then open. */
static size_t open_msg(uint32_t id, uint32_t to, uint32_t flags, size_t *document)
{
	size_t at = open_message(id, to, MONGODB_OP_MSG);

	int32(flags);
	bytes("", 1);
	*document = open_document();
	return at;
}

static struct said ask(uint32_t id, uint32_t flags, const char *command, const char *collection,
		       const char *db)
{
	size_t document, inner, at = open_msg(id, 0, flags, &document);

	if (collection)
		text(command, collection);
	else
		number(command, 1);
	inner = open_element(BSON_DOCUMENT, "filter");
	text("secret", "secret");
	close_document(inner);
	text("$db", db);
	close_document(document);
	return said_from('>', at);
}

static struct said done(uint32_t id, uint32_t to, uint32_t flags)
{
	size_t document, at = open_msg(id, to, flags, &document);

	number("n", 1);
	real("ok", 1.0);
	close_document(document);
	return said_from('<', at);
}

static struct said failed(uint32_t id, uint32_t to, int32_t code)
{
	size_t document, at = open_msg(id, to, 0, &document);

	real("ok", 0.0);
	text("errmsg", "no such secret");
	number("code", code);
	text("codeName", "CommandNotFound");
	close_document(document);
	return said_from('<', at);
}

/* ok: 1, and an error of that code for one of the documents */
static struct said partly(uint32_t id, uint32_t to, const char *array, int32_t code)
{
	size_t document, errors, error, at = open_msg(id, to, 0, &document);

	number("n", 0);
	errors = open_element(array ? BSON_ARRAY : BSON_DOCUMENT,
			      array ? array : "writeConcernError");
	error = array ? open_element(BSON_DOCUMENT, "0") : 0;
	number("index", 0);
	number("code", code);
	text("errmsg", "E11000 duplicate key secret");
	if (array)
		close_document(error);
	close_document(errors);
	real("ok", 1.0);
	close_document(document);
	return said_from('<', at);
}

static struct said hello(uint32_t id, uint32_t flags, bool awaits)
{
	size_t document, at = open_msg(id, 0, flags, &document);

	number("hello", 1);
	if (awaits)
		number("maxAwaitTimeMS", 10000);
	text("$db", "admin");
	close_document(document);
	return said_from('>', at);
}

/* ---- what is told ---- */

static void tells_operation_collection_database_and_code(void **state)
{
	struct said said[] = {
		ask(1, 0, "find", "orders", "shop"),     done(101, 1, 0),
		ask(2, 0, "insert", "orders", "shop"),   partly(102, 2, "writeErrors", 11000),
		ask(3, 0, "aggregate", NULL, "admin"),   done(103, 3, 0),
		ask(4, 0, "nosuch", "secret", "shop"),   failed(104, 4, 59),
		ask(5, 0, "update", "orders", "shop"),   partly(105, 5, NULL, 64),
		ask(6, 0, "dropUser", "secret", "shop"), failed(106, 6, 11),
		ask(7, 0, "ping", NULL, "admin"),        done(107, 7, 0),
	};
	static const char told[] = "db mongodb op=find coll=orders ns=shop\n"
				   "db mongodb op=insert coll=orders ns=shop code=11000 failed\n"
				   "db mongodb op=aggregate ns=admin\n"
				   "db mongodb code=59 failed\n"
				   "db mongodb op=update coll=orders ns=shop code=64 failed\n"
				   "db mongodb op=dropUser ns=shop code=11 failed\n"
				   "db mongodb op=ping ns=admin\n";

	(void)state;
	talker_same(said, TALKER_N(said), told, ROUNDS);
}

static void nothing_is_told_wrongly(void **state)
{
	struct said said[] = {
		ask(1, 0, "find", "orders", "shop"),   done(101, 1, 0),
		ask(2, 0, "insert", "orders", "shop"), partly(102, 2, "writeErrors", 11000),
		ask(3, 0, "count", "orders", "shop"),  failed(103, 3, 59),
		ask(4, 0, "ping", NULL, "admin"),      done(104, 4, 0),
	};
	/* where bytes were lost or cut off, less may be known */
	static const char told[] =
		"db mongodb op=find coll=orders ns=shop\ndb mongodb op=find coll=orders\n"
		"db mongodb op=find\ndb mongodb\ndb mongodb\ndb mongodb\ndb mongodb\n"
		"db mongodb op=insert coll=orders ns=shop code=11000 failed\n"
		"db mongodb op=insert coll=orders code=11000 failed\n"
		"db mongodb op=insert coll=orders ns=shop failed\n"
		"db mongodb op=insert coll=orders failed\n"
		"db mongodb op=insert coll=orders ns=shop\ndb mongodb op=insert coll=orders\n"
		"db mongodb op=insert\n"
		"db mongodb op=count coll=orders ns=shop code=59 failed\n"
		"db mongodb op=count coll=orders ns=shop failed\n"
		"db mongodb op=count coll=orders ns=shop\ndb mongodb op=count coll=orders\n"
		"db mongodb op=count coll=orders code=59 failed\ndb mongodb op=count\n"
		"db mongodb op=count coll=orders failed\ndb mongodb code=59 failed\n"
		"db mongodb code=11000 failed\ndb mongodb failed\n"
		"db mongodb op=insert code=11000 failed\ndb mongodb op=count code=59 failed\n"
		"db mongodb op=ping ns=admin\ndb mongodb op=ping\n";

	(void)state;
	talker_never_wrong(said, TALKER_N(said), told, 300);
}

static void the_collection_of_get_more_is_another_element(void **state)
{
	size_t document, at;
	struct said said[2];

	(void)state;
	at = open_msg(1, 0, 0, &document);
	element(BSON_INT64, "getMore");
	bytes("12345678", 8);
	text("collection", "orders");
	number("maxTimeMS", 1000);
	text("$db", "shop");
	close_document(document);
	said[0] = said_from('>', at);
	said[1] = done(101, 1, 0);
	talker_same(said, 2, "db mongodb op=getMore coll=orders ns=shop waits\n", ROUNDS);
}

static void a_document_sequence_may_stand_first(void **state)
{
	size_t document, sequence, at;
	struct said said[4] = {hello(9, 0, false), done(109, 9, 0)};

	(void)state;
	at = open_message(1, 0, MONGODB_OP_MSG);
	int32(1); /* a checksum follows */
	bytes("\1", 1);
	sequence = open_document();
	bytes("documents", 10);
	document = open_document();
	text("secret", "secret");
	close_document(document);
	length_at(sequence);
	bytes("", 1);
	document = open_document();
	text("insert", "orders");
	text("$db", "shop");
	close_document(document);
	int32(0x12345678);
	said[2] = said_from('>', at);
	said[3] = done(101, 1, 0);
	talker_same(said, 4,
		    "db mongodb op=hello ns=admin\ndb mongodb op=insert coll=orders ns=shop\n",
		    ROUNDS);
}

static void more_to_come_is_told_when_sent(void **state)
{
	struct said said[] = {
		ask(1, 2, "insert", "orders", "shop"),
		ask(2, 2, "insert", "orders", "shop"),
		ask(3, 0, "ping", NULL, "shop"),
		done(101, 3, 0),
	};

	(void)state;
	talker_same(said, TALKER_N(said),
		    "db mongodb op=insert coll=orders ns=shop\n"
		    "db mongodb op=insert coll=orders ns=shop\n"
		    "db mongodb op=ping ns=shop\n",
		    ROUNDS);
}

static void of_an_exhaust_chain_the_first_answer_counts(void **state)
{
	struct said said[] = {
		hello(1, 0, false), done(1, 1, 0), hello(2, 1 << 16, true),          done(7, 2, 2),
		done(8, 7, 2),      done(9, 8, 0), ask(8, 0, "ping", NULL, "admin"), done(10, 8, 0),
	};

	(void)state;
	talker_same(said, TALKER_N(said),
		    "db mongodb op=hello ns=admin\n"
		    "db mongodb op=hello ns=admin waits\n"
		    "db mongodb op=ping ns=admin\n",
		    ROUNDS);
}

static struct said old_query(uint32_t id, const char *full, const char *command)
{
	size_t document, at = open_message(id, 0, MONGODB_OP_QUERY);

	int32(0);
	bytes(full, strlen(full) + 1);
	int32(0);
	int32(-1);
	document = open_document();
	number(command, 1);
	close_document(document);
	return said_from('>', at);
}

static struct said old_reply(uint32_t id, uint32_t to, uint32_t flags, bool ok)
{
	size_t document, at = open_message(id, to, MONGODB_OP_REPLY);

	int32(flags);
	bytes("\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", 16);
	document = open_document();
	real("ok", ok ? 1.0 : 0.0);
	if (!ok)
		number("code", 352);
	close_document(document);
	return said_from('<', at);
}

static void the_old_query_is_still_a_hello(void **state)
{
	struct said said[] = {
		old_query(1, "admin.$cmd", "ismaster"),
		old_reply(101, 1, 8, true),
		old_query(2, "shop.orders", "secret"),
		old_reply(102, 2, 2, false),
	};

	(void)state;
	talker_same(said, TALKER_N(said),
		    "db mongodb op=ismaster ns=admin\n"
		    "db mongodb op=find coll=orders ns=shop code=352 failed\n",
		    ROUNDS);
}

static struct said wrapped(char who, uint32_t id, uint32_t to, char compressor, struct said inner)
{
	size_t at = open_message(id, to, MONGODB_OP_COMPRESSED);

	int32(MONGODB_OP_MSG);
	int32((int64_t)inner.n - 16);
	bytes(&compressor, 1);
	bytes(inner.p + 16, inner.n - 16);
	return said_from(who, at);
}

static void what_is_compressed_has_a_duration_only(void **state)
{
	struct said said[] = {
		hello(9, 0, false),
		done(109, 9, 0),
		wrapped('>', 1, 0, 2, ask(1, 0, "find", "orders", "shop")),
		wrapped('<', 101, 1, 2, done(101, 1, 0)),
		wrapped('>', 2, 0, 0, ask(2, 0, "find", "orders", "shop")),
		wrapped('<', 102, 2, 0, failed(102, 2, 13)),
	};

	(void)state;
	/* the "compressed" bytes are none: nobody may look at them */
	talker_same(said, TALKER_N(said),
		    "db mongodb op=hello ns=admin\n"
		    "db mongodb\n"
		    "db mongodb op=find coll=orders ns=shop code=13 failed\n",
		    ROUNDS);
}

static void an_answer_that_was_not_seen_is_lost(void **state)
{
	struct said said[] = {
		ask(1, 0, "find", "orders", "shop"),
		ask(2, 0, "count", "orders", "shop"),
		done(101, 2, 0),
	};
	struct talker_how how = {.role = KH_ROLE_CLIENT};
	static struct talker t;

	(void)state;
	talker_run(&t, &how, said, TALKER_N(said));
	assert_string_equal(t.told, "db mongodb op=count coll=orders ns=shop\n");
	assert_int_equal(t.counters.of[PROTOCOL_MONGODB].lost, 1);
	assert_int_equal(t.open, 0);
}

/* ---- detection ---- */

static enum guess look(struct said client, struct said server)
{
	struct sight sight = {.from = {{client.p, client.n}, {server.p, server.n}},
			      .start = true,
			      .transport = OVER_TCP};

	return mongodb_parser.detect(&sight);
}

static void a_known_command_or_an_answer_proves_it(void **state)
{
	struct said none = {'<', "", 0}, http = SERVER("HTTP/1.1 200 OK\r\n\r\n");
	struct said squeezed = wrapped('>', 5, 0, 2, ask(5, 0, "find", "a", "b"));
	struct said odd = ask(6, 0, "find", "a", "b");

	(void)state;
	assert_int_equal(look(ask(1, 0, "find", "a", "b"), none), GUESS_YES);
	assert_int_equal(look(ask(1, 0, "nosuch", "a", "b"), none), GUESS_MORE);
	assert_int_equal(look(ask(1, 0, "nosuch", "a", "b"), failed(9, 1, 59)), GUESS_YES);
	assert_int_equal(look(ask(1, 0, "nosuch", "a", "b"), failed(9, 2, 59)), GUESS_NO);
	assert_int_equal(look(squeezed, none), GUESS_MORE);
	assert_int_equal(look(squeezed, http), GUESS_NO);
	assert_int_equal(look(http, none), GUESS_NO);
	arena[odd.p - arena + 16] = 4; /* a flag that nobody knows */
	assert_int_equal(look(odd, none), GUESS_NO);
}

static void commands_are_sorted(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < mongodb_commands_n; i++) {
		const struct mongodb_command *c = &mongodb_commands[i];

		assert_ptr_equal(mongodb_command(slice_of(c->name)), c);
		assert_true(!i || strcmp(c[-1].name, c->name) < 0);
	}
	assert_null(mongodb_command(slice_of("fin")));
	assert_null(mongodb_command(slice_of("")));
}

static int start_anew(void **state)
{
	(void)state;
	used = 0;
	return 0;
}

#define TEST(function) cmocka_unit_test_setup(function, start_anew)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tells_operation_collection_database_and_code),
		TEST(nothing_is_told_wrongly),
		TEST(the_collection_of_get_more_is_another_element),
		TEST(a_document_sequence_may_stand_first),
		TEST(more_to_come_is_told_when_sent),
		TEST(of_an_exhaust_chain_the_first_answer_counts),
		TEST(the_old_query_is_still_a_hello),
		TEST(what_is_compressed_has_a_duration_only),
		TEST(an_answer_that_was_not_seen_is_lost),
		TEST(a_known_command_or_an_answer_proves_it),
		TEST(commands_are_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
