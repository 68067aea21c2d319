/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS (RFC 1035) over UDP and TCP. A lookup is matched by its id and its question, so that an
 * answer to another question is none. A server that says nothing for DNS_PATIENCE_NS has not
 * answered: that is told as a timeout. mDNS and LLMNR, which speak the same language to everybody,
 * are left out by their ports.
 *
 * The extended rcodes of EDNS (RFC 6891) are not read: BADVERS and the like show as NOERROR.
 */
#include <ctype.h>
#include <stdio.h>

#include "parsers.h"
#include "reader.h"

#define DNS_PATIENCE_NS                                                                            \
	(5ull * 1000000000ull) /* as long as resolvers wait before they try again                  \
				*/
#define HEADER 12
#define NAME_MAX_TEXT 253 /* characters of a name, dots included (RFC 1035 section 2.3.4) */
#define LABEL_MAX 63

struct question {
	uint16_t id, type;
	bool answer;
	uint8_t opcode, rcode;
	uint16_t counts[3]; /* of answers, authorities and additional records */
	size_t size;        /* header and question */
	char name[NAME_MAX_TEXT + 1];
	size_t name_n;
	bool cut; /* there may be more of it */
};

static const char *const rcodes[] = {
	"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
	"YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE", "DSOTYPENI",
};
static const char *const opcodes[] = {"QUERY", "IQUERY", "STATUS", "", "NOTIFY", "UPDATE"};

static const struct {
	uint16_t number;
	const char *name;
} types[] = {
	{1, "A"},      {28, "AAAA"},   {5, "CNAME"},  {15, "MX"},    {16, "TXT"},   {33, "SRV"},
	{12, "PTR"},   {2, "NS"},      {6, "SOA"},    {65, "HTTPS"}, {64, "SVCB"},  {255, "ANY"},
	{43, "DS"},    {48, "DNSKEY"}, {46, "RRSIG"}, {47, "NSEC"},  {257, "CAA"},  {35, "NAPTR"},
	{252, "AXFR"}, {251, "IXFR"},  {52, "TLSA"},  {13, "HINFO"}, {50, "NSEC3"}, {99, "SPF"},
};

/* A name in lower case, with what is not printable as '?'. A question has no pointers. */
static bool read_name(struct reader *r, struct question *q)
{
	for (;;) {
		uint8_t n = reader_u8(r);
		struct slice label = reader_text(r, n);

		if (r->bad || n > LABEL_MAX)
			return false;
		if (n == 0)
			return true;
		if (q->name_n + n + 1 > NAME_MAX_TEXT)
			return false;
		if (q->name_n)
			q->name[q->name_n++] = '.';
		for (size_t i = 0; i < n; i++) {
			unsigned char c = (unsigned char)label.p[i];

			q->name[q->name_n++] = (char)(isgraph(c) ? tolower(c) : '?');
		}
	}
}

/* IN, CH, HS, NONE and ANY (RFC 6895 section 3.2). */
static bool is_class(uint16_t class)
{
	return class == 1 || class == 3 || class == 4 || class == 254 || class == 255;
}

/* The header and the question. False: this is no DNS message with one question. */
static bool read_question(struct slice b, struct question *q)
{
	struct reader r = reader_of(b);
	uint16_t flags, questions;

	*q = (struct question){.id = reader_be16(&r)};
	flags = reader_be16(&r);
	questions = reader_be16(&r);
	for (unsigned int i = 0; i < 3; i++)
		q->counts[i] = reader_be16(&r);
	q->answer = flags >> 15;
	q->opcode = flags >> 11 & 15;
	q->rcode = flags & 15;
	/* the bit that must be zero; kinds of queries that exist */
	q->cut = r.bad;
	if (r.bad || questions != 1 || q->opcode > 5 || q->opcode == 3 || (flags & 0x40))
		return false;
	if (!read_name(&r, q)) {
		q->cut = r.bad;
		return false;
	}
	q->type = reader_be16(&r);
	q->cut = r.n < 2;
	q->size = b.n - r.n + 2;
	return is_class(reader_be16(&r)) && q->type && !r.bad;
}

/* A query that nothing but a resolver would write: complete, and with at most what EDNS adds. */
static bool is_plain_query(struct slice b, const struct question *q)
{
	return !q->answer && !q->rcode && !q->counts[0] && !q->counts[1] && q->counts[2] <= 1 &&
	       (q->counts[2] ? b.n > q->size : b.n == q->size);
}

static uint64_t key_of(const struct question *q)
{
	uint64_t hash = q->type + 1469598103934665603ull;

	for (size_t i = 0; i < q->name_n; i++)
		hash = (hash ^ (unsigned char)q->name[i]) * 1099511628211ull;
	return (uint64_t)(q->id + 1u) << 32 | (uint32_t)(hash ^ hash >> 32);
}

