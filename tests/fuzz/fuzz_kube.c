/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API server sends: first byte even = a list, odd = a watch; second byte = chunk size. The
 * same bytes cut at once and in chunks must give the same objects, and each object is decoded.
 */
#include <stdlib.h>

#include "../../collector/kube/decode.h"
#include "../../collector/kube/split.h"

struct seen {
	struct kube_decode_stats stats;
	enum kube_split_mode mode;
	uint64_t bytes;
};

static int see(void *arg, struct slice object)
{
	struct seen *seen = arg;
	struct kube_event event = {0};
	struct kube_pod *pod = NULL;

	seen->bytes += object.n;
	if (seen->mode == KUBE_SPLIT_WATCH)
		kube_event_decode(object, "Pod", &event);
	else
		kube_decode_pod(object, &kube_keep_default, &seen->stats, &pod);
	if (event.object)
		kube_decode_pod_object(event.object, &kube_keep_default, &seen->stats, &pod);
	kube_event_free(&event);
	kube_pod_unref(pod);
	return 0;
}

static int cut(struct seen *seen, struct slice text, size_t chunk)
{
	struct kube_split split;
	int ret = 0;

	kube_split_init(&split, seen->mode, see, seen);
	for (size_t at = 0; at < text.n && !ret; at += chunk) {
		size_t n = text.n - at < chunk ? text.n - at : chunk;

		ret = kube_split_feed(&split, (struct slice){text.p + at, n});
	}
	if (!ret)
		ret = kube_split_end(&split);
	kube_split_free(&split);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data + 2, size - 2};
	struct seen whole = {0}, chunked = {0};
	struct kube_status status;

	if (size < 2)
		return 0;
	whole.mode = chunked.mode = data[0] & 1 ? KUBE_SPLIT_WATCH : KUBE_SPLIT_LIST;
	if (cut(&whole, text, size) != cut(&chunked, text, 1 + data[1]) ||
	    whole.bytes != chunked.bytes || whole.stats.pods != chunked.stats.pods)
		abort();
	kube_status_decode(text, &status);
	return 0;
}
