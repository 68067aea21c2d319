/* SPDX-License-Identifier: Apache-2.0 */
#include "selfmetrics.h"

#include "../../bpf/events.h"

#include <errno.h>
#include <stdlib.h>

struct value {
	enum selfmetric metric;
	const char *label_value;
	const _Atomic uint64_t *number; /* or */
	uint64_t (*fn)(void *arg);      /* or */
	void *arg;
	uint64_t constant;
};

struct selfmetrics {
	unsigned int n;
	struct value value[SELFMETRICS_VALUES_MAX];
	uint64_t (*bpf)(void *arg, unsigned int counter);
	void *bpf_arg;
};

static const struct selfmetric_family families[SELF_COUNT] = {
#define SELF_X(e, type, name, label, help) [SELF_##e] = {name, label, help, SELFMETRIC_##type},
	SELFMETRICS(SELF_X)
#undef SELF_X
#define SELF_X(name, help)                                                                         \
	[SELF_STREAMS_##name] = {"keyhole_streams_" #name, "", help, SELFMETRIC_COUNTER},
		STREAMS_COUNTERS(SELF_X)
#undef SELF_X
#define SELF_X(name, help)                                                                         \
	[SELF_PROTOCOL_##name] = {"keyhole_protocol_" #name, "protocol", help, SELFMETRIC_COUNTER},
			STREAMS_PROTOCOL_COUNTERS(SELF_X)
#undef SELF_X
};

static const struct selfmetric_family bpf_families[KH_C_COUNT] = {
#define KH_X(name, help) [KH_C_##name] = {"keyhole_bpf_" #name, "", help, SELFMETRIC_COUNTER},
	KH_COUNTERS(KH_X)
#undef KH_X
};

struct selfmetrics *selfmetrics_new(void)
{
	return calloc(1, sizeof(struct selfmetrics));
}

void selfmetrics_free(struct selfmetrics *self)
{
	free(self);
}

static int add(struct selfmetrics *self, const struct value *value)
{
	if (self->n == SELFMETRICS_VALUES_MAX)
		return -ENOSPC;
	self->value[self->n++] = *value;
	return 0;
}

int selfmetrics_add(struct selfmetrics *self, enum selfmetric metric, const char *value,
		    const _Atomic uint64_t *number)
{
	return add(self, &(struct value){.metric = metric, .label_value = value, .number = number});
}

int selfmetrics_add_fn(struct selfmetrics *self, enum selfmetric metric, const char *value,
		       uint64_t (*fn)(void *arg), void *arg)
{
	return add(self,
		   &(struct value){.metric = metric, .label_value = value, .fn = fn, .arg = arg});
}

int selfmetrics_add_constant(struct selfmetrics *self, enum selfmetric metric, const char *value,
			     uint64_t number)
{
	return add(self,
		   &(struct value){.metric = metric, .label_value = value, .constant = number});
}

void selfmetrics_set_bpf(struct selfmetrics *self, uint64_t (*fn)(void *arg, unsigned int counter),
			 void *arg)
{
	self->bpf = fn;
	self->bpf_arg = arg;
}

static uint64_t read_value(const struct value *value)
{
	if (value->number)
		return atomic_load_explicit(value->number, memory_order_relaxed);
	return value->fn ? value->fn(value->arg) : value->constant;
}

static void each_value(const struct selfmetrics *self, enum selfmetric metric,
		       const struct selfmetrics_visitor *visitor)
{
	const struct selfmetric_family *family = &families[metric];
	bool begun = false;

	for (unsigned int i = 0; i < self->n; i++) {
		const struct value *value = &self->value[i];

		if (value->metric != metric)
			continue;
		if (!begun)
			visitor->family(visitor->arg, family);
		begun = true;
		visitor->value(visitor->arg, family, value->label_value, read_value(value));
	}
}

void selfmetrics_each(const struct selfmetrics *self, const struct selfmetrics_visitor *visitor)
{
	for (int metric = 0; metric < SELF_COUNT; metric++)
		each_value(self, metric, visitor);
	for (unsigned int i = 0; self->bpf && i < KH_C_COUNT; i++) {
		visitor->family(visitor->arg, &bpf_families[i]);
		visitor->value(visitor->arg, &bpf_families[i], "", self->bpf(self->bpf_arg, i));
	}
}
