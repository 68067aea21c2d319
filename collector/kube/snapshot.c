/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot.h"

#include <stdlib.h>

/* An empty slot has pod 0, so pods count from 1. */
struct slot {
	uint32_t hash;
	uint32_t pod : 24;
	uint32_t part : 8; /* which of its containers, or of its addresses */
};

struct index {
	struct slot *slots;
	size_t mask;
};

struct kube_pods {
	struct kube_pods_about about;
	size_t n, bytes;
	struct index by_uid, by_container, by_ip;
	struct kube_pod **pods;
	struct kube_tenure *tenures;
};

uint64_t kube_text_hash(uint64_t seed, struct slice text)
{
	uint64_t hash = seed ^ 0xcbf29ce484222325; /* FNV-1a */

	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = text.p[i] == '_' ? '-' : text.p[i];

		hash = (hash ^ c) * 0x100000001b3;
	}
	return hash ^ hash >> 32;
}

/* Half full at most, so that a free slot ends every search soon. */
static size_t slots_for(size_t keys)
{
	size_t slots = 8;

	while (slots < keys * 2)
		slots *= 2;
	return slots;
}

static struct slot *find_slot(const struct index *index, uint32_t hash)
{
	return &index->slots[hash & index->mask];
}

static struct slot *next_slot(const struct index *index, struct slot *slot)
{
	return &index->slots[(slot - index->slots + 1) & index->mask];
}

static void insert(struct kube_pods *pods, struct index *index, struct slice key, size_t pod,
		   size_t part)
{
	uint32_t hash = kube_text_hash(pods->about.seed, key);
	struct slot *slot = find_slot(index, hash);

	if (!key.n)
		return;
	while (slot->pod)
		slot = next_slot(index, slot);
	*slot = (struct slot){.hash = hash, .pod = pod + 1, .part = part};
}

static struct slice ip_key(const uint8_t ip[16])
{
	return (struct slice){(const char *)ip, 16};
}

/* The node's own addresses are no pod's. */
static size_t addresses_of(const struct kube_pod *pod)
{
	return pod->host_network ? 0 : pod->ip_count;
}

/* Keys that exist now go in before those of the past: of equal ones the first is found. */
static void fill(struct kube_pods *pods)
{
	for (size_t i = 0; i < pods->n; i++) {
		const struct kube_pod *pod = pods->pods[i];

		insert(pods, &pods->by_uid, slice_of(pod->uid), i, 0);
		insert(pods, &pods->by_uid, slice_of(pod->config_hash), i, 0);
		for (size_t c = 0; c < pod->container_count; c++)
			insert(pods, &pods->by_container, slice_of(pod->containers[c].id), i, c);
		for (size_t ip = 0; ip < addresses_of(pod); ip++)
			insert(pods, &pods->by_ip, ip_key(pod->ip[ip]), i, ip);
	}
	for (size_t i = 0; i < pods->n; i++)
		for (size_t c = 0; c < pods->pods[i]->container_count; c++)
			insert(pods, &pods->by_container,
			       slice_of(pods->pods[i]->containers[c].ended_id), i, c);
}

struct kube_pods *kube_pods_new(struct kube_pod *const from[], size_t n,
				const struct kube_pods_about *about)
{
	size_t ids = 0, ips = 0, uid_slots, id_slots, ip_slots, bytes;
	struct kube_pods *pods;

	for (size_t i = 0; i < n; i++) {
		ids += from[i]->container_count * 2;
		ips += addresses_of(from[i]);
	}
	uid_slots = slots_for(n * 2);
	id_slots = slots_for(ids);
	ip_slots = slots_for(ips);
	bytes = sizeof(*pods) + n * (sizeof(*pods->pods) + sizeof(*pods->tenures)) +
		(uid_slots + id_slots + ip_slots) * sizeof(struct slot);
	pods = calloc(1, bytes);
	if (!pods)
		return NULL;
	pods->about = *about;
	pods->n = n;
	pods->bytes = bytes;
	pods->pods = (struct kube_pod **)(pods + 1);
	pods->tenures = (struct kube_tenure *)(pods->pods + n);
	pods->by_uid = (struct index){(struct slot *)(pods->tenures + n), uid_slots - 1};
	pods->by_container = (struct index){pods->by_uid.slots + uid_slots, id_slots - 1};
	pods->by_ip = (struct index){pods->by_container.slots + id_slots, ip_slots - 1};
	for (size_t i = 0; i < n; i++)
		pods->pods[i] = kube_pod_ref(from[i]);
	for (size_t i = 0; i < n && about->tenures; i++)
		pods->tenures[i] = about->tenures[i];
	pods->about.tenures = NULL; /* the caller's */
	fill(pods);
	return pods;
}

