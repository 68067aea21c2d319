/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node that the collector runs on, as a client's source: all that is looked at are the labels
 * by which EKS, Cluster API and AKS say the cluster's name. Metadata only is asked for.
 */
#ifndef KEYHOLE_KUBE_NODE_SOURCE_H
#define KEYHOLE_KUBE_NODE_SOURCE_H

#include "source.h"

#define KUBE_CLUSTER_NAME_MAX 253 /* bytes; a longer one is none */

struct kube_node_source;

/* `named` is called with each name that a label gives; it is hostile, and valid during the call. */
struct kube_node_source *kube_node_source_new(const char *node,
					      void (*named)(void *arg, const char *cluster),
					      void *arg);    /* NULL: out of memory */
void kube_node_source_free(struct kube_node_source *source); /* after its client; NULL is fine */

const struct kube_source *kube_node_source_of(const struct kube_node_source *source);

#endif
