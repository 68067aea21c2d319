/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis. A frame is one token of RESP: a line, or a line and the bulk string after it; a counter
 * per level says what is still to come of an answer, so huge values and deep arrays cost nothing.
 *
 * Answers come in the order of the requests.
 *
 * A command within MULTI is answered by QUEUED, and EXEC by what all of them came to: EXEC fails
 * with the first error among these. A command that is sent while CLIENT REPLY keeps answers back
 * is told when it has been sent.
 *
 * After bytes were lost nobody knows how many requests or answers were among them. What is asked
 * then is told only from the first moment on at which everything asked has been answered.
 */
#include "parsers.h"
#include "redis.h"

enum reply { /* what the answer at hand is */
	     REPLY_NONE,
	     REPLY_ANSWER,
	     REPLY_UNDECIDED, /* its first element will tell */
	     REPLY_CONFIRMS,  /* that a channel was subscribed to or unsubscribed from */
	     REPLY_PUSHED,    /* nobody asked for it */
};

struct level {
	uint64_t left; /* elements still to come */
	bool attribute;
};

struct redis {
	/* the request at hand */
	uint64_t args, arg; /* how many it has, how many were seen; equal between requests */
	const struct redis_command *command;
	uint32_t database; /* SELECT's argument plus one; 0: none */
	char reply_word;   /* CLIENT REPLY's: 'N' for ON, 'F' for OFF, 'S' for SKIP */
	bool waits, streams_word;
	bool holed; /* a word of its name was not captured */
	bool held;  /* the last of the calls is that of the request at hand */

	/* the answer at hand */
	struct level level[REDIS_DEPTH_MAX];
	uint32_t depth;
	uint32_t element; /* elements seen of the outermost aggregate */
	enum reply reply;
	char type; /* of its outermost token */
	bool ok, queued, failed;

	/* the connection */
	uint32_t db, queued_db; /* plus one; 0: unknown, none */
	bool begun, db_known, open_line[SIDES];
	bool subscribed, monitors, no_replies, skip_reply;
	bool unsure, heard; /* since bytes were lost; an answer was seen since */
	bool request_cut;   /* bytes of the only request were lost: its answer is the next one */
	bool answer_cut; /* bytes of the only answer were lost: it ends before the next request */
};

#define CALL_UNSURE (1ull << 63) /* in note[1], beside the confirmations still to come */

/* ---- requests ---- */

/* The call of the request at hand; NULL: none, or it has found no room. */
static struct call *asking(const struct talk *talk, const struct redis *s)
{
	return s->held ? talk->calls.last : NULL;
}

/* Whose answer is at hand, or comes next; NULL: nobody's. */
static struct call *awaited(struct talk *talk, const struct redis *s)
{
	struct call *call = talk_oldest(talk);

	return call && call != asking(talk, s) ? call : NULL;
}

static bool is_alone(const struct talk *talk)
{
	return talk->calls.n == 1 && !talk->before && !talk->behind;
}

static void forget_all(struct talk *talk, struct redis *s)
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

static void tell(struct talk *talk, struct redis *s, struct call *call)
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

	if (s->answer_cut && (call = awaited(talk, s))) /* it ended unseen */
		tell(talk, s, call);
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

static void request_ends(struct talk *talk, struct redis *s)
{
	struct call *call = asking(talk, s);
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
		tell(talk, s, call);
}

static bool same_word(struct slice a, const char *upper)
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
	s->streams_word = same_word(text, "STREAMS");
	s->waits |= same_word(text, "BLOCK");
}

static void reply_word(struct redis *s, struct slice text)
{
	if (same_word(text, "ON"))
		s->reply_word = 'N';
	else if (same_word(text, "OFF"))
		s->reply_word = 'F';
	else if (same_word(text, "SKIP"))
		s->reply_word = 'S';
}

/* Are the bytes of the request's next argument worth reading? */
static bool reads_argument(const struct redis *s)
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
	request_ends(talk, s);
}

