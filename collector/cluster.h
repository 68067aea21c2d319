/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kubernetes cluster that the collector runs in, if it does: where its API (or the node's
 * kubelet) is, the pods that it tells of, and who has which address. Belongs to the front thread;
 * the intake reads the store and the peers.
 */
#ifndef KEYHOLE_CLUSTER_H
#define KEYHOLE_CLUSTER_H

#include "config/config.h"
#include "identity/peer_name.h"
#include "kept_keys.h"
#include "kube/node_source.h"
#include "kube/pod_source.h"
#include "peer_watches.h"
#include "telemetry/telemetry.h"

struct cluster {
	bool there;
	struct kube_options api;
	struct kube_options kubelet; /* in its place, for the node's pods; else zeroed */
	struct kept_keys *kept;
	struct kube_store *store; /* NULL: no cluster */
	struct kube_pod_source *pods;
	struct kube_client *client;
	struct peers *peers; /* NULL: no address has a name */
	struct peer_watches watches;
	/* keyhole.cluster_name_from_node */
	struct kube_node_source *node;
	struct kube_client *node_client;
	char name[KUBE_CLUSTER_NAME_MAX + 1]; /* what the node's labels say; "": nothing yet */
	void (*on_name)(void *arg);           /* called once, when it is there; NULL: nobody asks */
	void *arg;
};

/*
 * Each returns 0 or -errno, said in one line. Finding no cluster is fine unless the configuration
 * insists on one. cluster_start() comes when all is made that asks the peers.
 */
int cluster_find(struct cluster *cluster, const struct config *config);
int cluster_start(struct cluster *cluster, struct loop *loop, const struct config *config);

/*
 * A new configuration may look at labels that were not kept: then the pods are listed again, by a
 * new client, which `replaced` is told before the old one is gone. The store stays, so that
 * nothing is forgotten meanwhile.
 */
int cluster_follow(struct cluster *cluster, struct loop *loop, const struct config *config,
		   void (*replaced)(void *arg, struct kube_client *client), void *arg);

/* What the sandbox must leave open: up to `n` paths, and a port. Returns how many, or -ENOSPC. */
int cluster_paths(const struct cluster *cluster, const char *paths[], size_t n);
uint16_t cluster_port(const struct cluster *cluster);

/* Names for addresses, where there is a cluster that knows them. */
struct peer_namer cluster_namer(const struct cluster *cluster);

void cluster_stop(struct cluster *cluster); /* no more requests; the pipeline may still look */
void cluster_free(struct cluster *cluster); /* after the pipeline */

#endif
