/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that changed: those of OpenTelemetry's semantic conventions 1.45, which Keyhole uses, and
 * what dashboards made for Grafana Beyla expect instead. The configuration understands all of
 * them; `keyhole.semconv` says which are exported. Everything else is called the same in each.
 */
#ifndef KEYHOLE_TELEMETRY_SEMCONV_H
#define KEYHOLE_TELEMETRY_SEMCONV_H

#include "../slice.h"

enum semconv {
	SEMCONV_CURRENT,    /* 1.45 */
	SEMCONV_BEYLA,      /* Beyla 3.28 and later */
	SEMCONV_BEYLA_3_20, /* Beyla up to 3.20 */
	SEMCONVS,
};

/* What that version calls it: a metric or an attribute, or the Prometheus name of either. */
const char *semconv_name(enum semconv version, const char *current);

/* What that version has as the status of a gRPC call: its name, or its number. */
struct slice semconv_grpc_status(enum semconv version, struct slice name);

#endif
