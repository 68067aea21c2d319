/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/parsers.h"
#include "protocol/redis.h"
#include "talker.h"

#define ROUNDS 60
#define SAME(said, expected) talker_same(said, TALKER_N(said), expected, ROUNDS)

static const struct said plain[] = {
	CLIENT("*1\r\n$4\r\nPING\r\n"),
	SERVER("+PONG\r\n"),
	CLIENT("*3\r\n$3\r\nset\r\n$9\r\nsecretkey\r\n$11\r\nsecretvalue\r\n"),
	SERVER("+OK\r\n"),
	CLIENT("*2\r\n$3\r\nGet\r\n$9\r\nsecretkey\r\n"),
	SERVER("$11\r\nsecretvalue\r\n"),
	CLIENT("*2\r\n$3\r\nGET\r\n$6\r\nabsent\r\n"),
	SERVER("$-1\r\n"),
	CLIENT("*2\r\n$4\r\nINCR\r\n$9\r\nsecretkey\r\n"),
	SERVER("-ERR value is not an integer or out of range\r\n"),
	CLIENT("*3\r\n$6\r\nLRANGE\r\n$1\r\nl\r\n$1\r\n0\r\n"),
	SERVER("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
	CLIENT("*2\r\n$9\r\nNOSUCHCMD\r\n$6\r\nsecret\r\n"),
	SERVER("-ERR unknown command 'NOSUCHCMD', with args beginning with: 'secret' \r\n"),
};
static const char plain_told[] = "db redis op=PING ns=0\n"
				 "db redis op=SET ns=0\n"
				 "db redis op=GET ns=0\n"
				 "db redis op=GET ns=0\n"
				 "db redis op=INCR ns=0 code=ERR failed\n"
				 "db redis op=LRANGE ns=0 code=WRONGTYPE failed\n"
				 "db redis ns=0 code=ERR failed\n";
/* Joined later, nobody knows which database was selected. */
static const char plain_or_joined[] = "db redis op=PING ns=0\ndb redis op=PING\n"
				      "db redis op=SET ns=0\ndb redis op=SET\n"
				      "db redis op=GET ns=0\ndb redis op=GET\n"
				      "db redis op=GET ns=0\ndb redis op=GET\n"
				      "db redis op=INCR ns=0 code=ERR failed\n"
				      "db redis op=INCR code=ERR failed\n"
				      "db redis op=LRANGE ns=0 code=WRONGTYPE failed\n"
				      "db redis op=LRANGE code=WRONGTYPE failed\n"
				      "db redis ns=0 code=ERR failed\n"
				      "db redis code=ERR failed\n";

static void tells_each_command_and_its_error_but_no_key_nor_value(void **state)
{
	(void)state;
	SAME(plain, plain_told);
	talker_never_wrong(plain, TALKER_N(plain), plain_or_joined, 300);
}

static void pipelined_answers_belong_to_their_requests_in_order(void **state)
{
	static const struct said said[] = {
		CLIENT("*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n"),
		CLIENT("*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n"),
		SERVER("$1\r\nx\r\n"),
		SERVER("-ERR value is not an integer or out of range\r\n*2\r\n$1\r\nx\r\n$-1\r\n"),
	};
	(void)state;
	SAME(said, "db redis op=GET ns=0\n"
		   "db redis op=INCR ns=0 code=ERR failed\n"
		   "db redis op=MGET ns=0\n");
}

static void a_command_of_two_words_keeps_its_second(void **state)
{
	static const struct said said[] = {
		CLIENT("*4\r\n$6\r\nconfig\r\n$3\r\nset\r\n$11\r\nrequirepass\r\n$6\r\nsecret\r\n"),
		SERVER("+OK\r\n"),
		CLIENT("*5\r\n$6\r\nXGROUP\r\n$6\r\nCREATE\r\n$1\r\ns\r\n$1\r\ng\r\n$1\r\n$\r\n"),
		SERVER("-BUSYGROUP Consumer Group name already exists\r\n"),
		CLIENT("*2\r\n$6\r\nCLIENT\r\n$6\r\nsecret\r\n"),
		SERVER("-ERR unknown subcommand 'secret'. Try CLIENT HELP.\r\n"),
		CLIENT("*1\r\n$7\r\nCOMMAND\r\n"),
		SERVER("*1\r\n*3\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n"),
	};
	(void)state;
	SAME(said, "db redis op=CONFIG SET ns=0\n"
		   "db redis op=XGROUP CREATE ns=0 code=BUSYGROUP failed\n"
		   "db redis op=CLIENT ns=0 code=ERR failed\n"
		   "db redis op=COMMAND ns=0\n");
}

static void the_database_is_the_one_selected(void **state)
{
	static const struct said said[] = {
		CLIENT("*2\r\n$6\r\nSELECT\r\n$2\r\n15\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
		SERVER("+OK\r\n$-1\r\n"),
		CLIENT("*2\r\n$6\r\nSELECT\r\n$2\r\n99\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
		SERVER("-ERR DB index is out of range\r\n$-1\r\n"),
		CLIENT("*1\r\n$5\r\nMULTI\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$"
		       "4\r\nEXEC\r\n"),
		SERVER("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n"),
		CLIENT("*1\r\n$4\r\nPING\r\n"),
		SERVER("+PONG\r\n"),
		CLIENT("*1\r\n$5\r\nRESET\r\n*1\r\n$4\r\nPING\r\n"),
		SERVER("+RESET\r\n+PONG\r\n"),
	};
	(void)state;
	SAME(said, "db redis op=SELECT ns=0\n"
		   "db redis op=GET ns=15\n"
		   "db redis op=SELECT ns=15 code=ERR failed\n"
		   "db redis op=GET ns=15\n"
		   "db redis op=MULTI ns=15\n"
		   "db redis op=SELECT ns=15\n"
		   "db redis op=EXEC ns=15\n"
		   "db redis op=PING ns=3\n"
		   "db redis op=RESET ns=3\n"
		   "db redis op=PING ns=0\n");
}

static void exec_fails_with_the_first_error_among_its_answers(void **state)
{
	static const struct said said[] = {
		CLIENT("*1\r\n$5\r\nMULTI\r\n"),
		SERVER("+OK\r\n"),
		CLIENT("*2\r\n$4\r\nINCR\r\n$1\r\na\r\n"),
		SERVER("+QUEUED\r\n"),
		CLIENT("*1\r\n$4\r\nEXEC\r\n"),
		SERVER("*3\r\n:1\r\n-WRONGTYPE no\r\n-ERR other\r\n"),
		CLIENT("*1\r\n$4\r\nEXEC\r\n"),
		SERVER("-EXECABORT Transaction discarded because of previous errors.\r\n"),
		CLIENT("*1\r\n$4\r\nEXEC\r\n"),
		SERVER("*-1\r\n"),
	};
	(void)state;
	SAME(said, "db redis op=MULTI ns=0\n"
		   "db redis op=INCR ns=0\n"
		   "db redis op=EXEC ns=0 code=WRONGTYPE failed\n"
		   "db redis op=EXEC ns=0 code=EXECABORT failed\n"
		   "db redis op=EXEC ns=0\n");
}

static void resp3_has_more_types_and_attributes(void **state)
{
	static const struct said said[] = {
		CLIENT("*4\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n"),
		SERVER("%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n$"
		       "7\r\nmodules\r\n*0\r\n"),
		CLIENT("*1\r\n$5\r\nHGETA\r\n*2\r\n$7\r\nHGETALL\r\n$1\r\nh\r\n"),
		SERVER("!21\r\nSYNTAX invalid syntax\r\n"),
		SERVER("|1\r\n+ttl\r\n%1\r\n+a\r\n,3.5\r\n%2\r\n|1\r\n+x\r\n#t\r\n+k\r\n~2\r\n_"
		       "\r\n(123456789012345678901\r\n"
		       "+k2\r\n=7\r\ntxt:abc\r\n"),
		CLIENT("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
		SERVER(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n_\r\n"),
	};
	(void)state;
	SAME(said, "db redis op=HELLO ns=0\n"
		   "db redis ns=0 code=SYNTAX failed\n"
		   "db redis op=HGETALL ns=0\n"
		   "db redis op=GET ns=0\n");
}

static void an_attribute_is_no_element(void **state)
{
	static const struct said said[] = {
		CLIENT("*2\r\n$7\r\nHGETALL\r\n$1\r\nh\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n"),
		SERVER("*2\r\n|1\r\n+x\r\n#t\r\n+k\r\n:1\r\n-ERR no\r\n"),
	};
	(void)state;
	SAME(said, "db redis op=HGETALL ns=0\ndb redis op=INCR ns=0 code=ERR failed\n");
}

static void in_step_again_after_bytes_were_lost(void **state)
{
	static struct said said[400];
	struct talker_how how = {.role = KH_ROLE_CLIENT, .lose = 10};
	static struct talker t;

	(void)state;
	for (size_t i = 0; i < 400; i += 2) {
		said[i] = (struct said)CLIENT(
			"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n");
		said[i + 1] = (struct said)SERVER("$1\r\na\r\n-ERR no\r\n");
	}
	for (how.seed = 1; how.seed < 20; how.seed++) {
		talker_run(&t, &how, said, 400);
		assert_int_equal(t.counters.of[PROTOCOL_REDIS].given_up, 0);
		assert_true(t.exchanges > 200);
		assert_null(strstr(t.told, "GET ns=0 code"));
		assert_null(strstr(t.told, "GET code"));
	}
}

static void what_is_pushed_answers_nothing(void **state)
{
	static const struct said two[] = {
		CLIENT("*3\r\n$9\r\nSUBSCRIBE\r\n$2\r\nc1\r\n$2\r\nc2\r\n"),
		SERVER("*3\r\n$9\r\nsubscribe\r\n$2\r\nc1\r\n:1\r\n"),
		SERVER("*3\r\n$7\r\nmessage\r\n$2\r\nc1\r\n$6\r\nsecret\r\n"),
		SERVER("*3\r\n$9\r\nsubscribe\r\n$2\r\nc2\r\n:2\r\n"),
		CLIENT("*1\r\n$4\r\nPING\r\n"),
		SERVER("*3\r\n$7\r\nmessage\r\n$2\r\nc1\r\n$6\r\nsecret\r\n*2\r\n$4\r\npong\r\n$"
		       "0\r\n\r\n"),
		SERVER("*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$2\r\nc1\r\n$6\r\nsecret\r\n"),
		CLIENT("*1\r\n$11\r\nUNSUBSCRIBE\r\n"),
		SERVER("*3\r\n$11\r\nunsubscribe\r\n$2\r\nc1\r\n:1\r\n"),
		SERVER("*3\r\n$11\r\nunsubscribe\r\n$2\r\nc2\r\n:0\r\n"),
		CLIENT("*4\r\n$6\r\nLRANGE\r\n$1\r\nl\r\n$1\r\n0\r\n$1\r\n2\r\n"),
		SERVER("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n"),
	};
	static const struct said three[] = {
		CLIENT("*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"),
		SERVER("%1\r\n$5\r\nproto\r\n:3\r\n"),
		CLIENT("*2\r\n$10\r\nPSUBSCRIBE\r\n$2\r\nc*\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
		SERVER(">3\r\n$10\r\npsubscribe\r\n$2\r\nc*\r\n:1\r\n"),
		SERVER(">4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$2\r\nc1\r\n$6\r\nsecret\r\n_\r\n"),
	};
	(void)state;
	SAME(two, "db redis op=SUBSCRIBE ns=0\n"
		  "db redis op=PING ns=0\n"
		  "db redis op=UNSUBSCRIBE ns=0\n"
		  "db redis op=LRANGE ns=0\n");
	SAME(three, "db redis op=HELLO ns=0\n"
		    "db redis op=PSUBSCRIBE ns=0\n"
		    "db redis op=GET ns=0\n");
}

static void blocking_commands_say_that_they_wait(void **state)
{
	static const struct said said[] = {
		CLIENT("*3\r\n$5\r\nBLPOP\r\n$1\r\nl\r\n$1\r\n0\r\n"),
		SERVER("*2\r\n$1\r\nl\r\n$1\r\nv\r\n"),
		CLIENT("*6\r\n$5\r\nXREAD\r\n$5\r\nblock\r\n$1\r\n0\r\n$7\r\nSTREAMS\r\n$"
		       "1\r\ns\r\n$1\r\n$\r\n"),
		SERVER("*-1\r\n"),
		CLIENT("*4\r\n$5\r\nXREAD\r\n$7\r\nSTREAMS\r\n$5\r\nblock\r\n$1\r\n0\r\n"),
		SERVER("*-1\r\n"),
		CLIENT("*7\r\n$10\r\nXREADGROUP\r\n$5\r\nGROUP\r\n$5\r\nblock\r\n$5\r\nblock\r\n$"
		       "7\r\nSTREAMS\r\n"
		       "$1\r\ns\r\n$1\r\n>\r\n"),
		SERVER("*-1\r\n"),
	};
	(void)state;
	SAME(said, "db redis op=BLPOP ns=0 waits\n"
		   "db redis op=XREAD ns=0 waits\n"
		   "db redis op=XREAD ns=0\n"
		   "db redis op=XREADGROUP ns=0\n");
}

static void commands_without_answer_are_told_when_sent(void **state)
{
	static const struct said said[] = {
		CLIENT("*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$4\r\nSKIP\r\n*2\r\n$4\r\nINCR\r\n$"
		       "1\r\na\r\n"),
		CLIENT("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
		SERVER("$1\r\n1\r\n"),
		CLIENT("*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\noff\r\n*2\r\n$4\r\nINCR\r\n$"
		       "1\r\na\r\n"
		       "*2\r\n$4\r\nDECR\r\n$1\r\na\r\n"),
		CLIENT("*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$2\r\nON\r\n*2\r\n$3\r\nTTL\r\n$"
		       "1\r\na\r\n"),
		SERVER("+OK\r\n-ERR no\r\n"),
	};
	(void)state;
	SAME(said, "db redis op=CLIENT REPLY ns=0\n"
		   "db redis op=INCR ns=0\n"
		   "db redis op=GET ns=0\n"
		   "db redis op=CLIENT REPLY ns=0\n"
		   "db redis op=INCR ns=0\n"
		   "db redis op=DECR ns=0\n"
		   "db redis op=CLIENT REPLY ns=0\n"
		   "db redis op=TTL ns=0 code=ERR failed\n");
}

static void commands_may_be_typed(void **state)
{
	static const struct said said[] = {
		CLIENT("PING\r\n"),
		SERVER("+PONG\r\n"),
		CLIENT("\r\nset key secret\nclient  list\r\n"),
		SERVER("+OK\r\n$2\r\nid\r\n"),
		CLIENT("select 7\r\n*1\r\n$4\r\nPING\r\n"),
		SERVER("+OK\r\n+PONG\r\n"),
	};
	(void)state;
	SAME(said, "db redis op=PING ns=0\n"
		   "db redis op=SET ns=0\n"
		   "db redis op=CLIENT LIST ns=0\n"
		   "db redis op=SELECT ns=0\n"
		   "db redis op=PING ns=7\n");
}

static void a_monitor_or_replica_says_no_more(void **state)
{
	static const struct said watched[] = {
		CLIENT("*1\r\n$7\r\nMONITOR\r\n"),
		SERVER("+OK\r\n"),
		SERVER("+1339518083.107412 [0 127.0.0.1:60866] \"set\" \"secret\" \"secret\"\r\n"),
		CLIENT("*1\r\n$4\r\nQUIT\r\n"),
		SERVER("+1339518083.107412 [0 127.0.0.1:60866] \"set\" \"secret\" "
		       "\"secret\"\r\n+OK\r\n"),
	};
	static const struct said replica[] = {
		CLIENT("*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n"),
		SERVER("+FULLRESYNC 8de1787ba490483314a4d30f1c628bc5025eb761 2443808505\r\n"),
		SERVER("$5\r\nREDIS*1\r\n$4\r\nPING\r\n"),
		CLIENT("*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n"),
	};
	(void)state;
	SAME(watched, "db redis op=MONITOR ns=0\n"
		      "db redis op=QUIT ns=0\n");
	SAME(replica, "db redis op=PSYNC ns=0\n");
}

/* ---- long values, few bytes captured ---- */

static char big[300000];

static size_t put(size_t at, const char *text)
{
	size_t n = strlen(text);

	memcpy(big + at, text, n);
	return at + n;
}

static size_t fill(size_t at, size_t n)
{
	memset(big + at, 'v', n);
	return at + n;
}

static void expect(const struct said *said, size_t n, const char *expected)
{
	static struct talker t;

	for (int role = KH_ROLE_SERVER; role <= KH_ROLE_CLIENT; role++) {
		struct talker_how how = {.role = (enum kh_role)role};

		talker_run(&t, &how, said, n);
		assert_string_equal(t.told, expected);
	}
}

static void long_values_are_passed_over(void **state)
{
	size_t n = put(0, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$200000\r\n");
	struct said said[] = {
		CLIENT("*1\r\n$4\r\nPING\r\n"),
		SERVER("+PONG\r\n"),
		{'>', big, 0},
		SERVER("+OK\r\n"),
		CLIENT("*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n"),
		SERVER("-ERR no\r\n"),
	};

	(void)state;
	n = fill(n, 200000);
	n = put(n, "\r\n");
	said[2].n = n;
	expect(said, TALKER_N(said),
	       "db redis op=PING ns=0\n"
	       "db redis op=SET ns=0\n"
	       "db redis op=INCR ns=0 code=ERR failed\n");
}

static void a_command_and_an_answer_longer_than_what_is_captured_count(void **state)
{
	struct said said[] = {
		CLIENT("*1\r\n$4\r\nPING\r\n"),
		SERVER("+PONG\r\n"),
		{'>', big, 0},
		SERVER("+OK\r\n"),
		CLIENT("*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n"),
		{'<', big, 0},
		CLIENT("*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n"),
		SERVER("-ERR no\r\n"),
		CLIENT("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"),
		SERVER("$-1\r\n"),
	};
	size_t n = put(0, "*5\r\n$4\r\nMSET\r\n"), m;

	(void)state;
	for (int i = 0; i < 4; i++) {
		n = put(n, "$3000\r\n");
		n = fill(n, 3000);
		n = put(n, "\r\n");
	}
	said[2].n = n;
	said[5].p = big + n;
	m = put(n, "*4\r\n");
	for (int i = 0; i < 4; i++) {
		m = put(m, "$3000\r\n");
		m = fill(m, 3000);
		m = put(m, "\r\n");
	}
	said[5].n = m - n;
	expect(said, TALKER_N(said),
	       "db redis op=PING ns=0\n"
	       "db redis op=MSET ns=0\n"
	       "db redis op=MGET ns=0\n"
	       "db redis op=INCR ns=0 code=ERR failed\n"
	       "db redis op=GET ns=0\n");
}

static void a_line_longer_than_what_is_kept_is_one_answer(void **state)
{
	struct said said[] = {
		CLIENT("*1\r\n$4\r\nINFO\r\n"),
		{'<', big, 0},
		CLIENT("*1\r\n$4\r\nPING\r\n"),
		SERVER("+PONG\r\n"),
	};
	size_t n = put(0, "+");

	(void)state;
	n = fill(n, 9000);
	said[1].n = put(n, "\r\n");
	talker_same(said, TALKER_N(said), "db redis op=INFO ns=0\ndb redis op=PING ns=0\n", 20);
}

static void arrays_deeper_than_the_limit_are_none(void **state)
{
	struct said said[] = {CLIENT("*1\r\n$7\r\nCOMMAND\r\n"), {'<', big, 0}};
	struct talker_how how = {.role = KH_ROLE_CLIENT};
	static struct talker t;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < REDIS_DEPTH_MAX; i++)
		n = put(n, "*1\r\n");
	said[1].n = put(n, "+x\r\n");
	talker_run(&t, &how, said, 2);
	assert_string_equal(t.told, "db redis op=COMMAND ns=0\n");
	n = put(n, "*1\r\n");
	said[1].n = put(n, "+x\r\n");
	talker_run(&t, &how, said, 2);
	assert_true(t.counters.of[PROTOCOL_REDIS].bad_frames > 0);
}

/* ---- detection ---- */

static enum guess look(const char *client, const char *server, bool start)
{
	struct sight sight = {.from = {slice_of(client), slice_of(server)},
			      .start = start,
			      .transport = OVER_TCP};

	return redis_parser.detect(&sight);
}

static void says_what_is_redis(void **state)
{
	(void)state;
	assert_int_equal(look("*1\r\n$4\r\nping\r\n", "", true), GUESS_YES);
	assert_int_equal(look("*2\r\n$3\r\nGE", "", true), GUESS_MORE);
	assert_int_equal(look("*1\r\n$4\r\nQQQQ\r\n", "", true), GUESS_MORE);
	assert_int_equal(look("*1\r\n$4\r\nQQQQ\r\n", "-ERR unknown command\r\n", true), GUESS_YES);
	assert_int_equal(look("*1\r\n$4\r\nQQQQ\r\n", "what?\r\n", true), GUESS_NO);
	assert_int_equal(look("vvvv\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "", false), GUESS_YES);
	assert_int_equal(look("", "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n", false), GUESS_YES);
}

static void says_what_is_not(void **state)
{
	(void)state;
	assert_int_equal(look("", "+OK POP3 ready\r\n", true), GUESS_NO);
	assert_int_equal(look("QUIT\r\n", "+OK POP3 ready\r\n+OK\r\n", true), GUESS_NO);
	assert_int_equal(look("PING\r\n", "PONG\r\n", true), GUESS_NO); /* NATS */
	assert_int_equal(look("PING\r\n", "", true), GUESS_MORE);
	assert_int_equal(look("get a\r\n", "END\r\n", true), GUESS_NO); /* memcached */
	assert_int_equal(look("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n", true), GUESS_NO);
	assert_int_equal(look("\x16\x03\x01\x02", "", true), GUESS_NO);
	assert_int_equal(look("*\r\n", "", true), GUESS_NO);
	assert_int_equal(look("*1\r\n$4\nPING", "", true), GUESS_NO);
}

static void commands_are_found_by_name(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < redis_commands_n; i++) {
		struct slice name = {redis_commands[i].name, redis_commands[i].n}, rest;
		struct slice first = redis_word(name, &rest), second = redis_word(rest, &rest);

		assert_int_equal(strlen(name.p), name.n);
		assert_ptr_equal(redis_command(first, second), &redis_commands[i]);
		assert_true(!i || strcmp(redis_commands[i - 1].name, name.p) < 0);
	}
	assert_null(redis_command(slice_of("GETX"), slice_of("")));
	assert_null(redis_command(slice_of(""), slice_of("")));
	assert_null(redis_command(slice_of("GET"),
				  slice_of("A NAME THAT IS MUCH TOO LONG FOR ANY OF THEM")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_each_command_and_its_error_but_no_key_nor_value),
		cmocka_unit_test(pipelined_answers_belong_to_their_requests_in_order),
		cmocka_unit_test(a_command_of_two_words_keeps_its_second),
		cmocka_unit_test(the_database_is_the_one_selected),
		cmocka_unit_test(exec_fails_with_the_first_error_among_its_answers),
		cmocka_unit_test(resp3_has_more_types_and_attributes),
		cmocka_unit_test(an_attribute_is_no_element),
		cmocka_unit_test(in_step_again_after_bytes_were_lost),
		cmocka_unit_test(what_is_pushed_answers_nothing),
		cmocka_unit_test(blocking_commands_say_that_they_wait),
		cmocka_unit_test(commands_without_answer_are_told_when_sent),
		cmocka_unit_test(commands_may_be_typed),
		cmocka_unit_test(a_monitor_or_replica_says_no_more),
		cmocka_unit_test(long_values_are_passed_over),
		cmocka_unit_test(a_command_and_an_answer_longer_than_what_is_captured_count),
		cmocka_unit_test(a_line_longer_than_what_is_kept_is_one_answer),
		cmocka_unit_test(arrays_deeper_than_the_limit_are_none),
		cmocka_unit_test(says_what_is_redis),
		cmocka_unit_test(says_what_is_not),
		cmocka_unit_test(commands_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
