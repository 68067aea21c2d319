/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The series as ExportMetricsServiceRequests: read once, as a scrape reads them, then written
 * request by request. Everything is cumulative, since the time at which its series began. One
 * ResourceMetrics for each target: the attributes that its series and its target_info show. What
 * belongs to none, as the service graph, is Keyhole's own: of two collectors it is two streams.
 */
#ifndef KEYHOLE_EXPORT_OTLP_METRICS_H
#define KEYHOLE_EXPORT_OTLP_METRICS_H

#include "../telemetry/telemetry.h"
#include "otlp_pieces.h"

struct otlp_metrics {
	const struct attribute_extras *extras; /* or NULL */
	enum semconv semconv;                  /* as telemetry has it */
	size_t bytes_max;                      /* of one request, before compression */
	enum exemplar_filter exemplars;        /* of those that are kept, which are sent */
	struct telemetry *telemetry;
	const char *instance; /* service.instance.id of what belongs to no service, or NULL */
	struct otlp_pieces pieces;   /* points */
	struct otlp_pieces resource; /* of each group, in order */
	size_t next;                 /* piece of the next request */
};

/* Zero but the first five. */
void otlp_metrics_init(struct otlp_metrics *metrics, bool json);
void otlp_metrics_free(struct otlp_metrics *metrics);

/* Reads all (as the one reader). `now_ns`: CLOCK_REALTIME. Returns 0 or -errno. */
int otlp_metrics_read(struct otlp_metrics *metrics, uint64_t now_ns);

/* Writes the next request into `w`. Returns its points, 0: all was written, or -errno. */
int otlp_metrics_next(struct otlp_metrics *metrics, struct otlp_writer *w);

#endif
