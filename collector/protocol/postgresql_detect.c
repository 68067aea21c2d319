/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL's messages, as far as their heads tell: type, length, what may stand where. */
#include "postgresql.h"
#include "sql.h"

static uint32_t be32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

/* ---- before the first message ---- */

#define CODE_CANCEL 80877102u
#define CODE_SSL 80877103u
#define CODE_GSS 80877104u

enum pg_startup pg_startup(struct slice b, uint32_t *size)
{
	uint32_t code;

	if (b.n < 8)
		return PG_NO_STARTUP;
	*size = be32(b.p);
	code = be32(b.p + 4);
	if (*size == 8)
		return code == CODE_SSL   ? PG_SSL_REQUEST
		       : code == CODE_GSS ? PG_GSS_REQUEST
					  : PG_NO_STARTUP;
	if (code == CODE_CANCEL && *size >= 16 && *size <= 12 + 256)
		return PG_CANCEL;
	if (code >> 16 == 3 && (code & 0xffff) < 100 && *size > 8 && *size <= PG_STARTUP_MAX)
		return PG_STARTUP;
	return PG_NO_STARTUP;
}

/* Parameters are pairs of strings, the first of them a name. */
static bool parameters(struct slice b)
{
	size_t i = 8;

	if (b.n > 9 && b.p[8] == '_') /* _pq_.… */
		return true;
	for (; i < b.n && b.p[i]; i++) {
		if (!((b.p[i] | 0x20) >= 'a' && (b.p[i] | 0x20) <= 'z') && b.p[i] != '_')
			return false;
	}
	return i > 8 && i < b.n;
}

/* ---- messages ---- */

/* The least that their lengths may be, for each type; one that has an exact length is marked. */
#define EXACTLY 0x80

static const uint8_t least_client[128] = {
	['B'] = 12,          ['C'] = 6, ['D'] = 6, ['E'] = 9,           ['F'] = 14,
	['H'] = EXACTLY | 4, ['P'] = 8, ['Q'] = 5, ['S'] = EXACTLY | 4, ['X'] = EXACTLY | 4,
	['c'] = EXACTLY | 4, ['d'] = 4, ['f'] = 5, ['p'] = 4,
};

static const uint8_t least_server[128] = {
	['1'] = EXACTLY | 4, ['2'] = EXACTLY | 4, ['3'] = EXACTLY | 4, ['A'] = 10,
	['C'] = 5,           ['D'] = 6,           ['E'] = 5,           ['G'] = 7,
	['H'] = 7,           ['I'] = EXACTLY | 4, ['K'] = 12,          ['N'] = 5,
	['R'] = 8,           ['S'] = 6,           ['T'] = 6,           ['V'] = 8,
	['W'] = 7,           ['Z'] = EXACTLY | 5, ['c'] = EXACTLY | 4, ['d'] = 4,
	['n'] = EXACTLY | 4, ['s'] = EXACTLY | 4, ['t'] = 6,           ['v'] = 12,
};

bool pg_message(enum side from, unsigned char type, uint32_t length)
{
	const uint8_t *least = from == FROM_CLIENT ? least_client : least_server;

	if (type > 127 || !least[type] || length > PG_MESSAGE_MAX)
		return false;
	if (least[type] & EXACTLY)
		return length == (least[type] & ~EXACTLY);
	return length >= least[type];
}

static bool ready_at(const char *p)
{
	return memcmp(p, "Z\0\0\0\5", 5) == 0 && (p[5] == 'I' || p[5] == 'T' || p[5] == 'E');
}

bool pg_ready(struct slice b)
{
	return b.n >= 6 && ready_at(b.p + b.n - 6);
}

/* ---- is it PostgreSQL? ---- */

struct walk {
	unsigned int whole; /* messages */
	bool wrong, query, ready;
};

static bool begins_statement(struct slice text)
{
	struct sql_text in = {text, SQL_POSTGRESQL, SQL_BACKSLASH_UNKNOWN, true};
	struct sql sql;

	sql_read(&in, &sql);
	return sql.operation != 0;
}

