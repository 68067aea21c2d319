/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has an address: the other end of an exchange. A name is given only where it is certain:
 *
 * - the node's own pods always, pods of other nodes and Services where the configuration has them
 *   watched. A node's addresses, which all pods of the host's network share, are nobody's;
 * - at the time at which the exchange began: see kube_pods_by_ip(). An address that went from one
 *   pod to another never carries the old name into the new one's time, nor the new one's into the
 *   old one's;
 * - by one owner alone. Where two claim it, one of them is out of date, and there is no telling
 *   which;
 * - while the watch is there to say otherwise: what began PEERS_TRUST_NS after it was last known
 *   to be current, and before it was so again, has no name.
 *
 * A client's socket keeps the address that was connected to: the ClusterIP with kube-proxy, whose
 * translation is below the socket, the pod's with a CNI that translates at connect(). The server's
 * socket has the pods' addresses in each case. So both Services and pods are looked for.
 */
#ifndef KEYHOLE_IDENTITY_PEERS_H
#define KEYHOLE_IDENTITY_PEERS_H

#include "../kube/store.h"
#include "../service/resolve.h"

#include <stdatomic.h>

#define PEERS_TRUST_NS 10000000000ull
#define PEERS_GAPS_MAX 16 /* times without a current watch that are told apart, per source */

/* Where names come from; each is a store of its own, filled by the front thread. */
enum peers_source {
	PEERS_HERE,      /* the node's own pods */
	PEERS_ELSEWHERE, /* pods of other nodes */
	PEERS_SERVICES,  /* by their ClusterIPs */
	PEERS_SOURCES,
};

enum peer_kind { PEER_UNKNOWN, PEER_POD, PEER_SERVICE };

/* Text is hostile, never NULL, and valid until peers_quiesce(). */
struct peer {
	enum peer_kind kind;
	enum peers_source source;
	const struct kube_pod *pod;          /* or the Service, as such a one */
	const char *name, *namespace;        /* of the pod or the Service */
	const char *owner_kind, *owner_name; /* top of the pod's chain; a Service is its own */
	/*
	 * As the peer's own series have them in service.name and service.namespace, but for what a
	 * container's OTEL_ variables say: an address does not tell the container.
	 */
	const char *service, *service_namespace;
	char built[RESOLVE_NAME_MAX + 1]; /* `service` may point here: do not copy the struct */
};

/* Lookups by how they ended. Written by the intake thread. */
struct peers_stats {
	_Atomic uint64_t named;
	_Atomic uint64_t unknown;   /* nobody's address, as far as is known */
	_Atomic uint64_t elsewhen;  /* somebody's, but not at that time */
	_Atomic uint64_t ambiguous; /* claimed by two */
	_Atomic uint64_t stale;     /* the watch was not current any more */
};

struct peers;

struct peers *peers_new(void); /* NULL: out of memory */
void peers_free(struct peers *peers);

/* Before the intake starts. The store stays the caller's. */
void peers_follow(struct peers *peers, enum peers_source source, struct kube_store *store);

/* Front thread: the source's watch is current. Until the first call, nothing of it is named. */
void peers_confirm(struct peers *peers, enum peers_source source, uint64_t now_ns);

/* Intake thread: by which rules pods are named from now on. Before the first peers_find(). */
void peers_rules(struct peers *peers, const struct resolve_rules *rules);

/*
 * Intake thread: no system call, no allocation, no lock. The address as struct kh_conn has it;
 * `when_ns` is when the exchange began, CLOCK_MONOTONIC. False: nobody for certain, and *peer is
 * zeroed.
 */
bool peers_find(struct peers *peers, unsigned int family, const uint8_t address[16],
		uint64_t when_ns, struct peer *peer);
void peers_quiesce(struct peers *peers); /* once per batch, as kube_store_quiesce() */

const struct peers_stats *peers_stats(const struct peers *peers); /* any thread */

#endif
