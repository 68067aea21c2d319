/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: read once at start, immutable afterwards. Every option is declared once, in
 * options.c; keys and meanings follow Grafana Beyla 3 where both have them (docs:
 * configuration.md). Weakest first: defaults, the file, the environment (BEYLA_X, then
 * OTEL_EBPF_X, then KEYHOLE_X).
 */
#ifndef KEYHOLE_CONFIG_CONFIG_H
#define KEYHOLE_CONFIG_CONFIG_H

#include "../log.h"
#include "../service/resolve.h"
#include "../service/route.h"
#include "../service/selector.h"
#include "note.h"

#include <stdio.h>

struct config_texts {
	const char *const *v;
	size_t n;
};

struct config_numbers {
	const double *v; /* ascending, not negative */
	size_t n;
};

struct config_ranges {
	const struct selector_range *v;
	size_t n;
};

struct config_entries {
	const struct selector_entry *v;
	size_t n;
	bool given; /* also if it is empty */
};

enum config_kubernetes_source {
	CONFIG_SOURCE_API,
	CONFIG_SOURCE_KUBELET,
};

enum config_kubernetes {
	CONFIG_KUBERNETES_OFF,
	CONFIG_KUBERNETES_ON,
	CONFIG_KUBERNETES_AUTODETECT, /* on where a cluster is found */
};

/* Text that was not given is "". Times are nanoseconds. */
struct config {
	struct arena *arena;
	int log_level; /* enum log_level */

	struct {
		uint64_t port; /* 0: no scrapes are served */
		const char *path;
		uint64_t ttl_ns;
		struct config_numbers duration, request_size, response_size; /* buckets */
	} prometheus;

	struct {
		int enable; /* enum config_kubernetes */
		const char *cluster_name, *kubeconfig_path;
		uint64_t reconnect_ns;
		struct config_texts name_labels, namespace_labels, version_labels;
	} kubernetes;

	struct {
		const char *hostname; /* in service.instance.id instead of the node's */
		const char *service_name, *service_namespace;
	} naming;

	struct {
		struct config_entries instrument, exclude_instrument, default_exclude_instrument;
		struct config_entries services, exclude_services, default_exclude_services;
		const char *executable_name, *auto_target_exe;
		struct config_ranges open_port;
		/* What follows from all of them. */
		struct config_entries include, exclude;
	} discovery;

	struct {
		bool given; /* the file has a section `routes` */
		struct config_texts patterns, ignored;
		int ignore, unmatched; /* enum route_ignore, enum route_unmatched */
		const char *wildcard;
		uint64_t cardinality;
	} routes;

	struct {
		const char *loader_socket;  /* path of the Unix socket of keyhole-loader */
		const char *listen_address; /* of scrapes; "" is every address */
		const char *node_name;      /* whose pods are asked for; "" is this host */
		int kubernetes_source;      /* enum config_kubernetes_source */
		const char *kubelet_url, *kubelet_ca;
		bool kubelet_insecure;
		uint64_t kubelet_ns; /* between two lists */
		uint64_t waiting_records, waiting_ns;
		uint64_t series_limit;  /* per metric */
		uint64_t series_memory; /* bytes */
		bool time_to_first_byte, server_address_from_host;
	} keyhole;
};

/* `option` (of the command line), else the first of KEYHOLE_, OTEL_EBPF_, BEYLA_CONFIG_PATH. */
const char *config_path(const char *option, char *const *environment);

/*
 * Reads the file (NULL: none, only defaults and environment). notes->file is set here.
 * Returns 0, or -EINVAL or another -errno, said in one line or more; -ENOMEM is said too.
 */
int config_read(struct config **config, const char *path, char *const *environment,
		struct notes *notes);

/* The same with the text of a file, called notes->file (or "configuration"). */
int config_parse(struct config **config, struct slice text, char *const *environment,
		 struct notes *notes);
void config_free(struct config *config);

/* What the parts want of it; all of it lives as long as the configuration. */
void config_selectors(const struct config *config, struct selector_options *options);
void config_routes(const struct config *config, struct route_options *options);
/* `host`: this host's name; used unless the configuration says another. May be NULL. */
void config_naming(const struct config *config, const char *host, struct resolve_rules *rules);

/*
 * Pod labels, or annotations, that selectors and names look at: keys or prefixes ending in '*',
 * with a NULL at the end as struct kube_keep has it. Returns how many, without the NULL; -ENOSPC.
 */
int config_pod_labels(const struct config *config, const char *keys[], size_t size);
int config_pod_annotations(const struct config *config, const char *keys[], size_t size);

/* The reference page in Markdown: docs/configuration.md. */
void config_print_reference(FILE *out);

#endif
