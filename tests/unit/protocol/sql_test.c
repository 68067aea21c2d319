/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "protocol/sql_memo.h"

struct expected {
	enum sql_dialect dialect;
	const char *text, *summary, *operation, *collection;
};

#define G SQL_GENERIC
#define P SQL_POSTGRESQL
#define M SQL_MYSQL
#define T SQL_MSSQL
#define C SQL_CQL

static const struct expected all[] = {
	/* literals of all forms */
	{G, "SELECT 7, -7, +7", "SELECT", "SELECT", ""},
	{G, "SELECT 1.5, .5, -.5, 2e9, 2e-9, 0xBEEF", "SELECT", "SELECT", ""},
	{G, "SELECT 40+2", "SELECT", "SELECT", ""},
	{G, "SELECT 'a', 'it''s', 'two\nlines'", "SELECT", "SELECT", ""},
	{G, "SELECT * FROM t2 WHERE a1b2=77", "SELECT t2", "SELECT", "t2"},
	{G, "SELECT * FROM table WHERE a IN (1, 2, 'x')", "SELECT table", "SELECT", "table"},
	{G, "SELECT * FROM table WHERE a IN ('x', .5,", "SELECT table", "SELECT", "table"},
	{P, "SELECT $$ FROM a $$, $x$ ' FROM b $x$, $1 FROM c", "SELECT c", "SELECT", "c"},
	{P, "SELECT E'\\' FROM a', 'x' FROM b", "SELECT b", "SELECT", "b"},
	{T, "SELECT N'x FROM a' FROM [b c].[d] x", "SELECT [b c].d", "SELECT", "[b c].d"},
	{M, "SELECT \"x FROM a\" FROM `b`", "SELECT b", "SELECT", "b"},
	{M, "SELECT 5--1 FROM b -- FROM c", "SELECT b", "SELECT", "b"},
	{M, "SELECT _utf8'FROM a', x'00' FROM b # , c", "SELECT b", "SELECT", "b"},
	{C, "SELECT * FROM ks.t WHERE id = 01234567-89ab-cdef-0123-456789abcdef // , u",
	 "SELECT ks.t", "SELECT", "ks.t"},
	{C, "UPDATE t SET a = $$x FROM secret, 'y' JOIN secret$$ WHERE k = $1 AND b = 1",
	 "UPDATE t", "UPDATE", "t"},
	{C, "SELECT a FROM t WHERE b = $$it's FROM$$ AND c = $$ JOIN secret", "SELECT t", "SELECT",
	 "t"},
	{M, "SELECT * FROM t WHERE a = 'unfinished", "SELECT t", "SELECT", "t"},
	/* charsets in which a backslash may be the second byte of a character, as GBK's */
	{M, "SELECT * FROM t WHERE a = '\xbf\\' AND b = ' FROM secret'", "SELECT t", "SELECT", ""},
	{M, "SELECT * FROM t WHERE a = '\xc3\xa9\\'x' AND b IN (SELECT c FROM u)",
	 "SELECT t SELECT u", "SELECT", ""},
	/* comments */
	{G, "/* a */ SELECT x -- FROM a\nFROM /* FROM\nb */ c", "SELECT c", "SELECT", "c"},
	{P, "/* a /* b */ FROM c */ SELECT * FROM d", "SELECT d", "SELECT", "d"},
	{M, "/*!40101 SET NAMES utf8 */", "SET", "SET", ""},
	{M, "/* a /* b */ SELECT * FROM d", "SELECT d", "SELECT", "d"},
	/* targets */
	{G, "SELECT a FROM s.Tab JOIN s.Other", "SELECT s.Tab s.Other", "SELECT", ""},
	{G, "INSERT INTO t VALUES(1, 2.5, 4+2)", "INSERT t", "INSERT", "t"},
	{G, "INSERT INTO t\n(a,\nb)\nSELECT c FROM u WHERE c = 1", "INSERT t SELECT u", "INSERT",
	 ""},
	{G, "SELECT a FROM (SELECT * FROM b x JOIN c y ON x.i = y.i)", "SELECT SELECT b c",
	 "SELECT", ""},
	{G, "SeLeCt a FROM (sELECT * FROM B)", "SeLeCt sELECT B", "SELECT", "B"},
	{G, "SELECT * FROM A x CROSS JOIN B y", "SELECT A B", "SELECT", ""},
	{G, "SELECT * FROM A x, B y WHERE f(x, y), z", "SELECT A B", "SELECT", ""},
	{G, "SELECT * FROM (A JOIN B ON 1=1), C", "SELECT A B C", "SELECT", ""},
	{G, "SELECT DISTINCT a, count(*) OVER (PARTITION BY a) FROM b", "SELECT b", "SELECT", "b"},
	{G, "SELECT a FROM b UNION SELECT c FROM d ORDER BY e, f", "SELECT b d", "SELECT", ""},
	{G, "SELECT * FROM a WHERE b IN (SELECT c FROM d), e", "SELECT a SELECT d", "SELECT", ""},
	{G, "SELECT * FROM a WHERE b IN (SELECT c FROM a)", "SELECT a SELECT a", "SELECT", "a"},
	{P, "SELECT extract(year FROM a), trim(both from b) FROM c", "SELECT c", "SELECT", "c"},
	{P, "SELECT a IS DISTINCT FROM b FROM c", "SELECT c", "SELECT", "c"},
	{P, "SELECT * FROM generate_series(1, 9) g, t", "SELECT t", "SELECT", "t"},
	{P, "SELECT * FROM ONLY a, LATERAL (SELECT * FROM b) c, d", "SELECT a SELECT b d", "SELECT",
	 ""},
	{P, "SELECT * FROM a FOR UPDATE OF a", "SELECT a", "SELECT", "a"},
	{P, "SELECT * FROM \"A\".\"b c\", \"d\"", "SELECT A.\"b c\" d", "SELECT", ""},
	{P, "SELECT * FROM \"song list\"", "SELECT \"song list\"", "SELECT", "song list"},
	{P, "SELECT a::text FROM b", "SELECT b", "SELECT", "b"},
	{P, "WITH a AS (SELECT * FROM b), c(d) AS (SELECT 1) SELECT * FROM a, C, e",
	 "SELECT b SELECT SELECT e", "SELECT", ""},
	{P, "WITH RECURSIVE a AS (DELETE FROM b RETURNING x) INSERT INTO c SELECT * FROM a",
	 "DELETE b INSERT c SELECT", "INSERT", ""},
	{P, "UPDATE a SET b = 1, c = 2 FROM d WHERE e", "UPDATE a d", "UPDATE", ""},
	{G, "UPDATE T SET A = (9)", "UPDATE T", "UPDATE", "T"},
	{M, "UPDATE LOW_PRIORITY a, b SET c = 1, d = 2", "UPDATE a b", "UPDATE", ""},
	{M, "INSERT IGNORE a VALUES (1) ON DUPLICATE KEY UPDATE b = 2, c = 3", "INSERT a", "INSERT",
	 "a"},
	{M, "REPLACE INTO a VALUES (replace(b, 'c', 'd'))", "REPLACE a", "REPLACE", "a"},
	{M, "SELECT a INTO OUTFILE 'x' FROM b", "SELECT b", "SELECT", "b"},
	{M, "DELETE a, b FROM a JOIN b", "DELETE a b", "DELETE", ""},
	{P, "DELETE FROM a USING b, c WHERE d", "DELETE a b c", "DELETE", ""},
	{G, "INSERT OR REPLACE INTO a VALUES (1)", "INSERT a", "INSERT", "a"},
	{T, "MERGE INTO a USING b ON c WHEN MATCHED THEN UPDATE SET d = 1", "MERGE a b", "MERGE",
	 ""},
	{M, "LOAD DATA LOCAL INFILE 'x' INTO TABLE a FIELDS TERMINATED BY ','", "LOAD a", "LOAD",
	 "a"},
	{P, "COPY a (b, c) FROM STDIN", "COPY a", "COPY", "a"},
	{P, "COPY (SELECT * FROM a) TO STDOUT", "COPY SELECT a", "COPY", "a"},
	{T, "SELECT * FROM #tmp", "SELECT #tmp", "SELECT", "#tmp"},
	{T, "SELECT * FROM t WHERE a = #", "SELECT t", "SELECT", "t"},
	{T, "SELECT * FROM db..t WITH (NOLOCK)", "SELECT db..t", "SELECT", "db..t"},
	{G, "SELECT * FROM [t] WHERE a[1] = 2", "SELECT t", "SELECT", "t"},
	{G, "SELECT * FROM SelectedThings", "SELECT SelectedThings", "SELECT", "SelectedThings"},
	/* definitions */
	{G, "CREATE  TABLE A (\n id NOT NULL IDENTITY(1,1))", "CREATE TABLE A", "CREATE", "A"},
	{G, "CREATE TABLE IF NOT EXISTS A (b int)", "CREATE TABLE A", "CREATE", "A"},
	{G, "ALTER  TABLE A ADD b varchar(255) 'x' 12", "ALTER TABLE A", "ALTER", "A"},
	{G, "DROP TABLE IF EXISTS a, b CASCADE", "DROP TABLE a b", "DROP", ""},
	{P, "TRUNCATE a, b", "TRUNCATE a b", "TRUNCATE", ""},
	{P, "TRUNCATE TABLE a", "TRUNCATE TABLE a", "TRUNCATE", "a"},
	{G, "CREATE UNIQUE CLUSTERED INDEX i ON a (b)", "CREATE INDEX i", "CREATE", ""},
	{P, "CREATE INDEX CONCURRENTLY ON a (b)", "CREATE INDEX", "CREATE", ""},
	{G, "CREATE VIEW v AS SELECT * FROM t", "CREATE VIEW v", "CREATE", "v"},
	{P, "CREATE OR REPLACE FUNCTION f(a int) AS $$ SELECT * FROM b $$", "CREATE FUNCTION f",
	 "CREATE", ""},
	{G, "CREATE TRIGGER t ON a AFTER UPDATE AS BEGIN UPDATE a SET b = 1; END",
	 "CREATE TRIGGER t", "CREATE", ""},
	{T, "ALTER PROCEDURE p @a INT AS UPDATE b SET c = @a; SELECT * FROM d", "ALTER PROCEDURE p",
	 "ALTER", ""},
	{G, "CREATE USER bob WITH PASSWORD = 'x'", "CREATE USER bob", "CREATE", ""},
	{M, "CREATE USER 'bob'@'%' IDENTIFIED BY 'x'", "CREATE USER", "CREATE", ""},
	{G, "DROP DATABASE IF EXISTS d", "DROP DATABASE d", "DROP", ""},
	{G, "ALTER SEQUENCE s RESTART WITH 100", "ALTER SEQUENCE s", "ALTER", ""},
	{C, "CREATE KEYSPACE k WITH REPLICATION = {'class': 'x'}", "CREATE KEYSPACE k", "CREATE",
	 ""},
	/* others */
	{T, "EXEC dbo.sp_rename 'a', 'b'", "EXEC dbo.sp_rename", "EXEC", ""},
	{T, "EXEC @rc = p @a = 5", "EXEC p", "EXEC", ""},
	{T, "EXEC ('SELECT 1')", "EXEC", "EXEC", ""},
	{M, "CALL p(1, 'x')", "CALL p", "CALL", ""},
	{P, "EXECUTE s123(1)", "EXECUTE", "EXECUTE", ""},
	{P, "EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM a", "EXPLAIN SELECT a", "EXPLAIN", "a"},
	{P, "explain analyze verbose delete from a", "explain delete a", "EXPLAIN", "a"},
	{P, "BEGIN; UPDATE a SET b = 1; COMMIT;", "BEGIN; UPDATE a; COMMIT", "BEGIN", "a"},
	{P, "SELECT 1; SELECT * FROM a;", "SELECT; SELECT a", "SELECT", "a"},
	{P, "(SELECT * FROM a) UNION ALL (SELECT * FROM b)", "SELECT a b", "SELECT", ""},
	{P, "vacuum analyze a", "vacuum", "VACUUM", ""},
	{P, "SET search_path TO a, 'b'", "SET", "SET", ""},
	{P, "DECLARE c CURSOR FOR SELECT * FROM a", "DECLARE SELECT a", "DECLARE", "a"},
	{M, "SHOW TABLES FROM a", "SHOW", "SHOW", ""},
	{M, "USE `shop`", "USE", "USE", ""},
	{M, "PREPARE s FROM 'SELECT * FROM a'", "PREPARE", "PREPARE", ""},
	{P, "VALUES (1, 'a')", "VALUES", "VALUES", ""},
	{T, "SET NOCOUNT ON SELECT * FROM a", "SET SELECT a", "SET", "a"},
	{T, "DECLARE @a INT = 5 UPDATE b SET c = @a", "DECLARE UPDATE b", "DECLARE", "b"},
	{T, "IF EXISTS (SELECT 1 FROM a) DELETE FROM b", "IF SELECT a DELETE b", "IF", ""},
	{C, "BEGIN BATCH INSERT INTO a (b) VALUES (1); UPDATE c SET d = 2; APPLY BATCH",
	 "BEGIN INSERT a; UPDATE c; APPLY", "BEGIN", ""},
	{P, "hunter2 FROM a", "", "", ""},
	{P, "", "", "", ""},
	{P, ";;", "", "", ""},
};

