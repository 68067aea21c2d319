/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FastCGI 1.0, between a web server (the client) and an application, as PHP-FPM is. Requests are
 * told as HTTP: method and target from the parameters (the host would be the web server's, not the
 * application's), the status from the head of what the application writes (200 if it names none,
 * RFC 3875 section 6.3.3).
 */
#include <strings.h>

#include "http1.h"
#include "parsers.h"
#include "reader.h"

#define HEADER 8
#define END_SIZE 16    /* of a record END_REQUEST */
#define TARGET_MAX 384 /* bytes of REQUEST_URI kept */

enum type {
	BEGIN_REQUEST = 1,
	ABORT_REQUEST,
	END_REQUEST,
	PARAMS,
	STDIN,
	STDOUT,
	STDERR,
	DATA,
	GET_VALUES,
	GET_VALUES_RESULT,
	UNKNOWN_TYPE,
};

/* struct call.note[0]: what of it was seen; note[1]: when bytes of its answer passed unread */
#define SEEN_OUTPUT 1
#define SEEN_URI 2

struct record {
	uint8_t type;
	uint16_t id, length;
	uint8_t padding;
};

static enum cut read_head(struct slice b, enum side side, struct record *rec)
{
	static const uint16_t from[SIDES] = {
		[FROM_CLIENT] = 1 << BEGIN_REQUEST | 1 << ABORT_REQUEST | 1 << PARAMS | 1 << STDIN |
				1 << DATA | 1 << GET_VALUES,
		[FROM_SERVER] = 1 << END_REQUEST | 1 << STDOUT | 1 << STDERR |
				1 << GET_VALUES_RESULT | 1 << UNKNOWN_TYPE,
	};
	struct reader r = reader_of(b);
	uint8_t version = reader_u8(&r);

	*rec = (struct record){.type = reader_u8(&r)};
	rec->id = reader_be16(&r);
	rec->length = reader_be16(&r);
	rec->padding = reader_u8(&r);
	if (version != 1 ||
	    (b.n > 1 && (rec->type > UNKNOWN_TYPE || !(from[side] >> rec->type & 1))))
		return CUT_NOT;
	return b.n < HEADER ? CUT_MORE : CUT_OK;
}

static enum cut fastcgi_frame(const struct talk *talk, enum side side, struct slice b,
			      struct frame *f)
{
	struct record rec;
	enum cut cut = read_head(b, side, &rec);
	bool read = rec.type == PARAMS || rec.type == STDOUT || rec.type == END_REQUEST;

	(void)talk;
	f->size = HEADER + (uint32_t)rec.length + rec.padding;
	f->want = read ? HEADER + (uint32_t)rec.length : HEADER;
	if (rec.type == STDOUT && f->want > HEADER + 512)
		f->want = HEADER + 512; /* where a status would be */
	if (f->want > PARSER_WANT_MAX)
		f->want = PARSER_WANT_MAX;
	return cut;
}

/* BEGIN_REQUEST with a role that exists and reserved bytes that are zero, as nobody else begins. */
static bool is_begin(struct slice b)
{
	static const char zero[5];
	const unsigned char *p = (const unsigned char *)b.p;
	struct record rec;

	return read_head(b, FROM_CLIENT, &rec) == CUT_OK && rec.type == BEGIN_REQUEST &&
	       rec.length == 8 && b.n >= 16 && p[8] == 0 && p[9] >= 1 && p[9] <= 3 && p[10] <= 1 &&
	       memcmp(p + 11, zero, 5) == 0;
}

static enum guess fastcgi_detect(const struct sight *sight)
{
	struct slice b = sight->from[FROM_CLIENT];
	struct record rec;

	if (!b.n)
		return sight->start || sight->from[FROM_SERVER].n == 0 ? GUESS_MORE : GUESS_NO;
	if (b.n < 16)
		return read_head(b, FROM_CLIENT, &rec) == CUT_NOT ? GUESS_NO : GUESS_MORE;
	return is_begin(b) ? GUESS_YES : GUESS_NO;
}

/* ---- a request ---- */

static uint64_t key_of(const struct record *rec)
{
	return 1ull << 32 | rec->id;
}

static uint32_t length_of(struct reader *r)
{
	uint8_t first = reader_u8(r);

	return first & 128 ? (uint32_t)(first & 127) << 24 | (uint32_t)reader_be(r, 3) : first;
}

static void param(struct call *call, struct slice name, struct slice value)
{
	if (slice_is(name, "REQUEST_METHOD")) {
		call->method = http1_method(value);
	} else if (slice_is(name, "REQUEST_URI")) {
		call->target_cut = value.n > TARGET_MAX;
		value.n = call->target_cut ? TARGET_MAX : value.n;
		call_set(call, CALL_TARGET, value);
		call->note[0] |= SEEN_URI;
	} else if (slice_is(name, "SCRIPT_NAME") && !(call->note[0] & SEEN_URI)) {
		call_set(call, CALL_TARGET, value);
	} else if (slice_is(name, "HTTP_TRACEPARENT")) {
		call_set(call, CALL_TRACEPARENT, value);
	} else if (slice_is(name, "HTTP_TRACESTATE")) {
		call_set(call, CALL_TRACESTATE, value);
	} else if (slice_is(name, "CONTENT_LENGTH")) {
		call->req_body = 0;
		for (size_t i = 0; i < value.n && i < 18 && value.p[i] >= '0' && value.p[i] <= '9';
		     i++)
			call->req_body = call->req_body * 10 + (unsigned int)(value.p[i] - '0');
	}
}

