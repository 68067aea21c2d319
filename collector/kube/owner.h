/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a pod belongs to, told from the pod alone, so that no permission beyond `pods` is needed:
 *
 * ReplicaSet  its Deployment names it `<deployment>-<hash>` and labels the pod with that hash
 *             (pod-template-hash; Argo Rollouts: rollouts-pod-template-hash). Without a label that
 *             matches, the last part is cut if it could be such a hash: at most 10 characters of
 *             the alphabet Kubernetes encodes hashes in, which has no vowel and no 0, 1 or 3.
 * Job         its CronJob names it `<cronjob>-<scheduled minute since 1970>` (8 digits; before
 *             Kubernetes 1.21 10 digits of seconds). A date such as -20261123 is no such minute.
 * Node        a static pod, shown by its kubelet: the pod is its own workload.
 * others      themselves, by kind and name; a pod without an owner is its own.
 */
#ifndef KEYHOLE_KUBE_OWNER_H
#define KEYHOLE_KUBE_OWNER_H

#include "pod.h"

struct kube_owner_input {
	const char *pod;          /* the pod's name */
	const char *kind, *name;  /* the controlling ownerReference; "" if none */
	const char *hash;         /* label pod-template-hash, "" if absent */
	const char *rollout_hash; /* label rollouts-pod-template-hash, "" if absent */
};

/*
 * Fills workload[], owner_kind and owner_name of `draft`. They point into `in`, constants or
 * `parent`, where a name that had to be cut is stored.
 */
void kube_owner_resolve(const struct kube_owner_input *in, char parent[KUBE_NAME_MAX + 1],
			struct kube_pod *draft);

#endif
