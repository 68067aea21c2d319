/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "script.h"

static struct script s;
static size_t packet_size = 4096;

#define BODY(text) text, sizeof(text) - 1
#define HEADERS "\26\0\0\0\22\0\0\0\2\0\0\0\0\0\0\0\0\0\1\0\0\0"

/* ---- messages ---- */

static char body[65536];
static size_t used;

static void add(const void *p, size_t n)
{
	memcpy(body + used, p, n);
	used += n;
}

static void add_le(uint64_t v, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		body[used++] = (char)(v >> 8 * i);
}

static void add_utf16(const char *text)
{
	for (; *text; text++)
		add_le((unsigned char)*text, 2);
}

/* Sends what was put together, in packets. */
static void send_all(char who, uint8_t type)
{
	size_t at = 0;
	uint8_t id = 1;

	do {
		size_t n = used - at < packet_size - 8 ? used - at : packet_size - 8;

		script_be(&s, who, type, 1);
		script_be(&s, who, at + n == used, 1);
		script_be(&s, who, n + 8, 2);
		script_be(&s, who, 0, 2);
		script_be(&s, who, id++, 1);
		script_be(&s, who, 0, 1);
		script_add(&s, who, body + at, n);
		at += n;
	} while (at < used);
	used = 0;
}

static void prelogin(uint8_t encryption)
{
	static const char options[] = "\0\0\13\0\6\1\0\21\0\1\377\17\0\7\320\0\0";

	add(options, sizeof(options) - 1);
	add_le(2, 1);
	send_all('>', 18);
	add(options, sizeof(options) - 1);
	add_le(encryption, 1);
	send_all('<', 4);
}

static void login(const char *database)
{
	size_t n = strlen(database);

	add_le(94 + 2 * n, 4);
	add_le(0x74000004, 4);
	while (used < 36)
		add_le(0, 1);
	for (int i = 0; i < 8; i++)
		add_le(94, 4);
	add_le(94, 2);
	add_le(n, 2);
	while (used < 94)
		add_le(0, 1);
	add_utf16(database);
	send_all('>', 16);
}

static void done(uint8_t token, uint16_t state)
{
	add_le(token, 1);
	add_le(state, 2);
	add_le(0xc1, 2);
	add_le(1, 8);
}

static void error(uint32_t number)
{
	add_le(0xaa, 1);
	add_le(4 + 2 + 2 + 2 * 6 + 1 + 1 + 4, 2);
	add_le(number, 4);
	add_le(1, 1);
	add_le(16, 1);
	add_le(6, 2);
	add_utf16("SECRET");
	add_le(0, 2);
	add_le(1, 4);
}

static void begin(const char *database)
{
	script_begin(&s);
	used = 0;
	prelogin(2);
	login(database);
	add(BODY("\255\12\0\1t\0\0\4\2M\0\0\0"));
	done(0xfd, 0);
	send_all('<', 4);
}

static void batch(const char *text)
{
	add(BODY(HEADERS));
	add_utf16(text);
	send_all('>', 1);
}

/* One column, and rows of it. */
static void rows(unsigned int n)
{
	add(BODY("\201\1\0\0\0\0\0\10\0\70\0"));
	while (n--)
		add(BODY("\321SECR"));
}

static void rpc(uint16_t number)
{
	add(BODY(HEADERS));
	add_le(0xffff, 2);
	add_le(number, 2);
	add_le(0, 2);
}

static void parameter_text(const char *text)
{
	add(BODY("\0\0\347"));
	add_le(8000, 2);
	add(BODY("\11\4\320\0\64"));
	add_le(2 * strlen(text), 2);
	add_utf16(text);
}

/* nvarchar(max), in pieces; its length may be left open, as pytds does. */
static void parameter_long(uint64_t length, const char *const *pieces)
{
	add(BODY("\0\0\347\377\377\11\4\320\0\64"));
	add_le(length, 8);
	for (; *pieces; pieces++) {
		add_le(2 * strlen(*pieces), 4);
		add_utf16(*pieces);
	}
	add_le(0, 4);
}

