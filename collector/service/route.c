/* SPDX-License-Identifier: Apache-2.0 */
#include "route.h"

#include "route_guess.h"
#include "route_learn.h"
#include "route_pattern.h"
#include "siphash.h"
#include "utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define INDEX_SLOTS (ROUTES_MAX * 2)
#define WILDCARD_MAX 8
#define ANYTHING "/**" /* the answer when nothing better may be said */

/* A decision; the key is a keyed hash of 64 bits, taken for the path itself. */
struct decision {
	uint64_t key; /* 0: empty */
	uint32_t epoch;
	uint16_t route; /* number of the interned route */
	bool ignored;
};

struct text {
	uint32_t at;
	uint16_t n;
};

/* The patterns of one direction of one discovery entry. */
struct own_routes {
	struct route_patterns *patterns;
	size_t first, n; /* among all patterns */
};

struct router {
	struct route_stats stats;
	struct route_patterns *patterns, *ignored;
	struct route_learner *learner; /* NULL unless LOW_CARDINALITY */
	char **text_of;                /* copies of the patterns */
	size_t text_count, pattern_count, ignored_count;
	uint16_t *pattern_route; /* interned, by pattern */
	struct own_routes *sets; /* two of each entry */
	size_t set_count;
	enum route_ignore ignore;
	enum route_unmatched unmatched;
	char wildcard[WILDCARD_MAX + 1];
	bool idle; /* no pattern and nothing to do for the unmatched */

	struct decision cache[ROUTE_CACHE];
	/* Interned routes never move and never leave. [0] is "", [1] is ANYTHING. */
	struct text route[ROUTES_MAX];
	uint16_t index[INDEX_SLOTS]; /* number + 1 */
	unsigned route_count;
	size_t text_used;
	char text[ROUTES_MAX * ROUTE_TEXT_MAX];
};

enum { NO_ROUTE, ANY_ROUTE };

static void add_one(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* ---- interned routes ---- */

static struct slice route_text(const struct router *router, uint16_t number)
{
	return (struct slice){router->text + router->route[number].at, router->route[number].n};
}

static uint16_t intern(struct router *router, struct slice route)
{
	char clean[ROUTE_TEXT_MAX];
	struct slice text = {clean, utf8_clean(route, clean, sizeof(clean))};
	uint64_t hash = siphash(siphash_process_key(), text.p, text.n);
	uint32_t slot = (uint32_t)hash % INDEX_SLOTS;

	for (; router->index[slot]; slot = (slot + 1) % INDEX_SLOTS) {
		uint16_t number = router->index[slot] - 1;

		if (slice_same(route_text(router, number), text))
			return number;
	}
	if (router->route_count == ROUTES_MAX) {
		add_one(&router->stats.routes_full);
		return ANY_ROUTE;
	}
	memcpy(router->text + router->text_used, text.p, text.n);
	router->route[router->route_count] =
		(struct text){(uint32_t)router->text_used, (uint16_t)text.n};
	router->text_used += text.n;
	router->index[slot] = (uint16_t)(router->route_count + 1);
	add_one(&router->stats.routes);
	return (uint16_t)router->route_count++;
}

/* ---- deciding ---- */

/* Joins segments, of which empty ones are wildcards; leaves away what does not fit. */
static uint16_t intern_segments(struct router *router, const struct slice *segments, size_t n)
{
	struct slice wildcard = slice_of(router->wildcard);
	char buf[ROUTE_TEXT_MAX] = "/";
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		struct slice s = segments[i].n > 0 ? segments[i] : wildcard;

		if (used + 1 + s.n > sizeof(buf))
			break;
		buf[used++] = '/';
		memcpy(buf + used, s.p, s.n);
		used += s.n;
	}
	return intern(router, (struct slice){buf, used > 0 ? used : 1});
}

static uint16_t guess(struct router *router, uint64_t service, const struct route_path *path)
{
	struct slice segments[ROUTE_SEGMENTS_MAX];
	size_t n = path->n < ROUTE_SEGMENTS_MAX ? path->n : ROUTE_SEGMENTS_MAX;
	int kept = (int)n;

	for (size_t i = 0; i < n; i++) {
		bool incomplete = path->open && i + 1 == path->n;

		segments[i] = path->segment[i];
		if (incomplete || route_guess_is_id(segments[i]))
			segments[i].n = 0;
	}
	if (router->learner)
		kept = route_learn(router->learner, service, segments, n);
	return kept < 0 ? ANY_ROUTE : intern_segments(router, segments, (size_t)kept);
}

