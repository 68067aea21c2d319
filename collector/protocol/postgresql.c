/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's protocol 3 (postgresql.org/docs: "Frontend/Backend Protocol"), as CockroachDB,
 * Redshift and others speak it, too.
 *
 * Answers are told from each other by counting. What the client sends up to a Sync, or one Query,
 * is a round; the server ends each with ReadyForQuery, in order. Within a round every Execute is
 * ended by one of CommandComplete, EmptyQueryResponse, PortalSuspended or ErrorResponse; after an
 * error, nothing more of the round is done. So a call's key is its round and its place in it.
 */
#include "postgresql.h"
#include "sql_cache.h"

#define PORTALS 8
#define NAME_WANT 160 /* bytes seen of Bind, Execute and Close: two names of up to 63 bytes */

enum call_kind {
	CALL_NONE,
	CALL_QUERY,   /* ends with its round */
	CALL_EXECUTE, /* ends by itself */
	CALL_PARSE,   /* a round without any Execute: told only if it fails */
};

struct portal {
	uint64_t name, statement;
};

struct pg {
	bool speaks;               /* the startup packet is past: messages have types */
	bool asked_ssl, asked_gss; /* the server's answer is one byte */
	uint8_t backslash;         /* enum sql_backslash */

	uint32_t asked, answered; /* rounds */
	uint32_t place_asked, place_answered;
	bool open;  /* messages of a round that no Sync has ended yet */
	bool parse; /* it has a Parse, of statement `last` */
	uint64_t last;
	bool copy_in;   /* the round at hand waits for the client's data */
	bool copy_lost; /* of which some were lost: with or without their end */

	/*
	 * blind: how many rounds are on their way is not known; until ReadyForQuery comes, nothing
	 * that is asked can be told from the others. gap: bytes of the only open round's answer
	 * were lost; `ended`: after them, its end was seen.
	 */
	bool blind, gap, ended;

	uint8_t portals; /* where the next goes */
	struct portal portal[PORTALS];
	uint8_t database_n;
	char database[64];
	struct sql_cache statements;
};

static uint64_t key_of(uint32_t round, uint32_t place)
{
	return (uint64_t)round << 32 | place;
}

/* ---- frames ---- */

static uint32_t wanted(enum side from, unsigned char type)
{
	if (from == FROM_CLIENT)
		switch (type) {
		case 'Q':
		case 'P':
			return PARSER_WANT_MAX;
		case 'B':
		case 'E':
		case 'C':
			return NAME_WANT;
		default:
			return 5;
		}
	switch (type) {
	case 'E':
	case 'S':
		return 256;
	case 'Z':
		return 6;
	default:
		return 5;
	}
}

static enum cut frame_startup(struct slice b, struct frame *f)
{
	uint32_t size;

	if (b.n < 8)
		return CUT_MORE;
	if (pg_startup(b, &size) == PG_NO_STARTUP)
		return CUT_NOT;
	*f = (struct frame){size, size < 1024 ? size : 1024};
	return CUT_OK;
}

static enum cut pg_frame(const struct talk *talk, enum side from, struct slice b, struct frame *f)
{
	const struct pg *pg = talk->state;
	struct reader r = reader_of(b);
	unsigned char type;
	uint32_t length;

	if (from == FROM_CLIENT && talk->start && !pg->speaks)
		return frame_startup(b, f);
	if (from == FROM_SERVER && (pg->asked_ssl || pg->asked_gss) && b.n && b.p[0] != 'E') {
		*f = (struct frame){1, 1};
		return CUT_OK;
	}
	type = reader_u8(&r);
	length = reader_be32(&r);
	if (r.bad)
		return CUT_MORE;
	if (!pg_message(from, type, length))
		return CUT_NOT;
	*f = (struct frame){1ull + length, wanted(from, type)};
	return CUT_OK;
}

/* ---- the startup packet ---- */

static void set_database(struct pg *pg, struct slice name)
{
	pg->database_n = name.n <= sizeof(pg->database) ? (uint8_t)name.n : 0;
	memcpy(pg->database, name.p, pg->database_n);
}

