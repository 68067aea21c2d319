/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of OTLP by message: numbers of proto/otlp.proto, names of its JSON. */
#ifndef KEYHOLE_EXPORT_OTLP_FIELDS_H
#define KEYHOLE_EXPORT_OTLP_FIELDS_H

#include "otlp_writer.h"

#define OTLP_FIELD(number, json) ((struct otlp_field){(number), (json)})

#define F_RESOURCE_SPANS OTLP_FIELD(1, "resourceSpans")
#define F_RESOURCE_METRICS OTLP_FIELD(1, "resourceMetrics")
#define F_RESOURCE OTLP_FIELD(1, "resource")
#define F_SCOPE_SPANS OTLP_FIELD(2, "scopeSpans")
#define F_SCOPE_METRICS OTLP_FIELD(2, "scopeMetrics")
#define F_SCOPE OTLP_FIELD(1, "scope")
#define F_SPANS OTLP_FIELD(2, "spans")
#define F_METRICS OTLP_FIELD(2, "metrics")
#define F_SCHEMA_URL OTLP_FIELD(3, "schemaUrl")
#define F_RESOURCE_ATTRS OTLP_FIELD(1, "attributes")

#define F_KEY OTLP_FIELD(1, "key")
#define F_VALUE OTLP_FIELD(2, "value")
#define F_STRING OTLP_FIELD(1, "stringValue")
#define F_INT OTLP_FIELD(3, "intValue")

#define F_SPAN_TRACE_ID OTLP_FIELD(1, "traceId")
#define F_SPAN_ID OTLP_FIELD(2, "spanId")
#define F_SPAN_STATE OTLP_FIELD(3, "traceState")
#define F_SPAN_PARENT OTLP_FIELD(4, "parentSpanId")
#define F_SPAN_NAME OTLP_FIELD(5, "name")
#define F_SPAN_KIND OTLP_FIELD(6, "kind")
#define F_SPAN_START OTLP_FIELD(7, "startTimeUnixNano")
#define F_SPAN_END OTLP_FIELD(8, "endTimeUnixNano")
#define F_SPAN_ATTRS OTLP_FIELD(9, "attributes")
#define F_SPAN_DROPPED_ATTRS OTLP_FIELD(10, "droppedAttributesCount")
#define F_SPAN_LINKS OTLP_FIELD(13, "links")
#define F_SPAN_DROPPED_LINKS OTLP_FIELD(14, "droppedLinksCount")
#define F_SPAN_STATUS OTLP_FIELD(15, "status")
#define F_SPAN_FLAGS OTLP_FIELD(16, "flags")
#define F_STATUS_CODE OTLP_FIELD(3, "code")

#define F_METRIC_NAME OTLP_FIELD(1, "name")
#define F_METRIC_DESCRIPTION OTLP_FIELD(2, "description")
#define F_METRIC_UNIT OTLP_FIELD(3, "unit")
#define F_METRIC_GAUGE OTLP_FIELD(5, "gauge")
#define F_METRIC_SUM OTLP_FIELD(7, "sum")
#define F_METRIC_HISTOGRAM OTLP_FIELD(9, "histogram")
#define F_POINTS OTLP_FIELD(1, "dataPoints")
#define F_TEMPORALITY OTLP_FIELD(2, "aggregationTemporality")
#define F_MONOTONIC OTLP_FIELD(3, "isMonotonic")
#define F_POINT_START OTLP_FIELD(2, "startTimeUnixNano")
#define F_POINT_TIME OTLP_FIELD(3, "timeUnixNano")
#define F_NUMBER_INT OTLP_FIELD(6, "asInt")
#define F_NUMBER_ATTRS OTLP_FIELD(7, "attributes")
#define F_HISTOGRAM_COUNT OTLP_FIELD(4, "count")
#define F_HISTOGRAM_SUM OTLP_FIELD(5, "sum")
#define F_HISTOGRAM_BUCKETS OTLP_FIELD(6, "bucketCounts")
#define F_HISTOGRAM_BOUNDS OTLP_FIELD(7, "explicitBounds")
#define F_HISTOGRAM_EXEMPLARS OTLP_FIELD(8, "exemplars")
#define F_HISTOGRAM_ATTRS OTLP_FIELD(9, "attributes")
#define F_METRIC_EXPONENTIAL OTLP_FIELD(10, "exponentialHistogram")
#define F_EXPONENTIAL_ATTRS OTLP_FIELD(1, "attributes")
#define F_EXPONENTIAL_SCALE OTLP_FIELD(6, "scale")
#define F_EXPONENTIAL_ZEROS OTLP_FIELD(7, "zeroCount")
#define F_EXPONENTIAL_POSITIVE OTLP_FIELD(8, "positive")
#define F_EXPONENTIAL_EXEMPLARS OTLP_FIELD(11, "exemplars")
#define F_BUCKETS_OFFSET OTLP_FIELD(1, "offset")
#define F_BUCKETS_COUNTS OTLP_FIELD(2, "bucketCounts")
#define F_EXEMPLAR_TIME OTLP_FIELD(2, "timeUnixNano")
#define F_EXEMPLAR_DOUBLE OTLP_FIELD(3, "asDouble")
#define F_EXEMPLAR_SPAN_ID OTLP_FIELD(4, "spanId")
#define F_EXEMPLAR_TRACE_ID OTLP_FIELD(5, "traceId")

#define OTLP_CUMULATIVE 2
/* Of the semantic conventions that names follow (telemetry/semconv.h). */
#define OTLP_SCOPE_NAME "keyhole"

#endif
