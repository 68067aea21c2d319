/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an HTTP exchange to the key and the labels of its series group. The rules for addresses
 * and errors stand in telemetry.h.
 */
#ifndef KEYHOLE_TELEMETRY_HTTP_SERIES_H
#define KEYHOLE_TELEMETRY_HTTP_SERIES_H

#include "labels.h"
#include "series.h"
#include "telemetry.h"

enum http_side { HTTP_SERVER, HTTP_CLIENT, HTTP_SIDES };

/* No allocation. Of `options` only routes and server_address_from_host matter. */
void http_series_key(struct series_key *key, enum http_side side, struct target *target,
		     const struct exchange *exchange, struct slice route,
		     const struct telemetry_options *options);

void http_series_labels(struct labels *labels, enum http_side side, const struct series_key *key);

#endif
