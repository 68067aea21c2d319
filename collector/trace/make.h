/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a span says of its exchange: name, kind, status, attributes (docs: traces.md). After
 * OpenTelemetry's semantic conventions 1.45, and Grafana Beyla 3 where these are silent. No
 * allocation, no system call; what is written is bounded by struct span.
 *
 * The decisions that are ours:
 *  - a name holds nothing that may be different each time: no path, no value, no name asked of DNS;
 *  - name, kind and status are those of the metrics of spans (span_name.h); the status is never
 *    Ok, which is for the workload to say;
 *  - the broker's side of a message is SERVER, whatever is done with it;
 *  - values are those of the metrics' labels, but for paths and URLs, which may be longer here.
 */
#ifndef KEYHOLE_TRACE_MAKE_H
#define KEYHOLE_TRACE_MAKE_H

#include "../telemetry/http_values.h"
#include "../telemetry/select.h"
#include "../telemetry/semconv.h"
#include "span.h"
#include "url.h"

#define SPAN_METRICS_SKIP "span.metrics.skip"

struct span_options {
	struct select_sections select; /* attributes.select; globs checked before */
	uint64_t protocols;            /* bits of enum protocol that spans are made of */
	enum semconv semconv;
	bool metrics_made; /* metrics of spans, or a graph: receivers shall not make them again */
	const char *const *secret,
		*const *open; /* attributes.sensitive_query_params: add, remove */
	size_t secrets_n, open_n;
	struct peer_namer namer; /* of addresses; .name may be NULL */
};

struct span_rules {
	attribute_set on;
	uint64_t protocols;
	enum semconv semconv;
	bool metrics_made;
	struct url_secrets secrets;
	struct peer_namer namer;
	const char *name[ATTR_EXTRA]; /* of attributes, in that version */
};

/* At the start. Texts of the options outlive the rules. -ENOSPC: more than URL_SECRETS_MAX. */
int span_rules_init(struct span_rules *rules, const struct span_options *options);

static inline bool span_is_made(const struct span_rules *rules, const struct exchange *exchange)
{
	return exchange->kind < EXCHANGE_KINDS && rules->protocols >> exchange->protocol & 1;
}

/*
 * Sets name, kind, status, attributes, resource (the reference is the caller's), and start and end
 * on the exchange's own clock. The span was begun with span_init(); the exchange's role is known.
 */
void span_make(struct span *span, const struct span_rules *rules,
	       const struct attribute_source *source);

#endif
