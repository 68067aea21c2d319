/* SPDX-License-Identifier: Apache-2.0 */
#include "redis.h"

bool redis_is_bulk(char type)
{
	return type == '$' || type == '=' || type == '!';
}

bool redis_is_aggregate(char type)
{
	return type == '*' || type == '%' || type == '~' || type == '>' || type == '|';
}

/* A line of which nothing but its first byte is checked: + - : , ( # _ */
static enum cut plain_line(struct slice b, struct redis_token *token)
{
	size_t n = b.n < PARSER_WANT_MAX ? b.n : PARSER_WANT_MAX;
	const char *end = memchr(b.p, '\r', n);

	if (!end || (size_t)(end + 1 - b.p) == n) {
		if (n < PARSER_WANT_MAX)
			return CUT_MORE;
		token->open = true;
		token->line = (uint32_t)n;
	} else {
		if (end[1] != '\n') /* neither may stand in such a line */
			return CUT_NOT;
		token->line = (uint32_t)(end - b.p) + 2;
	}
	token->size = token->line;
	return CUT_OK;
}

/* The number of a line such as $5\r\n, from its second byte. */
static enum cut length_line(struct slice b, uint64_t max, struct redis_token *token)
{
	const char *p = b.p + 1, *end = b.p + b.n;
	uint64_t v = 0;

	if (p < end && *p == '-') {
		size_t n = b.n < 5 ? b.n : 5;

		if (memcmp(p, "-1\r\n", n - 1) != 0)
			return CUT_NOT;
		token->null = true;
		token->line = 5;
		return n < 5 ? CUT_MORE : CUT_OK;
	}
	for (; p < end && (unsigned char)(*p - '0') < 10; p++) {
		v = v * 10 + (unsigned char)(*p - '0');
		if (v > max)
			return CUT_NOT;
	}
	if (p == end)
		return p - b.p > 20 ? CUT_NOT : CUT_MORE;
	if (*p != '\r' || p == b.p + 1 || (p + 1 < end && p[1] != '\n'))
		return CUT_NOT;
	if (p + 1 == end)
		return CUT_MORE;
	token->n = v;
	token->line = (uint32_t)(p - b.p) + 2;
	return CUT_OK;
}

static enum cut bulk(struct slice b, struct redis_token *token)
{
	enum cut cut = length_line(b, REDIS_BULK_MAX, token);

	if (cut != CUT_OK)
		return cut;
	token->size = token->line;
	if (token->null)
		return token->type == '$' ? CUT_OK : CUT_NOT;
	token->size += token->n + 2;
	if (b.n >= token->size && memcmp(b.p + token->size - 2, "\r\n", 2) != 0)
		return CUT_NOT;
	return CUT_OK;
}

static enum cut aggregate(struct slice b, struct redis_token *token)
{
	enum cut cut = length_line(b, REDIS_ELEMENTS_MAX, token);

	if (cut != CUT_OK)
		return cut;
	token->size = token->line;
	if (token->type == '%' || token->type == '|')
		token->n *= 2;
	return token->null && token->type != '*' ? CUT_NOT : CUT_OK;
}

enum cut redis_token(struct slice b, struct redis_token *token)
{
	*token = (struct redis_token){.type = b.n ? b.p[0] : 0};
	if (b.n == 0)
		return CUT_MORE;
	switch (b.p[0]) {
	case '_':
		token->null = true;
		/* fallthrough */
	case '+':
	case '-':
	case ':':
	case ',':
	case '(':
	case '#':
		return plain_line(b, token);
	case '$':
	case '=':
	case '!':
		return bulk(b, token);
	case '*':
	case '%':
	case '~':
	case '>':
	case '|':
		return aggregate(b, token);
	default:
		return CUT_NOT;
	}
}

struct slice redis_word(struct slice line, struct slice *rest)
{
	const char *p = line.p, *end = line.p + line.n, *from;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	from = p;
	while (p < end && *p != ' ' && *p != '\t' && *p != '\r' && *p != '\n')
		p++;
	*rest = (struct slice){p, (size_t)(end - p)};
	return (struct slice){from, (size_t)(p - from)};
}
