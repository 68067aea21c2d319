/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finished span, as it goes from the intake thread (which makes it) to the front thread (which
 * sends it). All text is inline and bounded; nothing points outside but the resource, and names of
 * attributes, which are constants. Numbers of kinds and statuses are OTLP's (trace.proto).
 */
#ifndef KEYHOLE_TRACE_SPAN_H
#define KEYHOLE_TRACE_SPAN_H

#include "../service/resource.h"
#include "../slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SPAN_TRACE_ID_LEN 16
#define SPAN_ID_LEN 8
#define SPAN_NAME_MAX 256   /* bytes of a name, cut on a UTF-8 boundary */
#define SPAN_STATE_MAX 512  /* bytes of a trace state (W3C: what a vendor must propagate) */
#define SPAN_ATTRS_MAX 32   /* attributes of a span; more are counted in dropped_attrs */
#define SPAN_LINKS_MAX 4    /* links of a span; more are counted in dropped_links */
#define SPAN_TEXT_MAX 4096  /* bytes of all texts of a span: name, state and values */
#define SPAN_VALUE_MAX 1024 /* bytes of one attribute's value, cut on a UTF-8 boundary */

enum span_kind {
	SPAN_INTERNAL = 1,
	SPAN_SERVER = 2,
	SPAN_CLIENT = 3,
	SPAN_PRODUCER = 4,
	SPAN_CONSUMER = 5,
};

enum span_status {
	SPAN_UNSET = 0,
	SPAN_OK = 1,
	SPAN_ERROR = 2,
};

/* A text of the span: where it lies in text[]. */
struct span_text {
	uint16_t at, n;
};

struct span_attr {
	const char *name;     /* a constant: OpenTelemetry's name, with dots */
	bool is_int, is_true; /* neither: a text */
	union {
		struct span_text text;
		int64_t number;
	};
};

struct span_link {
	uint8_t trace_id[SPAN_TRACE_ID_LEN];
	uint8_t span_id[SPAN_ID_LEN];
};

struct span {
	uint8_t trace_id[SPAN_TRACE_ID_LEN];
	uint8_t span_id[SPAN_ID_LEN];
	uint8_t parent_id[SPAN_ID_LEN]; /* zero: none */
	uint8_t flags;                  /* W3C trace flags: bit 0 sampled */
	bool parent_remote;             /* the parent is of another process */
	uint8_t kind;                   /* enum span_kind */
	uint8_t status;                 /* enum span_status */
	uint64_t start_ns, end_ns;      /* CLOCK_REALTIME */
	struct resource *resource;      /* never NULL in the queue; who holds the span refers */
	struct span_text name, state;
	uint16_t dropped_attrs, dropped_links;
	uint8_t attrs_n, links_n;
	uint16_t text_n; /* bytes used of text[] */
	struct span_attr attr[SPAN_ATTRS_MAX];
	struct span_link link[SPAN_LINKS_MAX];
	char text[SPAN_TEXT_MAX]; /* valid UTF-8; last: only text_n bytes of it are copied */
};

/* Begins a span; the rest is set by whoever makes it. text[] is not cleared. */
static inline void span_init(struct span *span)
{
	memset(span, 0, offsetof(struct span, text));
}

static inline struct slice span_slice(const struct span *span, struct span_text text)
{
	return (struct slice){span->text + text.at, text.n};
}

/* Keep a text: cleaned (bad bytes become U+FFFD) and cut to its limit or to the room left. */
void span_set_name(struct span *span, struct slice name);
void span_set_state(struct span *span, struct slice state);

/* An empty text puts nothing. What does not fit is counted in dropped_attrs. */
void span_put_text(struct span *span, const char *name, struct slice value);
void span_put_int(struct span *span, const char *name, int64_t value);
void span_put_true(struct span *span, const char *name);
void span_put_link(struct span *span, const uint8_t trace_id[SPAN_TRACE_ID_LEN],
		   const uint8_t span_id[SPAN_ID_LEN]);

#endif
