/* SPDX-License-Identifier: Apache-2.0 */
#include "sql.h"
#include "sql_words.h"

#define KIND_WORDS_MAX 8 /* CREATE OR REPLACE GLOBAL TEMPORARY …: words before the kind */

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

/* ---- bytes ---- */

enum byte_class {
	BYTE_OTHER,
	BYTE_SPACE,
	BYTE_WORD,  /* begins a word, or goes on in one */
	BYTE_DIGIT, /* goes on in a word, begins a number */
};

static const uint8_t classes[256] = {
	[' '] = BYTE_SPACE,         [1 ... 31] = BYTE_SPACE, ['a' ... 'z'] = BYTE_WORD,
	['A' ... 'Z'] = BYTE_WORD,  ['_'] = BYTE_WORD,       [128 ... 255] = BYTE_WORD,
	['0' ... '9'] = BYTE_DIGIT,
};

static uint8_t class_at(const struct lexer *x, const char *p)
{
	return p < x->end ? classes[(unsigned char)*p] : BYTE_OTHER;
}

static char byte_at(const struct lexer *x, const char *p)
{
	return p < x->end ? *p : 0;
}

static const char *word_end(const struct lexer *x, const char *p)
{
	while (p < x->end && (classes[(unsigned char)*p] >= BYTE_WORD || *p == '$'))
		p++;
	return p;
}

static bool then(const struct lexer *x, char c) /* after spaces */
{
	const char *p = x->p;

	while (class_at(x, p) == BYTE_SPACE)
		p++;
	return byte_at(x, p) == c;
}

static bool at_end(const struct lexer *x) /* but for spaces */
{
	const char *p = x->p;

	while (class_at(x, p) == BYTE_SPACE)
		p++;
	return p == x->end;
}

static bool same_folded(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		char d = (char)(a.p[i] ^ b.p[i]);

		if (d && (d != 0x20 || classes[(unsigned char)a.p[i]] != BYTE_WORD))
			return false;
	}
	return true;
}

/* ---- what is told ---- */

/* False: it did not fit; then nothing that follows is told, so that the order stays true. */
static bool tell(struct lexer *x, struct slice text)
{
	struct sql *out = x->out;
	const char *between = x->separate ? "; " : " ";
	size_t gap = out->n ? strlen(between) : 0;

	if (x->done || out->n + gap + text.n > SQL_SUMMARY_MAX) {
		x->done = true;
		return false;
	}
	memcpy(out->summary + out->n, between, gap);
	memcpy(out->summary + out->n + gap, text.p, text.n);
	out->n += (uint8_t)(gap + text.n);
	x->separate = false;
	return true;
}

static void tell_verb(struct lexer *x, struct slice text, const struct sql_word *word)
{
	if (!tell(x, text))
		return;
	if (!x->first)
		x->first = word->verb;
	if (!x->outer && !x->depth)
		x->outer = word->verb;
}

static bool quote(char c)
{
	return c == '"' || c == '`' || c == '[';
}

/* A name is told without its quotes if it needs none. */
static struct slice unquoted(struct slice name)
{
	struct slice inner = {name.p + 1, name.n - 2};

	if (name.n < 3 || !quote(name.p[0]) || classes[(unsigned char)inner.p[0]] != BYTE_WORD)
		return name;
	for (size_t i = 0; i < inner.n; i++) {
		if (classes[(unsigned char)inner.p[i]] < BYTE_WORD)
			return name;
	}
	return inner;
}

static bool printable(struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f)
			return false;
	}
	return true;
}

