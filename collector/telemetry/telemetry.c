/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry.h"

#include "../service/siphash.h"
#include "grace.h"
#include "http_series.h"
#include "labels.h"
#include "series.h"
#include "slots.h"
#include "target.h"

#include <errno.h>
#include <stdlib.h>

/* The histograms of a group, in order; each enum telemetry_metric is a kind on a side. */
enum kind { DURATION, REQUEST_SIZE, RESPONSE_SIZE, FIRST_BYTE, KINDS };

struct telemetry {
	struct telemetry_options options;
	struct grace grace;
	struct targets targets;
	struct series_table table[HTTP_SIDES];
	struct histogram_bounds bounds[KINDS];
	size_t offset[KINDS]; /* of its words in a group */
	unsigned int kinds;   /* kept: FIRST_BYTE may be off */
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
		if (i > 0)
			t->offset[i] = t->offset[i - 1] + histogram_words(&t->bounds[i - 1]);
	}
	return 0;
}

static int init(struct telemetry *t)
{
	unsigned int last = t->kinds - 1, max = t->options.series_max;
	size_t words = t->offset[last] + histogram_words(&t->bounds[last]);
	int err = targets_init(&t->targets, &t->grace, max, t->options.kubernetes);

	for (int side = 0; side < HTTP_SIDES && !err; side++)
		err = series_table_init(&t->table[side], &t->grace, max, words);
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
	for (int side = 0; side < HTTP_SIDES; side++) {
		struct slots *slots = &t->table[side].slots;
		uint32_t end = slots->slot ? slots_end(slots) : 0;

		for (uint32_t i = 0; i < end; i++) {
			struct series *series = slots_get(slots, i);

			if (series && series->target)
				target_unuse(&t->targets, series->target);
		}
		series_table_close(&t->table[side]);
	}
	targets_close(&t->targets);
	grace_close(&t->grace);
	free(t);
}

/* ---- the writer ---- */

static void set_sizes(struct telemetry *t)
{
	uint64_t series =
		slots_used(&t->table[HTTP_SERVER].slots) + slots_used(&t->table[HTTP_CLIENT].slots);

	atomic_store_explicit(&t->stats.series, series, memory_order_relaxed);
	atomic_store_explicit(&t->stats.targets, slots_used(&t->targets.slots),
			      memory_order_relaxed);
}

static struct series *make_series(struct telemetry *t, enum http_side side,
				  const struct series_key *key, uint64_t hash)
{
	struct series *series;
	struct labels labels;

	http_series_labels(&labels, side, key);
	series = series_make(&t->table[side], key, hash, labels_slice(&labels));
	if (!series)
		return NULL;
	target_use(series->target);
	count(&t->stats.series_created);
	set_sizes(t);
	return series;
}

/* Never NULL. */
static struct series *series_of(struct telemetry *t, enum http_side side, struct resource *resource,
				const struct exchange *exchange, struct slice route,
				uint64_t now_ns)
{
	struct target *target = targets_find(&t->targets, resource, now_ns);
	struct series *series = NULL;
	struct series_key key;

	if (target) {
		uint64_t hash;

		http_series_key(&key, side, target, exchange, route, &t->options);
		hash = siphash(siphash_process_key(), &key, series_key_size(&key));
		series = series_find(&t->table[side], &key, hash);
		if (!series)
			series = make_series(t, side, &key, hash);
	}
	if (!series) {
		count(&t->stats.overflows);
		series = series_overflow(&t->table[side]);
		set_sizes(t);
	}
	return series;
}

static uint64_t since(uint64_t start, uint64_t end)
{
	return end > start ? end - start : 0;
}

static void add(struct telemetry *t, struct series *series, enum kind kind, uint64_t value)
{
	histogram_add(&t->bounds[kind], series->words + t->offset[kind], value);
}

int telemetry_http(struct telemetry *t, struct resource *resource, const struct exchange *exchange,
		   struct slice route, uint64_t now_ns)
{
	struct series *series;
	enum http_side side;

	if (exchange->conn.role == KH_ROLE_SERVER)
		side = HTTP_SERVER;
	else if (exchange->conn.role == KH_ROLE_CLIENT)
		side = HTTP_CLIENT;
	else {
		count(&t->stats.invalid);
		return -EINVAL;
	}
	series = series_of(t, side, resource, exchange, route, now_ns);
	series->last_ns = now_ns;
	add(t, series, DURATION, since(exchange->start_ns, exchange->end_ns));
	add(t, series, REQUEST_SIZE, exchange->req_body);
	add(t, series, RESPONSE_SIZE, exchange->resp_body);
	if (t->kinds > FIRST_BYTE && exchange->first_ns)
		add(t, series, FIRST_BYTE, since(exchange->start_ns, exchange->first_ns));
	count(&t->stats.exchanges);
	return 0;
}

static void expire_side(struct telemetry *t, struct series_table *table, uint64_t before_ns)
{
	uint32_t end = slots_end(&table->slots);

	for (uint32_t i = 0; i < TELEMETRY_EXPIRE_STEP && i < end; i++) {
		struct series *series = slots_get(&table->slots, table->cursor % end);
		struct target *target = series ? series->target : NULL;

		table->cursor = (table->cursor + 1) % end;
		if (!target || series->last_ns >= before_ns)
			continue;
		series_drop(table, series);
		target_unuse(&t->targets, target);
		count(&t->stats.series_expired);
	}
}

/*
 * While a scrape reads, nothing expires: a series that was read, expired and came back under
 * another slot would stand in that scrape twice.
 */
void telemetry_expire(struct telemetry *t, uint64_t now_ns)
{
	uint64_t ttl = t->options.ttl_ns;

	grace_collect(&t->grace);
	if (ttl == 0 || now_ns <= ttl || grace_is_read(&t->grace))
		return;
	for (int side = 0; side < HTTP_SIDES; side++)
		expire_side(t, &t->table[side], now_ns - ttl);
	targets_expire(&t->targets, now_ns - ttl);
	set_sizes(t);
}

/* ---- the reader ---- */

static enum http_side side_of(enum telemetry_metric metric)
{
	return (enum http_side)(metric % HTTP_SIDES);
}

static enum kind kind_of(enum telemetry_metric metric)
{
	return (enum kind)(metric / HTTP_SIDES);
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
	const struct slots *slots = &t->table[side_of(metric)].slots;
	const struct histogram_bounds *bounds = &t->bounds[kind_of(metric)];
	uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1];
	uint32_t end = slots_end(slots);

	for (uint32_t i = 0; i < end; i++) {
		const struct series *series = slots_get(slots, i);
		const histogram_word *words;

		if (!series)
			continue;
		words = series->words + t->offset[kind_of(metric)];
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
	const struct slots *slots = &t->targets.slots;
	uint32_t end = slots_end(slots);

	for (uint32_t i = 0; i < end; i++) {
		struct target *target = slots_get(slots, i);
		const struct target_info *info = target ? atomic_load(&target->info) : NULL;

		if (info && atomic_load_explicit(&target->shown, memory_order_relaxed))
			fn(arg, (struct slice){info->labels, info->n});
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
