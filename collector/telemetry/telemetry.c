/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry.h"

#include "../service/siphash.h"
#include "grace.h"
#include "http_series.h"
#include "labels.h"
#include "seen.h"
#include "series.h"
#include "slots.h"
#include "target.h"

#include <errno.h>
#include <stdlib.h>

/* The histograms of a group, in order; each enum telemetry_metric is a kind on a side. */
enum kind { DURATION, REQUEST_SIZE, RESPONSE_SIZE, FIRST_BYTE, KINDS };

/* The metrics of a side that have the same labels. */
struct family_group {
	enum http_side side;
	attribute_set set;
	unsigned int look;  /* of targets */
	unsigned int kinds; /* bits */
	size_t words;
	struct series_table table;
};

struct telemetry {
	struct telemetry_options options;
	struct grace grace;
	struct targets targets;
	struct family_group group[TELEMETRY_METRICS];
	unsigned int groups;
	struct family_group *group_of[TELEMETRY_METRICS];
	struct histogram_bounds bounds[KINDS];
	size_t offset[TELEMETRY_METRICS]; /* of its words in a series of its group */
	unsigned int kinds;               /* kept: FIRST_BYTE may be off */
	struct seen seen;
	struct telemetry_stats stats;
};

static const double duration_le[] = {0,   0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
				     0.5, 0.75,  1,    2.5,   5,    7.5,   10};
static const double size_le[] = {0, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192};

const struct telemetry_options telemetry_defaults = {
	.duration = {duration_le, sizeof(duration_le) / sizeof(*duration_le)},
	.request_size = {size_le, sizeof(size_le) / sizeof(*size_le)},
	.response_size = {size_le, sizeof(size_le) / sizeof(*size_le)},
	.series_max = TELEMETRY_SERIES_DEFAULT,
	.bytes_max = TELEMETRY_BYTES_DEFAULT,
	.ttl_ns = TELEMETRY_TTL_DEFAULT_NS,
	.kubernetes = true,
};

static const struct telemetry_family families[KINDS][HTTP_SIDES] = {
	[DURATION] = {{"http_server_request_duration_seconds", "seconds",
		       "Duration of HTTP requests served: first byte received to last byte sent."},
		      {"http_client_request_duration_seconds", "seconds",
		       "Duration of HTTP requests made: first byte sent to last byte received."}},
	[REQUEST_SIZE] = {{"http_server_request_body_size_bytes", "bytes",
			   "Size of the bodies of HTTP requests served."},
			  {"http_client_request_body_size_bytes", "bytes",
			   "Size of the bodies of HTTP requests made."}},
	[RESPONSE_SIZE] = {{"http_server_response_body_size_bytes", "bytes",
			    "Size of the bodies of HTTP responses sent."},
			   {"http_client_response_body_size_bytes", "bytes",
			    "Size of the bodies of HTTP responses received."}},
	[FIRST_BYTE] = {{"keyhole_http_server_time_to_first_byte_seconds", "seconds",
			 "First byte of an HTTP request received to first byte of its response."},
			{"keyhole_http_client_time_to_first_byte_seconds", "seconds",
			 "First byte of an HTTP request sent to first byte of its response."}},
};

static const struct select_metric names[TELEMETRY_METRICS] = {
	[TELEMETRY_SERVER_DURATION] = {OWNER_SERVER, "http.server.request.duration",
				       "http_server_request_duration_seconds"},
	[TELEMETRY_CLIENT_DURATION] = {OWNER_CLIENT, "http.client.request.duration",
				       "http_client_request_duration_seconds"},
	[TELEMETRY_SERVER_REQUEST_SIZE] = {OWNER_SERVER, "http.server.request.body.size",
					   "http_server_request_body_size_bytes"},
	[TELEMETRY_CLIENT_REQUEST_SIZE] = {OWNER_CLIENT, "http.client.request.body.size",
					   "http_client_request_body_size_bytes"},
	[TELEMETRY_SERVER_RESPONSE_SIZE] = {OWNER_SERVER, "http.server.response.body.size",
					    "http_server_response_body_size_bytes"},
	[TELEMETRY_CLIENT_RESPONSE_SIZE] = {OWNER_CLIENT, "http.client.response.body.size",
					    "http_client_response_body_size_bytes"},
	[TELEMETRY_SERVER_FIRST_BYTE] = {OWNER_SERVER, "keyhole.http.server.time_to_first_byte",
					 "keyhole_http_server_time_to_first_byte_seconds"},
	[TELEMETRY_CLIENT_FIRST_BYTE] = {OWNER_CLIENT, "keyhole.http.client.time_to_first_byte",
					 "keyhole_http_client_time_to_first_byte_seconds"},
};