static void request_token(struct talk *talk, struct redis *s, struct slice b)
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
	s->holed |= token.n > b.n && (s->arg == 0 || (s->arg == 1 && reads_argument(s)));
	b.n = b.n >= token.n ? token.n : 0; /* half a word is another one */
	if (reads_argument(s))
		argument(s, b);
	else
		s->arg++;
	if (s->arg == s->args)
		request_ends(talk, s);
}

/* ---- answers ---- */

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
	struct call *call = awaited(talk, s);

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
	struct call *call = awaited(talk, s);

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
	struct call *call = awaited(talk, s);
	const struct redis_command *command = command_of(call);
	uint16_t flags = command ? command->flags : 0;
	uint32_t database = call ? (uint32_t)call->note[1] : 0;

	s->heard = true;
	if (call)
		tell(talk, s, call);
	if (flags)
		take_effect(talk, s, flags, database);
}

/* SUBSCRIBE with three channels is confirmed three times: the last is its answer. */
static void confirmation_ends(struct talk *talk, struct redis *s)
{
	struct call *call = awaited(talk, s);
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
	struct call *call = awaited(talk, s);
	const struct redis_command *command = command_of(call);

	if (command && command->flags & REDIS_SUBSCRIBES && same_word(word, command->name)) {
		answer_begins(talk, s);
		s->reply = REPLY_CONFIRMS;
	} else if (s->type == '>' || same_word(word, "MESSAGE") || same_word(word, "PMESSAGE") ||
		   same_word(word, "SMESSAGE") || same_word(word, "SUBSCRIBE") ||
		   same_word(word, "PSUBSCRIBE") || same_word(word, "SSUBSCRIBE") ||
		   same_word(word, "UNSUBSCRIBE") || same_word(word, "PUNSUBSCRIBE") ||
		   same_word(word, "SUNSUBSCRIBE")) {
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
	if (s->answer_cut) { /* what follows may be more of it, whatever it looks like */
		s->answer_cut = false;
		s->type = 0;
		answer_begins(talk, s);
	} else if (token->type == '>' || (token->type == '*' && s->subscribed && few)) {
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
static void element_ends(struct talk *talk, struct redis *s)
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
		command = command_of(awaited(talk, s));
		if (command && command->flags & REDIS_EXEC)
			error_token(talk, s, text);
	}
	s->element++;
}

static void answer_token(struct talk *talk, struct redis *s, struct slice b)
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
		element_ends(talk, s);
}

/* ---- lost bytes ---- */

static void lost_request(struct talk *talk, struct redis *s)
{
	if (s->arg < s->args && s->command && s->held && is_alone(talk)) {
		request_ends(talk, s);
		s->request_cut = talk->calls.n == 1;
	} else if (!s->request_cut || !is_alone(talk)) {
		forget_all(talk, s);
	}
	s->arg = s->args = 0;
}

static void lost_answer(struct talk *talk, struct redis *s)
{
	bool begun = s->answer_cut || s->reply == REPLY_ANSWER;

	s->answer_cut = begun && is_alone(talk) && awaited(talk, s);
	if (!s->answer_cut)
		forget_all(talk, s);
	s->reply = REPLY_NONE;
	s->depth = 0;
}

static void lost(struct talk *talk, enum side from)
{
	struct redis *s = talk->state;

	s->open_line[from] = false;
	s->unsure = true;
	s->heard = false;
	if (from == FROM_CLIENT)
		lost_request(talk, s);
	else
		lost_answer(talk, s);
}

static bool tail(struct talk *talk, enum side from, struct slice b)
{
	struct redis *s = talk->state;
	struct call *call = awaited(talk, s);

	if (b.n < 2 || memcmp(b.p + b.n - 2, "\r\n", 2) != 0)
		return false;
	if (from == FROM_SERVER && s->answer_cut && call) {
		s->answer_cut = false;
		s->heard = true;
		tell(talk, s, call);
	}
	return true;
}

/* ---- frames ---- */

/* The rest of a line whose beginning has passed. */
static enum cut rest_of_line(struct slice b, struct frame *f)
{
	size_t n = b.n < PARSER_WANT_MAX ? b.n : PARSER_WANT_MAX;
	const char *end = n ? memchr(b.p, '\n', n) : NULL;

