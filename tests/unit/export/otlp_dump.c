/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes requests of OTLP to files, for test_otlp.py, which reads them with Google's protobuf:
 * DIRECTORY/{traces,metrics}.{pb,json}. Values: those that the script expects.
 */
#include "../telemetry/fixture.h"
#include "cleanup.h"
#include "export/otlp_metrics.h"
#include "export/otlp_spans.h"

#include <stdlib.h>

static void keep(const char *directory, const char *name, const struct otlp_writer *w)
{
	char path[4096];
	_cleanup_fclose_ FILE *file = NULL;

	assert_int_equal(w->error, 0);
	snprintf(path, sizeof(path), "%s/%s.%s", directory, name, w->json ? "json" : "pb");
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(w->p, 1, w->n, file), w->n);
}

static void fill(uint8_t *id, size_t n, uint8_t from)
{
	while (n-- > 0)
		*id++ = from++;
}

static void put_span(struct span_queue *queue, struct resource *resource, uint8_t i)
{
	static struct span span;
	uint8_t other[SPAN_TRACE_ID_LEN];

	span_init(&span);
	fill(span.trace_id, SPAN_TRACE_ID_LEN, 0xf0 - i);
	fill(span.span_id, SPAN_ID_LEN, i);
	if (i == 2)
		fill(span.parent_id, SPAN_ID_LEN, 0x80);
	span.flags = 1;
	span.parent_remote = i == 2;
	span.kind = i == 1 ? SPAN_SERVER : SPAN_CLIENT;
	span.status = i == 3 ? SPAN_ERROR : SPAN_UNSET;
	span.start_ns = 1700000000000000001ull;
	span.end_ns = 1700000001000000002ull + i;
	span.resource = resource;
	span_set_name(&span, slice_of(i == 1 ? "GET /a\"b\\\n" : "GET"));
	span_set_state(&span, slice_of(i == 2 ? "v=1" : ""));
	span_put_text(&span, "http.request.method", slice_of("GET"));
	span_put_int(&span, "http.response.status_code", i == 3 ? -5 : 200);
	span_put_text(&span, "empty", slice_of(""));
	if (i == 2)
		span_put_true(&span, "span.metrics.skip");
	fill(other, sizeof(other), 7);
	if (i == 2)
		span_put_link(&span, other, other);
	for (unsigned int n = 0; i == 3 && n < SPAN_ATTRS_MAX; n++)
		span_put_int(&span, "more", n);
	assert_int_equal(span_queue_put(queue, &span), 0);
}

static void dump_spans(const char *directory, bool json)
{
	struct otlp_spans spans = {.spans_max = 100, .bytes_max = 1 << 20};
	struct otlp_writer w = OTLP_WRITER(json, 1 << 20);
	struct resource *a = pod_resource("a"), *b = pod_resource("b");
	struct span_queue *queue;

	assert_int_equal(span_queue_new(&queue, 10, SPAN_QUEUE_BYTES_MIN), 0);
	put_span(queue, a, 1);
	put_span(queue, b, 2);
	put_span(queue, a, 3);
	otlp_spans_init(&spans, json);
	assert_int_equal(otlp_spans_take(&spans, queue, &w), 3);
	keep(directory, "traces", &w);
	assert_int_equal(otlp_spans_take(&spans, queue, &w), 0);
	assert_int_equal(span_queue_length(queue), 0);
	assert_int_equal(a->refs, 1);
	otlp_spans_free(&spans);
	otlp_free(&w);
	span_queue_free(queue);
	resource_unref(a);
	resource_unref(b);
}

static void dump_metrics(const char *directory, bool json)
{
	struct telemetry *telemetry = new_telemetry(&telemetry_defaults);
	struct otlp_metrics m = {.bytes_max = 1 << 20, .telemetry = telemetry};
	struct otlp_writer w = OTLP_WRITER(json, 1 << 20);
	struct resource *a = pod_resource("a"), *b = pod_resource("b");
	struct exchange e = served();

	telemetry_http(telemetry, a, &e, slice_of(""), SECOND);
	telemetry_http(telemetry, a, &e, slice_of(""), SECOND);
	telemetry_http(telemetry, b, &e, slice_of(""), SECOND);
	e.status = 503;
	telemetry_http(telemetry, a, &e, slice_of(""), SECOND);
	otlp_metrics_init(&m, json);
	assert_int_equal(otlp_metrics_read(&m, 4000000000000000000ull), 0);
	assert_true(otlp_metrics_next(&m, &w) > 0);
	keep(directory, "metrics", &w);
	assert_int_equal(otlp_metrics_next(&m, &w), 0);
	/* A small request holds a part; all of them hold all. */
	assert_int_equal(otlp_metrics_read(&m, 4000000000000000000ull), 0);
	m.bytes_max = 1;
	for (size_t points = m.pieces.n; points > 0; points--)
		assert_int_equal(otlp_metrics_next(&m, &w), 1);
	assert_int_equal(otlp_metrics_next(&m, &w), 0);
	otlp_metrics_free(&m);
	otlp_free(&w);
	telemetry_free(telemetry);
	resource_unref(a);
	resource_unref(b);
}

