/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry.h"

#include "../counter.h"
#include "../service/siphash.h"
#include "call_series.h"
#include "http_series.h"
#include "span_series.h"
#include "telemetry_parts.h"

#include <errno.h>
#include <stdlib.h>

_Static_assert(TELEMETRY_METRICS <= TARGET_LOOKS_MAX, "each may look at targets in its own way");

/* ---- life ---- */

static int init_bounds(struct telemetry *t)
{
	const struct telemetry_options *o = &t->options;
	const struct telemetry_buckets *buckets[BUCKETS] = {
		[BUCKETS_DURATION] = &o->duration,
		[BUCKETS_DB_DURATION] = &o->db_duration,
		[BUCKETS_REQUEST_SIZE] = &o->request_size,
		[BUCKETS_RESPONSE_SIZE] = &o->response_size,
		[BUCKETS_NONE] = &(const struct telemetry_buckets){NULL, 0},
	};

	for (unsigned int i = 0; i < BUCKETS; i++) {
		bool time = i == BUCKETS_DURATION || i == BUCKETS_DB_DURATION;
		int err = histogram_bounds_init(&t->bounds[i], buckets[i]->le, buckets[i]->n,
						time ? 1000000000u : 1);

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

static struct family_group *group_with(struct telemetry *t, struct lane *lane, attribute_set set)
{
	struct family_group *group = lane->group;

	for (; group < lane->group + lane->groups; group++) {
		if (group->set == set)
			return group;
	}
	lane->groups++;
	t->group[t->groups++] = group;
	group->set = set;
	group->look = look_of(&t->targets, set);
	return group;
}

static bool is_counted(const struct telemetry_options *o, const struct metric *metric)
{
	enum attribute_owner owner = metric->is.owner;

	if (owner >= OWNERS)
		return spans_has(o, metric);
	if (owner == OWNER_CONNECTION)
		return o->encrypted_connections;
	if (metric->value == VALUE_FIRST_BYTE && !o->time_to_first_byte)
		return false;
	if (owner == OWNER_MESSAGING_PROCESS)
		owner = OWNER_MESSAGING_CLIENT;
	return o->kinds & 1u << owner / 2;
}

static void add_metric(struct telemetry *t, enum telemetry_metric m, attribute_set set)
{
	const struct metric *metric = &metrics[m];
	struct family_group *group = group_with(t, &t->lane[metric->is.owner], set);
	const struct histogram_bounds *bounds = &t->bounds[metric->buckets];

	t->metric[m].group = group;
	t->metric[m].at = group->n;
	t->metric[m].family = (struct telemetry_family){
		.name = semconv_name(t->options.semconv, metric->is.label),
		.unit = metric->unit,
		.help = metric->help,
		.counter = metric->buckets == BUCKETS_NONE,
		.exponential = t->options.exponential.buckets && metric->buckets != BUCKETS_NONE,
	};
	group->metric[group->n].value = metric->value;
	group->metric[group->n].bounds = bounds;
	group->metric[group->n].offset = group->words;
	group->words += histogram_words(bounds);
	if (t->metric[m].family.exponential) {
		group->metric[group->n].exponential = group->words;
		group->words += exponential_words(&t->options.exponential);
	}
	if (t->options.exemplars && metric->value == VALUE_DURATION && metric->is.owner < OWNERS) {
		group->metric[group->n].exemplars = group->words;
		group->words += EXEMPLARS_WORDS;
		group->timed = group->n + 1;
	}
	group->n++;
}

static void choose_labels(struct telemetry *t)
{
	const struct telemetry_options *o = &t->options;
	const struct attribute_rules rules = {o->kubernetes, o->routes, o->server_address_from_host,
					      o->extras};

	for (unsigned int m = 0; m < TELEMETRY_METRICS; m++) {
		enum attribute_owner owner = metrics[m].is.owner;

		if (is_counted(o, &metrics[m]))
			add_metric(t, m,
				   owner < OWNERS
					   ? select_for(&o->select, &metrics[m].is, &rules).on
					   : spans_set(o, owner));
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
	t->names.grace = &t->grace;
	t->names.max = t->options.span_names_max;
	choose_labels(t);
	spans_init(t);
	err = targets_init(&t->targets, max);
	if (!err && t->lane[OWNER_AS_SPAN].groups > 0)
		err = span_names_init(&t->names);
	for (unsigned int g = 0; g < t->groups && !err; g++)
		err = series_table_init(&t->group[g]->table, &t->grace, max, t->group[g]->words);
	return err;
}

int telemetry_new(struct telemetry **telemetry, const struct telemetry_options *options)
{
	struct telemetry *t;
	int err;

	if (options->series_max < 1 || options->series_max > TELEMETRY_SERIES_MAX ||
	    options->exponential.buckets > EXPONENTIAL_BUCKETS_MAX)
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
		struct slots *slots = &t->group[g]->table.slots;
		uint32_t end = slots->slot ? slots_end(slots) : 0;

		for (uint32_t i = 0; i < end; i++) {
			struct series *series = slots_get(slots, i);

			if (series && series->target)
				target_unuse(&t->targets, series->target);
			if (series)
				span_names_give(&t->names, series->name);
		}
		series_table_close(&t->group[g]->table);
	}
	span_names_close(&t->names);
	targets_close(&t->targets);
	grace_close(&t->grace);
	free(t);
}

/* ---- the writer ---- */

void telemetry_hold(struct telemetry *t, bool hold)
{
	uint64_t held = atomic_load_explicit(&t->grace.bytes, memory_order_relaxed);

	t->grace.bytes_max = hold && held < t->options.bytes_max ? held : t->options.bytes_max;
}

static void set_sizes(struct telemetry *t)
{
	uint64_t series = 0;

	for (unsigned int g = 0; g < t->groups; g++)
		series += slots_used(&t->group[g]->table.slots);
	atomic_store_explicit(&t->stats.series, series, memory_order_relaxed);
	atomic_store_explicit(&t->stats.targets, slots_used(&t->targets.infos.slots),
			      memory_order_relaxed);
}

static bool is_http(enum attribute_owner owner)
{
	return owner == OWNER_HTTP_SERVER || owner == OWNER_HTTP_CLIENT;
}

static void make_key(const struct telemetry *t, struct series_key *key, const struct counted *what,
		     struct target *target, attribute_set set)
{
	const struct peer_namer *namer = &t->options.namer;
	enum attribute_owner owner = what->owner;

	if (owner == OWNER_AS_SPAN)
		span_series_key(key, target, what->source);
	else if (owner == OWNER_AS_EDGE)
		edge_series_key(key, target, what->source, what->peer);
	else if (is_http(owner))
		http_series_key(key, owner == OWNER_HTTP_CLIENT ? HTTP_CLIENT : HTTP_SERVER, target,
				what->source, set, namer);
	else
		call_series_key(key, owner, target, what->source, set, namer);
}

struct series *store_make(struct telemetry *t, struct family_group *group,
			  const struct series_key *key, uint64_t hash, const struct labels *labels)
{
	struct series *series = series_make(&group->table, key, hash, labels_slice(labels));

	if (!series)
		return NULL;
	series->serial = ++t->serial;
	target_use(series->target);
	counter_add(&t->stats.series_created, 1);
	set_sizes(t);
	return series;
}

static struct series *make_series(struct telemetry *t, const struct counted *what,
				  struct family_group *group, struct series_key *key, uint64_t hash)
{
	struct labels labels;

	if (what->owner >= OWNERS)
		return spans_make(t, what, group, key, hash);
	if (is_http(what->owner))
		http_series_labels(&labels, key, t->options.semconv);
	else
		call_series_labels(&labels, key, t->options.semconv);
	return store_make(t, group, key, hash, &labels);
}

/* Never NULL. `target`: NULL if there was no room for one. */
static struct series *series_of(struct telemetry *t, const struct counted *what,
				struct family_group *group, struct target *target, bool *overflow)
{
	struct series *series = NULL;
	struct series_key key;

	if (target) {
		uint64_t hash;

		make_key(t, &key, what, target, group->set);
		hash = siphash(siphash_process_key(), key.bytes, key.n);
		series = series_find(&group->table, &key, hash);
		if (!series)
			series = make_series(t, what, group, &key, hash);
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

static uint64_t value_of(const struct exchange *exchange, enum metric_value value)
{
	switch (value) {
	case VALUE_DURATION:
	case VALUE_CLIENT_DURATION:
	case VALUE_SERVER_DURATION:
		return since(exchange->start_ns, exchange->end_ns);
	case VALUE_REQUEST_SIZE:
		return exchange->req_body;
	case VALUE_RESPONSE_SIZE:
		return exchange->resp_body;
	case VALUE_FIRST_BYTE:
		return since(exchange->start_ns, exchange->first_ns);
	case VALUE_NONE:
	case VALUE_ADDED:
	case VALUE_FAILED:
		break;
	}
	return 0;
}

static unsigned int number_of(const struct telemetry *t, const struct family_group *group)
{
	unsigned int i = 0;

	while (t->group[i] != group)
		i++;
	return i;
}

void store_update(const struct telemetry *t, const struct family_group *group,
		  struct series *series, const struct counted *counted, uint64_t now_ns,
		  struct telemetry_place *place)
{
	const struct exchange *exchange = counted->source->exchange;

	series->last_ns = now_ns;
	for (unsigned int i = 0; i < group->n; i++) {
		const struct histogram_bounds *bounds = group->metric[i].bounds;
		enum metric_value what = group->metric[i].value;
		uint64_t value = value_of(exchange, what);

		/* No answer: no first byte of it. */
		if (what == VALUE_FIRST_BYTE && !exchange->first_ns)
			continue;
		if (what >= VALUE_CLIENT_DURATION && !spans_value(counted, what))
			continue;
		histogram_add(bounds, series->words + group->metric[i].offset, value);
		if (group->metric[i].exponential)
			exponential_add(&t->options.exponential,
					series->words + group->metric[i].exponential, bounds->unit,
					value);
	}
	if (place && group->timed)
		*place = (struct telemetry_place){number_of(t, group) + 1, series->slot,
						  series->serial};
}

int store_count(struct telemetry *t, const struct counted *what, uint64_t now_ns,
		struct telemetry_place *place, struct telemetry_memo *memo)
{
	struct lane *lane = &t->lane[what->owner];
	struct target *const *targets;
	bool overflow = false;

	if (lane->groups == 0)
		return -ENOENT;
	if (memo)
		memo->retired = 0; /* it says nothing until memo_keep() */
	targets = targets_find(&t->targets, what->source->resource, now_ns);
	for (unsigned int i = 0; i < lane->groups; i++) {
		struct family_group *g = &lane->group[i];
		struct series *series =
			series_of(t, what, g, targets ? targets[g->look] : NULL, &overflow);

		store_update(t, g, series, what, now_ns, place);
		if (memo && i < TELEMETRY_MEMO_GROUPS)
			memo->series[i] = series;
	}
	if (overflow)
		counter_add(&t->stats.overflows, 1);
	else if (memo)
		memo_keep(memo, t, lane, what, targets);
	return 0;
}

int telemetry_recount(struct telemetry *t, const struct attribute_source *source, uint64_t now_ns,
		      struct telemetry_place *place, struct telemetry_memo *memo)
{
	int owner = attribute_owner_of(source->exchange), r = owner;

	if (place)
		*place = (struct telemetry_place){0};
	if (owner < 0) {
		counter_add(&t->stats.invalid, 1);
	} else {
		struct counted what = {(enum attribute_owner)owner, source, NULL};

		if (memo && memo_count(t, &what, now_ns, place, memo))
			r = 0;
		else
			r = store_count(t, &what, now_ns, place, memo);
	}
	if (r == 0)
		counter_add(&t->stats.exchanges, 1);
	return r;
}

int telemetry_count(struct telemetry *t, const struct attribute_source *source, uint64_t now_ns,
		    struct telemetry_place *place)
{
	return telemetry_recount(t, source, now_ns, place, NULL);
}

int telemetry_encrypted(struct telemetry *t, const struct attribute_source *source, uint64_t now_ns)
{
	int owner = attribute_owner_of(source->exchange);

	if (owner < 0)
		return owner;
	return store_count(t, &(struct counted){OWNER_CONNECTION, source, NULL}, now_ns, NULL,
			   NULL);
}

void telemetry_exemplar(struct telemetry *t, const struct telemetry_place *place,
			const struct telemetry_exemplar *exemplar)
{
	const struct family_group *group;
	struct series *series;

	if (place->group == 0 || (!exemplar->sampled && t->options.exemplars != EXEMPLARS_ALL))
		return;
	group = t->group[place->group - 1];
	series = slots_get(&group->table.slots, place->slot);
	if (!series || series->serial != place->serial)
		return;
	exemplars_put(group->metric[group->timed - 1].bounds,
		      series->words + group->metric[group->timed - 1].exemplars, exemplar);
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
		span_names_give(&t->names, series->name);
		series_drop(table, series);
		target_unuse(&t->targets, target);
		counter_add(&t->stats.series_expired, 1);
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
		expire_group(t, &t->group[g]->table, before_ns, at_last_ns);
	targets_expire(&t->targets, earlier(before_ns, TELEMETRY_LINGER_NS),
		       earlier(at_last_ns, TELEMETRY_LINGER_NS));
	set_sizes(t);
}
