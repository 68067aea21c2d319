/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace context as it comes with a request: the headers `traceparent` and `tracestate` of W3C's
 * Trace Context (https://www.w3.org/TR/trace-context/, sections 3.2 and 3.3). Whoever sends
 * requests chooses what stands in them.
 */
#ifndef KEYHOLE_TRACE_CONTEXT_H
#define KEYHOLE_TRACE_CONTEXT_H

#include "../slice.h"
#include "span.h"

#define CONTEXT_STATE_MEMBERS_MAX 32 /* W3C, section 3.3.1.1 */

/*
 * False: it is none, and nothing was written. Of a version later than 00 what that version would be
 * is taken, as the document asks for; version ff and ids of zeros alone are refused.
 */
bool context_parse(struct slice traceparent, uint8_t trace_id[SPAN_TRACE_ID_LEN],
		   uint8_t parent_id[SPAN_ID_LEN], uint8_t *flags);

/* It is a list of members as section 3.3.1 has it, so that others may be shown it. */
bool context_state(struct slice tracestate);

#endif
