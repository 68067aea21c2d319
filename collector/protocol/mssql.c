/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TDS, the protocol of Microsoft SQL Server ([MS-TDS]), versions 7.0 to 7.4. A message is a number
 * of packets; the server answers each request with one message. Mostly it is encrypted, which is
 * agreed upon before the login, or in which only the login is.
 */
#include "mssql.h"

/* ---- frames ---- */

/* Of a connection whose login is encrypted: a TLS record among packets. */
static bool is_record(const struct mssql *ms, struct slice b)
{
	return ms->login_encrypted && b.n >= 5 && b.p[0] >= 20 && b.p[0] <= 23 && b.p[1] == 3;
}

static enum cut tds_frame(const struct talk *talk, enum side from, struct slice b, struct frame *f)
{
	const struct mssql *ms = talk->state;
	struct tds_packet packet;
	uint32_t size = ms->half[from].left;

	if (!size && is_record(ms, b)) {
		size = 5u + ((unsigned char)b.p[3] << 8 | (unsigned char)b.p[4]);
		*f = (struct frame){size, 5};
		return CUT_OK;
	}
	if (!size) {
		if (b.n < TDS_HEADER)
			return CUT_MORE;
		if (!tds_packet(from, b, &packet))
			return CUT_NOT;
		size = packet.size;
	}
	if (size > PARSER_WANT_MAX)
		size = PARSER_WANT_MAX;
	*f = (struct frame){size, size};
	return CUT_OK;
}

/* ---- before the login, and it ---- */

enum encryption {
	ENCRYPT_OFF, /* but for the login */
	ENCRYPT_ON,
	ENCRYPT_NOT_SUPPORTED,
	ENCRYPT_REQUIRED,
};

/* The server's word counts: option 1 of its prelogin. */
static void prelogin_answer(struct talk *talk, struct slice payload)
{
	struct mssql *ms = talk->state;
	struct reader r = reader_of(payload);
	uint8_t option;

	while ((option = reader_u8(&r)) != 0xff && !r.bad) {
		uint16_t at = (uint16_t)reader_be(&r, 2), n = (uint16_t)reader_be(&r, 2);

		if (option != 1 || r.bad || n != 1 || at >= payload.n)
			continue;
		if (payload.p[at] == ENCRYPT_ON || payload.p[at] == ENCRYPT_REQUIRED)
			talk_encrypted(talk);
		ms->login_encrypted = payload.p[at] == ENCRYPT_OFF;
		return;
	}
}

#define LOGIN_VERSION 4
#define LOGIN_DATABASE 68 /* where its offset and length are */

static void login(struct mssql *ms, struct slice payload)
{
	struct reader r = reader_of(payload), name = r;
	uint16_t at, n;

	reader_skip(&r, LOGIN_VERSION);
	ms->old = reader_le32(&r) < 0x72000000;
	reader_skip(&r, LOGIN_DATABASE - LOGIN_VERSION - 4);
	at = reader_le16(&r);
	n = reader_le16(&r);
	reader_skip(&name, at);
	if (!r.bad && !name.bad && n <= 128)
		ms->database_n = (uint8_t)tds_text(reader_text(&name, 2u * n), ms->database,
						   sizeof(ms->database));
}

/* ---- requests ---- */

static struct slice transaction(struct slice payload)
{
	struct reader r = reader_of(payload);

	reader_skip(&r, tds_all_headers(payload));
	switch (reader_le16(&r)) {
	case 5:
		return slice_of("BEGIN");
	case 7:
		return slice_of("COMMIT");
	case 8:
		return slice_of("ROLLBACK");
	case 9:
		return slice_of("SAVE");
	default:
		return slice_of("");
	}
}

