/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What TDS answers: tokens, of which those before the first rows are read, and those at the end
 * ([MS-TDS] 2.2.7). What stands between has the form that its columns say; it is passed over.
 */
#include <stdio.h>

#include "mssql.h"

enum token {
	TOKEN_RETURN_STATUS = 0x79,
	TOKEN_ORDER = 0xa9,
	TOKEN_ERROR = 0xaa,
	TOKEN_INFO = 0xab,
	TOKEN_RETURN_VALUE = 0xac,
	TOKEN_LOGIN_ACK = 0xad,
	TOKEN_ENVIRONMENT = 0xe3,
	TOKEN_SSPI = 0xed,
	TOKEN_DONE = 0xfd,
	TOKEN_DONE_PROC = 0xfe,
	TOKEN_DONE_IN_PROC = 0xff,
};

enum done {
	DONE_MORE = 0x1,
	DONE_ERROR = 0x2,
	DONE_ATTENTION = 0x20,
	DONE_SERVER_ERROR = 0x100,
	DONE_ALL = 0x137,
};

static size_t done_size(const struct mssql *ms)
{
	return ms->old ? 9 : 13;
}

/* A new database: its name in 16 bits each, behind their number. */
static void environment(struct mssql *ms, struct slice body)
{
	struct reader r = reader_of(body);
	uint8_t what = reader_u8(&r);
	struct slice name = reader_text(&r, 2u * reader_u8(&r));

	if (what == 1 && !r.bad)
		ms->database_n = (uint8_t)tds_text(name, ms->database, sizeof(ms->database));
}

static void an_error(struct mssql *ms, struct slice body)
{
	struct reader r = reader_of(body);
	uint32_t number = reader_le32(&r);

	if (!r.bad && !ms->number)
		ms->number = number;
}

/* Passes over one token. False: its length does not show, or it is not whole. */
static bool pass_token(struct mssql *ms, struct reader *r)
{
	uint8_t token = reader_u8(r);
	struct slice body;

	switch (token) {
	case TOKEN_DONE:
	case TOKEN_DONE_PROC:
	case TOKEN_DONE_IN_PROC:
		reader_skip(r, done_size(ms) - 1);
		return !r->bad;
	case TOKEN_RETURN_STATUS:
		reader_skip(r, 4);
		return !r->bad;
	case TOKEN_ERROR:
	case TOKEN_INFO:
	case TOKEN_ENVIRONMENT:
	case TOKEN_LOGIN_ACK:
	case TOKEN_ORDER:
	case TOKEN_SSPI:
		break;
	default:
		return false;
	}
	body = reader_text(r, reader_le16(r));
	if (r->bad)
		return false;
	if (token == TOKEN_ERROR)
		an_error(ms, body);
	else if (token == TOKEN_ENVIRONMENT)
		environment(ms, body);
	return true;
}

void tds_answer_begins(struct mssql *ms, struct slice tokens)
{
	struct reader r = reader_of(tokens);

	ms->number = 0;
	ms->tail_n = 0;
	while (r.n && pass_token(ms, &r))
		;
	tds_answer_goes_on(ms, tokens);
}

void tds_answer_goes_on(struct mssql *ms, struct slice tokens)
{
	size_t n = tokens.n < TDS_TAIL ? tokens.n : TDS_TAIL, keep = TDS_TAIL - n;

	if (ms->tail_n > keep) {
		memmove(ms->tail, ms->tail + ms->tail_n - keep, keep);
		ms->tail_n = (uint16_t)keep;
	}
	memcpy(ms->tail + ms->tail_n, tokens.p + tokens.n - n, n);
	ms->tail_n += (uint16_t)n;
}

/* The last DONE's state, if b ends with one that may be the last; else -1. */
static int last_done(const struct mssql *ms, struct slice b)
{
	const unsigned char *p = (const unsigned char *)b.p + b.n - done_size(ms);
	int state;

	if (b.n < done_size(ms) || p[0] < TOKEN_DONE)
		return -1;
	state = p[1] | p[2] << 8;
	return state & ~DONE_ALL || state & DONE_MORE ? -1 : state;
}

/* An error amid or after rows: a token whose length leads to others, up to the end. */
static void find_error(struct mssql *ms)
{
	struct slice tail = {ms->tail, ms->tail_n};

	for (size_t at = 0; at + 3 < tail.n; at++) {
		struct reader r = reader_of((struct slice){tail.p + at, tail.n - at});
		unsigned int steps = 0;

		if ((uint8_t)tail.p[at] != TOKEN_ERROR)
			continue;
		while (r.n && pass_token(ms, &r) && ++steps < 64)
			;
		if (!r.n && !r.bad)
			return;
		ms->number = 0;
	}
}

/*
 * The handle of a statement prepared: a return value, the last before the end, of a four byte
 * integer. Its name may be any, so it is looked for from its type on.
 */
static void prepared(struct mssql *ms, const struct call *call)
{
	static const unsigned char type[] = {0x26, 4, 4};
	struct slice tail = {ms->tail, ms->tail_n}, text = call_text(call, CALL_SUMMARY);
	struct slice target = call_text(call, CALL_COLLECTION);
	struct sql sql = {.operation = (uint8_t)call->note[1]};
	size_t end = done_size(ms);
	struct reader r;
	const char *at;

	if (tail.n < end + 7 || text.n > SQL_SUMMARY_MAX)
		return;
	r = reader_of((struct slice){tail.p + tail.n - end - 7, 7});
	if (memcmp(r.p, type, 3) != 0)
		return;
	reader_skip(&r, 3);
	sql.n = (uint8_t)text.n;
	memcpy(sql.summary, text.p, text.n);
	at = target.n ? memmem(sql.summary, sql.n, target.p, target.n) : NULL;
	if (at) {
		sql.collection_at = (uint8_t)(at - sql.summary);
		sql.collection_n = (uint8_t)target.n;
	}
	sql_cache_put(&ms->statements, reader_le32(&r), &sql);
}

void tds_answer_ends(struct talk *talk, struct call *call)
{
	struct mssql *ms = talk->state;
	int state = last_done(ms, (struct slice){ms->tail, ms->tail_n});
	char code[12];
	int n;

	if (!call)
		return;
	if (state >= 0 && state & (DONE_ERROR | DONE_SERVER_ERROR) && !ms->number)
		find_error(ms);
	call->failed = ms->number || (state >= 0 && state & (DONE_ERROR | DONE_SERVER_ERROR));
	if (ms->number) {
		n = snprintf(code, sizeof(code), "%u", ms->number);
		call_set(call, CALL_CODE, (struct slice){code, (size_t)n});
	}
	if (state >= 0 && state & DONE_ATTENTION)
		call->error = EXCHANGE_CANCELLED;
	if (!call->failed && call->note[0])
		prepared(ms, call);
	if (state < 0 || (ms->gap && call->failed && !ms->number))
		talk_forget(talk, call, true);
	else
		talk_answer(talk, call);
	ms->gap = false;
}

bool tds_tail(struct talk *talk, enum side from, struct slice b)
{
	struct mssql *ms = talk->state;

	if (from == FROM_CLIENT || last_done(ms, b) < 0)
		return false;
	ms->number = 0;
	ms->tail_n = 0;
	tds_answer_goes_on(ms, b);
	ms->half[FROM_SERVER] = (struct tds_half){0};
	tds_answer_ends(talk, talk_oldest(talk));
	return true;
}