/* Two requests between services, one of them to nobody that is looked at. */
static void dump_graph(const char *directory, bool json)
{
	const struct graph_peer peer = {.service = slice_of("cart"),
					.service_namespace = slice_of("store"),
					.k8s_namespace = slice_of("kube")};
	struct telemetry_options options = telemetry_defaults;
	struct otlp_metrics m = {.bytes_max = 1 << 20, .instance = "node-1"};
	struct otlp_writer w = OTLP_WRITER(json, 1 << 20);
	struct resource *resource = pod_resource("a");
	struct exchange s = served(), c = called();
	struct attribute_source source = {resource, &s, slice_of("/a"), 0};

	options.features = TELEMETRY_SPANS | TELEMETRY_SPANS_OTEL | TELEMETRY_SPAN_SIZES |
			   TELEMETRY_GRAPH;
	options.host_info = "host";
	m.telemetry = new_telemetry(&options);
	telemetry_span(m.telemetry, &source, SECOND);
	telemetry_edge(m.telemetry, &source, &peer, SECOND);
	source.exchange = &c;
	telemetry_edge(m.telemetry, &source, &peer, SECOND);
	otlp_metrics_init(&m, json);
	assert_int_equal(otlp_metrics_read(&m, 4000000000000000000ull), 0);
	assert_true(otlp_metrics_next(&m, &w) > 0);
	keep(directory, "graph", &w);
	otlp_metrics_free(&m);
	otlp_free(&w);
	telemetry_free(m.telemetry);
	resource_unref(resource);
}

/* Durations in nanoseconds, of the exponential histogram; the script has them, too. */
static const uint64_t durations[] = {0,       1,         1000000,    1500000,
				     8000000, 250000000, 1000000000, 1000000001};

/* exponential.{pb,json}: such a histogram; exemplars.{pb,json}: one with bounds. */
static void dump_exemplars(const char *directory, bool json, bool exponential)
{
	struct telemetry_options options = telemetry_defaults;
	struct otlp_metrics m = {.bytes_max = 1 << 20, .exemplars = EXEMPLARS_SAMPLED};
	struct otlp_writer w = OTLP_WRITER(json, 1 << 20);
	struct resource *a = pod_resource("a");
	struct exchange e = served();
	struct attribute_source source = {a, &e, slice_of(""), 0};

	options.exemplars = EXEMPLARS_ALL;
	if (exponential)
		options.exponential = (struct exponential_limits){EXPONENTIAL_BUCKETS_MAX, 20};
	m.telemetry = new_telemetry(&options);
	for (size_t i = 0; i < sizeof(durations) / sizeof(*durations); i++) {
		struct telemetry_exemplar x = {.value = durations[i],
					       .time_ns = 1700000000000000000ull + i,
					       .sampled = i != 5};
		struct telemetry_place place;

		fill(x.trace_id, sizeof(x.trace_id), (uint8_t)(0x10 * i + 1));
		fill(x.span_id, sizeof(x.span_id), (uint8_t)(0x10 * i + 2));
		e.end_ns = e.start_ns + durations[i];
		telemetry_count(m.telemetry, &source, SECOND, &place);
		telemetry_exemplar(m.telemetry, &place, &x);
	}
	otlp_metrics_init(&m, json);
	assert_int_equal(otlp_metrics_read(&m, 4000000000000000000ull), 0);
	assert_true(otlp_metrics_next(&m, &w) > 0);
	keep(directory, exponential ? "exponential" : "exemplars", &w);
	otlp_metrics_free(&m);
	otlp_free(&w);
	telemetry_free(m.telemetry);
	resource_unref(a);
}

int main(int argc, char **argv)
{
	assert_int_equal(argc, 2);
	for (int json = 0; json < 2; json++) {
		dump_spans(argv[1], json);
		dump_metrics(argv[1], json);
		dump_graph(argv[1], json);
		dump_exemplars(argv[1], json, false);
		dump_exemplars(argv[1], json, true);
	}
	return 0;
}
