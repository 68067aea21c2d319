/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers: what the fields of header blocks, and bodies, say of them. */
#include "http2.h"

#include "grpc.h"
#include "http1.h"
#include "reader.h"

/* call->note[0]; note[1]: bytes of the request's first message, if it is gRPC */
enum note {
	NOTE_FIELDS = 1,           /* the request has fields that only requests have */
	NOTE_UNKNOWN = 2,          /* it has unknown ones */
	NOTE_TYPE = 4,             /* its content-type is known, or the answer's */
	NOTE_WEB = 8,              /* gRPC-Web */
	NOTE_BODY = 16,            /* a body has begun */
	NOTE_MESSAGE = 32,         /* … as a message of gRPC does */
	NOTE_ANSWERED = 64,        /* the answer's fields have passed, but for trailers */
	NOTE_ANSWER_UNKNOWN = 128, /* it has unknown ones, or some were missing */
	NOTE_TRAILERS = 256,       /* it ended with fields */
	NOTE_CODE = 512,           /* gRPC's status is known */
	NOTE_MISSED = 1024,        /* how its body begins was not seen */
	NOTE_BODY_ENDS = 2048,     /* the answer ended with its body */
	NOTE_ASK_ENDS = 4096,      /* so did the request */
};

enum form {
	FORM_HTTP,
	FORM_GRPC,
	FORM_UNKNOWN, /* one of these */
};

#define LENGTH_AT 16 /* in note[0], above those: the answer's declared length, and 1 */

struct telling {
	struct talk *talk;
	struct http2_side *side;
	struct call *call;
};

/* The newest is asked for most. */
static struct call *asked_on(const struct talk *talk, uint32_t stream)
{
	struct call *last = talk->calls.last;

	return last && last->key == stream ? last : talk_asked(talk, stream);
}

/* ---- requests ---- */

/* A content-type decides; the request's before the answer's. */
static void type_known(struct call *call, struct slice type)
{
	if (call->note[0] & NOTE_TYPE)
		return;
	call->note[0] |= NOTE_TYPE;
	if (!grpc_is(type))
		return;
	call->kind = EXCHANGE_RPC;
	call->protocol = PROTOCOL_GRPC;
	if (grpc_is_web(type))
		call->note[0] |= NOTE_WEB;
}

static void set_target(struct call *call, const struct hpack_value *value)
{
	struct slice path = value->text;

	call->target_cut = value->cut || path.n > HTTP2_TARGET_MAX;
	if (path.n > HTTP2_TARGET_MAX)
		path.n = HTTP2_TARGET_MAX;
	call_set(call, CALL_TARGET, path);
}

static void asked(struct call *call, const struct hpack_value *value)
{
	if (value->field <= HPACK_STATUS)
		call->note[0] |= NOTE_FIELDS;
	if (!value->known)
		call->note[0] |= NOTE_UNKNOWN;
	else if (value->field == HPACK_METHOD)
		call->method = (uint8_t)http1_method(value->text);
	else if (value->field == HPACK_PATH)
		set_target(call, value);
	else if (value->cut)
		return; /* half a name would be another name */
	else if (value->field == HPACK_AUTHORITY ||
		 (value->field == HPACK_HOST && !call_text(call, CALL_HOST).n))
		call_set(call, CALL_HOST, value->text);
	else if (value->field == HPACK_CONTENT_TYPE)
		type_known(call, value->text);
	else if (value->field == HPACK_TRACEPARENT)
		call_set(call, CALL_TRACEPARENT, value->text);
	else if (value->field == HPACK_TRACESTATE)
		call_set(call, CALL_TRACESTATE, value->text);
}

/* gRPC's method stands where the target was. */
static void name_method(struct call *call)
{
	struct slice target = call_text(call, CALL_TARGET);
	struct slice method = grpc_method(target);

	if (call->target_cut || !method.n) {
		call->n[CALL_TARGET] = 0;
		call_set(call, CALL_OPERATION, slice_of("_OTHER"));
	} else {
		call->at[CALL_OPERATION] = (uint16_t)(method.p - call->text);
		call->n[CALL_OPERATION] = (uint16_t)method.n;
		call->n[CALL_TARGET] = 0;
	}
	call->target_cut = false;
}

