/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "script.h"

static struct script s;

/* ---- messages ---- */

static void message(char who, char type, const void *body, size_t n)
{
	script_add(&s, who, &type, 1);
	script_be(&s, who, n + 4, 4);
	script_add(&s, who, body, n);
}

#define BODY(text) text, sizeof(text) - 1

static void startup(const char *parameters, size_t n)
{
	script_be(&s, '>', n + 9, 4);
	script_be(&s, '>', 196608, 4);
	script_add(&s, '>', parameters, n);
	script_add(&s, '>', "", 1);
}

static void welcome(void)
{
	message('<', 'R', BODY("\0\0\0\0"));
	message('<', 'S', BODY("standard_conforming_strings\0on\0"));
	message('<', 'K', BODY("\0\0\0\1abcd"));
	message('<', 'Z', "I", 1);
}

static void begin(void)
{
	script_begin(&s);
	startup(BODY("user\0bob\0database\0shop\0"));
	welcome();
}

static void query(const char *text)
{
	message('>', 'Q', text, strlen(text) + 1);
}

static void row(const char *value)
{
	char body[256];
	size_t n = strlen(value);

	memcpy(body, "\0\1\0\0\0", 5);
	body[5] = (char)n;
	memcpy(body + 6, value, n);
	message('<', 'D', body, 6 + n);
}

static void complete(const char *tag)
{
	message('<', 'C', tag, strlen(tag) + 1);
}

static void ready(void)
{
	message('<', 'Z', "I", 1);
}

static void parse(const char *name, const char *text)
{
	char body[512];
	int n = snprintf(body, sizeof(body), "%s%c%s%c%c%c", name, 0, text, 0, 0, 0);

	message('>', 'P', body, (size_t)n);
}

static void bind(const char *portal, const char *name)
{
	char body[512];
	int n = snprintf(body, sizeof(body), "%s%c%s%c", portal, 0, name, 0);

	memset(body + n, 0, 6);
	message('>', 'B', body, (size_t)n + 6);
}

static void execute(const char *portal)
{
	char body[128];
	size_t n = strlen(portal) + 1;

	memcpy(body, portal, n);
	memset(body + n, 0, 4);
	message('>', 'E', body, n + 4);
}

static void copy_in(bool extended)
{
	if (extended) {
		parse("", "COPY t FROM STDIN");
		bind("", "");
		execute("");
		message('>', 'S', "", 0);
		message('<', '1', "", 0);
		message('<', '2', "", 0);
	} else {
		query("COPY t FROM STDIN");
	}
	message('<', 'G', BODY("\0\0\1\0\0"));
	for (int i = 0; i < 5; i++)
		message('>', 'd', BODY("SECRET\n"));
	message('>', 'c', "", 0);
	if (extended)
		message('>', 'S', "", 0);
	complete("COPY 5");
	ready();
}

#define ERROR_BODY(severity, code)                                                                 \
	"S" severity "\0V" severity "\0C" code "\0Mno such column SECRET\0\0"

/* ---- tests ---- */

static void both(const char *expected)
{
	talker_same(s.said, s.n, expected, 20);
}

static void test_simple(void **state)
{
	begin();
	query("SELECT a FROM t WHERE b = 'SECRET'");
	message('<', 'T', BODY("\0\0"));
	row("SECRET");
	row("x");
	complete("SELECT 2");
	ready();
	query("INSERT INTO u VALUES (1)");
	message('<', 'E', BODY(ERROR_BODY("ERROR", "42703")));
	ready();
	query("");
	message('<', 'I', "", 0);
	ready();
	both("db postgresql op=SELECT coll=t ns=shop sum=SELECT t\n"
	     "db postgresql op=INSERT coll=u ns=shop sum=INSERT u code=42703 failed\n"
	     "db postgresql ns=shop\n");
}

/* Its database is not told, as it is not where a connection was joined. */
static void test_never_wrong(void **state)
{
	script_begin(&s);
	startup(BODY("user\0\0"));
	welcome();
	query("SELECT * FROM t");
	message('<', 'T', BODY("\0\0"));
	row("1");
	row("2");
	complete("SELECT 2");
	ready();
	query("INSERT INTO u VALUES (1)");
	message('<', 'E', BODY(ERROR_BODY("ERROR", "42703")));
	ready();
	copy_in(false);
	query("UPDATE a SET b = 1");
	complete("UPDATE 0");
	ready();
	query("DELETE FROM a");
	message('<', 'E', BODY(ERROR_BODY("ERROR", "23503")));
	ready();
	talker_never_wrong(s.said, s.n,
			   "db postgresql op=SELECT coll=t sum=SELECT t\n"
			   "db postgresql op=INSERT coll=u sum=INSERT u code=42703 failed\n"
			   "db postgresql op=COPY coll=t sum=COPY t\n"
			   "db postgresql op=UPDATE coll=a sum=UPDATE a\n"
			   "db postgresql op=DELETE coll=a sum=DELETE a code=23503 failed\n",
			   1000);
}

