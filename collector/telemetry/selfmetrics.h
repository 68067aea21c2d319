/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keyhole's own metrics. All families are declared in the table below; whoever owns a number
 * binds it to one, with a label where the family has one. A family without a bound value is not
 * exported. Values are bound before the scrapes begin and are read by the front thread, so they
 * must be atomic, or functions safe to call there.
 */
#ifndef KEYHOLE_TELEMETRY_SELFMETRICS_H
#define KEYHOLE_TELEMETRY_SELFMETRICS_H

#include "../protocol/streams.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SELFMETRICS_VALUES_MAX 640 /* bound values, the BPF counters not included */

/* X(ENUM, type, name without _total, label or "", help) */
#define SELFMETRICS(X)                                                                             \
	X(BUILD_INFO, GAUGE, "keyhole_build_info", "version", "Version of the collector; 1.")      \
	X(CONFIG_RELOADS, COUNTER, "keyhole_config_reloads", "result",                             \
	  "Times that the configuration was read again, by result.")                               \
	X(CONFIG_LOADED, GAUGE, "keyhole_config_last_reload_success_timestamp_seconds", "",        \
	  "When the configuration in effect was read, in seconds since 1970.")                     \
	X(RECORDS_SEEN, COUNTER, "keyhole_records_seen", "ring", "Records taken from a ring.")     \
	X(RECORDS_HANDLED, COUNTER, "keyhole_records_handled", "",                                 \
	  "Records given back to the data ring since the loader started, by all collectors.")      \
	X(RECORDS_DELIVERED, COUNTER, "keyhole_records_delivered", "",                             \
	  "Records that ended in a series.")                                                       \
	X(RECORDS_DROPPED, COUNTER, "keyhole_records_dropped", "reason",                           \
	  "Records that did not, by reason.")                                                      \
	X(EXCHANGES, COUNTER, "keyhole_exchanges", "protocol", "Exchanges counted, by protocol.")  \
	X(RING_BYTES, GAUGE, "keyhole_ring_waiting_bytes", "ring", "Bytes waiting in a ring.")     \
	X(RING_HIGH, GAUGE, "keyhole_ring_waiting_bytes_max", "ring",                              \
	  "Most bytes that ever waited in a ring since the collector started.")                    \
	X(RING_SIZE, GAUGE, "keyhole_ring_size_bytes", "ring", "Size of a ring.")                  \
	X(MEMORY, GAUGE, "keyhole_memory_bytes", "part", "Memory held, by subsystem.")             \
	X(MEMORY_LIMIT, GAUGE, "keyhole_memory_limit_bytes", "",                                   \
	  "keyhole.memory_limit, where it is set.")                                                \
	X(MEMORY_USED, GAUGE, "keyhole_memory_used_bytes", "",                                     \
	  "Memory of the collector's own, where that limit is set.")                               \
	X(LIMIT_REACHED, COUNTER, "keyhole_limit_reached", "limit",                                \
	  "Times that a limit was reached, by its name.")                                          \
	X(LOADER_CONNECTED, GAUGE, "keyhole_loader_connected", "",                                 \
	  "1 while the loader's descriptors are held.")                                            \
	X(LOADER_CONNECTS, COUNTER, "keyhole_loader_connects", "",                                 \
	  "Times that the loader's descriptors were taken over.")                                  \
	X(SANDBOX, GAUGE, "keyhole_sandbox", "part", "1 where that part of the sandbox is on.")    \
	X(LOADER_SANDBOX, GAUGE, "keyhole_loader_sandbox", "part",                                 \
	  "Likewise for the loader, of the parts that it should have; 0 before one is met.")       \
	X(WATCH_UP, GAUGE, "keyhole_kube_watch_up", "", "1 while the watch of pods is current.")   \
	X(WATCH_PODS, GAUGE, "keyhole_kube_pods", "", "Pods known.")                               \
	X(KUBE_REQUESTS, COUNTER, "keyhole_kube_requests", "result",                               \
	  "Requests to the Kubernetes API, by result.")                                            \
	X(KUBE_FAULTS, COUNTER, "keyhole_kube_faults", "fault",                                    \
	  "Requests to the Kubernetes API that failed, by what was wrong.")                        \
	X(KUBE_REFUSED, COUNTER, "keyhole_kube_objects_refused", "",                               \
	  "Objects of the Kubernetes API that could not be used.")                                 \
	X(KUBE_EVENTS, COUNTER, "keyhole_kube_events", "type", "Watch events, by type.")           \
	X(PEER_LOOKUPS, COUNTER, "keyhole_peer_lookups", "result",                                 \
	  "Addresses of peers that names were looked for, by result.")                             \
	X(PEERS, GAUGE, "keyhole_peers", "source",                                                 \
	  "Pods of other nodes, and Services, known for their addresses.")                         \
	X(PEER_WATCH_UP, GAUGE, "keyhole_peer_watch_up", "source",                                 \
	  "1 while the watch of them is current.")                                                 \
	X(WAITING, GAUGE, "keyhole_waiting_records", "", "Records that wait for their pod.")       \
	X(SERIES, GAUGE, "keyhole_series", "", "Label sets held; each has several histograms.")    \
	X(SERIES_CREATED, COUNTER, "keyhole_series_created", "", "Label sets made.")               \
	X(SERIES_EXPIRED, COUNTER, "keyhole_series_expired", "",                                   \
	  "Label sets dropped because nothing updated them within the TTL.")                       \
	X(SERIES_OVERFLOWS, COUNTER, "keyhole_series_overflows", "",                               \
	  "Exchanges counted in an overflow series because a limit was reached.")                  \
	X(TARGETS, GAUGE, "keyhole_targets", "", "Services seen, one target_info each.")           \
	X(SCRAPES, COUNTER, "keyhole_scrapes", "code", "HTTP requests answered, by status.")       \
	X(SCRAPES_ACTIVE, GAUGE, "keyhole_scrapes_active", "", "Scrapes being answered.")          \
	X(OTLP_REQUESTS, COUNTER, "keyhole_otlp_requests", "signal",                               \
	  "Requests sent by OTLP, those sent again included.")                                     \
	X(OTLP_FAILURES, COUNTER, "keyhole_otlp_failures", "signal",                               \
	  "Requests by OTLP that were not taken.")                                                 \
	X(OTLP_RETRIES, COUNTER, "keyhole_otlp_retries", "signal",                                 \
	  "Requests by OTLP that were sent again.")                                                \
	X(OTLP_GARBAGE, COUNTER, "keyhole_otlp_garbage_answers", "signal",                         \
	  "Answers that said success, but not as OTLP does.")                                      \
	X(OTLP_SENT, COUNTER, "keyhole_otlp_items_sent", "signal",                                 \
	  "Spans, and points of metrics, that the receiver took.")                                 \
	X(OTLP_SPANS_DROPPED, COUNTER, "keyhole_otlp_spans_dropped", "reason",                     \
	  "Spans that it did not, by reason.")                                                     \
	X(OTLP_POINTS_DROPPED, COUNTER, "keyhole_otlp_points_dropped", "reason",                   \
	  "Points of metrics that it did not, by reason; their counts are in the next ones.")      \
	X(OTLP_QUEUE, GAUGE, "keyhole_otlp_queue_spans", "", "Spans that wait to be sent.")        \
	X(TRACE_SPANS, COUNTER, "keyhole_trace_spans", "", "Spans made of exchanges.")             \
	X(TRACE_QUEUED, COUNTER, "keyhole_trace_spans_queued", "", "Of these: given to be sent.")  \
	X(TRACE_SAMPLED_OUT, COUNTER, "keyhole_trace_spans_sampled_out", "",                       \
	  "Of these: of traces that the sampler does not keep.")                                   \
	X(TRACE_EXCLUDED, COUNTER, "keyhole_trace_spans_excluded", "",                             \
	  "Requests without a span because their process sends traces itself.")                    \
	X(TRACE_DROPPED, COUNTER, "keyhole_trace_spans_dropped", "",                               \
	  "Of these: dropped because the queue was full.")                                         \
	X(TRACE_WAITING, GAUGE, "keyhole_trace_spans_waiting", "",                                 \
	  "Of these: waiting for their parents.")                                                  \
	X(TRACE_PARENTS, COUNTER, "keyhole_trace_parents", "how",                                  \
	  "Spans given to be sent, by how their parent was found.")                                \
	X(TRACE_LINKED, COUNTER, "keyhole_trace_links", "",                                        \
	  "Spans with a link to the trace of their server on another node.")                       \
	X(TRACE_LATE, COUNTER, "keyhole_trace_late_parents", "",                                   \
	  "Calls whose request ended so late that they are in a trace of their own.")              \
	X(TRACE_PEERS, GAUGE, "keyhole_trace_peers", "",                                           \
	  "Addresses of other collectors that are told of traces.")                                \
	X(TRACE_PEERS_RESOLVE_FAILURES, COUNTER, "keyhole_trace_peers_resolve_failures", "",       \
	  "Times that a name of them could not be looked up.")                                     \
	X(TRACE_PEERS_SECRET_FAILURES, COUNTER, "keyhole_trace_peers_secret_failures", "",         \
	  "Times that the secret could not be read again.")                                        \
	X(TRACE_PEERS_SENT, COUNTER, "keyhole_trace_peers_datagrams_sent", "",                     \
	  "Datagrams sent to other collectors.")                                                   \
	X(TRACE_PEERS_SEND_FAILURES, COUNTER, "keyhole_trace_peers_send_failures", "",             \
	  "Of these, those that the kernel did not take.")                                         \
	X(TRACE_PEERS_RECEIVED, COUNTER, "keyhole_trace_peers_datagrams_received", "",             \
	  "Datagrams of other collectors that were taken.")                                        \
	X(TRACE_PEERS_REFUSED, COUNTER, "keyhole_trace_peers_datagrams_refused", "reason",         \
	  "Datagrams that were not taken, by reason.")                                             \
	X(TRACE_PEERS_PAUSES, COUNTER, "keyhole_trace_peers_pauses", "",                           \
	  "Times that no datagram was read for a while, because there were too many.")             \
	X(TRACE_PEERS_RECORDS, COUNTER, "keyhole_trace_peers_records", "direction",                \
	  "Calls that others were told of, or told of.")                                           \
	X(TRACE_PEERS_DROPPED, COUNTER, "keyhole_trace_peers_records_dropped", "reason",           \
	  "Calls of which this got lost, by reason.")                                              \
	X(TRACE_PEERS_LOOKUPS, COUNTER, "keyhole_trace_peers_lookups", "result",                   \
	  "Questions whether others told of a call, by result.")