static enum http_side side_of(enum telemetry_metric metric)
{
	return (enum http_side)(metric % HTTP_SIDES);
}

static enum kind kind_of(enum telemetry_metric metric)
{
	return (enum kind)(metric / HTTP_SIDES);
}

static enum telemetry_metric metric_of(enum http_side side, unsigned int kind)
{
	return (enum telemetry_metric)(kind * HTTP_SIDES + (unsigned int)side);
}

static void count(_Atomic uint64_t *counter)
{
	/* One writer: see histogram.c. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* ---- life ---- */

static int init_bounds(struct telemetry *t)
{
	const struct telemetry_options *o = &t->options;
	const struct telemetry_buckets *buckets[KINDS] = {&o->duration, &o->request_size,
							  &o->response_size, &o->duration};

	t->kinds = o->time_to_first_byte ? KINDS : FIRST_BYTE;
	for (unsigned int i = 0; i < KINDS; i++) {
		uint64_t unit = i == DURATION || i == FIRST_BYTE ? 1000000000u : 1;
		int err = histogram_bounds_init(&t->bounds[i], buckets[i]->le, buckets[i]->n, unit);

		if (err)
			return err;
	}
	return 0;
}

static unsigned int look_of(struct targets *targets, attribute_set set)
{
	attribute_set look = set & ATTRS_OF_RESOURCE;

	for (unsigned int i = 0; i < targets->looks; i++) {
		if (targets->look[i] == look)
			return i;
	}
	targets->look[targets->looks] = look;
	return targets->looks++;
}

static struct family_group *group_with(struct telemetry *t, enum http_side side, attribute_set set)
{
	struct family_group *group = t->group;

	for (; group < t->group + t->groups; group++) {
		if (group->side == side && group->set == set)
			return group;
	}
	t->groups++;
	group->side = side;
	group->set = set;
	group->look = look_of(&t->targets, set);
	return group;
}

static void choose_labels(struct telemetry *t)
{
	const struct telemetry_options *o = &t->options;
	const struct attribute_rules rules = {o->kubernetes, o->routes, o->server_address_from_host,
					      o->extras};

	for (unsigned int m = 0; m < t->kinds * HTTP_SIDES; m++) {
		attribute_set set = select_for(&o->select, &names[m], &rules).on;
		struct family_group *group = group_with(t, side_of(m), set);

		t->group_of[m] = group;
		t->offset[m] = group->words;
		group->kinds |= 1u << kind_of(m);
		group->words += histogram_words(&t->bounds[kind_of(m)]);
	}
	t->targets.infos.set = select_for(&o->select, &select_resource, &rules);
}

static int init(struct telemetry *t)
{
	unsigned int max = t->options.series_max;
	int err;

	t->targets.grace = t->targets.infos.grace = &t->grace;
	t->targets.extras = t->targets.infos.extras = t->options.extras;
	t->targets.infos.kubernetes = t->options.kubernetes;
	choose_labels(t);
	err = targets_init(&t->targets, max);
	for (unsigned int i = 0; i < t->groups && !err; i++)
		err = series_table_init(&t->group[i].table, &t->grace, max, t->group[i].words);
	return err;
}

int telemetry_new(struct telemetry **telemetry, const struct telemetry_options *options)
{
	struct telemetry *t;
	int err;

	if (options->series_max < 1 || options->series_max > TELEMETRY_SERIES_MAX)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->options = *options;
	t->grace.bytes_max = options->bytes_max;
	err = init_bounds(t);
	if (!err)
		err = init(t);
	if (err) {
		telemetry_free(t);
		return err;
	}
	*telemetry = t;
	return 0;
}

void telemetry_free(struct telemetry *t)
{
	if (!t)
		return;
	for (unsigned int g = 0; g < t->groups; g++) {
		struct slots *slots = &t->group[g].table.slots;
		uint32_t end = slots->slot ? slots_end(slots) : 0;

		for (uint32_t i = 0; i < end; i++) {
			struct series *series = slots_get(slots, i);

			if (series && series->target)
				target_unuse(&t->targets, series->target);
		}
		series_table_close(&t->group[g].table);
	}
	targets_close(&t->targets);
	grace_close(&t->grace);
	free(t);
}

/* ---- the writer ---- */

static void set_sizes(struct telemetry *t)
{
	uint64_t series = 0;

	for (unsigned int g = 0; g < t->groups; g++)
		series += slots_used(&t->group[g].table.slots);
	atomic_store_explicit(&t->stats.series, series, memory_order_relaxed);
	atomic_store_explicit(&t->stats.targets, slots_used(&t->targets.infos.slots),
			      memory_order_relaxed);
}

static struct series *make_series(struct telemetry *t, struct family_group *group,
				  const struct series_key *key, uint64_t hash)
{
	struct series *series;
	struct labels labels;

	http_series_labels(&labels, key);
	series = series_make(&group->table, key, hash, labels_slice(&labels));
	if (!series)
		return NULL;
	target_use(series->target);
	count(&t->stats.series_created);
	set_sizes(t);
	return series;
}

/* Never NULL. `target`: NULL if there was no room for one. */
static struct series *series_of(struct telemetry *t, struct family_group *group,
				struct target *target, const struct attribute_source *source,
				bool *overflow)
{
	struct series *series = NULL;
	struct series_key key;

	if (target) {
		uint64_t hash;

		http_series_key(&key, group->side, target, source, group->set, &t->options.namer);
		hash = siphash(siphash_process_key(), &key, series_key_size(&key));
		series = series_find(&group->table, &key, hash);
		if (!series)
			series = make_series(t, group, &key, hash);
	}
	if (!series) {
		*overflow = true;
		series = series_overflow(&group->table);
		set_sizes(t);
	}
	return series;
}

static uint64_t since(uint64_t start, uint64_t end)
{
	return end > start ? end - start : 0;
}

static uint64_t value_of(const struct exchange *exchange, enum kind kind)
{
	switch (kind) {
	case DURATION:
		return since(exchange->start_ns, exchange->end_ns);
	case REQUEST_SIZE:
		return exchange->req_body;
	case RESPONSE_SIZE:
		return exchange->resp_body;
	case FIRST_BYTE:
	case KINDS:
		break;
	}
	return since(exchange->start_ns, exchange->first_ns);
}

static void update(struct telemetry *t, const struct family_group *group, struct series *series,
		   const struct exchange *exchange)
{
	for (unsigned int kind = 0; kind < t->kinds; kind++) {
		size_t offset = t->offset[metric_of(group->side, kind)];

		/* No answer: no first byte of it. */
		if (!(group->kinds & 1u << kind) || (kind == FIRST_BYTE && !exchange->first_ns))
			continue;
		histogram_add(&t->bounds[kind], series->words + offset, value_of(exchange, kind));
	}
}

int telemetry_count(struct telemetry *t, const struct attribute_source *source, uint64_t now_ns)
{
	int side = http_side_of(source->exchange);
	struct target *const *targets;
	bool overflow = false;

	if (side < 0) {
		count(&t->stats.invalid);
		return side;
	}
	targets = targets_find(&t->targets, source->resource, now_ns);
	for (unsigned int g = 0; g < t->groups; g++) {
		struct family_group *group = &t->group[g];
		struct series *series;

		if (group->side != (enum http_side)side)
			continue;
		series = series_of(t, group, targets ? targets[group->look] : NULL, source,
				   &overflow);
		series->last_ns = now_ns;
		update(t, group, series, source->exchange);
	}
	if (overflow)
		count(&t->stats.overflows);
	count(&t->stats.exchanges);
	return 0;
}

static void expire_group(struct telemetry *t, struct series_table *table, uint64_t before_ns,
			 uint64_t at_last_ns)
{
	uint32_t end = slots_end(&table->slots);

	for (uint32_t i = 0; i < TELEMETRY_EXPIRE_STEP && i < end; i++) {
		struct series *series = slots_get(&table->slots, table->cursor % end);
		struct target *target = series ? series->target : NULL;

		table->cursor = (table->cursor + 1) % end;
		if (!target || (series->last_ns >= before_ns && series->last_ns >= at_last_ns))
			continue;
		series_drop(table, series);
		target_unuse(&t->targets, target);
		count(&t->stats.series_expired);
	}
}

static uint64_t earlier(uint64_t now_ns, uint64_t by_ns)
{
	return now_ns > by_ns ? now_ns - by_ns : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * While a scrape reads, nothing expires: a series that was read, expired and came back under
 * another slot would stand in that scrape twice.
 */
void telemetry_expire(struct telemetry *t, uint64_t now_ns)
{
	uint64_t ttl = t->options.ttl_ns, before_ns, at_last_ns;

	grace_collect(&t->grace);
	seen_look(&t->seen, &t->grace, now_ns);
	if (ttl == 0 || now_ns <= ttl || grace_is_read(&t->grace))
		return;
	before_ns = least(earlier(now_ns, ttl), t->seen.before_ns);
	at_last_ns = earlier(now_ns, 2 * ttl);
	for (unsigned int g = 0; g < t->groups; g++)
		expire_group(t, &t->group[g].table, before_ns, at_last_ns);
	targets_expire(&t->targets, earlier(before_ns, TELEMETRY_LINGER_NS),
		       earlier(at_last_ns, TELEMETRY_LINGER_NS));
	set_sizes(t);
}

/* ---- the reader ---- */

const struct select_metric *telemetry_metric_name(enum telemetry_metric metric)
{
	return &names[metric];
}

const struct telemetry_family *telemetry_family(const struct telemetry *t,
						enum telemetry_metric metric)
{
	if (kind_of(metric) >= t->kinds)
		return NULL;
	return &families[kind_of(metric)][side_of(metric)];
}

void telemetry_read_begin(struct telemetry *t)
{
	grace_enter(&t->grace);
}

void telemetry_read_end(struct telemetry *t)
{
	grace_leave(&t->grace);
}

static struct slice target_labels(const struct series *series)
{
	if (!series->target)
		return (struct slice){"", 0};
	return (struct slice){series->target->labels, series->target->n};
}

void telemetry_each(struct telemetry *t, enum telemetry_metric metric, telemetry_sample_fn fn,
		    void *arg)
{
	const struct slots *slots = &t->group_of[metric]->table.slots;
	const struct histogram_bounds *bounds = &t->bounds[kind_of(metric)];
	uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1];
	uint32_t end = slots_end(slots);

	for (uint32_t i = 0; i < end; i++) {
		const struct series *series = slots_get(slots, i);
		const histogram_word *words;

		if (!series)
			continue;
		words = series->words + t->offset[metric];
		for (unsigned int b = 0; b <= bounds->n; b++)
			counts[b] = atomic_load_explicit(&words[1 + b], memory_order_relaxed);
		fn(arg, &(struct telemetry_sample){
				.target_labels = target_labels(series),
				.labels = {series->labels, series->labels_n},
				.bounds = bounds,
				.counts = counts,
				.sum = atomic_load_explicit(&words[0], memory_order_relaxed),
			});
	}
}

void telemetry_each_target(struct telemetry *t, telemetry_target_fn fn, void *arg)
{
	const struct slots *slots = &t->targets.infos.slots;
	uint32_t end = slots_end(slots);

	for (uint32_t i = 0; i < end; i++) {
		struct info *info = slots_get(slots, i);
		const struct info_text *text = info ? atomic_load(&info->text) : NULL;

		if (text)
			fn(arg, (struct slice){text->labels, text->n});
	}
}

const struct telemetry_stats *telemetry_stats(const struct telemetry *t)
{
	return &t->stats;
}

uint64_t telemetry_bytes(const struct telemetry *t)
{
	return atomic_load_explicit(&t->grace.bytes, memory_order_relaxed);
}