static uint16_t decide_unmatched(struct router *router, uint64_t service,
				 const struct route_path *path, struct slice text)
{
	switch (router->unmatched) {
	case ROUTE_UNSET:
		return NO_ROUTE;
	case ROUTE_PATH:
		return intern(router, text);
	case ROUTE_WILDCARD:
		return ANY_ROUTE;
	case ROUTE_HEURISTIC:
	case ROUTE_LOW_CARDINALITY:
		return guess(router, service, path);
	}
	return NO_ROUTE;
}

/* The route that an entry's own patterns give, or -1. */
static int own_route(const struct router *router, unsigned own, const struct route_path *path)
{
	const struct own_routes *set;
	int pattern;

	if (own == 0 || own > router->set_count)
		return -1;
	set = &router->sets[own - 1];
	pattern = route_patterns_match(set->patterns, path);
	return pattern < 0 ? -1 : router->pattern_route[set->first + (size_t)pattern];
}

static struct decision decide(struct router *router, uint64_t service, unsigned own,
			      struct slice text, bool cut)
{
	struct decision d = {0};
	struct route_path path;
	int pattern, route;

	route_path_split(&path, text, cut);
	d.ignored = route_patterns_match(router->ignored, &path) >= 0;
	pattern = route_patterns_match(router->patterns, &path);
	route = pattern >= 0 ? router->pattern_route[pattern] : own_route(router, own, &path);
	if (route >= 0)
		d.route = (uint16_t)route;
	else
		d.route = decide_unmatched(router, service, &path, text);
	return d;
}

static uint64_t key_of(uint64_t service, unsigned own, struct slice path, bool cut)
{
	const struct siphash_key *key = siphash_process_key();
	uint64_t parts[3] = {siphash(key, path.p, path.n), service, 2 * (uint64_t)own + cut};
	uint64_t hash = siphash(key, parts, sizeof(parts));

	return hash ? hash : 1;
}

static struct route_answer answer(const struct router *router, const struct decision *d)
{
	return (struct route_answer){
		.route = route_text(router, d->route),
		.ignore_metrics = d->ignored && router->ignore != ROUTE_IGNORE_TRACES,
		.ignore_traces = d->ignored && router->ignore != ROUTE_IGNORE_METRICS,
	};
}

struct route_answer route_find(struct router *router, uint64_t service, unsigned own,
			       struct slice target, bool cut)
{
	struct decision *d, nothing = {0};
	struct slice path;
	uint64_t key;
	uint32_t epoch;

	if (router->idle)
		return answer(router, &nothing);
	path = route_path_of(target, &cut);
	if (path.n == 0)
		return answer(router, &nothing);
	key = key_of(service, own, path, cut);
	d = &router->cache[key % ROUTE_CACHE];
	epoch = router->learner ? route_learner_epoch(router->learner) : 0;
	if (d->key == key && d->epoch == epoch) {
		add_one(&router->stats.cache_hits);
		return answer(router, d);
	}
	add_one(&router->stats.cache_misses);
	*d = decide(router, service, own, path, cut);
	d->key = key;
	d->epoch = router->learner ? route_learner_epoch(router->learner) : 0;
	return answer(router, d);
}

struct route_answer route_recall(struct router *router, struct route_memo *memo, uint64_t service,
				 unsigned own, struct slice target, bool cut)
{
	uint32_t epoch = router->learner ? route_learner_epoch(router->learner) : 0;

	if (memo->epoch == epoch + 1) {
		add_one(&router->stats.cache_hits);
		return memo->answer;
	}
	memo->answer = route_find(router, service, own, target, cut);
	memo->epoch = (router->learner ? route_learner_epoch(router->learner) : 0) + 1;
	return memo->answer;
}

/* ---- making one ---- */

/* Copies patterns behind those there are already; they are checked one by one. */
static int take_patterns(struct router *router, const char *const *from, size_t n, const char *key,
			 char *why)
{
	char reason[ROUTE_WHY_MAX];

	for (size_t i = 0; i < n; i++) {
		if (route_pattern_check(from[i], reason) < 0) {
			snprintf(why, ROUTE_WHY_MAX, "routes.%s, entry %zu: %.80s", key, i + 1,
				 reason);
			return -EINVAL;
		}
		router->text_of[router->text_count] = strdup(from[i]);
		if (!router->text_of[router->text_count])
			return -ENOMEM;
		router->text_count++;
	}
	return 0;
}