static void startup(struct talk *talk, struct slice b)
{
	struct pg *pg = talk->state;
	struct reader r = {0};
	uint32_t size;

	switch (pg_startup(b, &size)) {
	case PG_SSL_REQUEST:
		pg->asked_ssl = true;
		return;
	case PG_GSS_REQUEST:
		pg->asked_gss = true;
		return;
	case PG_CANCEL: /* a connection of its own, without an answer: it asks nothing */
		pg->speaks = true;
		return;
	case PG_NO_STARTUP:
	case PG_STARTUP:
		break;
	}
	pg->speaks = true;
	r = reader_of(b);
	reader_skip(&r, 8);
	while (r.n && !r.bad) {
		struct slice name = reader_string(&r), value = reader_string(&r);

		if (r.bad || !name.n)
			break;
		/* Without a database it is that of the user's name. */
		if (slice_is(name, "database") || (slice_is(name, "user") && !pg->database_n))
			set_database(pg, value);
		if (slice_is(name, "database"))
			break;
	}
}

/* One byte: 'S' or 'G' for yes, 'N' for no. */
static void encryption_answer(struct talk *talk, struct slice b)
{
	struct pg *pg = talk->state;

	pg->asked_ssl = pg->asked_gss = false;
	if (b.n && (b.p[0] == 'S' || b.p[0] == 'G'))
		talk_encrypted(talk);
}

/* ---- what the client asks ---- */

/* NULL: it was forgotten again. */
static struct call *ask(struct talk *talk, enum call_kind kind, const struct sql *sql)
{
	struct pg *pg = talk->state;
	struct call *call = talk_ask(talk, key_of(pg->asked + 1, pg->place_asked));

	call->note[0] = kind;
	if (sql)
		sql_call(call, sql);
	call_set(call, CALL_NAMESPACE, (struct slice){pg->database, pg->database_n});
	if (!pg->blind)
		return call;
	talk_forget(talk, call, true);
	return NULL;
}

static void read_text(struct talk *talk, struct slice text, bool cut, struct sql *sql)
{
	const struct pg *pg = talk->state;
	struct sql_text in = {text, SQL_POSTGRESQL, (enum sql_backslash)pg->backslash, cut};

	talk_read_sql(talk, &in, sql);
}

static void end_round(struct pg *pg)
{
	if (!pg->blind)
		pg->asked++;
	pg->place_asked = 0;
	pg->open = pg->parse = false;
}

/* Bytes were lost, and the client goes on as if it had been answered: whom to believe? */
static void doubt(struct talk *talk)
{
	struct pg *pg = talk->state;

	while (talk->calls.first)
		talk_forget(talk, talk->calls.first, true);
	pg->answered = pg->asked;
	pg->place_asked = pg->place_answered = 0;
	pg->gap = pg->ended = pg->copy_in = pg->copy_lost = false;
	pg->blind = true;
}

static void query(struct talk *talk, struct slice b, const struct frame *f)
{
	struct pg *pg = talk->state;
	bool cut = b.n < f->size;
	struct slice text = {b.p + 5, b.n > 5 ? b.n - 5 - !cut : 0};
	struct call *call;
	struct sql sql;

	read_text(talk, text, cut, &sql);
	call = ask(talk, CALL_QUERY, &sql);
	if (call && b.n < f->want && b.n < SQL_ENOUGH)
		talk_forget(talk, call, true);
	end_round(pg);
}

static void parse(struct talk *talk, struct slice b, const struct frame *f)
{
	struct pg *pg = talk->state;
	struct reader r = reader_of(b);
	struct slice name, text;
	const char *end;
	struct sql sql;

	reader_skip(&r, 5);
	name = reader_string(&r);
	pg->parse = true;
	pg->last = sql_cache_key(name);
	if (r.bad) {
		sql_cache_drop(&pg->statements, pg->last);
		return;
	}
	text = (struct slice){(const char *)r.p, r.n};
	end = memchr(text.p, 0, text.n);
	if (end)
		text.n = (size_t)(end - text.p);
	read_text(talk, text, !end, &sql);
	sql_cache_put(&pg->statements, pg->last, &sql);
}

static struct portal *portal(struct pg *pg, uint64_t name)
{
	for (unsigned int i = 0; i < PORTALS; i++) {
		if (pg->portal[i].name == name)
			return &pg->portal[i];
	}
	return NULL;
}

static void bind(struct pg *pg, struct slice b)
{
	struct reader r = reader_of(b);
	uint64_t name, statement;
	struct portal *p;

	reader_skip(&r, 5);
	name = sql_cache_key(reader_string(&r));
	statement = sql_cache_key(reader_string(&r));
	p = portal(pg, name);
	if (!p)
		p = &pg->portal[pg->portals++ % PORTALS];
	*p = r.bad ? (struct portal){0} : (struct portal){name, statement};
}

