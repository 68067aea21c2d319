/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that stands for the other end of an exchange. Pure.
 */
#ifndef KEYHOLE_IDENTITY_PEER_NAME_H
#define KEYHOLE_IDENTITY_PEER_NAME_H

#include "../protocol/exchange.h"
#include "peers.h"

/*
 * "<service>.<service namespace>", as the cluster's DNS has Services: a name alone could be that
 * of two. Cut at `size`, no NUL; the result lies in `buf`.
 */
struct slice peer_name(const struct peer *peer, char *buf, size_t size);

/*
 * Writes that name for the remote end of an exchange; returns how many bytes, 0: nobody for
 * certain. `peers` is a struct peers; a struct peer_namer of telemetry/ calls this.
 */
size_t peer_name_of(void *peers, const struct exchange *exchange, char *buf, size_t size);

/* Is this an IPv4 or IPv6 address (without brackets)? */
bool peer_is_address(struct slice text);

/*
 * A Host field that is a Service's full name, "cart.shop.svc.cluster.local" or ".svc", perhaps
 * with a pod's host name before it, a port or a final dot behind: its name and namespace. False:
 * it is anything else. It is what the client says, nothing more.
 */
bool peer_name_split(struct slice host, struct slice *name, struct slice *namespace);

/*
 * attributes.rename_unresolved_hosts and its like, as Beyla has them: an address without a name
 * becomes `replacement`, unless that is "". For the ends of a service graph, not for
 * server.address and client.address.
 */
struct slice peer_name_or(struct slice name, const char *replacement);

#endif