	if (n == 0)
		return CUT_MORE;
	f->size = end ? (uint64_t)(end - b.p) + 1 : n;
	f->want = (uint32_t)f->size;
	return CUT_OK;
}

/* A command as people type it. Any other line may be anything, so its name must be known. */
static enum cut inline_frame(struct slice b, struct frame *f)
{
	size_t n = b.n < PARSER_WANT_MAX ? b.n : PARSER_WANT_MAX;
	const char *end = memchr(b.p, '\n', n);
	struct slice word, rest;

	if ((unsigned char)((b.p[0] & ~0x20) - 'A') >= 26 && !strchr(" \r\n", b.p[0]))
		return CUT_NOT;
	if (!end)
		return n < PARSER_WANT_MAX ? CUT_MORE : CUT_NOT;
	word = redis_word((struct slice){b.p, (size_t)(end - b.p)}, &rest);
	if (word.n && !redis_command(word, (struct slice){"", 0}))
		return CUT_NOT;
	f->size = (uint64_t)(end - b.p) + 1;
	f->want = (uint32_t)f->size;
	return CUT_OK;
}

static uint32_t at_most(uint64_t n, uint64_t size)
{
	return (uint32_t)(n < size ? n : size);
}

static enum cut request_frame(const struct redis *s, bool start, struct slice b, struct frame *f)
{
	bool between = s->arg == s->args;
	struct redis_token token;
	enum cut cut;

	if (between && b.n && b.p[0] != '*') /* out of step, a line may be part of anything */
		return start && !s->unsure ? inline_frame(b, f) : CUT_NOT;
	if (b.n && b.p[0] != (between ? '*' : '$'))
		return CUT_NOT;
	cut = redis_token(b, &token);
	if (cut != CUT_OK)
		return cut;
	if ((!between && token.null) || (between && token.n > REDIS_ARGS_MAX))
		return CUT_NOT;
	f->size = token.size;
	f->want = token.line;
	if (!between && reads_argument(s))
		f->want = at_most(token.line + REDIS_NAME_MAX + 2, token.size);
	return CUT_OK;
}

static enum cut answer_frame(const struct redis *s, struct slice b, struct frame *f)
{
	struct redis_token token;
	enum cut cut = redis_token(b, &token);

	if (cut != CUT_OK)
		return cut;
	if (redis_is_aggregate(token.type) && token.n && s->depth == REDIS_DEPTH_MAX)
		return CUT_NOT;
	f->size = token.size;
	f->want = token.line;
	if (redis_is_bulk(token.type) && s->depth <= 1 && (s->depth == 0 || s->element == 0))
		f->want = at_most(token.line + REDIS_NAME_MAX + 2, token.size);
	return CUT_OK;
}

static enum cut frame(const struct talk *talk, enum side from, struct slice b, struct frame *f)
{
	const struct redis *s = talk->state;

	if (s->open_line[from])
		return rest_of_line(b, f);
	return from == FROM_CLIENT ? request_frame(s, talk->start, b, f) : answer_frame(s, b, f);
}

static void message(struct talk *talk, enum side from, struct slice b, const struct frame *f)
{
	struct redis *s = talk->state;

	(void)f;
	if (!s->begun) {
		s->begun = true;
		s->db_known = talk->start; /* connections begin with database 0 */
	}
	if (s->open_line[from]) {
		s->open_line[from] = b.n == 0 || b.p[b.n - 1] != '\n';
		if (!s->open_line[from])
			element_ends(talk, s);
	} else if (from == FROM_CLIENT) {
		request_token(talk, s, b);
	} else {
		answer_token(talk, s, b);
	}
}

const struct parser redis_parser = {
	.name = "redis",
	.protocol = PROTOCOL_REDIS,
	.kind = EXCHANGE_DB,
	.transports = OVER_TCP,
	.ports = {6379},
	.capture = 4096,
	.state_size = sizeof(struct redis),
	.detect = redis_detect,
	.frame = frame,
	.message = message,
	.lost = lost,
	.tail = tail,
};

_Static_assert(sizeof(struct redis) <= PARSER_STATE_MAX, "a connection's state");
