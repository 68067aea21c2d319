/* SPDX-License-Identifier: Apache-2.0 */
/* What Beyla has at the top, in attributes, discovery and prometheus_export, and Keyhole has not.
 */
#include "unsupported.h"

static const char queues[] = "its parts have no such queues between them";
static const char traces[] = "it sends traces and prints none";
static const char flows[] = "it collects no network flows";
static const char clouds[] = "it asks no cloud's metadata service";
static const char harvest[] = "it reads no routes out of workloads";
static const char otlp_seen[] = "a call of OTLP is known by its method";
static const char lookups[] = "each address is looked up anew, in memory";
static const char old_labels[] = "attributes.kubernetes.resource_labels replaced it";

static const struct option rows[] = {
	YET("trace_printer", "TRACE_PRINTER", "disabled", traces),
	YET("print_traces", "PRINT_TRACES", "false", traces),
	NO("enforce_sys_caps", "ENFORCE_SYS_CAPS", OPTION_ANYTHING,
	   "keyhole-loader always ends where a capability is missing"),
	NO("profile_port", "PROFILE_PORT", "0", "no profiler is built in"),
	NO("channel_buffer_len", "CHANNEL_BUFFER_LEN", "50", queues),
	NO("channel_send_timeout", "CHANNEL_SEND_TIMEOUT", "1m", queues),
	NO("channel_send_timeout_panic", "CHANNEL_SEND_TIMEOUT_PANIC", "false", queues),
	NO("health_check.unix_socket_path", "HEALTH_CHECK_UNIX_SOCKET_PATH", NULL,
	   "its sandbox has no directory to make a socket in"),

	NO("attributes.kubernetes.informers_resync_period", "KUBE_INFORMERS_RESYNC_PERIOD", "30m",
	   "the watch brings every change and lists are repeated only when it breaks"),
	NO("attributes.kubernetes.meta_cache_address", "KUBE_META_CACHE_ADDRESS", NULL,
	   "each node asks the API for its own pods only"),
	NO_VARIABLE("k8s_cache_*", "K8S_CACHE_*", "each node asks the API for its own pods only"),
	NO("attributes.kubernetes.drop_external", "NETWORK_DROP_EXTERNAL", "false", flows),
	NO("attributes.kubernetes.meta_source_labels.service_name", NULL, NULL, old_labels),
	NO("attributes.kubernetes.meta_source_labels.service_namespace", NULL, NULL, old_labels),
	NO("attributes.instance_id.dns", "HOSTNAME_DNS_RESOLUTION", "false",
	   "the host's own name is used and not looked up in DNS"),
	NO("attributes.metadata_retry.timeout", "METADATA_RETRY_TIMEOUT", "30s", clouds),
	NO("attributes.metadata_retry.start_interval", "METADATA_RETRY_START_INTERVAL", "500ms",
	   clouds),
	NO("attributes.metadata_retry.max_interval", "METADATA_RETRY_MAX_INTERVAL", "5s", clouds),

	YET("discovery.survey", NULL, NULL, "it has no metrics of what it could instrument"),
	NO("discovery.poll_interval", "DISCOVERY_POLL_INTERVAL", "5s",
	   "the kernel tells of each process and nothing is polled"),
	NO("discovery.min_process_age", "MIN_PROCESS_AGE", "5s|0",
	   "a process counts from its first request on"),
	NO("discovery.process_context_poll_interval", "PROCESS_CONTEXT_POLL_INTERVAL", "1s",
	   "it does not read the memory of workloads"),
	NO("discovery.default_otlp_grpc_port", "DEFAULT_OTLP_GRPC_PORT", "4317", otlp_seen),
	NO("discovery.skip_go_specific_tracers", "SKIP_GO_SPECIFIC_TRACERS", OPTION_ANYTHING,
	   "no tracer is specific to Go"),
	NO("discovery.bpf_pid_filter_off", "BPF_PID_FILTER_OFF", "false",
	   "what is not selected is always left out"),
	NO("discovery.disabled_route_harvesters", "DISABLED_ROUTE_HARVESTERS", OPTION_ANYTHING,
	   harvest),
	NO("discovery.route_harvester_timeout", "ROUTE_HARVESTER_TIMEOUT", "10s", harvest),
	NO("discovery.route_harvester_advanced.java_harvest_delay", NULL, "5s", harvest),

	NO("prometheus_export.service_cache_size", "PROMETHEUS_SERVICE_CACHE_SIZE", "10000",
	   "keyhole.series_limit and keyhole.series_memory bound what is kept"),
	YET("prometheus_export.native_histogram", NULL, NULL, "it has no native histograms"),
	YET("prometheus_export.buckets.gen_ai_client_token_usage_histogram", NULL, NULL,
	    "it does not read calls of AI services"),
	YET("prometheus_export.buckets.gen_ai_client_operation_duration_histogram", NULL, NULL,
	    "it does not read calls of AI services"),
	NO("prometheus_export.buckets.stat_tcp_rtt_histogram", NULL, NULL,
	   "it has no statistics of TCP"),

	NO("filter.network", NULL, NULL, flows),
	NO("filter.stats", NULL, NULL, "it has no statistics of TCP"),

	NO("name_resolver.sources", "NAME_RESOLVER_SOURCES", "k8s",
	   "only Kubernetes gives addresses names, see keyhole.peers"),
	NO("name_resolver.cache_len", "NAME_RESOLVER_CACHE_LEN", "1024", lookups),
	NO("name_resolver.cache_expiry", "NAME_RESOLVER_CACHE_TTL", "5m", lookups),
};

const struct option_table options_unsupported = {rows, sizeof(rows) / sizeof(*rows),
						 &options_unsupported_ebpf};
