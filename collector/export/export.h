/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Keyhole offers to be scraped: <path> (metrics), /healthz (200 while the front loop turns)
 * and /readyz (200, or 503 and a line that says what is missing).
 */
#ifndef KEYHOLE_EXPORT_EXPORT_H
#define KEYHOLE_EXPORT_EXPORT_H

#include "../loop.h"
#include "prometheus.h"

#include <stdatomic.h>
#include <stdbool.h>

#define EXPORT_PATH_DEFAULT "/metrics"
#define EXPORT_SCRAPES_MAX 4        /* answers being sent at once; more get 503 */
#define EXPORT_BODY_MAX (64u << 20) /* bytes of one answer as sent; a longer one becomes 503 */

struct export_options {
	const char *listen; /* numeric address; NULL or "": all, IPv4 and IPv6 */
	uint16_t port;      /* 0: the kernel chooses, see export_port() */
	bool health_only;   /* no metrics are served, only the other two */
	const char *path; /* begins with '/', not /healthz or /readyz; NULL: EXPORT_PATH_DEFAULT */
	struct prometheus_source source;
	uint64_t answers_max; /* bytes of all answers being sent; 0: the limits above alone */
	/* NULL: always ready. Else returns NULL when ready, or the reason why not, one line. */
	const char *(*not_ready)(void *arg);
	void *arg;
};

struct export_stats {
	_Atomic uint64_t ok;              /* 200 */
	_Atomic uint64_t not_found;       /* 404 */
	_Atomic uint64_t not_allowed;     /* 405 */
	_Atomic uint64_t unavailable;     /* 503: not ready, too many scrapes, body too long */
	_Atomic uint64_t scrapes_refused; /* of these, beyond EXPORT_SCRAPES_MAX */
	_Atomic uint64_t bodies_too_long; /* of these, beyond EXPORT_BODY_MAX */
	_Atomic uint64_t scrapes_active;
	_Atomic uint64_t answers_bytes; /* of these */
};

struct export;

/* Strings and the source must outlive the export. Returns 0, or -errno after a line in the log. */
int export_start(struct export **export, struct loop *loop, const struct export_options *options);
void export_stop(struct export *export);

uint16_t export_port(const struct export *export);
const struct export_stats *export_stats(const struct export *export);

/*
 * Binds the export's numbers to SELF_SCRAPES, SELF_SCRAPES_ACTIVE and SELF_LIMIT_REACHED; the
 * export must then outlive all that reads `self`.
 */
void export_bind(const struct export *export, struct selfmetrics *self);

#endif
