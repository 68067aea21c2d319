/* SPDX-License-Identifier: Apache-2.0 */
/* MongoDB's messages: who they are, what they ask, how they end. */
#include "mongodb.h"

#define FLAG_CHECKSUM 0x1u
#define FLAG_MORE_TO_COME 0x2u
#define FLAGS_REQUIRED 0xffffu /* unknown ones among these are an error */
#define REPLY_QUERY_FAILED 0x2u
#define FIRST_ERRORS 16 /* elements of writeErrors that are looked at: the first one tells */

bool mongodb_header(struct slice b, struct mongodb_header *header)
{
	struct reader r = reader_of(b);

	header->size = reader_le32(&r);
	header->id = reader_le32(&r);
	header->to = reader_le32(&r);
	header->opcode = reader_le32(&r);
	return !r.bad;
}

/* ---- frames ---- */

static bool opcode_fits(enum side from, uint32_t opcode)
{
	switch (opcode) {
	case MONGODB_OP_MSG:
	case MONGODB_OP_COMPRESSED:
		return true;
	case MONGODB_OP_REPLY:
		return from == FROM_SERVER;
	case MONGODB_OP_UPDATE:
	case MONGODB_OP_INSERT:
	case MONGODB_OP_QUERY:
	case MONGODB_OP_GET_MORE:
	case MONGODB_OP_DELETE:
	case MONGODB_OP_KILL_CURSORS:
		return from == FROM_CLIENT;
	default:
		return false;
	}
}

enum cut mongodb_frame(enum side from, struct slice b, struct frame *f)
{
	struct mongodb_header h;
	struct reader r;
	uint32_t flags;

	if (!mongodb_header(b, &h))
		return CUT_MORE;
	if (h.size <= MONGODB_HEADER || h.size > MONGODB_MESSAGE_MAX ||
	    !opcode_fits(from, h.opcode) || (from == FROM_CLIENT && h.to != 0))
		return CUT_NOT;
	r = (struct reader){(const unsigned char *)b.p + MONGODB_HEADER, b.n - MONGODB_HEADER,
			    false};
	flags = reader_le32(&r);
	if (h.opcode == MONGODB_OP_MSG && !r.bad &&
	    flags & FLAGS_REQUIRED & ~(FLAG_CHECKSUM | FLAG_MORE_TO_COME))
		return CUT_NOT;
	f->size = h.size;
	f->want = h.size < MONGODB_WANT ? h.size : MONGODB_WANT;
	return CUT_OK;
}

/* ---- the body of an OP_MSG ---- */

/* The section of kind 0: one document, the command or what became of it. */
static struct slice body_of(struct reader *r)
{
	while (r->n && !r->bad) {
		uint8_t kind = reader_u8(r);
		struct reader at = *r;
		uint32_t size = reader_le32(&at);

		if (kind == 0)
			return (struct slice){(const char *)r->p, r->n};
		if (kind != 1 || size < 4)
			break;
		reader_skip(r, size);
	}
	return (struct slice){"", 0};
}

static struct slice text_of(const struct bson_element *e)
{
	return e->type == BSON_STRING ? e->value : (struct slice){"", 0};
}

/* The first element names the command; the others are looked through for some that matter. */
static void read_command(struct slice document, struct mongodb_message *m)
{
	struct bson_element e;
	struct reader r;
	bool long_poll = false;

	if (!bson_open(document, &r) || !bson_next(&r, &e))
		return;
	m->command = mongodb_command(e.name);
	if (!m->command)
		return;
	if (m->command->flags & MONGODB_NAMES)
		m->collection = text_of(&e);
	while (bson_next(&r, &e)) {
		if (slice_is(e.name, "$db"))
			m->namespace = text_of(&e);
		else if (slice_is(e.name, "maxAwaitTimeMS"))
			long_poll = m->command->flags & MONGODB_HELLO;
		else if (slice_is(e.name, "maxTimeMS")) /* only where data is awaited */
			long_poll = m->command->flags & MONGODB_GET_MORE;
		else if (m->command->flags & MONGODB_GET_MORE && slice_is(e.name, "collection"))
			m->collection = text_of(&e);
	}
	m->waits = long_poll;
}

/* The code of the error that a document is, or the first of an array of them. */
static int64_t code_of(struct slice value, bool array)
{
	struct bson_element e;
	struct reader r;
	unsigned int n = 0;

	if (!bson_open(value, &r))
		return 0;
	while (n++ < FIRST_ERRORS && bson_next(&r, &e)) {
		if (array && e.type == BSON_DOCUMENT)
			return code_of(e.value, false);
		if (!array && slice_is(e.name, "code"))
			return bson_number(&e);
	}
	return 0;
}

