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
		/* rsync, git, X11, BitTorrent, syslog, Gearman, AJP, VNC, Redis' sentinel of none
		 */
		TALK(SERVER("@RSYNCD: 31.0 sha512 sha256\n"), CLIENT("@RSYNCD: 31.0 sha512\n"),
		     CLIENT("module\n"), SERVER("@RSYNCD: OK\n")),
		TALK(CLIENT("0033git-upload-pack /project.git\0host=myserver.com\0"),
		     SERVER("00887217a7c7e582c46cec22a130adf4b9d7d950fba0 HEAD\0multi_ack "
			    "thin-pack"),
		     CLIENT("0032want 7217a7c7e582c46cec22a130adf4b9d7d950fba0\n00000009done\n"),
		     SERVER("0008NAK\nPACK\0\0\0\2\0\0\0\3")),
		TALK(CLIENT("l\0\x0b\0\0\0\0\0\0\0\0\0"),
		     SERVER("\1\0\x0b\0\0\0\x10\0\0\0\0\0\0\0\0\2\xff\xff\x1f\0"),
		     CLIENT("\x37\0\5\0\0\0\0\2\xd1\1\0\0\x08\0\0\0"), SERVER("\1\1\1\0\0\0\0\0")),
		TALK(CLIENT("\x13"
			    "BitTorrent protocol\0\0\0\0\0\x10\0\5aaaaaaaaaaaaaaaaaaaa"),
		     SERVER("\x13"
			    "BitTorrent protocol\0\0\0\0\0\x10\0\5bbbbbbbbbbbbbbbbbbbb"),
		     CLIENT("\0\0\0\1\2\0\0\0\x0d\6\0\0\0\0\0\0\0\0\0\0\x40\0"),
		     SERVER("\0\0\0\5\4\0\0\0\7\0\0\0\1\1")),
		TALK(CLIENT("<34>1 2026-10-11T22:14:15Z host su - ID47 - failed\n<34>Oct 11 su: "
			    "x\n"),
		     CLIENT("95 <34>1 2026-10-11T22:14:15Z host su - ID47 - failed")),
		TALK(CLIENT("\0REQ\0\0\0\x07\0\0\0\x0creverse\0\0abc"),
		     SERVER("\0RES\0\0\0\x08\0\0\0\4H:1\0"),
		     SERVER("\0RES\0\0\0\x0d\0\0\0\4cba\0")),
		TALK(CLIENT("\x12\x34\0\x20\2\2\0\x08HTTP/1.1\0\0\1/\0\0\x09"
			    "127.0.0.1\0\xff\xff\0\1a\0"),
		     SERVER("AB\0\x0f\4\0\xc8\0\2OK\0\0\1\xa0\1\0\1"
			    "5\0"),
		     SERVER("AB\0\2\5\1")),
		TALK(SERVER("RFB 003.008\n"), CLIENT("RFB 003.008\n"), SERVER("\1\1"), CLIENT("\1"),
		     SERVER("\0\0\0\0")),
		/* WebSocket's frames, Cap'n Proto's and Erlang's, etcd's peers, NFS, iSCSI, Modbus
		 */
		TALK(CLIENT("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), SERVER("\x81\5Hello"),
		     CLIENT("\x89\x80\x37\xfa\x21\x3d"), SERVER("\x8a\0")),
		TALK(CLIENT("\0\0\0\0\4\0\0\0\0\0\0\0\0\0\1\0\1\0\0\0\0\0\0\0"),
		     SERVER("\0\0\0\0\4\0\0\0\0\0\0\0\0\0\1\0\2\0\0\0\0\0\0\0")),
		TALK(CLIENT("\0\x15n\0\5\0\0\0\4a@localhost\0\0\0"), SERVER("\0\3sok"),
		     SERVER("\0\x17n\0\5\0\0\0\4\1\2\3\4b@localhost"), CLIENT("\0\0\0\0")),
		TALK(CLIENT("\x80\0\0\x28\0\0\0\1\0\0\0\0\0\0\0\2\0\1\x86\xa3\0\0\0\4\0\0\0\0\0\0\0"
			    "\0"
			    "\0\0\0\0\0\0\0\0\0\0\0\0"),
		     SERVER("\x80\0\0\x18\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")),
		TALK(CLIENT("\0\1\0\0\0\6\1\3\0\0\0\2"), SERVER("\0\1\0\0\0\7\1\3\4\0\1\0\2"),
		     CLIENT("\0\2\0\0\0\6\1\3\0\0\0\2"), SERVER("\0\2\0\0\0\7\1\3\4\0\1\0\2")),
		TALK(CLIENT("STATS\r\n"), SERVER("ok\r\n"), CLIENT("put 0 0 60 5\r\nhello\r\n"),
		     SERVER("INSERTED 1\r\n")),
		TALK(CLIENT("GET key\n"), SERVER("value\n"), CLIENT("SET key 5\n"), SERVER("OK\n")),
		/* Graphite's lines, OpenTSDB's, what zabbix and Ceph begin with, ISO 8583 */
		TALK(CLIENT("servers.a.cpu 42 1700000000\nservers.b.cpu 43 1700000000\n")),
		TALK(CLIENT("ZBXD\1\x0d\0\0\0\0\0\0\0agent.version"),
		     SERVER("ZBXD\1\5\0\0\0\0\0\0\0"
			    "6.0.1")),
		TALK(SERVER("ceph v2\n\x10\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
		     CLIENT("ceph v2\n\x10\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")),
		TALK(CLIENT("\0\x2e"
			    "0800822000000000000004000000000000001007130000000001301"),
		     SERVER("\0\x2e"
			    "0810822000000200000004000000000000001007130000000001301")),
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

static void test_datagrams(void **state)
{
	static const struct said talks[][4] = {
		TALK(CLIENT("app.requests:1|c\napp.latency:320|ms|@0.1|#a:b\n"),
		     CLIENT("app.gauge:333|g\n")),
		TALK(CLIENT("<34>Oct 11 22:14:15 host su: failed")),
		/* QUIC's long header and short one, NTP, SNMP, DHCP, STUN, TFTP, RADIUS, mDNS */
		TALK(CLIENT("\xc3\0\0\0\1\x08\1\2\3\4\5\6\7\x08\0\0\x44\x9e\x7b\x9a"),
		     SERVER("\xc1\0\0\0\1\0\x08\1\2\3\4\5\6\7\x08\0\x40\x75\xc0\xd9"),
		     CLIENT("\x4b\1\2\3\4\5\6\7\x08\xff\xfe")),
		TALK(CLIENT("\x23\0\6\xec\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			    "\0"
			    "\0\0\0\0\0\0\xe9\x5d\x10\x3b\1\2\3\4"),
		     SERVER("\x24\1\3\xec\0\0\0\x10\0\0\0\x20"
			    "GPS\0\xe9\x5d\x10\0\0\0\0\0\xe9\x5d\x10"
			    "\x3b\1\2\3\4\xe9\x5d\x10\x3b\1\2\3\4\xe9\x5d\x10\x3b\1\2\3\4")),
		TALK(CLIENT("0&\2\1\1\4\6public\xa0\x19\2\4\1\2\3\4\2\1\0\2\1\0"
			    "0\x0b"
			    "0\x09\6\5+\6\1"
			    "\2\1\5\0"),
		     SERVER("0&\2\1\1\4\6public\xa2\x19\2\4\1\2\3\4\2\1\0\2\1\0"
			    "0\x0b"
			    "0\x09\6\5+\6\1"
			    "\2\1\5\0")),
		TALK(CLIENT("\1\1\6\0\x39\x03\xf3\x26\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5"
			    "\x3c\4"),
		     SERVER("\2\1\6\0\x39\x03\xf3\x26\0\0\0\0\xc0\xa8\0\2\0\0\0\0\0\0\0\0\0\5\x3c"
			    "\4")),
		TALK(CLIENT("\0\1\0\0\x21\x12\xa4\x42"
			    "aaaaaaaaaaaa"),
		     SERVER("\1\1\0\x0c\x21\x12\xa4\x42"
			    "aaaaaaaaaaaa\0\x20\0\x08\0\1\xa1\x47\1\2\3\4")),
		TALK(CLIENT("\0\1file.txt\0octet\0"), SERVER("\0\3\0\1hello"), CLIENT("\0\4\0\1")),
		TALK(CLIENT("\1\7\0\x1a"
			    "aaaaaaaaaaaaaaaa\1\6user"),
		     SERVER("\2\7\0\x14"
			    "bbbbbbbbbbbbbbbb")),
		TALK(CLIENT("\0\0\0\0\0\1\0\0get a\r\n"), SERVER("\0\0\0\0\0\1\0\0END\r\n")),
		TALK(CLIENT("\x80\x60\0\1\0\0\0\xa0\1\2\3\4payload"),
		     SERVER("\x80\x60\0\2\0\0\1\x40\1\2\3\4payload")),
		TALK(CLIENT("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"),
		     SERVER("d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re")),
		TALK(CLIENT("\0\0\0\0\0\0\0\0\0\0\0\0"), SERVER("\0\0\0\0\0\0\0\0\0\0\0\0")),
		TALK(CLIENT("\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0"),
		     SERVER("\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0")),
	};

	(void)state;
	for (size_t i = 0; i < TALKER_N(talks); i++) {
		char what[32];
		size_t n = 0;

		for (; n < 4 && talks[i][n].who; n++)
			said[n] = talks[i][n];
		snprintf(what, sizeof(what), "datagrams %zu", i);
		nobody_else(what, n, PROTOCOLS, OVER_UDP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_other),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_datagrams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
