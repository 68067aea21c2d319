/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sql.c, which finds tokens, and sql_statement.c, which knows what they mean, share.
 * Within these two only.
 */
#ifndef KEYHOLE_PROTOCOL_SQL_LEXER_H
#define KEYHOLE_PROTOCOL_SQL_LEXER_H

#include <string.h>

#include "sql_words.h"

/* What the next name or word would be. */
enum expect {
	EXPECT_NOTHING,
	EXPECT_STATEMENT,
	EXPECT_DML,    /* likewise, but only one that may stand within another */
	EXPECT_INTO,   /* INSERT: INTO, or a target without it */
	EXPECT_FROM,   /* DELETE: what stands before FROM is none */
	EXPECT_TARGET, /* in a list, or joined to it */
	EXPECT_ONE,    /* a target that has no list */
	EXPECT_KIND,
	EXPECT_NAME, /* of an object defined */
	EXPECT_CTE,
	EXPECT_CALL,
	EXPECT_USE,
};

/* One for each open parenthesis, and one for what is outside of them. */
struct level {
	uint8_t verb;   /* enum sql_role of the statement in it; NONE: an expression */
	uint8_t expect; /* enum expect */
	bool list;      /* a comma leads to another target */
	bool with;      /* between WITH and its statement */
};

struct lexer {
	const char *p, *end;
	struct sql *out;
	struct level level[SQL_DEPTH_MAX];
	unsigned int depth, beyond; /* parentheses, and those deeper than SQL_DEPTH_MAX */
	enum sql_dialect dialect;
	enum sql_backslash backslash;
	bool cut;

	bool done;                      /* nothing more is told */
	bool quiet;                     /* likewise, until the statement ends */
	bool loose;                     /* statements may follow each other without a semicolon */
	bool separate;                  /* a statement ended since the last verb told */
	bool unioned, distinct, closed; /* the token before: UNION, DISTINCT, ')' */
	bool routine, drops, table;     /* what is defined */
	uint8_t before;                 /* role of the word before */
	uint8_t kind_words;
	uint8_t outer, first; /* verbs: the first outside of parentheses, the first of all */
	unsigned int targets; /* different ones */
	bool rows;            /* INSERT … VALUES: no target comes after it */
	struct slice cte[SQL_CTE_MAX];
	unsigned int ctes;
};

enum byte_class {
	BYTE_OTHER,
	BYTE_SPACE,
	BYTE_DOLLAR, /* goes on in a word */
	BYTE_WORD,   /* begins a word, or goes on in one */
	BYTE_DIGIT,  /* goes on in a word, begins a number */
};

extern const uint8_t sql_classes[256]; /* enum byte_class */

static inline uint8_t class_at(const struct lexer *x, const char *p)
{
	return p < x->end ? sql_classes[(unsigned char)*p] : BYTE_OTHER;
}

static inline char byte_at(const struct lexer *x, const char *p)
{
	return p < x->end ? *p : 0;
}

static inline const char *word_end(const struct lexer *x, const char *p)
{
	while (p < x->end && sql_classes[(unsigned char)*p] >= BYTE_DOLLAR)
		p++;
	return p;
}

static inline bool then(const struct lexer *x, char c) /* after spaces */
{
	const char *p = x->p;

	while (class_at(x, p) == BYTE_SPACE)
		p++;
	return byte_at(x, p) == c;
}

static inline bool at_end(const struct lexer *x) /* but for spaces */
{
	const char *p = x->p;

	while (class_at(x, p) == BYTE_SPACE)
		p++;
	return p == x->end;
}

/* A name, quoted or not, with its qualifiers; or a word of SQL. Plain: one part without quotes. */
void sql_on_name(struct lexer *x, struct slice text, bool plain);

/* A string or number, where a name may have been expected: then none comes. */
void sql_on_literal(struct lexer *x);

/* Any other byte; those that change nothing, too. */
void sql_on_punctuation(struct lexer *x, char c);

#endif
