/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/cassandra.h"
#include "protocol/parsers.h"
#include "talker.h"

#define ROUNDS 60

/* ---- envelopes, put together in one arena ---- */

static char arena[1 << 18];
static size_t used;

static void bytes(const void *p, size_t n)
{
	assert_true(used + n < sizeof(arena));
	memcpy(arena + used, p, n);
	used += n;
}

static void be(uint32_t v, unsigned int n)
{
	while (n--) {
		char c = (char)(v >> 8 * n);

		bytes(&c, 1);
	}
}

static void text(const char *s, unsigned int length)
{
	be((uint32_t)strlen(s), length);
	bytes(s, strlen(s));
}

/* What is added until close() is its body. */
static size_t open_envelope(uint8_t version, uint8_t flags, int16_t stream, uint8_t opcode)
{
	size_t at = used;

	be(version, 1);
	be(flags, 1);
	be((uint16_t)stream, 2);
	be(opcode, 1);
	be(0, 4);
	return at;
}

static struct said close_envelope(size_t at)
{
	size_t end = used;
	bool answers = arena[at] & 0x80;

	used = at + 5;
	be((uint32_t)(end - at - 9), 4);
	used = end;
	return (struct said){answers ? '<' : '>', arena + at, end - at};
}

static struct said startup(uint8_t version, const char *compression)
{
	size_t at = open_envelope(version, 0, 0, CASSANDRA_STARTUP);

	be(compression ? 2 : 1, 2);
	text("CQL_VERSION", 2);
	text("3.0.0", 2);
	if (compression) {
		text("COMPRESSION", 2);
		text(compression, 2);
	}
	return close_envelope(at);
}

static struct said statement(int16_t stream, uint8_t opcode, const char *cql)
{
	size_t at = open_envelope(4, 0, stream, opcode);

	text(cql, 4);
	be(1, 2); /* consistency */
	be(0, 1); /* flags */
	return close_envelope(at);
}

static struct said execute(int16_t stream, const char *id)
{
	size_t at = open_envelope(4, 0, stream, CASSANDRA_EXECUTE);

	text(id, 2);
	be(1, 2);
	be(0, 1);
	return close_envelope(at);
}

static struct said plain(uint8_t version, int16_t stream, uint8_t opcode)
{
	return close_envelope(open_envelope(version, 0, stream, opcode));
}

static struct said result(int16_t stream, uint32_t kind, const char *name)
{
	size_t at = open_envelope(0x84, 0, stream, CASSANDRA_RESULT);

	be(kind, 4);
	if (name)
		text(name, 2);
	return close_envelope(at);
}

static struct said error(int16_t stream, uint8_t flags, uint32_t code)
{
	size_t at = open_envelope(0x84, flags, stream, CASSANDRA_ERROR);

	if (flags & 2)
		bytes("0123456789abcdef", 16);
	if (flags & 8) {
		be(1, 2);
		text("warning: secret", 2);
	}
	be(code, 4);
	text("unconfigured table secret", 2);
	return close_envelope(at);
}

/* ---- what is told ---- */

static void statements_tell_what_they_are_about(void **state)
{
	struct said said[] = {
		plain(4, 0, CASSANDRA_OPTIONS),
		plain(0x84, 0, CASSANDRA_SUPPORTED),
		startup(4, NULL),
		plain(0x84, 0, CASSANDRA_READY),
		statement(1, CASSANDRA_QUERY, "USE shop"),
		result(1, 3, "shop"),
		statement(1, CASSANDRA_QUERY, "SELECT a FROM orders WHERE k = 'secret'"),
		result(1, 2, NULL),
		statement(1, CASSANDRA_QUERY, "SELECT a FROM secrets.t"),
		error(1, 0, 0x2200),
		statement(2, CASSANDRA_QUERY, "INSERT INTO orders (a) VALUES ('secret')"),
		error(2, 2 | 8, 0x1100),
	};

	(void)state;
	talker_same(
		said, TALKER_N(said),
		"db cassandra op=OPTIONS\n"
		"db cassandra op=STARTUP\n"
		"db cassandra op=USE sum=USE\n"
		"db cassandra op=SELECT coll=orders ns=shop sum=SELECT orders\n"
		"db cassandra op=SELECT coll=secrets.t ns=shop sum=SELECT secrets.t "
		"code=8704 failed\n"
		"db cassandra op=INSERT coll=orders ns=shop sum=INSERT orders code=4352 failed\n",
		ROUNDS);
}

