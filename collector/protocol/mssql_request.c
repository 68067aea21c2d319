/* SPDX-License-Identifier: Apache-2.0 */
/* What TDS asks: a batch of SQL, or a procedure by name or number ([MS-TDS] 2.2.6.6, 2.2.6.7). */
#include <stdio.h>

#include "mssql.h"

#define TEXT_MAX 6144

static void read_utf16(struct talk *talk, struct slice utf16, bool cut, struct sql *sql)
{
	char text[TEXT_MAX];
	struct sql_text in = {.dialect = SQL_MSSQL, .cut = cut};

	in.text = (struct slice){text, tds_text(utf16, text, sizeof(text))};
	talk_read_sql(talk, &in, sql);
}

bool tds_batch(struct talk *talk, struct slice payload, bool cut, struct sql *sql)
{
	uint32_t headers = tds_all_headers(payload);

	if (headers > payload.n)
		return false;
	read_utf16(talk, (struct slice){payload.p + headers, payload.n - headers}, cut, sql);
	return true;
}

/* ---- parameters ---- */

enum type {
	TYPE_INT4 = 0x38,
	TYPE_INTN = 0x26,
	TYPE_NTEXT = 0x63,
	TYPE_NVARCHAR = 0xe7,
};

struct parameter {
	struct slice text; /* UTF-16 */
	bool cut;
	uint32_t number;
};

static struct slice some(struct reader *r, uint64_t n, bool *cut)
{
	*cut = n > r->n;
	return reader_text(r, *cut ? r->n : (size_t)n);
}

/*
 * A long text: its length, then pieces up to an empty one, of which the first is enough. Clients
 * may leave the length open ([MS-TDS] 2.2.5.2.3), so it does not tell whether there are more.
 */
static void pieces(struct reader *r, struct parameter *p)
{
	uint64_t all = reader_le(r, 8);
	uint32_t piece;

	if (all == UINT64_MAX) /* NULL: no piece, not even an empty one */
		return;
	piece = reader_le32(r);
	if (!piece)
		return;
	p->text = some(r, piece, &p->cut);
	if (r->n < 4)
		p->cut |= piece != all;
	else
		p->cut |= reader_le32(r) != 0;
}

/* The types that procedures of prepared statements take. */
static bool parameter(struct reader *r, struct parameter *p)
{
	uint16_t most;

	*p = (struct parameter){{"", 0}, false, 0};
	reader_skip(r, 2u * reader_u8(r)); /* name */
	reader_skip(r, 1);                 /* flags */
	switch (reader_u8(r)) {
	case TYPE_INT4:
		p->number = reader_le32(r);
		break;
	case TYPE_INTN:
		reader_skip(r, 1);
		p->number = (uint32_t)reader_le(r, reader_u8(r) & 7);
		break;
	case TYPE_NTEXT:
		reader_skip(r, 4 + 5);
		p->text = some(r, reader_le32(r), &p->cut);
		break;
	case TYPE_NVARCHAR:
		most = reader_le16(r);
		reader_skip(r, 5);
		if (most == 0xffff) {
			pieces(r, p);
		} else {
			uint16_t n = reader_le16(r);

			p->text = some(r, n == 0xffff ? 0 : n, &p->cut);
		}
		break;
	default:
		return false;
	}
	return !r->bad;
}

/* ---- procedures ---- */

enum procedure {
	SP_CURSOROPEN = 2,
	SP_CURSORPREPEXEC = 5,
	SP_EXECUTESQL = 10,
	SP_PREPARE = 11,
	SP_EXECUTE = 12,
	SP_PREPEXEC = 13,
	SP_PREPEXECRPC = 14,
	SP_UNPREPARE = 15,
};

static const char *const procedures[] = {
	"",
	"sp_cursor",
	"sp_cursoropen",
	"sp_cursorprepare",
	"sp_cursorexecute",
	"sp_cursorprepexec",
	"sp_cursorunprepare",
	"sp_cursorfetch",
	"sp_cursoroption",
	"sp_cursorclose",
	"sp_executesql",
	"sp_prepare",
	"sp_execute",
	"sp_prepexec",
	"sp_prepexecrpc",
	"sp_unprepare",
};
#define PROCEDURES (sizeof(procedures) / sizeof(procedures[0]))

/* The number of a procedure that has one and was called by name, else 0. */
static uint16_t number_of(struct slice name)
{
	for (uint16_t i = 1; i < PROCEDURES; i++) {
		if (slice_is(name, procedures[i]))
			return i;
	}
	return 0;
}

static void exec(struct talk *talk, struct slice name, struct sql *sql)
{
	char text[600] = "EXEC ";
	struct sql_text in = {.dialect = SQL_MSSQL};

	if (name.n > sizeof(text) - 5)
		name.n = 0;
	memcpy(text + 5, name.p, name.n);
	in.text = (struct slice){text, 5 + name.n};
	talk_read_sql(talk, &in, sql);
}

/* The statement stands behind so many other parameters; -1: it has none. */
static int statement_at(uint16_t number)
{
	switch (number) {
	case SP_EXECUTESQL:
		return 0;
	case SP_CURSOROPEN:
		return 1;
	case SP_PREPARE:
	case SP_PREPEXEC:
		return 2;
	case SP_CURSORPREPEXEC:
		return 3;
	default:
		return -1;
	}
}

bool tds_rpc(struct talk *talk, struct slice payload, bool cut, struct sql *sql, bool *prepares)
{
	struct mssql *ms = talk->state;
	struct reader r = reader_of(payload);
	struct parameter p = {0};
	char text[512];
	struct slice name = {text, 0};
	uint16_t n, number;
	int at;

	*prepares = false;
	reader_skip(&r, tds_all_headers(payload));
	n = reader_le16(&r);
	if (n == 0xffff) {
		number = reader_le16(&r);
		name = slice_of(number < PROCEDURES ? procedures[number] : "");
	} else {
		name.n = tds_text(reader_text(&r, 2u * n), text, sizeof(text));
		number = number_of(name);
	}
	reader_skip(&r, 2); /* flags */
	if (r.bad)
		return false;
	exec(talk, name, sql);
	at = statement_at(number);
	if (number == SP_EXECUTE || number == SP_UNPREPARE) {
		if (!parameter(&r, &p))
			return true;
		if (number == SP_EXECUTE)
			sql_cache_get(&ms->statements, p.number, sql);
		else
			sql_cache_drop(&ms->statements, p.number);
		return true;
	}
	for (int i = 0; i <= at; i++) {
		if (!parameter(&r, &p))
			return true;
	}
	if (at >= 0)
		read_utf16(talk, p.text, p.cut, sql);
	*prepares = number == SP_PREPARE || number == SP_PREPEXEC;
	return true;
}
