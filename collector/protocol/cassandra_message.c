/* SPDX-License-Identifier: Apache-2.0 */
/* Cassandra's envelopes, and version 5's outer frames. */
#include "cassandra.h"

#define FLAG_COMPRESSED 0x01
#define FLAG_TRACING 0x02
#define FLAG_PAYLOAD 0x04
#define FLAG_WARNING 0x08
#define FLAGS_KNOWN 0x1f

#define RESULT_KEYSPACE 3
#define RESULT_PREPARED 4

bool cassandra_header(struct slice b, struct cassandra_header *h)
{
	struct reader r = reader_of(b);

	h->version = reader_u8(&r);
	h->flags = reader_u8(&r);
	h->stream = (int16_t)reader_be16(&r);
	h->opcode = reader_u8(&r);
	h->body = reader_be32(&r);
	h->answer = h->version & 0x80;
	h->version &= 0x7f;
	return !r.bad;
}

static bool opcode_fits(enum side from, uint8_t opcode)
{
	switch (opcode) {
	case CASSANDRA_STARTUP:
	case CASSANDRA_OPTIONS:
	case CASSANDRA_QUERY:
	case CASSANDRA_PREPARE:
	case CASSANDRA_EXECUTE:
	case CASSANDRA_REGISTER:
	case CASSANDRA_BATCH:
	case CASSANDRA_AUTH_RESPONSE:
		return from == FROM_CLIENT;
	case CASSANDRA_ERROR:
	case CASSANDRA_READY:
	case CASSANDRA_AUTHENTICATE:
	case CASSANDRA_SUPPORTED:
	case CASSANDRA_RESULT:
	case CASSANDRA_EVENT:
	case CASSANDRA_AUTH_CHALLENGE:
	case CASSANDRA_AUTH_SUCCESS:
		return from == FROM_SERVER;
	default:
		return false;
	}
}

bool cassandra_header_fits(enum side from, const struct cassandra_header *h)
{
	return h->version >= 3 && h->version <= 5 && h->answer == (from == FROM_SERVER) &&
	       !(h->flags & ~FLAGS_KNOWN) && opcode_fits(from, h->opcode) &&
	       h->body <= CASSANDRA_BODY_MAX &&
	       (from == FROM_CLIENT ? h->stream >= 0
				    : h->stream >= 0 || h->opcode == CASSANDRA_EVENT ||
					      h->opcode == CASSANDRA_ERROR);
}

/* ---- what stands before a body ---- */

static void pass_strings(struct reader *r)
{
	for (uint16_t n = reader_be16(r); n && !r->bad; n--)
		reader_skip(r, reader_be16(r));
}

static void pass_payload(struct reader *r)
{
	for (uint16_t n = reader_be16(r); n && !r->bad; n--) {
		int32_t size;

		reader_skip(r, reader_be16(r));
		size = (int32_t)reader_be32(r);
		reader_skip(r, size > 0 ? (size_t)size : 0);
	}
}

/* ---- bodies ---- */

static void read_statement(struct reader *r, struct cassandra_message *m)
{
	uint32_t n = reader_be32(r);

	if (r->bad || n > CASSANDRA_BODY_MAX)
		return;
	m->statement_cut = n > r->n;
	m->statement = reader_text(r, m->statement_cut ? r->n : n);
}

static void read_startup(struct reader *r, struct cassandra_message *m)
{
	for (uint16_t n = reader_be16(r); n && !r->bad; n--) {
		struct slice name = reader_text(r, reader_be16(r));

		reader_skip(r, reader_be16(r));
		m->compresses |= slice_is(name, "COMPRESSION");
	}
}

static void read_result(struct reader *r, struct cassandra_message *m)
{
	switch (reader_be32(r)) {
	case RESULT_KEYSPACE:
		m->keyspace = reader_text(r, reader_be16(r));
		break;
	case RESULT_PREPARED:
		m->id = reader_text(r, reader_be16(r));
		break;
	default:
		break;
	}
}

void cassandra_message(struct slice b, struct cassandra_message *m)
{
	struct cassandra_header h;
	struct reader r = reader_of(b);

	*m = (struct cassandra_message){.statement = {"", 0}, .id = {"", 0}, .keyspace = {"", 0}};
	if (!cassandra_header(b, &h))
		return;
	m->failed = h.opcode == CASSANDRA_ERROR;
	if (h.version < 5 && h.flags & FLAG_COMPRESSED)
		return;
	reader_skip(&r, CASSANDRA_HEADER);
	if (h.answer && h.flags & FLAG_TRACING)
		reader_skip(&r, 16);
	if (h.answer && h.flags & FLAG_WARNING)
		pass_strings(&r);
	if (h.flags & FLAG_PAYLOAD)
		pass_payload(&r);
	switch (h.opcode) {
	case CASSANDRA_ERROR:
		m->code = reader_be32(&r);
		break;
	case CASSANDRA_STARTUP:
		read_startup(&r, m);
		break;
	case CASSANDRA_QUERY:
	case CASSANDRA_PREPARE:
		read_statement(&r, m);
		break;
	case CASSANDRA_EXECUTE:
		m->id = reader_text(&r, reader_be16(&r));
		break;
	case CASSANDRA_RESULT:
		read_result(&r, m);
		break;
	default:
		break;
	}
}

/* ---- outer frames ---- */

/* Of the three bytes before it: native_protocol_v5.spec, section 2.3. */
static uint32_t crc24(const unsigned char *p)
{
	uint32_t crc = 0x875060;

	for (unsigned int i = 0; i < 3; i++) {
		crc ^= (uint32_t)p[i] << 16;
		for (unsigned int bit = 0; bit < 8; bit++) {
			crc <<= 1;
			if (crc & 0x1000000)
				crc ^= 0x1974f0b;
		}
	}
	return crc;
}

bool cassandra_outer(struct slice b, uint32_t *payload, bool *self_contained)
{
	struct reader r = reader_of(b);
	uint32_t head = (uint32_t)reader_le(&r, 3), crc = (uint32_t)reader_le(&r, 3);

	if (r.bad || head >> 18 || crc24((const unsigned char *)b.p) != crc)
		return false;
	*payload = head & 0x1ffff;
	*self_contained = head >> 17 & 1;
	return true;
}