/* Read, remembered, and remembered from a text that is gone: always the same. */
static struct sql_memo *memo;

static void read_each_way(const struct sql_text *in, struct sql *sql)
{
	struct sql_text copy = *in;
	char *text = malloc(in->text.n + 1);
	struct sql again;

	sql_read(in, sql);
	memcpy(text, in->text.p, in->text.n);
	copy.text.p = text;
	sql_memo_read(memo, &copy, &again);
	memset(text, 'x', in->text.n);
	for (int i = 0; i < 2; i++) {
		memset(&again, 0xff, sizeof(again));
		sql_memo_read(memo, in, &again);
		assert_int_equal(again.operation, sql->operation);
		assert_int_equal(again.collection_at, sql->collection_at);
		assert_int_equal(again.collection_n, sql->collection_n);
		assert_int_equal(again.n, sql->n);
		assert_memory_equal(again.summary, sql->summary, sql->n);
		assert_int_equal(again.use.n, sql->use.n);
		assert_true(again.use.n == 0 || again.use.p == sql->use.p);
	}
	free(text);
}

static struct sql read_text(enum sql_dialect dialect, const char *text, size_t n, bool cut)
{
	struct sql_text in = {{text, n}, dialect, SQL_BACKSLASH_PLAIN, cut};
	struct sql sql;

