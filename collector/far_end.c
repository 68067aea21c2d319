/* SPDX-License-Identifier: Apache-2.0 */
#include "far_end.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "identity/peer_name.h"
#include "identity/pod_subject.h"

/* What the selectors said of a pod as it was described once. */
struct kept {
	uint64_t serial; /* 0: nothing */
	bool looked_at;
};

struct far_ends {
	struct far_end_options o;
	const struct selector *selector;
	struct peer peer; /* of the last exchange */
	char address[INET6_ADDRSTRLEN];
	struct kept kept[FAR_ENDS_KEPT];
};

struct far_ends *far_ends_new(const struct far_end_options *options)
{
	struct far_ends *ends = calloc(1, sizeof(*ends));

	if (ends)
		ends->o = *options;
	return ends;
}

void far_ends_free(struct far_ends *ends)
{
	free(ends);
}

size_t far_ends_bytes(const struct far_ends *ends)
{
	return ends ? sizeof(*ends) : 0;
}

void far_ends_follow(struct far_ends *ends, const struct selector *selector)
{
	ends->selector = selector;
	memset(ends->kept, 0, sizeof(ends->kept));
}

/* ---- is it looked at? ---- */

/* Not for certain only where it is left out, or nothing of it is exported, for certain. */
static bool may_be_shown(const struct far_ends *ends, const struct selector_subject *subject)
{
	struct selector_choice choice;

	switch (selector_match(ends->selector, subject, &choice)) {
	case SELECTOR_NO:
		return false;
	case SELECTOR_YES:
		return !choice.silent && !(choice.left_out & CONFIG_GRAPH);
	case SELECTOR_UNDECIDED:
		break;
	}
	return true;
}

static bool pod_shown(const struct far_ends *ends, const struct kube_pod *pod)
{
	struct selector_subject subject = {.any_process = true, .in_container = true};

	/* of another node: its containers are not kept */
	if (pod->container_count == 0) {
		subject.any_container = true;
		pod_subject(pod, NULL, &subject);
		return may_be_shown(ends, &subject);
	}
	for (unsigned int i = 0; i < pod->container_count; i++) {
		pod_subject(pod, &pod->containers[i], &subject);
		if (may_be_shown(ends, &subject))
			return true;
	}
	return false;
}

/* Of a Service only the namespace is known: everything else of its pods is yet to be said. */
static bool service_shown(const struct far_ends *ends, const char *namespace)
{
	struct selector_subject subject = {
		.any_process = true, .in_container = true, .metadata = SELECTOR_METADATA_PENDING};

	subject.text[SELECTOR_K8S_NAMESPACE] = namespace;
	return may_be_shown(ends, &subject);
}

static bool looked_at(struct far_ends *ends, const struct peer *peer)
{
	struct kept *kept = &ends->kept[peer->pod->serial % FAR_ENDS_KEPT];

	if (peer->kind == PEER_POD && peer->source != PEERS_HERE && !ends->o.everywhere)
		return false;
	if (kept->serial != peer->pod->serial) {
		kept->serial = peer->pod->serial;
		kept->looked_at = peer->kind == PEER_POD ? pod_shown(ends, peer->pod)
							 : service_shown(ends, peer->namespace);
	}
	return kept->looked_at;
}

/* ---- a server by its Host field ---- */

static bool is_public_ipv4(const uint8_t ip[4])
{
	static const struct {
		uint8_t net[2], mask[2];
	} others[] = {{{0, 0}, {255, 0}},      {{10, 0}, {255, 0}},      {{100, 64}, {255, 192}},
		      {{127, 0}, {255, 0}},    {{169, 254}, {255, 255}}, {{172, 16}, {255, 240}},
		      {{192, 168}, {255, 255}}};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if ((ip[0] & others[i].mask[0]) == others[i].net[0] &&
		    (ip[1] & others[i].mask[1]) == others[i].net[1])
			return false;
	}
	return true;
}

/* An address of the Internet, which pods and Services have not, as a rule. */
static bool is_public(const struct kh_conn *conn)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *ip = conn->raddr;

	if (conn->family == AF_INET)
		return is_public_ipv4(ip);
	if (memcmp(ip, mapped, sizeof(mapped)) == 0)
		return is_public_ipv4(ip + sizeof(mapped));
	return (ip[0] & 0xe0) == 0x20; /* 2000::/3 */
}

/* Without port and brackets. "": it is an address, or nothing. */
static struct slice host_name(struct slice host)
{
	size_t n = host.n;

	while (n > 0 && host.p[n - 1] >= '0' && host.p[n - 1] <= '9')
		n--;
	if (n > 0 && n < host.n && host.p[n - 1] == ':' && !peer_is_address(host))
		host.n = n - 1;
	if (host.n > 1 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct slice){host.p + 1, host.n - 2};
	return peer_is_address(host) ? slice_of("") : host;
}

static bool by_host(const struct far_ends *ends, const struct exchange *exchange,
		    struct graph_peer *to)
{
	char namespace[64]; /* a label of DNS, and a NUL */

	if (peer_name_split(exchange->host, &to->service, &to->service_namespace)) {
		to->k8s_namespace = to->service_namespace;
		memcpy(namespace, to->k8s_namespace.p, to->k8s_namespace.n);
		namespace[to->k8s_namespace.n] = '\0';
		to->counted_there = service_shown(ends, namespace);
		return true;
	}
	to->service = host_name(exchange->host);
	to->counted_there = !is_public(&exchange->conn);
	return to->service.n > 0;
}

/* ---- any ---- */

static struct slice stand_in(struct far_ends *ends, const struct exchange *exchange)
{
	bool server = exchange->conn.role == KH_ROLE_CLIENT; /* is the other end */
	const char *word = server ? ends->o.outgoing : ends->o.incoming;

	if (!*word)
		word = ends->o.unresolved;
	if (!*word && inet_ntop(exchange->conn.family, exchange->conn.raddr, ends->address,
				sizeof(ends->address)))
		word = ends->address;
	return slice_of(word);
}

void far_end_find(struct far_ends *ends, struct peers *peers, const struct exchange *exchange,
		  struct graph_peer *to)
{
	bool server = exchange->conn.role == KH_ROLE_CLIENT;
	struct peer *peer = &ends->peer;

	*to = (struct graph_peer){.counted_there = true};
	if (peers && peers_find(peers, exchange->conn.family, exchange->conn.raddr,
				exchange->start_ns, peer)) {
		to->service = slice_of(peer->service);
		to->service_namespace = slice_of(peer->service_namespace);
		to->k8s_namespace = slice_of(peer->namespace);
		if (server)
			to->counted_there = looked_at(ends, peer);
		return;
	}
	if (server && exchange->host.n > 0 && by_host(ends, exchange, to))
		return;
	to->counted_there = true;
	to->service = stand_in(ends, exchange);
}
