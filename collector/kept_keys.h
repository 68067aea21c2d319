/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which labels and annotations of pods are kept, as selectors and names of a configuration ask
 * for: a copy, since the Kubernetes client uses it longer than a reload lets the configuration
 * live.
 */
#ifndef KEYHOLE_KEPT_KEYS_H
#define KEYHOLE_KEPT_KEYS_H

#include "config/config.h"
#include "kube/decode.h"

#define KEPT_KEYS_MAX 64 /* labels, and annotations, that are asked for */

struct kept_keys {
	const char *labels[KEPT_KEYS_MAX + 1], *annotations[KEPT_KEYS_MAX + 1];
	struct kube_keep keep;
};

/* Returns 0, or -ENOSPC or -ENOMEM, said in one line. */
int kept_keys_new(struct kept_keys **keys, const struct config *config);
void kept_keys_free(struct kept_keys *keys); /* NULL is fine */
bool kept_keys_same(const struct kept_keys *a, const struct kept_keys *b);

#endif