	if (dialect == SQL_MYSQL)
		in.backslash = SQL_BACKSLASH_ESCAPES;
	read_each_way(&in, &sql);
	return sql;
}

static bool is(const char *what, const char *text, struct slice got, const char *expected)
{
	if (slice_is(got, expected))
		return true;
	print_error("%s: %s is \"%.*s\", not \"%s\"\n", text, what, (int)got.n, got.p, expected);
	return false;
}

static void test_statements(void **state)
{
	bool good = true;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct expected *e = &all[i];
		struct sql sql = read_text(e->dialect, e->text, strlen(e->text), false);

		good &= is("summary", e->text, sql_summary(&sql), e->summary);
		good &= is("operation", e->text, sql_operation(sql.operation), e->operation);
		good &= is("collection", e->text, sql_collection(&sql), e->collection);
	}
	assert_true(good);
}

/* Of every prefix, cut off: what it tells is the beginning of what the whole tells. */
static void test_cut(void **state)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		size_t n = strlen(all[i].text);
		struct sql whole = read_text(all[i].dialect, all[i].text, n, false);

		for (size_t k = 0; k < n; k++) {
			char *exact = malloc(k ? k : 1);
			struct sql part;

			memcpy(exact, all[i].text, k);
			part = read_text(all[i].dialect, exact, k, true);
			if (part.n > whole.n || memcmp(part.summary, whole.summary, part.n) != 0)
				fail_msg("%s: %.*s of %zu bytes", all[i].text, part.n, part.summary,
					 k);
			/* rows that were cut off are taken to be the last of the text */
			if (part.collection_n && !strchr(all[i].text, ';'))
				assert_true(
					slice_same(sql_collection(&part), sql_collection(&whole)));
			free(exact);
		}
	}
}

