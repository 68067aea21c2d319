/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's pods as a client's source: what the API says of them goes into the store, and the
 * store's snapshots to the intake. Without a node name, the pods of the whole cluster.
 */
#ifndef KEYHOLE_KUBE_POD_SOURCE_H
#define KEYHOLE_KUBE_POD_SOURCE_H

#include "../loop.h"
#include "options.h"
#include "source.h"
#include "store.h"

#define KUBE_PUBLISH_MS 20        /* at most one new snapshot in this time */
#define KUBE_PUBLISH_PEERS_MS 100 /* likewise; there may be 10,000, and nothing waits for them */

/* Peers in their tables, deleted ones included: about 400 bytes each. */
#define KUBE_PEER_PODS_MAX 16384
#define KUBE_PEER_SERVICES_MAX 8192

struct kube_pod_source;

/* `options` and `store` stay the caller's and must outlive it. NULL: out of memory. */
struct kube_pod_source *kube_pod_source_new(struct loop *loop, const struct kube_options *options,
					    struct kube_store *store);
void kube_pod_source_free(struct kube_pod_source *pods); /* after its client */

/*
 * Sources of peers' names, each with a store of its own: the pods of all nodes but options->node,
 * which must be given, and Services. A pod has its addresses in its status, a Service in its spec,
 * so metadata alone (PartialObjectMetadata) would not do; EndpointSlices lack the owner and do not
 * say that an address is that of a node. Of each, only names, owner and addresses are kept.
 */
struct kube_pod_source *kube_pod_source_elsewhere(struct loop *loop,
						  const struct kube_options *options,
						  struct kube_store *store);
struct kube_pod_source *kube_pod_source_services(struct loop *loop,
						 const struct kube_options *options,
						 struct kube_store *store);

const struct kube_source *kube_pod_source_of(const struct kube_pod_source *pods);

#endif
