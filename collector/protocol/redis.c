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
#include "redis_talk.h"

/* ---- lost bytes ---- */

static void lost_request(struct talk *talk, struct redis *s)
{
	if (s->arg < s->args && s->command && s->held && redis_is_alone(talk)) {
		redis_request_ends(talk, s);
		s->request_cut = talk->calls.n == 1;
	} else if (!s->request_cut || !redis_is_alone(talk)) {
		redis_forget_all(talk, s);
	}
	s->arg = s->args = 0;
}

static void lost_answer(struct talk *talk, struct redis *s)
{
	bool begun = s->answer_cut || s->reply == REPLY_ANSWER;

	s->answer_cut = begun && redis_is_alone(talk) && redis_awaited(talk, s);
	if (!s->answer_cut)
		redis_forget_all(talk, s);
	s->reply = REPLY_NONE;
	s->depth = 0;
}

static void lost(struct talk *talk, enum side from)
{
	struct redis *s = talk->state;

	s->open_line[from] = false;
	s->unsure = true;
	s->heard = false;
	s->begun = true;
	if (from == FROM_CLIENT) {
		lost_request(talk, s);
		s->db_known &= s->request_cut; /* else SELECT may have been among it */
	} else {
		lost_answer(talk, s);
	}
}

/* The answer whose bytes were lost has ended. */
static void cut_answer_ends(struct talk *talk, struct redis *s)
{
	struct call *call = redis_awaited(talk, s);

	s->answer_cut = false;
	s->heard = true;
	if (call)
		redis_tell(talk, s, call);
}

static bool tail(struct talk *talk, enum side from, struct slice b)
{
	struct redis *s = talk->state;

	if (b.n < 2 || memcmp(b.p + b.n - 2, "\r\n", 2) != 0)
		return false;
	if (from == FROM_SERVER && s->answer_cut)
		cut_answer_ends(talk, s);
	return true;
}

static bool tokens_fit(struct slice b)
{
	struct redis_token token;

	for (unsigned int i = 0; i < 4 && b.n; i++) {
		enum cut cut = redis_token(b, &token);

		if (cut != CUT_OK)
			return cut == CUT_MORE && i;
		if (token.size >= b.n)
			return true;
		b = (struct slice){b.p + token.size, b.n - (size_t)token.size};
	}
	return true;
}

/*
 * Where a command begins there is an array. What follows a long answer of which bytes were lost
 * may be more of it; it ends, at the earliest, where a call ends in CRLF, which then is a frame.
 */
static long resync(struct talk *talk, enum side from, struct slice b)
{
	const struct redis *s = talk->state;
	bool odd = false;

	if (from == FROM_CLIENT)
		return redis_request(b, &odd) == GUESS_NO ? -1 : 0;
	if (!s->answer_cut)
		return tokens_fit(b) ? 0 : -1;
	return b.n >= 2 && memcmp(b.p + b.n - 2, "\r\n", 2) == 0 ? (long)b.n - 2 : RESYNC_STILL;
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
	if (!between && redis_reads_argument(s))
		f->want = at_most(token.line + REDIS_NAME_MAX + 2, token.size);
	return CUT_OK;
}

static enum cut answer_frame(const struct redis *s, struct slice b, struct frame *f)
{
	struct redis_token token;
	enum cut cut = redis_token(b, &token);

	if (s->answer_cut && b.n && b.p[0] == '\r') { /* as resync() has it */
		f->size = f->want = 2;
		return b.n < 2 ? CUT_MORE : b.p[1] == '\n' ? CUT_OK : CUT_NOT;
	}
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
			redis_element_ends(talk, s);
	} else if (from == FROM_CLIENT) {
		redis_request_token(talk, s, b);
	} else if (s->answer_cut) {
		cut_answer_ends(talk, s);
	} else {
		redis_answer_token(talk, s, b);
	}
}

const struct parser redis_parser = {
	.name = "redis",
	.protocol = PROTOCOL_REDIS,
	.kind = EXCHANGE_DB,
	.transports = OVER_TCP,
	.ports = {6379},
	.capture = KH_SEGMENT_CALL, /* pipelines */
	.state_size = sizeof(struct redis),
	.detect = redis_detect,
	.frame = frame,
	.message = message,
	.lost = lost,
	.tail = tail,
	.resync = resync,
};

_Static_assert(sizeof(struct redis) <= PARSER_STATE_MAX, "a connection's state");
