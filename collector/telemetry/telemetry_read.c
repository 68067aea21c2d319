/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry_parts.h"

const struct select_metric *telemetry_metric_name(enum telemetry_metric metric)
{
	return &metrics[metric].is;
}

const struct telemetry_family *telemetry_family(const struct telemetry *t,
						enum telemetry_metric metric)
{
	return t->metric[metric].group ? &t->metric[metric].family : NULL;
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

/* Of a counter of bytes the sum is what it counts. */
static bool is_size(enum metric_value value)
{
	return value == VALUE_REQUEST_SIZE || value == VALUE_RESPONSE_SIZE;
}

void telemetry_each(struct telemetry *t, enum telemetry_metric metric, telemetry_sample_fn fn,
		    void *arg)
{
	const struct family_group *group = t->metric[metric].group;
	const struct histogram_bounds *bounds = &t->bounds[metrics[metric].buckets];
	struct telemetry_exemplar exemplars[EXEMPLARS_MAX];
	uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1];
	const struct slots *slots = group ? &group->table.slots : NULL;
	uint32_t end = group ? slots_end(slots) : 0;
	size_t at = group ? group->metric[t->metric[metric].at].offset : 0;
	size_t exponential_at = group ? group->metric[t->metric[metric].at].exponential : 0;
	size_t exemplars_at = group ? group->metric[t->metric[metric].at].exemplars : 0;

	for (uint32_t i = 0; i < end; i++) {
		const struct series *series = slots_get(slots, i);
		const histogram_word *words;
		unsigned int n = 0;

		if (!series || !spans_shown(t, metric, series))
			continue;
		words = series->words + at;
		/* before the counts: whatever it is of was counted first */
		if (exemplars_at)
			n = exemplars_read(series->words + exemplars_at, exemplars);
		for (unsigned int b = 0; b <= bounds->n; b++)
			counts[b] = atomic_load_explicit(&words[1 + b], memory_order_relaxed);
		if (t->metric[metric].family.counter && is_size(metrics[metric].value))
			counts[0] = atomic_load_explicit(&words[0], memory_order_relaxed);
		fn(arg,
		   &(struct telemetry_sample){
			   .target_labels = target_labels(series),
			   .labels = {series->labels, series->labels_n},
			   .bounds = bounds,
			   .counts = counts,
			   .sum = atomic_load_explicit(&words[0], memory_order_relaxed),
			   .began_ns = series->began_ns,
			   .exemplars = exemplars,
			   .exemplars_n = n,
			   .limits = &t->options.exponential,
			   .exponential = exponential_at ? series->words + exponential_at : NULL,
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
