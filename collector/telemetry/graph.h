/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service graph: who asks whom. Each exchange is seen at its client, at its server or at both,
 * perhaps by two collectors on two nodes, and is added to the total of its edge once:
 *  - what is seen at the server is added there;
 *  - what is seen at the client is added there only if that server is known, by name, to be one
 *    that no Keyhole looks at. That makes it a `virtual_node`;
 *  - failures are told by the end that adds to the total, so they are never more than that.
 * Durations are those of each end, in a histogram of its own, in any case.
 */
#ifndef KEYHOLE_TELEMETRY_GRAPH_H
#define KEYHOLE_TELEMETRY_GRAPH_H

#include "attributes.h"

/* The other end of an exchange. Text may be hostile; "" unknown. */
struct graph_peer {
	struct slice service; /* or what stands for one that has no name */
	struct slice service_namespace;
	struct slice k8s_namespace; /* of a pod or a Service of the cluster */
	bool counted_there;         /* of a server: another end adds it to the total, or none */
};

/* Is this end the one that adds to the total? */
static inline bool graph_adds(const struct exchange *exchange, const struct graph_peer *peer)
{
	return exchange->conn.role == KH_ROLE_SERVER || !peer->counted_there;
}

/* Client and server are one service. */
static inline bool graph_is_self(const struct resource *resource, const struct graph_peer *peer)
{
	return slice_is(peer->service, resource->attr[RES_SERVICE_NAME]) &&
	       slice_is(peer->service_namespace, resource->attr[RES_SERVICE_NAMESPACE]);
}

#endif