/* Copies a dotted name into buf, part by part without needless quotes. 0: it does not fit. */
static size_t plain_name(struct slice name, char *buf, size_t room)
{
	size_t n = 0, i = 0;

	while (i < name.n) {
		char q = name.p[i];
		char close = q == '[' ? ']' : q;
		struct slice part;
		size_t from = i;

		if (quote(q)) {
			for (i++; i < name.n && !(name.p[i] == close &&
						  name.p[i + 1 < name.n ? i + 1 : i] != close);)
				i += name.p[i] == close && i + 1 < name.n ? 2 : 1;
			i += i < name.n;
		} else {
			for (i += q == '.'; q != '.' && i < name.n && name.p[i] != '.'; i++)
				;
		}
		part = unquoted((struct slice){name.p + from, i - from});
		if (n + part.n > room)
			return 0;
		memcpy(buf + n, part.p, part.n);
		n += part.n;
	}
	return n;
}

static bool is_cte(const struct lexer *x, struct slice name)
{
	for (unsigned int i = 0; i < x->ctes; i++) {
		if (same_folded(x->cte[i], name))
			return true;
	}
	return false;
}

/* Remembers what is the collection, if it stays the only one. */
static void note_target(struct lexer *x, struct slice name, bool collection)
{
	struct sql *out = x->out;
	uint8_t at = (uint8_t)(out->n - name.n);
	bool quoted = name.n > 2 && quote(name.p[0]) && !memchr(name.p, '.', name.n);

	if (x->targets && collection && slice_same(sql_collection(out), name))
		return;
	x->targets += collection ? 1 : 2;
	if (x->targets > 1) {
		out->collection_n = 0;
		return;
	}
	out->collection_at = (uint8_t)(at + quoted);
	out->collection_n = (uint8_t)(name.n - 2 * quoted);
}

static void tell_target(struct lexer *x, struct slice name, bool collection)
{
	char plain[SQL_SUMMARY_MAX];
	struct slice text = {plain, plain_name(name, plain, sizeof(plain))};

	if (!text.n || !printable(text) || !tell(x, text)) {
		x->done |= !text.n;
		x->targets = 2;
		x->out->collection_n = 0;
		return;
	}
	note_target(x, text, collection);
}

/* ---- statements ---- */

static struct level *here(struct lexer *x)
{
	return &x->level[x->depth];
}

static void begin_statement(struct lexer *x, struct slice text, const struct sql_word *word)
{
	struct level *l = here(x);
	static const uint8_t expects[] = {
		[SQL_ROLE_INSERT] = EXPECT_INTO, [SQL_ROLE_UPDATE] = EXPECT_TARGET,
		[SQL_ROLE_DELETE] = EXPECT_FROM, [SQL_ROLE_MERGE] = EXPECT_INTO,
		[SQL_ROLE_DEFINE] = EXPECT_KIND, [SQL_ROLE_CALL] = EXPECT_CALL,
		[SQL_ROLE_PREFIX] = EXPECT_DML,  [SQL_ROLE_COPY] = EXPECT_ONE,
		[SQL_ROLE_USE] = EXPECT_USE,     [SQL_ROLE_SELECT] = EXPECT_NOTHING,
	};

	l->verb = word->role;
	l->expect = word->role < sizeof(expects) ? expects[word->role] : EXPECT_NOTHING;
	l->list = word->role == SQL_ROLE_UPDATE;
	l->with = false;
	if (!(word->role == SQL_ROLE_SELECT && x->unioned))
		tell_verb(x, text, word);
	x->unioned = false;
	x->quiet = word->role == SQL_ROLE_VERB;
	x->routine = x->drops = x->table = false;
	x->kind_words = 0;
	if (word->role == SQL_ROLE_DEFINE)
		x->drops = (text.p[0] | 0x20) == 'd' || (text.p[0] | 0x20) == 't';
	if (word->role == SQL_ROLE_PROCEDURAL)
		x->loose |= x->dialect == SQL_MSSQL || x->dialect == SQL_CQL;
	/* A prepared statement's name is no procedure's. */
	if (word->role == SQL_ROLE_CALL && text.n == 7 &&
	    (x->dialect == SQL_POSTGRESQL || x->dialect == SQL_MYSQL))
		x->quiet = true;
}

