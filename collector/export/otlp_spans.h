/* SPDX-License-Identifier: Apache-2.0 */
/* A batch of spans, taken from their queue and written as one ExportTraceServiceRequest. */
#ifndef KEYHOLE_EXPORT_OTLP_SPANS_H
#define KEYHOLE_EXPORT_OTLP_SPANS_H

#include "../telemetry/attributes.h"
#include "../trace/span_queue.h"
#include "otlp_pieces.h"

#define OTLP_BATCH_RESOURCES_MAX 256 /* of one batch; a further one waits for the next */

struct otlp_spans {
	const struct attribute_extras *extras; /* names of resources' further attributes; or NULL */
	size_t spans_max, bytes_max;           /* of one batch */
	struct otlp_pieces pieces;
	struct resource *resource[OTLP_BATCH_RESOURCES_MAX];
	uint32_t resources;
	uint64_t lost; /* spans that could not be written, for lack of memory or for their size */
};

/* Zero but the first three. */
void otlp_spans_init(struct otlp_spans *spans, bool json);
void otlp_spans_free(struct otlp_spans *spans);

/*
 * Takes spans and writes them into `w`, which is cleared before. Returns how many, 0 if none
 * waits, or -errno: what was taken is lost, and counted so.
 */
int otlp_spans_take(struct otlp_spans *spans, struct span_queue *queue, struct otlp_writer *w);

#endif
