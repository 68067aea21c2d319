/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_talk.h"

struct call *redis_asking(const struct talk *talk, const struct redis *s)
{
	return s->held ? talk->calls.last : NULL;
}

struct call *redis_awaited(struct talk *talk, const struct redis *s)
{
	struct call *call = talk_oldest(talk);

	return call && call != redis_asking(talk, s) ? call : NULL;
}

bool redis_is_alone(const struct talk *talk)
{
	return talk->calls.n == 1 && !talk->before && !talk->behind;
}

void redis_forget_all(struct talk *talk, struct redis *s)
{
	struct call *call;

	while ((call = talk_oldest(talk)))
		talk_forget(talk, call, true);
	s->held = false;
}

static void name_namespace(const struct redis *s, struct call *call)
{
	char text[12];
	char *p = text + sizeof(text);
	uint32_t db = s->db;

	if (!s->db_known)
		return;
	do {
		*--p = (char)('0' + db % 10);
		db /= 10;
	} while (db);
	call_set(call, CALL_NAMESPACE, (struct slice){p, (size_t)(text + sizeof(text) - p)});
}

void redis_tell(struct talk *talk, struct redis *s, struct call *call)
{
	name_namespace(s, call);
	if (call->note[1] & CALL_UNSURE)
		talk_forget(talk, call, true);
	else
		talk_answer(talk, call);
}

static void request_begins(struct talk *talk, struct redis *s, uint64_t args)
{
	struct call *call;

	if (s->answer_cut && (call = redis_awaited(talk, s))) /* it ended unseen */
		redis_tell(talk, s, call);
	s->answer_cut = s->request_cut = false;
	if (s->unsure && s->heard && !talk_oldest(talk))
		s->unsure = false;
	s->args = args;
	s->arg = 0;
	s->command = NULL;
	s->database = 0;
	s->reply_word = 0;
	s->waits = s->streams_word = s->holed = false;
	call = talk_ask(talk, 0);
	s->held = call == talk->calls.last;
	if (s->unsure)
		call->note[1] = CALL_UNSURE;
}

/* True if it has no answer. */
static bool kept_back(struct redis *s)
{
	bool skip = s->skip_reply;

	s->skip_reply = false;
	if (s->reply_word == 'N') {
		s->no_replies = false;
		return false;
	}
	if (s->reply_word == 'F')
		s->no_replies = true;
	if (s->reply_word == 'S')
		s->skip_reply = true;
	return s->no_replies || skip || s->skip_reply;
}

void redis_request_ends(struct talk *talk, struct redis *s)
{
	struct call *call = redis_asking(talk, s);
	const struct redis_command *command = s->command;
	bool quiet = kept_back(s);
	uint64_t arguments = s->arg ? s->arg - 1 : 0;

	s->arg = s->args = 0;
	if (command && command->flags & REDIS_SUBSCRIBES)
		s->subscribed = true;
	if (call && command) {
		call_set(call, CALL_OPERATION, (struct slice){command->name, command->n});
		call->waits = s->waits;
		call->note[0] = (uint64_t)(command - redis_commands) + 1;
		if (command->flags & REDIS_SELECT)
			call->note[1] |= s->database;
		if (command->flags & REDIS_SUBSCRIBES)
			call->note[1] |= arguments;
	}
	if (call && s->holed)
		call->note[1] |= CALL_UNSURE;
	if (!call && command && command->flags & (REDIS_SELECT | REDIS_EXEC | REDIS_RESET))
		s->db_known = false;
	s->held = false;
	if (quiet && call)
		redis_tell(talk, s, call);
}

bool redis_same_word(struct slice a, const char *upper)
{
	size_t i = 0;

	for (; i < a.n && upper[i]; i++) {
		if ((a.p[i] & ~0x20) != upper[i])
			return false;
	}
	return i == a.n && !upper[i];
}

/* SELECT's: a number of some digits. Not in the words of whoever sent it: it may be anything. */
static uint32_t database_of(struct slice text)
{
	uint32_t v = 0;

	if (text.n == 0 || text.n > 6)
		return 0;
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)(text.p[i] - '0') > 9)
			return 0;
		v = v * 10 + (unsigned char)(text.p[i] - '0');
	}
	return v + 1;
}

/* XREADGROUP GROUP group consumer …: the names are no options, whatever they are. */
static void look_for_block(struct redis *s, struct slice text)
{
	bool names = s->command->name[5] == 'G' && s->arg < 4;

	if (names || s->streams_word)
		return;
	s->streams_word = redis_same_word(text, "STREAMS");
	s->waits |= redis_same_word(text, "BLOCK");
}

static void reply_word(struct redis *s, struct slice text)
{
	if (redis_same_word(text, "ON"))
		s->reply_word = 'N';
	else if (redis_same_word(text, "OFF"))
		s->reply_word = 'F';
	else if (redis_same_word(text, "SKIP"))
		s->reply_word = 'S';
}

bool redis_reads_argument(const struct redis *s)
{
	uint16_t reads = REDIS_SELECT | REDIS_BLOCK_WORD | REDIS_REPLY_WORD;

	if (s->arg == 0)
		return true;
	if (!s->command)
		return false;
	return s->command->flags & reads || (s->arg == 1 && s->command->flags & REDIS_TWO_WORDS);
}

static void second_word(struct redis *s, struct slice text)
{
	struct slice first = {s->command->name, s->command->n};
	const struct redis_command *both = redis_command(first, text);

	s->command = both ? both : s->command;
}

static void argument(struct redis *s, struct slice text)
{
	const struct redis_command *command = s->command;

	if (s->arg == 0) {
		s->command = redis_command(text, (struct slice){"", 0});
		s->waits = s->command && s->command->flags & REDIS_BLOCKS;
	} else if (!command) {
		;
	} else if (s->arg == 1 && command->flags & REDIS_TWO_WORDS) {
		second_word(s, text);
	} else if (command->flags & REDIS_SELECT) {
		s->database = s->arg == 1 ? database_of(text) : 0;
	} else if (command->flags & REDIS_BLOCK_WORD) {
		look_for_block(s, text);
	} else if (command->flags & REDIS_REPLY_WORD) {
		reply_word(s, text);
	}
	s->arg++;
}

static void inline_request(struct talk *talk, struct redis *s, struct slice line)
{
	struct slice rest, word = redis_word(line, &rest);

	if (word.n == 0)
		return;
	request_begins(talk, s, 0);
	for (; word.n; word = redis_word(rest, &rest))
		argument(s, word);
	redis_request_ends(talk, s);
}

void redis_request_token(struct talk *talk, struct redis *s, struct slice b)
{
	struct redis_token token;

	if (s->arg == s->args && b.n && b.p[0] != '*') {
		inline_request(talk, s, b);
		return;
	}
	if (redis_token(b, &token) != CUT_OK)
		return;
	if (s->arg == s->args) {
		if (token.n)
			request_begins(talk, s, token.n);
		return;
	}
	b = (struct slice){b.p + token.line, b.n - token.line};
	s->holed |= token.n > b.n && (s->arg == 0 || (s->arg == 1 && redis_reads_argument(s)));
	b.n = b.n >= token.n ? token.n : 0; /* half a word is another one */
	if (redis_reads_argument(s))
		argument(s, b);
	else
		s->arg++;
	if (s->arg == s->args)
		redis_request_ends(talk, s);
}
