/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for the other ends of exchanges, kept current: the node's own pods, which are watched
 * anyway, and where the configuration asks for it pods of other nodes and Services, by a watch
 * each. Front thread; the intake asks `peers`.
 */
#ifndef KEYHOLE_PEER_WATCHES_H
#define KEYHOLE_PEER_WATCHES_H

#include "identity/peers.h"
#include "kube/client.h"
#include "kube/pod_source.h"

struct peer_watch {
	struct kube_store *store;
	struct kube_client *client;
	struct kube_pod_source
		*source; /* NULL for the node's own pods: store and client are lent */
};

struct peer_watches {
	struct peers *peers; /* given */
	struct loop *loop;
	struct peer_watch watch[PEERS_SOURCES];
	struct kube_options options; /* a copy: what it points to is the caller's */
};

/*
 * Takes over nothing: what `options` points to, `peers`, and the store and client of the node's
 * own pods outlive it. `elsewhere` and `services`: what else is watched, and how many of each are
 * remembered; 0: none. Makes clients: before
 * the sandbox is entered. Returns 0 or -ENOMEM; free it in either case, before these.
 */
int peer_watches_start(struct peer_watches *watches, struct loop *loop,
		       const struct kube_options *options, struct peers *peers,
		       const struct peer_watch *here, size_t elsewhere, size_t services);
/*
 * Other labels are to be kept: `keep` takes the place of what options->keep was, and `here` is the
 * client of the node's own pods from now on. -ENOMEM: nothing has changed.
 */
int peer_watches_relist(struct peer_watches *watches, const struct kube_keep *keep,
			struct kube_client *here);
void peer_watches_free(struct peer_watches *watches); /* zeroed is fine */

/* Whether each watch that there should be is current, and what the tables hold. */
bool peer_watch_current(const struct peer_watch *watch);
uint64_t peer_watches_bytes(const struct peer_watches *watches); /* of the tables of their own */

#endif
