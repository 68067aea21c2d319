/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol of MySQL and MariaDB (dev.mysql.com, "Client/Server Protocol"; mariadb.com/kb,
 * "Clients & Utilities: Protocol"): the client sends a command, numbered 0, and the server answers
 * with packets numbered on from there. Answers come in the order of commands.
 */
#include "mysql.h"

/* db.operation.name of the commands that are not SQL; NULL: not counted, or told otherwise. */
static const char *const names[COM_LAST + 1] = {
	[COM_INIT_DB] = "INIT_DB",
	[COM_FIELD_LIST] = "FIELD_LIST",
	[0x05] = "CREATE_DB",
	[0x06] = "DROP_DB",
	[0x07] = "REFRESH",
	[0x08] = "SHUTDOWN",
	[COM_STATISTICS] = "STATISTICS",
	[0x0a] = "PROCESS_INFO",
	[0x0c] = "PROCESS_KILL",
	[0x0d] = "DEBUG",
	[0x0e] = "PING",
	[COM_CHANGE_USER] = "CHANGE_USER",
	[0x15] = "REGISTER_SLAVE",
	[COM_STMT_PREPARE] = "PREPARE",
	[0x1a] = "STMT_RESET",
	[0x1b] = "SET_OPTION",
	[COM_STMT_FETCH] = "FETCH",
	[0x1f] = "RESET_CONNECTION",
};

/* A connection seen from its start begins with the server's greeting. */
static uint8_t phase_of(const struct talk *talk)
{
	const struct mysql *my = talk->state;

	if (my->began)
		return my->phase;
	return talk->start ? PHASE_GREETING : PHASE_COMMANDS;
}

static void set_phase(struct mysql *my, enum mysql_phase phase)
{
	my->phase = phase;
	my->began = true;
}

/* ---- frames ---- */

static bool follows(const struct mysql *my, uint8_t seq)
{
	return seq == (uint8_t)(my->seq[FROM_SERVER] + 1) ||
	       seq == (uint8_t)(my->seq[FROM_CLIENT] + 1) || seq == 1 || my->lost;
}

static enum cut mysql_frame(const struct talk *talk, enum side from, struct slice b,
			    struct frame *f)
{
	const struct mysql *my = talk->state;
	uint8_t phase = phase_of(talk);
	struct reader r = reader_of(b);
	uint32_t size = (uint32_t)reader_le(&r, 3);
	uint8_t seq = reader_u8(&r);
	uint8_t command = 0;

	if (r.bad)
		return CUT_MORE;
	*f = (struct frame){MYSQL_HEADER + size, 64};
	if (phase != PHASE_COMMANDS) {
		f->want = 1024;
		return CUT_OK;
	}
	if (my->goes_on[from])
		return CUT_OK;
	if (from == FROM_SERVER)
		return follows(my, seq) && (size || my->lost) ? CUT_OK : CUT_NOT;
	if (my->infile || seq)
		return my->infile || seq == (uint8_t)(my->seq[FROM_SERVER] + 1) ? CUT_OK : CUT_NOT;
	if (!size)
		return CUT_NOT;
	command = reader_u8(&r);
	if (r.bad)
		return CUT_MORE;
	if (!mysql_is_command(command))
		return CUT_NOT;
	if (command == COM_QUERY || command == COM_STMT_PREPARE)
		f->want = PARSER_WANT_MAX;
	else if (command == COM_INIT_DB || command == COM_CHANGE_USER)
		f->want = 256;
	return CUT_OK;
}

/* ---- login ---- */

static void greeting(struct mysql *my, struct slice payload)
{
	struct reader r = reader_of(payload);
	struct slice version;

	if (reader_u8(&r) != 10)
		return;
	version = reader_string(&r);
	my->mariadb = memmem(version.p, version.n, "MariaDB", 7) != NULL;
	reader_skip(&r, 4 + 8 + 1);
	my->server_flags = reader_le16(&r);
	reader_skip(&r, 1);
	my->backslash = reader_le16(&r) & STATUS_NO_BACKSLASH_ESCAPES ? SQL_BACKSLASH_PLAIN
								      : SQL_BACKSLASH_ESCAPES;
	my->server_flags |= (uint32_t)reader_le16(&r) << 16;
}

static void set_next(struct mysql *my, struct slice name)
{
	my->next_n = name.n <= sizeof(my->next) ? (uint8_t)name.n : 0;
	memcpy(my->next, name.p, my->next_n);
}

