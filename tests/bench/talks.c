/* SPDX-License-Identifier: Apache-2.0 */
#include "talks.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- bytes ---- */

static void add(struct text *t, const void *p, size_t n)
{
	if (t->n + n > TALK_TEXT_MAX)
		abort();
	memcpy(t->p + t->n, p, n);
	t->n += n;
}
#define ADD(t, text) add(t, text, sizeof(text) - 1)

static void add_be(struct text *t, unsigned long v, unsigned int n)
{
	while (n--) {
		char c = (char)(v >> 8 * n);

		add(t, &c, 1);
	}
}

static void add_le(struct text *t, unsigned long v, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		char c = (char)(v >> 8 * i);

		add(t, &c, 1);
	}
}

/* ---- conversations ---- */

static void redis(struct talk_of *t)
{
	ADD(&t->ask, "*2\r\n$3\r\nGET\r\n$8\r\nuser:123\r\n");
	ADD(&t->answer, "$11\r\nhello world\r\n");
}

static void memcached(struct talk_of *t)
{
	ADD(&t->ask, "get user:123\r\n");
	ADD(&t->answer, "VALUE user:123 0 5\r\nhello\r\nEND\r\n");
}

static void nats(struct talk_of *t)
{
	ADD(&t->welcome, "INFO {\"version\":\"2.9.10\"}\r\n");
	ADD(&t->hello, "CONNECT {}\r\n");
	ADD(&t->ask, "PUB orders.new 5\r\nhello\r\n");
}

static void mqtt(struct talk_of *t)
{
	ADD(&t->hello, "\x10\x0e\0\4MQTT\4\2\0\x3c\0\2me");
	ADD(&t->welcome, "\x20\2\0\0");
	ADD(&t->ask, "\x32\x11\0\x0aorders/new\0\7hey");
	ADD(&t->answer, "\x40\2\0\7");
}

static void dns(struct talk_of *t)
{
	t->udp = 1;
	t->port = 53;
	ADD(&t->ask, "\1\1\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1");
	ADD(&t->answer, "\1\1\x81\x80\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1");
	t->asked[0] = t->answered[0] = (struct serial){0, 2, false};
	t->step = 1;
}

static void postgresql(struct talk_of *t)
{
	ADD(&t->hello, "\0\0\0\x19\0\3\0\0user\0me\0database\0\0");
	t->hello.n = 0;
	add_be(&t->hello, 8 + 5 + 3 + 1, 4);
	ADD(&t->hello, "\0\3\0\0user\0me\0\0");
	ADD(&t->welcome, "R\0\0\0\x08\0\0\0\0Z\0\0\0\5I");
	ADD(&t->ask, "Q");
	add_be(&t->ask, 4 + sizeof("SELECT name FROM users WHERE id = 42"), 4);
	ADD(&t->ask, "SELECT name FROM users WHERE id = 42\0");
	ADD(&t->answer, "T\0\0\0\x1d\0\1name\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0");
	ADD(&t->answer, "D\0\0\0\x0c\0\1\0\0\0\2me");
	ADD(&t->answer, "C\0\0\0\x0dSELECT 1\0");
	ADD(&t->answer, "Z\0\0\0\5I");
}

static void mysql(struct talk_of *t)
{
	static const char query[] = "SELECT name FROM users WHERE id = 42";

	add_le(&t->ask, sizeof(query), 3);
	ADD(&t->ask, "\0\3");
	add(&t->ask, query, sizeof(query) - 1);
	ADD(&t->answer, "\1\0\0\1\1");
	ADD(&t->answer, "\x1a\0\0\2\3def\0\0\0\4name\0\x0c\x21\0\x40\0\0\0\xfd\0\0\0\0\0");
	ADD(&t->answer, "\5\0\0\3\xfe\0\0\2\0");
	ADD(&t->answer, "\3\0\0\4\2me");
	ADD(&t->answer, "\5\0\0\5\xfe\0\0\2\0");
}

