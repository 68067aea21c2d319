/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No parser claims what is not its own: the conversations of every other protocol (the seeds of
 * tests/fuzz/corpus, which are real ones), random bytes, compressed and encrypted ones, and texts
 * of protocols that Keyhole does not know; on everybody's port, seen from the start or joined.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/parsers.h"
#include "talker.h"

#define SAID_MAX 256
#define JOINS 6

static struct talker t;
static struct said said[SAID_MAX];
static char bytes[1 << 16];

/* ---- conversations ---- */

/* A seed of fuzz_parser.c's: that file says what it holds. Returns the steps; 0: with holes. */
static size_t read_seed(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t size, at = 1, n = 0;

	assert_non_null(f);
	size = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	while (at + 3 <= size && n < SAID_MAX) {
		unsigned int how = (unsigned char)bytes[at];
		size_t len = (unsigned char)bytes[at + 1] | (unsigned char)bytes[at + 2] << 8;

		if (how & 6)
			return 0;
		at += 3;
		if (len > size - at)
			len = size - at;
		if (len)
			said[n++] = (struct said){how & 1 ? '<' : '>', bytes + at, len};
		at += len;
	}
	return n;
}

/* Everybody but `owner` (PROTOCOLS: all) must not claim the conversation. */
static void nobody_else(const char *what, size_t n, enum protocol owner, enum transport transport)
{
	for (unsigned int port = 0; port <= parsers_n; port++) {
		for (int role = KH_ROLE_UNKNOWN; role <= KH_ROLE_CLIENT; role++) {
			struct talker_how how = {
				.role = role, .transport = transport, .swapped = true};

			how.server_port = port < parsers_n ? parsers[port]->ports[0] : 0;
			for (how.join = 0; how.join < JOINS && how.join < n; how.join++) {
				talker_run(&t, &how, said, n);
				for (unsigned int i = 0; i < parsers_n; i++) {
					enum protocol p = parsers[i]->protocol;

					if (p != owner && t.counters.of[p].connections)
						fail_msg("%s, port %u, role %d, joined at %zu: "
							 "taken for %s",
							 what, how.server_port, role, how.join,
							 parsers[i]->name);
				}
			}
		}
	}
}

static void test_each_other(void **state)
{
	unsigned int conversations = 0;

	(void)state;
	for (unsigned int i = 0; i < parsers_n; i++) {
		char path[512], dir[256];
		struct dirent *entry;
		DIR *d;

		snprintf(dir, sizeof(dir), CORPUS "/%s", parsers[i]->name);
		d = opendir(dir);
		if (!d)
			fail_msg("%s: no seeds", dir);
		while ((entry = readdir(d))) {
			size_t n;

			snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
			n = entry->d_name[0] == '.' ? 0 : read_seed(path);
			if (!n)
				continue;
			conversations++;
			nobody_else(path, n, parsers[i]->protocol,
				    parsers[i]->transports & OVER_TCP ? OVER_TCP : OVER_UDP);
		}
		closedir(d);
	}
	assert_true(conversations >= parsers_n);
}

static size_t random_talk(unsigned int seed)
{
	size_t n = 2 + seed % 9, at = 0;

	srandom(seed);
	for (size_t i = 0; i < n; i++) {
		size_t len = 1 + (size_t)random() % (seed % 3 ? 60 : 1400);

		/* of a few values only, so that small numbers and texts come up often */
		for (size_t k = 0; k < len; k++)
			bytes[at + k] = (char)(seed % 4 == 0   ? random()
					       : seed % 4 == 1 ? random() % 4
					       : seed % 4 == 2 ? ' ' + random() % 95
							       : random() & 0x81);
		said[i] = (struct said){i % 2 ? '<' : '>', bytes + at, len};
		at += len;
	}
	return n;
}

static void test_random(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 100; seed++) {
		char what[32];
		size_t n = random_talk(seed);

		snprintf(what, sizeof(what), "random %u", seed);
		nobody_else(what, n, PROTOCOLS, OVER_TCP);
		if (seed % 4 == 0)
			nobody_else(what, n, PROTOCOLS, OVER_UDP);
	}
}

#define TALK(...) {__VA_ARGS__}

