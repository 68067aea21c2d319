/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_talk.h"

/* Of an error "-MOVED 1 …": the word in front if it is one of those, never what is behind it. */
static struct slice error_code(struct slice text)
{
	size_t n = 0;

	while (n < text.n && ((unsigned char)(text.p[n] - 'A') < 26 || text.p[n] == '_' ||
			      (n && (unsigned char)(text.p[n] - '0') < 10)))
		n++;
	if (n < text.n && text.p[n] != ' ' && text.p[n] != '\r')
		n = 0;
	return (struct slice){text.p, n <= REDIS_NAME_MAX ? n : 0};
}

static void error_token(struct talk *talk, struct redis *s, struct slice text)
{
	struct call *call = redis_awaited(talk, s);

	if (s->failed)
		return;
	s->failed = true;
	if (call) {
		call->failed = true;
		call_set(call, CALL_CODE, error_code(text));
	}
}

static const struct redis_command *command_of(const struct call *call)
{
	uint64_t at = call ? call->note[0] : 0;

	return at && at <= redis_commands_n ? &redis_commands[at - 1] : NULL;
}

static void answer_begins(struct talk *talk, struct redis *s)
{
	struct call *call = redis_awaited(talk, s);

	s->reply = REPLY_ANSWER;
	if (call)
		talk_answer_begins(talk, call);
}

/* `database` is one more than its number; 0: nobody knows. */
static void select_database(struct redis *s, uint32_t database)
{
	s->db_known = database != 0;
	s->db = database ? database - 1 : 0;
}

/* What a command that was answered has done to the connection. */
static void take_effect(struct talk *talk, struct redis *s, uint16_t flags, uint32_t database)
{
	if (flags & REDIS_SELECT && s->queued)
		s->queued_db = database;
	else if (flags & REDIS_SELECT && s->ok)
		select_database(s, database);
	if (flags & REDIS_EXEC && s->type != '-' && s->type != '_' && s->queued_db)
		select_database(s, s->queued_db);
	if (flags & (REDIS_EXEC | REDIS_DISCARD | REDIS_RESET))
		s->queued_db = 0;
	if (flags & REDIS_RESET && s->type == '+') {
		select_database(s, 1);
		s->subscribed = s->monitors = s->no_replies = s->skip_reply = false;
	}
	if (flags & REDIS_MONITOR && s->ok)
		s->monitors = true;
	if (flags & REDIS_REPLICATES && s->type == '+')
		talk_leave(talk);
}

static void answer_ends(struct talk *talk, struct redis *s)
{
	struct call *call = redis_awaited(talk, s);
	const struct redis_command *command = command_of(call);
	uint16_t flags = command ? command->flags : 0;
	uint32_t database = call ? (uint32_t)call->note[1] : 0;

	s->heard = true;
	if (call)
		redis_tell(talk, s, call);
	if (flags)
		take_effect(talk, s, flags, database);
}

/* SUBSCRIBE with three channels is confirmed three times: the last is its answer. */
static void confirmation_ends(struct talk *talk, struct redis *s)
{
	struct call *call = redis_awaited(talk, s);
	const struct redis_command *command = command_of(call);

	if (!command || !(command->flags & REDIS_SUBSCRIBES))
		return;
	if ((call->note[1] & ~CALL_UNSURE) > 1)
		call->note[1]--;
	else
		answer_ends(talk, s);
}

/* The first element of what may have been pushed. */
static void decide(struct talk *talk, struct redis *s, struct slice word)
{
	struct call *call = redis_awaited(talk, s);
	const struct redis_command *command = command_of(call);

	if (command && command->flags & REDIS_SUBSCRIBES && redis_same_word(word, command->name)) {
		answer_begins(talk, s);
		s->reply = REPLY_CONFIRMS;
	} else if (s->type == '>' || redis_same_word(word, "MESSAGE") ||
		   redis_same_word(word, "PMESSAGE") || redis_same_word(word, "SMESSAGE") ||
		   redis_same_word(word, "SUBSCRIBE") || redis_same_word(word, "PSUBSCRIBE") ||
		   redis_same_word(word, "SSUBSCRIBE") || redis_same_word(word, "UNSUBSCRIBE") ||
		   redis_same_word(word, "PUNSUBSCRIBE") || redis_same_word(word, "SUNSUBSCRIBE")) {
		s->reply = REPLY_PUSHED;
	} else {
		answer_begins(talk, s);
	}
}

