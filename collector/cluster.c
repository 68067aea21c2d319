/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster.h"

#include <errno.h>
#include <string.h>

#include "log.h"

#define LOG_MODULE "main"

static const char *or_null(const char *text)
{
	return text && *text ? text : NULL;
}

/* The node's pods from its kubelet: the API is not asked for them, and need not be there. */
static int find_kubelet(struct cluster *c, const struct config *conf)
{
	const struct kube_kubelet kubelet = {.url = conf->keyhole.kubelet_url,
					     .ca_file = conf->keyhole.kubelet_ca,
					     .insecure = conf->keyhole.kubelet_insecure,
					     .poll_ms = conf->keyhole.kubelet_ns / 1000000};
	int r;

	r = kube_options_kubelet(&c->kubelet, &kubelet, or_null(conf->keyhole.node_name), NULL);
	c->there = !r;
	return r;
}

/* Where is the API? Not finding one is fine unless the configuration insists. */
static int find_api(struct cluster *c, const struct config *conf)
{
	int r;

	if (conf->kubernetes.enable == CONFIG_KUBERNETES_OFF)
		return 0;
	if (conf->keyhole.kubernetes_source == CONFIG_SOURCE_KUBELET)
		return find_kubelet(c, conf);
	r = kube_options_discover(&c->api, or_null(conf->kubernetes.kubeconfig_path),
				  or_null(conf->keyhole.node_name), NULL);
	if (r == -ENOENT && conf->kubernetes.enable == CONFIG_KUBERNETES_AUTODETECT) {
		log_info("no Kubernetes cluster found: workloads are named by container and "
			 "process");
		return 0;
	}
	if (r == -ENOENT)
		log_error("attributes.kubernetes.enable is true, but there is no cluster: neither "
			  "KUBERNETES_SERVICE_HOST nor a kubeconfig; use autodetect or set "
			  "attributes.kubernetes.kubeconfig_path");
	if (r)
		return r;
	c->there = true;
	return 0;
}

static const struct kube_options *pods_options(const struct cluster *c)
{
	return c->kubelet.host ? &c->kubelet : &c->api;
}

/* Before filters and telemetry, which ask them; they learn from the API what make_client() brings.
 */
static int make_peers(struct cluster *c, const struct config *conf)
{
	bool elsewhere, services;

	config_peers(conf, &elsewhere, &services);
	/* A kubelet is asked now and then: meanwhile an address may have gone to another pod. */
	if (c->kubelet.host && (elsewhere || services))
		log_warn("keyhole.peers: no peer is named with keyhole.kubernetes_source: kubelet; "
			 "use api for that");
	if (!c->there || c->kubelet.host)
		return 0;
	c->peers = peers_new();
	if (!c->peers)
		log_error("names of peers cannot be set up: out of memory");
	return c->peers ? 0 : -ENOMEM;
}

int cluster_find(struct cluster *c, const struct config *conf)
{
	int r = find_api(c, conf);

	return r ? r : make_peers(c, conf);
}

static int make_client(struct cluster *c, struct loop *loop, const struct config *conf)
{
	int r;

	if (!c->there)
		return 0;
	r = kept_keys_new(&c->kept, conf);
	if (r)
		return r;
	c->api.keep = c->kubelet.keep = &c->kept->keep;
	if (conf->kubernetes.reconnect_ns)
		c->api.backoff_min_ms = c->kubelet.backoff_min_ms =
			(unsigned int)(conf->kubernetes.reconnect_ns / 1000000);
	c->store = kube_store_new(0);
	c->pods = c->store ? kube_pod_source_new(loop, pods_options(c), c->store) : NULL;
	c->client = c->pods ? kube_client_new(loop, pods_options(c), kube_pod_source_of(c->pods))
			    : NULL;
	if (!c->client) {
		log_error("the Kubernetes client cannot be set up: out of memory");
		return -ENOMEM;
	}
	return kube_client_start(c->client);
}

