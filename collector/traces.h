/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traces, from the configuration to the parts that make them: the queue of spans, and the tracer
 * that fills it. Nothing is there unless there is somebody to send spans to.
 */
#ifndef KEYHOLE_TRACES_H
#define KEYHOLE_TRACES_H

#include "config/config.h"
#include "telemetry/selfmetrics.h"
#include "trace/tracer.h"

struct traces {
	uint64_t protocols; /* bits of enum protocol: those that spans are made of */
	struct span_queue *queue;
	struct tracer *tracer;
	struct span_rules rules;
};

/* Returns 0 or -errno, said in one line. `traces` is zero, and stays where it is. */
int traces_start(struct traces *traces, const struct config *config, struct telemetry *telemetry,
		 struct peers *peers, struct tell *tell, const struct peer_namer *namer);
/* After the intake and the export have ended. */
void traces_end(struct traces *traces);

/* Binds keyhole_trace_*. Returns 0 or -ENOSPC. */
int traces_bind(struct traces *traces, struct selfmetrics *self);

#endif
