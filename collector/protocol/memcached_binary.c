/* SPDX-License-Identifier: Apache-2.0 */
/* The binary protocol of memcached, which Couchbase extends: a header of 24 bytes each. */
#include "memcached.h"
#include "reader.h"

#define REQUEST 0x80
#define ANSWER 0x81
#define FRAMED_REQUEST 0x08 /* Couchbase: with extras of the frame */
#define FRAMED_ANSWER 0x18

#define OPCODE_STAT 0x10

/* By opcode. Quiet ones are what the loud ones are. */
static const struct {
	char name[12];
	bool quiet;
} opcodes[] = {
	[0x00] = {"get", false},       [0x01] = {"set", false},       [0x02] = {"add", false},
	[0x03] = {"replace", false},   [0x04] = {"delete", false},    [0x05] = {"incr", false},
	[0x06] = {"decr", false},      [0x07] = {"quit", false},      [0x08] = {"flush_all", false},
	[0x09] = {"get", true},        [0x0a] = {"noop", false},      [0x0b] = {"version", false},
	[0x0c] = {"get", false},       [0x0d] = {"get", true},        [0x0e] = {"append", false},
	[0x0f] = {"prepend", false},   [0x10] = {"stats", false},     [0x11] = {"set", true},
	[0x12] = {"add", true},        [0x13] = {"replace", true},    [0x14] = {"delete", true},
	[0x15] = {"incr", true},       [0x16] = {"decr", true},       [0x17] = {"quit", true},
	[0x18] = {"flush_all", true},  [0x19] = {"append", true},     [0x1a] = {"prepend", true},
	[0x1b] = {"verbosity", false}, [0x1c] = {"touch", false},     [0x1d] = {"gat", false},
	[0x1e] = {"gat", true},        [0x20] = {"sasl_list", false}, [0x21] = {"sasl_auth", false},
	[0x22] = {"sasl_step", false}, [0x23] = {"gat", false},       [0x24] = {"gat", true},
};
#define OPCODES (sizeof(opcodes) / sizeof(*opcodes))

enum status {
	STATUS_OK = 0x00,
	STATUS_NOT_FOUND = 0x01,
	STATUS_EXISTS = 0x02,
	STATUS_NOT_STORED = 0x05,
	STATUS_AUTH_CONTINUES = 0x21,
};

struct header {
	uint8_t magic, opcode, extras, type;
	uint16_t key, status; /* of a request: its partition */
	uint32_t body, opaque;
};

/* Couchbase's framed ones have two bytes of length where the others have the key's. */
static bool read_header(struct slice b, struct header *h)
{
	struct reader r = reader_of(b);

	h->magic = reader_u8(&r);
	h->opcode = reader_u8(&r);
	h->key = reader_be16(&r);
	h->extras = reader_u8(&r);
	h->type = reader_u8(&r);
	h->status = reader_be16(&r);
	h->body = reader_be32(&r);
	h->opaque = reader_be32(&r);
	reader_skip(&r, 8);
	return !r.bad;
}

static bool magic_fits(enum side from, uint8_t magic)
{
	return from == FROM_CLIENT ? magic == REQUEST || magic == FRAMED_REQUEST
				   : magic == ANSWER || magic == FRAMED_ANSWER;
}

static bool header_fits(enum side from, const struct header *h)
{
	uint32_t key = h->magic == FRAMED_REQUEST || h->magic == FRAMED_ANSWER
			       ? (uint32_t)(h->key >> 8) + (h->key & 0xff)
			       : h->key;

	return magic_fits(from, h->magic) && key + h->extras <= h->body &&
	       h->body <= MEMCACHED_VALUE_MAX;
}

enum cut memcached_binary_frame(enum side from, struct slice b, struct frame *f)
{
	struct header h;