static void what_was_prepared_is_known_by_its_id(void **state)
{
	struct said said[] = {
		startup(4, NULL),
		plain(0x84, 0, CASSANDRA_READY),
		statement(1, CASSANDRA_PREPARE, "UPDATE orders SET a = ? WHERE k = ?"),
		result(1, 4, "id-1"),
		execute(2, "id-1"),
		execute(1, "id-2"),
		result(1, 1, NULL), /* out of order */
		result(2, 1, NULL),
	};

	(void)state;
	talker_same(said, TALKER_N(said),
		    "db cassandra op=STARTUP\n"
		    "db cassandra op=PREPARE coll=orders sum=UPDATE orders\n"
		    "db cassandra\n"
		    "db cassandra op=UPDATE coll=orders sum=UPDATE orders\n",
		    ROUNDS);
}

static void events_answer_nothing_and_batches_are_one_call(void **state)
{
	size_t event, batch, auth;
	struct said said[10] = {startup(4, NULL), plain(0x84, 0, CASSANDRA_AUTHENTICATE)};

	(void)state;
	auth = open_envelope(4, 0, 0, CASSANDRA_AUTH_RESPONSE);
	text("\1user\1secret", 4);
	said[2] = close_envelope(auth);
	said[3] = plain(0x84, 0, CASSANDRA_AUTH_SUCCESS);
	said[4] = plain(4, 1, CASSANDRA_REGISTER);
	said[5] = plain(0x84, 1, CASSANDRA_READY);
	batch = open_envelope(4, 0, 2, CASSANDRA_BATCH);
	be(0, 1);
	be(1, 2);
	be(0, 1);
	text("INSERT INTO orders (a) VALUES ('secret')", 4);
	said[6] = close_envelope(batch);
	event = open_envelope(0x84, 0, -1, CASSANDRA_EVENT);
	text("STATUS_CHANGE", 2);
	said[7] = close_envelope(event);
	said[8] = result(2, 1, NULL);
	talker_same(said, 9,
		    "db cassandra op=STARTUP\n"
		    "db cassandra op=AUTH_RESPONSE\n"
		    "db cassandra op=REGISTER\n"
		    "db cassandra op=BATCH\n",
		    ROUNDS);
}

static void what_is_compressed_has_a_duration_only(void **state)
{
	struct said said[4] = {startup(4, "lz4"), plain(0x84, 0, CASSANDRA_READY)};
	size_t at = open_envelope(4, 1, 1, CASSANDRA_QUERY);

	(void)state;
	text("SELECT a FROM secret", 4);
	said[2] = close_envelope(at);
	said[3] = result(1, 2, NULL);
	talker_same(said, 4, "db cassandra op=STARTUP\ndb cassandra\n", ROUNDS);
}

/* Version 5, in outer frames as cassandra.segment of the Python driver puts them. */
static const char v5_two[] =
	"\x60\x00\x02\x9f\x6a\xa7\x05\x00\x00\x01\x07\x00\x00\x00\x2a\x00\x00\x00\x20\x53"
	"\x45\x4c\x45\x43\x54\x20\x61\x20\x46\x52\x4f\x4d\x20\x6f\x72\x64\x65\x72\x73\x20"
	"\x57\x48\x45\x52\x45\x20\x6b\x20\x3d\x20\x31\x00\x01\x00\x00\x00\x00\x05\x00\x00"
	"\x02\x09\x00\x00\x00\x24\x00\x00\x00\x1c\x49\x4e\x53\x45\x52\x54\x20\x49\x4e\x54"
	"\x4f\x20\x74\x20\x28\x61\x29\x20\x56\x41\x4c\x55\x45\x53\x20\x28\x3f\x29\x00\x00"
	"\x00\x00\x0b\x9b\xf6\xf0";
