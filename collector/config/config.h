/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration, immutable once it is read. Every option is declared once, in options*.c, or
 * among those that are not supported in unsupported*.c; keys and meanings follow Grafana Beyla 3
 * where both have them (docs: configuration.md). Weakest first: defaults, the file, the environment
 * (BEYLA_X, then OTEL_EBPF_X, then KEYHOLE_X).
 */
#ifndef KEYHOLE_CONFIG_CONFIG_H
#define KEYHOLE_CONFIG_CONFIG_H

#include "../log.h"
#include "../service/resolve.h"
#include "../service/route.h"
#include "../service/selector.h"
#include "../telemetry/filter.h"
#include "../telemetry/select.h"
#include "../telemetry/semconv.h"
#include "../telemetry/telemetry.h"
#include "../trace/make.h"
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

/* Both with the places where they were read. */
struct config_select {
	struct select_sections sections;
	const struct tree *const *at;
};

struct config_filter {
	struct filter_test *v;
	size_t n;
	const struct tree *const *at;
};

/* Labels that give extra attributes, with the places where they were read. */
struct config_labels {
	struct resolve_extra_labels *v;
	const struct tree **at;
	size_t n;
};

enum config_kubernetes_source {
	CONFIG_SOURCE_API,
	CONFIG_SOURCE_KUBELET,
};

/* Words of a list that Keyhole has something of. */
struct config_set {
	uint64_t bits;
	bool given;
};

/* metrics.features */
enum {
	CONFIG_APPLICATION = 1,
	CONFIG_SPANS = 2,
	CONFIG_SPANS_OTEL = 4,
	CONFIG_SPAN_SIZES = 8,
	CONFIG_GRAPH = 16,
	CONFIG_HOST = 32,
	CONFIG_ANY_SPANS = CONFIG_SPANS | CONFIG_SPANS_OTEL | CONFIG_SPAN_SIZES,
};

enum config_shown { CONFIG_NOT_SHOWN, CONFIG_SHOWN_AS_YAML, CONFIG_SHOWN_AS_JSON };

enum config_kubernetes {
	CONFIG_KUBERNETES_OFF,
	CONFIG_KUBERNETES_ON,
	CONFIG_KUBERNETES_AUTODETECT, /* on where a cluster is found */
};

enum config_scope {
	CONFIG_SCOPE_NODE,
	CONFIG_SCOPE_POD, /* the one in which Keyhole runs */
};

struct config_route_sets {
	const struct route_set *v;
	size_t n;
};

/* Text that was not given is "". Times are nanoseconds. */
struct config {
	struct arena *arena;
	const struct tree **values; /* of each row of options_all; NULL: see unset.h */
	int log_level;              /* enum log_level */
	int log_format, log_config; /* enum log_format, enum config_shown */

	struct {
		uint64_t port; /* 0: no scrapes are served */
		const char *path;
		uint64_t ttl_ns;
		struct config_numbers duration, request_size, response_size; /* buckets */
		struct config_texts extra; /* resource attributes on target_info */
		struct config_texts span_extra; /* likewise, on metrics of spans, too */
		bool disable_build_info;
		bool self_references; /* of the service graph */
		int exemplars; /* enum exemplar_filter */
	} prometheus;

	/* The service graph, and spans as metrics. */
	struct {
		const char *unresolved, *outgoing, *incoming; /* stand for addresses; "": none */
		uint64_t span_names;                          /* of one service; 0: no limit */
		bool everywhere;
	} graph;

	struct {
		struct config_select select;
		struct config_texts group; /* resource attributes on all series */
		struct config_filter filter;
		struct config_texts secret_params, open_params; /* of queries, on spans */
		/* What follows from them and prometheus.extra. */
		struct attribute_extras extras;
	} attributes;

	struct {
		uint64_t port; /* 0: none */
		const char *listen_address;
	} health;

	struct {
		struct config_set all, prometheus, instrumentations, traces;
	} features; /* see config_features(), config_protocols(), config_traced() */

	/* By OTLP; arrays by enum otlp_signal: traces, metrics. */
	struct {
		const char *endpoint[2], *protocol[2];
		const char *common_endpoint, *common_protocol;
		const char *common_headers; /* otlp_options_read() has them itself */
		bool skip_verify[2];
		uint64_t interval_ns, batch_timeout_ns, shutdown_ns;
		uint64_t batch_max, queue_entries, queue_bytes;
		int exemplars;   /* enum exemplar_filter */
		int aggregation; /* of histograms: 1 is exponential */
		uint64_t exponential_buckets, exponential_scale;
		uint64_t backoff_min_ns, backoff_max_ns, give_up_ns; /* 0: never */
	} otlp;

	struct {
		const char *sampler_name, *sampler_arg; /* config_sampler() */
		uint64_t join_wait_ns, peers_wait_ns, join_spans;
		int remote; /* enum tracer_remote */
	} traces;

	struct {
		const char *listen, *secret_file;
		struct config_texts endpoints; /* none: nobody is told */
		uint64_t rate, table;
	} trace_peers;

	struct {
		bool graphql, elasticsearch, aws, jsonrpc;
	} payloads; /* see config_payloads() */