static bool is_dml(uint8_t role)
{
	return role >= SQL_ROLE_SELECT && role <= SQL_ROLE_MERGE;
}

/* Whether the word begins a statement where it stands. */
static bool begins(const struct lexer *x, const struct level *l, const struct sql_word *word)
{
	bool function = word->role == SQL_ROLE_INSERT && then(x, '('); /* REPLACE(a, b, c) */

	if (!word->verb || function)
		return false;
	if (l->expect == EXPECT_STATEMENT)
		return true;
	if (word->role == SQL_ROLE_SELECT)
		return l->expect != EXPECT_CTE && l->expect != EXPECT_ONE;
	if (!is_dml(word->role))
		return x->loose && !x->depth && x->before != SQL_ROLE_FOR &&
		       x->before != SQL_ROLE_ON &&
		       (word->role == SQL_ROLE_CALL || word->role == SQL_ROLE_DEFINE);
	if (l->expect == EXPECT_DML || (l->with && x->closed))
		return true;
	return x->loose && !x->depth && l->expect == EXPECT_NOTHING && x->before != SQL_ROLE_FOR &&
	       x->before != SQL_ROLE_ON;
}

/* A statement that no semicolon ends: its list of targets, if it has one. */
static void keyword(struct lexer *x, struct level *l, const struct sql_word *word)
{
	bool from = l->verb == SQL_ROLE_SELECT || l->verb == SQL_ROLE_DELETE ||
		    l->verb == SQL_ROLE_UPDATE || l->verb == SQL_ROLE_MERGE;

	switch ((enum sql_role)word->role) {
	case SQL_ROLE_FROM:
		if (from && !x->distinct) {
			l->expect = EXPECT_TARGET;
			l->list = true;
		}
		break;
	case SQL_ROLE_JOIN:
		if (from || l->verb == SQL_ROLE_FROM)
			l->expect = EXPECT_TARGET;
		break;
	case SQL_ROLE_USING:
		if (l->verb == SQL_ROLE_MERGE || (l->verb == SQL_ROLE_DELETE && !then(x, '('))) {
			l->expect = EXPECT_TARGET;
			l->list = true;
		}
		break;
	case SQL_ROLE_INTO:
		/* MySQL selects into variables and files only. */
		if (l->verb == SQL_ROLE_LOAD ||
		    (l->verb == SQL_ROLE_SELECT && x->dialect != SQL_MYSQL))
			l->expect = EXPECT_ONE;
		l->list = false;
		break;
	case SQL_ROLE_WITH:
		if (l->expect == EXPECT_STATEMENT || l->expect == EXPECT_DML ||
		    (l->verb == SQL_ROLE_INSERT && !then(x, '('))) {
			l->expect = EXPECT_CTE;
			l->with = true;
		}
		break;
	case SQL_ROLE_UNION:
		x->unioned = true;
		l->list = false;
		break;
	case SQL_ROLE_VALUES:
		x->rows |= l->verb == SQL_ROLE_INSERT && !x->depth;
		l->list = false;
		break;
	case SQL_ROLE_PROCEDURAL: /* SET */
	case SQL_ROLE_CLAUSE:
	case SQL_ROLE_FOR:
		l->list = false;
		break;
	default:
		break;
	}
}

static void kind(struct lexer *x, struct level *l, struct slice text, const struct sql_word *word,
		 bool plain)
{
	char first = (char)(text.p[0] & ~0x20);

	if (word && word->role == SQL_ROLE_KIND) {
		tell(x, text);
		l->expect = EXPECT_NAME;
		x->table = (first == 'T' && text.n == 5) || first == 'V' || text.n == 12;
		x->routine = (first == 'P' && text.n != 6 && text.n != 11) ||
			     (first == 'F' && text.n == 8) || (first == 'T' && text.n == 7);
		return;
	}
	if (x->drops && !word && l->verb == SQL_ROLE_DEFINE && !x->kind_words && plain) {
		x->table = true; /* TRUNCATE a: no kind in between */
		l->expect = EXPECT_NAME;
		return;
	}
	if (++x->kind_words > KIND_WORDS_MAX || (word && word->role == SQL_ROLE_AS))
		x->quiet = true;
}

