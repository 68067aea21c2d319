/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges per second through streams.c and each parser, on one thread: bench-protocols [NAME...].
 * A connection is set up once; then one request and its answer come again and again, each one call,
 * captured whole, with what tells them apart (ids, numbers) counted up. CPU time of the thread, the
 * median of ROUNDS. `sql` reads one query of 202 bytes, without streams. Prints `NAME_exchanges
 * value per_second` and `NAME_exchange value ns`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/parsers.h"
#include "protocol/sql.h"
#include "protocol/streams.h"
#include "talks.h"

#define ROUNDS 5
#define EXCHANGES 200000

/* ---- playing them ---- */

struct bench {
	struct streams *streams;
	const struct talk_of *talk;
	uint64_t told;
	struct talk_call call;
	_Alignas(8) char segment[sizeof(struct kh_segment) + TALK_TEXT_MAX];
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

static void call(struct bench *b, bool sent, const struct text *text, uint32_t serial)
{
	b->call.sent = sent;
	b->call.serial = serial;
	b->call.ns += 100;
	if (talk_segment(b->segment, b->talk, &b->call, text))
		streams_segment(b->streams, (const struct kh_segment *)b->segment);
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
	struct bench b = {.talk = talk, .call = {.seq = {1, 1}}};
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
	call(&b, false, &talk->hello, 0);
	call(&b, true, &talk->welcome, 0);
	for (uint32_t i = 1; i <= 100; i++) { /* the protocol is found */
		call(&b, false, &talk->ask, i);
		call(&b, true, &talk->answer, i);
	}
	before = b.told;
	from = cpu_seconds();
	for (uint32_t i = 101; i <= 100 + EXCHANGES; i++) {
		call(&b, false, &talk->ask, i);
		call(&b, true, &talk->answer, i);
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
	for (unsigned int i = 0; i < talks_n; i++) {
		static struct talk_of talk;
		double each[ROUNDS];

		if (!is_wanted(talks[i].name, argc, argv))
			continue;
		memset(&talk, 0, sizeof(talk));
		talks[i].make(&talk);
		for (int r = 0; r < ROUNDS; r++)
			each[r] = round_of(&talk);
		qsort(each, ROUNDS, sizeof(*each), by_size);
		if (each[0] < 0) {
			fprintf(stderr, "%s: not every exchange was told\n", talks[i].name);
			failed = 1;
			continue;
		}
		printf("%s_exchanges %.0f per_second\n", talks[i].name, 1 / each[ROUNDS / 2]);
		printf("%s_exchange %.0f ns\n", talks[i].name, each[ROUNDS / 2] * 1e9);
	}
	return failed;
}
