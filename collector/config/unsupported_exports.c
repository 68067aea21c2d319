/* SPDX-License-Identifier: Apache-2.0 */
/* Exporters and signals of Beyla that Keyhole has not, or not yet, and what touches workloads. */
#include "unsupported.h"

static const char otlp[] = "its metrics by OTLP are those of prometheus_export";
static const char flows[] = "it collects no network flows";
static const char tcp[] = "it has no statistics of TCP";
static const char cloud[] =
	"it knows no addresses of Grafana Cloud; OTEL_EXPORTER_OTLP_ENDPOINT does the same";
static const char own[] = "its own metrics always stand beside the others, at prometheus_export";
static const char processes[] = "it has no metrics of processes";
static const char untouched[] = "workloads are never touched";
static const char injected[] = "it changes no pod and puts nothing into one";

#define METRICS "otel_metrics_export."
#define TRACES "otel_traces_export."

static const struct option rows[] = {
	YET(METRICS "ttl", "METRICS_TTL", "5m", otlp),
	YET(METRICS "reporters_cache_len", "METRICS_REPORT_CACHE_LEN", "256", otlp),
	YET(METRICS "instrumentations", "OTEL_METRICS_INSTRUMENTATIONS", "*", otlp),
	YET(METRICS "features", "OTEL_METRICS_FEATURES", "application", otlp),
	YET(METRICS "otel_sdk_log_level", "OTEL_SDK_LOG_LEVEL", NULL, otlp),
	YET(METRICS "buckets", NULL, NULL, otlp),
	YET(METRICS "allow_service_graph_self_references",
	    "OTEL_ALLOW_SERVICE_GRAPH_SELF_REFERENCES", "false", otlp),
	YET(METRICS "extra_span_resource_attributes", NULL, NULL, otlp),

	NO(TRACES "reporters_cache_len", "TRACES_REPORT_CACHE_LEN", "256",
	   "each span brings its resource along and nothing is cached for it"),

	YET_PLAIN("grafana.otlp.cloud_submit", NULL, "GRAFANA_CLOUD_SUBMIT", "traces", cloud),
	YET_PLAIN("grafana.otlp.cloud_zone", NULL, "GRAFANA_CLOUD_ZONE", NULL, cloud),
	YET_PLAIN("grafana.otlp.cloud_instance_id", NULL, "GRAFANA_CLOUD_INSTANCE_ID", NULL, cloud),
	YET_PLAIN("grafana.otlp.cloud_api_key", NULL, "GRAFANA_CLOUD_API_KEY", NULL, cloud),
	YET("sigil_export", "GRAFANA_AI_*", NULL, "it does not read calls of AI services"),

	NO("network.enable", "NETWORK_METRICS", "false", flows),
	NO("network.source", "NETWORK_SOURCE", "socket_filter", flows),
	NO("network.interfaces", "NETWORK_INTERFACES", NULL, flows),
	NO("network.exclude_interfaces", "NETWORK_EXCLUDE_INTERFACES", "lo", flows),
	NO("network.protocols", "NETWORK_PROTOCOLS", NULL, flows),
	NO("network.exclude_protocols", "NETWORK_EXCLUDE_PROTOCOLS", NULL, flows),
	NO("network.cidrs", "NETWORK_CIDRS", NULL, flows),
	NO("network.agent_ip", "NETWORK_AGENT_IP", NULL, flows),
	NO("network.agent_ip_iface", "NETWORK_AGENT_IP_IFACE", "external", flows),
	NO("network.agent_ip_type", "NETWORK_AGENT_IP_TYPE", "any", flows),
	NO("network.cache_max_flows", "NETWORK_CACHE_MAX_FLOWS", "5000", flows),
	NO("network.cache_active_timeout", "NETWORK_CACHE_ACTIVE_TIMEOUT", "5s", flows),
	NO("network.deduper", "NETWORK_DEDUPER", "first_come", flows),
	NO("network.deduper_fc_ttl", "NETWORK_DEDUPER_FC_TTL", "0", flows),
	NO("network.direction", "NETWORK_DIRECTION", "both", flows),
	NO("network.sampling", "NETWORK_SAMPLING", "0", flows),
	NO("network.guess_ports", "NETWORK_GUESS_PORTS", "disable", flows),
	NO("network.listen_interfaces", "NETWORK_LISTEN_INTERFACES", "watch", flows),
	NO("network.listen_poll_period", "NETWORK_LISTEN_POLL_PERIOD", "10s", flows),
	NO("network.print_flows", "NETWORK_PRINT_FLOWS", "false", flows),
	NO("network.reverse_dns.type", "NETWORK_REVERSE_DNS_TYPE", "none", flows),
	NO("network.reverse_dns.cache_len", "NETWORK_REVERSE_DNS_CACHE_LEN", "256", flows),
	NO("network.reverse_dns.cache_expiry", "NETWORK_REVERSE_DNS_CACHE_TTL", "1h", flows),
	NO("network.geo_ip.ipinfo.path", NULL, NULL, flows),
	NO("network.geo_ip.maxmind.country_path", NULL, NULL, flows),
	NO("network.geo_ip.maxmind.asn_path", NULL, NULL, flows),
	NO("network.geo_ip.cache_len", NULL, "512", flows),
	NO("network.geo_ip.cache_expiry", NULL, "1h", flows),
	NO_VARIABLE("network_*", "NETWORK_*", flows),
	NO("stats.agent_ip", "STATS_AGENT_IP", NULL, tcp),
	NO("stats.agent_ip_iface", "STATS_AGENT_IP_IFACE", "external", tcp),
	NO("stats.agent_ip_type", "STATS_AGENT_IP_TYPE", "any", tcp),
	NO("stats.cidrs", "STATS_CIDRS", NULL, tcp),
	NO("stats.geo_ip", NULL, NULL, tcp),
	NO("stats.reverse_dns", NULL, NULL, tcp),
	NO("stats.print_stats", "STATS_PRINT_STATS", "false", tcp),
	NO_VARIABLE("stats_*", "STATS_*", tcp),

	NO("internal_metrics.exporter", "INTERNAL_METRICS_EXPORTER", "disabled", own),
	NO("internal_metrics.prometheus.port", "INTERNAL_METRICS_PROMETHEUS_PORT", "0", own),
	NO("internal_metrics.prometheus.path", "INTERNAL_METRICS_PROMETHEUS_PATH",
	   "/internal/metrics", own),
	NO("internal_metrics.bpf_metric_scrape_interval", "BPF_METRIC_SCRAPE_INTERVAL", "15s", own),
	NO("internal_metrics.avoided_services.disabled", NULL, OPTION_ANYTHING, own),
	NO("internal_metrics.avoided_services.limit", NULL, NULL, own),
	YET("processes.interval", "PROCESSES_INTERVAL", "5s", processes),
	NO("nodejs.enabled", "NODEJS_ENABLED", "false", untouched),
	NO("nodejs.manual_spans", "NODEJS_MANUAL_SPANS", "false", untouched),
	NO("javaagent.enabled", "JAVAAGENT_ENABLED", "false", untouched),
	NO("javaagent.attach_timeout", "JAVAAGENT_ATTACH_TIMEOUT", "10s", untouched),
	NO("javaagent.debug", "JAVAAGENT_DEBUG", "false", untouched),
	NO("javaagent.debug_instrumentation", "JAVAAGENT_DEBUG_INSTRUMENTATION", "false",
	   untouched),
	NO("jvm_runtime_metrics.sampling_interval", "JVM_RUNTIME_METRICS_SAMPLING_INTERVAL", "1s",
	   untouched),
	YET("topology.spans", "TOPOLOGY_SPANS", NULL, "of spans it has what the service graph has"),

	NO("injector.instrument", NULL, NULL, injected),
	NO("injector.exclude_instrument", NULL, NULL, injected),
	NO("injector.webhook.external_deployment_name", NULL, NULL, injected),
	NO("injector.image_version", NULL, NULL, injected),
	NO("injector.enabled_sdks", NULL, NULL, injected),
	NO("injector.trace_sampler", NULL, NULL, injected),
	NO("injector.trace_propagators", NULL, NULL, injected),
	NO("injector.otel_exported_signals", NULL, NULL, injected),
	NO("injector.resources", NULL, NULL, injected),
	NO("injector.exporter_otlp_endpoint", NULL, NULL, injected),
	NO("injector.exporter_otlp_protocol", NULL, NULL, injected),
	NO_VARIABLE("injector_*", "INJECTOR_*", injected),
};

const struct option_table options_unsupported_exports = {rows, sizeof(rows) / sizeof(*rows), NULL};
