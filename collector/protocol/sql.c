/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of SQL, as its dialects write them. */
#include "sql_lexer.h"

const uint8_t sql_classes[256] = {
	[' '] = BYTE_SPACE,         [1 ... 31] = BYTE_SPACE, ['a' ... 'z'] = BYTE_WORD,
	['A' ... 'Z'] = BYTE_WORD,  ['_'] = BYTE_WORD,       [128 ... 255] = BYTE_WORD,
	['0' ... '9'] = BYTE_DIGIT, ['$'] = BYTE_DOLLAR,
};

/* Whether a character of several bytes in UTF-8 ends there. */
static bool ends_in_utf8(const char *from, const char *end)
{
	size_t most = end - from < 4 ? (size_t)(end - from) : 4, n = 1;
	unsigned char lead;

	while (n < most && (end[-(long)n] & 0xc0) == 0x80)
		n++;
	lead = (unsigned char)end[-(long)n];
	return n > 1 && lead >> (7 - n) == (1 << (n + 1)) - 2;
}

/*
 * Do backslashes that begin at b escape? A first one may also be the second byte of a character, in
 * charsets such as GBK, Big5 and Shift-JIS.
 */
static enum sql_backslash escaping(const char *from, const char *b, enum sql_backslash backslash)
{
	bool more = backslash == SQL_BACKSLASH_ESCAPES && b > from && b[-1] & 0x80;

	return more && !ends_in_utf8(from, b) ? SQL_BACKSLASH_UNKNOWN : backslash;
}

/*
 * From behind the opening quote to behind the closing one. False: it does not end. A quote behind
 * a backslash that may or may not escape it ends the lexing: what follows may be a literal.
 */
static bool pass_quoted(struct lexer *x, char close, enum sql_backslash backslash)
{
	const char *from = x->p, *begin = from;

	while (x->p < x->end) {
		const char *q = memchr(x->p, close, (size_t)(x->end - x->p)), *b;

		if (!q)
			break;
		for (b = q; b > begin && b[-1] == '\\';)
			b--;
		begin = q + 1;
		if (q > b && escaping(from, b, backslash) == SQL_BACKSLASH_UNKNOWN &&
		    ((q - b) & 1 || backslash == SQL_BACKSLASH_ESCAPES)) {
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
	sql_on_literal(x);
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
	sql_on_name(x, text, plain);
}

/* Most names and words have one part and no quotes. */
static void pass_word(struct lexer *x)
{
	const char *from = x->p, *end = word_end(x, from + 1);
	char next = byte_at(x, end);

	if (next == '.' || next == '\'') {
		pass_name(x);
		return;
	}
	x->p = end;
	sql_on_name(x, (struct slice){from, (size_t)(end - from)}, true);
}

static void pass_number(struct lexer *x)
{
	const char *p = x->p;

	while (p < x->end) {
		bool exponent = (*p == '+' || *p == '-') && (p[-1] | 0x20) == 'e' && p > x->p &&
				class_at(x, p + 1) == BYTE_DIGIT && byte_at(x, x->p + 1) != 'x';

		if (sql_classes[(unsigned char)*p] < BYTE_WORD && *p != '.' && !exponent)
			break;
		p++;
	}
	x->p = p;
	sql_on_literal(x);
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

/* $1, $tag$…$tag$; in CQL only $$…$$ */
static void pass_dollar(struct lexer *x)
{
	const char *tag = x->p, *p = word_end(x, x->p + 1);
	size_t n;

	if (x->dialect == SQL_CQL && byte_at(x, tag + 1) == '$') {
		p = memmem(tag + 2, (size_t)(x->end - tag) - 2, "$$", 2);
		x->p = p ? p + 2 : x->end;
		sql_on_literal(x);
		return;
	}
	/* word_end() passes over '$', too: the tag ends at the first. */
	p = memchr(tag + 1, '$', (size_t)(p - tag - 1));
	if (x->dialect != SQL_POSTGRESQL || class_at(x, tag + 1) == BYTE_DIGIT || !p) {
		x->p = word_end(x, tag + 1);
		return;
	}
	n = (size_t)(p - tag) + 1;
	p = memmem(tag + n, (size_t)(x->end - tag) - n, tag, n);
	x->p = p ? p + n : x->end;
	sql_on_literal(x);
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
	sql_on_punctuation(x, c);
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
		switch ((enum byte_class)sql_classes[(unsigned char)*x.p]) {
		case BYTE_SPACE:
			x.p++;
			break;
		case BYTE_WORD:
			pass_word(&x);
			break;
		case BYTE_DIGIT:
			pass_number(&x);
			break;
		case BYTE_DOLLAR:
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
