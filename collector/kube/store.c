/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "../cleanup.h"
#include "snapshot.h"

#define NS_PER_S 1000000000ull

struct entry {
	struct kube_pod *pod;
	uint64_t deleted_ns; /* 0: the pod exists */
	uint64_t list;       /* the list that mentioned it last */
	/* Of its addresses. A since of 0 is worked out when the entry is published. */
	struct kube_tenure tenure;
	bool moved; /* they were other ones before, so they can't be older than that */
};

struct kube_store {
	/* Shared with the intake; everything else is the front's. */
	struct kube_pods *current;   /* written by the front */
	struct kube_pods *held;      /* written by the intake: what it may be reading */
	struct kube_pods *withdrawn; /* no longer current, but perhaps held */

	struct entry *entries; /* in no order */
	uint64_t *hashes;      /* of entries[i].pod->uid, side by side for the search */
	size_t count, room, max;
	size_t pod_bytes;
	uint64_t list, seed;
	uint64_t serial; /* of the pod put last */
	uint64_t publishes, dropped;
	int64_t wall_ns; /* see kube_store_set_wall() */
	bool changed, synced, wall_set;
};

struct kube_store *kube_store_new(size_t pods_max)
{
	struct kube_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->max = pods_max ? pods_max : KUBE_PODS_MAX;
	/* Whoever creates pods chooses what is hashed; without entropy we only lose that defence.
	 */
	if (getrandom(&store->seed, sizeof(store->seed), GRND_NONBLOCK) < 0)
		store->seed = (uintptr_t)store;
	store->current = kube_pods_new(NULL, 0, &(struct kube_pods_about){.seed = store->seed});
	if (store->current)
		return store;
	free(store);
	return NULL;
}

void kube_store_free(struct kube_store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < store->count; i++)
		kube_pod_unref(store->entries[i].pod);
	kube_pods_free(store->withdrawn);
	kube_pods_free(store->current);
	free(store->entries);
	free(store->hashes);
	free(store);
}

static struct entry *find(const struct kube_store *store, struct slice uid)
{
	uint64_t hash = kube_text_hash(store->seed, uid);

	for (size_t i = 0; i < store->count; i++)
		if (store->hashes[i] == hash && slice_is(uid, store->entries[i].pod->uid))
			return &store->entries[i];
	return NULL;
}

static void drop(struct kube_store *store, size_t i)
{
	store->pod_bytes -= store->entries[i].pod->bytes;
	kube_pod_unref(store->entries[i].pod);
	store->count--;
	store->entries[i] = store->entries[store->count];
	store->hashes[i] = store->hashes[store->count];
	store->changed = true;
}

/* Makes room in a full table: the pod that was deleted first has to go. */
static bool evict(struct kube_store *store)
{
	size_t oldest = store->count;

	for (size_t i = 0; i < store->count; i++)
		if (store->entries[i].deleted_ns &&
		    (oldest == store->count ||
		     store->entries[i].deleted_ns < store->entries[oldest].deleted_ns))
			oldest = i;
	if (oldest == store->count)
		return false;
	drop(store, oldest);
	return true;
}

