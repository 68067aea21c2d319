/* SPDX-License-Identifier: Apache-2.0 */
#include "redis.h"

/* POP3 has these, too, and its answers begin with +OK. */
static bool says_little(const struct redis_command *command)
{
	static const char *const names[] = {"AUTH", "QUIT", "RESET", "TOUCH", "HELLO", "INFO"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(command->name, names[i]) == 0)
			return true;
	}
	return false;
}

enum guess redis_request(struct slice b, bool *odd)
{
	struct redis_token outer, name;
	enum cut cut = redis_token(b, &outer);

	if (cut != CUT_OK)
		return cut == CUT_MORE ? GUESS_MORE : GUESS_NO;
	if (outer.type != '*' || outer.n == 0 || outer.n > REDIS_ARGS_MAX)
		return GUESS_NO;
	b = (struct slice){b.p + outer.line, b.n - outer.line};
	cut = redis_token(b, &name);
	if (cut != CUT_OK)
		return cut == CUT_MORE ? GUESS_MORE : GUESS_NO;
	if (name.type != '$' || name.n == 0 || name.n > REDIS_NAME_MAX)
		return GUESS_NO;
	if (b.n < name.size)
		return GUESS_MORE;
	if (redis_command((struct slice){b.p + name.line, name.n}, (struct slice){"", 0}))
		return GUESS_YES;
	*odd = true;
	return GUESS_MORE;
}

/* An answer that is complete in its first line and says something. */
static bool strict_answer(struct slice b)
{
	struct redis_token token;

	if (redis_token(b, &token) != CUT_OK)
		return false;
	switch (token.type) {
	case '+':
		return (token.line == 5 && memcmp(b.p, "+OK", 3) == 0) ||
		       (token.line == 7 && memcmp(b.p, "+PONG", 5) == 0);
	case '-':
		return token.line > 5 && (unsigned char)(b.p[1] - 'A') < 26 &&
		       memchr(b.p, ' ', token.line) != NULL && memcmp(b.p, "-ERR '", 6) != 0;
	case '$':
		return token.null || b.n >= token.size;
	case ':':
		return token.line > 3 && (b.p[1] == '-' || (unsigned char)(b.p[1] - '0') < 10);
	default:
		return redis_is_aggregate(token.type);
	}
}

static enum guess inline_request(struct slice client, struct slice server)
{
	const char *end = memchr(client.p, '\n', client.n);
	const struct redis_command *command;
	struct slice rest, word = redis_word(client, &rest);

	if (!end && client.n > 256)
		return GUESS_NO;
	if ((unsigned char)((client.p[0] & ~0x20) - 'A') >= 26)
		return GUESS_NO;
	if (!end)
		return GUESS_MORE;
	command = redis_command(word, (struct slice){"", 0});
	if (!command || says_little(command))
		return GUESS_NO;
	if (server.n == 0)
		return GUESS_MORE;
	if (strict_answer(server))
		return GUESS_YES;
	return memchr(server.p, '\n', server.n) ? GUESS_NO : GUESS_MORE;
}

/* Further down: only the beginning of a command tells where one begins. */
static enum guess amidst(struct slice b)
{
	bool odd;

	while (b.n) {
		const char *line = memchr(b.p, '\n', b.n);

		if (!line)
			break;
		b = (struct slice){line + 1, b.n - (size_t)(line + 1 - b.p)};
		if (b.n && b.p[0] == '*' && redis_request(b, &odd) == GUESS_YES)
			return GUESS_YES;
	}
	return GUESS_NO;
}

/* What only a server pushes to who subscribed. */
static enum guess pushes(struct slice b)
{
	static const char *const begins[] = {
		"*3\r\n$7\r\nmessage\r\n", "*4\r\n$8\r\npmessage\r\n", "*3\r\n$8\r\nsmessage\r\n",
		">3\r\n$7\r\nmessage\r\n", ">4\r\n$8\r\npmessage\r\n", ">3\r\n$8\r\nsmessage\r\n",
	};
	struct redis_token token;

	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++) {
		size_t n = strlen(begins[i]);

		if (b.n >= n && memcmp(b.p, begins[i], n) == 0)
			return GUESS_YES;
	}
	return redis_token(b, &token) == CUT_NOT ? GUESS_NO : GUESS_MORE;
}

enum guess redis_detect(const struct sight *sight)
{
	struct slice client = sight->from[FROM_CLIENT], server = sight->from[FROM_SERVER];
	struct redis_token token;
	enum guess guess;
	bool odd = false;

	if (client.n == 0) /* a server does not speak first */
		return server.n == 0 ? GUESS_MORE : sight->start ? GUESS_NO : pushes(server);
	if (client.p[0] == '*')
		guess = redis_request(client, &odd);
	else
		guess = sight->start ? inline_request(client, server) : GUESS_NO;
	if (odd && server.n)
		guess = redis_token(server, &token) == CUT_OK ? GUESS_YES : GUESS_NO;
	if (guess == GUESS_NO && !sight->start) {
		guess = amidst(client);
		if (guess == GUESS_NO && server.n && pushes(server) != GUESS_NO)
			guess = GUESS_MORE;
	}
	return guess;
}