static void test_error_after_rows(void **state)
{
	begin();
	query("SELECT 1/a FROM t");
	message('<', 'T', BODY("\0\0"));
	row("1");
	row("2");
	message('<', 'E', BODY(ERROR_BODY("ERROR", "22012")));
	ready();
	both("db postgresql op=SELECT coll=t ns=shop sum=SELECT t code=22012 failed\n");
}

static void test_fatal(void **state)
{
	begin();
	query("SELECT * FROM t");
	message('<', 'E', BODY(ERROR_BODY("FATAL", "57P01")));
	script_step(&s, 'C');
	both("db postgresql op=SELECT coll=t ns=shop sum=SELECT t code=57P01 failed\n");
}

static void test_several_statements(void **state)
{
	begin();
	query("BEGIN; UPDATE t SET a = 1; COMMIT");
	complete("BEGIN");
	complete("UPDATE 1");
	message('<', 'N', BODY("SWARNING\0Mx\0\0"));
	message('<', 'A', BODY("\0\0\0\1chan\0SECRET\0"));
	complete("COMMIT");
	ready();
	both("db postgresql op=BEGIN coll=t ns=shop sum=BEGIN; UPDATE t; COMMIT\n");
}

static void test_prepared(void **state)
{
	begin();
	parse("s1", "SELECT a FROM t WHERE b = $1");
	message('>', 'S', "", 0);
	message('<', '1', "", 0);
	ready();
	for (int i = 0; i < 2; i++) {
		bind("", "s1");
		message('>', 'D', BODY("P\0"));
		execute("");
		message('>', 'S', "", 0);
		message('<', '2', "", 0);
		message('<', 'T', BODY("\0\0"));
		row("SECRET");
		complete("SELECT 1");
		ready();
	}
	bind("", "unknown");
	execute("");
	message('>', 'S', "", 0);
	message('<', 'E', BODY(ERROR_BODY("ERROR", "26000")));
	ready();
	both("db postgresql op=SELECT coll=t ns=shop sum=SELECT t\n"
	     "db postgresql op=SELECT coll=t ns=shop sum=SELECT t\n"
	     "db postgresql ns=shop code=26000 failed\n");
}

static void test_parse_fails(void **state)
{
	begin();
	parse("", "SELECT a FROM t");
	message('>', 'D', BODY("S\0"));
	message('>', 'S', "", 0);
	message('<', 'E', BODY(ERROR_BODY("ERROR", "42P01")));
	ready();
	parse("", "SELECT a FROM u");
	bind("", "");
	execute("");
	message('>', 'S', "", 0);
	message('<', '1', "", 0);
	message('<', '2', "", 0);
	complete("SELECT 0");
	ready();
	both("db postgresql op=SELECT coll=t ns=shop sum=SELECT t code=42P01 failed\n"
	     "db postgresql op=SELECT coll=u ns=shop sum=SELECT u\n");
}

/* Three rounds at once; in the second, an error keeps its last Execute from being done. */
static void test_pipeline(void **state)
{
	begin();
	parse("", "INSERT INTO a VALUES ($1)");
	bind("", "");
	execute("");
	message('>', 'S', "", 0);
	parse("", "UPDATE b SET c = 1");
	bind("", "");
	execute("");
	parse("", "DELETE FROM c");
	bind("", "");
	execute("");
	parse("", "DELETE FROM d");
	bind("", "");
	execute("");
	message('>', 'S', "", 0);
	query("SELECT * FROM e");
	message('<', '1', "", 0);
	message('<', '2', "", 0);
	complete("INSERT 0 1");
	ready();
	message('<', '1', "", 0);
	message('<', '2', "", 0);
	complete("UPDATE 1");
	message('<', 'E', BODY(ERROR_BODY("ERROR", "40001")));
	ready();
	complete("SELECT 0");
	ready();
	both("db postgresql op=INSERT coll=a ns=shop sum=INSERT a\n"
	     "db postgresql op=UPDATE coll=b ns=shop sum=UPDATE b\n"
	     "db postgresql op=DELETE coll=c ns=shop sum=DELETE c code=40001 failed\n"
	     "db postgresql op=SELECT coll=e ns=shop sum=SELECT e\n");
}

static void test_portals(void **state)
{
	begin();
	parse("s", "SELECT * FROM t");
	bind("p", "s");
	for (int i = 0; i < 2; i++) {
		execute("p");
		message('>', 'H', "", 0);
		if (!i) {
			message('<', '1', "", 0);
			message('<', '2', "", 0);
		}
		row("1");
		message('<', i ? 'C' : 's', "SELECT 1", i ? 9 : 0);
	}
	message('>', 'C', BODY("Pp\0"));
	message('>', 'S', "", 0);
	message('<', '3', "", 0);
	ready();
	both("db postgresql op=SELECT coll=t ns=shop sum=SELECT t\n"
	     "db postgresql op=SELECT coll=t ns=shop sum=SELECT t\n");
}

