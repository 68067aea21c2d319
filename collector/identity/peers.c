/* SPDX-License-Identifier: Apache-2.0 */
#include "peers.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "../counter.h"

/* When a source was not confirmed; end <= begin: never. */
struct gap {
	_Atomic uint64_t begin_ns, end_ns;
};

struct peers {
	const struct resolve_rules *rules;        /* the intake's */
	struct kube_store *stores[PEERS_SOURCES]; /* NULL: not watched */
	_Atomic uint64_t confirmed_ns[PEERS_SOURCES];
	/* What began meanwhile stays without a name. */
	struct gap gaps[PEERS_SOURCES][PEERS_GAPS_MAX];
	unsigned int gap_count[PEERS_SOURCES]; /* ever; the front's */
	struct peers_stats stats;
};

struct peers *peers_new(void)
{
	return calloc(1, sizeof(struct peers));
}

void peers_free(struct peers *peers)
{
	free(peers);
}

void peers_rules(struct peers *peers, const struct resolve_rules *rules)
{
	peers->rules = rules;
}

void peers_follow(struct peers *peers, enum peers_source source, struct kube_store *store)
{
	peers->stores[source] = store;
}

static uint64_t get(const _Atomic uint64_t *from)
{
	return atomic_load_explicit(from, memory_order_acquire);
}

static void set(_Atomic uint64_t *to, uint64_t value)
{
	atomic_store_explicit(to, value, memory_order_release);
}

/*
 * The latest gaps are kept in a ring behind gaps[0], which covers all from the first to the last of
 * those before: what lies between them is taken for unknown, too. The intake looks from the end of
 * the list to its begin meanwhile. It never misses a gap, as each stands in gaps[0] before it
 * leaves its place, and an entry that is half written is nothing, or longer than it was.
 */
static void add_gap(struct gap *gaps, unsigned int nth, uint64_t begin_ns, uint64_t end_ns)
{
	struct gap *at = &gaps[1 + nth % (PEERS_GAPS_MAX - 1)];

	if (nth >= PEERS_GAPS_MAX - 1) {
		if (!get(&gaps->end_ns))
			set(&gaps->begin_ns, get(&at->begin_ns));
		set(&gaps->end_ns, get(&at->end_ns));
	}
	set(&at->begin_ns, UINT64_MAX);
	set(&at->end_ns, end_ns);
	set(&at->begin_ns, begin_ns);
}

static bool in_gap(const struct gap *gaps, uint64_t when_ns)
{
	for (int i = PEERS_GAPS_MAX - 1; i >= 0; i--)
		if (when_ns >= get(&gaps[i].begin_ns) && when_ns < get(&gaps[i].end_ns))
			return true;
	return false;
}

void peers_confirm(struct peers *peers, enum peers_source source, uint64_t now_ns)
{
	uint64_t before = get(&peers->confirmed_ns[source]);

	if (before && now_ns > before + PEERS_TRUST_NS)
		add_gap(peers->gaps[source], peers->gap_count[source]++, before + PEERS_TRUST_NS,
			now_ns);
	set(&peers->confirmed_ns[source], now_ns);
}

/* ---- names ---- */

static const char *pod_label(const void *pod, const char *key)
{
	return kube_pod_label(pod, key);
}

static const char *pod_annotation(const void *pod, const char *key)
{
	return kube_pod_annotation(pod, key);
}

static void describe(const struct peers *peers, const struct kube_pod *pod, struct peer *peer)
{
	const struct resolve_pod p = {.name = pod->name,
				      .space = pod->namespace,
				      .owner_name = pod->owner_name,
				      .label = pod_label,
				      .annotation = pod_annotation,
				      .pod = pod};

	*peer = (struct peer){.kind = pod->is_service ? PEER_SERVICE : PEER_POD,
			      .pod = pod,
			      .name = pod->name,
			      .namespace = pod->namespace,
			      .owner_kind = pod->owner_kind,
			      .owner_name = pod->owner_name,
			      .service = pod->name,
			      .service_namespace = pod->namespace};
	if (!pod->is_service)
		resolve_pod_service(peers->rules, &p, &peer->service, &peer->service_namespace,
				    peer->built);
}

/* ---- addresses ---- */

static bool to_ip(unsigned int family, const uint8_t address[16], uint8_t ip[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (family == AF_INET6) {
		memcpy(ip, address, 16);
		return true;
	}
	memcpy(ip, mapped, sizeof(mapped));
	memcpy(ip + sizeof(mapped), address, 4);
	return family == AF_INET;
}

static bool is_current(const struct peers *peers, enum peers_source source, uint64_t when_ns)
{
	uint64_t confirmed = get(&peers->confirmed_ns[source]);

	return confirmed && when_ns < confirmed + PEERS_TRUST_NS &&
	       !in_gap(peers->gaps[source], when_ns);
}

bool peers_find(struct peers *peers, unsigned int family, const uint8_t address[16],
		uint64_t when_ns, struct peer *peer)
{
	enum kube_owned best = KUBE_OWNED_NEVER;
	struct kube_pod *owner = NULL;
	enum peers_source found = PEERS_HERE;
	bool stale = false;
	uint8_t ip[16];

	*peer = (struct peer){0};
	if (!to_ip(family, address, ip))
		return false;
	for (int source = 0; source < PEERS_SOURCES; source++) {
		struct kube_store *store = peers->stores[source];
		enum kube_owned owned;

		if (!store)
			continue;
		owned = kube_pods_by_ip(kube_store_current(store), ip, when_ns, &owner);
		stale |= owned == KUBE_OWNED && !is_current(peers, source, when_ns);
		/* enum kube_owned grows towards what forbids a name */
		if (owned == KUBE_OWNED)
			found = (enum peers_source)source;
		if (owned == KUBE_OWNED && best == KUBE_OWNED)
			best = KUBE_OWNED_TWICE;
		else if (owned > best)
			best = owned;
	}
	if (best == KUBE_OWNED && !stale) {
		describe(peers, owner, peer);
		peer->source = found;
		counter_add(&peers->stats.named, 1);
		return true;
	}
	counter_add(best == KUBE_OWNED_NEVER      ? &peers->stats.unknown
		    : best == KUBE_OWNED_ELSEWHEN ? &peers->stats.elsewhen
		    : best == KUBE_OWNED_TWICE    ? &peers->stats.ambiguous
						  : &peers->stats.stale,
		    1);
	return false;
}

void peers_quiesce(struct peers *peers)
{
	for (int source = 0; source < PEERS_SOURCES; source++)
		if (peers->stores[source])
			kube_store_quiesce(peers->stores[source]);
}

const struct peers_stats *peers_stats(const struct peers *peers)
{
	return &peers->stats;
}