	if (!magic_fits(from, (uint8_t)b.p[0]))
		return CUT_NOT;
	if (!read_header(b, &h))
		return CUT_MORE;
	if (!header_fits(from, &h))
		return CUT_NOT;
	f->size = MEMCACHED_HEADER + (uint64_t)h.body;
	f->want = MEMCACHED_HEADER;
	return CUT_OK;
}

/* Many clients leave the opaque value at 0: the opcode makes the best of it. */
static uint64_t key_of(const struct header *h)
{
	return 1ull << 63 | (uint64_t)h->opcode << 32 | h->opaque;
}

static void request(struct talk *talk, const struct header *h)
{
	const char *name = h->opcode < OPCODES ? opcodes[h->opcode].name : "";
	struct call *call = memcached_ask(talk, key_of(h), slice_of(name));

	if (h->opcode < OPCODES && opcodes[h->opcode].quiet)
		call->note[1] |= MEMCACHED_QUIET;
}

/* Answers come in order: what is quiet and older has none. */
static void settle_quiet(struct talk *talk, const struct call *answered)
{
	struct call *call = talk->calls.first, *next;

	for (; call && call != answered; call = next) {
		next = call->next;
		if (call->note[1] & MEMCACHED_QUIET)
			memcached_tell(talk, call);
	}
}

static void set_code(struct call *call, uint16_t status)
{
	char text[8], *p = text + sizeof(text);

	call->failed = true;
	for (; status; status /= 10)
		*--p = (char)('0' + status % 10);
	call_set(call, CALL_CODE, (struct slice){p, (size_t)(text + sizeof(text) - p)});
}

static bool is_failure(uint16_t status)
{
	return status != STATUS_OK && status != STATUS_NOT_FOUND && status != STATUS_EXISTS &&
	       status != STATUS_NOT_STORED && status != STATUS_AUTH_CONTINUES;
}

static void answer(struct talk *talk, const struct header *h)
{
	struct memcached *s = talk->state;
	struct call *call = talk_asked(talk, key_of(h));

	s->heard = true;
	if (!call)
		return;
	settle_quiet(talk, call);
	talk_answer_begins(talk, call);
	if (is_failure(h->status))
		set_code(call, h->status);
	else if (h->opcode == OPCODE_STAT && h->body) /* the last one is empty */
		return;
	memcached_tell(talk, call);
}

void memcached_binary_message(struct talk *talk, enum side from, struct slice b)
{
	struct header h;

	if (!read_header(b, &h))
		return;
	if (from == FROM_CLIENT)
		request(talk, &h);
	else
		answer(talk, &h);
}

/* ---- detection ---- */

/* The next request that is at hand; false: none, or what is there is none. */
static bool next_header(struct slice *b, enum side from, struct header *h)
{
	struct frame f;

	if (b->n == 0 || memcached_binary_frame(from, *b, &f) != CUT_OK || !read_header(*b, h))
		return false;
	if (h->type != 0 && h->magic == REQUEST) /* reserved; Couchbase: kinds of values */
		return false;
	f.size = f.size < b->n ? f.size : b->n;
	*b = (struct slice){b->p + f.size, b->n - (size_t)f.size};
	return true;
}

enum guess memcached_binary_detect(const struct sight *sight)
{
	struct slice client = sight->from[FROM_CLIENT], server = sight->from[FROM_SERVER];
	struct header asked, answered;
	struct frame f;

	if (memcached_binary_frame(FROM_CLIENT, client, &f) == CUT_NOT)
		return GUESS_NO;
	if (server.n == 0 || client.n < MEMCACHED_HEADER)
		return GUESS_MORE;
	if (!next_header(&server, FROM_SERVER, &answered))
		return server.n < MEMCACHED_HEADER && (uint8_t)server.p[0] == ANSWER ? GUESS_MORE
										     : GUESS_NO;
	while (next_header(&client, FROM_CLIENT, &asked)) {
		if (asked.opcode == answered.opcode && asked.opaque == answered.opaque)
			return GUESS_YES;
	}
	return sight->start ? GUESS_NO : GUESS_MORE;
}
