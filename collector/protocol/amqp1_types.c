/* SPDX-License-Identifier: Apache-2.0 */
/* AMQP 1.0: encoded values (part 1, section 1.2 and 1.6). */
#include "amqp1.h"

#define DESCRIBED 0x00
#define NOTHING 0x40

/* Bytes of a value's length field and of its content if that is fixed, by the first digit. */
static void skip_content(struct reader *r, uint8_t constructor)
{
	static const uint8_t fixed[] = {0, 1, 2, 4, 8, 16}; /* 0x4_ to 0x9_ */
	unsigned int digit = constructor >> 4;

	if (digit >= 4 && digit <= 9)
		reader_skip(r, fixed[digit - 4]);
	else if (digit >= 10) /* even: one byte of length, odd: four */
		reader_skip(r, (size_t)reader_be(r, digit & 1 ? 4 : 1));
	else
		r->bad = true;
}

void amqp1_skip(struct reader *r)
{
	size_t values = 1;

	while (values-- && !r->bad) {
		uint8_t constructor = reader_u8(r);

		if (constructor == DESCRIBED) /* a descriptor and a value follow */
			values += 2;
		else
			skip_content(r, constructor);
	}
}

/* The value at r, if `fits` knows its type; else it is passed over. */
static uint8_t constructor_at(const struct reader *r)
{
	return r->n ? *r->p : NOTHING;
}

uint64_t amqp1_number(struct reader *r, uint64_t otherwise)
{
	switch (constructor_at(r)) {
	case 0x43: /* uint, ulong 0 */
	case 0x44:
		reader_skip(r, 1);
		return 0;
	case 0x50: /* ubyte, small uint, small ulong */
	case 0x52:
	case 0x53:
		reader_skip(r, 1);
		return reader_u8(r);
	case 0x60:
		reader_skip(r, 1);
		return reader_be16(r);
	case 0x70:
		reader_skip(r, 1);
		return reader_be32(r);
	case 0x80:
		reader_skip(r, 1);
		return reader_be(r, 8);
	default:
		amqp1_skip(r);
		return otherwise;
	}
}

bool amqp1_bool(struct reader *r, bool otherwise)
{
	switch (constructor_at(r)) {
	case 0x41:
	case 0x42:
		return reader_u8(r) == 0x41;
	case 0x56:
		reader_skip(r, 1);
		return reader_u8(r);
	default:
		amqp1_skip(r);
		return otherwise;
	}
}

struct slice amqp1_text(struct reader *r)
{
	switch (constructor_at(r)) {
	case 0xa0:
	case 0xa1:
	case 0xa3:
		reader_skip(r, 1);
		return reader_text(r, reader_u8(r));
	case 0xb0:
	case 0xb1:
	case 0xb3:
		reader_skip(r, 1);
		return reader_text(r, reader_be32(r));
	default:
		amqp1_skip(r);
		return (struct slice){"", 0};
	}
}

struct amqp1_list amqp1_list(struct reader *r)
{
	uint8_t constructor = reader_u8(r);
	unsigned int width = constructor == 0xc0 ? 1 : 4;
	struct amqp1_list list = {.r = {NULL, 0, false}};
	uint64_t size;

	if (constructor == 0x45) /* empty */
		return list;
	if (constructor != 0xc0 && constructor != 0xd0)
		r->bad = true;
	size = reader_be(r, width);
	if (r->bad || size < width)
		return list;
	list.n = (uint32_t)reader_be(r, width);
	size -= width;
	list.r = *r; /* as much of it as there is */
	if (size < list.r.n)
		list.r.n = (size_t)size;
	reader_skip(r, (size_t)size);
	return list;
}

unsigned int amqp1_described(struct reader *r, struct amqp1_list *list)
{
	uint64_t code;

	*list = (struct amqp1_list){.n = 0};
	if (constructor_at(r) != DESCRIBED) {
		amqp1_skip(r);
		return 0;
	}
	reader_skip(r, 1);
	code = amqp1_number(r, 0);
	if (constructor_at(r) != 0x45 && constructor_at(r) != 0xc0 && constructor_at(r) != 0xd0) {
		amqp1_skip(r);
		return 0;
	}
	*list = amqp1_list(r);
	return code < 256 ? (unsigned int)code : 0;
}

/* ---- fields ---- */

static bool next_field(struct amqp1_list *list)
{
	if (!list->n || list->r.bad)
		return false;
	list->n--;
	return true;
}

uint64_t amqp1_field_number(struct amqp1_list *list, uint64_t otherwise)
{
	return next_field(list) ? amqp1_number(&list->r, otherwise) : otherwise;
}

bool amqp1_field_bool(struct amqp1_list *list, bool otherwise)
{
	return next_field(list) ? amqp1_bool(&list->r, otherwise) : otherwise;
}

struct slice amqp1_field_text(struct amqp1_list *list)
{
	return next_field(list) ? amqp1_text(&list->r) : (struct slice){"", 0};
}

unsigned int amqp1_field_described(struct amqp1_list *list, struct amqp1_list *inner)
{
	*inner = (struct amqp1_list){.n = 0};
	return next_field(list) ? amqp1_described(&list->r, inner) : 0;
}

void amqp1_fields_skip(struct amqp1_list *list, unsigned int n)
{
	while (n-- && next_field(list))
		amqp1_skip(&list->r);
}
