/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of pods. The front thread changes it; the intake thread reads immutable snapshots of
 * it without a lock.
 *
 * Front:  kube_store_put(), ..._delete(), ..._list_begin(), ..._list_end(), then
 *         kube_store_publish(), which builds a new snapshot and swaps one pointer.
 * Intake: kube_store_current() as often as it likes; it gets the same snapshot until it calls
 *         kube_store_quiesce(), once per batch and before it waits. Pods found in a snapshot must
 *         not be used after that, unless kube_pod_ref() was called.
 *
 * There is one reader, so one pointer says what it holds (a hazard pointer) and at most two
 * snapshots exist, however long the intake sleeps.
 *
 * Times are CLOCK_MONOTONIC nanoseconds, given by the caller.
 */
#ifndef KEYHOLE_KUBE_STORE_H
#define KEYHOLE_KUBE_STORE_H

#include "../slice.h"
#include "pod.h"

#define KUBE_PODS_MAX 1024   /* pods in the table, deleted ones included; the default limit */
#define KUBE_DELETED_KEEP 60 /* seconds that a deleted pod can still be found: late records */

struct kube_store;
struct kube_pods; /* a snapshot */

struct kube_store_stats {
	uint64_t pods;         /* in the table, deleted ones included */
	uint64_t deleted;      /* of these, deleted */
	uint64_t bytes;        /* of pods, the table and the current snapshot */
	uint64_t publishes;    /* snapshots made */
	uint64_t pods_dropped; /* refused because the table was full */
	bool synced;           /* one whole list was taken in */
};

/* `pods_max` 0: KUBE_PODS_MAX. NULL: out of memory. */
struct kube_store *kube_store_new(size_t pods_max);
void kube_store_free(struct kube_store *store); /* after the intake has stopped */

/*
 * Front thread. A pod is known by its uid; put replaces and takes over the reference. -ENOSPC: the
 * table is full (counted, the reference is released). -ENOMEM likewise.
 */
int kube_store_put(struct kube_store *store, struct kube_pod *pod);
void kube_store_delete(struct kube_store *store, struct slice uid, uint64_t now_ns);

/*
 * A new list: what is put between begin and end is there, all else is deleted at the end. Without
 * an end (the list failed, another one begins) nothing is lost.
 */
void kube_store_list_begin(struct kube_store *store);
void kube_store_list_end(struct kube_store *store, uint64_t now_ns);

/* Drops what was deleted long ago; makes the intake see what changed. 0 or -ENOMEM. */
int kube_store_publish(struct kube_store *store, uint64_t now_ns);
bool kube_store_changed(const struct kube_store *store);    /* is there anything to publish? */
uint64_t kube_store_expiry(const struct kube_store *store); /* when to publish next; 0: never */
struct kube_store_stats kube_store_stats(const struct kube_store *store);

/*
 * The API tells times of the wall clock. For tests: CLOCK_REALTIME less CLOCK_MONOTONIC, instead
 * of what they are when it is needed.
 */
void kube_store_set_wall(struct kube_store *store, int64_t wall_ns);

/* Intake thread. Never NULL. No system call, no allocation, no lock. */
const struct kube_pods *kube_store_current(struct kube_store *store);
void kube_store_quiesce(struct kube_store *store);

/*
 * Lookups in a snapshot; NULL if not known. `uid` as it stands in a cgroup's name: with '-' or '_',
 * or the config hash of a static pod. `id` is a container id without scheme; *container is set to
 * the container that has it now or had it before its last restart.
 */
struct kube_pod *kube_pods_by_uid(const struct kube_pods *pods, struct slice uid);
struct kube_pod *kube_pods_by_container(const struct kube_pods *pods, struct slice id,
					const struct kube_container **container);

/* Who had an address at some time, in one snapshot. */
enum kube_owned {
	KUBE_OWNED_NEVER,    /* it is in no pod of this snapshot */
	KUBE_OWNED_ELSEWHEN, /* it is, but was its own before or after that time only */
	KUBE_OWNED,          /* by exactly one: *owner */
	KUBE_OWNED_TWICE,    /* so by nobody: one of the two is out of date */
};

/*
 * `ip` in network byte order, IPv4 as ::ffff:a.b.c.d. A pod has its addresses from the start of
 * its first container until it is deleted or has ended (struct kube_pod.ip_free), at the latest
 * until the store learns of that; pods of the host's network have none.
 */
enum kube_owned kube_pods_by_ip(const struct kube_pods *pods, const uint8_t ip[16],
				uint64_t when_ns, struct kube_pod **owner);

bool kube_pods_synced(const struct kube_pods *pods); /* one whole list was taken in */
size_t kube_pods_count(const struct kube_pods *pods);
uint64_t kube_pods_generation(const struct kube_pods *pods); /* grows with each publish */

#endif
