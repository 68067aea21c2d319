/* SPDX-License-Identifier: Apache-2.0 */
/* What Beyla's tracers can be told and Keyhole's cannot. */
#include "unsupported.h"

static const char own_options[] = "keyhole-loader's options say how records are batched";
static const char hands_off[] = "Keyhole never writes to packets or to a workload's memory";
static const char sizes[] = "its parsers take what they need and their limits are fixed";
static const char couchbase[] = "it does not read Couchbase's protocol";
static const char ai[] = "it does not read calls of AI services";
static const char enriched[] = "it does not keep header fields or bodies";
static const char logs[] = "it does not touch the logs of workloads";

#define AI_ROW(name) YET("ebpf.payload_extraction.http.genai." name ".enabled", NULL, "false", ai)

static const struct option rows[] = {
	NO("ebpf.batch_length", "BPF_BATCH_LENGTH", "100", own_options),
	NO("ebpf.batch_timeout", "BPF_BATCH_TIMEOUT", "1s", own_options),
	NO("ebpf.wakeup_len", "BPF_WAKEUP_LEN", "500", own_options),
	NO("ebpf.stats_wakeup_data_bytes", "STATS_WAKEUP_DATA_BYTES", "4096",
	   "it has no statistics of TCP"),
	NO("ebpf.bpf_debug", "BPF_DEBUG", "false", "its BPF programs count and never print"),
	NO("ebpf.protocol_debug_print", "PROTOCOL_DEBUG_PRINT", "false",
	   "captured bytes are never printed"),
	NO("ebpf.http_request_timeout", "BPF_HTTP_REQUEST_TIMEOUT", "0",
	   "a request ends with its answer or with its connection"),
	NO("ebpf.dns_request_timeout", "BPF_DNS_REQUEST_TIMEOUT", "5s", sizes),
	NO("ebpf.go_http_client_buffer_timeout", NULL, "1s", "no tracer is specific to Go"),
	NO("ebpf.max_transaction_time", "BPF_MAX_TRANSACTION_TIME", "5m",
	   "calls belong to a request until its answer however long it takes"),
	NO("ebpf.high_request_volume", "BPF_HIGH_REQUEST_VOLUME", "false",
	   "a request always ends with the last byte of its answer"),
	NO("ebpf.context_propagation", "BPF_CONTEXT_PROPAGATION", "disabled", hands_off),
	NO("ebpf.enable_context_propagation", "BPF_ENABLE_CONTEXT_PROPAGATION", "false", hands_off),
	NO("ebpf.disable_black_box_cp", "BPF_DISABLE_BLACK_BOX_CP", OPTION_ANYTHING, hands_off),
	NO("ebpf.track_request_headers", "BPF_TRACK_REQUEST_HEADERS", OPTION_ANYTHING,
	   "a traceparent that comes with a request is always read"),
	NO("ebpf.traffic_control_backend", "BPF_TC_BACKEND", "auto", "no traffic control is used"),
	NO("ebpf.override_bpfloop_enabled", "OVERRIDE_BPF_LOOP_ENABLED", "false",
	   "keyhole-loader tries what the kernel can do and asks for no version"),
	NO("ebpf.force_bpf_map_reader", "FORCE_BPF_MAP_READER", "auto",
	   "it reads rings and no map of flows"),
	NO("ebpf.bpf_fs_path", "BPF_FS_PATH", "/sys/fs/bpf/|/sys/fs/bpf", "nothing is pinned"),
	NO("ebpf.buffer_sizes.http", "BPF_BUFFER_SIZE_HTTP", OPTION_ANYTHING, sizes),
	NO("ebpf.buffer_sizes.mysql", "BPF_BUFFER_SIZE_MYSQL", OPTION_ANYTHING, sizes),
	NO("ebpf.buffer_sizes.postgres", "BPF_BUFFER_SIZE_POSTGRES", OPTION_ANYTHING, sizes),
	NO("ebpf.buffer_sizes.mssql", "BPF_BUFFER_SIZE_MSSQL", OPTION_ANYTHING, sizes),
	NO("ebpf.buffer_sizes.kafka", "BPF_BUFFER_SIZE_KAFKA", OPTION_ANYTHING, sizes),
	NO("ebpf.buffer_sizes.tcp", "BPF_BUFFER_SIZE_TCP", OPTION_ANYTHING, sizes),
	NO("ebpf.heuristic_sql_detect", "HEURISTIC_SQL_DETECT", "false",
	   "it reads SQL only where it knows the protocol around it"),
	NO("ebpf.mysql_prepared_statements_cache_size", "BPF_MYSQL_PREPARED_STATEMENTS_CACHE_SIZE",
	   "1024", sizes),
	NO("ebpf.postgres_prepared_statements_cache_size",
	   "BPF_POSTGRES_PREPARED_STATEMENTS_CACHE_SIZE", "1024", sizes),
	NO("ebpf.mssql_prepared_statements_cache_size", "BPF_MSSQL_PREPARED_STATEMENTS_CACHE_SIZE",
	   "1024", sizes),
	NO("ebpf.mongo_requests_cache_size", "BPF_MONGO_REQUESTS_CACHE_SIZE", "1024", sizes),
	NO_PLAIN("ebpf.kafka_topic_uuid_cache_size", NULL, "OTEL_KAFKA_TOPIC_UUID_CACHE_SIZE",
		 "1024", sizes),
	YET("ebpf.couchbase_db_cache_size", "COUCHBASE_DB_CACHE_SIZE", "1024", couchbase),
	NO("ebpf.redis_db_cache.enabled", "BPF_REDIS_DB_CACHE_ENABLED", OPTION_ANYTHING,
	   "which database a connection uses is always followed"),
	NO("ebpf.redis_db_cache.max_size", "BPF_REDIS_DB_CACHE_MAX_SIZE", "1000", sizes),
	NO("ebpf.instrument_cuda", "INSTRUMENT_CUDA", "auto|off", "it does not look at GPUs"),
	NO("ebpf.maps_config.global_scale_factor", NULL, "0",
	   "keyhole-loader's options set the sizes of its maps"),

	NO("ebpf.log_enricher.services", NULL, NULL, logs),
	NO("ebpf.log_enricher.field_names.trace_id", NULL, NULL, logs),
	NO("ebpf.log_enricher.field_names.span_id", NULL, NULL, logs),
	NO("ebpf.log_enricher.plain_text.enabled", NULL, "true|false", logs),
	NO("ebpf.log_enricher.plain_text.placement", NULL, "suffix", logs),
	NO("ebpf.log_enricher.plain_text.multiline", NULL, "first_line|last_line|each_line", logs),
	NO("ebpf.log_enricher.cache_ttl", NULL, "30m", logs),
	NO("ebpf.log_enricher.cache_size", NULL, "128", logs),
	NO("ebpf.log_enricher.async_writer_workers", NULL, "8", logs),
	NO("ebpf.log_enricher.async_writer_channel_len", NULL, "500", logs),

	YET("ebpf.payload_extraction.http.sqlpp.enabled", NULL, "false", couchbase),
	YET("ebpf.payload_extraction.http.sqlpp.endpoint_patterns", NULL, "/query/service",
	    couchbase),
	AI_ROW("openai"),
	AI_ROW("anthropic"),
	AI_ROW("gemini"),
	AI_ROW("qwen"),
	AI_ROW("bedrock"),
	AI_ROW("ollama"),
	AI_ROW("mcp"),
	AI_ROW("embedding"),
	AI_ROW("rerank"),
	AI_ROW("retrieval"),
	AI_ROW("openai_compatible"),
	YET("ebpf.payload_extraction.http.genai.openai_compatible.gateways", NULL, NULL, ai),
	YET("ebpf.payload_extraction.http.enrichment.enabled", NULL, "false", enriched),
	YET("ebpf.payload_extraction.http.enrichment.policy.default_action.headers", NULL,
	    "exclude", enriched),
	YET("ebpf.payload_extraction.http.enrichment.policy.default_action.body", NULL, "exclude",
	    enriched),
	YET("ebpf.payload_extraction.http.enrichment.policy.obfuscation_string", NULL, "***",
	    enriched),
	YET("ebpf.payload_extraction.http.enrichment.rules", NULL, NULL, enriched),

	NO_VARIABLE("bpf_*", "BPF_*", "its BPF programs are set up by keyhole-loader's options"),
};

const struct option_table options_unsupported_ebpf = {rows, sizeof(rows) / sizeof(*rows),
						      &options_unsupported_exports};
