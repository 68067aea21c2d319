/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HPACK (RFC 7541), for one direction of a connection, made for an observer: it may join late or
 * miss bytes, and then says "unknown" of what only the bytes before could tell.
 *
 * A dynamic table is a list of insertions, the newest at index 62. Those made before the observer
 * came are behind the ones that it saw, so whatever it saw keeps its right index, and whatever else
 * is named is unknown. After missed bytes everything is forgotten (hpack_forget), and it goes on
 * so.
 *
 * Sizes are not counted. Eviction, a smaller table (section 6.3) and an entry too large for the
 * table (4.4) all only take away the oldest insertions; an encoder never names what was taken away,
 * so the index of what it does name is the same with and without. That is what makes the unknown
 * size of an unknown entry harmless.
 *
 * Only values of the fields below are kept. Credentials and the like are never in memory.
 */
#ifndef KEYHOLE_PROTOCOL_HPACK_H
#define KEYHOLE_PROTOCOL_HPACK_H

#include <stdint.h>

#include "../slice.h"

/* Newest insertions that are known: what 4,096 bytes, the default size, hold. */
#define HPACK_ENTRIES 128
#define HPACK_VALUE 512 /* bytes of a value that are kept; a longer one is cut */
#define HPACK_TEXT 4608 /* 4,096 and HPACK_VALUE, of all values; entries beyond are unknown */
#define HPACK_CARRY 512 /* bytes of a field that goes on in the block's next fragment */

enum hpack_field {
	HPACK_OTHER,   /* of no interest */
	HPACK_UNKNOWN, /* which field it is was told before, unseen */
	HPACK_METHOD,
	HPACK_PATH,
	HPACK_AUTHORITY,
	HPACK_STATUS,
	HPACK_HOST,
	HPACK_CONTENT_TYPE,
	HPACK_CONTENT_LENGTH,
	HPACK_GRPC_STATUS,
	HPACK_TRACEPARENT,
	HPACK_TRACESTATE,
	HPACK_FIELDS,
};

struct hpack_value {
	enum hpack_field field;
	bool known;        /* else `text` is empty */
	bool cut;          /* it goes on: `text` are its first HPACK_VALUE bytes */
	struct slice text; /* until the next call */
};

struct hpack_entry {
	uint32_t at; /* of the value: what `written` was */
	uint16_t n;
	uint8_t field;
	bool known, cut;
};

/* Zero is a table of which nothing is known. */
struct hpack {
	uint32_t inserted; /* since nothing was known */
	uint32_t written;  /* bytes of text, those left free at its end included */
	uint64_t skip;     /* bytes to pass over: the rest of a value that is not kept */
	uint32_t carried;
	struct hpack_entry entry[HPACK_ENTRIES];
	char text[HPACK_TEXT];
	char carry[HPACK_CARRY];
};

typedef void hpack_told(void *arg, const struct hpack_value *value);

/*
 * A fragment of a header block, behind those before; `ends`: the block ends with it. Calls `told`
 * for each field, in their order. False: it is no such block, and nothing is known of the table any
 * more; the rest of the block must not be given.
 */
bool hpack_read(struct hpack *hpack, struct slice fragment, bool ends, hpack_told *told, void *arg);

/* Bytes were missed: the table may have changed, and a block that had begun is over. */
void hpack_forget(struct hpack *hpack);

/*
 * Huffman code (section 5.2, appendix B): writes at most `room` bytes. Returns the length of the
 * whole text, or -1: no such code.
 */
long hpack_huffman(struct slice coded, char *text, size_t room);

#endif