/* After the name of what is defined: the rest tells no more about it. */
static void defined(struct lexer *x, struct level *l)
{
	x->done |= x->routine; /* its body is full of statements */
	if (x->drops)
		l->list = true;
	else
		x->quiet = true;
	l->expect = EXPECT_NOTHING;
}

/* A name or word where a name was expected. False: it was a word that stands before it. */
static bool take_name(struct lexer *x, struct level *l, struct slice text,
		      const struct sql_word *word)
{
	uint8_t role = word ? word->role : SQL_ROLE_NONE;
	bool more = !then(x, ',') && !then(x, ';') && !then(x, ')') && !at_end(x);

	switch ((enum expect)l->expect) {
	case EXPECT_INTO:
		if (role == SQL_ROLE_INTO) {
			l->expect = EXPECT_ONE;
			return false;
		}
		if (role == SQL_ROLE_SKIP || role == SQL_ROLE_INSERT || role == SQL_ROLE_VERB)
			return false;
		break;
	case EXPECT_TARGET:
		if (role == SQL_ROLE_SKIP && more)
			return false;
		if (role == SQL_ROLE_CLAUSE || role == SQL_ROLE_VALUES || role == SQL_ROLE_ON) {
			l->expect = EXPECT_NOTHING;
			l->list = false;
			return true;
		}
		if (then(x, '(') && l->verb != SQL_ROLE_UPDATE) { /* a function that makes rows */
			l->expect = EXPECT_NOTHING;
			return true;
		}
		break;
	case EXPECT_ONE:
		if (more &&
		    (role == SQL_ROLE_SKIP || (l->verb == SQL_ROLE_LOAD && role == SQL_ROLE_KIND)))
			return false;
		break;
	case EXPECT_NAME:
		if (role == SQL_ROLE_SKIP || role == SQL_ROLE_PROCEDURAL)
			return false;
		if (role != SQL_ROLE_ON)
			tell_target(x, text, x->table);
		defined(x, l);
		return true;
	case EXPECT_CTE:
		if (role == SQL_ROLE_SKIP)
			return false;
		if (x->ctes < SQL_CTE_MAX)
			x->cte[x->ctes++] = unquoted(text);
		else
			x->done = true;
		l->expect = EXPECT_NOTHING;
		return true;
	case EXPECT_CALL:
		tell_target(x, text, false);
		l->expect = EXPECT_NOTHING;
		x->quiet = !x->loose;
		return true;
	case EXPECT_USE:
		x->out->use = unquoted(text);
		x->quiet = true;
		return true;
	default:
		return true;
	}
	l->expect = EXPECT_NOTHING;
	if (!is_cte(x, unquoted(text)))
		tell_target(x, text, true);
	return true;
}

/* A name, quoted or not, with its qualifiers; or a word of SQL. */
static void on_name(struct lexer *x, struct slice text, bool plain)
{
	const struct sql_word *word = plain ? sql_word(text.p, text.n) : NULL;
	struct level *l = here(x);

	/* Half a word is another one, and what follows tells a function from a target. */
	if (x->quiet || x->beyond || (x->cut && at_end(x)))
		return;
	if (word && begins(x, l, word)) {
		begin_statement(x, text, word);
	} else if (l->expect == EXPECT_KIND) {
		kind(x, l, text, word, plain || text.n > 2);
		if (l->expect == EXPECT_NAME && !(word && word->role == SQL_ROLE_KIND))
			take_name(x, l, text, word);
	} else if (l->expect == EXPECT_FROM) {
		if (word)
			keyword(x, l, word);
	} else if (l->expect > EXPECT_DML) {
		take_name(x, l, text, word);
	} else if (word) {
		if (l->expect == EXPECT_STATEMENT && word->role != SQL_ROLE_WITH)
			x->quiet = true;
		keyword(x, l, word);
	} else if (l->expect == EXPECT_STATEMENT) {
		x->quiet = true;
	}
	if (l->expect == EXPECT_DML && l->verb != SQL_ROLE_PREFIX)
		l->expect = EXPECT_NOTHING;
	x->before = word ? word->role : SQL_ROLE_NONE;
	x->distinct = x->before == SQL_ROLE_DISTINCT;
	x->closed = false;
}