static bool may_only_be_http(const struct call *call)
{
	return call->note[0] & NOTE_TYPE || !(call->note[0] & NOTE_UNKNOWN) ||
	       (call->method != HTTP_POST && call->method != HTTP_OTHER);
}

static void request_ends(struct talk *talk, const struct http2_side *side, struct call *call)
{
	if (side->block_ends_stream)
		call->note[0] |= NOTE_ASK_ENDS;
	if (!(call->note[0] & (NOTE_FIELDS | NOTE_UNKNOWN)))
		talk_forget(talk, call, false); /* a trailer of a request before we came */
	else if (call->kind == EXCHANGE_RPC)
		name_method(call);
	else
		call->doubted = !may_only_be_http(call);
}

/* ---- answers ---- */

static uint16_t status_of(struct slice s)
{
	uint16_t status = 0;

	if (s.n != 3)
		return 0;
	for (size_t i = 0; i < 3; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
		status = (uint16_t)(status * 10 + s.p[i] - '0');
	}
	return status >= 100 && status < 600 ? status : 0;
}

static void length_known(struct call *call, struct slice text)
{
	uint64_t length = 0;

	for (size_t i = 0; i < text.n && i < 14; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return;
		length = length * 10 + (uint64_t)(text.p[i] - '0');
	}
	if (text.n && text.n < 14) /* fits the bits that there are */
		call->note[0] |= (length + 1) << LENGTH_AT;
}

static void answered(struct http2_side *side, struct call *call, const struct hpack_value *value)
{
	if (!value->known) {
		call->note[0] |= NOTE_ANSWER_UNKNOWN;
	} else if (value->field == HPACK_STATUS) {
		side->block_status = status_of(value->text);
	} else if (value->field == HPACK_GRPC_STATUS) {
		call_set(call, CALL_CODE, grpc_status(value->text));
		call->note[0] |= NOTE_CODE;
	} else if (value->field == HPACK_CONTENT_LENGTH && !(call->note[0] >> LENGTH_AT)) {
		length_known(call, value->text);
	} else if (value->field == HPACK_CONTENT_TYPE && !value->cut &&
		   call->note[0] & NOTE_UNKNOWN) {
		type_known(call, value->text);
	}
}

/*
 * Fields that were told before we came are unknown, and with them, what the content is. Then its
 * form may tell: gRPC is a POST whose body begins with the length of a message that it has, and
 * ends with fields. An exchange of which not even that is known is not told.
 */
static enum form form_of(const struct call *call)
{
	uint64_t note = call->note[0];

	if (call->kind == EXCHANGE_RPC || note & NOTE_CODE)
		return FORM_GRPC;
	if (may_only_be_http(call) || note & NOTE_BODY_ENDS)
		return FORM_HTTP;
	if (!(note & NOTE_BODY))
		return note & NOTE_ASK_ENDS && !(note & NOTE_MISSED) ? FORM_HTTP : FORM_UNKNOWN;
	if (!(note & NOTE_MESSAGE))
		return FORM_HTTP;
	if (note & NOTE_TRAILERS && !(note & NOTE_ANSWER_UNKNOWN))
		return FORM_HTTP;
	if (note & NOTE_TRAILERS && call->note[1] <= call->req_body &&
	    (!call->status || call->status == 200))
		return FORM_GRPC;
	return FORM_UNKNOWN;
}

/* The status, if there is none to be seen: only where nothing was missed can it be missing. */
static void set_code(struct call *call)
{
	if (call->note[0] & (NOTE_CODE | NOTE_ANSWER_UNKNOWN) || !call->status)
		return;
	if (call->note[0] & NOTE_WEB && call->status == 200)
		return;
	call_set(call, CALL_CODE, grpc_status_of_http(call->status));
}

/* Of a body of which some was missed, what was declared stands for what was counted. */
static void count_body(struct call *call)
{
	uint64_t length = call->note[0] >> LENGTH_AT;

	if (length-- > call->resp_body && call->note[0] & NOTE_BODY_ENDS)
		call->resp_body = length;
}

