/* SPDX-License-Identifier: Apache-2.0 */
/* The text protocol of memcached, and its meta commands: lines, some with a block of data. */
#include "memcached_words.h"

/* ---- lines ---- */

/* The next word of a line; "" at its end. */
static struct slice next_word(struct slice *line)
{
	const char *p = line->p, *end = line->p + line->n, *from;

	while (p < end && *p == ' ')
		p++;
	from = p;
	while (p < end && *p != ' ' && *p != '\r' && *p != '\n')
		p++;
	*line = (struct slice){p, (size_t)(end - p)};
	return (struct slice){from, (size_t)(p - from)};
}

/* -1: no number, or too much of one. */
static int64_t number_of(struct slice word)
{
	uint64_t v = 0;

	if (word.n == 0 || word.n > 10)
		return -1;
	for (size_t i = 0; i < word.n; i++) {
		if ((unsigned char)(word.p[i] - '0') > 9)
			return -1;
		v = v * 10 + (unsigned char)(word.p[i] - '0');
	}
	return v <= MEMCACHED_VALUE_MAX ? (int64_t)v : -1;
}

struct request {
	const struct memcached_verb *verb;
	uint64_t block; /* bytes of its data, CRLF included */
	bool noreply, quiet;
};

/* False: the words are none that its verb takes. `line` may lack its end where keys are listed. */
static bool read_request(struct slice line, struct request *request)
{
	struct slice word = next_word(&line), last = {"", 0};
	const struct memcached_verb *verb = memcached_verb_of(word);
	unsigned int n = 0, bytes_at;
	int64_t bytes = 0;

	*request = (struct request){.verb = verb};
	if (!verb)
		return false;
	bytes_at = verb->kind == MEMCACHED_STORE ? 4 : verb->kind == MEMCACHED_META_SET ? 2 : 0;
	for (word = next_word(&line); word.n; word = next_word(&line)) {
		last = word;
		n += n < MEMCACHED_ANY;
		if (n == bytes_at)
			bytes = number_of(word);
		if ((verb->kind == MEMCACHED_META || verb->kind == MEMCACHED_META_SET) &&
		    n > (verb->kind == MEMCACHED_META ? 1u : 2u))
			request->quiet |= word.n == 1 && word.p[0] == 'q';
	}
	if (bytes < 0 || n < verb->least || n > verb->most)
		return false;
	request->block = bytes_at ? (uint64_t)bytes + 2 : 0;
	request->noreply = verb->most != MEMCACHED_ANY && n > verb->least && last.n == 7 &&
			   memcmp(last.p, "noreply", 7) == 0;
	return true;
}

/* ---- frames ---- */

/* The line at the start of b; "": its end is not at hand. */
static struct slice line_of(struct slice b)
{
	size_t n = b.n < PARSER_WANT_MAX ? b.n : PARSER_WANT_MAX;
	const char *end = memchr(b.p, '\n', n);

	return (struct slice){b.p, end ? (size_t)(end - b.p) + 1 : 0};
}

static enum cut open_frame(struct slice b, struct frame *f)
{
	f->size = b.n < PARSER_WANT_MAX ? b.n : PARSER_WANT_MAX;
	f->want = (uint32_t)f->size;
	return CUT_OK;
}

static bool begins_with_verb(struct slice b, const struct memcached_verb **verb)
{
	struct slice word;

	*verb = NULL;
	if ((unsigned char)(b.p[0] - 'a') > 'w' - 'a')
		return false;
	word = next_word(&b);
	if (b.n)
		*verb = memcached_verb_of(word);
	return b.n ? *verb != NULL : word.n < sizeof((*verb)->name);
}

static enum cut request_frame(struct slice b, struct frame *f)
{
	struct slice line = line_of(b);
	const struct memcached_verb *verb;
	struct request request;

	if (!begins_with_verb(b, &verb))
		return CUT_NOT;
	if (!line.n) { /* a list of keys may be longer than what is captured of it */
		if (verb && (verb->kind == MEMCACHED_GET || verb->kind == MEMCACHED_TOUCH) &&
		    b.n > 256)
			return open_frame(b, f);
		return b.n < PARSER_WANT_MAX ? CUT_MORE : CUT_NOT;
	}
	if (!read_request(line, &request)) /* the server says so, too */
		request.block = 0;
	f->size = line.n + request.block;
	f->want = (uint32_t)line.n;
	if (b.n >= f->size && request.block && memcmp(b.p + f->size - 2, "\r\n", 2) != 0)
		return CUT_NOT;
	return CUT_OK;
}

