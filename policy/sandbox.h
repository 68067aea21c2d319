/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox of each process, as one call. Order: no dump, no_new_privs, user, capabilities,
 * Landlock, seccomp. Any part that fails fails the whole, and the caller prints report->error and
 * ends; unless that part is among report->may_lack, which makes a note of it.
 *
 * Both may be called only while the process has a single thread. Libraries must be mapped and
 * initialised before (curl_global_init()): no executable mapping can be made afterwards.
 */
#ifndef KEYHOLE_POLICY_SANDBOX_H
#define KEYHOLE_POLICY_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "report.h"

#define POLICY_COLLECTOR_ID 65532 /* uid and gid of a collector started by uid 0: "nonroot" */
#define POLICY_PATHS_MAX 32       /* paths in policy_collector_needs.read and .write, each */
#define POLICY_PORTS_MAX 32       /* ports in .connect and .bind, each */

/*
 * The loader, once everything is attached and its socket listens. From then on it can poll,
 * accept, receive, send and write to standard error; no file, no network, no bpf(2), no
 * capability. With no_sandbox only the capabilities go.
 */
int policy_enter_loader(bool no_sandbox, struct policy_report *report);

/*
 * What the collector will need. Lists may be shorter than their limits; zeroes at the end. The
 * resolver's and TLS's own files (/etc, the CA bundles, /dev/urandom) and TCP port 53 are added.
 */
struct policy_collector_needs {
	const char *read[POLICY_PATHS_MAX]; /* token directory, CA and client certificate files */
	const char
		*write[POLICY_PATHS_MAX];   /* existing files; none if --record was opened before */
	uint16_t bind[POLICY_PORTS_MAX];    /* metrics; if not bound before */
	size_t bind_count;                  /* counted, because port 0 means "any" */
	uint16_t connect[POLICY_PORTS_MAX]; /* API server, OTLP endpoint, proxies */
	size_t connect_count;
	uid_t user;  /* --user; 0: POLICY_COLLECTOR_ID if started by uid 0, else unchanged */
	gid_t group; /* 0: the number of user */
};

/* Has this directory more in it than the collector should ever read, as / and /tmp have? */
bool policy_is_broad(const char *path);

/* The collector, before it starts threads or reads a byte that somebody else wrote. */
int policy_enter_collector(const struct policy_collector_needs *needs, bool no_sandbox,
			   struct policy_report *report);

#endif
