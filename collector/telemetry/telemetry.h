/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The series store: what was measured, by who it belongs to. One thread (intake) writes, one
 * other (front) reads at a scrape; neither waits for the other. An existing series is updated
 * without a lock and without an allocation. Names and labels are those of OpenTelemetry's
 * semantic conventions and of Grafana Beyla 3 (docs: metrics.md).
 *
 * The decisions that are ours:
 *  - an empty label is left out (to Prometheus it is the same);
 *  - server.address: on the client's side the Host, else the peer; on the server's side the
 *    Host is chosen by whoever sends requests, so it is absent unless asked for, by
 *    `server_address_from_host` or by name; without it server.port is the local port there;
 *  - error.type: absent on success; how a broken exchange broke ("connection_reset",
 *    "connection_closed", "invalid_response", "timeout", "cancelled"), else of HTTP the status from
 *    500 (server), 400 (client), of others the code of a failure, or "_OTHER" where it has none. A
 *    server of gRPC is at fault only for the codes that the conventions name;
 *  - only kinds of exchanges that are counted have tables, families and a share of each look-up;
 *  - operations that ask to be kept waiting (BLPOP, a Fetch that polls) are counted like others,
 *    with the time that they took: their names tell them apart;
 *  - one target_info per job and instance: where resources differ otherwise, the newest;
 *  - the labels of each metric are fixed at the start (select.h). Metrics of one owner that have
 * the same labels, as all have by default, share their series: one lookup and one key for all their
 *    histograms. Each further set of labels costs one more lookup per exchange, four at most;
 *  - a series leaves when nothing updated it within the TTL and a scrape began and ended since its
 *    last update, so that no value goes unseen; after twice the TTL it leaves in any case, for
 *    there may be nobody who scrapes. target_info stays TELEMETRY_LINGER_NS longer than its series.
 */
#ifndef KEYHOLE_TELEMETRY_TELEMETRY_H
#define KEYHOLE_TELEMETRY_TELEMETRY_H

#include "../protocol/exchange.h"
#include "../service/resource.h"
#include "graph.h"
#include "exemplars.h"
#include "exponential.h"
#include "histogram.h"
#include "http_values.h"
#include "select.h"
#include "semconv.h"
#include "span_names.h"

#include <stdatomic.h>

#define TELEMETRY_SERIES_DEFAULT 2000         /* per metric: OpenTelemetry SDK's limit */
#define TELEMETRY_SERIES_MAX 100000           /* legal values: 1 to this */
#define TELEMETRY_BYTES_DEFAULT (64ull << 20) /* of series, their labels and target_info */
#define TELEMETRY_TTL_DEFAULT_NS (300ull * 1000000000ull)
#define TELEMETRY_RESOURCES_MAX 8192 /* resources remembered at once */
#define TELEMETRY_EXPIRE_STEP 64     /* series looked at by one telemetry_expire() */
#define TELEMETRY_LINGER_NS (10ull * 1000000000ull)

struct telemetry;

struct telemetry_buckets {
	const double *le; /* ascending, exported units, +Inf not included */
	unsigned int n;   /* <= HISTOGRAM_BOUNDS_MAX */
};

/* What is counted beside the requests themselves. */
enum telemetry_feature {
	TELEMETRY_SPANS = 1,      /* traces_spanmetrics_{latency,calls_total} */
	TELEMETRY_SPANS_OTEL = 2, /* traces_span_metrics_* */
	TELEMETRY_SPAN_SIZES = 4, /* traces_spanmetrics_{size,response_size}_total */
	TELEMETRY_GRAPH = 8,      /* traces_service_graph_request_* */
};

/* Start from telemetry_defaults. Bucket arrays are copied. */
struct telemetry_options {
	unsigned int kinds;                     /* bits of enum exchange_kind that are counted */
	bool encrypted_connections;             /* count telemetry_encrypted() */
	unsigned int features;                  /* bits of enum telemetry_feature */
	unsigned int span_names_max;            /* of one service; 0: no limit */
	bool self_references;                   /* edges from a service to itself, too */
	bool no_target_info;                    /* only traces_target_info, if that */
	const char *host_info;                  /* traces_host_info is of this host; NULL: none */
	enum semconv semconv;                   /* what is exported is called so */
	struct telemetry_buckets duration;      /* seconds; also of time to first byte */
	struct telemetry_buckets db_duration;   /* seconds, of operations of databases */
	struct telemetry_buckets request_size;  /* bytes */
	struct telemetry_buckets response_size; /* bytes */
	unsigned int series_max;                /* per metric, beside its overflow series */
	uint64_t bytes_max;
	uint64_t ttl_ns;                       /* since the last update; 0: series live for ever */
	bool kubernetes;                       /* put k8s_* labels */
	bool routes;                           /* put http_route */
	bool time_to_first_byte;               /* keep keyhole_http_*_time_to_first_byte_seconds */
	bool server_address_from_host;         /* put the Host on server metrics: attacker-chosen */
	enum exemplar_filter exemplars;        /* which durations keep; none: they take no memory */
	struct exponential_limits exponential; /* of each histogram, beside its buckets; or none */
	struct select_sections select;         /* attributes.select; globs checked before */
	const struct attribute_extras *extras; /* NULL: none; outlives telemetry */
	struct peer_namer namer;               /* of addresses; .name may be NULL */
};

