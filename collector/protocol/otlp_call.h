/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is an exchange a client's that sends its own telemetry by OTLP? Then what it sends would be told
 * twice. Source: the specification of OTLP 1.x (paths and methods), and Grafana Beyla 3, which
 * looks for the same.
 */
#ifndef KEYHOLE_PROTOCOL_OTLP_CALL_H
#define KEYHOLE_PROTOCOL_OTLP_CALL_H

#include "exchange.h"

enum otlp_call_of {
	OTLP_CALL_TRACES = 1,
	OTLP_CALL_METRICS = 2,
};

/*
 * Bits of enum otlp_call_of: what was sent and taken. By HTTP: a POST to a path that ends with
 * /v1/traces or /v1/metrics, answered with 2xx; by gRPC: Export of the service of that signal,
 * answered with OK.
 */
uint8_t otlp_call(const struct exchange *exchange);

#endif