static void test_copy(void **state)
{
	begin();
	copy_in(false);
	copy_in(true);
	query("COPY t TO STDOUT");
	message('<', 'H', BODY("\0\0\1\0\0"));
	message('<', 'd', BODY("SECRET\n"));
	message('<', 'c', "", 0);
	complete("COPY 1");
	ready();
	query("SELECT * FROM u");
	complete("SELECT 0");
	ready();
	both("db postgresql op=COPY coll=t ns=shop sum=COPY t\n"
	     "db postgresql op=COPY coll=t ns=shop sum=COPY t\n"
	     "db postgresql op=COPY coll=t ns=shop sum=COPY t\n"
	     "db postgresql op=SELECT coll=u ns=shop sum=SELECT u\n");
}

static void test_encryption_refused(void **state)
{
	script_begin(&s);
	script_add(&s, '>', BODY("\0\0\0\10\4\322\26\60"));
	script_add(&s, '<', "N", 1);
	script_add(&s, '>', BODY("\0\0\0\10\4\322\26\57"));
	script_add(&s, '<', "N", 1);
	startup(BODY("user\0bob\0"));
	welcome();
	query("SELECT 1");
	complete("SELECT 1");
	ready();
	both("db postgresql op=SELECT ns=bob sum=SELECT\n");
}

static void test_encryption_accepted(void **state)
{
	struct talker *t = calloc(1, sizeof(*t));
	struct talker_how how = {.role = KH_ROLE_CLIENT};

	script_begin(&s);
	script_add(&s, '>', BODY("\0\0\0\10\4\322\26\57"));
	script_add(&s, '<', "S", 1);
	script_add(&s, '>', BODY("\26\3\1\0\5abcde"));
	talker_run(t, &how, s.said, s.n);
	assert_int_equal(t->encrypted, 1);
	assert_string_equal(t->told, "");
	free(t);
}

static void test_cancel(void **state)
{
	script_begin(&s);
	script_add(&s, '>', BODY("\0\0\0\20\4\322\26\56\0\0\0\1abcd"));
	script_step(&s, 'C');
	both("");
}

/* Many rows, of which each call's beginning is captured only: the end tells how it went. */
static void test_rows_not_captured(void **state)
{
	struct talker *t = calloc(1, sizeof(*t));
	struct talker_how how = {.role = KH_ROLE_CLIENT, .capture = 1024};

	begin();
	query("SELECT * FROM t");
	for (int i = 0; i < 400; i++)
		row("0123456789012345678901234567890123456789");
	complete("SELECT 400");
	ready();
	query("SELECT * FROM u");
	for (int i = 0; i < 400; i++)
		row("0123456789012345678901234567890123456789");
	message('<', 'E', BODY(ERROR_BODY("ERROR", "22012")));
	ready();
	query("SELECT * FROM v");
	complete("SELECT 0");
	ready();
	talker_run(t, &how, s.said, s.n);
	/* whether the second failed is not known */
	assert_string_equal(t->told, "db postgresql op=SELECT coll=t ns=shop sum=SELECT t\n"
				     "db postgresql op=SELECT coll=v ns=shop sum=SELECT v\n");
	assert_int_equal(t->counters.of[PROTOCOL_POSTGRESQL].lost, 1);
	free(t);
}

/* A connection older than Keyhole: from its next request on. */
static void test_joined(void **state)
{
	struct talker *t = calloc(1, sizeof(*t));
	struct talker_how how = {.role = KH_ROLE_UNKNOWN, .join = 2};

	begin();
	query("SELECT * FROM t");
	row("1");
	complete("SELECT 1");
	ready();
	query("SELECT * FROM u");
	complete("SELECT 0");
	ready();
	talker_run(t, &how, s.said, s.n);
	assert_string_equal(t->told, "db postgresql op=SELECT coll=t sum=SELECT t\n"
				     "db postgresql op=SELECT coll=u sum=SELECT u\n");
	how.join = 3; /* in the middle of an answer */
	talker_run(t, &how, s.said, s.n);
	assert_string_equal(t->told, "db postgresql op=SELECT coll=u sum=SELECT u\n");
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple),
		cmocka_unit_test(test_never_wrong),
		cmocka_unit_test(test_error_after_rows),
		cmocka_unit_test(test_fatal),
		cmocka_unit_test(test_several_statements),
		cmocka_unit_test(test_prepared),
		cmocka_unit_test(test_parse_fails),
		cmocka_unit_test(test_pipeline),
		cmocka_unit_test(test_portals),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_encryption_refused),
		cmocka_unit_test(test_encryption_accepted),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_rows_not_captured),
		cmocka_unit_test(test_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
