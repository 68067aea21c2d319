/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts the answers of the API into objects while they arrive, so that memory is one object and
 * not one list. Bytes may come in any chunks. Pure: no I/O, no clock; it allocates only the buffer
 * for an object that spans chunks.
 */
#ifndef KEYHOLE_KUBE_SPLIT_H
#define KEYHOLE_KUBE_SPLIT_H

#include <stdint.h>

#include "event.h"

#define KUBE_CONTINUE_MAX 2048 /* bytes of metadata.continue; real ones stay under 600 */
#define KUBE_KIND_MAX 32

enum kube_split_mode {
	KUBE_SPLIT_LIST,  /* one object; each element of its top-level "items" is cut out */
	KUBE_SPLIT_WATCH, /* objects one after another, with or without line ends between */
};

/* One whole object, valid during the call. Not 0: stop, kube_split_feed() returns it. */
typedef int (*kube_split_fn)(void *arg, struct slice object);

struct kube_split {
	enum kube_split_mode mode;
	kube_split_fn fn;
	void *arg;

	/* Of a list, complete when kube_split_end() returned 0; "" if absent. */
	char kind[KUBE_KIND_MAX];
	char version[KUBE_VERSION_MAX];
	char next[KUBE_CONTINUE_MAX]; /* metadata.continue */
	bool has_items;

	uint64_t objects;  /* handed out */
	uint64_t oversize; /* longer than KUBE_OBJECT_MAX: skipped */

	/* private */
	uint64_t is_object; /* bit d: nesting level d is an object, else an array */
	uint8_t depth, expect, key[2];
	bool in_string, escaped, in_literal, done, cutting, skipping;
	char token[24]; /* the key being read, in the two outer levels */
	char *into;     /* where the text being read goes, NULL: nowhere */
	size_t into_size, into_used;
	char *buffer;
	size_t used, size;
};

void kube_split_init(struct kube_split *split, enum kube_split_mode mode, kube_split_fn fn,
		     void *arg);

/*
 * 0; -EBADMSG: this is not JSON, or not of the shape of `mode`; -E2BIG: nested deeper than
 * KUBE_DEPTH_MAX, or a field of the envelope is too long; -ENOMEM; or what `fn` returned. After an
 * error the splitter is of no more use.
 */
int kube_split_feed(struct kube_split *split, struct slice bytes);

/* 0 if the bytes so far end where a document may end, else -EBADMSG. */
int kube_split_end(const struct kube_split *split);

void kube_split_free(struct kube_split *split);

#endif