static void execute(struct talk *talk, struct slice b, const struct frame *f)
{
	struct pg *pg = talk->state;
	struct reader r = reader_of(b);
	struct portal *p;
	struct call *call;
	struct sql sql;
	bool known;

	reader_skip(&r, 5);
	p = portal(pg, sql_cache_key(reader_string(&r)));
	known = !r.bad && p && sql_cache_get(&pg->statements, p->statement, &sql);
	call = ask(talk, CALL_EXECUTE, known ? &sql : NULL);
	if (call && b.n < f->want)
		talk_forget(talk, call, true);
	pg->place_asked++;
}

static void close_name(struct pg *pg, struct slice b)
{
	struct reader r = reader_of(b);
	uint8_t what;
	struct slice name;

	reader_skip(&r, 5);
	what = reader_u8(&r);
	name = reader_string(&r);
	if (!r.bad && what == 'S')
		sql_cache_drop(&pg->statements, sql_cache_key(name));
}

static void sync(struct talk *talk)
{
	struct pg *pg = talk->state;
	struct sql sql;

	if (pg->parse && !pg->place_asked && sql_cache_get(&pg->statements, pg->last, &sql))
		ask(talk, CALL_PARSE, &sql);
	end_round(pg);
}

static void from_client(struct talk *talk, struct slice b, const struct frame *f)
{
	struct pg *pg = talk->state;
	char type = b.p[0];

	if (pg->gap && (type == 'Q' || type == 'P' || type == 'B' || type == 'E'))
		doubt(talk);
	switch (type) {
	case 'Q':
		query(talk, b, f);
		return;
	case 'P':
		parse(talk, b, f);
		break;
	case 'B':
		bind(pg, b);
		break;
	case 'E':
		execute(talk, b, f);
		break;
	case 'C':
		close_name(pg, b);
		break;
	case 'D':
		break;
	case 'F': /* a function by its number */
		ask(talk, CALL_QUERY, NULL);
		end_round(pg);
		return;
	case 'S':
		sync(talk);
		return;
	default: /* Flush, Terminate, passwords; data of COPY */
		return;
	}
	pg->open = true;
}

/* ---- what the server answers ---- */

static struct call *call_at_hand(struct talk *talk)
{
	const struct pg *pg = talk->state;
	struct call *call = talk->calls.first;
	uint64_t key = key_of(pg->answered + 1, pg->place_answered);

	if (call && call->key == key)
		return call;
	return talk_asked(talk, key);
}

static void command_ends(struct talk *talk)
{
	struct pg *pg = talk->state;
	struct call *call = call_at_hand(talk);

	pg->ended = true;
	if (call && call->note[0] == CALL_EXECUTE) {
		talk_answer(talk, call);
		pg->gap = false;
	}
	pg->place_answered++;
}

static bool is_code(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'A' && s.p[i] <= 'Z'))
			return false;
	}
	return s.n == 5;
}

/* Fields: a letter and a string each. V is the severity as all languages have it, C the code. */
static void error(struct talk *talk, struct slice b, const struct frame *f)
{
	struct pg *pg = talk->state;
	struct call *call = call_at_hand(talk);
	struct reader r = reader_of(b);
	bool fatal = false;

	pg->ended = true;
	if (!call)
		return;
	call->failed = true;
	reader_skip(&r, 5);
	while (r.n && !r.bad) {
		uint8_t field = reader_u8(&r);
		struct slice text = field ? reader_string(&r) : (struct slice){"", 0};

		if (!field || r.bad)
			break;
		if (field == 'C' && is_code(text))
			call_set(call, CALL_CODE, text);
		if (field == 'V')
			fatal = slice_is(text, "FATAL") || slice_is(text, "PANIC");
	}
	if (!call_text(call, CALL_CODE).n && b.n < f->want)
		talk_forget(talk, call, true);
	else if (call->note[0] == CALL_EXECUTE || fatal) /* nothing follows what is fatal */
		talk_answer(talk, call);
}

static void round_ends(struct talk *talk)
{
	struct pg *pg = talk->state;
	uint32_t round = pg->answered + 1;
	struct call *call;

	while ((call = talk->calls.first) && call->key >> 32 == round) {
		if (call->note[0] == CALL_QUERY && (!pg->gap || pg->ended))
			talk_answer(talk, call);
		else if (call->note[0] == CALL_PARSE && call->failed)
			talk_answer(talk, call);
		else /* not done, for an error before it; or its answer was lost */
			talk_forget(talk, call, pg->gap);
	}
	pg->gap = pg->ended = false;
	pg->place_answered = 0;
	if (pg->copy_in) /* a Sync that came before the data ended was passed over */
		pg->asked = round;
	pg->copy_in = pg->copy_lost = false;
	if (pg->answered == pg->asked)
		pg->blind = false;
	else
		pg->answered = round;
}

