/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Written parts of a request, each for one group (a resource): gathered in any order, then put
 * together by group, as OTLP wants them.
 */
#ifndef KEYHOLE_EXPORT_OTLP_PIECES_H
#define KEYHOLE_EXPORT_OTLP_PIECES_H

#include "otlp_fields.h"

struct otlp_piece {
	uint32_t group, kind; /* kind: a metric; 0 */
	size_t at, n;
};

struct otlp_pieces {
	struct otlp_writer bytes;
	struct otlp_piece *v;
	size_t n, size;
};

/* Keeps what was written since `at`. Returns 0 or -errno, the writer's errors among them. */
int otlp_pieces_add(struct otlp_pieces *pieces, uint32_t group, uint32_t kind, size_t at);
void otlp_pieces_sort(struct otlp_pieces *pieces); /* by group, kind, time */
void otlp_pieces_clear(struct otlp_pieces *pieces);
void otlp_pieces_free(struct otlp_pieces *pieces);

static inline struct slice otlp_piece_slice(const struct otlp_pieces *pieces, size_t at, size_t n)
{
	return (struct slice){pieces->bytes.p + at, n};
}

/* ---- what traces and metrics share ---- */

void otlp_put_scope(struct otlp_writer *w);
/* An item of the list that is open. */
void otlp_attr_text(struct otlp_writer *w, struct otlp_field list, struct slice key,
		    struct slice value);
void otlp_attr_int(struct otlp_writer *w, struct otlp_field list, struct slice key, int64_t value);
void otlp_attr_true(struct otlp_writer *w, struct otlp_field list, struct slice key);
/* What each resource has beside its own: telemetry.sdk.*, os.type. */
void otlp_attrs_constant(struct otlp_writer *w);

#endif