extern const struct telemetry_options telemetry_defaults;

/*
 * Buckets of all durations, unless they are the default: then those of databases keep theirs. (So a
 * configuration that says the default comes to the same as one that says nothing.)
 */
void telemetry_set_durations(struct telemetry_options *options, struct telemetry_buckets buckets);

struct telemetry_stats {
	_Atomic uint64_t exchanges; /* counted in some series, the overflow included */
	_Atomic uint64_t invalid;   /* refused: neither server nor client */
	_Atomic uint64_t overflows; /* of exchanges: counted in an overflow series */
	_Atomic uint64_t names_cut; /* spans whose name was one too many */
	_Atomic uint64_t
		series_created; /* groups: metrics of one side and the same labels share one */
	_Atomic uint64_t series_expired;
	_Atomic uint64_t series;  /* groups alive */
	_Atomic uint64_t targets; /* target_info alive */
};

/* Returns 0, -EINVAL (options out of range) or -ENOMEM. Free it when both threads are done. */
int telemetry_new(struct telemetry **telemetry, const struct telemetry_options *options);
void telemetry_free(struct telemetry *telemetry);

/* ---- the writer ---- */

/* The series in which an exchange's duration was counted. All zero: none that keeps exemplars. */
struct telemetry_place {
	uint32_t group; /* 1 + its number */
	uint32_t slot;
	uint64_t serial; /* another series in that slot has another one */
};

/*
 * Counts one exchange. Returns 0, or for one that is not counted -EINVAL (its role is not known) or
 * -ENOENT (its kind is switched off). When a limit is reached the exchange goes to the overflow
 * series: nothing is lost but its labels. `place`: says where it was counted; NULL: not wanted.
 */
int telemetry_count(struct telemetry *telemetry, const struct attribute_source *source,
		    uint64_t now_ns, struct telemetry_place *place);

#define TELEMETRY_MEMO_GROUPS 3 /* series of an exchange; of one with more nothing is remembered */

/* Where an exchange was counted, and what that rests on. Zero: nowhere yet. */
struct telemetry_memo {
	uint64_t retired; /* 1 + what had been dropped until then */
	struct series *series[TELEMETRY_MEMO_GROUPS];
	struct target *const *targets;
	const struct resource *resource;
	const char *route;
	uint32_t pid;
	uint16_t status, error;
	uint8_t protocol;
	bool shows_peer; /* then the other end has to be this one, as struct kh_conn has it: */
	uint8_t family, peer[16];
};

/*
 * As telemetry_count(), for an exchange that is alike (struct exchange) those that this memo was
 * used for before: where the rest is the same, too, its series need not be looked for.
 */
int telemetry_recount(struct telemetry *telemetry, const struct attribute_source *source,
		      uint64_t now_ns, struct telemetry_place *place, struct telemetry_memo *memo);

/*
 * The trace of an exchange that was counted before, once it is known: an exemplar of its duration
 * (`exemplar->value`, ns: the same as was counted). Nothing happens if `place` is nowhere, its
 * series has gone meanwhile, or the trace is not sampled and only such are asked for.
 */
void telemetry_exemplar(struct telemetry *telemetry, const struct telemetry_place *place,
			const struct telemetry_exemplar *exemplar);

/*
 * Counts an encrypted connection, once. Of source->exchange only conn and tgid need to be set. The
 * same returns.
 */
int telemetry_encrypted(struct telemetry *telemetry, const struct attribute_source *source,
			uint64_t now_ns);

/*
 * Count one exchange once more: as a span, and as part of an edge of the service graph. What DNS is
 * asked is neither. The same returns; an edge from a service to itself is -ENOENT, too.
 */
int telemetry_span(struct telemetry *telemetry, const struct attribute_source *source,
		   uint64_t now_ns);
int telemetry_edge(struct telemetry *telemetry, const struct attribute_source *source,
		   const struct graph_peer *peer, uint64_t now_ns);

/* The same where no process is known. */
static inline int telemetry_http(struct telemetry *telemetry, struct resource *resource,
				 const struct exchange *exchange, struct slice route,
				 uint64_t now_ns)
{
	struct attribute_source source = {resource, exchange, route, 0};

	return telemetry_count(telemetry, &source, now_ns, NULL);
}

