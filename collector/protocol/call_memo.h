/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls told of late: clients ask the same again and again, and get the same answers. Two are taken
 * for alike only if all is the same that call.h's texts and numbers say, but for times, sizes and
 * threads, and the same process had them at the same server's port. Then what telemetry found for
 * the one holds for the other (alike.h): see struct exchange.
 *
 * A call with a trace's context is another one each time, and gets no number.
 */
#ifndef KEYHOLE_PROTOCOL_CALL_MEMO_H
#define KEYHOLE_PROTOCOL_CALL_MEMO_H

#include "call.h"
#include "memo.h"

#define CALL_MEMO_CALLS 2048 /* remembered; a power of two, and half of ALIKE_PLACES */
#define CALL_MEMO_BYTES 160  /* of all texts of one; longer ones get no number */

struct call_memo_key {
	uint64_t cgroup;
	uint32_t tgid;
	uint16_t port;
	uint16_t status;
	uint8_t role, protocol, kind, action, method, error, failed, waits, target_cut, spare[3];
	uint16_t used;
	uint16_t at[CALL_TEXTS], n[CALL_TEXTS];
};

struct call_memo_entry {
	uint64_t alike; /* 0: empty */
	struct call_memo_key key;
	char text[CALL_MEMO_BYTES];
};

struct call_memo {
	struct memo_trial trial;
	uint64_t serial;
	struct call_memo_entry of[CALL_MEMO_CALLS];
};

/*
 * A number that all calls have which are like this one, or 0: nobody knows. `exchange`: what was
 * told of the call, connection and owner included. Zeroes are an empty memo.
 */
uint64_t call_memo_number(struct call_memo *memo, const struct call *call,
			  const struct exchange *exchange);

#endif
