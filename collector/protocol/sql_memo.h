/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements read of late, of all connections, and what they are about: one that comes again is
 * compared, byte by byte, instead of being read. (What a connection prepared is known by its name
 * or number: sql_cache.h.)
 */
#ifndef KEYHOLE_PROTOCOL_SQL_MEMO_H
#define KEYHOLE_PROTOCOL_SQL_MEMO_H

#include "memo.h"
#include "sql.h"

#define SQL_MEMO_TEXTS 512 /* remembered; a power of two */
#define SQL_MEMO_BYTES 320 /* of one; longer ones are read each time */

struct sql_memo_entry {
	uint64_t serial; /* when it was read */
	uint16_t n;      /* bytes of the text; 0: empty */
	uint16_t use_at;
	uint8_t dialect, backslash, cut;
	struct sql is; /* its .use is at use_at of the text at hand */
	char text[SQL_MEMO_BYTES];
};

struct sql_memo {
	struct memo_trial trial;
	uint64_t serial;
	struct sql_memo_entry of[SQL_MEMO_TEXTS];
};

/* As sql_read(). Zeroes are an empty memo. */
void sql_memo_read(struct sql_memo *memo, const struct sql_text *text, struct sql *sql);

#endif