/* keyhole_streams_*, and by protocol keyhole_protocol_*, are declared in protocol/streams.h. */
enum selfmetric {
#define SELF_X(e, type, name, label, help) SELF_##e,
	SELFMETRICS(SELF_X)
#undef SELF_X
#define SELF_X(name, help) SELF_STREAMS_##name,
		STREAMS_COUNTERS(SELF_X)
#undef SELF_X
#define SELF_X(name, help) SELF_PROTOCOL_##name,
			STREAMS_PROTOCOL_COUNTERS(SELF_X)
#undef SELF_X
				SELF_COUNT,
};

enum selfmetric_type { SELFMETRIC_COUNTER, SELFMETRIC_GAUGE };

struct selfmetrics;

struct selfmetrics *selfmetrics_new(void); /* NULL: out of memory */
void selfmetrics_free(struct selfmetrics *self);

/*
 * Bind a number. `value` is that of the family's label ("" if it has none), a string that lives
 * on; it must need no escaping. Return 0 or -ENOSPC.
 */
int selfmetrics_add(struct selfmetrics *self, enum selfmetric metric, const char *value,
		    const _Atomic uint64_t *number);
int selfmetrics_add_fn(struct selfmetrics *self, enum selfmetric metric, const char *value,
		       uint64_t (*fn)(void *arg), void *arg);
int selfmetrics_add_constant(struct selfmetrics *self, enum selfmetric metric, const char *value,
			     uint64_t number);

/*
 * BPF counters: keyhole_bpf_<name>_total for each of KH_COUNTERS. `fn` gives the sum over all
 * CPUs of enum kh_counter `counter`.
 */
void selfmetrics_set_bpf(struct selfmetrics *self, uint64_t (*fn)(void *arg, unsigned int counter),
			 void *arg);

/* Everything that is known about one family, then each of its values. */
struct selfmetric_family {
	const char *name; /* without _total */
	const char *label;
	const char *help;
	enum selfmetric_type type;
};

struct selfmetrics_visitor {
	void (*family)(void *arg, const struct selfmetric_family *family);
	void (*value)(void *arg, const struct selfmetric_family *family, const char *label_value,
		      uint64_t number);
	void *arg;
};

void selfmetrics_each(const struct selfmetrics *self, const struct selfmetrics_visitor *visitor);

#endif