static void finish(struct talk *talk, struct call *call)
{
	enum form form = form_of(call);
	struct slice code;

	count_body(call);
	if (form == FORM_UNKNOWN) {
		talk_forget(talk, call, true);
		return;
	}
	if (form == FORM_GRPC) {
		call->kind = EXCHANGE_RPC;
		call->protocol = PROTOCOL_GRPC;
		if (!call->n[CALL_OPERATION])
			name_method(call);
		set_code(call);
		code = call_text(call, CALL_CODE);
		call->failed = code.n && !slice_is(code, "OK");
		/* a method that there is not is anybody's invention */
		if (slice_is(code, "UNIMPLEMENTED"))
			call_set(call, CALL_OPERATION, slice_of("_OTHER"));
	}
	talk_answer(talk, call);
}

static void answer_block_ends(struct talk *talk, struct http2_side *side, struct call *call)
{
	uint16_t status = side->block_status;

	if (status >= 100 && status < 200 && !side->block_ends_stream)
		return; /* another block follows (RFC 9113 section 8.1) */
	talk_answer_begins(talk, call);
	if (status)
		call->status = status;
	else if (!(call->note[0] & NOTE_ANSWERED))
		call->note[0] |= NOTE_ANSWER_UNKNOWN;
	call->note[0] |= NOTE_ANSWERED;
	call->doubted = form_of(call) == FORM_UNKNOWN;
	if (!side->block_ends_stream)
		return;
	call->note[0] |= NOTE_TRAILERS;
	finish(talk, call);
}

/* ---- header blocks ---- */

static void told(void *arg, const struct hpack_value *value)
{
	struct telling *t = arg;

	if (!t->call || value->field == HPACK_OTHER)
		return;
	if (t->side->block_use == HTTP2_USE_ASK)
		asked(t->call, value);
	else if (t->side->block_use == HTTP2_USE_ANSWER)
		answered(t->side, t->call, value);
}

/* A client opens streams with odd ids that grow; one that it used before gets a trailer. */
static enum http2_use use_of(struct talk *talk, enum side from, const struct http2_head *head)
{
	struct http2_side *side = &http2_of(talk)->side[from];

	if (head->type != HTTP2_HEADERS)
		return HTTP2_USE_NONE;
	if (from == FROM_SERVER)
		return asked_on(talk, head->stream) ? HTTP2_USE_ANSWER : HTTP2_USE_NONE;
	if (head->stream <= side->last)
		return HTTP2_USE_NONE;
	side->last = head->stream;
	return HTTP2_USE_ASK;
}

void http2_block(struct talk *talk, enum side from, const struct http2_head *head)
{
	struct http2_side *side = &http2_of(talk)->side[from];

	side->block = head->stream;
	side->block_bytes = 0;
	side->block_status = 0;
	side->block_dead = false;
	side->block_ends_stream = head->type == HTTP2_HEADERS && head->flags & HTTP2_END_STREAM;
	side->block_use = use_of(talk, from, head);
	if (side->block_use == HTTP2_USE_ASK)
		talk_ask(talk, head->stream);
}

static void block_ends(struct talk *talk, struct http2_side *side, struct call *call)
{
	side->block = 0;
	side->block_bytes = 0;
	if (!call)
		return;
	if (side->block_use == HTTP2_USE_ASK)
		request_ends(talk, side, call);
	else if (side->block_use == HTTP2_USE_ANSWER)
		answer_block_ends(talk, side, call);
}

void http2_fragment(struct talk *talk, enum side from, struct slice b, bool whole, bool ends)
{
	struct http2_side *side = &http2_of(talk)->side[from];
	struct telling t = {talk, side, asked_on(talk, side->block)};

	if (!side->block)
		return;
	if (!side->block_dead) {
		bool read = hpack_read(&side->hpack, b, ends && whole, told, &t);

		if (!read || !whole) {
			hpack_forget(&side->hpack);
			side->block_dead = true;
		}
	}
	if (side->block_dead && t.call)
		t.call->note[0] |= from == FROM_CLIENT ? NOTE_UNKNOWN : NOTE_ANSWER_UNKNOWN;
	if (ends)
		block_ends(talk, side, t.call);
}

/* ---- bodies, and other ends ---- */

