/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of Grafana Beyla 3 that a configuration may have and that Keyhole has no use for yet: each
 * gets a warning, so that nobody believes in it, and a configuration that works there starts here.
 */
#include "option.h"

const struct option_later options_later[] = {
	{"", "log_format log_config trace_printer print_traces shutdown_timeout "
	     "enforce_sys_caps profile_port channel_buffer_len channel_send_timeout "
	     "channel_send_timeout_panic ebpf network stats filter injector topology"},
	{"health_check", "port listen_address unix_socket_path"},
	{"attributes.kubernetes",
	 "disable_informers informers_sync_timeout informers_resync_period meta_cache_address "
	 "meta_restrict_local_node drop_external meta_source_labels service_name_template"},
	{"attributes.kubernetes.resource_labels", "*"},
	{"attributes.instance_id", "dns"},
	{"attributes.host_id", "override"},
	{"attributes", "select extra_group_attributes rename_unresolved_hosts "
		       "rename_unresolved_hosts_outgoing rename_unresolved_hosts_incoming "
		       "metric_span_names_limit sensitive_query_params"},
	{"attributes.metadata_retry", "timeout start_interval max_interval"},
	{"discovery", "survey poll_interval min_process_age process_context_poll_interval "
		      "exclude_otel_instrumented_services "
		      "exclude_otel_instrumented_services_span_metrics default_otlp_grpc_port "
		      "skip_go_specific_tracers bpf_pid_filter_off disabled_route_harvesters "
		      "route_harvester_timeout route_harvester_advanced"},
	{"name_resolver", "sources cache_len cache_expiry"},
	{"metrics", "features"},
	{"prometheus_export",
	 "service_cache_size features instrumentations disable_build_info "
	 "allow_service_graph_self_references exemplar_filter extra_resource_attributes "
	 "extra_span_resource_attributes native_histogram"},
	{"prometheus_export.buckets",
	 "gen_ai_client_token_usage_histogram gen_ai_client_operation_duration_histogram "
	 "stat_tcp_rtt_histogram"},
	{"otel_metrics_export",
	 "endpoint protocol interval ttl reporters_cache_len histogram_aggregation "
	 "exponential_histogram insecure_skip_verify instrumentations features "
	 "otel_sdk_log_level buckets allow_service_graph_self_references "
	 "extra_span_resource_attributes"},
	{"otel_traces_export",
	 "endpoint protocol sampler batch_max_size queue_size batch_timeout reporters_cache_len "
	 "insecure_skip_verify backoff_initial_interval backoff_max_interval "
	 "backoff_max_elapsed_time instrumentations"},
	{"", "sigil_export"},
	{"grafana", "otlp"},
	{"internal_metrics", "exporter prometheus bpf_metric_scrape_interval avoided_services"},
	{"processes", "interval"},
	{"nodejs", "enabled manual_spans"},
	{"javaagent", "enabled attach_timeout debug debug_instrumentation"},
	{"jvm_runtime_metrics", "sampling_interval"},
};

const size_t options_later_count = sizeof(options_later) / sizeof(*options_later);
