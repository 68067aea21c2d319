/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a piece of SQL is about, in few words: verbs and targets in the order in which they stand
 * (db.query.summary of the OpenTelemetry conventions, "INSERT shipping SELECT orders"). It is a
 * lexer with some memory, not a grammar: text may be cut off anywhere, or be no SQL at all.
 *
 * No literal is ever in its results: only verbs and kinds of objects that it knows, and names that
 * stand where a target must. Strings, numbers, comments and bind markers are passed over.
 */
#ifndef KEYHOLE_PROTOCOL_SQL_H
#define KEYHOLE_PROTOCOL_SQL_H

#include <stdint.h>

#include "../slice.h"

#define SQL_SUMMARY_MAX                                                                            \
	255              /* bytes; the conventions' limit. Cut before the token that does not fit */
#define SQL_DEPTH_MAX 16 /* parentheses in which sub-selects are told apart */
#define SQL_CTE_MAX 8    /* names defined by WITH that are known to be no targets */

/* Of a text that was captured in part, so many bytes are enough: it is told as one that is cut. */
#define SQL_ENOUGH 512

/* How strings, names and comments are written. */
enum sql_dialect {
	SQL_GENERIC, /* SQLite, and all others: `a`, [a] and "a" are names */
	SQL_POSTGRESQL,
	SQL_MYSQL, /* "a" is a string (a name only in ANSI mode, which nobody can see) */
	SQL_MSSQL,
	SQL_CQL,
};

/* Does \' end a string? Where nobody knows, nothing after such a quote is told. */
enum sql_backslash {
	SQL_BACKSLASH_UNKNOWN,
	SQL_BACKSLASH_PLAIN,
	SQL_BACKSLASH_ESCAPES,
};

struct sql_text {
	struct slice text;
	enum sql_dialect dialect;
	enum sql_backslash backslash; /* PostgreSQL, MySQL; for the others it is plain */
	bool cut;                     /* more followed: the last token may be half of one */
};

struct sql {
	uint8_t operation;                   /* for sql_operation() */
	uint8_t n;                           /* bytes of the summary */
	uint8_t collection_at, collection_n; /* in the summary; 0 bytes unless it has one target */
	struct slice use;                    /* USE: the database's name, in the text; else "" */
	char summary[SQL_SUMMARY_MAX];
};

/* Takes at most one pass over the text. */
void sql_read(const struct sql_text *text, struct sql *sql);

/*
 * The verb of the statement that the text is, in capitals: the first outside of parentheses (in
 * WITH a AS (SELECT …) UPDATE … it is UPDATE). "" for 0, or where no known verb was found.
 */
struct slice sql_operation(uint8_t operation);

static inline struct slice sql_summary(const struct sql *sql)
{
	return (struct slice){sql->summary, sql->n};
}

static inline struct slice sql_collection(const struct sql *sql)
{
	return (struct slice){sql->summary + sql->collection_at, sql->collection_n};
}

#endif
