/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the names of a cgroup and its ancestors say about the container and the pod of the
 * processes in it. Pure. Names are chosen by whoever made the cgroup: a container that may create
 * cgroups (privileged) can choose names like those of another pod's; others can't.
 *
 * Forms (kubelet's cgroupfs and systemd drivers, containerd, CRI-O, Docker, Podman, crun's extra
 * level, nested nodes of kind and minikube) are listed with their sources in
 * tests/unit/identity/cgroup_name_vectors.h.
 */
#ifndef KEYHOLE_IDENTITY_CGROUP_NAME_H
#define KEYHOLE_IDENTITY_CGROUP_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "../../bpf/events.h"

#define CGROUP_ID_MAX 76 /* bytes: containerd's limit for an id; CRI's are 64 hex digits */

enum cgroup_runtime {
	CGROUP_RUNTIME_UNKNOWN, /* an id without its runtime: containerd's and Docker's cgroupfs
				   form */
	CGROUP_CONTAINERD,
	CGROUP_CRIO,
	CGROUP_DOCKER,
	CGROUP_PODMAN,
};

enum cgroup_qos {
	CGROUP_QOS_UNKNOWN,
	CGROUP_GUARANTEED,
	CGROUP_BURSTABLE,
	CGROUP_BESTEFFORT,
};

struct cgroup_identity {
	enum cgroup_runtime runtime; /* of the container */
	enum cgroup_qos qos;         /* of the pod */
	bool pod_is_hash;            /* 32 hex digits: a static pod's kubernetes.io/config.hash */
	/* The innermost container; "" none. A pod's sandbox ("pause") has an id like any other. */
	char container[CGROUP_ID_MAX + 1];
	/*
	 * The container that the kubelet started, which differs from the one above only where
	 * containers run inside a pod's container; "" where there is no pod.
	 */
	char pod_container[CGROUP_ID_MAX + 1];
	uint32_t pod_level; /* which of the names is the pod's alone; 0: none (its own never is) */
	char pod[37]; /* metadata.uid, 8-4-4-4-12 with dashes, or the config hash; "" none */
};

/*
 * `names` as in struct kh_cgroup: its own first, then its ancestors; levels above
 * KH_CGROUP_LEVELS are ignored, names need not be terminated. Whatever is not certain is left
 * empty. Returns true if a container or a pod was found.
 */
bool cgroup_name_parse(const char names[][KH_NAME], size_t levels, struct cgroup_identity *out);

/* "containerd", "cri-o", "docker", "podman": as in a pod's containerID; "" unknown. */
const char *cgroup_runtime_name(enum cgroup_runtime runtime);

/* "Guaranteed", "Burstable", "BestEffort": as in a pod's status; "" unknown. */
const char *cgroup_qos_name(enum cgroup_qos qos);

#endif
