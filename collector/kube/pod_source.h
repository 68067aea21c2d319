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

#define KUBE_PUBLISH_MS 20 /* at most one new snapshot in this time */

struct kube_pod_source;

/* `options` and `store` stay the caller's and must outlive it. NULL: out of memory. */
struct kube_pod_source *kube_pod_source_new(struct loop *loop, const struct kube_options *options,
					    struct kube_store *store);
void kube_pod_source_free(struct kube_pod_source *pods); /* after its client */

const struct kube_source *kube_pod_source_of(const struct kube_pod_source *pods);

#endif
