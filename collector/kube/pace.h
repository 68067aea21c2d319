/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a client asks next. Drawn, so that the nodes of a fleet do not ask as one: after the API
 * server was away they all come back, and their watches began in the same second.
 *
 * Nothing is drawn before the very first request: names are wanted at once, it costs the server
 * only its cache, and the pods of a DaemonSet do not start in the same moment anyway.
 */
#ifndef KEYHOLE_KUBE_PACE_H
#define KEYHOLE_KUBE_PACE_H

#include "options.h"

#define KUBE_BACKOFF_MIN_MS 500 /* doubled by each failure, and drawn from the upper half */
#define KUBE_BACKOFF_MAX_MS 30000
#define KUBE_WATCH_MIN_S 240
#define KUBE_WATCH_MAX_S 480

struct kube_pace {
	unsigned failures; /* in a row */
	uint64_t random;
};

void kube_pace_init(struct kube_pace *pace);

/* 0 to below - 1 */
uint64_t kube_pace_draw(struct kube_pace *pace, uint64_t below);

/* Milliseconds to wait after one more failure; a server's own wish comes on top. */
uint64_t kube_pace_failed(struct kube_pace *pace, const struct kube_options *options,
			  unsigned retry_after_s);

/* timeoutSeconds of the next watch. */
unsigned kube_pace_watch(struct kube_pace *pace, const struct kube_options *options);

#endif