/* Bytes of the block that a line of the server announces, CRLF included; -1: it is no such line. */
static int64_t block_of(const struct memcached_word *word, struct slice rest)
{
	struct slice bytes;
	int64_t n;

	if (word->says == MEMCACHED_SAYS_VALUE) {
		next_word(&rest);
		next_word(&rest);
	} else if (word->says != MEMCACHED_SAYS_META_VALUE) {
		return 0;
	}
	bytes = next_word(&rest);
	n = number_of(bytes);
	return n < 0 ? -1 : n + 2;
}

static enum cut answer_frame(struct slice b, struct frame *f)
{
	struct slice line = line_of(b), rest = line, first;
	const struct memcached_word *word;
	int64_t block;

	if (!line.n)
		return b.n < 1024 ? CUT_MORE : CUT_NOT;
	first = next_word(&rest);
	word = memcached_word_of(first);
	if (!word || line.n < 2 || line.p[line.n - 2] != '\r' || (word->alone && rest.n != 2))
		return CUT_NOT;
	block = block_of(word, rest);
	if (block < 0)
		return CUT_NOT;
	f->size = line.n + (uint64_t)block;
	f->want = (uint32_t)line.n;
	if (block && b.n >= f->size && memcmp(b.p + f->size - 2, "\r\n", 2) != 0)
		return CUT_NOT;
	return CUT_OK;
}

enum cut memcached_text_frame(const struct talk *talk, enum side from, struct slice b,
			      struct frame *f)
{
	const struct memcached *s = talk->state;
	struct slice line;

	if (s->open_line[from]) {
		line = line_of(b);
		f->size = line.n;
		f->want = (uint32_t)line.n;
		return line.n ? CUT_OK : open_frame(b, f);
	}
	return from == FROM_CLIENT ? request_frame(b, f) : answer_frame(b, f);
}

/* ---- requests ---- */

static void answer_is_over(struct talk *talk, struct memcached *s)
{
	struct call *call = talk_oldest(talk);

	s->answering = s->answer_cut = false;
	s->heard = true;
	if (call)
		memcached_tell(talk, call);
}

static void request_line(struct talk *talk, struct memcached *s, struct slice line)
{
	bool open = line.p[line.n - 1] != '\n';
	struct slice all = line;
	struct request request;
	struct call *call;

	if (s->answer_cut) /* it has ended unseen */
		answer_is_over(talk, s);
	s->request_cut = false;
	read_request(line, &request);
	request.verb = request.verb ? request.verb : memcached_verb_of(next_word(&all));
	call = memcached_ask(talk, 0, request.verb ? slice_of(request.verb->name) : slice_of(""));
	s->open_line[FROM_CLIENT] = open;
	call->note[0] = request.verb ? memcached_verb_number(request.verb) + 1 : 0;
	call->note[1] |= request.quiet ? MEMCACHED_QUIET : 0;
	if (request.noreply || (request.verb && (request.verb->kind == MEMCACHED_LEAVES ||
						 request.verb->kind == MEMCACHED_ENDS)))
		memcached_tell(talk, call);
	if (request.verb && request.verb->kind == MEMCACHED_LEAVES)
		talk_leave(talk);
}

/* ---- answers ---- */

static const struct memcached_verb *asked_verb(const struct call *call)
{
	return call->note[0] ? memcached_verb(call->note[0] - 1) : NULL;
}

/* Could a quiet command have this answer? (It keeps the usual ones back.) */
static bool quiet_says(char verb, struct slice word)
{
	switch (verb) {
	case 'g':
		return slice_is(word, "VA") || slice_is(word, "HD");
	case 's':
		return slice_is(word, "NS") || slice_is(word, "EX") || slice_is(word, "NF");
	case 'd':
		return slice_is(word, "EX");
	case 'a':
		return slice_is(word, "NS") || slice_is(word, "EX") || slice_is(word, "VA");
	default:
		return false;
	}
}

/* Quiet commands before the one that is answered here have none. */
static struct call *answered(struct talk *talk, const struct memcached_word *says,
			     struct slice word)
{
	struct call *call;

	while ((call = talk_oldest(talk)) && call->note[1] & MEMCACHED_QUIET) {
		const struct memcached_verb *verb = asked_verb(call);

		if (says->says == MEMCACHED_SAYS_FAILED ||
		    (verb && quiet_says(verb->name[1], word)))
			break;
		memcached_tell(talk, call);
	}
	return call;
}

