/* SPDX-License-Identifier: Apache-2.0 */
/* Label text of series and target_info (telemetry/labels.h), as OTLP's attributes. */
#ifndef KEYHOLE_EXPORT_OTLP_LABELS_H
#define KEYHOLE_EXPORT_OTLP_LABELS_H

#include "../telemetry/attributes.h"
#include "../telemetry/semconv.h"
#include "otlp_pieces.h"

struct otlp_label_text {
	const struct attribute_extras *extras; /* or NULL */
	enum semconv semconv;
	struct otlp_field field; /* the list that is open */
};

/* Puts an attribute for each label but `job`, which is Prometheus' alone, and those in `but`. */
void otlp_put_labels(struct otlp_writer *w, const struct otlp_label_text *how, struct slice labels,
		     struct slice but);

/* target_info by job and instance; what is added must live on. Zero at first. */
struct otlp_infos {
	struct slice *v;
	size_t n, size;
	bool sorted;
};

int otlp_infos_add(struct otlp_infos *infos, struct slice labels); /* 0 or -ENOMEM */
/* That of a target; none: an empty slice. */
struct slice otlp_infos_find(struct otlp_infos *infos, struct slice target);
void otlp_infos_free(struct otlp_infos *infos);

#endif