static void mongodb(struct talk_of *t)
{
	static const char find[] = "\x02"
				   "find\0\6\0\0\0users\0\2$db\0\5\0\0\0shop\0";
	static const char ok[] = "\1ok\0\0\0\0\0\0\0\xf0\x3f";

	add_le(&t->ask, 16 + 4 + 1 + 4 + sizeof(find), 4);
	ADD(&t->ask, "\1\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0\0");
	add_le(&t->ask, 4 + sizeof(find), 4);
	add(&t->ask, find, sizeof(find));
	add_le(&t->answer, 16 + 4 + 1 + 4 + sizeof(ok), 4);
	ADD(&t->answer, "\1\0\0\0\1\0\0\0\xdd\7\0\0\0\0\0\0\0");
	add_le(&t->answer, 4 + sizeof(ok), 4);
	add(&t->answer, ok, sizeof(ok));
	t->asked[0] = (struct serial){4, 4, true};
	t->answered[0] = (struct serial){8, 4, true};
	t->step = 1;
}

static void kafka(struct talk_of *t)
{
	ADD(&t->ask, "\0\0\0\x47\0\0\0\2\0\0\0\1\0\7rdkafka"); /* Produce 2 */
	ADD(&t->ask, "\0\1\0\0\x13\x88\0\0\0\1\0\6orders\0\0\0\1\0\0\0\0\0\0\0\x1a");
	ADD(&t->ask, "\0\0\0\0\0\0\0\0\0\0\0\x0e\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0");
	t->ask.p[3] = (char)(t->ask.n - 4);
	ADD(&t->answer, "\0\0\0\0\0\0\0\1\0\0\0\1\0\6orders\0\0\0\1\0\0\0\0\0\0");
	ADD(&t->answer, "\0\0\0\0\0\0\0\1\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0");
	t->answer.p[3] = (char)(t->answer.n - 4);
	t->asked[0] = (struct serial){8, 4, false};
	t->answered[0] = (struct serial){4, 4, false};
	t->step = 1;
}

static void frame(struct text *t, unsigned int type, unsigned int flags, const char *p, size_t n)
{
	add_be(t, n, 3);
	add_be(t, type, 1);
	add_be(t, flags, 1);
	add_be(t, 1, 4);
	add(t, p, n);
}
#define FRAME(t, type, flags, text) frame(t, type, flags, text, sizeof(text) - 1)