static const char v5_answer_two[] =
	"\x3b\x00\x02\x6b\x01\xeb\x85\x00\x00\x02\x08\x00\x00\x00\x0a\x00\x00\x00\x04\x00"
	"\x04\x69\x64\x69\x64\x85\x00\x00\x01\x00\x00\x00\x00\x1f\x00\x00\x22\x00\x00\x19"
	"\x75\x6e\x63\x6f\x6e\x66\x69\x67\x75\x72\x65\x64\x20\x74\x61\x62\x6c\x65\x20\x73"
	"\x65\x63\x72\x65\x74\x8f\xba\x0c\xda";
static const char v5_part1[] =
	"\x28\x00\x00\xf2\x4d\x31\x05\x00\x00\x03\x0a\x00\x00\x00\x42\x00\x04\x69"
	"\x64\x69"
	"\x64\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78"
	"\x78\x78"
	"\x78\x78\x78\x78\x78\x78\x64\xb1\x9d\x72";
static const char v5_part2[] = "\x23\x00\x00\x0c\x73\xe4\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78"
			       "\x78\x78\x78\x78"
			       "\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78"
			       "\x78\x78\x78\x78"
			       "\x78\x39\x34\xc5\xef";
static const char v5_apart1[] = "\x1e\x00\x00\x56\x4b\x2d\x85\x00\x00\x03\x08\x00\x00\x00"
				"\x40\x00\x00\x00\x02\x72"
				"\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72"
				"\x72\x72\xd8\x8a\xcc\xe6";
static const char v5_apart2[] = "\x2b\x00\x00\xda\xed\x89\x72\x72\x72\x72\x72\x72"
				"\x72\x72\x72\x72\x72\x72\x72\x72"
				"\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72"
				"\x72\x72\x72\x72\x72\x72\x72\x72"
				"\x72\x72\x72\x72\x72\x72\x72\x72\x72\x9f\x23\x69"
				"\xcd";

#define SAID(who, bytes)                                                                           \
	{                                                                                          \
		who, bytes, sizeof(bytes) - 1                                                      \
	}

static void outer_frames_of_version_5_are_opened(void **state)
{
	struct said said[] = {
		startup(5, NULL),     plain(0x85, 0, CASSANDRA_READY),
		SAID('>', v5_two),    SAID('<', v5_answer_two),
		SAID('>', v5_part1),  SAID('>', v5_part2),
		SAID('<', v5_apart1), SAID('<', v5_apart2),
	};
	static const char told[] = "db cassandra op=STARTUP\n"
				   "db cassandra op=PREPARE coll=t sum=INSERT t\n"
				   "db cassandra op=SELECT coll=orders sum=SELECT orders code=8704 "
				   "failed\n"
				   "db cassandra op=INSERT coll=t sum=INSERT t\n";
	struct talker_how how = {.role = KH_ROLE_UNKNOWN, .join = 2};
	static struct talker t;

	(void)state;
	talker_same(said, TALKER_N(said), told, ROUNDS);
	talker_run(&t, &how, said, TALKER_N(said));
	assert_string_equal(t.told, strchr(told, '\n') + 1);
}

static void compressed_outer_frames_are_left(void **state)
{
	struct said said[] = {
		startup(5, "lz4"),
		plain(0x85, 0, CASSANDRA_READY),
		SAID('>', v5_two),
	};

	(void)state;
	talker_same(said, TALKER_N(said), "db cassandra op=STARTUP\n", ROUNDS);
}

