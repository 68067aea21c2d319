/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Export by OTLP over HTTP, on the front thread: spans as their queue fills, at the latest after
 * the batch's timeout; series at an interval. docs/otlp.md tells what is sent.
 */
#ifndef KEYHOLE_EXPORT_OTLP_H
#define KEYHOLE_EXPORT_OTLP_H

#include "../telemetry/selfmetrics.h"
#include "otlp_metrics.h"
#include "otlp_sender.h"
#include "otlp_spans.h"

struct otlp_options {
	struct otlp_signal_options signal[OTLP_SIGNALS]; /* stay the caller's, and live on */
	struct span_queue *queue;                        /* NULL: no traces */
	struct telemetry *telemetry;                     /* NULL: no metrics */
	enum semconv semconv;
	const struct attribute_extras *extras;
	const char *instance; /* as in otlp_metrics.h; outlives this */
	enum exemplar_filter exemplars;
	uint64_t interval_ms;      /* of metrics */
	uint64_t batch_timeout_ms; /* of spans */
	uint64_t batch_max;        /* spans of a request */
	struct otlp_backoff backoff;
};

struct otlp;

/* Returns 0 or -ENOMEM. */
int otlp_start(struct otlp **otlp, struct loop *loop, const struct otlp_options *options);

/*
 * The end: sends what waits, spans and a last reading of the series, and calls `done` when all was
 * taken or refused. Whoever does not want to wait so long calls otlp_stop() before.
 */
void otlp_finish(struct otlp *otlp, void (*done)(void *arg), void *arg);
void otlp_stop(struct otlp *otlp);

/* Binds keyhole_otlp_*; the export outlives all that reads them. Returns 0 or -ENOSPC. */
int otlp_bind(struct otlp *otlp, struct selfmetrics *self);

#endif
