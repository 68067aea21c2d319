/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has this datagram been taken before? Each sender counts its datagrams; of each, the highest
 * number and which of those below it came are kept, as IPsec does it (RFC 4303, 3.4.3). A sender
 * is forgotten only when its last datagram would be refused for its age, so a datagram is taken
 * once at most in the life of a collector. Only authentic datagrams come here.
 */
#ifndef KEYHOLE_TRACE_TELL_SENDERS_H
#define KEYHOLE_TRACE_TELL_SENDERS_H

#include "tell_datagram.h"

#define TELL_SENDERS_MAX 4096 /* senders heard within the last TELL_CLOCK_MS */
#define TELL_WINDOW 64        /* datagrams by which one may be late */
#define TELL_CLOCK_MS 30000   /* by which clocks, and a datagram's way, may differ */

struct tell_senders {
	uint64_t own;       /* this collector's id as a sender */
	uint64_t forgot_ms; /* the sender's time of the newest datagram that is forgotten */
	size_t n;           /* places used */
	uint64_t id[TELL_SENDERS_MAX];
	struct tell_sender {
		uint64_t top;     /* highest counter */
		uint64_t seen;    /* bit i: top - i came */
		uint64_t wall_ms; /* newest time it gave */
	} sender[TELL_SENDERS_MAX];
};

/* Takes note of it if it is TELL_TAKEN. `wall_ms`: CLOCK_REALTIME now. Zeroed but `own` at first.
 */
enum tell_refusal tell_senders_check(struct tell_senders *senders, const struct tell_head *head,
				     uint64_t wall_ms);

#endif
