/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NATS' client protocol: lines, some with a block of bytes after them (docs.nats.io, "Client
 * Protocol"). A publication has no answer and is told at once; one that names an inbox for the
 * reply is a request, and lasts until the reply. What the server hands to a subscriber is told as
 * processed. Inboxes are named for one request each: all of them are "_INBOX" here; likewise what
 * begins with '$' has few names.
 */
#include <strings.h>

#include "parsers.h"
#include "reader.h"

#define LINE_MAX_BYTES PARSER_WANT_MAX
#define WORDS_MAX 6
#define NATS_HEADERS_WANT 1024 /* bytes of headers looked at for trace context and status */

enum verb {
	VERB_NONE,
	VERB_INFO,
	VERB_CONNECT,
	VERB_PUB,
	VERB_HPUB,
	VERB_SUB,
	VERB_UNSUB,
	VERB_MSG,
	VERB_HMSG,
	VERB_PING,
	VERB_PONG,
	VERB_OK,
	VERB_ERR,
	VERBS,
};

static const struct {
	const char *text;
	uint8_t n;
	uint8_t sides;       /* who may say it: bits of enum side */
	uint8_t least, most; /* words of the line; 0: whatever follows */
} verbs[VERBS] = {
	[VERB_INFO] = {"INFO", 4, 1 << FROM_SERVER, 0, 0},
	[VERB_CONNECT] = {"CONNECT", 7, 1 << FROM_CLIENT, 0, 0},
	[VERB_PUB] = {"PUB", 3, 1 << FROM_CLIENT, 3, 4},
	[VERB_HPUB] = {"HPUB", 4, 1 << FROM_CLIENT, 4, 5},
	[VERB_SUB] = {"SUB", 3, 1 << FROM_CLIENT, 3, 4},
	[VERB_UNSUB] = {"UNSUB", 5, 1 << FROM_CLIENT, 2, 3},
	[VERB_MSG] = {"MSG", 3, 1 << FROM_SERVER, 4, 5},
	[VERB_HMSG] = {"HMSG", 4, 1 << FROM_SERVER, 5, 6},
	[VERB_PING] = {"PING", 4, 3, 1, 1},
	[VERB_PONG] = {"PONG", 4, 3, 1, 1},
	[VERB_OK] = {"+OK", 3, 1 << FROM_SERVER, 1, 1},
	[VERB_ERR] = {"-ERR", 4, 1 << FROM_SERVER, 0, 0},
};

struct line {
	enum verb verb;
	struct slice word[WORDS_MAX]; /* the verb first */
	unsigned int words;
	size_t size;          /* with its end */
	uint64_t head, block; /* of what follows: its headers; all of it, without the last CRLF */
	bool has_block;
};

static enum verb verb_at(struct slice b, enum side side)
{
	for (unsigned int v = VERB_INFO; v < VERBS; v++) {
		size_t n = verbs[v].n;

		if (b.n > n && (verbs[v].sides >> side & 1) &&
		    strncasecmp(b.p, verbs[v].text, n) == 0 &&
		    (b.p[n] == ' ' || b.p[n] == '\t' || b.p[n] == '\r' || b.p[n] == '\n'))
			return v;
	}
	return VERB_NONE;
}

/* Could more bytes make a verb of these few? */
static bool verb_may_come(struct slice b, enum side side)
{
	for (unsigned int v = VERB_INFO; v < VERBS; v++)
		if ((verbs[v].sides >> side & 1) && b.n <= verbs[v].n &&
		    strncasecmp(b.p, verbs[v].text, b.n) == 0)
			return true;
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void split(struct line *line, struct slice text)
{
	const char *p = text.p, *end = text.p + text.n;

	while (p < end) {
		const char *from;

		while (p < end && is_blank(*p))
			p++;
		for (from = p; p < end && !is_blank(*p);)
			p++;
		if (p > from && line->words < WORDS_MAX)
			line->word[line->words] = (struct slice){from, (size_t)(p - from)};
		line->words += p > from;
	}
}

static bool number(struct slice s, uint64_t *v)
{
	*v = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || *v > UINT32_MAX)
			return false;
		*v = *v * 10 + (unsigned int)(s.p[i] - '0');
	}
	return s.n > 0;
}

