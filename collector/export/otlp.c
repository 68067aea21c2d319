/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_MODULE "otlp"
#include "otlp.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* How often the queue is looked at: the intake wakes nobody for a span. */
#define LOOK_MS 200

struct otlp {
	struct loop *loop;
	struct otlp_options options;
	struct otlp_spans spans;
	struct otlp_metrics metrics;
	struct otlp_sender *sender[OTLP_SIGNALS];
	uint64_t batch_due_ns; /* spans wait no longer than this; 0: none waits */
	bool due;              /* of metrics: the interval is over */
	bool reading;          /* a reading is not sent out yet */
	bool finishing;
	void (*done)(void *arg);
	void *done_arg;
};

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- spans ---- */

static int next_spans(void *arg, struct otlp_writer *w)
{
	struct otlp *o = arg;
	uint64_t lost = o->spans.lost;
	int n = otlp_spans_take(&o->spans, o->options.queue, w);

	o->batch_due_ns = 0;
	atomic_fetch_add_explicit(&otlp_sender_stats(o->sender[OTLP_TRACES])->unsent,
				  o->spans.lost - lost, memory_order_relaxed);
	return n;
}

static bool more_spans(void *arg)
{
	struct otlp *o = arg;
	uint64_t waiting = span_queue_length(o->options.queue);

	return waiting >= (o->finishing ? 1 : o->options.batch_max);
}

static void look(void *arg)
{
	struct otlp *o = arg;
	uint64_t waiting = span_queue_length(o->options.queue), now = loop_now_ns();

	loop_after(o->loop, LOOK_MS, look, o);
	if (!waiting)
		return;
	if (!o->batch_due_ns)
		o->batch_due_ns = now + o->options.batch_timeout_ms * 1000000;
	if (waiting >= o->options.batch_max || now >= o->batch_due_ns)
		otlp_sender_kick(o->sender[OTLP_TRACES]);
}

/* ---- metrics ---- */

static int next_points(void *arg, struct otlp_writer *w)
{
	struct otlp *o = arg;
	int n = 0;

	if (!o->reading && o->due) {
		o->due = false;
		n = otlp_metrics_read(&o->metrics, wall_ns());
		o->reading = !n;
	}
	if (o->reading)
		n = otlp_metrics_next(&o->metrics, w);
	if (n > 0)
		return n;
	o->reading = false;
	otlp_metrics_free(&o->metrics); /* nothing of it is kept for a minute */
	otlp_metrics_init(&o->metrics, o->options.signal[OTLP_METRICS].json);
	return n;
}

static bool more_points(void *arg)
{
	struct otlp *o = arg;

	return o->reading || o->due;
}

/* Sums are cumulative: a newer reading holds all that an older one did. */
static bool newer_points(void *arg)
{
	struct otlp *o = arg;

	if (!o->due)
		return false;
	o->reading = false;
	return true;
}

static void on_interval(void *arg)
{
	struct otlp *o = arg;

	loop_after(o->loop, o->options.interval_ms, on_interval, o);
	o->due = true;
	otlp_sender_kick(o->sender[OTLP_METRICS]);
}

/* ---- all ---- */

static int start_spans(struct otlp *o)
{
	struct otlp_source source = {.items = "spans", next_spans, more_spans, NULL, o};

	if (!o->options.queue || !o->options.signal[OTLP_TRACES].url)
		return 0;
	o->spans = (struct otlp_spans){.extras = o->options.extras,
				       .spans_max = o->options.batch_max,
				       .bytes_max = OTLP_REQUEST_BYTES};
	otlp_spans_init(&o->spans, o->options.signal[OTLP_TRACES].json);
	o->sender[OTLP_TRACES] = otlp_sender_new(o->loop, &o->options.signal[OTLP_TRACES], &source,
						 &o->options.backoff);
	if (!o->sender[OTLP_TRACES])
		return -ENOMEM;
	return loop_after(o->loop, LOOK_MS, look, o);
}