/* What stands in a message of a client that nobody else would write so. */
static bool is_query(unsigned char type, struct slice body)
{
	if (type == 'Q')
		return body.n && !body.p[body.n - 1] && !memchr(body.p, 0, body.n - 1) &&
		       (begins_statement(body) || body.n == 1);
	if (type == 'P')
		return memchr(body.p, 0, body.n) && body.p[body.n - 1] == 0;
	return type == 'B' || type == 'E';
}

static struct walk walk(enum side from, struct slice b)
{
	struct walk w = {0};

	while (b.n >= 5 && w.whole < 64) {
		uint32_t length = be32(b.p + 1);

		if (!pg_message(from, (unsigned char)b.p[0], length)) {
			w.wrong = true;
			return w;
		}
		if (b.n < 1ull + length)
			return w;
		w.whole++;
		if (from == FROM_CLIENT)
			w.query |= is_query((unsigned char)b.p[0],
					    (struct slice){b.p + 5, length - 4});
		else
			w.ready |= b.p[0] == 'Z' && ready_at(b.p);
		b.p += 1 + length;
		b.n -= 1 + length;
	}
	return w;
}

/* A ReadyForQuery somewhere, at the end or with another message behind it. */
static bool has_ready(struct slice b)
{
	while (b.n >= 6) {
		const char *z = memchr(b.p, 'Z', b.n - 5);

		if (!z)
			return false;
		b.n -= (size_t)(z + 1 - b.p);
		b.p = z + 1;
		if (ready_at(z) &&
		    (b.n == 5 ||
		     (b.n >= 10 && pg_message(FROM_SERVER, (unsigned char)z[6], be32(z + 7)))))
			return true;
	}
	return false;
}

enum guess pg_detect(const struct sight *sight)
{
	struct slice client = sight->from[FROM_CLIENT], server = sight->from[FROM_SERVER];
	struct walk asked, answered;
	uint32_t size;

	if (sight->start) {
		enum pg_startup startup = pg_startup(client, &size);

		if (client.n < 8)
			return client.n && (client.p[0] || server.n) ? GUESS_NO : GUESS_MORE;
		if (startup == PG_STARTUP)
			return client.n < 16 && size > client.n ? GUESS_MORE
			       : parameters(client)             ? GUESS_YES
								: GUESS_NO;
		return startup == PG_NO_STARTUP ? GUESS_NO : GUESS_YES;
	}
	if (has_ready(server))
		return GUESS_YES;
	asked = walk(FROM_CLIENT, client);
	answered = walk(FROM_SERVER, server);
	if (asked.wrong || (!asked.query && client.n >= 5))
		return GUESS_NO;
	if (answered.wrong)
		return GUESS_NO;
	if (asked.query && answered.whole)
		return GUESS_YES;
	return asked.query ? GUESS_MORE : GUESS_NO;
}

/* ---- out of step ---- */

/* Messages of one direction that follow each other from b's beginning: three, or up to its end. */
static bool chain(enum side from, struct slice b)
{
	unsigned int n = 0;

	while (b.n >= 5 && n < 3) {
		uint32_t length = be32(b.p + 1);

		if (!pg_message(from, (unsigned char)b.p[0], length))
			return false;
		if (b.n < 1ull + length)
			return n > 1;
		b.p += 1 + length;
		b.n -= 1 + length;
		n++;
	}
	return n == 3 || (n && !b.n);
}

/* Amidst rows ('D'), or data of COPY ('d'), a message begins with its letter somewhere. */
long pg_resync(struct talk *talk, enum side from, struct slice b)
{
	static const char letters[] = "Dd";

	if (chain(from, b))
		return 0;
	for (unsigned int i = from == FROM_CLIENT; i < 2; i++) {
		for (size_t at = 0; at + 15 < b.n; at++) {
			const char *p = memchr(b.p + at, letters[i], b.n - at);

			if (!p)
				break;
			at = (size_t)(p - b.p);
			if (at + 15 < b.n && !p[1] && chain(from, (struct slice){p, b.n - at}))
				return (long)at;
		}
	}
	return -1;
}
