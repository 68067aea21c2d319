/* SPDX-License-Identifier: Apache-2.0 */
#include "cassandra.h"

static bool contains(struct slice b, const char *text)
{
	return memmem(b.p, b.n, text, strlen(text)) != NULL;
}

/* The statement of a QUERY or PREPARE, if that is what it is. */
static bool is_statement(struct slice envelope, const struct cassandra_header *h)
{
	struct cassandra_message m;
	struct sql_text text;
	struct sql sql;

	cassandra_message(envelope, &m);
	if (m.statement.n == 0 || m.statement.n > h->body)
		return false;
	text = (struct sql_text){m.statement, SQL_CQL, SQL_BACKSLASH_PLAIN, m.statement_cut};
	sql_read(&text, &sql);
	return sql.operation != 0;
}

static bool next_envelope(struct slice *b, enum side from, struct cassandra_header *h)
{
	size_t size;

	if (!cassandra_header(*b, h) || !cassandra_header_fits(from, h))
		return false;
	size = CASSANDRA_HEADER + (size_t)h->body;
	size = size < b->n ? size : b->n;
	*b = (struct slice){b->p + size, b->n - size};
	return true;
}

/* Does the first answer name one of the requests at hand? */
static bool answers(struct slice client, struct slice server)
{
	struct cassandra_header asked, answered;

	if (!next_envelope(&server, FROM_SERVER, &answered))
		return false;
	while (next_envelope(&client, FROM_CLIENT, &asked)) {
		if (asked.stream == answered.stream)
			return true;
	}
	return false;
}

static enum guess envelope(const struct sight *sight, struct slice client)
{
	struct slice server = sight->from[FROM_SERVER];
	struct cassandra_header h;

	if (!cassandra_header(client, &h))
		return client.n == 0 || (client.p[0] >= 3 && client.p[0] <= 5) ? GUESS_MORE
									       : GUESS_NO;
	if (!cassandra_header_fits(FROM_CLIENT, &h))
		return GUESS_NO;
	if (h.opcode == CASSANDRA_STARTUP && contains(client, "CQL_VERSION"))
		return GUESS_YES;
	if (is_statement(client, &h) || answers(client, server))
		return GUESS_YES;
	return sight->start && server.n >= CASSANDRA_HEADER ? GUESS_NO : GUESS_MORE;
}

/* Version 5 after its start: an outer frame, and an envelope at its beginning. */
static bool framed(struct slice b, enum side from)
{
	struct cassandra_header h;
	uint32_t payload;
	bool self_contained;

	if (!cassandra_outer(b, &payload, &self_contained) || payload < CASSANDRA_HEADER)
		return false;
	b = (struct slice){b.p + CASSANDRA_OUTER, b.n - CASSANDRA_OUTER};
	return cassandra_header(b, &h) && cassandra_header_fits(from, &h) && h.version == 5;
}

enum guess cassandra_detect(const struct sight *sight)
{
	struct slice client = sight->from[FROM_CLIENT], server = sight->from[FROM_SERVER];
	struct cassandra_header h;

	if (framed(client, FROM_CLIENT) || framed(server, FROM_SERVER))
		return GUESS_YES;
	if (client.n == 0 && sight->start)
		return server.n ? GUESS_NO : GUESS_MORE;
	if (client.n == 0 && cassandra_header(server, &h))
		return cassandra_header_fits(FROM_SERVER, &h) ? GUESS_MORE : GUESS_NO;
	return envelope(sight, client);
}