static void parameter_number(uint32_t number)
{
	add(BODY("\0\0\46\4\4"));
	add_le(number, 4);
}

/* ---- tests ---- */

static void both(const char *expected)
{
	talker_same(s.said, s.n, expected, 20);
}

static void test_batch(void **state)
{
	begin("shop");
	batch("SELECT a FROM t WHERE b = N'SECRET'");
	rows(3);
	done(0xfd, 0x10);
	send_all('<', 4);
	batch("INSERT INTO u VALUES (1)");
	error(2627);
	done(0xfd, 2);
	send_all('<', 4);
	batch("SELECT 1/a FROM v");
	rows(2);
	error(8134);
	done(0xfd, 2);
	send_all('<', 4);
	batch("USE other");
	add(BODY("\343\23\0\1\5o\0t\0h\0e\0r\0\4s\0h\0"));
	used -= 4;
	add(BODY("\0\0\0\0"));
	done(0xfd, 0);
	send_all('<', 4);
	both("db mssql op=SELECT coll=t ns=shop sum=SELECT t\n"
	     "db mssql op=INSERT coll=u ns=shop sum=INSERT u code=2627 failed\n"
	     "db mssql op=SELECT coll=v ns=shop sum=SELECT v code=8134 failed\n"
	     "db mssql op=USE ns=shop sum=USE\n");
}

static void test_many_packets(void **state)
{
	static const size_t sizes[] = {512, 4096, 16000};
	char text[9000] = "INSERT INTO t VALUES ('";

	memset(text + 23, 'x', 8000);
	for (size_t i = 0; i < 3; i++) {
		packet_size = sizes[i];
		begin("shop");
		batch(text);
		done(0xfd, 0x10);
		send_all('<', 4);
		batch("SELECT * FROM u");
		rows(2000);
		error(8134);
		done(0xfd, 2);
		send_all('<', 4);
		both("db mssql op=INSERT coll=t ns=shop sum=INSERT t\n"
		     "db mssql op=SELECT coll=u ns=shop sum=SELECT u code=8134 failed\n");
	}
	packet_size = 4096;
}

static void test_rpc(void **state)
{
	begin("shop");
	rpc(10);
	parameter_text("SELECT * FROM t WHERE a = @P1");
	parameter_text("@P1 nvarchar(20)");
	parameter_text("SECRET");
	send_all('>', 3);
	rows(1);
	done(0xff, 0x11);
	add(BODY("\171\0\0\0\0"));
	done(0xfe, 0);
	send_all('<', 4);
	rpc(13); /* sp_prepexec: the handle comes with the answer */
	parameter_number(0);
	parameter_text("@P1 int");
	parameter_text("UPDATE u SET a = @P1");
	parameter_number(77);
	send_all('>', 3);
	done(0xff, 0x11);
	add(BODY("\171\0\0\0\0\254\0\0\0\1\0\0\0\0\0\0\46\4\4\5\0\0\0"));
	done(0xfe, 0);
	send_all('<', 4);
	rpc(12);
	parameter_number(5);
	parameter_text("SECRET");
	send_all('>', 3);
	done(0xff, 0x11);
	add(BODY("\171\0\0\0\0"));
	done(0xfe, 0);
	send_all('<', 4);
	add(BODY(HEADERS));
	add_le(13, 2);
	add_utf16("dbo.GetOrders");
	add_le(0, 2);
	parameter_text("SECRET");
	send_all('>', 3);
	error(2812);
	done(0xfe, 2);
	send_all('<', 4);
	both("db mssql op=SELECT coll=t ns=shop sum=SELECT t\n"
	     "db mssql op=UPDATE coll=u ns=shop sum=UPDATE u\n"
	     "db mssql op=UPDATE coll=u ns=shop sum=UPDATE u\n"
	     "db mssql op=EXEC ns=shop sum=EXEC dbo.GetOrders code=2812 failed\n");
}

static void long_answer(void)
{
	send_all('>', 3);
	done(0xff, 0x11);
	add(BODY("\171\0\0\0\0"));
	done(0xfe, 0);
	send_all('<', 4);
}

