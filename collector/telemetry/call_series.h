/* SPDX-License-Identifier: Apache-2.0 */
/* From an exchange of a kind other than HTTP, or a connection, to the key and labels of its series.
 */
#ifndef KEYHOLE_TELEMETRY_CALL_SERIES_H
#define KEYHOLE_TELEMETRY_CALL_SERIES_H

#include "call_values.h"
#include "semconv.h"
#include "series.h"

/* What is not in `set` leaves no trace in the key. No allocation. */
void call_series_key(struct series_key *key, enum attribute_owner owner, struct target *target,
		     const struct attribute_source *source, attribute_set set,
		     const struct peer_namer *namer);

void call_series_labels(struct labels *labels, const struct series_key *key, enum semconv version);

#endif