static void login(struct talk *talk, struct slice payload, uint32_t size)
{
	struct mysql *my = talk->state;
	struct reader r = reader_of(payload);

	my->flags = reader_le32(&r);
	if (!(my->flags & CLIENT_PROTOCOL_41))
		return;
	if (my->flags & CLIENT_SSL) {
		talk_encrypted(talk);
		return;
	}
	reader_skip(&r, 4 + 1 + 23);
	reader_string(&r); /* user */
	if (my->flags & CLIENT_PLUGIN_AUTH_LENENC)
		reader_skip(&r, (size_t)mysql_lenenc(&r));
	else if (my->flags & CLIENT_SECURE_CONNECTION)
		reader_skip(&r, reader_u8(&r));
	else
		reader_string(&r);
	if (my->flags & CLIENT_CONNECT_WITH_DB) {
		struct slice name = reader_string(&r);

		if (!r.bad && size)
			set_next(my, name);
	}
}

static void login_from_server(struct talk *talk, struct slice payload)
{
	struct mysql *my = talk->state;

	if (phase_of(talk) == PHASE_GREETING) {
		greeting(my, payload);
		set_phase(my, PHASE_LOGIN);
		return;
	}
	if (!payload.n || payload.p[0])
		return; /* an error, or more about passwords */
	my->database_n = my->next_n;
	memcpy(my->database, my->next, my->next_n);
	my->next_n = 0;
	set_phase(my, PHASE_COMMANDS);
	if (my->flags & my->server_flags & (CLIENT_COMPRESS | CLIENT_ZSTD))
		talk_leave(talk);
}

/* ---- commands ---- */

static struct call *ask(struct talk *talk, uint8_t command)
{
	struct mysql *my = talk->state;
	struct call *call = talk_ask(talk, ++my->asked);

	call->note[0] = command;
	if (command <= COM_LAST && names[command])
		call_set(call, CALL_OPERATION, slice_of(names[command]));
	call_set(call, CALL_NAMESPACE, (struct slice){my->database, my->database_n});
	return call;
}

static void read_text(struct talk *talk, struct slice text, bool cut, struct sql *sql)
{
	const struct mysql *my = talk->state;
	struct sql_text in = {text, SQL_MYSQL, (enum sql_backslash)my->backslash, cut};

	talk_read_sql(talk, &in, sql);
}

static void query(struct talk *talk, struct slice payload, bool cut)
{
	struct mysql *my = talk->state;
	struct call *call = ask(talk, COM_QUERY);
	struct sql sql;

	read_text(talk, mysql_query_text(payload), cut, &sql);
	sql_call(call, &sql);
	if (sql.use.n)
		set_next(my, sql.use);
}

#define LAST_PREPARED 0xffffffffu /* MariaDB: the statement whose number is not known yet */

static void prepare(struct talk *talk, struct slice payload, bool cut)
{
	struct mysql *my = talk->state;
	struct call *call = ask(talk, COM_STMT_PREPARE);
	struct sql sql;

	read_text(talk, (struct slice){payload.p + 1, payload.n - 1}, cut, &sql);
	sql_cache_put(&my->statements, LAST_PREPARED, &sql);
	call_set(call, CALL_COLLECTION, sql_collection(&sql));
	call_set(call, CALL_SUMMARY, sql_summary(&sql));
	call->note[1] = sql.operation;
}

/* Of a statement by its number. */
static void statement(struct talk *talk, uint8_t command, struct slice payload)
{
	struct mysql *my = talk->state;
	struct reader r = reader_of(payload);
	struct call *call = ask(talk, command);
	struct sql sql;
	uint32_t id;

	reader_skip(&r, 1);
	id = reader_le32(&r);
	if (r.bad || !sql_cache_get(&my->statements, id, &sql))
		return;
	call_set(call, CALL_COLLECTION, sql_collection(&sql));
	call_set(call, CALL_SUMMARY, sql_summary(&sql));
	if (command != COM_STMT_FETCH)
		call_set(call, CALL_OPERATION, sql_operation(sql.operation));
}

static void change_user(struct talk *talk, struct slice payload)
{
	struct reader r = reader_of(payload);
	struct slice name;

	ask(talk, COM_CHANGE_USER);
	reader_skip(&r, 1);
	reader_string(&r);
	reader_skip(&r, reader_u8(&r));
	name = reader_string(&r);
	if (!r.bad)
		set_next(talk->state, name);
}

