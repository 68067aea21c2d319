/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_MODULE "kube"
#include "pod_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../log.h"

#define NS_PER_MS 1000000ull
#define RETRY_MS 1000 /* when there was no memory for a snapshot */

struct kube_pod_source {
	struct kube_source source;
	struct loop *loop;
	const struct kube_options *options;
	struct kube_store *store;
	char *selector, *what;
	uint64_t published_ns;
	bool full_noted, memory_noted; /* the log says so */
};

static void on_publish(void *arg)
{
	struct kube_pod_source *pods = arg;
	uint64_t now = loop_now_ns(), expiry;

	pods->published_ns = now;
	if (kube_store_publish(pods->store, now)) {
		if (!pods->memory_noted)
			log_warn("out of memory: what is new about pods is not seen yet; trying "
				 "again each second");
		pods->memory_noted = true;
		loop_after(pods->loop, RETRY_MS, on_publish, pods);
		return;
	}
	pods->memory_noted = false;
	expiry = kube_store_expiry(pods->store);
	if (expiry)
		loop_after(pods->loop, expiry > now ? (expiry - now) / NS_PER_MS + 1 : 1,
			   on_publish, pods);
}

/* Changes that come together are published together. */
static void settle(void *arg)
{
	struct kube_pod_source *pods = arg;
	uint64_t since_ms = (loop_now_ns() - pods->published_ns) / NS_PER_MS;

	if (kube_store_changed(pods->store))
		loop_after(pods->loop, since_ms >= KUBE_PUBLISH_MS ? 0 : KUBE_PUBLISH_MS - since_ms,
			   on_publish, pods);
}

static int put(void *arg, const struct cJSON *object, struct kube_decode_stats *stats)
{
	struct kube_pod_source *pods = arg;
	struct kube_pod *pod;
	int ret = kube_decode_pod_object(object, pods->options->keep, stats, &pod);

	if (ret)
		return ret;
	if (kube_store_put(pods->store, pod) != -ENOSPC || pods->full_noted)
		return 0;
	pods->full_noted = true;
	log_warn("the table of pods is full (%llu): further ones have no names; raise its limit or "
		 "give a node name",
		 (unsigned long long)kube_store_stats(pods->store).pods);
	return 0;
}

static int gone(void *arg, const struct cJSON *object, struct kube_decode_stats *stats)
{
	struct kube_pod_source *pods = arg;
	const char *uid = kube_json_text(kube_json_get(object, "metadata"), "uid");

	if (!uid || !*uid) {
		stats->refused++;
		return -EBADMSG;
	}
	kube_store_delete(pods->store, slice_of(uid), loop_now_ns());
	return 0;
}

static void list_begin(void *arg)
{
	struct kube_pod_source *pods = arg;

	kube_store_list_begin(pods->store);
}

static void list_end(void *arg)
{
	struct kube_pod_source *pods = arg;

	kube_store_list_end(pods->store, loop_now_ns());
}

static int name_it(struct kube_pod_source *pods, const char *node)
{
	if (!node)
		return asprintf(&pods->what, "pods of all nodes") < 0 ? -ENOMEM : 0;
	if (asprintf(&pods->what, "pods of %s", node) < 0 ||
	    asprintf(&pods->selector, "spec.nodeName=%s", node) < 0)
		return -ENOMEM;
	return 0;
}

struct kube_pod_source *kube_pod_source_new(struct loop *loop, const struct kube_options *options,
					    struct kube_store *store)
{
	struct kube_pod_source *pods = calloc(1, sizeof(*pods));

	if (!pods)
		return NULL;
	pods->loop = loop;
	pods->options = options;
	pods->store = store;
	if (name_it(pods, options->node)) {
		kube_pod_source_free(pods);
		return NULL;
	}
	pods->source = (struct kube_source){.path = "/api/v1/pods",
					    .selector = pods->selector,
					    .kind = "Pod",
					    .what = pods->what,
					    .put = put,
					    .gone = gone,
					    .list_begin = list_begin,
					    .list_end = list_end,
					    .settle = settle,
					    .arg = pods};
	return pods;
}

void kube_pod_source_free(struct kube_pod_source *pods)
{
	if (!pods)
		return;
	loop_cancel(pods->loop, on_publish, pods);
	free(pods->selector);
	free(pods->what);
	free(pods);
}

const struct kube_source *kube_pod_source_of(const struct kube_pod_source *pods)
{
	return &pods->source;
}
