/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts spans into a queue from a thread of its own and sends them: otlp_spans_sent PORT COUNT QUEUE
 * PROTOCOL. At the end it prints the export's own metrics; the receiver says what came.
 */
#include "export/otlp.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static struct span_queue *queue;
static struct resource *resource;
static uint64_t count;

static void *put_spans(void *arg)
{
	static struct span span;

	(void)arg;
	for (uint64_t i = 1; i <= count; i++) {
		span_init(&span);
		memcpy(span.trace_id, &i, sizeof(i));
		memcpy(span.span_id, &i, sizeof(i));
		span.kind = SPAN_SERVER;
		span.start_ns = span.end_ns = 1700000000000000000u + i;
		span.resource = resource;
		span_set_name(&span, slice_of("GET /"));
		span_put_text(&span, "http.request.method", slice_of("GET"));
		span_queue_put(queue, &span);
	}
	return NULL;
}

static void stop(void *arg)
{
	loop_stop(arg);
}

/* What the export's own metrics say, by family and label. */
static void on_value(void *arg, const struct selfmetric_family *family, const char *label,
		     uint64_t number)
{
	(void)arg;
	printf("%s{%s} %" PRIu64 "\n", family->name, label, number);
}

static void on_family(void *arg, const struct selfmetric_family *family)
{
	(void)arg;
	(void)family;
}

int main(int argc, char **argv)
{
	const char *values[RES_COUNT] = {[RES_SERVICE_NAME] = "shop"};
	struct otlp_options options = {.batch_max = 500,
				       .batch_timeout_ms = 100,
				       .backoff = {.min_ms = 20, .max_ms = 100}};
	struct otlp_said said = {.common_protocol = argc > 4 ? argv[4] : ""};
	struct loop *loop = loop_new();
	struct selfmetrics *self = selfmetrics_new();
	char endpoint[64];
	struct otlp *otlp;
	pthread_t thread;

	if (argc != 5)
		return 2;
	snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%s", argv[1]);
	count = strtoull(argv[2], NULL, 10);
	said.common_endpoint = endpoint;
	resource = resource_new(values);
	if (otlp_options_read(options.signal, &said, NULL) ||
	    span_queue_new(&queue, (uint32_t)strtoul(argv[3], NULL, 10), SPAN_QUEUE_BYTES_MAX / 4))
		return 1;
	options.queue = queue;
	if (otlp_start(&otlp, loop, &options) || otlp_bind(otlp, self))
		return 1;
	pthread_create(&thread, NULL, put_spans, NULL);
	loop_after(loop, 400, stop, loop);
	loop_run(loop); /* some of them leave meanwhile */
	pthread_join(thread, NULL);
	loop_after(loop, 20000, stop, loop);
	otlp_finish(otlp, stop, loop);
	loop_run(loop);
	selfmetrics_each(self, &(struct selfmetrics_visitor){on_family, on_value, NULL});
	otlp_stop(otlp);
	selfmetrics_free(self);
	span_queue_free(queue);
	loop_free(loop);
	if (resource->refs != 1)
		return 1;
	resource_unref(resource);
	otlp_options_free(options.signal);
	return 0;
}
