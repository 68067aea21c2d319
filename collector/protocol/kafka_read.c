/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka's primitive types, in both encodings (KIP-482), and the head of a request. */
#include "kafka.h"

#define HEAD 14 /* length, key, version, correlation id, length of the client's id */

static uint32_t uvarint(struct reader *r)
{
	uint32_t v = 0;

	for (unsigned int shift = 0; shift < 32; shift += 7) {
		uint8_t byte = reader_u8(r);

		v |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	r->bad = true;
	r->n = 0;
	return 0;
}

/* Lengths as they are sent: n, -1 for null; compact: n + 1, 0 for null. Both null: 0. */
static uint32_t length(struct reader *r, bool compact, unsigned int width)
{
	uint32_t n;

	if (compact) {
		n = uvarint(r);
		return n ? n - 1 : 0;
	}
	n = (uint32_t)reader_be(r, width);
	return n >> (width * 8 - 1) ? 0 : n;
}

struct slice kafka_string(struct reader *r, bool compact)
{
	return reader_text(r, length(r, compact, 2));
}

uint32_t kafka_array(struct reader *r, bool compact)
{
	return length(r, compact, 4);
}

struct slice kafka_bytes(struct reader *r, bool compact)
{
	uint32_t n = length(r, compact, 4);
	struct slice there = {(const char *)r->p, n < r->n ? n : r->n};

	reader_skip(r, n);
	return there;
}

void kafka_tags_skip(struct reader *r, bool flexible)
{
	if (!flexible)
		return;
	for (uint32_t n = uvarint(r); n && !r->bad; n--) {
		uvarint(r);
		reader_skip(r, uvarint(r));
	}
}

/* A client's id is a name: no control characters. */
static bool printable(const unsigned char *p, size_t n)
{
	while (n--) {
		if (p[n] < ' ' || p[n] == 0x7f)
			return false;
	}
	return true;
}

enum cut kafka_request_head(struct slice b, struct kafka_head *head)
{
	struct reader r = reader_of(b);
	uint32_t size;
	int16_t id;

	if (b.n < HEAD)
		return CUT_MORE;
	size = reader_be32(&r);
	head->api = reader_be16(&r);
	head->version = reader_be16(&r);
	head->correlation = reader_be32(&r);
	id = (int16_t)reader_be16(&r);
	if (size < HEAD - 4 || size > KAFKA_FRAME_MAX ||
	    !kafka_version_fits(head->api, head->version))
		return CUT_NOT;
	if (id < -1 || id > 255 || (id > 0 && (uint32_t)id > size - (HEAD - 4)))
		return CUT_NOT;
	if (id > 0 && !printable(r.p, (size_t)id < r.n ? (size_t)id : r.n))
		return CUT_NOT;
	head->named = id > 0;
	head->size = 4 + size;
	return CUT_OK;
}
