/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an exchange to the key and labels of its series among the metrics of spans, and of its edge
 * of the service graph. No allocation. The names of labels are Beyla's.
 */
#ifndef KEYHOLE_TELEMETRY_SPAN_SERIES_H
#define KEYHOLE_TELEMETRY_SPAN_SERIES_H

#include "graph.h"
#include "series.h"

/* Of the resource, on every series of spans: Beyla's, and those asked for. */
attribute_set span_series_attributes(const struct attribute_extras *extras);

void span_series_key(struct series_key *key, struct target *target,
		     const struct attribute_source *source);
struct slice span_series_name(const struct series_key *key);
void span_series_rename(struct series_key *key, const char *name); /* <= LABEL_VALUE_MAX */
void span_series_labels(struct labels *labels, const struct series_key *key);

void edge_series_key(struct series_key *key, struct target *target,
		     const struct attribute_source *source, const struct graph_peer *peer);
void edge_series_labels(struct labels *labels, const struct series_key *key);

#endif