static void request(struct talk *talk, uint8_t type, struct slice payload, bool cut, bool lost)
{
	struct mssql *ms = talk->state;
	struct call *call = talk_ask(talk, 0);
	struct sql sql = {0};
	bool known = false, prepares = false;

	call_set(call, CALL_NAMESPACE, (struct slice){ms->database, ms->database_n});
	if (type == TDS_BATCH || type == TDS_RPC)
		ms->old = !tds_all_headers(payload);
	if (type == TDS_BATCH)
		known = tds_batch(talk, payload, cut, &sql);
	else if (type == TDS_RPC)
		known = tds_rpc(talk, payload, cut, &sql, &prepares);
	else if (type == TDS_TRANSACTION)
		call_set(call, CALL_OPERATION, transaction(payload));
	else
		call_set(call, CALL_OPERATION, slice_of("BULK"));
	if (known)
		sql_call(call, &sql);
	ms->number = 0;
	ms->tail_n = 0;
	call->note[0] = prepares;
	call->note[1] = sql.operation;
	if (lost)
		talk_forget(talk, call, true);
}

static void from_client(struct talk *talk, uint8_t type, struct slice payload, bool cut, bool lost)
{
	struct mssql *ms = talk->state;

	if (ms->gap) { /* its answer is over, or the client would not go on */
		while (talk->calls.first)
			talk_forget(talk, talk->calls.first, true);
		ms->gap = false;
	}
	switch (type) {
	case TDS_LOGIN:
		login(ms, payload);
		return;
	case TDS_BATCH:
	case TDS_RPC:
	case TDS_TRANSACTION:
	case TDS_BULK:
		request(talk, type, payload, cut, lost);
		return;
	default:
		return;
	}
}

static void from_server(struct talk *talk, struct tds_half *half, struct slice tokens, bool begins)
{
	struct mssql *ms = talk->state;
	struct call *call = talk_oldest(talk);

	if (half->type == TDS_PRELOGIN) {
		return;
	}
	if (begins && !ms->gap)
		tds_answer_begins(ms, tokens);
	else
		tds_answer_goes_on(ms, tokens);
	if (call)
		talk_answer_begins(talk, call);
	if (!half->left && half->last)
		tds_answer_ends(talk, call);
}

static void tds_message(struct talk *talk, enum side from, struct slice b, const struct frame *f)
{
	struct mssql *ms = talk->state;
	struct tds_half *half = &ms->half[from];
	bool begins = false, header = !half->left, holed = b.n < f->want;
	bool lost = holed && b.n < SQL_ENOUGH;
	struct tds_packet packet;

	if (header && is_record(ms, b))
		return;
	if (header) {
		if (b.n < TDS_HEADER || !tds_packet(from, b, &packet))
			return;
		begins = !half->amid;
		half->type = packet.type;
		half->last = packet.last;
		half->left = packet.size;
		b.p += TDS_HEADER;
		b.n -= TDS_HEADER;
	}
	half->left -= (uint16_t)f->size;
	half->amid = half->left || !half->last;
	if (from == FROM_SERVER && holed)
		ms->gap = true;
	if (from == FROM_SERVER && begins && talk->start && !talk->calls.n &&
	    ms->half[FROM_CLIENT].type == TDS_PRELOGIN)
		prelogin_answer(talk, b);
	else if (from == FROM_SERVER)
		from_server(talk, half, b, begins);
	else if (begins)
		from_client(talk, half->type, b, half->amid || holed, lost);
}

static void tds_lost(struct talk *talk, enum side from)
{
	struct mssql *ms = talk->state;

	ms->half[from] = (struct tds_half){0};
	if (from == FROM_SERVER && talk->calls.n == 1) {
		ms->gap = true;
		return;
	}
	while (talk->calls.first)
		talk_forget(talk, talk->calls.first, true);
	ms->gap = false;
}

const struct parser mssql_parser = {
	.name = "mssql",
	.protocol = PROTOCOL_MSSQL,
	.kind = EXCHANGE_DB,
	.transports = OVER_TCP,
	.ports = {1433},
	.capture = 8192,
	.state_size = sizeof(struct mssql),
	.detect = tds_detect,
	.frame = tds_frame,
	.message = tds_message,
	.lost = tds_lost,
	.tail = tds_tail,
};