/* All sets' patterns count together. */
static size_t own_patterns(const struct route_options *o)
{
	size_t n = 0;

	for (size_t i = 0; i < o->set_count; i++)
		n += o->sets[i].incoming_count + o->sets[i].outgoing_count;
	return n;
}

static int take_own(struct router *router, struct own_routes *to, const char *const *from, size_t n,
		    const char *key, char *why)
{
	to->first = router->text_count;
	to->n = n;
	return take_patterns(router, from, n, key, why);
}

static int take_all_patterns(struct router *router, const struct route_options *o, char *why)
{
	size_t all = o->pattern_count + o->ignored_count + own_patterns(o);
	int r;

	if (o->pattern_count > ROUTE_PATTERNS_MAX || o->ignored_count > ROUTE_PATTERNS_MAX ||
	    own_patterns(o) > ROUTE_PATTERNS_MAX || o->set_count > ROUTE_SETS_MAX)
		return -E2BIG;
	router->pattern_count = o->pattern_count;
	router->ignored_count = o->ignored_count;
	router->set_count = 2 * o->set_count;
	router->text_of = calloc(all + 1, sizeof(*router->text_of));
	router->pattern_route = calloc(all + 1, sizeof(*router->pattern_route));
	router->sets = calloc(router->set_count + 1, sizeof(*router->sets));
	if (!router->text_of || !router->pattern_route || !router->sets)
		return -ENOMEM;
	r = take_patterns(router, o->patterns, o->pattern_count, "patterns", why);
	if (r == 0)
		r = take_patterns(router, o->ignored, o->ignored_count, "ignored_patterns", why);
	for (size_t i = 0; i < o->set_count && r == 0; i++) {
		const struct route_set *set = &o->sets[i];

		r = take_own(router, &router->sets[2 * i], set->incoming, set->incoming_count,
			     "incoming", why);
		if (r == 0)
			r = take_own(router, &router->sets[2 * i + 1], set->outgoing,
				     set->outgoing_count, "outgoing", why);
	}
	return r;
}

static int build(struct router *router, const struct route_options *o)
{
	const char *const *texts = (const char *const *)router->text_of;

	router->patterns = route_patterns_new(texts, router->pattern_count);
	router->ignored = route_patterns_new(texts + router->pattern_count, router->ignored_count);
	if (!router->patterns || !router->ignored)
		return -ENOMEM;
	for (size_t i = 0; i < router->set_count; i++) {
		struct own_routes *set = &router->sets[i];

		set->patterns = route_patterns_new(texts + set->first, set->n);
		if (!set->patterns)
			return -ENOMEM;
	}
	/* Now, so that paths cannot take the place of what was configured. */
	intern(router, slice_of(""));
	intern(router, slice_of(ANYTHING));
	for (size_t i = 0; i < router->text_count; i++) {
		bool ignored = i >= router->pattern_count &&
			       i < router->pattern_count + router->ignored_count;

		if (!ignored)
			router->pattern_route[i] = intern(router, slice_of(texts[i]));
	}
	if (o->unmatched != ROUTE_LOW_CARDINALITY)
		return 0;
	router->learner = route_learner_new(
		o->cardinality ? o->cardinality : ROUTE_CARDINALITY_DEFAULT, &router->stats);
	return router->learner ? 0 : -ENOMEM;
}

int route_new(struct router **out, const struct route_options *options, char why[ROUTE_WHY_MAX])
{
	/* Pages of it come into being as they are touched. */
	struct router *router = calloc(1, sizeof(*router));
	int r;

	if (!router)
		return -ENOMEM;
	router->ignore = options->ignore;
	router->unmatched = options->unmatched;
	snprintf(router->wildcard, sizeof(router->wildcard), "%s",
		 options->wildcard && *options->wildcard ? options->wildcard : "*");
	r = take_all_patterns(router, options, why);
	if (r == 0)
		r = build(router, options);
	router->idle = router->text_count == 0 && router->unmatched == ROUTE_UNSET;
	if (r < 0)
		route_free(router);
	else
		*out = router;
	return r;
}

void route_free(struct router *router)
{
	if (!router)
		return;
	route_patterns_free(router->patterns);
	route_patterns_free(router->ignored);
	for (size_t i = 0; i < router->set_count && router->sets; i++)
		route_patterns_free(router->sets[i].patterns);
	free(router->sets);
	route_learner_free(router->learner);
	for (size_t i = 0; i < router->text_count; i++)
		free(router->text_of[i]);
	free(router->text_of);
	free(router->pattern_route);
	free(router);
}

const struct route_stats *route_stats(const struct router *router)
{
	return &router->stats;
}