static void read_outcome(struct slice document, struct mongodb_message *m)
{
	struct bson_element e;
	struct reader r;
	int64_t code = 0;

	if (!bson_open(document, &r))
		return;
	while (bson_next(&r, &e)) {
		if (slice_is(e.name, "ok")) {
			m->failed |= bson_number(&e) == 0;
		} else if (slice_is(e.name, "code")) {
			code = bson_number(&e);
		} else if (slice_is(e.name, "$err")) {
			m->failed = true;
		} else if (slice_is(e.name, "writeErrors") && e.type == BSON_ARRAY) {
			m->failed = true;
			m->code = code_of(e.value, true);
		} else if (slice_is(e.name, "writeConcernError") && e.type == BSON_DOCUMENT) {
			m->failed = true;
			m->code = m->code ? m->code : code_of(e.value, false);
		}
	}
	if (m->failed && !m->code)
		m->code = code;
}

/* ---- messages ---- */

/* "database.collection" */
static void read_full_name(struct slice full, struct mongodb_message *m)
{
	const char *dot = full.n ? memchr(full.p, '.', full.n) : NULL;

	if (!dot)
		return;
	m->namespace = (struct slice){full.p, (size_t)(dot - full.p)};
	m->collection = (struct slice){dot + 1, full.n - m->namespace.n - 1};
}

/* The opcodes that were there before OP_MSG. Servers since 5.1 know OP_QUERY only, as a hello. */
static void read_old_request(uint32_t opcode, struct reader *r, struct mongodb_message *m)
{
	static const struct {
		uint32_t opcode;
		char name[12];
	} names[] = {
		{MONGODB_OP_QUERY, "find"},    {MONGODB_OP_GET_MORE, "getMore"},
		{MONGODB_OP_UPDATE, "update"}, {MONGODB_OP_INSERT, "insert"},
		{MONGODB_OP_DELETE, "delete"}, {MONGODB_OP_KILL_CURSORS, "killCursors"},
	};
	struct slice name = m->namespace;

	reader_skip(r, 4); /* flags, or 0 */
	if (opcode != MONGODB_OP_KILL_CURSORS)
		read_full_name(reader_string(r), m);
	m->more_to_come = opcode != MONGODB_OP_QUERY && opcode != MONGODB_OP_GET_MORE;
	if (opcode == MONGODB_OP_QUERY && slice_is(m->collection, "$cmd")) {
		name = m->namespace;
		m->collection = (struct slice){"", 0};
		reader_skip(r, 8); /* skip and limit */
		read_command((struct slice){(const char *)r->p, r->n}, m);
		m->namespace = m->namespace.n ? m->namespace : name;
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i].opcode == opcode)
			m->command = mongodb_command(slice_of(names[i].name));
	}
}

/* An OP_COMPRESSED whose "compressor" is none is read as what it holds. */
static uint32_t unwrap(uint32_t opcode, struct reader *r)
{
	uint32_t inner;

	if (opcode != MONGODB_OP_COMPRESSED)
		return opcode;
	inner = reader_le32(r);
	reader_skip(r, 4);
	return reader_u8(r) == 0 && !r->bad ? inner : opcode;
}

void mongodb_request(struct slice b, struct mongodb_message *m)
{
	struct mongodb_header h;
	struct reader r = reader_of(b);
	uint32_t opcode, flags;

	*m = (struct mongodb_message){.collection = {"", 0}, .namespace = {"", 0}};
	if (!mongodb_header(b, &h))
		return;
	reader_skip(&r, MONGODB_HEADER);
	opcode = unwrap(h.opcode, &r);
	if (opcode == MONGODB_OP_MSG) {
		flags = reader_le32(&r);
		m->more_to_come = flags & FLAG_MORE_TO_COME;
		read_command(body_of(&r), m);
	} else if (opcode != MONGODB_OP_COMPRESSED) {
		read_old_request(opcode, &r, m);
	}
}

void mongodb_answer(struct slice b, struct mongodb_message *m)
{
	struct mongodb_header h;
	struct reader r = reader_of(b);
	uint32_t opcode, flags;

	*m = (struct mongodb_message){.collection = {"", 0}, .namespace = {"", 0}};
	if (!mongodb_header(b, &h))
		return;
	reader_skip(&r, MONGODB_HEADER);
	opcode = unwrap(h.opcode, &r);
	if (opcode == MONGODB_OP_MSG) {
		flags = reader_le32(&r);
		m->more_to_come = flags & FLAG_MORE_TO_COME;
		read_outcome(body_of(&r), m);
	} else if (opcode == MONGODB_OP_REPLY) {
		flags = reader_le32(&r);
		m->failed = flags & REPLY_QUERY_FAILED;
		reader_skip(&r, 16); /* cursor, where it starts, how many */
		read_outcome((struct slice){(const char *)r.p, r.n}, m);
	}
}
