/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes one OTLP message, in protobuf or in OTLP's JSON, by the same calls. Lengths of nested
 * messages are put in when they end. Numbers of fields: proto/otlp.proto. The two differ where
 * OTLP says so: in JSON ids are hexadecimal, 64-bit numbers are strings, enums are numbers.
 */
#ifndef KEYHOLE_EXPORT_OTLP_WRITER_H
#define KEYHOLE_EXPORT_OTLP_WRITER_H

#include "../slice.h"

#include <stdint.h>

#define OTLP_DEPTH_MAX 16 /* messages within messages */

struct otlp_field {
	unsigned int number;
	const char *json;
};

struct otlp_writer {
	bool json;
	char *p; /* the first n bytes; belongs to the writer */
	size_t n, size, max;
	size_t begun[OTLP_DEPTH_MAX]; /* where each open message's bytes begin */
	unsigned int depth;
	bool comma; /* of JSON: a value stands before */
	int error;  /* 0, -EFBIG (max was passed) or -ENOMEM; sticks */
};

#define OTLP_WRITER(is_json, limit)                                                                \
	(struct otlp_writer)                                                                       \
	{                                                                                          \
		.json = (is_json), .max = (limit)                                                  \
	}

void otlp_free(struct otlp_writer *w);
void otlp_clear(struct otlp_writer *w); /* keeps the memory */

/* The outermost message; of protobuf it has no frame. */
void otlp_begin(struct otlp_writer *w);
void otlp_end(struct otlp_writer *w);

/* A message as a field, and one of a list; `otlp_close` ends either. */
void otlp_open(struct otlp_writer *w, struct otlp_field field);
void otlp_open_item(struct otlp_writer *w, struct otlp_field field);
void otlp_close(struct otlp_writer *w);

/* Brackets of a repeated field, which only JSON has. */
void otlp_list(struct otlp_writer *w, struct otlp_field field);
void otlp_list_end(struct otlp_writer *w);
/* Items that a writer of the same kind wrote before. */
void otlp_items(struct otlp_writer *w, struct slice bytes);

/* Values are written even if they are the default: leave those out that should be absent. */
void otlp_text(struct otlp_writer *w, struct otlp_field field, struct slice text);
void otlp_id(struct otlp_writer *w, struct otlp_field field, const uint8_t *id, size_t n);
void otlp_small(struct otlp_writer *w, struct otlp_field field, uint32_t value); /* enum, uint32 */
void otlp_bool(struct otlp_writer *w, struct otlp_field field, bool value);
void otlp_int64(struct otlp_writer *w, struct otlp_field field, int64_t value);
void otlp_sint32(struct otlp_writer *w, struct otlp_field field, int32_t value);
void otlp_fixed32(struct otlp_writer *w, struct otlp_field field, uint32_t value);
void otlp_fixed64(struct otlp_writer *w, struct otlp_field field, uint64_t value);
void otlp_double(struct otlp_writer *w, struct otlp_field field, double value);
void otlp_packed_fixed64(struct otlp_writer *w, struct otlp_field field, const uint64_t *v,
			 size_t n);
void otlp_packed_uint64(struct otlp_writer *w, struct otlp_field field, const uint64_t *v,
			size_t n);
void otlp_packed_double(struct otlp_writer *w, struct otlp_field field, const double *v, size_t n);

#endif