static int start_metrics(struct otlp *o)
{
	struct otlp_source source = {.items = "points", next_points, more_points, newer_points, o};

	if (!o->options.telemetry || !o->options.signal[OTLP_METRICS].url)
		return 0;
	o->metrics = (struct otlp_metrics){.extras = o->options.extras,
					   .semconv = o->options.semconv,
					   .exemplars = o->options.exemplars,
					   .bytes_max = OTLP_REQUEST_BYTES,
					   .telemetry = o->options.telemetry,
					   .instance = o->options.instance};
	otlp_metrics_init(&o->metrics, o->options.signal[OTLP_METRICS].json);
	o->sender[OTLP_METRICS] = otlp_sender_new(o->loop, &o->options.signal[OTLP_METRICS],
						  &source, &o->options.backoff);
	if (!o->sender[OTLP_METRICS])
		return -ENOMEM;
	return loop_after(o->loop, o->options.interval_ms, on_interval, o);
}

int otlp_start(struct otlp **out, struct loop *loop, const struct otlp_options *options)
{
	struct otlp *o = calloc(1, sizeof(*o));
	int r;

	*out = o;
	if (!o)
		return -ENOMEM;
	o->loop = loop;
	o->options = *options;
	r = start_spans(o);
	return r ? r : start_metrics(o);
}

static void check_done(void *arg)
{
	struct otlp *o = arg;

	for (int i = 0; i < OTLP_SIGNALS; i++) {
		if (o->sender[i] && !otlp_sender_idle(o->sender[i]))
			return;
	}
	if (o->done)
		o->done(o->done_arg);
	o->done = NULL;
}

void otlp_finish(struct otlp *o, void (*done)(void *arg), void *arg)
{
	o->finishing = o->due = true;
	o->done = done;
	o->done_arg = arg;
	loop_cancel(o->loop, look, o);
	loop_cancel(o->loop, on_interval, o);
	for (int i = 0; i < OTLP_SIGNALS; i++) {
		if (!o->sender[i])
			continue;
		otlp_sender_on_idle(o->sender[i], check_done, o);
		otlp_sender_hurry(o->sender[i]);
		otlp_sender_kick(o->sender[i]);
	}
	check_done(o);
}

void otlp_stop(struct otlp *o)
{
	if (!o)
		return;
	loop_cancel(o->loop, look, o);
	loop_cancel(o->loop, on_interval, o);
	for (int i = 0; i < OTLP_SIGNALS; i++)
		otlp_sender_free(o->sender[i]);
	otlp_spans_free(&o->spans);
	otlp_metrics_free(&o->metrics);
	free(o);
}

static uint64_t queued(void *arg)
{
	return span_queue_length(arg);
}

static int bind_signal(struct otlp *o, enum otlp_signal signal, struct selfmetrics *self)
{
	static const char *const word[OTLP_SIGNALS] = {"traces", "metrics"};
	struct otlp_stats *s = otlp_sender_stats(o->sender[signal]);
	enum selfmetric dropped =
		signal == OTLP_TRACES ? SELF_OTLP_SPANS_DROPPED : SELF_OTLP_POINTS_DROPPED;

	return selfmetrics_add(self, SELF_OTLP_REQUESTS, word[signal], &s->requests) |
	       selfmetrics_add(self, SELF_OTLP_FAILURES, word[signal], &s->failures) |
	       selfmetrics_add(self, SELF_OTLP_RETRIES, word[signal], &s->retries) |
	       selfmetrics_add(self, SELF_OTLP_GARBAGE, word[signal], &s->garbage) |
	       selfmetrics_add(self, SELF_OTLP_SENT, word[signal], &s->sent) |
	       selfmetrics_add(self, dropped, "refused", &s->refused) |
	       selfmetrics_add(self, dropped, "rejected", &s->rejected) |
	       selfmetrics_add(self, dropped, "given_up", &s->given_up) |
	       selfmetrics_add(self, dropped, "unsent", &s->unsent);
}

int otlp_bind(struct otlp *o, struct selfmetrics *self)
{
	int r = 0;

	for (int i = 0; i < OTLP_SIGNALS; i++) {
		if (o->sender[i])
			r |= bind_signal(o, (enum otlp_signal)i, self);
	}
	if (o->sender[OTLP_TRACES])
		r |= selfmetrics_add(self, SELF_OTLP_SPANS_DROPPED, "queue_full",
				     &span_queue_stats(o->options.queue)->dropped_full) |
		     selfmetrics_add_fn(self, SELF_OTLP_QUEUE, "", queued, o->options.queue);
	return r ? -ENOSPC : 0;
}