	struct {
		int enable; /* enum config_kubernetes */
		const char *cluster_name, *kubeconfig_path;
		uint64_t reconnect_ns, sync_timeout_ns;
		struct config_texts name_labels, namespace_labels, version_labels;
		struct config_labels extra_labels;
		const char *name_template;           /* of service.name; "": none */
		struct config_texts template_labels; /* that it names */
		struct config_texts disabled;        /* informers that Beyla would run */
		bool local_node;                     /* no pods of other nodes */
	} kubernetes;

	struct {
		const char *hostname; /* in service.instance.id instead of the node's */
		const char *host_id;  /* host.id */
		const char *service_name, *service_namespace;
	} naming;

	struct {
		struct config_entries instrument, exclude_instrument, default_exclude_instrument;
		struct config_entries services, exclude_services, default_exclude_services;
		const char *executable_name, *auto_target_exe, *auto_target_language;
		struct config_ranges open_port, target_pids;
		struct config_texts system_paths; /* whose executables are left out */
		/* who sends OTLP is not told twice; nor in metrics of spans */
		bool exclude_exporters, exclude_exporters_spans;
		/* What follows from all of them. */
		struct config_entries include, exclude;
		struct config_route_sets route_sets; /* selector_entry.routes counts these */
	} discovery;

	struct {
		bool given; /* the file has a section `routes` */
		struct config_texts patterns, ignored;
		int ignore, unmatched; /* enum route_ignore, enum route_unmatched */
		const char *wildcard;
		uint64_t cardinality;
	} routes;

	struct {
		int scope;                  /* enum config_scope */
		const char *loader_socket;  /* path of the Unix socket of keyhole-loader */
		const char *listen_address; /* of scrapes; "" is every address */
		const char *node_name;      /* whose pods are asked for; "" is this host */
		int kubernetes_source;      /* enum config_kubernetes_source */
		const char *kubelet_url, *kubelet_ca;
		bool kubelet_insecure;
		bool cluster_name_from_node;
		uint64_t kubelet_ns; /* between two lists */
		uint64_t waiting_records, waiting_ns;
		uint64_t series_limit;  /* per metric */
		uint64_t series_memory; /* bytes */
		uint64_t memory_limit;  /* bytes; 0: none */
		bool time_to_first_byte, server_address_from_host;
		int semconv;               /* enum semconv */
		struct config_texts peers; /* "pods", "services" */
	} keyhole;

	/* Worked out of keyhole.memory_limit: config/memory.h. */
	struct {
		uint64_t streams, answers; /* bytes */
		uint64_t peer_pods, peer_services;
	} shares;
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

/* Kinds of metrics: bits of CONFIG_APPLICATION and its like. */
uint64_t config_features(const struct config *config);

/*
 * What features and instrumentations leave to be measured: bits of enum protocol; 0: nothing. Those
 * that are told by what HTTP carries are among them where HTTP and they are on.
 */
uint64_t config_protocols(const struct config *config);

/* The same for spans, which need no metrics. */
uint64_t config_traced(const struct config *config);

/* Of the latter, those that are on, whether HTTP is or not. */
uint64_t config_payloads(const struct config *config);

/* What is wrong with it as an address to listen on? NULL: nothing. */
const char *config_check_address(const char *text);

/*
 * The effective configuration, without what is not supported: YAML, or JSON on one line. Read as a
 * file it gives the same again.
 */
void config_print(const struct config *config, enum config_shown form, FILE *out);

/*
 * Calls `say` with the key of each option whose value differs, `live` if a reload may change it.
 * Both were read with the same environment.
 */
void config_compare(const struct config *before, const struct config *after,
		    void (*say)(void *arg, const char *key, bool live), void *arg);

/* What the parts want of it; all of it lives as long as the configuration. */
void config_selectors(const struct config *config, struct selector_options *options);
void config_routes(const struct config *config, struct route_options *options);
void config_spans(const struct config *config, struct span_options *options); /* but the namer */
/*
 * What is counted, and how; not what only the running collector knows (where it is, its namer, which
 * exemplars somebody gets). `sent`: metrics also go out by OTLP.
 */
void config_telemetry(const struct config *config, bool sent, struct telemetry_options *options);
/* `host`: this host's name; used unless the configuration says another. May be NULL. */
void config_naming(const struct config *config, const char *host, struct resolve_rules *rules);

/* Of spans, unless the workload has its own. */
struct sampler config_sampler(const struct config *config);

/* Whose addresses are watched beside those of the node's own pods. */
void config_peers(const struct config *config, bool *pods, bool *services);

/* Does an entry look at command lines? */
bool config_wants_args(const struct config *config);

/*
 * Pod labels, or annotations, that selectors and names look at: keys or prefixes ending in '*',
 * with a NULL at the end as struct kube_keep has it. Returns how many, without the NULL; -ENOSPC.
 */
int config_pod_labels(const struct config *config, const char *keys[], size_t size);
int config_pod_annotations(const struct config *config, const char *keys[], size_t size);

/* The reference page in Markdown: docs/configuration.md. */
void config_print_reference(FILE *out);

/* A JSON schema (draft 2020-12) of the file: docs/configuration.schema.json. */
void config_print_schema(FILE *out);

/*
 * What is to be said of `key`, of the keys of a section, or of all keys ("" or NULL), to `out`.
 * -ENOENT: there is no such key; the ones that are near were said to `out`.
 */
int config_print_help(const char *key, FILE *out);

#endif
