/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end of an exchange, for the service graph: its name, and whether a Keyhole looks at it,
 * so that it adds the exchange to the total itself (telemetry/graph.h).
 *
 * Names: the pod's or the Service's (identity/peers.h); else, of a server, the Host field, which
 * the client chose; else what stands for an address without a name.
 *
 * Who is looked at: a pod that the selectors show. Where these look at the process, which is not
 * known of a pod by its address, it is taken for looked at: rather an edge that is missing from the
 * total than one that is in it twice. The same goes for a Service, whose pods are not known, unless
 * the selectors leave out all of its namespace; and for a Host field that goes to an address which
 * is not of the Internet: that may be a Service, too.
 */
#ifndef KEYHOLE_FAR_END_H
#define KEYHOLE_FAR_END_H

#include "identity/peers.h"
#include "service/selector.h"
#include "telemetry/graph.h"

#define FAR_ENDS_KEPT 1024 /* answers of selectors about pods that are remembered */

struct far_end_options {
	const char *unresolved, *outgoing, *incoming; /* stand for an address; "": nothing does */
	bool everywhere; /* there are other Keyholes, which look at pods elsewhere */
};

struct far_ends;

struct far_ends *far_ends_new(const struct far_end_options *options); /* NULL: out of memory */
void far_ends_free(struct far_ends *ends);
size_t far_ends_bytes(const struct far_ends *ends);

/* Other selectors from now on. */
void far_ends_follow(struct far_ends *ends, const struct selector *selector);

/*
 * No allocation, no system call. `peers` may be NULL. What `to` points to is valid until the next
 * call, or peers_quiesce().
 */
void far_end_find(struct far_ends *ends, struct peers *peers, const struct exchange *exchange,
		  struct graph_peer *to);

#endif
