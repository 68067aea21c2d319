/* SPDX-License-Identifier: Apache-2.0 */
#include "bson.h"

#define DOCUMENT_MAX (48u << 20)

bool bson_open(struct slice document, struct reader *elements)
{
	uint32_t size;

	*elements = reader_of(document);
	size = reader_le32(elements);
	if (elements->bad || size < BSON_MIN || size > DOCUMENT_MAX)
		return false;
	if (elements->n > size - 4)
		elements->n = size - 4;
	return true;
}

/* Bytes of a value whose length its type or its first bytes tell; -1: no such type. */
static int64_t value_size(uint8_t type, const struct reader *r)
{
	struct reader at = *r;

	switch (type) {
	case BSON_DOUBLE:
	case 0x09: /* time */
	case 0x11: /* timestamp */
	case BSON_INT64:
		return 8;
	case BSON_STRING:
	case 0x0d: /* code */
	case 0x0e: /* symbol */
		return 4 + (int64_t)reader_le32(&at);
	case BSON_DOCUMENT:
	case BSON_ARRAY:
	case 0x0f: /* code and its scope */
		return reader_le32(&at);
	case 0x05: /* binary */
		return 5 + (int64_t)reader_le32(&at);
	case 0x06: /* undefined */
	case 0x0a: /* null */
	case 0x7f: /* greater, and smaller, than all */
	case 0xff:
		return 0;
	case 0x07: /* object id */
		return 12;
	case BSON_BOOL:
		return 1;
	case 0x0c: /* pointer */
		return 4 + (int64_t)reader_le32(&at) + 12;
	case BSON_INT32:
		return 4;
	case 0x13: /* decimal */
		return 16;
	default:
		return -1;
	}
}

/* Two strings: an expression and its options. */
static bool pass_regex(struct reader *r)
{
	reader_string(r);
	reader_string(r);
	return !r->bad;
}

bool bson_next(struct reader *r, struct bson_element *element)
{
	int64_t size;

	element->type = reader_u8(r);
	if (r->bad || element->type == 0)
		return false;
	element->name = reader_string(r);
	element->value = (struct slice){"", 0};
	if (element->type == 0x0b)
		return pass_regex(r);
	size = value_size(element->type, r);
	if (r->bad || size < 0 || (uint64_t)size > r->n)
		return false;
	element->value = reader_text(r, (size_t)size);
	if (element->type == BSON_STRING) {
		if (size < 5)
			return false;
		element->value = (struct slice){element->value.p + 4, (size_t)size - 5};
	}
	return true;
}

int64_t bson_number(const struct bson_element *element)
{
	struct reader r = reader_of(element->value);
	uint64_t bits;
	double v;

	switch (element->type) {
	case BSON_INT32:
		return (int32_t)reader_le32(&r);
	case BSON_INT64:
		return (int64_t)reader_le(&r, 8);
	case BSON_BOOL:
		return reader_u8(&r);
	case BSON_DOUBLE:
		bits = reader_le(&r, 8);
		memcpy(&v, &bits, sizeof(v));
		return v > -1e15 && v < 1e15 ? (int64_t)v : 0;
	default:
		return 0;
	}
}
