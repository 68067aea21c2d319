/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong with the Kubernetes API and its objects, as numbers of Keyhole's own metrics. */
#ifndef KEYHOLE_KUBE_VITALS_H
#define KEYHOLE_KUBE_VITALS_H

#include "kube/client.h"
#include "telemetry/selfmetrics.h"

#define KUBE_VITALS_MAX (KUBE_FAULT_COUNT + 8)

/* Filled by kube_vitals_bind(); outlives the metrics, as does the client. */
struct kube_vitals {
	struct kube_vital {
		const struct kube_client *client;
		size_t offset; /* of a number in struct kube_client_stats */
	} vital[KUBE_VITALS_MAX];
	size_t n;
};

/* Returns 0 or -ENOSPC. */
int kube_vitals_bind(struct selfmetrics *self, struct kube_vitals *vitals,
		     const struct kube_client *client);

#endif