/* standard_conforming_strings: whether a backslash in '…' escapes anything. */
static void parameter(struct pg *pg, struct slice b)
{
	struct reader r = reader_of(b);
	struct slice name, value;

	reader_skip(&r, 5);
	name = reader_string(&r);
	value = reader_string(&r);
	if (!r.bad && slice_is(name, "standard_conforming_strings"))
		pg->backslash = slice_is(value, "on") ? SQL_BACKSLASH_PLAIN : SQL_BACKSLASH_ESCAPES;
}

static void from_server(struct talk *talk, struct slice b, const struct frame *f)
{
	struct pg *pg = talk->state;
	struct call *call;

	if (pg->asked_ssl || pg->asked_gss) {
		encryption_answer(talk, b);
		return;
	}
	switch (b.p[0]) {
	case 'S':
		parameter(pg, b);
		return;
	case 'A':
	case 'K':
	case 'N':
	case 'R':
	case 'v':
		return;
	case 'Z':
		round_ends(talk);
		return;
	default:
		break;
	}
	if (pg->answered == pg->asked && !pg->open) {
		/* an answer to what was not seen; an error may also end the connection */
		pg->blind |= b.p[0] != 'E';
		return;
	}
	call = call_at_hand(talk);
	if (call && !call->first_ns)
		talk_answer_begins(talk, call);
	pg->ended = false;
	if (b.p[0] == 'C' || b.p[0] == 'I' || b.p[0] == 's')
		command_ends(talk);
	else if (b.p[0] == 'E')
		error(talk, b, f);
	else if (b.p[0] == 'G' || b.p[0] == 'W')
		pg->copy_in = true;
}

static void pg_message_passed(struct talk *talk, enum side from, struct slice b,
			      const struct frame *f)
{
	struct pg *pg = talk->state;

	if (!b.n)
		return;
	if (from == FROM_SERVER)
		from_server(talk, b, f);
	else if (talk->start && !pg->speaks)
		startup(talk, b);
	else
		from_client(talk, b, f);
}

/* ---- bytes that were lost ---- */

static void pg_lost(struct talk *talk, enum side from)
{
	struct pg *pg = talk->state;

	pg->speaks = true;
	pg->asked_ssl = pg->asked_gss = false;
	if (from == FROM_CLIENT && pg->copy_in && !pg->gap) {
		pg->copy_lost = true; /* data, most likely */
		return;
	}
	if (from == FROM_SERVER && !pg->copy_lost && talk->calls.n == 1 &&
	    pg->asked == pg->answered + 1 && !pg->open) {
		pg->gap = true; /* rows, most likely: its end may yet be seen */
		pg->ended = false;
		return;
	}
	doubt(talk);
}

/* Is there a CommandComplete right before the ReadyForQuery at the end? */
static bool completed(struct slice b)
{
	size_t end = b.n - 6;

	for (size_t n = 6; n <= end; n++) {
		const unsigned char *p = (const unsigned char *)b.p + end - n;

		if (p[0] == 'C' && !p[1] && !p[2] && !p[3] && p[4] == n - 1 && p[n - 1] == 0)
			return true;
	}
	return false;
}

static bool pg_tail(struct talk *talk, enum side from, struct slice b)
{
	struct pg *pg = talk->state;
	struct call *call;

	if (from == FROM_CLIENT)
		return b.n >= 5 && memcmp(b.p + b.n - 5, "S\0\0\0\4", 5) == 0;
	if (!pg_ready(b))
		return false;
	call = call_at_hand(talk);
	if (pg->gap && call && completed(b)) {
		if (call->note[0] == CALL_EXECUTE)
			talk_answer(talk, call);
		pg->ended = true;
	}
	round_ends(talk);
	return true;
}

const struct parser postgresql_parser = {
	.name = "postgresql",
	.protocol = PROTOCOL_POSTGRESQL,
	.kind = EXCHANGE_DB,
	.transports = OVER_TCP,
	.ports = {5432, 6432, 26257, 5439},
	.capture = KH_SEGMENT_CALL, /* libpq reads up to 16 KiB at a time */
	.state_size = sizeof(struct pg),
	.detect = pg_detect,
	.frame = pg_frame,
	.message = pg_message_passed,
	.lost = pg_lost,
	.tail = pg_tail,
	.resync = pg_resync,
};
