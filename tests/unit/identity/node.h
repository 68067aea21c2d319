/* SPDX-License-Identifier: Apache-2.0 */
/* A node as the tests of workloads and of the pipeline see it: cgroups, processes, pods. */
#ifndef KEYHOLE_TESTS_IDENTITY_NODE_H
#define KEYHOLE_TESTS_IDENTITY_NODE_H

#include "identity/workloads.h"

#include <stdio.h>
#include <string.h>

#define S 1000000000ull
#define UID_A "11111111-2222-3333-4444-555555555555"
#define UID_B "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
#define ID_A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID_B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

/* The cgroup of container `id` in the pod of that uid, by containerd under the systemd driver. */
static inline struct kh_cgroup pod_cgroup(uint64_t key, const char *uid, const char *id)
{
	struct kh_cgroup c = {.rec = {KH_CGROUP, 0, sizeof(c)}, .cgroup = key, .levels = 4};
	char *p;

	snprintf(c.names[0], KH_NAME, "cri-containerd-%s.scope", id);
	snprintf(c.names[1], KH_NAME, "kubepods-burstable-pod%s.slice", uid);
	for (p = c.names[1] + strlen("kubepods-burstable-pod"); *p; p++)
		*p = *p == '-' ? '_' : *p;
	snprintf(c.names[2], KH_NAME, "kubepods-burstable.slice");
	snprintf(c.names[3], KH_NAME, "kubepods.slice");
	return c;
}

static inline struct kh_cgroup docker_cgroup(uint64_t key, const char *id)
{
	struct kh_cgroup c = {.rec = {KH_CGROUP, 0, sizeof(c)}, .cgroup = key, .levels = 2};

	snprintf(c.names[0], KH_NAME, "docker-%s.scope", id);
	snprintf(c.names[1], KH_NAME, "system.slice");
	return c;
}

static inline struct kh_cgroup unit_cgroup(uint64_t key, const char *unit)
{
	struct kh_cgroup c = {.rec = {KH_CGROUP, 0, sizeof(c)}, .cgroup = key, .levels = 2};

	snprintf(c.names[0], KH_NAME, "%s", unit);
	snprintf(c.names[1], KH_NAME, "system.slice");
	return c;
}

static inline struct kh_process a_process(uint32_t tgid, uint64_t cgroup, const char *name)
{
	struct kh_process p = {.rec = {KH_PROCESS, 0, sizeof(p)},
			       .tgid = tgid,
			       .cgroup = cgroup,
			       .start_ns = 1,
			       .exe_levels = 1};

	snprintf(p.comm, sizeof(p.comm), "%s", name);
	snprintf(p.exe[0], KH_EXE_NAME, "%s", name);
	return p;
}

/* `id` "": the API does not know the container yet. */
static inline struct kube_pod *a_pod(const char *uid, const char *space, const char *deployment,
				     const char *id)
{
	const struct kube_container container = {.name = "main",
						 .id = id,
						 .ended_id = "",
						 .image = "",
						 .otel_service_name = "",
						 .otel_resource_attributes = ""};
	const struct kube_pod draft = {.uid = uid,
				       .name = deployment,
				       .namespace = space,
				       .node = "node-1",
				       .config_hash = "",
				       .workload = {[KUBE_DEPLOYMENT] = deployment},
				       .owner_kind = "Deployment",
				       .owner_name = deployment,
				       .containers = &container,
				       .container_count = 1};

	return kube_pod_new(&draft);
}

#endif
