/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroup paths as they are found in the field, and who lives in them. A path is written as in
 * /proc/PID/cgroup; A, B and C stand for container ids of 64 hex digits, U for a pod's uid with
 * dashes, V for the same with underscores, H for a config hash.
 */
#include "collector/identity/cgroup_name.h"

#define A "3a7c5ea1d5bbd3b1a2f4cbbbd54c1c4a7b0e6b7b3c8a9d0e1f2a3b4c5d6e7f80"
#define B "40c03570b6f4c30bc8d69923d37ee698f5cfcced92c7b7df1c47f6f7887378a9"
#define C "0fb1c2d3e4f5061728394a5b6c7d8e9f00112233445566778899aabbccdd361e"
#define U "2f8c1a52-9a0f-4c7e-8d6b-0d9a6c1f5e3b"
#define V "2f8c1a52_9a0f_4c7e_8d6b_0d9a6c1f5e3b"
#define H "8b73b8d9455b40e12032ac5a0253b96e"

struct vector {
	const char *setup;
	const char *path;
	const char *container, *pod;
	enum cgroup_runtime runtime;
	enum cgroup_qos qos;
	const char *pod_container; /* NULL: the same as container */
};

#define UNKNOWN CGROUP_RUNTIME_UNKNOWN
#define NO_QOS CGROUP_QOS_UNKNOWN

