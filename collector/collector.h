/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the collector. main.c makes and ends them, those that tell of what was measured by
 * way of exports.c; nobody else knows them all.
 */
#ifndef KEYHOLE_COLLECTOR_H
#define KEYHOLE_COLLECTOR_H

#include "cluster.h"
#include "config/config.h"
#include "export/export.h"
#include "export/otlp.h"
#include "intake/intake.h"
#include "options.h"
#include "pipeline.h"
#include "policy/sandbox.h"
#include "pressure.h"
#include "reload.h"
#include "rulebook.h"
#include "trace_peers.h"
#include "traces.h"
#include "vitals.h"

/* All that lives from start to end, in the order in which it is made. */
struct collector {
	struct options options;
	struct config *config;
	const char *config_path; /* NULL: none */
	struct rulebook_basis basis;
	struct rulebooks *books;
	struct telemetry *telemetry;
	struct selfmetrics *self;
	struct loop *loop;
	struct cluster cluster;
	char host[65];
	struct tape tape;
	struct far_ends *far_ends; /* NULL: no service graph */
	struct pipeline *pipeline;
	struct export *export, *health;
	struct otlp_signal_options otlp_options[OTLP_SIGNALS];
	struct traces traces; /* all zero: none are sent */
	struct trace_peers trace_peers;
	struct otlp *otlp;
	struct policy_report sandbox;
	struct intake *intake;
	struct reload *reload;
	struct vitals vitals;
	struct pressure pressure;
};

#endif