/* ---- punctuation ---- */

static void open_parenthesis(struct lexer *x)
{
	struct level *l = here(x);

	if (x->depth + 1 == SQL_DEPTH_MAX) {
		x->beyond++;
		return;
	}
	if (l->expect == EXPECT_CALL || l->expect == EXPECT_KIND || l->expect == EXPECT_NAME)
		x->quiet = true;
	x->depth++;
	x->level[x->depth] = (struct level){.expect = EXPECT_DML};
	/* FROM (a JOIN b …): its names are targets, too, unless it begins with a SELECT. */
	if (l->expect == EXPECT_TARGET)
		x->level[x->depth] = (struct level){SQL_ROLE_FROM, EXPECT_TARGET, true, false};
}

static void close_parenthesis(struct lexer *x)
{
	struct level *l;

	if (x->beyond) {
		x->beyond--;
		return;
	}
	if (!x->depth)
		return;
	x->depth--;
	l = here(x);
	if (l->expect == EXPECT_TARGET || l->expect == EXPECT_ONE)
		l->expect = EXPECT_NOTHING;
	else if (l->expect == EXPECT_STATEMENT)
		l->expect = EXPECT_NOTHING; /* (SELECT …) UNION (SELECT …) */
}

static void comma(struct lexer *x)
{
	struct level *l = here(x);

	if (l->with)
		l->expect = EXPECT_CTE;
	else if (l->list && l->verb == SQL_ROLE_DEFINE)
		l->expect = EXPECT_NAME;
	else if (l->list)
		l->expect = EXPECT_TARGET;
}

static void semicolon(struct lexer *x)
{
	x->depth = x->beyond = 0;
	x->level[0] = (struct level){.expect = EXPECT_STATEMENT};
	x->quiet = x->unioned = false;
	x->separate = x->out->n > 0;
}

/* A string or number, where a name may have been expected: then none comes. */
static void on_literal(struct lexer *x)
{
	struct level *l = here(x);

	if (l->expect == EXPECT_NAME || l->expect == EXPECT_CALL || l->expect == EXPECT_USE)
		x->quiet = true;
	else if (l->expect == EXPECT_TARGET || l->expect == EXPECT_ONE)
		l->expect = EXPECT_NOTHING;
}

static void on_punctuation(struct lexer *x, char c)
{
	if (c == '(')
		open_parenthesis(x);
	else if (c == ')')
		close_parenthesis(x);
	else if (c == ',' && !x->beyond)
		comma(x);
	else if (c == ';')
		semicolon(x);
	x->closed = c == ')';
}

/* ---- tokens ---- */

/*
 * From behind the opening quote to behind the closing one. False: it does not end. A quote behind
 * a backslash that may or may not escape it ends the lexing: what follows may be a literal.
 */
static bool pass_quoted(struct lexer *x, char close, enum sql_backslash backslash)
{
	const char *begin = x->p;

	while (x->p < x->end) {
		const char *q = memchr(x->p, close, (size_t)(x->end - x->p)), *b;

		if (!q)
			break;
		for (b = q; b > begin && b[-1] == '\\';)
			b--;
		begin = q + 1;
		if (((q - b) & 1) && backslash == SQL_BACKSLASH_UNKNOWN) {
			x->done = true;
			x->targets = 2;
			break;
		}
		x->p = q + 1;
		if (((q - b) & 1) && backslash == SQL_BACKSLASH_ESCAPES)
			continue;
		if (byte_at(x, x->p) != close)
			return true;
		begin = ++x->p;
	}
	x->p = x->end;
	return false;
}