static int grow(struct kube_store *store)
{
	size_t room = store->room ? store->room * 2 : 64;
	struct entry *entries;
	uint64_t *hashes;

	if (store->count < store->room)
		return 0;
	entries = realloc(store->entries, room * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	store->entries = entries;
	hashes = realloc(store->hashes, room * sizeof(*hashes));
	if (!hashes)
		return -ENOMEM;
	store->hashes = hashes;
	store->room = room;
	return 0;
}

static int add(struct kube_store *store, struct kube_pod *pod)
{
	int ret = store->count < store->max || evict(store) ? grow(store) : -ENOSPC;

	if (ret) {
		store->dropped++;
		return ret;
	}
	store->entries[store->count] = (struct entry){.pod = pod, .list = store->list};
	store->hashes[store->count] = kube_text_hash(store->seed, slice_of(pod->uid));
	store->count++;
	return 0;
}

static bool same_addresses(const struct kube_pod *a, const struct kube_pod *b)
{
	return a->ip_count == b->ip_count &&
	       memcmp(a->ip, b->ip, a->ip_count * sizeof(a->ip[0])) == 0;
}

/* What a pod had before, it has had since then, however often its containers start. */
static void inherit_tenure(struct entry *next, const struct entry *before)
{
	bool had = before->pod->ip_count > 0;
	bool lost = before->deleted_ns || (before->pod->ip_free && !next->pod->ip_free);

	if (!lost && same_addresses(before->pod, next->pod) && had) {
		next->tenure = before->tenure;
		next->moved = before->moved;
	} else {
		next->moved = had || before->moved;
	}
}

int kube_store_put(struct kube_store *store, struct kube_pod *pod)
{
	struct entry *entry = find(store, slice_of(pod->uid));
	int ret;

	pod->serial = ++store->serial;
	if (entry) {
		struct entry next = {.pod = pod, .list = store->list};

		inherit_tenure(&next, entry);
		store->pod_bytes -= entry->pod->bytes;
		kube_pod_unref(entry->pod);
		*entry = next;
	} else {
		ret = add(store, pod);
		if (ret) {
			kube_pod_unref(pod);
			return ret;
		}
	}
	store->pod_bytes += pod->bytes;
	store->changed = true;
	return 0;
}

static void mark_deleted(struct kube_store *store, struct entry *entry, uint64_t now_ns)
{
	if (entry->deleted_ns)
		return;
	entry->deleted_ns = now_ns ? now_ns : 1;
	store->changed = true;
}

void kube_store_delete(struct kube_store *store, struct slice uid, uint64_t now_ns)
{
	struct entry *entry = find(store, uid);

	if (entry)
		mark_deleted(store, entry, now_ns);
}

void kube_store_list_begin(struct kube_store *store)
{
	store->list++;
}

void kube_store_list_end(struct kube_store *store, uint64_t now_ns)
{
	for (size_t i = 0; i < store->count; i++)
		if (store->entries[i].list != store->list)
			mark_deleted(store, &store->entries[i], now_ns);
	if (!store->synced)
		store->changed = true;
	store->synced = true;
}

static uint64_t expiry(const struct entry *entry)
{
	return entry->deleted_ns + KUBE_DELETED_KEEP * NS_PER_S;
}

uint64_t kube_store_expiry(const struct kube_store *store)
{
	uint64_t first = 0;

	for (size_t i = 0; i < store->count; i++)
		if (store->entries[i].deleted_ns && (!first || expiry(&store->entries[i]) < first))
			first = expiry(&store->entries[i]);
	return first;
}

/* The snapshot that is no longer current can go as soon as the intake does not hold it. */
static bool reap(struct kube_store *store)
{
	if (store->withdrawn && __atomic_load_n(&store->held, __ATOMIC_SEQ_CST) == store->withdrawn)
		return false;
	kube_pods_free(store->withdrawn);
	store->withdrawn = NULL;
	return true;
}

bool kube_store_changed(const struct kube_store *store)
{
	return store->changed;
}

/*
 * The intake may hold the withdrawn snapshot or the current one, never a third: if it holds the
 * withdrawn one, the current one was seen by nobody and is replaced outright.
 *
 * Sequential consistency is needed between this exchange and the load of `held`, and between the
 * intake's store to `held` and its second load of `current`: one of the two sees the other.
 */
static void swap(struct kube_store *store, struct kube_pods *pods)
{
	struct kube_pods *old = __atomic_exchange_n(&store->current, pods, __ATOMIC_SEQ_CST);

	if (__atomic_load_n(&store->held, __ATOMIC_SEQ_CST) != old) {
		kube_pods_free(old);
		reap(store);
		return;
	}
	kube_pods_free(store->withdrawn);
	store->withdrawn = old;
}

static int64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * (int64_t)NS_PER_S + now.tv_nsec;
}

void kube_store_set_wall(struct kube_store *store, int64_t wall_ns)
{
	store->wall_ns = wall_ns;
	store->wall_set = true;
}

