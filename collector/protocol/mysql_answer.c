/* SPDX-License-Identifier: Apache-2.0 */
/* What MySQL's server answers: a result, or several, each with columns and rows, or an error. */
#include <stdio.h>

#include "mysql.h"

static struct call *call_at_hand(struct talk *talk)
{
	const struct mysql *my = talk->state;

	return talk_asked(talk, my->answered + 1);
}

void mysql_doubt(struct talk *talk)
{
	struct mysql *my = talk->state;

	while (talk->calls.first)
		talk_forget(talk, talk->calls.first, true);
	my->answered = my->asked;
	my->at = AT_FIRST;
	my->gap = my->infile = false;
	my->next_n = 0;
}

void mysql_gap(struct talk *talk)
{
	struct mysql *my = talk->state;

	if (my->asked != my->answered + 1) {
		mysql_doubt(talk);
		return;
	}
	if (!my->gap)
		my->rows = my->at == AT_ROWS;
	my->gap = true;
	my->at = AT_ROWS;
}

static void set_status(struct mysql *my, uint16_t status)
{
	my->backslash =
		status & STATUS_NO_BACKSLASH_ESCAPES ? SQL_BACKSLASH_PLAIN : SQL_BACKSLASH_ESCAPES;
}

/* The answer ends here. */
static void done(struct talk *talk, struct call *call)
{
	struct mysql *my = talk->state;
	bool unsure = my->gap && !my->rows;

	if (call && !call->failed && my->next_n) {
		my->database_n = my->next_n;
		memcpy(my->database, my->next, my->next_n);
	}
	my->next_n = 0;
	if (call && my->mariadb)
		call->protocol = PROTOCOL_MARIADB;
	if (call && unsure)
		talk_forget(talk, call, true);
	else if (call)
		talk_answer(talk, call);
	my->answered++;
	my->at = AT_FIRST;
	my->gap = my->infile = false;
}

static void result_ends(struct talk *talk, struct call *call, uint16_t status)
{
	struct mysql *my = talk->state;

	set_status(my, status);
	if (status & STATUS_MORE_RESULTS)
		my->at = AT_FIRST;
	else
		done(talk, call);
}

/* OK, or an EOF (of five bytes): the status in it. */
static uint16_t status_in(struct slice payload, uint32_t size)
{
	struct reader r = reader_of(payload);

	reader_skip(&r, 1);
	if (size == 5) {
		reader_skip(&r, 2); /* warnings */
	} else {
		mysql_lenenc(&r); /* rows */
		mysql_lenenc(&r); /* the last id */
	}
	return reader_le16(&r);
}

static void error(struct talk *talk, struct call *call, struct slice payload)
{
	struct reader r = reader_of(payload);
	char code[8];
	uint16_t number;
	int n;

	reader_skip(&r, 1);
	number = reader_le16(&r);
	if (number == 0xffff) /* MariaDB tells how far it is */
		return;
	if (call) {
		call->failed = true;
		n = snprintf(code, sizeof(code), "%u", number);
		if (!r.bad)
			call_set(call, CALL_CODE, (struct slice){code, (size_t)n});
	}
	done(talk, call);
}

static void columns(struct talk *talk, struct slice payload, uint32_t size)
{
	struct mysql *my = talk->state;
	struct reader r = reader_of(payload);

	my->left = (uint32_t)mysql_lenenc(&r);
	/* MariaDB leaves the columns out that the client knows, and says so in one more byte. */
	if (my->mariadb && size == payload.n - r.n + 1 && reader_u8(&r) == 0 && !r.bad)
		my->left = 0;
	my->at = my->left ? AT_COLUMNS : AT_COLUMNS_END;
}

/* The number of a statement prepared, and what is told about its columns and parameters. */
static void prepared(struct talk *talk, struct call *call, struct slice payload)
{
	struct mysql *my = talk->state;
	struct reader r = reader_of(payload);
	struct slice summary = call_text(call, CALL_SUMMARY),
		     target = call_text(call, CALL_COLLECTION);
	struct sql sql = {.operation = (uint8_t)call->note[1]};
	const char *at = NULL;
	uint32_t id, n;

	reader_skip(&r, 1);
	id = reader_le32(&r);
	n = reader_le16(&r);
	n += reader_le16(&r);
	if (summary.n && summary.n <= SQL_SUMMARY_MAX) {
		sql.n = (uint8_t)summary.n;
		memcpy(sql.summary, summary.p, summary.n);
	}
	if (target.n)
		at = memmem(sql.summary, sql.n, target.p, target.n);
	if (at) {
		sql.collection_at = (uint8_t)(at - sql.summary);
		sql.collection_n = (uint8_t)target.n;
	}
	if (!r.bad && call->note[1])
		sql_cache_put(&my->statements, id, &sql);
	else
		sql_cache_drop(&my->statements, id);
	done(talk, call);
	my->left = n;
	my->at = n ? AT_DEFINITIONS : AT_FIRST;
}

