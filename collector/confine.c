/* SPDX-License-Identifier: Apache-2.0 */
#include "confine.h"

#include "collector.h"
#include "log.h"

#define LOG_MODULE "main"
#define OTLP_PATHS_MAX (3 * OTLP_SIGNALS)

static void need_path(struct policy_collector_needs *needs, size_t *n, const char *path)
{
	if (path)
		needs->read[(*n)++] = path;
}

/* Ports and files of OTLP, from needs->read[n] on; returns how many of them. */
static int otlp_needs(const struct otlp_signal_options options[OTLP_SIGNALS],
		      struct policy_collector_needs *needs, size_t n)
{
	size_t from = n;

	for (int i = 0; i < OTLP_SIGNALS; i++) {
		if (!options[i].url)
			continue;
		needs->connect[needs->connect_count++] = options[i].port;
		need_path(needs, &n, options[i].ca);
		need_path(needs, &n, options[i].cert);
		need_path(needs, &n, options[i].key);
	}
	return (int)(n - from);
}

int confine_collector(struct collector *c)
{
	struct policy_collector_needs needs = {.user = c->options.user};
	char line[1024];
	int n = 0, r;

	if (c->cluster.there) {
		n = cluster_paths(&c->cluster, needs.read,
				  POLICY_PATHS_MAX - 1 - RELOAD_PATHS_MAX - OTLP_PATHS_MAX - 1);
		needs.connect[needs.connect_count++] = cluster_port(&c->cluster);
	}
	if (n < 0)
		return n;
	n += otlp_needs(c->otlp_options, &needs, (size_t)n);
	needs.read[n] = trace_peers_path(&c->trace_peers, policy_is_broad);
	n += needs.read[n] != NULL;
	if (c->options.replay)
		needs.read[n++] = c->options.replay;
	if (c->reload)
		reload_paths(c->reload, policy_is_broad, needs.read + n);
	c->sandbox.may_lack = c->options.may_lack;
	r = policy_enter_collector(&needs, c->options.no_sandbox, &c->sandbox);
	if (r) {
		log_error("%s", c->sandbox.error);
		return r;
	}
	log_info("sandbox: %s", policy_report_line(&c->sandbox, line, sizeof(line)));
	if (c->options.no_sandbox)
		log_warn("--no-sandbox: neither Landlock nor a seccomp filter nor no_new_privs is "
			 "in force; for debugging only");
	return 0;
}
