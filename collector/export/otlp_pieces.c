/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp_pieces.h"

#include <errno.h>
#include <stdlib.h>

int otlp_pieces_add(struct otlp_pieces *pieces, uint32_t group, uint32_t kind, size_t at)
{
	if (pieces->bytes.error)
		return pieces->bytes.error;
	if (pieces->n == pieces->size) {
		size_t size = pieces->size ? 2 * pieces->size : 64;
		struct otlp_piece *v = reallocarray(pieces->v, size, sizeof(*v));

		if (!v)
			return -ENOMEM;
		pieces->v = v;
		pieces->size = size;
	}
	pieces->v[pieces->n++] = (struct otlp_piece){group, kind, at, pieces->bytes.n - at};
	return 0;
}

static int in_order(const void *a, const void *b)
{
	const struct otlp_piece *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

void otlp_pieces_sort(struct otlp_pieces *pieces)
{
	if (pieces->n > 0)
		qsort(pieces->v, pieces->n, sizeof(*pieces->v), in_order);
}

void otlp_pieces_clear(struct otlp_pieces *pieces)
{
	otlp_clear(&pieces->bytes);
	pieces->n = 0;
}

void otlp_pieces_free(struct otlp_pieces *pieces)
{
	otlp_free(&pieces->bytes);
	free(pieces->v);
	pieces->v = NULL;
	pieces->n = pieces->size = 0;
}

void otlp_put_scope(struct otlp_writer *w)
{
	otlp_open(w, F_SCOPE);
	otlp_text(w, OTLP_FIELD(1, "name"), slice_of(OTLP_SCOPE_NAME));
	otlp_text(w, OTLP_FIELD(2, "version"), slice_of(KEYHOLE_VERSION));
	otlp_close(w);
}

static void open_attr(struct otlp_writer *w, struct otlp_field list, struct slice key)
{
	otlp_open_item(w, list);
	otlp_text(w, F_KEY, key);
	otlp_open(w, F_VALUE);
}

static void close_attr(struct otlp_writer *w)
{
	otlp_close(w);
	otlp_close(w);
}

void otlp_attr_text(struct otlp_writer *w, struct otlp_field list, struct slice key,
		    struct slice value)
{
	open_attr(w, list, key);
	otlp_text(w, F_STRING, value);
	close_attr(w);
}

void otlp_attr_int(struct otlp_writer *w, struct otlp_field list, struct slice key, int64_t value)
{
	open_attr(w, list, key);
	otlp_int64(w, F_INT, value);
	close_attr(w);
}

void otlp_attr_true(struct otlp_writer *w, struct otlp_field list, struct slice key)
{
	open_attr(w, list, key);
	otlp_bool(w, OTLP_FIELD(2, "boolValue"), true);
	close_attr(w);
}

void otlp_attrs_constant(struct otlp_writer *w)
{
	otlp_attr_text(w, F_RESOURCE_ATTRS, slice_of("telemetry.sdk.name"), slice_of("keyhole"));
	otlp_attr_text(w, F_RESOURCE_ATTRS, slice_of("telemetry.sdk.version"),
		       slice_of(KEYHOLE_VERSION));
	otlp_attr_text(w, F_RESOURCE_ATTRS, slice_of("os.type"), slice_of("linux"));
}