static void nothing_is_told_wrongly(void **state)
{
	struct said said[] = {
		statement(1, CASSANDRA_QUERY, "SELECT a FROM orders"),
		statement(2, CASSANDRA_QUERY, "INSERT INTO t (a) VALUES (1)"),
		error(2, 0, 0x1100),
		result(1, 2, NULL),
		statement(3, CASSANDRA_PREPARE, "DELETE FROM u WHERE a = ?"),
		result(3, 4, "id"),
		execute(2, "id"),
		error(2, 0, 0x1300),
		plain(4, 4, CASSANDRA_OPTIONS),
		plain(0x84, 4, CASSANDRA_SUPPORTED),
	};
	/* where bytes were lost or cut off, less may be known */
	static const char told[] =
		"db cassandra op=SELECT coll=orders sum=SELECT orders\n"
		"db cassandra op=SELECT\ndb cassandra op=SELECT sum=SELECT\n"
		"db cassandra op=INSERT coll=t sum=INSERT t code=4352 failed\n"
		"db cassandra op=INSERT coll=t sum=INSERT t failed\n"
		"db cassandra op=INSERT code=4352 sum=INSERT failed\n"
		"db cassandra op=INSERT sum=INSERT code=4352 failed\n"
		"db cassandra op=INSERT failed\ndb cassandra code=4352 failed\n"
		"db cassandra op=INSERT sum=INSERT failed\n"
		"db cassandra op=PREPARE coll=u sum=DELETE u\n"
		"db cassandra op=PREPARE sum=DELETE\ndb cassandra op=PREPARE\n"
		"db cassandra op=DELETE coll=u sum=DELETE u code=4864 failed\n"
		"db cassandra op=DELETE sum=DELETE code=4864 failed\n"
		"db cassandra op=DELETE coll=u sum=DELETE u failed\n"
		"db cassandra op=DELETE sum=DELETE failed\n"
		"db cassandra code=4864 failed\ndb cassandra failed\ndb cassandra failed\n"
		"db cassandra\ndb cassandra op=OPTIONS\n";

	(void)state;
	talker_never_wrong(said, TALKER_N(said), told, 300);
}

/* ---- detection ---- */

static enum guess look(struct said client, struct said server)
{
	struct sight sight = {.from = {{client.p, client.n}, {server.p, server.n}},
			      .start = true,
			      .transport = OVER_TCP};

	return cassandra_parser.detect(&sight);
}

static void a_start_a_statement_or_an_answer_proves_it(void **state)
{
	struct said none = {'<', "", 0}, http = SERVER("HTTP/1.1 200 OK\r\n\r\n");
	struct said options = plain(4, 3, CASSANDRA_OPTIONS);

	(void)state;
	assert_int_equal(look(startup(4, NULL), none), GUESS_YES);
	assert_int_equal(look(startup(6, NULL), none), GUESS_NO);
	assert_int_equal(look(statement(1, CASSANDRA_QUERY, "SELECT 1 FROM t"), none), GUESS_YES);
	assert_int_equal(look(statement(1, CASSANDRA_QUERY, "what is it"), none), GUESS_MORE);
	assert_int_equal(look(options, none), GUESS_MORE);
	assert_int_equal(look(options, plain(0x84, 3, CASSANDRA_SUPPORTED)), GUESS_YES);
	assert_int_equal(look(options, plain(0x84, 4, CASSANDRA_SUPPORTED)), GUESS_NO);
	assert_int_equal(look(options, http), GUESS_NO);
	assert_int_equal(look(http, none), GUESS_NO);
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
		TEST(statements_tell_what_they_are_about),
		TEST(what_was_prepared_is_known_by_its_id),
		TEST(events_answer_nothing_and_batches_are_one_call),
		TEST(what_is_compressed_has_a_duration_only),
		TEST(outer_frames_of_version_5_are_opened),
		TEST(compressed_outer_frames_are_left),
		TEST(nothing_is_told_wrongly),
		TEST(a_start_a_statement_or_an_answer_proves_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