static void note_message(struct call *call, struct slice first)
{
	struct reader r = reader_of(first);
	uint8_t compressed = reader_u8(&r);
	uint32_t length = reader_be32(&r);

	call->note[0] |= r.bad ? NOTE_MISSED : NOTE_BODY;
	if (r.bad || compressed > 1)
		return;
	call->note[0] |= NOTE_MESSAGE;
	call->note[1] = GRPC_PREFIX + (uint64_t)length;
}

void http2_data(struct talk *talk, enum side from, const struct http2_head *head,
		struct slice first, uint32_t n)
{
	struct call *call = asked_on(talk, head->stream);

	if (!call)
		return;
	if (from == FROM_CLIENT) {
		call->req_body += n;
		if (head->flags & HTTP2_END_STREAM)
			call->note[0] |= NOTE_ASK_ENDS;
		if (n && !(call->note[0] & (NOTE_BODY | NOTE_MISSED)))
			note_message(call, first);
		return;
	}
	call->resp_body += n;
	talk_answer_begins(talk, call);
	call->doubted = form_of(call) == FORM_UNKNOWN;
	if (!(head->flags & HTTP2_END_STREAM))
		return;
	call->note[0] |= NOTE_BODY_ENDS;
	finish(talk, call);
}

void http2_reset(struct talk *talk, enum side from, uint32_t stream, uint32_t code)
{
	struct call *call = asked_on(talk, stream);

	if (!call)
		return;
	call->error = from == FROM_CLIENT ? EXCHANGE_CANCELLED : EXCHANGE_RESET;
	if (call->kind == EXCHANGE_RPC && !(call->note[0] & NOTE_CODE)) {
		call_set(call, CALL_CODE, grpc_status_of_reset(code));
		call->note[0] |= NOTE_CODE;
	}
	finish(talk, call);
}

/* Streams above were not, and will not be, looked at: the client asks again elsewhere. */
void http2_goaway(struct talk *talk, uint32_t last)
{
	struct call *call = talk->calls.first;

	while (call) {
		struct call *next = call->next;

		if (call->key > last)
			talk_forget(talk, call, true);
		call = next;
	}
}

/* Do `passed` bytes hold the last `rest` of a body, and nothing else but the heads of its frames?
 */
static bool is_rest(uint64_t passed, uint64_t rest)
{
	uint64_t heads = passed - rest;

	return passed > rest && heads % HTTP2_HEAD == 0 && heads / HTTP2_HEAD <= 1 + rest / 256;
}

/* Bytes up to `seq` are counted with those unread before, as long as one and the same is awaited.
 */
static void count_unread(struct talk *talk, struct http2_side *side, uint32_t seq)
{
	struct call *call = talk->calls.n == 1 ? talk->calls.first : NULL;

	if (!call || side->awaited != call->key) {
		side->awaited = call ? (uint32_t)call->key : 0;
		side->unread = 0;
	}
	side->unread += seq - side->next_seq;
	side->next_seq = seq;
}

void http2_found(struct talk *talk, enum side from, uint32_t seq)
{
	struct http2_side *side = &http2_of(talk)->side[from];

	if (side->missing)
		count_unread(talk, side, seq);
	side->missing = false;
}

bool http2_length_tells(struct talk *talk, uint32_t seq)
{
	struct http2_side *side = &http2_of(talk)->side[FROM_SERVER];
	struct call *call;
	uint64_t length;

	count_unread(talk, side, seq);
	if (!side->awaited)
		return false;
	call = talk->calls.first;
	length = call->note[0] >> LENGTH_AT;
	if (!length-- || length <= call->resp_body ||
	    !is_rest(side->unread, length - call->resp_body))
		return false;
	call->note[0] |= NOTE_BODY_ENDS;
	finish(talk, call);
	return true;
}

/*
 * Answers may have ended in what is missing, and nobody can tell which. Those of whom more comes
 * did not.
 */
void http2_gap(struct talk *talk, enum side from)
{
	struct http2_side *side = &http2_of(talk)->side[from];

	hpack_forget(&side->hpack);
	side->block = 0;
	side->block_bytes = 0;
	side->left = 0;
	side->padding = 0;
	side->steps = 0;
	side->missing = true;
	for (struct call *call = talk->calls.first; call; call = call->next) {
		call->note[0] |= from == FROM_SERVER ? NOTE_ANSWER_UNKNOWN : NOTE_MISSED;
		call->doubted |= from == FROM_SERVER;
	}
}