static void test_long_name(void **state)
{
	char text[600] = "SELECT * FROM ";
	struct sql sql;

	memset(text + 14, 'n', 260);
	strcpy(text + 274, ", short");
	sql = read_text(SQL_GENERIC, text, strlen(text), false);
	assert_true(slice_is(sql_summary(&sql), "SELECT"));
	assert_int_equal(sql.collection_n, 0);
}

static void test_use(void **state)
{
	struct sql sql = read_text(SQL_MYSQL, "use `shop`;", 11, false);

	assert_true(slice_is(sql.use, "shop"));
	sql = read_text(SQL_MYSQL, "select 1", 8, false);
	assert_int_equal(sql.use.n, 0);
}

/* Where it is not known whether \' ends a string, nothing after it is told. */
static void test_backslash(void **state)
{
	static const char text[] =
		"SELECT * FROM a WHERE b = 'x\\' OR c = '; SELECT * FROM secret'";
	static const struct {
		enum sql_backslash backslash;
		const char *summary;
	} modes[] = {
		{SQL_BACKSLASH_ESCAPES, "SELECT a; SELECT secret"},
		{SQL_BACKSLASH_PLAIN, "SELECT a"},
		{SQL_BACKSLASH_UNKNOWN, "SELECT a"},
	};
	static const enum sql_dialect dialects[] = {SQL_MYSQL, SQL_POSTGRESQL};

	for (size_t d = 0; d < 2; d++) {
		for (size_t i = 0; i < 3; i++) {
			struct sql_text in = {slice_of(text), dialects[d], modes[i].backslash,
					      false};
			struct sql sql;

			read_each_way(&in, &sql);
			assert_true(is("summary", text, sql_summary(&sql), modes[i].summary));
		}
	}
}

