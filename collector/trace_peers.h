/* SPDX-License-Identifier: Apache-2.0 */
/* Telling other collectors of traces (trace/tell.h), as the configuration asks for it. */
#ifndef KEYHOLE_TRACE_PEERS_H
#define KEYHOLE_TRACE_PEERS_H

#include "config/config.h"
#include "telemetry/selfmetrics.h"
#include "trace/tell_net.h"

#include <limits.h>

struct trace_peers {
	struct tell *tell; /* NULL: nobody is told */
	struct tell_net *net;
	const char *secret_file;
	char directory[PATH_MAX]; /* of secret_file */
};

/* Before the sandbox. Nothing, where no endpoints are configured. 0, or -errno after one line. */
int trace_peers_start(struct trace_peers *peers, struct loop *loop, const struct config *config);

/*
 * What must stay readable, NULL for nothing: the directory of the secret's file, which may be
 * replaced, or if that is too broad the file itself.
 */
const char *trace_peers_path(const struct trace_peers *peers, bool (*is_broad)(const char *path));

/* Binds keyhole_trace_peers_*. Returns 0 or -ENOSPC. */
int trace_peers_bind(struct trace_peers *peers, struct selfmetrics *self);

void trace_peers_stop(struct trace_peers *peers); /* the socket, with the loop */
void trace_peers_free(struct trace_peers *peers); /* when the intake thread is done */

#endif