void kube_pods_free(struct kube_pods *pods)
{
	if (!pods)
		return;
	for (size_t i = 0; i < pods->n; i++)
		kube_pod_unref(pods->pods[i]);
	free(pods);
}

size_t kube_pods_bytes(const struct kube_pods *pods)
{
	return pods->bytes;
}

/* `text` is from a cgroup's name, `uid` from the API. */
static bool same_uid(struct slice text, const char *uid)
{
	size_t i;

	for (i = 0; i < text.n && uid[i]; i++)
		if (text.p[i] != uid[i] && !(text.p[i] == '_' && uid[i] == '-'))
			return false;
	return i == text.n && !uid[i];
}

struct kube_pod *kube_pods_by_uid(const struct kube_pods *pods, struct slice uid)
{
	uint32_t hash = kube_text_hash(pods->about.seed, uid);
	struct slot *slot = find_slot(&pods->by_uid, hash);

	for (; uid.n && slot->pod; slot = next_slot(&pods->by_uid, slot)) {
		struct kube_pod *pod = pods->pods[slot->pod - 1];

		if (slot->hash == hash &&
		    (same_uid(uid, pod->uid) || same_uid(uid, pod->config_hash)))
			return pod;
	}
	return NULL;
}

struct kube_pod *kube_pods_by_container(const struct kube_pods *pods, struct slice id,
					const struct kube_container **container)
{
	uint32_t hash = kube_text_hash(pods->about.seed, id);
	struct slot *slot = find_slot(&pods->by_container, hash);

	for (; id.n && slot->pod; slot = next_slot(&pods->by_container, slot)) {
		struct kube_pod *pod = pods->pods[slot->pod - 1];
		const struct kube_container *found = &pod->containers[slot->part];

		if (slot->hash == hash &&
		    (slice_is(id, found->id) || slice_is(id, found->ended_id))) {
			*container = found;
			return pod;
		}
	}
	return NULL;
}

static bool covers(const struct kube_tenure *tenure, uint64_t when_ns)
{
	return tenure->since_ns && tenure->since_ns <= when_ns &&
	       (!tenure->until_ns || when_ns < tenure->until_ns);
}

enum kube_owned kube_pods_by_ip(const struct kube_pods *pods, const uint8_t ip[16],
				uint64_t when_ns, struct kube_pod **owner)
{
	uint32_t hash = kube_text_hash(pods->about.seed, ip_key(ip));
	struct slot *slot = find_slot(&pods->by_ip, hash);
	enum kube_owned owned = KUBE_OWNED_NEVER;

	for (; slot->pod; slot = next_slot(&pods->by_ip, slot)) {
		struct kube_pod *pod = pods->pods[slot->pod - 1];

		if (slot->hash != hash || memcmp(pod->ip[slot->part], ip, 16) != 0)
			continue;
		if (!covers(&pods->tenures[slot->pod - 1], when_ns)) {
			if (owned == KUBE_OWNED_NEVER)
				owned = KUBE_OWNED_ELSEWHEN;
			continue;
		}
		if (owned == KUBE_OWNED)
			return KUBE_OWNED_TWICE;
		owned = KUBE_OWNED;
		*owner = pod;
	}
	return owned;
}

bool kube_pods_synced(const struct kube_pods *pods)
{
	return pods->about.synced;
}

size_t kube_pods_count(const struct kube_pods *pods)
{
	return pods->about.live;
}

uint64_t kube_pods_generation(const struct kube_pods *pods)
{
	return pods->about.generation;
}
