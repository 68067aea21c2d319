/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEYHOLE_TRACE_MAKE_H
#define KEYHOLE_TRACE_MAKE_H
#include "../telemetry/attributes.h"
#include "span.h"
struct span_rules { uint64_t protocols; };
void span_make(struct span *span, const struct span_rules *rules, const struct attribute_source *source);
#endif