/* The sizes at the line's end. */
static bool read_sizes(struct line *line)
{
	line->has_block = line->verb == VERB_PUB || line->verb == VERB_MSG ||
			  line->verb == VERB_HPUB || line->verb == VERB_HMSG;
	if (!line->has_block)
		return true;
	if (!number(line->word[line->words - 1], &line->block))
		return false;
	if (line->verb != VERB_HPUB && line->verb != VERB_HMSG)
		return true;
	return number(line->word[line->words - 2], &line->head) && line->head <= line->block;
}

static enum cut read_line(struct slice b, enum side side, struct line *line)
{
	const char *lf = memchr(b.p, '\n', b.n);
	size_t n;

	*line = (struct line){.verb = verb_at(b, side)};
	if (line->verb == VERB_NONE)
		return verb_may_come(b, side) ? CUT_MORE : CUT_NOT;
	if (!lf)
		return b.n < LINE_MAX_BYTES ? CUT_MORE : CUT_NOT;
	line->size = (size_t)(lf + 1 - b.p);
	n = line->size - 1;
	if (n && b.p[n - 1] == '\r')
		n--;
	if (!verbs[line->verb].most)
		return CUT_OK;
	split(line, (struct slice){b.p, n});
	if (line->words < verbs[line->verb].least || line->words > verbs[line->verb].most)
		return CUT_NOT;
	return read_sizes(line) ? CUT_OK : CUT_NOT;
}

static enum cut nats_frame(const struct talk *talk, enum side side, struct slice b, struct frame *f)
{
	struct line line;
	enum cut cut = read_line(b, side, &line);

	(void)talk;
	if (cut != CUT_OK)
		return cut;
	f->size = line.size + (line.has_block ? line.block + 2 : 0);
	f->want = (uint32_t)(line.size +
			     (line.head < NATS_HEADERS_WANT ? line.head : NATS_HEADERS_WANT));
	return CUT_OK;
}

/* ---- is it NATS? ---- */

static bool opens_as(struct slice b, const char *text)
{
	size_t n = strlen(text);

	return b.n >= n && strncasecmp(b.p, text, n) == 0;
}

/* A message with a block that ends where the line says it does. */
static bool has_message(struct slice b, enum side side)
{
	while (b.n) {
		struct line line;
		uint64_t size;

		if (read_line(b, side, &line) != CUT_OK)
			return false;
		size = line.size + (line.has_block ? line.block + 2 : 0);
		if (size > b.n)
			return false;
		if (line.has_block)
			return memcmp(b.p + size - 2, "\r\n", 2) == 0;
		b.p += size;
		b.n -= (size_t)size;
	}
	return false;
}

static enum guess nats_detect(const struct sight *sight)
{
	enum guess guess = GUESS_NO;

	for (unsigned int side = 0; side < SIDES; side++) {
		struct slice b = sight->from[side];
		struct line line;

		if (!b.n)
			continue;
		if (opens_as(b, side == FROM_CLIENT ? "CONNECT {" : "INFO {") ||
		    has_message(b, side))
			return GUESS_YES;
		if (read_line(b, side, &line) == CUT_NOT)
			return GUESS_NO;
		guess = GUESS_MORE;
	}
	return guess;
}

/* ---- messages ---- */

static bool is_inbox(struct slice subject)
{
	return subject.n > 7 && memcmp(subject.p, "_INBOX.", 7) == 0;
}

/* Parts of a subject of the server's own that name what it is, not whose. */
static unsigned int parts_of(struct slice subject)
{
	static const struct {
		const char *begins;
		unsigned int parts;
	} kinds[] = {
		{"$JS.ACK.", 2},
		{"$JS.FC.", 2},
		{"$JS.", 4},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t n = strlen(kinds[i].begins);

		if (subject.n > n && memcmp(subject.p, kinds[i].begins, n) == 0)
			return kinds[i].parts;
	}
	return 2; /* $KV.bucket, $O.bucket, $SYS.REQ */
}

/*
 * A subject as it is told. Those of replies, acknowledgements and keys, which the server and its
 * libraries make, are as many as there are messages: only their beginning is.
 */
static struct slice named(struct slice subject)
{
	unsigned int parts;

