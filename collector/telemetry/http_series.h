/* SPDX-License-Identifier: Apache-2.0 */
/* From an HTTP exchange to the key and the labels of its series group. */
#ifndef KEYHOLE_TELEMETRY_HTTP_SERIES_H
#define KEYHOLE_TELEMETRY_HTTP_SERIES_H

#include "http_values.h"
#include "semconv.h"
#include "series.h"

/* What is not in `set` leaves no trace in the key. No allocation. */
void http_series_key(struct series_key *key, enum http_side side, struct target *target,
		     const struct attribute_source *source, attribute_set set,
		     const struct peer_namer *namer);

void http_series_labels(struct labels *labels, const struct series_key *key, enum semconv version);

#endif
