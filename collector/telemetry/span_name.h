/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exchange is called as a span, in traces and in metrics of spans, by OpenTelemetry's
 * semantic conventions 1.45, and Grafana Beyla 3 where these are silent: name, kind and status. No
 * allocation.
 *
 *  - HTTP: `METHOD route`, or the method alone ("HTTP" for one that is none); never a path;
 *  - RPC: the method; databases: the summary, else `operation collection`; messages: `operation
 *    destination`; where there is nothing of it, the system;
 *  - status is an error exactly where error.type is (telemetry.h), but for what the client took
 *    back on purpose, seen from either side; a gRPC client is told `CANCELLED`, which is a status.
 */
#ifndef KEYHOLE_TELEMETRY_SPAN_NAME_H
#define KEYHOLE_TELEMETRY_SPAN_NAME_H

#include "http_values.h"

/* As OTLP numbers them. */
enum span_role {
	SPAN_ROLE_SERVER = 2,
	SPAN_ROLE_CLIENT = 3,
	SPAN_ROLE_PRODUCER = 4, /* sends a message */
	SPAN_ROLE_CONSUMER = 5, /* was handed one */
};

/* Writes clean text of at most LABEL_VALUE_MAX bytes; returns how many. */
size_t span_name(char out[LABEL_VALUE_MAX], const struct attribute_source *source);
enum span_role span_role(const struct exchange *exchange);
bool span_failed(const struct exchange *exchange);

#endif
