/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads: any bytes. No read beyond the input, slices within it, and a prefix of what is taken is
 * never refused.
 */
#include <stdlib.h>

#include "protocol/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(struct slice s, const char *p, size_t n)
{
	if (s.n && (s.p < p || s.p + s.n > p + n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct http1_request r, shorter;
	struct http1_response a, cut;

	if (http1_parse_request(p, size, &r) != HTTP1_NOT) {
		within(r.method_text, p, size);
		within(r.target, p, size);
		within(r.host, p, size);
		within(r.traceparent, p, size);
		within(r.tracestate, p, size);
		if (r.head_len > size || r.lead > size)
			abort();
		if (size && http1_parse_request(p, size - 1, &shorter) == HTTP1_NOT)
			abort();
	}
	if (http1_parse_response(p, size, &a) != HTTP1_NOT) {
		if (a.head_len > size || (a.status && (a.status < 100 || a.status > 599)))
			abort();
		if (size && http1_parse_response(p, size - 1, &cut) == HTTP1_NOT)
			abort();
	}
	return 0;
}
