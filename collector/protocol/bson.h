/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BSON documents (bsonspec.org, 1.1), element by element and one level at a time: what is nested
 * is passed over by its length. A document may be cut off anywhere.
 */
#ifndef KEYHOLE_PROTOCOL_BSON_H
#define KEYHOLE_PROTOCOL_BSON_H

#include "reader.h"

#define BSON_MIN 5 /* bytes of an empty document */

enum bson_type {
	BSON_DOUBLE = 0x01,
	BSON_STRING = 0x02,
	BSON_DOCUMENT = 0x03,
	BSON_ARRAY = 0x04,
	BSON_BOOL = 0x08,
	BSON_INT32 = 0x10,
	BSON_INT64 = 0x12,
};

struct bson_element {
	uint8_t type;
	struct slice name;
	struct slice value; /* a string's text, without its NUL; else its bytes */
};

/* A document's elements. False: it begins as none, its length does not fit. */
bool bson_open(struct slice document, struct reader *elements);

/* The next one. False: there is none, or it is not all there. */
bool bson_next(struct reader *elements, struct bson_element *element);

/* Numbers and booleans; 0 for others, and for what does not fit. */
int64_t bson_number(const struct bson_element *element);

#endif