static void pass_string(struct lexer *x, char quote, bool escapes)
{
	x->p++;
	pass_quoted(x, quote, escapes ? SQL_BACKSLASH_ESCAPES : x->backslash);
	on_literal(x);
	x->closed = false;
}

static char closing(const struct lexer *x, char c)
{
	if (c == '"' && x->dialect != SQL_MYSQL)
		return '"';
	if (c == '`' && (x->dialect == SQL_MYSQL || x->dialect == SQL_GENERIC))
		return '`';
	if (c == '[' && (x->dialect == SQL_MSSQL ||
			 (x->dialect == SQL_GENERIC && x->level[x->depth].expect > EXPECT_DML)))
		return ']';
	return 0;
}

/* One part of a name. False: it does not end. */
static bool pass_part(struct lexer *x)
{
	char close = closing(x, *x->p);

	if (!close) {
		while (x->p < x->end && *x->p == '#')
			x->p++;
		x->p = word_end(x, x->p);
		return true;
	}
	x->p++;
	return pass_quoted(x, close, SQL_BACKSLASH_PLAIN);
}

static void pass_name(struct lexer *x)
{
	const char *from = x->p;
	bool plain = !closing(x, *from) && *from != '#';
	bool whole = pass_part(x);
	struct slice text;

	while (whole && byte_at(x, x->p) == '.') {
		const char *next = x->p + 1;

		plain = false;
		next += byte_at(x, next) == '.'; /* database..table */
		x->p = next;
		if (class_at(x, next) == BYTE_WORD || (next < x->end && closing(x, *next)))
			whole = pass_part(x);
	}
	text = (struct slice){from, (size_t)(x->p - from)};
	if (!whole)
		return;
	if (byte_at(x, x->p) == '\'' && plain && text.n == 1) { /* N'…', E'…', X'…' */
		pass_string(x, '\'', (*from | 0x20) == 'e' && x->dialect == SQL_POSTGRESQL);
		return;
	}
	on_name(x, text, plain);
}

static void pass_number(struct lexer *x)
{
	const char *p = x->p;

	while (p < x->end) {
		bool exponent = (*p == '+' || *p == '-') && (p[-1] | 0x20) == 'e' && p > x->p &&
				class_at(x, p + 1) == BYTE_DIGIT && byte_at(x, x->p + 1) != 'x';

		if (classes[(unsigned char)*p] < BYTE_WORD && *p != '.' && !exponent)
			break;
		p++;
	}
	x->p = p;
	on_literal(x);
	x->closed = false;
}

static void pass_line(struct lexer *x)
{
	const char *q = memchr(x->p, '\n', (size_t)(x->end - x->p));

	x->p = q ? q + 1 : x->end;
}

static void pass_comment(struct lexer *x)
{
	bool nests = x->dialect == SQL_POSTGRESQL || x->dialect == SQL_MSSQL;
	unsigned int open = 1;

	x->p += 2;
	/* MySQL runs what is in such a comment. */
	if (x->dialect == SQL_MYSQL && (byte_at(x, x->p) == '!' || byte_at(x, x->p) == 'M')) {
		x->p += *x->p == 'M' && byte_at(x, x->p + 1) == '!' ? 2 : *x->p == '!';
		if (x->p[-1] == '!') {
			while (class_at(x, x->p) == BYTE_DIGIT)
				x->p++;
			return;
		}
	}
	while (open) {
		const char *q = memchr(x->p, '*', (size_t)(x->end - x->p));

		if (!q || q + 1 >= x->end) {
			x->p = x->end;
			return;
		}
		x->p = q + 1;
		if (*x->p == '/') {
			x->p++;
			open--;
		} else if (nests && q[-1] == '/' && q - 1 >= x->p - 2) {
			open++;
		}
	}
}

