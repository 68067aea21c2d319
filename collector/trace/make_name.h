/* SPDX-License-Identifier: Apache-2.0 */
/* A span's name and kind: parts of make.h. */
#ifndef KEYHOLE_TRACE_MAKE_NAME_H
#define KEYHOLE_TRACE_MAKE_NAME_H

#include "make.h"

void make_name(struct span *span, const struct attribute_source *source);
enum span_kind make_kind(const struct exchange *exchange);

#endif