/* The same text, written for others. */
static void test_all_dialects(void **state)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (unsigned int j = 0; j < 5 * 3 * 2; j++) {
			struct sql_text in = {slice_of(all[i].text), (enum sql_dialect)(j % 5),
					      (enum sql_backslash)(j / 5 % 3), j / 15 != 0};
			struct sql sql;

			read_each_way(&in, &sql);
		}
	}
}

static void test_deep(void **state)
{
	char text[400] = "SELECT * FROM a WHERE b = ";
	size_t n = strlen(text);
	struct sql sql;

	for (int i = 0; i < 40; i++)
		text[n++] = '(';
	n += (size_t)sprintf(text + n, "SELECT c FROM d");
	for (int i = 0; i < 40; i++)
		text[n++] = ')';
	n += (size_t)sprintf(text + n, " UNION SELECT * FROM e");
	sql = read_text(SQL_GENERIC, text, n, false);
	assert_true(is("summary", text, sql_summary(&sql), "SELECT a e"));
}

/* Literals with a mark in them, wherever one may stand, in each dialect. */
static void test_no_literal(void **state)
{
	static const char *const literals[] = {
		"'SECRET'",
		"'it''s SECRET'",
		"'FROM SECRET'",
		"N'SECRET'",
		"1SECRET",
		"'SECRET",
		"/* FROM SECRET */ 1",
		"-- FROM SECRET\n1",
		".5SECRET",
		"@SECRET",
		":SECRET",
		"$1SECRET",
	};
	char text[1024];

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (size_t k = 0; k < sizeof(literals) / sizeof(literals[0]); k++) {
			const char *s = all[i].text;

			/* instead of each space: before any word */
			for (const char *at = s; *at; at++) {
				struct sql sql;
				size_t n;

				if (*at != ' ' && *at != '(')
					continue;
				n = (size_t)snprintf(text, sizeof(text), "%.*s%c%s %s",
						     (int)(at - s), s, *at, literals[k], at + 1);
				/* a quote inside of a literal ends it: what was in it is out then
				 */
				sql = read_text(all[i].dialect, text, n, false);
				if (memmem(sql.summary, sql.n, "SECRET", 6) &&
				    !strpbrk(s, "'\"`[$/-#"))
					fail_msg("%s: %.*s", text, sql.n, sql.summary);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statements), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_long_name),  cmocka_unit_test(test_use),
		cmocka_unit_test(test_backslash),  cmocka_unit_test(test_deep),
		cmocka_unit_test(test_no_literal), cmocka_unit_test(test_all_dialects),
	};

	int failed;

	memo = calloc(1, sizeof(*memo));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(memo);
	return failed;
}