static void first(struct talk *talk, struct call *call, struct slice payload, uint32_t size)
{
	struct mysql *my = talk->state;
	uint8_t command = call ? (uint8_t)call->note[0] : COM_QUERY;
	uint8_t byte = (uint8_t)payload.p[0];

	if (byte == 0xff) {
		error(talk, call, payload);
		return;
	}
	switch (command) {
	case COM_STATISTICS:
		done(talk, call);
		return;
	case COM_FIELD_LIST:
	case COM_STMT_FETCH:
		my->at = AT_ROWS;
		mysql_from_server(talk, payload, size, my->seq[FROM_SERVER], true);
		return;
	case COM_STMT_PREPARE:
		if (!byte)
			prepared(talk, call, payload);
		return;
	case COM_CHANGE_USER:
		if (!byte)
			done(talk, call);
		return;
	default:
		break;
	}
	if (byte == 0 || (byte == 0xfe && size < 9))
		result_ends(talk, call, status_in(payload, size));
	else if (byte == 0xfb)
		my->infile = true;
	else
		columns(talk, payload, size);
}

static void row(struct talk *talk, struct call *call, struct slice payload, uint32_t size)
{
	uint8_t byte = (uint8_t)payload.p[0];

	if (byte == 0xff)
		error(talk, call, payload);
	else if (byte == 0xfe && size < MYSQL_FULL)
		result_ends(talk, call, status_in(payload, size));
}

static void columns_end(struct talk *talk, struct call *call, struct slice payload, uint32_t size)
{
	struct mysql *my = talk->state;

	my->at = AT_ROWS;
	if ((uint8_t)payload.p[0] != 0xfe || size != 5)
		row(talk, call, payload, size);
	else if (status_in(payload, size) & STATUS_CURSOR_EXISTS) /* rows are fetched later */
		result_ends(talk, call, status_in(payload, size));
}

/* The answer's first packet follows the command's last one: that of a next result, any. */
static bool is_first(const struct mysql *my, const struct call *call, uint8_t seq)
{
	return seq == 1 || seq == (uint8_t)(my->seq[FROM_CLIENT] + 1) || (call && call->first_ns);
}

void mysql_from_server(struct talk *talk, struct slice payload, uint32_t size, uint8_t seq,
		       bool whole)
{
	struct mysql *my = talk->state;
	struct call *call;

	if (my->at == AT_DEFINITIONS && payload.n) {
		if ((uint8_t)payload.p[0] != 0xfe || size != 5)
			my->at = --my->left ? AT_DEFINITIONS : AT_FIRST;
		return;
	}
	if (my->answered == my->asked)
		return;
	call = call_at_hand(talk);
	/* A row needs no more than its first byte to be known as one. */
	if (!payload.n || (!whole && (my->at != AT_ROWS || (uint8_t)payload.p[0] >= 0xfe))) {
		mysql_gap(talk);
		return;
	}
	if (my->at == AT_FIRST && !my->gap && !is_first(my, call, seq))
		return;
	if (call && !call->first_ns)
		talk_answer_begins(talk, call);
	switch ((enum mysql_at)my->at) {
	case AT_FIRST:
		first(talk, call, payload, size);
		break;
	case AT_COLUMNS:
		if (--my->left == 0)
			my->at = AT_COLUMNS_END;
		break;
	case AT_COLUMNS_END:
		columns_end(talk, call, payload, size);
		break;
	case AT_ROWS:
		row(talk, call, payload, size);
		break;
	case AT_DEFINITIONS:
		break;
	}
}

/* The end of rows: an EOF, or an OK in its place, at the end of b. */
bool mysql_tail(struct talk *talk, enum side from, struct slice b)
{
	struct mysql *my = talk->state;
	const unsigned char *end = (const unsigned char *)b.p + b.n;
	uint16_t status;

	if (from == FROM_CLIENT)
		return false;
	if (b.n >= 9 && memcmp(end - 9, "\5\0\0", 3) == 0 && end[-5] == 0xfe)
		status = (uint16_t)(end[-2] | end[-1] << 8);
	else if (b.n >= 11 && memcmp(end - 11, "\7\0\0", 3) == 0 && end[-7] == 0xfe && !end[-6] &&
		 !end[-5])
		status = (uint16_t)(end[-4] | end[-3] << 8);
	else
		return false;
	if (my->answered != my->asked)
		result_ends(talk, call_at_hand(talk), status);
	return true;
}
