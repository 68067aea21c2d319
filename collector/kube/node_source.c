/* SPDX-License-Identifier: Apache-2.0 */
#include "node_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

struct kube_node_source {
	struct kube_source source;
	void (*named)(void *arg, const char *cluster);
	void *arg;
	char *selector, *what;
};

/* Best first, as Beyla looks for them. */
static const char *const labels[] = {
	"alpha.eksctl.io/cluster-name",
	"cluster.x-k8s.io/cluster-name",
	"kubernetes.azure.com/cluster",
};

static int put(void *arg, const struct cJSON *object, struct kube_decode_stats *stats)
{
	const struct kube_node_source *node = arg;
	const struct cJSON *all = kube_json_get(kube_json_get(object, "metadata"), "labels");

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		const char *name = kube_json_text(all, labels[i]);

		if (!name || !*name || strlen(name) > KUBE_CLUSTER_NAME_MAX)
			continue;
		node->named(node->arg, name);
		break;
	}
	return 0;
}

static int gone(void *arg, const struct cJSON *object, struct kube_decode_stats *stats)
{
	return 0; /* its name stays the cluster's */
}

static void nothing(void *arg)
{
}

struct kube_node_source *
kube_node_source_new(const char *node, void (*named)(void *arg, const char *cluster), void *arg)
{
	struct kube_node_source *source = calloc(1, sizeof(*source));

	if (!source)
		return NULL;
	source->named = named;
	source->arg = arg;
	if (asprintf(&source->selector, "metadata.name=%s", node) < 0)
		source->selector = NULL;
	if (asprintf(&source->what, "node %s", node) < 0)
		source->what = NULL;
	if (!source->selector || !source->what) {
		kube_node_source_free(source);
		return NULL;
	}
	source->source = (struct kube_source){
		.path = "/api/v1/nodes",
		.selector = source->selector,
		.kind = "PartialObjectMetadata",
		.accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
			  "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
		.what = source->what,
		.put = put,
		.gone = gone,
		.list_begin = nothing,
		.list_end = nothing,
		.settle = nothing,
		.arg = source,
	};
	return source;
}

void kube_node_source_free(struct kube_node_source *source)
{
	if (!source)
		return;
	free(source->selector);
	free(source->what);
	free(source);
}

const struct kube_source *kube_node_source_of(const struct kube_node_source *source)
{
	return &source->source;
}
