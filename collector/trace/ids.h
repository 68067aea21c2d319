/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids that nobody has to send. Both ends of a TCP connection know its two initial sequence numbers
 * and the sequence number of a request's first byte; from these 96 bits each derives the same ids
 * for the client's span, the server's span and the trace that the exchange begins. Translated
 * addresses change nothing of it. Where a number is not known (UDP), ids are this process' own.
 *
 * The derivation is part of the product: collectors of several versions must agree on it.
 */
#ifndef KEYHOLE_TRACE_IDS_H
#define KEYHOLE_TRACE_IDS_H

#include "../protocol/exchange.h"
#include "span.h"

struct trace_ids {
	uint8_t client[SPAN_ID_LEN]; /* of the span of who asked */
	uint8_t server[SPAN_ID_LEN]; /* of the span of who answered */
	uint8_t trace[SPAN_TRACE_ID_LEN];
	bool shared; /* the other end has the same */
};

/*
 * `number` tells exchanges apart that have nothing else. No id is zero.
 */
void trace_ids_of(struct trace_ids *ids, const struct exchange *exchange, uint64_t number);

#endif
