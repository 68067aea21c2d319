/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One scrape's text. Lines of a family stand together, after one HELP and one TYPE; buckets are
 * cumulative and ascending; _count is derived from the buckets read, so it always equals the
 * +Inf bucket although the writer goes on meanwhile.
 */
#ifndef KEYHOLE_EXPORT_PROMETHEUS_H
#define KEYHOLE_EXPORT_PROMETHEUS_H

#include "../telemetry/selfmetrics.h"
#include "../telemetry/telemetry.h"
#include "body.h"
#include "negotiate.h"

/* Each of the two may be NULL. `exemplars`: of those that are kept, which OpenMetrics shows. */
struct prometheus_source {
	struct telemetry *telemetry;
	const struct selfmetrics *self;
	enum exemplar_filter exemplars;
};

const char *prometheus_content_type(enum prometheus_format format);

/* Reads the source (as its one reader) and puts the text; errors stick to the body. */
void prometheus_render(const struct prometheus_source *source, enum prometheus_format format,
		       struct body *body);

#endif