/* $1, $tag$…$tag$ */
static void pass_dollar(struct lexer *x)
{
	const char *tag = x->p, *p = word_end(x, x->p + 1);
	size_t n;

	/* word_end() passes over '$', too: the tag ends at the first. */
	p = memchr(tag + 1, '$', (size_t)(p - tag - 1));
	if (x->dialect != SQL_POSTGRESQL || class_at(x, tag + 1) == BYTE_DIGIT || !p) {
		x->p = word_end(x, tag + 1);
		return;
	}
	n = (size_t)(p - tag) + 1;
	p = memmem(tag + n, (size_t)(x->end - tag) - n, tag, n);
	x->p = p ? p + n : x->end;
	on_literal(x);
}

/* Whether two dashes begin a comment: in MySQL, a space has to follow. */
static bool dashes(const struct lexer *x)
{
	return byte_at(x, x->p + 1) == '-' && (x->dialect != SQL_MYSQL || x->p + 2 >= x->end ||
					       class_at(x, x->p + 2) == BYTE_SPACE);
}

static void pass_marker(struct lexer *x) /* @x, @@x, :x; a::type */
{
	char c = *x->p++;

	if (byte_at(x, x->p) == c) {
		x->p++;
		if (c == ':')
			return;
	}
	x->p = word_end(x, x->p);
}

static void pass_other(struct lexer *x)
{
	char c = *x->p;

	switch (c) {
	case '\'':
		pass_string(x, c, false);
		return;
	case '-':
		if (dashes(x)) {
			pass_line(x);
			return;
		}
		break;
	case '/':
		if (byte_at(x, x->p + 1) == '*') {
			pass_comment(x);
			return;
		}
		if (x->dialect == SQL_CQL && byte_at(x, x->p + 1) == '/') {
			pass_line(x);
			return;
		}
		break;
	case '#':
		if (x->dialect == SQL_MYSQL) {
			pass_line(x);
			return;
		}
		if (x->dialect == SQL_MSSQL) {
			pass_name(x);
			return;
		}
		break;
	case '$':
		pass_dollar(x);
		return;
	case '@':
	case ':':
		pass_marker(x);
		return;
	case '"':
		if (x->dialect == SQL_MYSQL) {
			pass_string(x, c, false);
			return;
		}
		break;
	case '.':
		if (class_at(x, x->p + 1) == BYTE_DIGIT) {
			pass_number(x);
			return;
		}
		break;
	default:
		break;
	}
	if (closing(x, c)) {
		pass_name(x);
		return;
	}
	on_punctuation(x, c);
	x->p++;
}

void sql_read(const struct sql_text *in, struct sql *out)
{
	bool escapable = in->dialect == SQL_POSTGRESQL || in->dialect == SQL_MYSQL;
	struct lexer x;

	memset(&x, 0, offsetof(struct lexer, cte));
	x.p = in->text.p;
	x.end = in->text.p + in->text.n;
	x.out = out;
	x.level[0].expect = EXPECT_STATEMENT;
	x.dialect = in->dialect;
	x.backslash = escapable ? in->backslash : SQL_BACKSLASH_PLAIN;
	x.cut = in->cut;
	x.ctes = 0;
	memset(out, 0, offsetof(struct sql, summary));
	out->use = (struct slice){"", 0};

	while (x.p < x.end && !x.done) {
		switch ((enum byte_class)classes[(unsigned char)*x.p]) {
		case BYTE_SPACE:
			x.p++;
			break;
		case BYTE_WORD:
			pass_name(&x);
			break;
		case BYTE_DIGIT:
			pass_number(&x);
			break;
		case BYTE_OTHER:
			pass_other(&x);
			break;
		}
	}
	out->operation = x.outer ? x.outer : x.first;
	/* What was not seen, or not told, may have named others. */
	if (x.targets > 1 || (in->cut && !x.rows) || (x.done && !x.routine))
		out->collection_n = 0;
}
