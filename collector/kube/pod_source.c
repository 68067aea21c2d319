/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_MODULE "kube"
#include "pod_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../log.h"

#define NS_PER_MS 1000000ull
#define RETRY_MS 1000 /* when there was no memory for a snapshot */

/* What follows from whose names they are. */
struct kind {
	const char *path, *kind;
	int (*decode)(const struct cJSON *object, const struct kube_keep *keep,
		      struct kube_decode_stats *stats, struct kube_pod **pod);
	bool peers; /* names for addresses only */
	uint64_t publish_ms;
	const char *full; /* what it means that the table is, and what to do */
};

struct kube_pod_source {
	struct kube_source source;
	const struct kind *kind;
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
		loop_after(pods->loop,
			   since_ms >= pods->kind->publish_ms ? 0
							      : pods->kind->publish_ms - since_ms,
			   on_publish, pods);
}

static int put(void *arg, const struct cJSON *object, struct kube_decode_stats *stats)
{
	struct kube_pod_source *pods = arg;
	struct kube_pod *pod;
	int ret = pods->kind->decode(object, pods->options->keep, stats, &pod);

	if (ret)
		return ret;
	if (pods->kind->peers && (pod->host_network || !pod->ip_count)) {
		/* nobody can be met there */
		kube_store_delete(pods->store, slice_of(pod->uid), loop_now_ns());
		kube_pod_unref(pod);
		return 0;
	}
	if (kube_store_put(pods->store, pod) != -ENOSPC || pods->full_noted)
		return 0;
	pods->full_noted = true;
	log_warn("%s (it has %llu)", pods->kind->full,
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

static int decode_service(const struct cJSON *object, const struct kube_keep *keep,
			  struct kube_decode_stats *stats, struct kube_pod **pod)
{
	return kube_decode_service_object(object, stats, pod);
}

static const struct kind here = {
	.path = "/api/v1/pods",
	.kind = "Pod",
	.decode = kube_decode_pod_object,
	.publish_ms = KUBE_PUBLISH_MS,
	.full = "the table of pods is full: further ones have no names; raise its limit or give a "
		"node "
		"name",
};

static const struct kind elsewhere = {
	.path = "/api/v1/pods",
	.kind = "Pod",
	.decode = kube_decode_peer_object,
	.peers = true,
	.publish_ms = KUBE_PUBLISH_PEERS_MS,
	.full = "the table of other nodes' pods is full: further ones are not named as peers; the "
		"cluster is too large to have pods in keyhole.peers",
};

static const struct kind services = {
	.path = "/api/v1/services",
	.kind = "Service",
	.decode = decode_service,
	.peers = true,
	.publish_ms = KUBE_PUBLISH_PEERS_MS,
	.full = "the table of Services is full: further ones are not named as peers",
};

/* Takes `what` and `selector`, which may be NULL where there was no memory. */
static struct kube_pod_source *make(struct loop *loop, const struct kube_options *options,
				    struct kube_store *store, const struct kind *kind, char *what,
				    char *selector, bool whole)
{
	struct kube_pod_source *pods = calloc(1, sizeof(*pods));

	if (!pods || !what || (!selector && !whole)) {
		free(pods);
		free(what);
		free(selector);
		return NULL;
	}
	pods->kind = kind;
	pods->loop = loop;
	pods->options = options;
	pods->store = store;
	pods->what = what;
	pods->selector = selector;
	pods->source = (struct kube_source){.path = kind->path,
					    .selector = selector,
					    .kind = kind->kind,
					    .what = what,
					    .put = put,
					    .gone = gone,
					    .list_begin = list_begin,
					    .list_end = list_end,
					    .settle = settle,
					    .arg = pods};
	return pods;
}

struct kube_pod_source *kube_pod_source_new(struct loop *loop, const struct kube_options *options,
					    struct kube_store *store)
{
	char *what = NULL, *selector = NULL;

	if (!options->node)
		return make(loop, options, store, &here, strdup("pods of all nodes"), NULL, true);
	if (asprintf(&what, "pods of %s", options->node) < 0)
		what = NULL;
	if (asprintf(&selector, "spec.nodeName=%s", options->node) < 0)
		selector = NULL;
	return make(loop, options, store, &here, what, selector, false);
}

struct kube_pod_source *kube_pod_source_elsewhere(struct loop *loop,
						  const struct kube_options *options,
						  struct kube_store *store)
{
	char *what = NULL, *selector = NULL;

	if (asprintf(&what, "pods not of %s", options->node) < 0)
		what = NULL;
	if (asprintf(&selector, "spec.nodeName!=%s,status.phase!=Succeeded,status.phase!=Failed",
		     options->node) < 0)
		selector = NULL;
	return make(loop, options, store, &elsewhere, what, selector, false);
}

struct kube_pod_source *kube_pod_source_services(struct loop *loop,
						 const struct kube_options *options,
						 struct kube_store *store)
{
	return make(loop, options, store, &services, strdup("Services"), NULL, true);
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