static bool is_multicast(const struct sight *sight)
{
	for (unsigned int i = 0; i < SIDES; i++)
		if (sight->port[i] == 5353 || sight->port[i] == 5355)
			return true;
	return false;
}

/* Over TCP each message follows its length. */
static struct slice message_of(enum transport transport, struct slice b)
{
	size_t skip = transport == OVER_TCP ? 2 : 0;

	return b.n > skip ? (struct slice){b.p + skip, b.n - skip} : (struct slice){"", 0};
}

/* Answers over TCP may come in another order than the questions. */
static bool was_asked(const struct sight *sight, const struct question *answer)
{
	struct slice b = sight->from[FROM_CLIENT];
	struct question q;

	if (sight->transport == OVER_UDP)
		return read_question(b, &q) && key_of(&q) == key_of(answer);
	while (b.n > 2) {
		struct slice m = message_of(OVER_TCP, b);
		size_t size = 2 + ((size_t)(unsigned char)b.p[0] << 8 | (unsigned char)b.p[1]);

		if (!read_question(m, &q) || q.answer || size > b.n)
			return false;
		if (key_of(&q) == key_of(answer))
			return true;
		b.p += size;
		b.n -= size;
	}
	return false;
}

static enum guess dns_detect(const struct sight *sight)
{
	struct slice asked = message_of(sight->transport, sight->from[FROM_CLIENT]);
	struct slice told = message_of(sight->transport, sight->from[FROM_SERVER]);
	struct question q, a;

	if (is_multicast(sight))
		return GUESS_NO;
	if (!sight->from[FROM_CLIENT].n)
		return GUESS_MORE; /* whose question was not seen */
	if (!read_question(asked, &q))
		return q.cut && sight->transport == OVER_TCP ? GUESS_MORE : GUESS_NO;
	if (q.answer)
		return GUESS_NO;
	if (sight->port[FROM_SERVER] == 53 && sight->transport == OVER_UDP &&
	    is_plain_query(asked, &q))
		return GUESS_YES;
	if (!told.n)
		return GUESS_MORE;
	if (!read_question(told, &a))
		return a.cut && sight->transport == OVER_TCP ? GUESS_MORE : GUESS_NO;
	return a.answer && was_asked(sight, &a) ? GUESS_YES : GUESS_NO;
}

static enum cut dns_frame(const struct talk *talk, enum side side, struct slice b, struct frame *f)
{
	(void)side;
	f->size = b.n; /* a datagram is a message */
	if (talk->transport == OVER_TCP) {
		struct reader r = reader_of(b);
		uint16_t n = reader_be16(&r);

		if (r.bad)
			return CUT_MORE;
		if (n < HEADER)
			return CUT_NOT;
		f->size = n + 2u;
	}
	f->want = f->size < PARSER_WANT_MAX ? (uint32_t)f->size : PARSER_WANT_MAX;
	return CUT_OK;
}

static void set_type(struct call *call, const struct question *q)
{
	char text[16];

	if (q->opcode) {
		call_set(call, CALL_OPERATION, slice_of(opcodes[q->opcode]));
		return;
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (types[i].number == q->type) {
			call_set(call, CALL_OPERATION, slice_of(types[i].name));
			return;
		}
	}
	snprintf(text, sizeof(text), "TYPE%u", q->type); /* RFC 3597 section 5 */
	call_set(call, CALL_OPERATION, slice_of(text));
}

static void ask(struct talk *talk, const struct question *q)
{
	struct call *call;

	if (talk_asked(talk, key_of(q)))
		return; /* the same once more */
	call = talk_ask(talk, key_of(q));
	set_type(call, q);
	call_set(call, CALL_COLLECTION, (struct slice){q->name, q->name_n});
}

static void dns_message(struct talk *talk, enum side side, struct slice b, const struct frame *f)
{
	struct question q;
	struct call *call;

	(void)f;
	if (!read_question(message_of(talk->transport, b), &q))
		return;
	if (side == FROM_CLIENT && !q.answer) {
		ask(talk, &q);
		return;
	}
	call = side == FROM_SERVER && q.answer ? talk_asked(talk, key_of(&q)) : NULL;
	if (!call)
		return;
	call->failed = q.rcode != 0;
	if (q.rcode < sizeof(rcodes) / sizeof(*rcodes))
		call_set(call, CALL_CODE, slice_of(rcodes[q.rcode]));
	talk_answer(talk, call);
}

/* Each message stands for itself. */
static void dns_lost(struct talk *talk, enum side side)
{
	(void)talk;
	(void)side;
}

const struct parser dns_parser = {
	.name = "dns",
	.protocol = PROTOCOL_DNS,
	.kind = EXCHANGE_DNS,
	.transports = OVER_UDP | OVER_TCP,
	.ports = {53},
	.capture = 4096,
	.patience_ns = DNS_PATIENCE_NS,
	.detect = dns_detect,
	.frame = dns_frame,
	.message = dns_message,
	.lost = dns_lost,
};