/* A pair that goes on in the next record is not read: servers write all into one. */
static void params(struct call *call, struct slice b)
{
	struct reader r = reader_of(b);

	while (r.n) {
		uint32_t name_n = length_of(&r), value_n = length_of(&r);
		struct slice name = reader_text(&r, name_n);
		struct slice value = reader_text(&r, value_n);

		if (r.bad)
			return;
		param(call, name, value);
	}
}

/* The head's "Status: 404 Not Found"; it may be any of its lines. 0: the head goes on unseen. */
static uint16_t status_in(struct slice b)
{
	const char *p = b.p, *end = b.p + b.n;

	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));

		if (*p == '\r' || *p == '\n')
			return 200;
		if (end - p >= 11 && strncasecmp(p, "Status:", 7) == 0) {
			for (p += 7; p < end && *p == ' ';)
				p++;
			if (end - p >= 3 && p[0] >= '1' && p[0] <= '5' && p[1] >= '0' &&
			    p[1] <= '9' && p[2] >= '0' && p[2] <= '9')
				return (uint16_t)((p[0] - '0') * 100 + (p[1] - '0') * 10 +
						  (p[2] - '0'));
		}
		if (!lf)
			break;
		p = lf + 1;
	}
	return 0;
}

static void output(struct talk *talk, struct call *call, const struct record *rec, struct slice b)
{
	if (!rec->length)
		return;
	talk_answer_begins(talk, call);
	call->resp_body += rec->length;
	if (call->note[0] & SEEN_OUTPUT)
		return;
	call->note[0] |= SEEN_OUTPUT;
	call->status = status_in(b);
	if (!call->status)
		talk_forget(talk, call, true);
}

/* protocolStatus: 0 complete; 1 to 3: it would not, or could not. */
static void ended(struct talk *talk, struct call *call, struct slice b)
{
	uint8_t status = b.n >= 5 ? (uint8_t)b.p[4] : 0;

	if (!call->status && status)
		call->status = 503;
	else if (!call->status)
		call->status = 200;
	talk_answer(talk, call);
}

/* The same number again: its answer has ended, with the last bytes that were told of it. */
static void ended_unseen(struct talk *talk, struct call *call)
{
	struct moment now = talk->moment;

	if (!(call->note[0] & SEEN_OUTPUT)) {
		talk_forget(talk, call, true);
		return;
	}
	talk->moment.last_ns = call->note[1] ? call->note[1] : call->first_ns;
	talk_answer(talk, call);
	talk->moment = now;
}

static void fastcgi_message(struct talk *talk, enum side side, struct slice b,
			    const struct frame *f)
{
	struct record rec;
	struct call *call;
	struct slice body;

	(void)f;
	if (read_head(b, side, &rec) != CUT_OK)
		return;
	body = (struct slice){b.p + HEADER, b.n - HEADER};
	call = talk_asked(talk, key_of(&rec));
	if (rec.type == BEGIN_REQUEST) {
		if (call)
			ended_unseen(talk, call);
		talk_ask(talk, key_of(&rec));
		return;
	}
	if (!call)
		return;
	if (rec.type == PARAMS && rec.length)
		params(call, body);
	else if (rec.type == STDOUT)
		output(talk, call, &rec, body);
	else if (rec.type == END_REQUEST)
		ended(talk, call, body);
	else if (rec.type == ABORT_REQUEST)
		call->error = EXCHANGE_CANCELLED;
}

/* A long answer is read in larger pieces than are captured: its status was seen, its end may be. */
static void fastcgi_lost(struct talk *talk, enum side side)
{
	struct call *call = talk->calls.first, *next;

	for (; call; call = next) {
		next = call->next;
		if (side == FROM_CLIENT || !(call->note[0] & SEEN_OUTPUT))
			talk_forget(talk, call, true);
	}
}

/*
 * END_REQUEST is all that stands at the end of an answer, unpadded: the call that ends with b, of
 * which *n bytes are of that record, as much as this system call got of it. NULL: none.
 */
static struct call *ending(const struct talk *talk, struct slice b, size_t *n)
{
	struct record rec;

	for (*n = END_SIZE; *n >= HEADER; (*n)--) {
		struct slice end = {b.p + b.n - *n, *n};

		if (b.n >= *n && read_head(end, FROM_SERVER, &rec) == CUT_OK &&
		    rec.type == END_REQUEST && rec.length == END_SIZE - HEADER && !rec.padding)
			return talk_asked(talk, key_of(&rec));
	}
	return NULL;
}

static bool fastcgi_tail(struct talk *talk, enum side side, struct slice b)
{
	struct call *call;
	size_t n;

	if (side != FROM_SERVER)
		return false;
	for (call = talk->calls.first; call; call = call->next)
		call->note[1] = talk->moment.last_ns;
	call = ending(talk, b, &n);
	if (!call)
		return false;
	ended(talk, call, (struct slice){b.p + b.n - n + HEADER, n - HEADER});
	return n == END_SIZE;
}

const struct parser fastcgi_parser = {
	.name = "fastcgi",
	.protocol = PROTOCOL_FASTCGI,
	.kind = EXCHANGE_HTTP,
	.transports = OVER_TCP,
	.ports = {9000},
	.capture = KH_SEGMENT_CALL,
	.detect = fastcgi_detect,
	.frame = fastcgi_frame,
	.message = fastcgi_message,
	.lost = fastcgi_lost,
	.tail = fastcgi_tail,
};