static void test_others(void **state)
{
	static const struct said talks[][6] = {
		TALK(SERVER("220 mail.example.com ESMTP\r\n"), CLIENT("EHLO me\r\n"),
		     SERVER("250-mail\r\n250 OK\r\n"), CLIENT("MAIL FROM:<a@b>\r\n"),
		     SERVER("250 OK\r\n")),
		TALK(SERVER("220 FTP\r\n"), CLIENT("USER me\r\n"), SERVER("331 pass\r\n"),
		     CLIENT("PASS x\r\n"), SERVER("230 in\r\n")),
		TALK(SERVER("+OK POP3\r\n"), CLIENT("USER me\r\n"), SERVER("+OK\r\n"),
		     CLIENT("LIST\r\n"), SERVER("-ERR no\r\n")),
		TALK(SERVER("* OK IMAP4\r\n"), CLIENT("a1 LOGIN me x\r\n"), SERVER("a1 OK\r\n")),
		TALK(CLIENT("NICK me\r\nUSER me 0 * :me\r\n"), SERVER(":irc 001 me :hi\r\n"),
		     CLIENT("PING x\r\n"), SERVER("PONG x\r\n")),
		TALK(CLIENT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		     SERVER("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
		     CLIENT("GET /b HTTP/1.1\r\nHost: a\r\n\r\n"),
		     SERVER("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")),
		TALK(CLIENT("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}\n"),
		     SERVER("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}\n")),
		TALK(CLIENT("OPTIONS rtsp://a/b RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
		     SERVER("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")),
		TALK(CLIENT("SSH-2.0-a\r\n"), SERVER("SSH-2.0-b\r\n\0\0\4\x14")),
		TALK(CLIENT("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03"),
		     SERVER("\x16\x03\x03\x00\x05\x02\x00\x00\x01\x03"),
		     CLIENT("\x17\x03\x03\x00\x05....."), SERVER("\x17\x03\x03\x00\x05.....")),
		/* gzip and zstd */
		TALK(CLIENT("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcbH\xcd\xc9\xc9\x07\x00"),
		     SERVER("\x28\xb5\x2f\xfd\x04\x58\x29\x00\x00hello\xd2\x59")),
		/* ZooKeeper's connect, of zeros and small numbers */
		TALK(CLIENT("\0\0\0\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x75\x30\0\0\0\0\0\0\0\0\0\0\0"
			    "\x10"
			    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
		     SERVER("\0\0\0\x25\0\0\0\0\0\0\x75\x30\1\0\0\0\0\0\0\1\0\0\0\x10"
			    "aaaaaaaaaaaaaaaa\0"),
		     CLIENT("\0\0\0\x08\xff\xff\xff\xfe\0\0\0\x0b"),
		     SERVER("\0\0\0\x10\xff\xff\xff\xfe\0\0\0\0\0\0\0\1\0\0\0\0")),
		/* LDAP bind, RDP, SMB2, BGP, Thrift's binary calls */
		TALK(CLIENT("0\x0c\x02\x01\x01`\x07\x02\x01\x03\x04\x00\x80\x00"),
		     SERVER("0\x0c\x02\x01\x01"
			    "a\x07\x0a\x01\x00\x04\x00\x04\x00")),
		TALK(CLIENT("\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\0\0"
			    "\0"),
		     SERVER("\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x01\x08\x00\x01\0\0"
			    "\0")),
		TALK(CLIENT("\0\0\0\x24\xfeSMB@"
			    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
		     SERVER("\0\0\0\x24\xfeSMB@"
			    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")),
		TALK(CLIENT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\x13"
			    "\4"),
		     SERVER("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\x13"
			    "\4")),
		TALK(CLIENT("\0\0\0\x11\x80\1\0\1\0\0\0\4ping\0\0\0\1\0"),
		     SERVER("\0\0\0\x11\x80\1\0\2\0\0\0\4ping\0\0\0\1\0")),
	};

	(void)state;
	for (size_t i = 0; i < TALKER_N(talks); i++) {
		char what[32];
		size_t n = 0;

		while (talks[i][n].who) {
			said[n] = talks[i][n];
			n++;
		}
		snprintf(what, sizeof(what), "other %zu", i);
		nobody_else(what, n, PROTOCOLS, OVER_TCP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_other),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