/* A time of the API's, which is in whole seconds, as one of ours: not before 1 or after now. */
static uint64_t from_wall(const struct kube_store *store, int64_t seconds, uint64_t now_ns)
{
	int64_t wall = store->wall_set ? store->wall_ns
				       : clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	int64_t at;

	if (seconds <= 0 || seconds > INT64_MAX / (int64_t)NS_PER_S)
		return now_ns;
	at = seconds * (int64_t)NS_PER_S - wall;
	if (at < 1)
		return 1;
	return (uint64_t)at < now_ns ? (uint64_t)at : now_ns;
}

static struct kube_tenure tenure_of(const struct kube_store *store, struct entry *entry,
				    uint64_t now_ns)
{
	struct kube_tenure *tenure = &entry->tenure, seen;

	/* One that had ended when it was first seen may have ended long before. */
	if (!tenure->since_ns && entry->pod->ip_count)
		tenure->since_ns = entry->moved || entry->pod->ip_free
					   ? now_ns
					   : from_wall(store, entry->pod->ip_since, now_ns);
	if (!tenure->until_ns && entry->pod->ip_free)
		tenure->until_ns = now_ns;
	seen = *tenure;
	if (entry->deleted_ns && (!seen.until_ns || entry->deleted_ns < seen.until_ns))
		seen.until_ns = entry->deleted_ns;
	return seen;
}

int kube_store_publish(struct kube_store *store, uint64_t now_ns)
{
	_cleanup_free_ struct kube_tenure *tenures = NULL;
	_cleanup_free_ struct kube_pod **pods = NULL;
	size_t live = 0, dead = 0;
	struct kube_pods *snapshot;

	for (size_t i = store->count; i-- > 0;)
		if (store->entries[i].deleted_ns && expiry(&store->entries[i]) <= now_ns)
			drop(store, i);
	reap(store);
	if (!store->changed)
		return 0;
	pods = calloc(store->count + 1, sizeof(*pods));
	tenures = calloc(store->count + 1, sizeof(*tenures));
	if (!pods || !tenures)
		return -ENOMEM;
	/* Those that exist come first: of two pods with one config hash the living one is found. */
	for (size_t i = 0; i < store->count; i++) {
		struct entry *entry = &store->entries[i];
		size_t to = entry->deleted_ns ? store->count - ++dead : live++;

		pods[to] = entry->pod;
		tenures[to] = tenure_of(store, entry, now_ns);
	}
	snapshot = kube_pods_new(pods, store->count,
				 &(struct kube_pods_about){.tenures = tenures,
							   .generation = store->publishes + 1,
							   .seed = store->seed,
							   .live = live,
							   .synced = store->synced});
	if (!snapshot)
		return -ENOMEM;
	swap(store, snapshot);
	store->publishes++;
	store->changed = false;
	return 0;
}

struct kube_store_stats kube_store_stats(const struct kube_store *store)
{
	struct kube_store_stats stats = {
		.pods = store->count,
		.bytes = store->pod_bytes + kube_pods_bytes(store->current) +
			 store->room * (sizeof(*store->entries) + sizeof(*store->hashes)),
		.publishes = store->publishes,
		.pods_dropped = store->dropped,
		.synced = store->synced,
	};

	for (size_t i = 0; i < store->count; i++)
		stats.deleted += store->entries[i].deleted_ns != 0;
	return stats;
}

const struct kube_pods *kube_store_current(struct kube_store *store)
{
	struct kube_pods *pods = __atomic_load_n(&store->held, __ATOMIC_RELAXED);
	struct kube_pods *seen;

	if (pods)
		return pods;
	seen = __atomic_load_n(&store->current, __ATOMIC_SEQ_CST);
	do {
		pods = seen;
		__atomic_store_n(&store->held, pods, __ATOMIC_SEQ_CST);
		seen = __atomic_load_n(&store->current, __ATOMIC_SEQ_CST);
	} while (seen != pods);
	return pods;
}

void kube_store_quiesce(struct kube_store *store)
{
	__atomic_store_n(&store->held, NULL, __ATOMIC_RELEASE);
}