static void outermost(struct talk *talk, struct redis *s, const struct redis_token *token,
		      struct slice b)
{
	bool few = token->n == 3 || token->n == 4;

	s->element = 0;
	s->type = token->null ? '_' : token->type;
	s->failed = false;
	s->ok = token->type == '+' && token->line == 5 && b.n >= 3 && memcmp(b.p, "+OK", 3) == 0;
	s->queued = token->type == '+' && token->line == 9 && b.n >= 7 &&
		    memcmp(b.p, "+QUEUED", 7) == 0;
	if (token->type == '>' || (token->type == '*' && s->subscribed && few)) {
		s->reply = REPLY_UNDECIDED;
	} else if (s->monitors && b.n > 1 && b.p[0] == '+' && (unsigned char)(b.p[1] - '0') < 10) {
		s->reply = REPLY_PUSHED;
	} else {
		answer_begins(talk, s);
	}
}

static void outermost_ends(struct talk *talk, struct redis *s)
{
	enum reply reply = s->reply;

	s->reply = REPLY_NONE;
	if (reply == REPLY_ANSWER)
		answer_ends(talk, s);
	else if (reply == REPLY_CONFIRMS)
		confirmation_ends(talk, s);
}

/* An element is complete, and with it perhaps the aggregates that it was the last of. */
void redis_element_ends(struct talk *talk, struct redis *s)
{
	while (s->depth) {
		struct level *level = &s->level[s->depth - 1];

		if (--level->left)
			return;
		s->depth--;
		if (level->attribute)
			return;
	}
	outermost_ends(talk, s);
}

/* An element of the outermost aggregate. */
static void element_token(struct talk *talk, struct redis *s, const struct redis_token *token,
			  struct slice b, struct slice text)
{
	const struct redis_command *command;

	if (s->element == 0 && s->reply == REPLY_UNDECIDED)
		decide(talk, s, text);
	if (s->element == 2 && token->type == ':' && b.n >= 2 && b.p[1] == '0' &&
	    (s->reply == REPLY_CONFIRMS || s->reply == REPLY_PUSHED)) /* channels left */
		s->subscribed = false;
	if (s->reply == REPLY_ANSWER && (token->type == '-' || token->type == '!')) {
		command = command_of(redis_awaited(talk, s));
		if (command && command->flags & REDIS_EXEC)
			error_token(talk, s, text);
	}
	s->element++;
}

void redis_answer_token(struct talk *talk, struct redis *s, struct slice b)
{
	struct redis_token token;
	struct slice text;
	bool nests;

	if (redis_token(b, &token) != CUT_OK)
		return;
	s->open_line[FROM_SERVER] = token.open;
	text = redis_is_bulk(token.type) ? (struct slice){b.p + token.line, b.n - token.line}
					 : (struct slice){b.p + 1, b.n - 1};
	if (redis_is_bulk(token.type) && text.n > token.n)
		text.n = token.n;
	nests = redis_is_aggregate(token.type) && token.n;
	if (token.type == '|') {
		if (!nests)
			return;
	} else if (s->depth == 0) {
		outermost(talk, s, &token, b);
		if ((s->type == '-' || s->type == '!') && s->reply == REPLY_ANSWER)
			error_token(talk, s, text);
	} else if (s->depth == 1 && !s->level[0].attribute) {
		element_token(talk, s, &token, b, text);
	}
	if (nests && s->depth < REDIS_DEPTH_MAX)
		s->level[s->depth++] = (struct level){token.n, token.type == '|'};
	else if (!token.open)
		redis_element_ends(talk, s);
}
