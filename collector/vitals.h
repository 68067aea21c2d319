/* SPDX-License-Identifier: Apache-2.0 */
/* Keyhole's own metrics: which number of which part stands behind each of them. */
#ifndef KEYHOLE_VITALS_H
#define KEYHOLE_VITALS_H

#include "export/export.h"
#include "intake/intake.h"
#include "kube/client.h"
#include "kube/store.h"
#include "kube_vitals.h"
#include "peer_watches.h"
#include "pipeline.h"
#include "pressure.h"
#include "policy/report.h"
#include "reload.h"
#include "telemetry/selfmetrics.h"

/* One part of the loader's sandbox. */
struct vitals_part {
	const struct intake *intake;
	enum policy_part part;
};

/* All of it outlives the metrics. NULL where there is none. */
struct vitals {
	const struct intake *intake;
	const struct pipeline *pipeline;
	const struct telemetry *telemetry;
	const struct rulebooks *books;
	const struct reload_stats *reload;
	const struct kube_client *kube;
	struct kube_vitals kube_vitals; /* filled by vitals_bind() */
	const struct kube_store *store;
	const struct peer_watches *peers;
	const struct pressure *pressure; /* NULL: no limit */
	const struct policy_report *sandbox;
	const struct export *export;
	struct vitals_part loader[POLICY_PARTS_COUNT]; /* filled by vitals_bind() */
	uint64_t protocols;                            /* config_protocols() */
	bool no_build_info;                            /* prometheus_export.disable_build_info */
	/* why collector is not ready, for /readyz; filled by vitals_not_ready() */
	char reason[128];
};

/* Returns 0 or -ENOSPC. */
int vitals_bind(struct selfmetrics *self, struct vitals *vitals);

/* NULL: ready; else one line why not. `arg` is the struct vitals. */
const char *vitals_not_ready(void *arg);

#endif