/* Unary calls whose fields all stand in the dynamic tables, as they do after the first. */
static void http2(struct talk_of *t)
{
	ADD(&t->hello, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0");
	FRAME(&t->hello, 1, 4,
	      "\x83\x86\x44\x0f/shop.Cart/List\x41\4shop\x5f\x10"
	      "application/grpc\x40\2te\x08trailers");
	FRAME(&t->hello, 0, 1, "\0\0\0\0\2hi");
	ADD(&t->welcome, "\0\0\0\4\0\0\0\0\0");
	FRAME(&t->welcome, 1, 4,
	      "\x88\x5f\x10"
	      "application/grpc");
	FRAME(&t->welcome, 0, 0, "\0\0\0\0\2yo");
	FRAME(&t->welcome, 1, 5,
	      "\x40\x0bgrpc-status\1"
	      "0");
	FRAME(&t->ask, 1, 4, "\x83\x86\xc1\xc0\xbf\xbe");
	FRAME(&t->ask, 0, 1, "\0\0\0\0\2hi");
	FRAME(&t->answer, 1, 4, "\x88\xbf");
	FRAME(&t->answer, 0, 0, "\0\0\0\0\2yo");
	FRAME(&t->answer, 1, 5, "\xbe");
	t->asked[0] = (struct serial){5, 4, false};
	t->asked[1] = (struct serial){9 + 6 + 5, 4, false};
	t->answered[0] = (struct serial){5, 4, false};
	t->answered[1] = (struct serial){9 + 2 + 5, 4, false};
	t->answered[2] = (struct serial){9 + 2 + 9 + 7 + 5, 4, false};
	t->step = 2;
}

/* Stream ids are of one byte here: as many as a driver has under way. */
static void cassandra(struct talk_of *t)
{
	static const char query[] = "SELECT name FROM users WHERE id = 42";

	ADD(&t->hello, "\4\0\0\0\1\0\0\0\x16\0\1\0\x0b"
		       "CQL_VERSION\0\5"
		       "3.0.0");
	ADD(&t->welcome, "\x84\0\0\0\2\0\0\0\0");
	ADD(&t->ask, "\4\0\0\0\7");
	add_be(&t->ask, 4 + sizeof(query) - 1 + 3, 4);
	add_be(&t->ask, sizeof(query) - 1, 4);
	add(&t->ask, query, sizeof(query) - 1);
	ADD(&t->ask, "\0\1\0");
	ADD(&t->answer, "\x84\0\0\0\x08\0\0\0\4\0\0\0\1");
	t->asked[0] = t->answered[0] = (struct serial){3, 1, false};
	t->step = 1;
}

static void mssql(struct talk_of *t)
{
	static const char query[] = "SELECT name FROM users WHERE id = 42";

	ADD(&t->ask, "\1\1");
	add_be(&t->ask, 8 + 22 + 2 * (sizeof(query) - 1), 2);
	ADD(&t->ask, "\0\0\1\0");
	ADD(&t->ask, "\26\0\0\0\22\0\0\0\2\0\0\0\0\0\0\0\0\0\1\0\0\0");
	for (size_t i = 0; i < sizeof(query) - 1; i++)
		add_le(&t->ask, (unsigned char)query[i], 2);
	ADD(&t->answer, "\4\1\0\x15\0\0\1\0\xfd\0\0\xc1\0\1\0\0\0\0\0\0\0");
}

static void fastcgi(struct talk_of *t)
{
	ADD(&t->ask, "\1\1\0\1\0\x08\0\0\0\1\1\0\0\0\0\0");
	ADD(&t->ask, "\1\4\0\1\0\x38\6\0"
		     "\x0e\3REQUEST_METHODGET"
		     "\x0b\4REQUEST_URI/x?y"
		     "\x09\x09HTTP_HOSTshop.test"
		     "......");
	ADD(&t->ask, "\1\4\0\1\0\0\0\0\1\5\0\1\0\0\0\0");
	ADD(&t->answer, "\1\6\0\1\0\x18\0\0Content-type: text\r\n\r\nhi");
	ADD(&t->answer, "\1\3\0\1\0\x08\0\0\0\0\0\0\0\0\0\0");
}

static void amqp_frame(struct text *t, unsigned int type, const char *p, size_t n)
{
	add_be(t, type, 1);
	add_be(t, 1, 2);
	add_be(t, n, 4);
	add(t, p, n);
	ADD(t, "\xce");
}
#define AMQP_FRAME(t, type, text) amqp_frame(t, type, text, sizeof(text) - 1)

static void amqp_publish(struct text *t)
{
	AMQP_FRAME(t, 1, "\0\x3c\0\x28\0\0\0\6orders\0");
	AMQP_FRAME(t, 2, "\0\x3c\0\0\0\0\0\0\0\0\0\5\0\0");
	AMQP_FRAME(t, 3, "hello");
}

/* Publications that are confirmed, each by itself; the first two before what is measured. */
static void amqp(struct talk_of *t)
{
	ADD(&t->hello, "AMQP\0\0\x09\1");
	AMQP_FRAME(&t->hello, 1, "\0\x14\0\x0a\0");
	AMQP_FRAME(&t->hello, 1, "\0\x55\0\x0a\0");
	amqp_publish(&t->hello);
	AMQP_FRAME(&t->welcome, 1, "\0\x14\0\x0b\0\0\0\0");
	AMQP_FRAME(&t->welcome, 1, "\0\x55\0\x0b");
	AMQP_FRAME(&t->welcome, 1, "\0\x3c\0\x50\0\0\0\0\0\0\0\1\0");
	amqp_publish(&t->ask);
	AMQP_FRAME(&t->answer, 1, "\0\x3c\0\x50\0\0\0\0\0\0\0\0\0");
	t->answered[0] = (struct serial){7 + 4 + 4, 4, false};
	t->step = 1;
}

static void amqp1_frame(struct text *t, unsigned int code, unsigned int count, const char *p,
			size_t n)
{
	add_be(t, 8 + 3 + 3 + n, 4);
	ADD(t, "\2\0\0\0\0\x53");
	add_be(t, code, 1);
	add_be(t, 0xc0, 1);
	add_be(t, n + 1, 1);
	add_be(t, count, 1);
	add(t, p, n);
}
#define AMQP1_FRAME(t, code, count, text) amqp1_frame(t, code, count, text, sizeof(text) - 1)

static void amqp1(struct talk_of *t)
{
	struct text *said[] = {&t->hello, &t->welcome};

	for (unsigned int i = 0; i < 2; i++) {
		ADD(said[i], "AMQP\0\1\0\0");
		AMQP1_FRAME(said[i], 0x10, 1, "\xa1\1m");
	}
	AMQP1_FRAME(&t->hello, 0x11, 4, "\x40\x43\x52\x64\x52\x64");
	AMQP1_FRAME(&t->welcome, 0x11, 4, "\x43\x43\x52\x64\x52\x64");
	AMQP1_FRAME(&t->hello, 0x12, 7,
		    "\xa1\1l\x43\x42\x40\x40\x40\0\x53\x29\xc0\x09\1\xa1\6orders");
	AMQP1_FRAME(&t->welcome, 0x12, 7,
		    "\xa1\1l\x43\x41\x40\x40\x40\0\x53\x29\xc0\x09\1\xa1\6orders");
	/* handle, delivery, its tag, the format, not settled */
	AMQP1_FRAME(&t->ask, 0x14, 5, "\x43\x70\0\0\0\0\xa0\1x\x43\x42");
	/* by the receiver: from, to, settled, accepted */
	AMQP1_FRAME(&t->answer, 0x15, 5, "\x41\x70\0\0\0\0\x40\x41\0\x53\x24\x45");
	t->asked[0] = t->answered[0] = (struct serial){14 + 2, 4, false};
	t->step = 1;
}

const struct talk_kind talks[] = {
	{"redis", PROTOCOL_REDIS, redis},
	{"memcached", PROTOCOL_MEMCACHED, memcached},
	{"postgresql", PROTOCOL_POSTGRESQL, postgresql},
	{"mysql", PROTOCOL_MYSQL, mysql},
	{"mongodb", PROTOCOL_MONGODB, mongodb},
	{"http2_grpc", PROTOCOL_HTTP2, http2},
	{"kafka", PROTOCOL_KAFKA, kafka},
	{"nats", PROTOCOL_NATS, nats},
	{"mqtt", PROTOCOL_MQTT, mqtt},
	{"dns", PROTOCOL_DNS, dns},
	{"cassandra", PROTOCOL_CASSANDRA, cassandra},
	{"mssql", PROTOCOL_MSSQL, mssql},
	{"fastcgi", PROTOCOL_FASTCGI, fastcgi},
	{"amqp", PROTOCOL_AMQP, amqp},
	{"amqp1", PROTOCOL_AMQP1, amqp1},
};

const unsigned int talks_n = sizeof(talks) / sizeof(*talks);

/* ---- as records ---- */

static void count_up(char *p, const struct serial *s, unsigned int n, uint32_t value)
{
	for (; n--; s++)
		for (unsigned int i = 0; i < s->n; i++)
			p[s->at + i] = (char)(value >> 8 * (s->little ? i : s->n - 1u - i));
}

size_t talk_segment(void *out, const struct talk_of *talk, struct talk_call *call,
		    const struct text *text)
{
	struct kh_segment *seg = out;
	char *p = (char *)(seg + 1);

	if (!text->n)
		return 0;
	memcpy(p, text->p, text->n);
	if (text == &talk->ask)
		count_up(p, talk->asked, 2, 1 + call->serial * talk->step);
	else if (text == &talk->answer)
		count_up(p, talk->answered, 3, 1 + call->serial * talk->step);
	*seg = (struct kh_segment){
		.rec = {.type = KH_SEGMENT, .size = (uint32_t)(sizeof(*seg) + text->n)},
		.conn = {.cookie = 1,
			 .family = AF_INET,
			 .role = KH_ROLE_SERVER,
			 .raddr = {10, 0, 0, 2},
			 .lport = talk->port ? talk->port : 1,
			 .rport = 50000,
			 .isn_local = 1,
			 .isn_remote = 1},
		.tgid = 1,
		.ns = call->ns,
		.seq = call->seq[call->sent],
		.other = call->seq[!call->sent],
		.len = (uint32_t)text->n,
		.head_len = (uint16_t)text->n,
		.sent = call->sent,
		.transport = talk->udp ? IPPROTO_UDP : IPPROTO_TCP,
		.reason = KH_WHY_MORE,
	};
	call->seq[call->sent] += (uint32_t)text->n;
	return seg->rec.size;
}