	if (is_inbox(subject))
		return slice_of("_INBOX");
	if (!subject.n || subject.p[0] != '$')
		return subject;
	parts = parts_of(subject);
	for (size_t i = 0; i < subject.n; i++) {
		if (subject.p[i] == '.' && !--parts)
			subject.n = i;
	}
	return subject;
}

static uint64_t key_of(struct slice subject)
{
	uint64_t hash = 1469598103934665603ull;

	for (size_t i = 0; i < subject.n; i++)
		hash = (hash ^ (unsigned char)subject.p[i]) * 1099511628211ull;
	return hash | 1;
}

static struct slice trimmed(struct slice s)
{
	while (s.n && is_blank(s.p[0]))
		s.p++, s.n--;
	while (s.n && (is_blank(s.p[s.n - 1]) || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

/* The fields of "NATS/1.0[ status]\r\nName: value\r\n…"; one whose end is not there is none. */
static void read_headers(struct call *call, struct slice b)
{
	const char *lf, *colon;

	for (; (lf = memchr(b.p, '\n', b.n)); b.p = lf + 1) {
		size_t n = (size_t)(lf - b.p);

		colon = memchr(b.p, ':', n);
		if (colon)
			call_header(call, (struct slice){b.p, (size_t)(colon - b.p)},
				    trimmed((struct slice){colon + 1, (size_t)(lf - colon) - 1}));
		b.n -= n + 1;
	}
}

static struct slice headers_of(const struct line *line, struct slice b)
{
	return (struct slice){b.p + line->size,
			      line->head && b.n > line->size ? b.n - line->size : 0};
}

static struct call *begin(struct talk *talk, uint64_t key, const struct line *line, struct slice b)
{
	struct call *call = talk_ask(talk, key);

	call_set(call, CALL_COLLECTION, named(line->word[1]));
	read_headers(call, headers_of(line, b));
	call->req_body = line->block - line->head;
	return call;
}

static void published(struct talk *talk, const struct line *line, struct slice b)
{
	unsigned int sizes = line->verb == VERB_HPUB ? 2 : 1;
	bool replies = line->words == 3 + sizes;
	bool request = replies && is_inbox(line->word[2]);
	struct call *call = begin(talk, request ? key_of(line->word[2]) : UINT64_MAX, line, b);

	call->action = MESSAGING_SEND;
	call_set(call, CALL_OPERATION, slice_of(request ? "request" : "publish"));
	if (!request)
		talk_answer(talk, call);
}

/* "NATS/1.0 503": nobody listens to the subject that was asked. */
static void set_status(struct call *call, struct slice headers)
{
	if (headers.n < 12 || memcmp(headers.p, "NATS/1.0 ", 9) != 0)
		return;
	call->failed = true;
	call_set(call, CALL_CODE, (struct slice){headers.p + 9, 3});
}

static void delivered(struct talk *talk, const struct line *line, struct slice b)
{
	struct call *call = NULL;

	if (is_inbox(line->word[1]))
		call = talk_asked(talk, key_of(line->word[1]));
	if (call) {
		set_status(call, headers_of(line, b));
	} else if (is_inbox(line->word[1])) {
		return; /* the reply to a request that was not seen, or a further one */
	} else {
		call = begin(talk, UINT64_MAX, line, b);
		call->action = MESSAGING_PROCESS;
		call_set(call, CALL_OPERATION, slice_of("process"));
	}
	talk_answer(talk, call);
}

static void nats_message(struct talk *talk, enum side side, struct slice b, const struct frame *f)
{
	struct line line;

	(void)f;
	if (read_line(b, side, &line) != CUT_OK)
		return;
	if (line.verb == VERB_PUB || line.verb == VERB_HPUB)
		published(talk, &line, b);
	else if (line.verb == VERB_MSG || line.verb == VERB_HMSG)
		delivered(talk, &line, b);
}

/* Replies name what they answer: what was asked may still be answered. */
static void nats_lost(struct talk *talk, enum side side)
{
	(void)talk;
	(void)side;
}

const struct parser nats_parser = {
	.name = "nats",
	.protocol = PROTOCOL_NATS,
	.kind = EXCHANGE_MESSAGING,
	.transports = OVER_TCP,
	.ports = {4222},
	.capture = KH_SEGMENT_CALL, /* a call holds as many messages as came meanwhile */
	.detect = nats_detect,
	.frame = nats_frame,
	.message = nats_message,
	.lost = nats_lost,
};
