/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot of the pod table: pods and three hash indexes in one allocation, never changed after
 * it was made. store.h hands them out; the lookups are declared there.
 */
#ifndef KEYHOLE_KUBE_SNAPSHOT_H
#define KEYHOLE_KUBE_SNAPSHOT_H

#include "store.h"

/* When a pod's addresses were its own: from `since_ns` until before `until_ns`; 0: still. */
struct kube_tenure {
	uint64_t since_ns, until_ns;
};

struct kube_pods_about {
	const struct kube_tenure *tenures; /* one for each pod; NULL: nobody has an address */
	uint64_t generation;
	uint64_t seed; /* of the hashes */
	size_t live;   /* the first `live` pods exist, the others were deleted */
	bool synced;
};

/* Takes a reference of each of the `n` pods. NULL: out of memory. */
struct kube_pods *kube_pods_new(struct kube_pod *const pods[], size_t n,
				const struct kube_pods_about *about);
void kube_pods_free(struct kube_pods *pods); /* NULL is fine */
size_t kube_pods_bytes(const struct kube_pods *pods);

/* A hash of text in which '_' and '-' are the same (as pod uids are written in cgroup names). */
uint64_t kube_text_hash(uint64_t seed, struct slice text);

#endif