/* clang-format off */
static const struct vector vectors[] = {
	/* Kubernetes, containerd */
	{"containerd, cgroupfs, burstable", "/kubepods/burstable/pod" U "/" A, A, U, UNKNOWN, CGROUP_BURSTABLE, NULL},
	{"containerd, cgroupfs, besteffort", "/kubepods/besteffort/pod" U "/" A, A, U, UNKNOWN, CGROUP_BESTEFFORT, NULL},
	{"containerd, cgroupfs, guaranteed", "/kubepods/pod" U "/" A, A, U, UNKNOWN, CGROUP_GUARANTEED, NULL},
	{"containerd, cgroupfs, static pod", "/kubepods/besteffort/pod" H "/" A, A, H, UNKNOWN, CGROUP_BESTEFFORT, NULL},
	{"containerd, systemd, burstable", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" V ".slice/cri-containerd-" A ".scope", A, U, CGROUP_CONTAINERD, CGROUP_BURSTABLE, NULL},
	{"containerd, systemd, besteffort", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" V ".slice/cri-containerd-" A ".scope", A, U, CGROUP_CONTAINERD, CGROUP_BESTEFFORT, NULL},
	{"containerd, systemd, guaranteed", "/kubepods.slice/kubepods-pod" V ".slice/cri-containerd-" A ".scope", A, U, CGROUP_CONTAINERD, CGROUP_GUARANTEED, NULL},
	{"containerd, systemd, static pod", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" H ".slice/cri-containerd-" A ".scope", A, H, CGROUP_CONTAINERD, CGROUP_BURSTABLE, NULL},
	{"a container that runs systemd", "/kubepods.slice/kubepods-pod" V ".slice/cri-containerd-" A ".scope/system.slice/nginx.service", A, U, CGROUP_CONTAINERD, CGROUP_GUARANTEED, NULL},
	{"kubelet --cgroup-root, cgroupfs", "/custom/root/kubepods/burstable/pod" U "/" A, A, U, UNKNOWN, CGROUP_BURSTABLE, NULL},
	{"kubelet --cgroup-root, systemd", "/custom.slice/custom-root.slice/custom-root-kubepods.slice/custom-root-kubepods-pod" V ".slice/crio-" A ".scope", A, U, CGROUP_CRIO, CGROUP_GUARANTEED, NULL},
	{"the pod's own cgroup", "/kubepods/burstable/pod" U, "", U, UNKNOWN, CGROUP_BURSTABLE, NULL},

	/* Kubernetes, CRI-O */
	{"CRI-O, systemd, runc", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" V ".slice/crio-" A ".scope", A, U, CGROUP_CRIO, CGROUP_BURSTABLE, NULL},
	{"CRI-O, systemd, crun's extra level", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" V ".slice/crio-" A ".scope/container", A, U, CGROUP_CRIO, CGROUP_BESTEFFORT, NULL},
	{"CRI-O, systemd, conmon is not the container", "/kubepods.slice/kubepods-pod" V ".slice/crio-conmon-" A ".scope", "", U, UNKNOWN, CGROUP_GUARANTEED, NULL},
	{"CRI-O, cgroupfs", "/kubepods/burstable/pod" U "/crio-" A, A, U, CGROUP_CRIO, CGROUP_BURSTABLE, NULL},
	{"CRI-O, cgroupfs, conmon", "/kubepods/burstable/pod" U "/crio-conmon-" A, "", U, UNKNOWN, CGROUP_BURSTABLE, NULL},

	/* Kubernetes, Docker */
	{"cri-dockerd, systemd", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" V ".slice/docker-" A ".scope", A, U, CGROUP_DOCKER, CGROUP_BESTEFFORT, NULL},
	{"cri-dockerd, cgroupfs", "/kubepods/besteffort/pod" U "/" A, A, U, UNKNOWN, CGROUP_BESTEFFORT, NULL},

	/* drivers that disagree */
	{"kubelet systemd, containerd cgroupfs, guaranteed static pod", "/system.slice/containerd.service/kubepods-pod" H ".slice:cri-containerd:" A, A, H, CGROUP_CONTAINERD, CGROUP_GUARANTEED, NULL},
	{"kata, systemd form taken literally", "/kubepods-pod" H ".slice:cri-containerd:" A, A, H, CGROUP_CONTAINERD, CGROUP_GUARANTEED, NULL},
	{"the same without a pod", "/system.slice/containerd.service/system.slice:nerdctl:" A, A, "", CGROUP_CONTAINERD, NO_QOS, NULL},
	{"the same with a free id", "/user.slice:cri-containerd:probe-1", "probe-1", "", CGROUP_CONTAINERD, NO_QOS, NULL},
	{"the same, a conmon without a pod", "/system.slice:crio-conmon:" A, "", "", UNKNOWN, NO_QOS, NULL},
	{"the same, a conmon", "/kubepods-pod" H ".slice:crio-conmon:" A, "", H, UNKNOWN, CGROUP_GUARANTEED, NULL},

	/* nodes that are containers: the innermost counts */
	{"kind, from the node", "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod" V ".slice/cri-containerd-" B ".scope", B, U, CGROUP_CONTAINERD, CGROUP_BESTEFFORT, NULL},
	{"kind, from the host, cgroupfs", "/docker/" A "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod" V ".slice/cri-containerd-" B ".scope", B, U, CGROUP_CONTAINERD, CGROUP_BESTEFFORT, NULL},
	{"kind, from the host, systemd", "/system.slice/docker-" A ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" V ".slice/cri-containerd-" B ".scope", B, U, CGROUP_CONTAINERD, CGROUP_GUARANTEED, NULL},
	{"kind, the node's own processes", "/docker/" A "/system.slice/containerd.service", A, "", CGROUP_DOCKER, NO_QOS, NULL},
	{"kind, a pod's cgroup without a container is not the node", "/docker/" A "/kubelet/kubepods/pod" U, "", U, UNKNOWN, CGROUP_GUARANTEED, NULL},
	{"minikube, docker driver with CRI-O", "/docker/" A "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" V ".slice/crio-" B ".scope", B, U, CGROUP_CRIO, CGROUP_BURSTABLE, NULL},
	{"Kubernetes inside a docker container", "/system.slice/docker-" A ".scope/kubepods/burstable/pod" U "/" B, B, U, UNKNOWN, CGROUP_BURSTABLE, NULL},
	{"Docker inside a pod: both are known", "/kubepods/burstable/pod" U "/" A "/docker/" B, B, U, CGROUP_DOCKER, CGROUP_BURSTABLE, A},
	{"a nested podman's conmon lives in the outer container", "/kubepods/burstable/pod" U "/" A "/libpod-conmon-" B ".scope", A, U, UNKNOWN, CGROUP_BURSTABLE, NULL},
	{"a pod inside a pod", "/kubepods/burstable/pod00000000-0000-0000-0000-000000000000/" A "/kubepods/pod" U "/" B, B, U, UNKNOWN, CGROUP_GUARANTEED, NULL},

	/* chains that begin below the usual root */
	{"relative, systemd", "/cri-containerd-" B ".scope", B, "", CGROUP_CONTAINERD, NO_QOS, NULL},
	{"relative, cgroupfs pod (Docker 27)", "/pod" H "/" B, B, H, UNKNOWN, NO_QOS, NULL},
	{"relative, cgroupfs (OrbStack)", "/" B, B, "", UNKNOWN, NO_QOS, NULL},

	/* without Kubernetes */
	{"docker, cgroupfs", "/docker/" A, A, "", CGROUP_DOCKER, NO_QOS, NULL},
	{"docker, systemd", "/system.slice/docker-" A ".scope", A, "", CGROUP_DOCKER, NO_QOS, NULL},
	{"podman, cgroupfs", "/libpod_parent/libpod-" A, A, "", CGROUP_PODMAN, NO_QOS, NULL},
	{"podman, systemd, runc", "/machine.slice/libpod-" A ".scope", A, "", CGROUP_PODMAN, NO_QOS, NULL},
	{"podman, systemd, crun", "/machine.slice/libpod-" A ".scope/container", A, "", CGROUP_PODMAN, NO_QOS, NULL},
	{"podman, rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" A ".scope/container", A, "", CGROUP_PODMAN, NO_QOS, NULL},
	{"podman, a pod of its own kind", "/machine.slice/machine-libpod_pod_" B ".slice/libpod-" A ".scope", A, "", CGROUP_PODMAN, NO_QOS, NULL},
	{"podman, conmon", "/machine.slice/libpod-conmon-" A ".scope", "", "", UNKNOWN, NO_QOS, NULL},
	{"podman, split", "/system.slice/web.service/libpod-payload-" A, A, "", CGROUP_PODMAN, NO_QOS, NULL},
	{"nerdctl, systemd", "/system.slice/nerdctl-" A ".scope", A, "", CGROUP_CONTAINERD, NO_QOS, NULL},
	{"ctr in CRI's namespace, free id", "/k8s.io/c1", "c1", "", CGROUP_CONTAINERD, NO_QOS, NULL},
	{"CRI's namespace, hex id", "/k8s.io/" B, B, "", CGROUP_CONTAINERD, NO_QOS, NULL},
	{"ctr in another namespace, hex id", "/default/" B, B, "", UNKNOWN, NO_QOS, NULL},
	{"ctr in another namespace, free id: not certain", "/default/redis", "", "", UNKNOWN, NO_QOS, NULL},
	{"ECS", "/ecs/0123456789abcdef0123456789abcdef/" A, A, "", UNKNOWN, NO_QOS, NULL},
	{"a runtime not known", "/system.slice/newruntime-" A ".scope", A, "", UNKNOWN, NO_QOS, NULL},

	/* nothing of the kind */
	{"the root", "/", "", "", UNKNOWN, NO_QOS, NULL},
	{"a service", "/system.slice/containerd.service", "", "", UNKNOWN, NO_QOS, NULL},
	{"a login session", "/user.slice/user-963461.slice/session-11909.scope", "", "", UNKNOWN, NO_QOS, NULL},
	{"a terminal", "/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-" U ".scope", "", "", UNKNOWN, NO_QOS, NULL},
	{"a mount of docker's", "/system.slice/var-lib-docker-overlay2-" A "-merged.mount", "", "", UNKNOWN, NO_QOS, NULL},
	{"a slice whose name has hex digits", "/system.slice/backup-" A ".service", "", "", UNKNOWN, NO_QOS, NULL},
	{"kubepods without a pod", "/kubepods.slice/kubepods-burstable.slice", "", "", UNKNOWN, NO_QOS, NULL},

	/* almost */
	{"an id with a digit too few", "/docker/3a7c5ea1d5bbd3b1a2f4cbbbd54c1c4a7b0e6b7b3c8a9d0e1f2a3b4c5d6e7f8", "", "", UNKNOWN, NO_QOS, NULL},
	{"an id with a digit too many", "/docker/" A "0", "", "", UNKNOWN, NO_QOS, NULL},
	{"an id in capitals", "/docker/3A7C5EA1D5BBD3B1A2F4CBBBD54C1C4A7B0E6B7B3C8A9D0E1F2A3B4C5D6E7F80", "", "", UNKNOWN, NO_QOS, NULL},
	{"a uid with joints in other places", "/kubepods/pod2f8c1a529-a0f-4c7e-8d6b-0d9a6c1f5e3b/x", "", "", UNKNOWN, NO_QOS, NULL},
	{"a uid that goes on", "/kubepods/pod" U "0/x", "", "", UNKNOWN, NO_QOS, NULL},
	{"pods, not pod", "/kubepods/pods" H "/x", "", "", UNKNOWN, NO_QOS, NULL},
	{"a word that ends in pod", "/kubepods/mypod" H "/x", "", "", UNKNOWN, NO_QOS, NULL},
	{"a free id with a blank", "/k8s.io/c 1", "", "", UNKNOWN, NO_QOS, NULL},
	{"a free id that ends in a joint", "/k8s.io/c1-", "", "", UNKNOWN, NO_QOS, NULL},
	{"colons, but no slice before them", "/a:cri-containerd:" A, "", "", UNKNOWN, NO_QOS, NULL},
};
/* clang-format on */