static void command(struct talk *talk, struct slice payload, bool cut)
{
	struct mysql *my = talk->state;
	uint8_t byte = (uint8_t)payload.p[0];
	struct reader r = reader_of(payload);

	if (my->gap) /* its answer is over, or the client would not go on */
		mysql_doubt(talk);
	switch (byte) {
	case COM_QUIT:
	case COM_STMT_SEND_LONG_DATA:
		return; /* no answer */
	case COM_STMT_CLOSE:
		reader_skip(&r, 1);
		sql_cache_drop(&my->statements, reader_le32(&r));
		return;
	case COM_QUERY:
		query(talk, payload, cut);
		return;
	case COM_STMT_PREPARE:
		prepare(talk, payload, cut);
		return;
	case COM_STMT_EXECUTE:
	case COM_STMT_BULK_EXECUTE:
	case COM_STMT_FETCH:
		statement(talk, byte, payload);
		return;
	case COM_CHANGE_USER:
		change_user(talk, payload);
		return;
	case COM_BINLOG_DUMP: /* a stream without an end */
	case COM_BINLOG_DUMP_GTID:
		talk_leave(talk);
		return;
	case COM_INIT_DB:
		ask(talk, byte);
		if (!cut)
			set_next(my, (struct slice){payload.p + 1, payload.n - 1});
		return;
	default:
		ask(talk, byte);
		return;
	}
}

static void from_client(struct talk *talk, struct slice b, uint32_t size, bool lost)
{
	struct mysql *my = talk->state;
	struct slice payload = {b.p + MYSQL_HEADER, b.n - MYSQL_HEADER};

	if (my->infile && my->seq[FROM_CLIENT]) {
		my->infile = size > 0; /* the file, which an empty packet ends */
		return;
	}
	if (my->infile)
		my->infile = size > 0;
	else if (!my->seq[FROM_CLIENT] && payload.n)
		command(talk, payload, payload.n < size);
	if (lost && talk->calls.last && talk->calls.last->key == my->asked)
		talk_forget(talk, talk->calls.last, true);
}

static void mysql_message(struct talk *talk, enum side from, struct slice b, const struct frame *f)
{
	struct mysql *my = talk->state;
	uint32_t size = (uint32_t)(f->size - MYSQL_HEADER);
	bool on = my->goes_on[from];
	uint8_t phase = phase_of(talk);
	struct slice payload = {b.p + MYSQL_HEADER, b.n - MYSQL_HEADER};

	if (b.n < MYSQL_HEADER)
		return;
	my->seq[from] = (uint8_t)b.p[3];
	my->goes_on[from] = size == MYSQL_FULL;
	if (from == FROM_SERVER)
		my->lost = false;
	if (on)
		return;
	if (phase != PHASE_COMMANDS && from == FROM_SERVER)
		login_from_server(talk, payload);
	else if (phase == PHASE_LOGIN && b.p[3] == 1)
		login(talk, payload, size);
	else if (phase == PHASE_COMMANDS && from == FROM_CLIENT)
		from_client(talk, b, size, b.n < f->want && b.n < SQL_ENOUGH);
	else if (phase == PHASE_COMMANDS)
		mysql_from_server(talk, payload, size, (uint8_t)b.p[3], b.n >= f->want);
}

static void mysql_lost(struct talk *talk, enum side from)
{
	struct mysql *my = talk->state;

	set_phase(my, PHASE_COMMANDS);
	my->goes_on[from] = false;
	if (from == FROM_SERVER)
		my->lost = true;
	if (from == FROM_CLIENT && my->infile)
		return;
	if (from == FROM_SERVER)
		mysql_gap(talk);
	else
		mysql_doubt(talk);
}

const struct parser mysql_parser = {
	.name = "mysql",
	.protocol = PROTOCOL_MYSQL,
	.kind = EXCHANGE_DB,
	.transports = OVER_TCP,
	.ports = {3306, 3307, 4000},
	.capture = 16384,
	.state_size = sizeof(struct mysql),
	.detect = mysql_detect,
	.frame = mysql_frame,
	.message = mysql_message,
	.lost = mysql_lost,
	.tail = mysql_tail,
	.resync = mysql_resync,
};
