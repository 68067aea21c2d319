/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges per second through streams.c and each parser, on one thread: bench-protocols [NAME...].
 * A connection is set up once; then one request and its answer come again and again, each one call,
 * captured whole, with what tells them apart (ids, numbers) counted up. CPU time of the thread, the
 * median of ROUNDS. `sql` reads one query of 202 bytes, without streams. Prints `NAME_exchanges
 * value per_second` and `NAME_exchange value ns`.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "protocol/parsers.h"
#include "protocol/sql.h"
#include "protocol/streams.h"

#define ROUNDS 5
#define EXCHANGES 200000
#define TEXT_MAX 1024

/* ---- bytes ---- */

struct text {
	size_t n;
	char p[TEXT_MAX];
};

static void add(struct text *t, const void *p, size_t n)
{
	if (t->n + n > TEXT_MAX)
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

/* A number within a message that grows with each exchange. */
struct serial {
	uint16_t at;
	uint8_t n; /* bytes; 0: none */
	bool little;
};

struct talk_of {
	struct text hello, welcome; /* before; may be empty */
	struct text ask, answer;
	struct serial asked[2], answered[3];
	unsigned int step;
	uint8_t udp;
	uint16_t port;
};

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

static const struct {
	const char *name;
	enum protocol protocol;
	void (*make)(struct talk_of *t);
} benches[] = {
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

/* ---- playing them ---- */

struct bench {
	struct streams *streams;
	const struct talk_of *talk;
	uint64_t told;
	uint32_t seq[2];
	uint64_t ns;
	_Alignas(8) char call[sizeof(struct kh_segment) + TEXT_MAX];
};

static void on_exchange(void *arg, const struct exchange *x)
{
	struct bench *b = arg;

	b->told += x->kind < EXCHANGE_KINDS;
}

static void on_decide(void *arg, uint64_t cookie, uint32_t capture, enum kh_role role)
{
	(void)arg;
	(void)cookie;
	(void)capture;
	(void)role;
}

static void count_up(char *p, const struct serial *s, unsigned int n, uint32_t value)
{
	for (; n--; s++)
		for (unsigned int i = 0; i < s->n; i++)
			p[s->at + i] = (char)(value >> 8 * (s->little ? i : s->n - 1u - i));
}

/* One call, as the server sees it. */
static void call(struct bench *b, bool sent, const struct text *text, const struct serial *serials,
		 unsigned int n, uint32_t value)
{
	struct kh_segment *seg = (struct kh_segment *)b->call;
	char *p = (char *)(seg + 1);

	if (!text->n)
		return;
	memcpy(p, text->p, text->n);
	count_up(p, serials, n, value);
	*seg = (struct kh_segment){
		.rec = {.type = KH_SEGMENT, .size = (uint32_t)(sizeof(*seg) + text->n)},
		.conn = {.cookie = 1,
			 .family = AF_INET,
			 .role = KH_ROLE_SERVER,
			 .raddr = {10, 0, 0, 2},
			 .lport = b->talk->port ? b->talk->port : 1,
			 .rport = 50000,
			 .isn_local = 1,
			 .isn_remote = 1},
		.tgid = 1,
		.ns = b->ns += 100,
		.seq = b->seq[sent],
		.other = b->seq[!sent],
		.len = (uint32_t)text->n,
		.head_len = (uint16_t)text->n,
		.sent = sent,
		.transport = b->talk->udp ? IPPROTO_UDP : IPPROTO_TCP,
		.reason = KH_WHY_MORE,
	};
	b->seq[sent] += (uint32_t)text->n;
	streams_segment(b->streams, seg);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds per exchange; negative: not every one was told. */
static double round_of(const struct talk_of *talk)
{
	struct bench b = {.talk = talk, .seq = {1, 1}};
	struct streams_options o = {.connections = 64,
				    .bytes_max = 4 << 20,
				    .protocols = ~0ull,
				    .emit = on_exchange,
				    .decide = on_decide,
				    .arg = &b};
	uint64_t before;
	double from, seconds;

	b.streams = streams_new(&o);
	if (!b.streams)
		abort();
	call(&b, false, &talk->hello, NULL, 0, 0);
	call(&b, true, &talk->welcome, NULL, 0, 0);
	for (uint32_t i = 1; i <= 100; i++) { /* the protocol is found */
		call(&b, false, &talk->ask, talk->asked, 2, 1 + i * talk->step);
		call(&b, true, &talk->answer, talk->answered, 3, 1 + i * talk->step);
	}
	before = b.told;
	from = cpu_seconds();
	for (uint32_t i = 101; i <= 100 + EXCHANGES; i++) {
		call(&b, false, &talk->ask, talk->asked, 2, 1 + i * talk->step);
		call(&b, true, &talk->answer, talk->answered, 3, 1 + i * talk->step);
	}
	seconds = cpu_seconds() - from;
	streams_free(b.streams);
	return b.told - before == EXCHANGES ? seconds / EXCHANGES : -1;
}

/* Seconds per query; negative: it was not understood. */
static double round_of_sql(void)
{
	static const char query[] =
		"SELECT o.id, o.total, c.name FROM shop.orders AS o JOIN customers c ON c.id = "
		"o.customer_id WHERE o.created_at > '2024-01-01' AND o.state IN ('paid', 'sent') "
		"AND c.country = 'DE' ORDER BY o.id LIMIT 100";
	const struct sql_text text = {.text = {query, sizeof(query) - 1},
				      .dialect = SQL_POSTGRESQL};
	unsigned int told = 0;
	struct sql sql;
	double from = cpu_seconds();

	for (int i = 0; i < EXCHANGES; i++) {
		sql_read(&text, &sql);
		told += slice_is(sql_summary(&sql), "SELECT shop.orders customers");
	}
	return told == EXCHANGES ? (cpu_seconds() - from) / EXCHANGES : -1;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc == 1;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (is_wanted("sql", argc, argv)) {
		double each[ROUNDS];

		for (int r = 0; r < ROUNDS; r++)
			each[r] = round_of_sql();
		qsort(each, ROUNDS, sizeof(*each), by_size);
		failed |= each[0] < 0;
		printf("sql_query %.0f ns\n", each[ROUNDS / 2] * 1e9);
	}
	for (size_t i = 0; i < sizeof(benches) / sizeof(*benches); i++) {
		static struct talk_of talk;
		double each[ROUNDS];

		if (!is_wanted(benches[i].name, argc, argv))
			continue;
		memset(&talk, 0, sizeof(talk));
		benches[i].make(&talk);
		for (int r = 0; r < ROUNDS; r++)
			each[r] = round_of(&talk);
		qsort(each, ROUNDS, sizeof(*each), by_size);
		if (each[0] < 0) {
			fprintf(stderr, "%s: not every exchange was told\n", benches[i].name);
			failed = 1;
			continue;
		}
		printf("%s_exchanges %.0f per_second\n", benches[i].name, 1 / each[ROUNDS / 2]);
		printf("%s_exchange %.0f ns\n", benches[i].name, each[ROUNDS / 2] * 1e9);
	}
	return failed;
}
