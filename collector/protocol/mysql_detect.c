/* SPDX-License-Identifier: Apache-2.0 */
/* MySQL's packets, as far as they tell by themselves what they are. */
#include "mysql.h"

uint64_t mysql_lenenc(struct reader *r)
{
	uint8_t first = reader_u8(r);

	switch (first) {
	case 0xfc:
		return reader_le(r, 2);
	case 0xfd:
		return reader_le(r, 3);
	case 0xfe:
		return reader_le(r, 8);
	default:
		return first;
	}
}

bool mysql_is_command(uint8_t command)
{
	return (command && command <= COM_LAST) || command == COM_STMT_BULK_EXECUTE;
}

/* ---- attributes of a query (CLIENT_QUERY_ATTRIBUTES) ---- */

/* A value in the binary protocol. */
static void skip_value(struct reader *r, uint8_t type)
{
	switch (type) {
	case 1: /* TINY */
		reader_skip(r, 1);
		return;
	case 2: /* SHORT, YEAR */
	case 13:
		reader_skip(r, 2);
		return;
	case 3: /* LONG, INT24, FLOAT */
	case 9:
	case 4:
		reader_skip(r, 4);
		return;
	case 5: /* DOUBLE, LONGLONG */
	case 8:
		reader_skip(r, 8);
		return;
	case 6: /* NULL */
		return;
	default: /* dates and strings: their length comes first */
		reader_skip(r, (size_t)mysql_lenenc(r));
		return;
	}
}

#define ATTRIBUTES_MAX 32

struct slice mysql_query_text(struct slice payload)
{
	struct reader r = reader_of(payload);
	uint8_t type[ATTRIBUTES_MAX];
	const unsigned char *nulls;
	uint64_t n;

	reader_skip(&r, 1);
	/* No SQL begins with such a byte: it is the number of attributes. */
	if (!r.n || *r.p > 8 || *r.p == '\t' || *r.p == '\n')
		return (struct slice){(const char *)r.p, r.n};
	n = mysql_lenenc(&r);
	mysql_lenenc(&r); /* sets of them: 1 */
	if (n) {
		nulls = reader_take(&r, (n + 7) / 8);
		reader_skip(&r, 1); /* types follow: always */
		for (uint64_t i = 0; i < n; i++) {
			type[i] = reader_u8(&r);
			reader_skip(&r, 1);
			reader_skip(&r, (size_t)mysql_lenenc(&r));
		}
		for (uint64_t i = 0; nulls && i < n && !r.bad; i++) {
			if (!(nulls[i / 8] >> i % 8 & 1))
				skip_value(&r, type[i]);
		}
	}
	return r.bad ? (struct slice){"", 0} : (struct slice){(const char *)r.p, r.n};
}

/* ---- is it MySQL? ---- */

static bool is_sql(struct slice text)
{
	struct sql_text in = {text, SQL_MYSQL, SQL_BACKSLASH_UNKNOWN, true};
	struct sql sql;

	sql_read(&in, &sql);
	return sql.operation != 0;
}

/* The server's first packet: version 10, a version in words, a number and a salt. */
static enum guess greeting(struct slice b)
{
	struct reader r = reader_of(b);
	uint32_t size = (uint32_t)reader_le(&r, 3);
	uint8_t seq = reader_u8(&r), version = reader_u8(&r);
	struct slice name;

	if (r.bad)
		return b.n && b.n < 3 ? GUESS_MORE : b.n >= 4 && b.p[3] ? GUESS_NO : GUESS_MORE;
	if (seq || version != 10 || size < 30 || size > 1024)
		return GUESS_NO;
	name = reader_string(&r);
	if (r.bad)
		return b.n < 100 ? GUESS_MORE : GUESS_NO;
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] <= ' ' || name.p[i] > '~')
			return GUESS_NO;
	}
	reader_skip(&r, 4 + 8);
	if (reader_u8(&r) != 0 && !r.bad)
		return GUESS_NO;
	return r.bad ? GUESS_MORE : name.n ? GUESS_YES : GUESS_NO;
}

