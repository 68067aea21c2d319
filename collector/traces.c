/* SPDX-License-Identifier: Apache-2.0 */
#include "traces.h"

#include <errno.h>
#include <string.h>

#include "log.h"

#define LOG_MODULE "traces"

int traces_start(struct traces *t, const struct config *config, struct telemetry *telemetry,
		 struct peers *peers, struct tell *tell, const struct peer_namer *namer)
{
	struct span_options spans;
	struct tracer_options o = {.telemetry = telemetry,
				   .peers = peers,
				   .tell = tell,
				   .rules = &t->rules,
				   .sampler = config_sampler(config),
				   .remote = (enum tracer_remote)config->traces.remote,
				   .join_wait_ns = config->traces.join_wait_ns,
				   .peers_wait_ns = config->traces.peers_wait_ns,
				   .room_spans = (uint32_t)config->traces.join_spans};
	int r;

	config_spans(config, &spans);
	spans.namer = *namer;
	t->protocols = spans.protocols;
	r = span_rules_init(&t->rules, &spans);
	if (r) {
		log_error("attributes.sensitive_query_params: more than %d names", URL_SECRETS_MAX);
		return r;
	}
	r = span_queue_new(&t->queue, (uint32_t)config->otlp.queue_entries,
			   (uint32_t)config->otlp.queue_bytes);
	if (r) {
		log_error("the queue of spans cannot be set up: %s", strerror(-r));
		return r;
	}
	o.queue = t->queue;
	t->tracer = tracer_new(&o);
	if (!t->tracer)
		log_error("traces cannot be set up: out of memory; a smaller "
			  "keyhole.traces.join_spans takes less");
	return t->tracer ? 0 : -ENOMEM;
}

void traces_end(struct traces *t)
{
	tracer_free(t->tracer);
	span_queue_free(t->queue);
}

static uint64_t bytes(void *arg)
{
	const struct traces *t = arg;

	return tracer_bytes(t->tracer) +
	       atomic_load_explicit(&span_queue_stats(t->queue)->bytes, memory_order_relaxed);
}

int traces_bind(struct traces *t, struct selfmetrics *self)
{
	const struct tracer_stats *s = tracer_stats(t->tracer);
	int r = 0;

	r |= selfmetrics_add(self, SELF_TRACE_SPANS, "", &s->spans);
	r |= selfmetrics_add(self, SELF_TRACE_QUEUED, "", &s->queued);
	r |= selfmetrics_add(self, SELF_TRACE_SAMPLED_OUT, "", &s->sampled_out);
	r |= selfmetrics_add(self, SELF_TRACE_DROPPED, "", &s->dropped);
	r |= selfmetrics_add(self, SELF_TRACE_WAITING, "", &s->waiting);
	r |= selfmetrics_add(self, SELF_TRACE_LINKED, "", &s->linked);
	for (int how = 0; how < KIN_PARENTS; how++)
		r |= selfmetrics_add(self, SELF_TRACE_PARENTS, kin_parent_name[how],
				     &s->parents[how]);
	r |= selfmetrics_add(self, SELF_TRACE_LATE, "", &s->late);
	r |= selfmetrics_add(self, SELF_LIMIT_REACHED, "trace_join_spans", &s->forced);
	r |= selfmetrics_add(self, SELF_LIMIT_REACHED, "trace_thread_exchanges", &s->looks_cut);
	r |= selfmetrics_add(self, SELF_LIMIT_REACHED, "trace_depth", &s->deep);
	r |= selfmetrics_add_fn(self, SELF_MEMORY, "traces", bytes, t);
	return r ? -ENOSPC : 0;
}
