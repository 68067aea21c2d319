/* SPDX-License-Identifier: Apache-2.0 */
/* Within mysql.c and its parts only: packets, and what the connection's state is. */
#ifndef KEYHOLE_PROTOCOL_MYSQL_H
#define KEYHOLE_PROTOCOL_MYSQL_H

#include "parsers.h"
#include "reader.h"
#include "sql_cache.h"

#define MYSQL_HEADER 4
#define MYSQL_FULL 0xffffffu /* a payload of this size goes on in the next packet */

enum mysql_command {
	COM_QUIT = 0x01,
	COM_INIT_DB = 0x02,
	COM_QUERY = 0x03,
	COM_FIELD_LIST = 0x04,
	COM_STATISTICS = 0x09,
	COM_CHANGE_USER = 0x11,
	COM_BINLOG_DUMP = 0x12,
	COM_STMT_PREPARE = 0x16,
	COM_STMT_EXECUTE = 0x17,
	COM_STMT_SEND_LONG_DATA = 0x18,
	COM_STMT_CLOSE = 0x19,
	COM_STMT_FETCH = 0x1c,
	COM_BINLOG_DUMP_GTID = 0x1e,
	COM_LAST = 0x20,
	COM_STMT_BULK_EXECUTE = 0xfa, /* MariaDB */
};

enum mysql_flag {
	CLIENT_CONNECT_WITH_DB = 1 << 3,
	CLIENT_COMPRESS = 1 << 5,
	CLIENT_PROTOCOL_41 = 1 << 9,
	CLIENT_SSL = 1 << 11,
	CLIENT_SECURE_CONNECTION = 1 << 15,
	CLIENT_PLUGIN_AUTH_LENENC = 1 << 21,
	CLIENT_ZSTD = 1 << 26,
};

enum mysql_status {
	STATUS_MORE_RESULTS = 0x0008,
	STATUS_CURSOR_EXISTS = 0x0040,
	STATUS_NO_BACKSLASH_ESCAPES = 0x0200,
};

enum mysql_phase {
	PHASE_COMMANDS,
	PHASE_GREETING, /* the server speaks first */
	PHASE_LOGIN,
};

/* What the server's next packet is, of the answer at hand. */
enum mysql_at {
	AT_FIRST,
	AT_COLUMNS,
	AT_COLUMNS_END, /* an EOF, or a row where EOF is deprecated */
	AT_ROWS,
	AT_DEFINITIONS, /* of a statement prepared, which was told already */
};

struct mysql {
	uint8_t phase;
	bool began; /* phase is set */
	bool mariadb;
	uint8_t backslash; /* enum sql_backslash */
	uint32_t server_flags, flags;

	bool goes_on[SIDES]; /* the payload of the last packet */
	uint8_t seq[SIDES];  /* of the last packet */

	uint32_t asked, answered; /* commands that have an answer */
	uint8_t at;               /* enum mysql_at */
	uint32_t left;            /* columns, definitions */
	bool infile;              /* the client sends a file */
	bool lost;                /* the server's direction: no sequence to go by */
	bool gap, rows;           /* the answer at hand has a hole; which began amidst its rows */

	uint8_t database_n, next_n;
	char database[64], next[64]; /* next: that of the command at hand, if it succeeds */
	struct sql_cache statements; /* by number */
};

/* Length encoded integer. */
uint64_t mysql_lenenc(struct reader *r);

/* The text of COM_QUERY's payload, behind its attributes if it has some. */
struct slice mysql_query_text(struct slice payload);

/* Does such a command exist? */
bool mysql_is_command(uint8_t command);

void mysql_from_server(struct talk *talk, struct slice payload, uint32_t size, uint8_t seq,
		       bool whole);
bool mysql_tail(struct talk *talk, enum side from, struct slice b);
long mysql_resync(struct talk *talk, enum side from, struct slice b);

/* What is outstanding will not be told. */
void mysql_doubt(struct talk *talk);

/* Bytes of an answer were lost: it may yet be seen how it ends. */
void mysql_gap(struct talk *talk);

enum guess mysql_detect(const struct sight *sight);

#endif
