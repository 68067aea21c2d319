/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "script.h"

static struct script s;
static bool eof_deprecated;
static uint8_t seq;

#define BODY(text) text, sizeof(text) - 1

/* ---- packets ---- */

static void packet(char who, const void *payload, size_t n)
{
	script_le(&s, who, n, 3);
	script_le(&s, who, seq++, 1);
	script_add(&s, who, payload, n);
}

static void ok(uint16_t status)
{
	char body[7] = {0, 0, 0, (char)status, (char)(status >> 8), 0, 0};

	packet('<', body, 7);
}

/* The end of columns, or of rows. */
static void rows_end(uint16_t status)
{
	char body[7] = {(char)0xfe, 0, 0, (char)status, (char)(status >> 8), 0, 0};

	packet('<', body, eof_deprecated ? 7 : 5);
}

static void error(const char *body, size_t n)
{
	packet('<', body, n);
}
#define ERROR_1146 BODY("\377\172\4#42S02Table 'SECRET' is not")

static void begin(const char *version)
{
	char hello[128] = {10};
	size_t n = strlen(version) + 2;
	static const char tail[] =
		"\1\0\0\0abcdefgh\0\377\367\10\2\0\377\201\25\0\0\0\0\0\0\0\0\0\0abcdefghijkl"
		"\0mysql_native_password";

	script_begin(&s);
	seq = 0;
	memcpy(hello + 1, version, n);
	memcpy(hello + n, tail, sizeof(tail));
	packet('<', hello, n + sizeof(tail));
	packet('>', BODY("\10\202\0\0\0\0\0\1!"
			 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0bob\0\3abcshop\0"));
	ok(2);
}

static void command(uint8_t byte, const void *body, size_t n)
{
	char all[512] = {(char)byte};

	memcpy(all + 1, body, n);
	seq = 0;
	packet('>', all, n + 1);
}

static void query(const char *text)
{
	command(3, text, strlen(text));
}

static void columns(unsigned int n)
{
	char count = (char)n;

	packet('<', &count, 1);
	for (unsigned int i = 0; i < n; i++)
		packet('<', BODY("\3def\1a\1b\1c\1d\1e\14\77\0\1\0\0\0\10\201\0\0\0\0"));
	if (!eof_deprecated)
		rows_end(2);
}

static void result(unsigned int rows, uint16_t status)
{
	columns(2);
	for (unsigned int i = 0; i < rows; i++)
		packet('<', BODY("\6SECRET\373"));
	rows_end(status);
}

/* ---- tests ---- */

static void both(const char *expected)
{
	talker_same(s.said, s.n, expected, 20);
}

static void test_query(void **state)
{
	for (int i = 0; i < 2; i++) {
		eof_deprecated = i;
		begin("8.0.36");
		query("SELECT a FROM t WHERE b = \"SECRET\"");
		result(3, 2);
		query("SELECT a FROM t");
		result(0, 2);
		query("UPDATE t SET a = 1");
		ok(2);
		query("SELECT * FROM u");
		error(ERROR_1146);
		query("SELECT * FROM v");
		columns(1);
		packet('<', BODY("\1x"));
		error(BODY("\377\45\5#70100Query was killed"));
		both("db mysql op=SELECT coll=t ns=shop sum=SELECT t\n"
		     "db mysql op=SELECT coll=t ns=shop sum=SELECT t\n"
		     "db mysql op=UPDATE coll=t ns=shop sum=UPDATE t\n"
		     "db mysql op=SELECT coll=u ns=shop sum=SELECT u code=1146 failed\n"
		     "db mysql op=SELECT coll=v ns=shop sum=SELECT v code=1317 failed\n");
	}
}

static void test_several_results(void **state)
{
	eof_deprecated = false;
	begin("8.0.36");
	query("SELECT * FROM a; UPDATE b SET c = 1; SELECT * FROM d");
	result(2, 2 | 8);
	ok(2 | 8);
	result(1, 2);
	query("SELECT 1; SELECT * FROM e");
	result(1, 2 | 8);
	error(ERROR_1146);
	both("db mysql op=SELECT ns=shop sum=SELECT a; UPDATE b; SELECT d\n"
	     "db mysql op=SELECT coll=e ns=shop sum=SELECT; SELECT e code=1146 failed\n");
}

static void prepare(uint32_t id, const char *text, unsigned int parameters, unsigned int n)
{
	char body[12] = {0};

	command(0x16, text, strlen(text));
	memcpy(body + 1, &id, 4);
	body[5] = (char)n;
	body[7] = (char)parameters;
	packet('<', body, 12);
	for (unsigned int i = 0; i < parameters; i++)
		packet('<', BODY("\3def\0\0\0\1?\0\14\77\0\0\0\0\0\375\200\0\0\0\0"));
	if (parameters && !eof_deprecated)
		rows_end(2);
	for (unsigned int i = 0; i < n; i++)
		packet('<', BODY("\3def\1a\1b\1c\1d\1e\14\77\0\1\0\0\0\10\201\0\0\0\0"));
	if (n && !eof_deprecated)
		rows_end(2);
}

static void execute(uint32_t id)
{
	char body[32] = {0};

	memcpy(body, &id, 4);
	body[5] = 1;
	memcpy(body + 9, "\0\1\375\0\6SECRET", 11);
	command(0x17, body, 20);
}

static void test_prepared(void **state)
{
	for (int i = 0; i < 2; i++) {
		eof_deprecated = i;
		begin("8.0.36");
		prepare(7, "SELECT a FROM t WHERE b = ?", 1, 1);
		execute(7);
		result(1, 2);
		prepare(8, "INSERT INTO u VALUES (?, ?)", 2, 0);
		command(0x18, BODY("\10\0\0\0\0\0SECRET"));
		execute(8);
		ok(2);
		execute(8);
		error(ERROR_1146);
		command(0x19, BODY("\7\0\0\0"));
		execute(7);
		error(ERROR_1146);
		command(0x16, BODY("SELECT * FROM v"));
		error(ERROR_1146);
		both("db mysql op=PREPARE coll=t ns=shop sum=SELECT t\n"
		     "db mysql op=SELECT coll=t ns=shop sum=SELECT t\n"
		     "db mysql op=PREPARE coll=u ns=shop sum=INSERT u\n"
		     "db mysql op=INSERT coll=u ns=shop sum=INSERT u\n"
		     "db mysql op=INSERT coll=u ns=shop sum=INSERT u code=1146 failed\n"
		     "db mysql ns=shop code=1146 failed\n"
		     "db mysql op=PREPARE coll=v ns=shop sum=SELECT v code=1146 failed\n");
	}
}

/* A cursor: rows come when they are fetched. */
static void test_cursor(void **state)
{
	eof_deprecated = false;
	begin("8.0.36");
	prepare(7, "SELECT a FROM t", 0, 1);
	execute(7);
	packet('<', BODY("\1"));
	packet('<', BODY("\3def\1a\1b\1c\1d\1e\14\77\0\1\0\0\0\10\201\0\0\0\0"));
	rows_end(2 | 0x40);
	command(0x1c, BODY("\7\0\0\0\1\0\0\0"));
	packet('<', BODY("\0\0\1x"));
	rows_end(2 | 0x80);
	both("db mysql op=PREPARE coll=t ns=shop sum=SELECT t\n"
	     "db mysql op=SELECT coll=t ns=shop sum=SELECT t\n"
	     "db mysql op=FETCH coll=t ns=shop sum=SELECT t\n");
}

static void test_mariadb(void **state)
{
	eof_deprecated = true;
	begin("5.5.5-10.11.19-MariaDB");
	query("ALTER TABLE t ADD COLUMN a INT");
	error(BODY("\377\377\377\1\1\2\0\0\0\4copy"));
	error(BODY("\377\377\377\1\2\2\0\0\0\4copy"));
	ok(2);
	/* prepared and executed at once */
	command(0x16, BODY("INSERT INTO t VALUES (?)"));
	command(0xfa, BODY("\377\377\377\377\200\0\375\0\0\6SECRET"));
	seq = 1;
	packet('<', BODY("\0\5\0\0\0\0\0\1\0\0\0\0"));
	packet('<', BODY("\3def\0\0\0\1?\0\14\77\0\0\0\0\0\375\200\0\0\0\0"));
	seq = 1;
	ok(2);
	/* its columns are known to the client */
	command(0x17, BODY("\5\0\0\0\0\1\0\0\0"));
	packet('<', BODY("\2\0"));
	packet('<', BODY("\0\0\1x\1y"));
	rows_end(2);
	both("db mariadb op=ALTER coll=t ns=shop sum=ALTER TABLE t\n"
	     "db mariadb op=PREPARE coll=t ns=shop sum=INSERT t\n"
	     "db mariadb op=INSERT coll=t ns=shop sum=INSERT t\n"
	     "db mariadb op=INSERT coll=t ns=shop sum=INSERT t\n");
}

static void test_infile(void **state)
{
	begin("8.0.36");
	query("LOAD DATA LOCAL INFILE 'SECRET' INTO TABLE t");
	packet('<', BODY("\373SECRET"));
	for (int i = 0; i < 300; i++) /* the numbers wrap around */
		packet('>', BODY("\3SECRET"));
	packet('>', "", 0);
	ok(2);
	query("SELECT * FROM u");
	result(1, 2);
	both("db mysql op=LOAD coll=t ns=shop sum=LOAD t\n"
	     "db mysql op=SELECT coll=u ns=shop sum=SELECT u\n");
}

static void test_commands(void **state)
{
	eof_deprecated = false;
	begin("8.0.36");
	command(0x0e, "", 0);
	ok(2);
	command(0x02, BODY("other"));
	ok(2);
	query("SELECT * FROM t");
	result(0, 2);
	query("USE third");
	ok(2);
	query("USE missing");
	error(ERROR_1146);
	command(0x09, "", 0);
	packet('<', BODY("Uptime: 1  Threads: 2"));
	command(0x1f, "", 0);
	ok(2);
	command(0x11, BODY("bob\0\3abcfourth\0"));
	packet('<', BODY("\376mysql_native_password\0abc"));
	packet('>', BODY("abc"));
	ok(2);
	command(0x0e, "", 0);
	ok(2);
	command(0x01, "", 0);
	script_step(&s, 'C');
	both("db mysql op=PING ns=shop\n"
	     "db mysql op=INIT_DB ns=shop\n"
	     "db mysql op=SELECT coll=t ns=other sum=SELECT t\n"
	     "db mysql op=USE ns=other sum=USE\n"
	     "db mysql op=USE ns=third sum=USE code=1146 failed\n"
	     "db mysql op=STATISTICS ns=third\n"
	     "db mysql op=RESET_CONNECTION ns=third\n"
	     "db mysql op=CHANGE_USER ns=third\n"
	     "db mysql op=PING ns=fourth\n");
}

static void test_attributes(void **state)
{
	eof_deprecated = false;
	begin("8.0.36");
	command(3, BODY("\0\1SELECT * FROM t"));
	result(1, 2);
	command(3, BODY("\2\1\2\1\375\0\4name\3\0\1nSECRET"));
	ok(2);
	command(3, BODY("\1\1\0\1\375\0\4name\6SECRETSELECT * FROM u"));
	result(1, 2);
	both("db mysql op=SELECT coll=t ns=shop sum=SELECT t\n"
	     "db mysql ns=shop\n"
	     "db mysql op=SELECT coll=u ns=shop sum=SELECT u\n");
}

/* Where a backslash escapes nothing, the server says so. */
static void test_backslash(void **state)
{
	eof_deprecated = false;
	begin("8.0.36");
	query("SET sql_mode = 'NO_BACKSLASH_ESCAPES'");
	ok(2 | 0x200);
	query("SELECT * FROM t WHERE a = 'x\\' AND b = '; SELECT * FROM SECRET'");
	result(1, 2 | 0x200);
	both("db mysql op=SET ns=shop sum=SET\n"
	     "db mysql op=SELECT coll=t ns=shop sum=SELECT t\n");
}

static void test_large(void **state)
{
	static char text[100000];
	struct talker *t = calloc(1, sizeof(*t));
	struct talker_how how = {.role = KH_ROLE_CLIENT, .capture = 1024};

	begin("8.0.36");
	memset(text, 'x', sizeof(text));
	memcpy(text, "\3INSERT INTO t VALUES ('", 24);
	seq = 0;
	packet('>', text, sizeof(text));
	ok(2);
	eof_deprecated = false;
	query("SELECT * FROM u");
	result(2000, 2);
	query("SELECT * FROM v");
	result(2, 2);
	talker_run(t, &how, s.said, s.n);
	assert_string_equal(t->told, "db mysql op=INSERT coll=t ns=shop sum=INSERT t\n"
				     "db mysql op=SELECT coll=u ns=shop sum=SELECT u\n"
				     "db mysql op=SELECT coll=v ns=shop sum=SELECT v\n");
	free(t);
}

static void test_encrypted(void **state)
{
	struct talker *t = calloc(1, sizeof(*t));
	struct talker_how how = {.role = KH_ROLE_CLIENT};

	begin("8.0.36");
	s.n = 1;
	s.used = s.said[0].n;
	seq = 1;
	packet('>', BODY("\0\212\0\0\0\0\0\1!\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
	script_add(&s, '>', BODY("\26\3\1\0\5abcde"));
	talker_run(t, &how, s.said, s.n);
	assert_int_equal(t->encrypted, 1);
	assert_string_equal(t->told, "");
	free(t);
}

static void test_joined(void **state)
{
	struct talker *t = calloc(1, sizeof(*t));
	struct talker_how how = {.role = KH_ROLE_UNKNOWN, .join = 3};

	eof_deprecated = true;
	begin("8.0.36");
	query("SELECT * FROM t");
	result(1, 2);
	query("SELECT * FROM u");
	result(1, 2);
	talker_run(t, &how, s.said, s.n);
	assert_string_equal(t->told, "db mysql op=SELECT coll=t sum=SELECT t\n"
				     "db mysql op=SELECT coll=u sum=SELECT u\n");
	how.join = 4;
	talker_run(t, &how, s.said, s.n);
	assert_string_equal(t->told, "db mysql op=SELECT coll=u sum=SELECT u\n");
	free(t);
}

static void test_never_wrong(void **state)
{
	for (int i = 0; i < 2; i++) {
		eof_deprecated = i;
		begin("8.0.36");
		/* without a database, as a connection that was joined */
		s.n = 1;
		s.used = s.said[0].n;
		seq = 1;
		packet('>', BODY("\0\202\0\0\0\0\0\1!"
				 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0bob\0\3abc"));
		ok(2);
		query("SELECT * FROM t");
		result(3, 2);
		query("UPDATE t SET a = 1");
		ok(2);
		query("SELECT * FROM u");
		columns(1);
		packet('<', BODY("\1x"));
		packet('<', BODY("\1x"));
		error(BODY("\377\45\5#70100Query was killed"));
		query("DELETE FROM t");
		error(ERROR_1146);
		query("INSERT INTO v VALUES (1)");
		ok(2);
		talker_never_wrong(s.said, s.n,
				   "db mysql op=SELECT coll=t sum=SELECT t\n"
				   "db mysql op=UPDATE coll=t sum=UPDATE t\n"
				   "db mysql op=SELECT coll=u sum=SELECT u code=1317 failed\n"
				   "db mysql op=DELETE coll=t sum=DELETE t code=1146 failed\n"
				   "db mysql op=INSERT coll=v sum=INSERT v\n",
				   1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query),       cmocka_unit_test(test_several_results),
		cmocka_unit_test(test_prepared),    cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_mariadb),     cmocka_unit_test(test_infile),
		cmocka_unit_test(test_commands),    cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_backslash),   cmocka_unit_test(test_large),
		cmocka_unit_test(test_encrypted),   cmocka_unit_test(test_joined),
		cmocka_unit_test(test_never_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
