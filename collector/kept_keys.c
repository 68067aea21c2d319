/* SPDX-License-Identifier: Apache-2.0 */
#include "kept_keys.h"

#include <errno.h>
#include <stdlib.h>

#define LOG_MODULE "kubernetes"

/* Own copies of the first n; what is not copied is NULL. */
static int own(const char *list[], int n)
{
	bool failed = false;

	for (int i = 0; i < n; i++) {
		list[i] = failed ? NULL : strdup(list[i]);
		failed = !list[i];
	}
	return failed ? -ENOMEM : 0;
}

static int fill(struct kept_keys *keys, const struct config *config)
{
	int labels = config_pod_labels(config, keys->labels, KEPT_KEYS_MAX + 1);
	int annotations = config_pod_annotations(config, keys->annotations, KEPT_KEYS_MAX + 1);
	int r = own(keys->labels, labels < 0 ? 0 : labels);

	r |= own(keys->annotations, annotations < 0 ? 0 : annotations);
	if (labels < 0)
		keys->labels[0] = NULL;
	if (annotations < 0)
		keys->annotations[0] = NULL;
	return labels < 0 || annotations < 0 ? -ENOSPC : r;
}

int kept_keys_new(struct kept_keys **out, const struct config *config)
{
	struct kept_keys *keys = calloc(1, sizeof(*keys));
	int r = keys ? fill(keys, config) : -ENOMEM;

	if (r == -ENOSPC)
		log_error("more than %d labels or annotations of pods are asked for; use fewer in "
			  "discovery and resource_labels",
			  KEPT_KEYS_MAX);
	else if (r)
		log_error("the labels of pods that are kept: out of memory");
	if (r) {
		kept_keys_free(keys);
		return r;
	}
	keys->keep = (struct kube_keep){keys->labels, keys->annotations};
	*out = keys;
	return 0;
}

static void free_texts(const char *list[])
{
	for (; *list; list++)
		free((char *)*list);
}

void kept_keys_free(struct kept_keys *keys)
{
	if (!keys)
		return;
	free_texts(keys->labels);
	free_texts(keys->annotations);
	free(keys);
}

static bool same_texts(const char *const a[], const char *const b[])
{
	size_t i = 0;

	while (a[i] && b[i] && strcmp(a[i], b[i]) == 0)
		i++;
	return !a[i] && !b[i];
}

bool kept_keys_same(const struct kept_keys *a, const struct kept_keys *b)
{
	return same_texts(a->labels, b->labels) && same_texts(a->annotations, b->annotations);
}
