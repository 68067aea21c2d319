/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMQP 1.0: the sections of a message (part 3, section 3.2), of which only the application
 * properties are read: they may carry a trace context.
 */
#include "amqp1.h"

#define DESCRIBED 0x00
#define HEADER 0x70
#define APPLICATION_PROPERTIES 0x74
#define MAP8 0xc1
#define MAP32 0xd1

static void read_map(struct call *call, struct reader *r)
{
	uint8_t constructor = reader_u8(r);
	unsigned int width = constructor == MAP8 ? 1 : 4;
	uint64_t left;

	if (constructor != MAP8 && constructor != MAP32)
		return;
	reader_skip(r, width); /* its size */
	for (left = reader_be(r, width); left >= 2 && !r->bad; left -= 2) {
		struct slice name = amqp1_text(r), value = amqp1_text(r);

		if (!r->bad)
			call_header(call, name, value);
	}
}

/* They stand in this order, each at most once; the body follows. */
void amqp1_sections_read(struct call *call, struct reader *r)
{
	uint64_t before = HEADER, code;

	while (r->n && *r->p == DESCRIBED) {
		reader_skip(r, 1);
		code = amqp1_number(r, 0);
		if (r->bad || code < before || code > APPLICATION_PROPERTIES)
			return;
		if (code == APPLICATION_PROPERTIES) {
			read_map(call, r);
			return;
		}
		before = code + 1;
		amqp1_skip(r);
	}
}