static void answer_line(struct talk *talk, struct memcached *s, struct slice line)
{
	struct slice rest = line, first = next_word(&rest);
	const struct memcached_word *word = memcached_word_of(first);
	struct call *call;

	if (!word)
		return;
	call = answered(talk, word, first);
	s->heard = true;
	s->request_cut = false;
	if (s->answer_cut) { /* this may be more of it */
		answer_is_over(talk, s);
		return;
	}
	s->answering = word->says == MEMCACHED_SAYS_VALUE || word->says == MEMCACHED_SAYS_MORE;
	if (!call)
		return;
	talk_answer_begins(talk, call);
	if (s->answering)
		return;
	if (word->says == MEMCACHED_SAYS_FAILED) {
		call->failed = true;
		call_set(call, CALL_CODE, (struct slice){word->name, word->n});
	}
	memcached_tell(talk, call);
}

void memcached_text_message(struct talk *talk, enum side from, struct slice b,
			    const struct frame *f)
{
	struct memcached *s = talk->state;

	(void)f;
	if (s->open_line[from])
		s->open_line[from] = b.p[b.n - 1] != '\n';
	else if (from == FROM_CLIENT)
		request_line(talk, s, b);
	else
		answer_line(talk, s, b);
}

/* ---- lost bytes ---- */

static bool is_alone(const struct talk *talk)
{
	return talk->calls.n == 1 && !talk->before && !talk->behind;
}

void memcached_text_lost(struct talk *talk, enum side from)
{
	struct memcached *s = talk->state;

	if (from == FROM_CLIENT)
		s->request_cut = (s->request_cut || s->open_line[from]) && is_alone(talk);
	else
		s->answer_cut = (s->answer_cut || s->answering) && is_alone(talk);
	if (from == FROM_CLIENT ? !s->request_cut : !s->answer_cut)
		memcached_forget_all(talk);
	s->open_line[from] = false;
	s->answering = false;
}

bool memcached_text_tail(struct talk *talk, enum side from, struct slice b)
{
	struct memcached *s = talk->state;
	bool ends = b.n >= 5 && memcmp(b.p + b.n - 5, "END\r\n", 5) == 0;

	if (from == FROM_SERVER && ends && s->answer_cut)
		answer_is_over(talk, s);
	return from == FROM_SERVER ? ends : b.n >= 2 && memcmp(b.p + b.n - 2, "\r\n", 2) == 0;
}

/* ---- detection ---- */

static bool answer_fits(const struct memcached_verb *verb, const struct memcached_word *word)
{
	switch (verb->kind) {
	case MEMCACHED_GET:
	case MEMCACHED_TOUCH:
		return word->says == MEMCACHED_SAYS_VALUE || word->says == MEMCACHED_SAYS_END;
	case MEMCACHED_META:
	case MEMCACHED_META_SET:
		return word->says == MEMCACHED_SAYS_META || word->says == MEMCACHED_SAYS_META_VALUE;
	case MEMCACHED_MANY:
		return word->says == MEMCACHED_SAYS_MORE || word->says == MEMCACHED_SAYS_END ||
		       word->says == MEMCACHED_SAYS_DONE;
	default:
		return word->says == MEMCACHED_SAYS_DONE || word->says == MEMCACHED_SAYS_NUMBER;
	}
}

/* A block that ends where its line says it does is as good as an answer. */
static bool is_stored_quietly(struct slice client, struct slice line, const struct request *request)
{
	return request->verb->kind == MEMCACHED_STORE && request->noreply &&
	       client.n >= line.n + request->block;
}

enum guess memcached_text_detect(const struct sight *sight)
{
	struct slice client = sight->from[FROM_CLIENT], server = sight->from[FROM_SERVER];
	struct slice line = line_of(client), rest = server;
	const struct memcached_word *word;
	const struct memcached_verb *verb;
	struct request request;
	struct frame f;

	if (!begins_with_verb(client, &verb))
		return GUESS_NO;
	if (!line.n && (!verb || (verb->kind != MEMCACHED_GET && verb->kind != MEMCACHED_TOUCH)))
		return client.n < 1024 ? GUESS_MORE : GUESS_NO;
	if (!read_request(line.n ? line : client, &request) ||
	    request_frame(client, &f) == CUT_NOT ||
	    (line.n && (line.n < 2 || line.p[line.n - 2] != '\r')))
		return GUESS_NO;
	if (is_stored_quietly(client, line, &request))
		return GUESS_YES;
	if (!server.n)
		return GUESS_MORE;
	switch (answer_frame(server, &f)) {
	case CUT_OK:
		word = memcached_word_of(next_word(&rest));
		if (word && answer_fits(request.verb, word))
			return GUESS_YES;
		return sight->start && !(word && word->says == MEMCACHED_SAYS_FAILED) ? GUESS_NO
										      : GUESS_MORE;
	case CUT_MORE:
		return GUESS_MORE;
	default:
		return GUESS_NO;
	}
}
