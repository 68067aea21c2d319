/* SPDX-License-Identifier: Apache-2.0 */
#include "peer_watches.h"

#include <errno.h>

#define CONFIRM_MS 1000
#define CONFIRM_FIRST_MS 50 /* until the lists are there: names are waited for */

bool peer_watch_current(const struct peer_watch *watch)
{
	return watch->client && kube_client_stats(watch->client).current;
}

static void on_confirm(void *arg)
{
	struct peer_watches *w = arg;
	uint64_t ms = CONFIRM_MS;

	for (int source = 0; source < PEERS_SOURCES; source++) {
		struct peer_watch *watch = &w->watch[source];

		if (peer_watch_current(watch))
			peers_confirm(w->peers, source, loop_now_ns());
		else if (watch->client && !kube_client_synced(watch->client))
			ms = CONFIRM_FIRST_MS;
	}
	loop_after(w->loop, ms, on_confirm, w);
}

static int start_watch(struct peer_watches *w, enum peers_source source, size_t room,
		       struct kube_pod_source *(*make)(struct loop *, const struct kube_options *,
						       struct kube_store *))
{
	struct peer_watch *watch = &w->watch[source];

	watch->store = kube_store_new(room);
	if (watch->store)
		watch->source = make(w->loop, &w->options, watch->store);
	if (watch->source)
		watch->client =
			kube_client_new(w->loop, &w->options, kube_pod_source_of(watch->source));
	if (!watch->client)
		return -ENOMEM;
	peers_follow(w->peers, source, watch->store);
	return kube_client_start(watch->client);
}

int peer_watches_start(struct peer_watches *w, struct loop *loop,
		       const struct kube_options *options, struct peers *peers,
		       const struct peer_watch *here, size_t elsewhere, size_t services)
{
	int r = 0;

	*w = (struct peer_watches){.peers = peers, .loop = loop, .options = *options};
	w->watch[PEERS_HERE] = *here;
	peers_follow(peers, PEERS_HERE, here->store);
	if (elsewhere && options->node) /* without a node's name, all pods are here */
		r = start_watch(w, PEERS_ELSEWHERE, elsewhere, kube_pod_source_elsewhere);
	if (!r && services)
		r = start_watch(w, PEERS_SERVICES, services,
				kube_pod_source_services);
	return r ? r : loop_after(loop, CONFIRM_FIRST_MS, on_confirm, w);
}

int peer_watches_relist(struct peer_watches *w, const struct kube_keep *keep,
			struct kube_client *here)
{
	struct peer_watch *watch = &w->watch[PEERS_ELSEWHERE];
	const struct kube_keep *before = w->options.keep;
	struct kube_client *client = NULL;

	w->options.keep = keep;
	if (watch->client) {
		client = kube_client_new(w->loop, &w->options, kube_pod_source_of(watch->source));
		if (!client || kube_client_start(client)) {
			kube_client_free(client);
			w->options.keep = before;
			return -ENOMEM;
		}
		kube_client_free(watch->client);
		watch->client = client;
	}
	w->watch[PEERS_HERE].client = here;
	return 0;
}

void peer_watches_free(struct peer_watches *w)
{
	if (!w->loop)
		return;
	loop_cancel(w->loop, on_confirm, w);
	for (int source = 0; source < PEERS_SOURCES; source++) {
		struct peer_watch *watch = &w->watch[source];

		if (source == PEERS_HERE)
			continue;
		kube_client_free(watch->client);
		kube_pod_source_free(watch->source);
		kube_store_free(watch->store);
		*watch = (struct peer_watch){0};
	}
	w->loop = NULL;
}

uint64_t peer_watches_bytes(const struct peer_watches *w)
{
	uint64_t sum = 0;

	for (int source = 0; source < PEERS_SOURCES; source++)
		if (source != PEERS_HERE && w->watch[source].store)
			sum += kube_store_stats(w->watch[source].store).bytes;
	return sum;
}
