/* SPDX-License-Identifier: Apache-2.0 */
#include "span_series.h"

#include "span_name.h"

#define SOURCE "keyhole" /* as on target_info */

static const char *const kinds[] = {
	[SPAN_ROLE_SERVER] = "SPAN_KIND_SERVER",
	[SPAN_ROLE_CLIENT] = "SPAN_KIND_CLIENT",
	[SPAN_ROLE_PRODUCER] = "SPAN_KIND_PRODUCER",
	[SPAN_ROLE_CONSUMER] = "SPAN_KIND_CONSUMER",
};

/* ---- of spans ---- */

attribute_set span_series_attributes(const struct attribute_extras *extras)
{
	attribute_set set = ATTR_BIT(RES_SERVICE_NAME) | ATTR_BIT(RES_SERVICE_NAMESPACE) |
			    ATTR_BIT(RES_INSTANCE) | ATTR_BIT(RES_JOB) | ATTR_BIT(RES_K8S_CLUSTER) |
			    ATTR_BIT(RES_K8S_NAMESPACE) | ATTR_BIT(RES_K8S_NODE) |
			    ATTR_BIT(RES_SERVICE_VERSION);

	return extras ? set | extras->on_spans : set;
}

static char *text_of(struct series_key *key)
{
	return key->bytes + sizeof(key->span);
}

void span_series_key(struct series_key *key, struct target *target,
		     const struct attribute_source *source)
{
	memset(&key->span, 0, sizeof(key->span));
	key->span.target = target;
	key->span.kind = (uint8_t)span_role(source->exchange);
	key->span.failed = span_failed(source->exchange);
	key->span.name_n = (uint16_t)span_name(text_of(key), source);
	key->n = (uint16_t)(sizeof(key->span) + key->span.name_n);
}

struct slice span_series_name(const struct series_key *key)
{
	return (struct slice){key->bytes + sizeof(key->span), key->span.name_n};
}

void span_series_rename(struct series_key *key, const char *name)
{
	key->span.name_n = (uint16_t)strlen(name);
	memcpy(text_of(key), name, key->span.name_n);
	key->n = (uint16_t)(sizeof(key->span) + key->span.name_n);
}

void span_series_labels(struct labels *labels, const struct series_key *key)
{
	labels_init(labels);
	labels_put(labels, "span_name", span_series_name(key));
	labels_put(labels, "span_kind", slice_of(kinds[key->span.kind]));
	labels_put(labels, "status_code",
		   slice_of(key->span.failed ? "STATUS_CODE_ERROR" : "STATUS_CODE_UNSET"));
	labels_put(labels, "source", slice_of(SOURCE));
}

/* ---- of edges ---- */

enum { TYPE_NONE, TYPE_DATABASE, TYPE_MESSAGING, TYPE_VIRTUAL };

static const char *const types[] = {
	[TYPE_NONE] = "",
	[TYPE_DATABASE] = "database",
	[TYPE_MESSAGING] = "messaging_system",
	[TYPE_VIRTUAL] = "virtual_node",
};

/* Of each end, in the order of edge_fields.text_n: first the client's, then the server's. */
enum { END_SERVICE, END_SERVICE_NAMESPACE, END_CLUSTER, END_NAMESPACE, END_TEXTS };

_Static_assert(2 * END_TEXTS == EDGE_TEXTS, "there are two ends");

static const char *const edge_labels[EDGE_TEXTS] = {
	"client",
	"client_service_namespace",
	"client_k8s_cluster_name",
	"client_k8s_namespace_name",
	"server",
	"server_service_namespace",
	"server_k8s_cluster_name",
	"server_k8s_namespace_name",
};

/* Both ends have the same, so that an edge is one. */
static uint8_t type_of(const struct exchange *exchange, const struct graph_peer *peer)
{
	if (exchange->kind == EXCHANGE_DB)
		return TYPE_DATABASE;
	if (exchange->kind == EXCHANGE_MESSAGING || exchange->protocol == PROTOCOL_SQS)
		return TYPE_MESSAGING;
	return exchange->conn.role == KH_ROLE_CLIENT && graph_adds(exchange, peer) ? TYPE_VIRTUAL
										   : TYPE_NONE;
}

static void put_own(struct edge_fields *f, unsigned int from, char **p, const char *const *attr)
{
	static const enum resource_attr own[END_TEXTS] = {RES_SERVICE_NAME, RES_SERVICE_NAMESPACE,
							  RES_K8S_CLUSTER, RES_K8S_NAMESPACE};

	/* a resource's values are clean, and no longer than this */
	for (unsigned int i = 0; i < END_TEXTS; i++) {
		size_t n = strlen(attr[own[i]]);

		memcpy(*p, attr[own[i]], n);
		f->text_n[from + i] = (uint16_t)n;
		*p += n;
	}
}

_Static_assert(RESOURCE_VALUE_MAX <= LABEL_VALUE_MAX, "a key has room for each");

/* Whoever has a namespace of Kubernetes is in this cluster: no other is known. */
static void put_other(struct edge_fields *f, unsigned int from, char **p,
		      const struct graph_peer *peer, const char *cluster)
{
	const struct slice text[END_TEXTS] = {
		peer->service, peer->service_namespace,
		peer->k8s_namespace.n > 0 ? slice_of(cluster) : slice_of(""), peer->k8s_namespace};

	for (unsigned int i = 0; i < END_TEXTS; i++) {
		size_t n = text[i].n > 0 ? http_clean(*p, text[i]) : 0;

		f->text_n[from + i] = (uint16_t)n;
		*p += n;
	}
}

void edge_series_key(struct series_key *key, struct target *target,
		     const struct attribute_source *source, const struct graph_peer *peer)
{
	const char *const *attr = source->resource->attr;
	bool client = source->exchange->conn.role == KH_ROLE_CLIENT;
	struct edge_fields *f = &key->edge;
	char *p = key->bytes + sizeof(*f);

	memset(f, 0, sizeof(*f));
	f->target = target;
	f->type = type_of(source->exchange, peer);
	if (client)
		put_own(f, 0, &p, attr);
	put_other(f, client ? END_TEXTS : 0, &p, peer, attr[RES_K8S_CLUSTER]);
	if (!client)
		put_own(f, END_TEXTS, &p, attr);
	key->n = (uint16_t)(p - key->bytes);
}

void edge_series_labels(struct labels *labels, const struct series_key *key)
{
	const char *p = key->bytes + sizeof(key->edge);

	labels_init(labels);
	for (unsigned int i = 0; i < EDGE_TEXTS; i++) {
		labels_put(labels, edge_labels[i], (struct slice){p, key->edge.text_n[i]});
		p += key->edge.text_n[i];
	}
	labels_put(labels, "connection_type", slice_of(types[key->edge.type]));
	labels_put(labels, "source", slice_of(SOURCE));
}
