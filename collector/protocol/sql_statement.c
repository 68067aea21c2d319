/* SPDX-License-Identifier: Apache-2.0 */
/* What the tokens of SQL mean: statements, their verbs and targets. */
#include "sql_lexer.h"

#define KIND_WORDS_MAX 8 /* CREATE OR REPLACE GLOBAL TEMPORARY …: words before the kind */

static bool same_folded(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		char d = (char)(a.p[i] ^ b.p[i]);

		if (d && (d != 0x20 || sql_classes[(unsigned char)a.p[i]] != BYTE_WORD))
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

	if (name.n < 3 || !quote(name.p[0]) || sql_classes[(unsigned char)inner.p[0]] != BYTE_WORD)
		return name;
	for (size_t i = 0; i < inner.n; i++) {
		if (sql_classes[(unsigned char)inner.p[i]] < BYTE_WORD)
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
	if (!word->verb)
		return false;
	if (word->role == SQL_ROLE_INSERT && then(x, '(')) /* REPLACE(a, b, c) */
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

/* Whether the word at hand cannot be the last of a list or statement. */
static bool more(const struct lexer *x)
{
	return !then(x, ',') && !then(x, ';') && !then(x, ')') && !at_end(x);
}

/* A name or word where a name was expected. False: it was a word that stands before it. */
static bool take_name(struct lexer *x, struct level *l, struct slice text,
		      const struct sql_word *word)
{
	uint8_t role = word ? word->role : SQL_ROLE_NONE;

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
		if (role == SQL_ROLE_SKIP && more(x))
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
		if ((role == SQL_ROLE_SKIP ||
		     (l->verb == SQL_ROLE_LOAD && role == SQL_ROLE_KIND)) &&
		    more(x))
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

void sql_on_name(struct lexer *x, struct slice text, bool plain)
{
	const struct sql_word *word;
	struct level *l = here(x);

	/* Half a word is another one, and what follows tells a function from a target. */
	if (x->quiet || x->beyond || (x->cut && at_end(x)))
		return;
	word = plain ? sql_word(text.p, text.n) : NULL;
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

void sql_on_literal(struct lexer *x)
{
	struct level *l = here(x);

	if (l->expect == EXPECT_NAME || l->expect == EXPECT_CALL || l->expect == EXPECT_USE)
		x->quiet = true;
	else if (l->expect == EXPECT_TARGET || l->expect == EXPECT_ONE)
		l->expect = EXPECT_NOTHING;
}

void sql_on_punctuation(struct lexer *x, char c)
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
