/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By which ways the collector tells what it measured, as the configuration has them: scrapes, OTLP,
 * and what goes with traces. Each makes its parts of struct collector, or none where they are not
 * asked for, in the order below; main.c ends them. Returns 0 or -errno, said in one line.
 */
#ifndef KEYHOLE_EXPORTS_H
#define KEYHOLE_EXPORTS_H

#include "telemetry/exemplars.h"

struct collector;

/* Where OTLP goes, of the configuration and of the environment: otlp_options. */
int exports_read_otlp(struct collector *c);

/* What either export shows of exemplars; without traces there are none. */
enum exemplar_filter exports_exemplars(const struct collector *c);

/* Before exports_traces(). */
int exports_trace_peers(struct collector *c);

/* Before the pipeline, which puts exchanges into them. */
int exports_traces(struct collector *c);

/* After exports_traces(), whose queue it sends. */
int exports_otlp(struct collector *c);

/* prometheus_export.port. */
int exports_scrapes(struct collector *c);

/* health_check.port: what probes ask, at a port of its own. */
int exports_health(struct collector *c);

#endif
