/* SPDX-License-Identifier: Apache-2.0 */
#include "make.h"
void span_make(struct span *span, const struct span_rules *rules, const struct attribute_source *source)
{
	(void)rules;
	span->resource = source->resource;
	span->kind = source->exchange->conn.role == KH_ROLE_SERVER ? SPAN_SERVER : SPAN_CLIENT;
	span_set_name(span, source->exchange->kind == EXCHANGE_HTTP ? source->exchange->target : source->exchange->operation);
	span->start_ns = source->exchange->start_ns;
	span->end_ns = source->exchange->end_ns;
}