/* A command that nothing else looks like. */
static bool is_sure(struct slice payload)
{
	struct reader r = reader_of(payload);
	uint8_t command = reader_u8(&r);

	if (command == COM_QUERY)
		return is_sql(mysql_query_text(payload));
	if (command == COM_STMT_PREPARE)
		return is_sql((struct slice){(const char *)r.p, r.n});
	if (command == COM_STMT_EXECUTE) {
		reader_skip(&r, 4);
		return reader_u8(&r) <= 0x0f && reader_le32(&r) == 1 && !r.bad;
	}
	return false;
}

static enum guess commands(struct slice b)
{
	enum guess guess = GUESS_MORE;

	while (b.n) {
		struct reader r = reader_of(b);
		uint32_t size = (uint32_t)reader_le(&r, 3);
		uint8_t seq = reader_u8(&r), command = reader_u8(&r);
		size_t n = size < b.n - MYSQL_HEADER ? size : b.n - MYSQL_HEADER;

		if (r.bad)
			return b.n < 4 || !b.p[3] ? guess : GUESS_NO;
		if (seq || !size || !mysql_is_command(command))
			return guess == GUESS_YES ? guess : GUESS_NO; /* a file, perhaps */
		if (is_sure((struct slice){b.p + MYSQL_HEADER, n}))
			guess = GUESS_YES;
		b.p += MYSQL_HEADER + n;
		b.n -= MYSQL_HEADER + n;
	}
	return guess;
}

static enum guess answer(struct slice b)
{
	struct reader r = reader_of(b);
	uint32_t size = (uint32_t)reader_le(&r, 3);
	uint8_t seq = reader_u8(&r), first = reader_u8(&r);

	if (r.bad)
		return GUESS_MORE;
	if (seq != 1)
		return GUESS_NO;
	switch (first) {
	case 0x00:
		return size >= 7 ? GUESS_YES : GUESS_NO;
	case 0xff:
		return size >= 9 && b.n >= 8 && b.p[7] == '#' ? GUESS_YES : GUESS_NO;
	case 0xfb:
		return GUESS_YES;
	case 0xfe:
		return size < 9 ? GUESS_YES : GUESS_NO;
	case 0xfc:
		return size == 3 || size == 4 ? GUESS_YES : GUESS_NO;
	default: /* the number of columns */
		return size == 1 || size == 2 ? GUESS_YES : GUESS_NO;
	}
}

enum guess mysql_detect(const struct sight *sight)
{
	struct slice client = sight->from[FROM_CLIENT], server = sight->from[FROM_SERVER];
	enum guess asked, answered;

	if (sight->start) {
		if (!server.n)
			return client.n ? GUESS_NO : GUESS_MORE;
		return greeting(server);
	}
	if (!client.n)
		return GUESS_NO;
	asked = commands(client);
	if (asked == GUESS_NO || !server.n)
		return asked == GUESS_NO ? GUESS_NO : GUESS_MORE;
	answered = answer(server);
	return answered == GUESS_YES ? asked : answered;
}

/* ---- out of step ---- */

/* Packets that follow each other up to the end of b, numbered as they must be. */
static bool chain(struct slice b)
{
	unsigned int n = 0;
	uint8_t seq = 0;

	while (b.n >= MYSQL_HEADER + 1) {
		const unsigned char *p = (const unsigned char *)b.p;
		size_t size = MYSQL_HEADER + (p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16);

		if (size == MYSQL_HEADER || (n && p[3] != seq))
			return false;
		if (size > b.n)
			return n > 2;
		seq = (uint8_t)(p[3] + 1);
		b.p += size;
		b.n -= size;
		n++;
	}
	return n > 2 || (n && !b.n);
}

long mysql_resync(struct talk *talk, enum side from, struct slice b)
{
	const struct mysql *my = talk->state;
	const unsigned char *p = (const unsigned char *)b.p;
	size_t size;

	if (b.n < MYSQL_HEADER + 1)
		return -1;
	size = MYSQL_HEADER + (p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16);
	if (from == FROM_SERVER)
		return chain(b) ? 0 : -1;
	if (p[3] || !mysql_is_command(p[4]) || my->infile)
		return -1;
	if (size == b.n)
		return 0;
	b.p += MYSQL_HEADER;
	b.n -= MYSQL_HEADER;
	return is_sure((struct slice){b.p, size - MYSQL_HEADER < b.n ? size - MYSQL_HEADER : b.n})
		       ? 0
		       : -1;
}