/* nvarchar(max): one piece is the whole of it, whatever its length says; of more the first counts.
 */
static void test_rpc_long(void **state)
{
	static const char *const whole[] = {"SELECT * FROM t WHERE a = @P1", NULL};
	static const char *const halves[] = {"SELECT * FROM t WHERE ", "a = 'SECRET'", NULL};
	static const char *const types[] = {"@P1 int", NULL};

	begin("shop");
	rpc(10);
	parameter_long(0xfffffffffffffffe, whole);
	long_answer();
	rpc(10);
	parameter_long(2 * strlen(whole[0]), whole);
	long_answer();
	rpc(10);
	parameter_long(0xfffffffffffffffe, halves);
	long_answer();
	rpc(13); /* the statement stands behind another that is long */
	parameter_number(0);
	parameter_long(0xfffffffffffffffe, types);
	parameter_long(0xfffffffffffffffe, whole);
	long_answer();
	both("db mssql op=SELECT coll=t ns=shop sum=SELECT t\n"
	     "db mssql op=SELECT coll=t ns=shop sum=SELECT t\n"
	     "db mssql op=SELECT ns=shop sum=SELECT t\n"
	     "db mssql op=SELECT coll=t ns=shop sum=SELECT t\n");
}

static void test_others(void **state)
{
	begin("shop");
	add(BODY(HEADERS "\5\0\0\0"));
	send_all('>', 14);
	done(0xfd, 0);
	send_all('<', 4);
	batch("WAITFOR DELAY '01:00'");
	script_step(&s, '>');
	send_all('>', 6);
	done(0xfd, 0x20);
	send_all('<', 4);
	batch("INSERT BULK t");
	done(0xfd, 0);
	send_all('<', 4);
	add(BODY("\201SECRET"));
	send_all('>', 7);
	done(0xfd, 0x10);
	send_all('<', 4);
	both("db mssql op=BEGIN ns=shop\n"
	     "db mssql op=WAITFOR ns=shop sum=WAITFOR error=5\n"
	     "db mssql op=INSERT coll=t ns=shop sum=INSERT t\n"
	     "db mssql op=BULK ns=shop\n");
}

static void test_encrypted(void **state)
{
	struct talker *t = calloc(1, sizeof(*t));
	struct talker_how how = {.role = KH_ROLE_CLIENT};

	script_begin(&s);
	prelogin(1);
	add(BODY("\26\3\1\0\5abcde"));
	send_all('>', 18);
	talker_run(t, &how, s.said, s.n);
	assert_int_equal(t->encrypted, 1);
	/* only the login is encrypted */
	script_begin(&s);
	prelogin(0);
	add(BODY("\26\3\1\0\5abcde"));
	send_all('>', 18);
	add(BODY("\26\3\3\0\5abcde"));
	send_all('<', 18);
	script_add(&s, '>', BODY("\27\3\3\0\5abcde"));
	done(0xfd, 0);
	send_all('<', 4);
	batch("SELECT * FROM t");
	rows(1);
	done(0xfd, 0x10);
	send_all('<', 4);
	both("db mssql op=SELECT coll=t sum=SELECT t\n");
	free(t);
}

static void test_never_wrong(void **state)
{
	begin("");
	batch("SELECT * FROM t");
	rows(3);
	done(0xfd, 0x10);
	send_all('<', 4);
	batch("INSERT INTO u VALUES (1)");
	error(2627);
	done(0xfd, 2);
	send_all('<', 4);
	batch("UPDATE v SET a = 1");
	done(0xfd, 0x10);
	send_all('<', 4);
	talker_never_wrong(s.said, s.n,
			   "db mssql op=SELECT coll=t sum=SELECT t\n"
			   "db mssql op=INSERT coll=u sum=INSERT u code=2627 failed\n"
			   "db mssql op=UPDATE coll=v sum=UPDATE v\n",
			   1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch),       cmocka_unit_test(test_many_packets),
		cmocka_unit_test(test_rpc),         cmocka_unit_test(test_rpc_long),
		cmocka_unit_test(test_others),      cmocka_unit_test(test_encrypted),
		cmocka_unit_test(test_never_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