/* No more memory than there is now, until it is taken back: the limit of series is reached. */
void telemetry_hold(struct telemetry *telemetry, bool hold);

/* A small step of expiry; call it at least ten times a second. */
void telemetry_expire(struct telemetry *telemetry, uint64_t now_ns);

/* ---- the reader ---- */

enum telemetry_metric {
	TELEMETRY_SERVER_DURATION,
	TELEMETRY_CLIENT_DURATION,
	TELEMETRY_SERVER_REQUEST_SIZE,
	TELEMETRY_CLIENT_REQUEST_SIZE,
	TELEMETRY_SERVER_RESPONSE_SIZE,
	TELEMETRY_CLIENT_RESPONSE_SIZE,
	TELEMETRY_SERVER_FIRST_BYTE,
	TELEMETRY_CLIENT_FIRST_BYTE,
	TELEMETRY_RPC_SERVER_DURATION,
	TELEMETRY_RPC_CLIENT_DURATION,
	TELEMETRY_DB_SERVER_DURATION,
	TELEMETRY_DB_CLIENT_DURATION,
	TELEMETRY_MESSAGING_SERVER_DURATION,
	TELEMETRY_MESSAGING_CLIENT_DURATION,
	TELEMETRY_MESSAGING_PROCESS_DURATION,
	TELEMETRY_DNS_SERVER_DURATION,
	TELEMETRY_DNS_LOOKUP_DURATION,
	TELEMETRY_ENCRYPTED_CONNECTIONS,
	TELEMETRY_SPANMETRICS_LATENCY,
	TELEMETRY_SPANMETRICS_CALLS,
	TELEMETRY_SPANMETRICS_SIZE,
	TELEMETRY_SPANMETRICS_RESPONSE_SIZE,
	TELEMETRY_SPAN_METRICS_DURATION,
	TELEMETRY_SPAN_METRICS_CALLS,
	TELEMETRY_GRAPH_CLIENT,
	TELEMETRY_GRAPH_SERVER,
	TELEMETRY_GRAPH_FAILED,
	TELEMETRY_GRAPH_TOTAL,
	TELEMETRY_METRICS,
};

struct telemetry_family {
	const char *name; /* a counter's without _total */
	const char *unit; /* "seconds", "bytes"; NULL: none */
	const char *help;
	bool counter;     /* else a histogram */
	bool exponential; /* that, too */
};

/* Gauges of 1, each with label sets of its own. */
enum telemetry_info {
	TELEMETRY_TARGET_INFO,
	TELEMETRY_TRACES_TARGET_INFO, /* the same, where there are spans or edges */
	TELEMETRY_HOST_INFO,
	TELEMETRY_INFOS,
};

/* As attributes.select names it: by today's names. */
const struct select_metric *telemetry_metric_name(enum telemetry_metric metric);

/* Name and help; NULL: switched off. */
const struct telemetry_family *telemetry_info(const struct telemetry *telemetry,
					      enum telemetry_info info);

/* NULL: switched off. */
const struct telemetry_family *telemetry_family(const struct telemetry *telemetry,
						enum telemetry_metric metric);

/* One histogram, or counter, as it was read. Slices are valid during the call. */
struct telemetry_sample {
	struct slice target_labels; /* `name="value",...`; "" for the overflow series */
	struct slice labels;
	const struct histogram_bounds *bounds;
	const uint64_t *counts; /* bounds->n + 1, each bucket alone, +Inf last. A counter's: one */
	uint64_t sum;           /* in raw units: divide by bounds->unit */
	uint64_t began_ns;      /* CLOCK_REALTIME, when it was zero */
	const struct telemetry_exemplar *exemplars; /* each is in one of the counts */
	unsigned int exemplars_n;
	const struct exponential_limits *limits;
	const histogram_word *exponential; /* for exponential_read(); NULL: not kept */
};

typedef void (*telemetry_sample_fn)(void *arg, const struct telemetry_sample *sample);
typedef void (*telemetry_target_fn)(void *arg, struct slice labels);

/* Calls may only stand between begin and end. One reader at a time; the writer goes on. */
void telemetry_read_begin(struct telemetry *telemetry);
void telemetry_each(struct telemetry *telemetry, enum telemetry_metric metric,
		    telemetry_sample_fn fn, void *arg);
void telemetry_each_target(struct telemetry *telemetry, telemetry_target_fn fn, void *arg);
/* Each label set of that family; none where it is off. */
void telemetry_each_info(struct telemetry *telemetry, enum telemetry_info info,
			 telemetry_target_fn fn, void *arg);
void telemetry_read_end(struct telemetry *telemetry);

/* Any thread. */
const struct telemetry_stats *telemetry_stats(const struct telemetry *telemetry);
uint64_t telemetry_bytes(const struct telemetry *telemetry);

#endif
