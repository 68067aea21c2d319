/* SPDX-License-Identifier: Apache-2.0 */
/* The words of SQL that say what a statement does and to what. Part of sql.c. */
#ifndef KEYHOLE_PROTOCOL_SQL_WORDS_H
#define KEYHOLE_PROTOCOL_SQL_WORDS_H

#include "sql.h"

/* What a word means to the lexer. A verb may mean more than that (REPLACE, SET, VALUES). */
enum sql_role {
	SQL_ROLE_NONE, /* an ordinary word: a name, or a keyword that changes nothing */
	SQL_ROLE_VERB, /* only where a statement begins, but for the next five: */
	SQL_ROLE_SELECT,
	SQL_ROLE_INSERT, /* INSERT, REPLACE, UPSERT */
	SQL_ROLE_UPDATE,
	SQL_ROLE_DELETE,
	SQL_ROLE_MERGE,
	SQL_ROLE_DEFINE,     /* CREATE, ALTER, DROP, … : a kind, then a name */
	SQL_ROLE_CALL,       /* a procedure's name follows */
	SQL_ROLE_PREFIX,     /* EXPLAIN: another statement follows */
	SQL_ROLE_COPY,       /* a target or a SELECT in parentheses follows */
	SQL_ROLE_LOAD,       /* LOAD DATA … INTO TABLE */
	SQL_ROLE_USE,        /* a database's name follows */
	SQL_ROLE_PROCEDURAL, /* SET, DECLARE, IF, BEGIN: T-SQL needs no semicolon after it */
	SQL_ROLE_WITH,
	SQL_ROLE_KIND, /* TABLE, VIEW, …: of an object defined */
	SQL_ROLE_FROM,
	SQL_ROLE_JOIN,
	SQL_ROLE_INTO,
	SQL_ROLE_USING,
	SQL_ROLE_UNION,  /* the SELECT after it is not told again */
	SQL_ROLE_CLAUSE, /* ends a list of targets */
	SQL_ROLE_VALUES,
	SQL_ROLE_SKIP,     /* stands between a verb and its target, or a target and its list */
	SQL_ROLE_DISTINCT, /* IS DISTINCT FROM is no list of targets */
	SQL_ROLE_AS,
	SQL_ROLE_ON,
	SQL_ROLE_FOR,
};

#define SQL_WORD_MAX 16

struct sql_word {
	char text[SQL_WORD_MAX]; /* capitals, then zeros; "" ends a letter's list */
	uint8_t role;
	uint8_t verb; /* number of the verb, from 1; 0: none */
};

/* NULL: an ordinary word. */
const struct sql_word *sql_word(const char *p, size_t n);

#endif
