/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes: from a request's target to a value of http.route with few different values, as `routes`
 * of the configuration says. Paths are hostile: whatever is sent, memory is bounded and the number
 * of different routes is too. After route_new() nothing is allocated.
 *
 * Order: ignored patterns, patterns, those of the discovery entry that chose the workload,
 * `unmatched`. A pattern is segments between '/': `:name` or
 * `{name}` stands for one segment that is not empty, also behind a literal prefix ("/@:user"); `*`
 * at the end for any rest, even an empty one, elsewhere for one segment. The literal goes before
 * the prefix, the prefix before the name, the name before `*`. Query, fragment and a '/' at the
 * end do not count. Segments are compared as they were sent, percent-escapes not decoded.
 */
#ifndef KEYHOLE_SERVICE_ROUTE_H
#define KEYHOLE_SERVICE_ROUTE_H

#include "../slice.h"

#include <stdatomic.h>
#include <stdint.h>

#define ROUTE_PATTERNS_MAX 1024 /* of each kind */
#define ROUTE_SETS_MAX 512      /* discovery entries with routes of their own */
#define ROUTE_PATTERN_MAX 256   /* bytes of one */
#define ROUTE_WHY_MAX 128       /* bytes of the reason why a pattern is refused */
#define ROUTES_MAX 4096         /* different routes, then all others are "/" and two wildcards */
#define ROUTE_TEXT_MAX 256      /* bytes of one route */
#define ROUTE_SEGMENTS_MAX 10   /* of learned and guessed routes; the rest is dropped */
#define ROUTE_CACHE 8192        /* decisions remembered, a power of two */
#define ROUTE_SERVICES_MAX 1024 /* services with routes of their own learned */
#define ROUTE_NODES_MAX 16384   /* segments learned, of all services */
#define ROUTE_SERVICE_NODES_MAX 1024 /* of one service, so that no one starves the others */
#define ROUTE_CARDINALITY_DEFAULT 10
#define ROUTE_CARDINALITY_MAX 256

enum route_unmatched {
	ROUTE_UNSET,           /* no http.route */
	ROUTE_PATH,            /* the path itself */
	ROUTE_WILDCARD,        /* "/" and two wildcards */
	ROUTE_HEURISTIC,       /* segments that look like ids become the wildcard */
	ROUTE_LOW_CARDINALITY, /* and positions that had too many different values do */
};

enum route_ignore { ROUTE_IGNORE_ALL, ROUTE_IGNORE_METRICS, ROUTE_IGNORE_TRACES };

/* A discovery entry's own routes: of requests that come in, and of those that go out. */
struct route_set {
	const char *const *incoming, *const *outgoing;
	size_t incoming_count, outgoing_count;
};

struct route_options {
	const char *const *patterns, *const *ignored;
	size_t pattern_count, ignored_count;
	const struct route_set *sets;
	size_t set_count; /* up to ROUTE_SETS_MAX */
	enum route_ignore ignore;
	enum route_unmatched unmatched;
	const char *wildcard; /* 1 to 8 bytes; NULL: "*" */
	unsigned cardinality; /* different segments at one place; 0: the default */
};

struct route_answer {
	struct slice route; /* valid as long as the router; "" for none */
	bool ignore_metrics, ignore_traces;
};

struct route_stats {
	_Atomic uint64_t cache_hits;
	_Atomic uint64_t cache_misses;
	_Atomic uint64_t routes;        /* different ones so far */
	_Atomic uint64_t routes_full;   /* answers that ROUTES_MAX made a wildcard */
	_Atomic uint64_t nodes_full;    /* segments not learned for lack of nodes */
	_Atomic uint64_t services_full; /* paths of services beyond ROUTE_SERVICES_MAX */
	_Atomic uint64_t collapses;     /* places that became the wildcard */
};

struct router;

/* Returns 0, -ENOMEM, -E2BIG (too many patterns) or -EINVAL (`why` says which and why). */
int route_new(struct router **router, const struct route_options *options, char why[ROUTE_WHY_MAX]);
void route_free(struct router *router);

/* Is this a pattern? Returns 0, or -EINVAL and one clause in `why`. */
int route_pattern_check(const char *pattern, char why[ROUTE_WHY_MAX]);

/*
 * `target` is the request target as sent; `cut`: its end was not captured. `service` is any number
 * that tells services apart (a hash of name and namespace, so that it outlives a pod). `own`: of
 * the n-th set, from 1, 2n - 1 are its incoming routes and 2n its outgoing ones; 0: none. One
 * thread.
 */
struct route_answer route_find(struct router *router, uint64_t service, unsigned own,
			       struct slice target, bool cut);

/* What route_find() said, as long as it would say it again. Zero: nothing yet. */
struct route_memo {
	struct route_answer answer;
	uint32_t epoch; /* + 1 */
};

/* As route_find(). The memo is of the same router, service, set and target. */
struct route_answer route_recall(struct router *router, struct route_memo *memo, uint64_t service,
				 unsigned own, struct slice target, bool cut);

/* Any thread. */
const struct route_stats *route_stats(const struct router *router);

#endif