static int watch_peers(struct cluster *c, struct loop *loop, const struct config *conf)
{
	const struct peer_watch here = {.store = c->store, .client = c->client};
	bool elsewhere, services;
	int r;

	if (!c->peers)
		return 0;
	config_peers(conf, &elsewhere, &services);
	r = peer_watches_start(&c->watches, loop, &c->api, c->peers, &here,
			       elsewhere ? conf->shares.peer_pods : 0,
			       services ? conf->shares.peer_services : 0);
	if (r)
		log_error("the watches of peers cannot be set up: %s", strerror(-r));
	return r;
}

static void on_cluster_name(void *arg, const char *name)
{
	struct cluster *c = arg;
	char shown[128];

	/* Whoever has the name points here, so it is written once; another one waits for a start.
	 */
	if (*c->name)
		return;
	memcpy(c->name, name, strlen(name) + 1);
	log_info("the node's labels name the cluster: %s",
		 log_text(slice_of(c->name), shown, sizeof(shown)));
	if (c->on_name)
		c->on_name(c->arg);
}

/* One more right (nodes: get, list, watch), so only where it is asked for. */
static int watch_node(struct cluster *c, struct loop *loop, const struct config *conf)
{
	if (!conf->keyhole.cluster_name_from_node || *conf->kubernetes.cluster_name || !c->there)
		return 0;
	if (c->kubelet.host || !c->api.node) {
		log_warn("keyhole.cluster_name_from_node: no node is asked for %s",
			 c->kubelet.host ? "with keyhole.kubernetes_source: kubelet"
					 : "where the pods of all nodes are followed");
		return 0;
	}
	c->node = kube_node_source_new(c->api.node, on_cluster_name, c);
	if (c->node)
		c->node_client = kube_client_new(loop, &c->api, kube_node_source_of(c->node));
	if (!c->node_client) {
		log_error("the watch of the node cannot be set up: out of memory");
		return -ENOMEM;
	}
	return kube_client_start(c->node_client);
}

int cluster_start(struct cluster *c, struct loop *loop, const struct config *conf)
{
	int r = make_client(c, loop, conf);

	if (!r)
		r = watch_node(c, loop, conf);
	return r ? r : watch_peers(c, loop, conf);
}

int cluster_follow(struct cluster *c, struct loop *loop, const struct config *config,
		   void (*replaced)(void *arg, struct kube_client *client), void *arg)
{
	struct kept_keys *kept;
	struct kube_client *kube;
	int r = c->there ? kept_keys_new(&kept, config) : 0;

	if (r || !c->there)
		return r;
	if (kept_keys_same(kept, c->kept)) {
		kept_keys_free(kept);
		return 0;
	}
	c->api.keep = c->kubelet.keep = &kept->keep;
	kube = kube_client_new(loop, pods_options(c), kube_pod_source_of(c->pods));
	/* all that may fail comes first; it asks nothing before the loop runs again */
	r = kube ? kube_client_start(kube) : -ENOMEM;
	if (!r && c->peers)
		r = peer_watches_relist(&c->watches, &kept->keep, kube);
	if (r) {
		kube_client_free(kube);
		c->api.keep = c->kubelet.keep = &c->kept->keep;
		kept_keys_free(kept);
		log_error("the Kubernetes client cannot be set up: %s", strerror(-r));
		return r;
	}
	replaced(arg, kube);
	kube_client_free(c->client);
	c->client = kube;
	kept_keys_free(c->kept);
	c->kept = kept;
	log_info("other labels of pods are asked for: the pods are listed again");
	return 0;
}

int cluster_paths(const struct cluster *c, const char *paths[], size_t n)
{
	return kube_options_paths(pods_options(c), paths, n);
}

uint16_t cluster_port(const struct cluster *c)
{
	return pods_options(c)->port;
}

struct peer_namer cluster_namer(const struct cluster *c)
{
	return c->peers ? (struct peer_namer){peer_name_of, c->peers} : (struct peer_namer){0};
}

void cluster_stop(struct cluster *c)
{
	kube_client_free(c->node_client);
	kube_node_source_free(c->node);
	peer_watches_free(&c->watches);
	kube_client_free(c->client);
	kube_pod_source_free(c->pods);
}

void cluster_free(struct cluster *c)
{
	if (c->store)
		kube_store_free(c->store);
	peers_free(c->peers);
	if (c->there)
		kube_options_free(&c->api);
	kube_options_free(&c->kubelet);
	kept_keys_free(c->kept);
}
