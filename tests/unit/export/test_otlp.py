#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What otlp_dump writes is OTLP, read with Google's protobuf: test_otlp.py PROTO-DIRECTORY DUMP."""
import json
import os
import subprocess
import sys
import tempfile
from fractions import Fraction

from google.protobuf import json_format

protos, dump = sys.argv[1:]
scratch = tempfile.TemporaryDirectory()
subprocess.run(["protoc", "-I", protos, "--python_out", scratch.name, "otlp.proto"], check=True)
subprocess.run([dump, scratch.name], check=True)
sys.path.insert(0, scratch.name)
import otlp_pb2  # noqa: E402

failed = 0


def same(what, got, wanted):
    global failed
    if got != wanted:
        failed += 1
        print(f"not ok - {what}\n  got    {got!r}\n  wanted {wanted!r}")


def read(name, message):
    """The message, the same from protobuf and from JSON, which has ids in hexadecimal."""
    with open(f"{scratch.name}/{name}.pb", "rb") as file:
        message.ParseFromString(file.read())
    same(f"{name}: no unknown field", unknown(message), [])
    with open(f"{scratch.name}/{name}.json", "rb") as file:
        written = json.load(file)
    other = json_format.ParseDict(ids_as_base64(written), type(message)())
    if name != "traces":  # each reading has its own times of begin
        for m in (message, other):
            for point in (p for p in points(m) if p.start_time_unix_nano):
                same("a point begins before it is read", 1.7e18 < point.start_time_unix_nano < 4e18, True)
                point.start_time_unix_nano = 0
    same(f"{name}: JSON says the same", other, message)
    return message


def unknown(message, path=""):
    found = [f"{path}.{f.field_number}" for f in message.UnknownFields()]
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for item in value if field.label == field.LABEL_REPEATED else [value]:
                found += unknown(item, f"{path}.{field.name}")
    return found


def ids_as_base64(value):
    import base64
    if isinstance(value, list):
        return [ids_as_base64(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: base64.b64encode(bytes.fromhex(v)).decode() if k in ("traceId", "spanId", "parentSpanId")
            else ids_as_base64(v) for k, v in value.items()}


def attrs(of):
    kinds = {"string_value": str, "int_value": int, "bool_value": bool}
    names = [a.key for a in of.attributes]
    same("names of attributes are unique", len(set(names)), len(names) if "more" not in names else len(set(names)))
    return {a.key: kinds[a.value.WhichOneof("value")](getattr(a.value, a.value.WhichOneof("value")))
            for a in of.attributes}


def points(request):
    for resource in request.resource_metrics:
        for metric in resource.scope_metrics[0].metrics:
            data = getattr(metric, metric.WhichOneof("data"))
            yield from data.data_points


def ident(start, n):
    return bytes((start + i) & 255 for i in range(n))


# ---- traces ----

request = read("traces", otlp_pb2.ExportTraceServiceRequest())
same("one ResourceSpans for each resource", len(request.resource_spans), 2)
first, second = request.resource_spans
resource = attrs(first.resource)
same("service", (resource["service.name"], resource["service.namespace"], resource["service.version"]),
     ("shop", "prod", "1.2"))
same("instance", resource["service.instance.id"], "a")
same("pod", (resource["k8s.pod.name"], resource["k8s.deployment.name"]), ("a", "shop"))
same("sdk", (resource["telemetry.sdk.name"], resource["os.type"]), ("keyhole", "linux"))
same("no job", "job" in resource, False)
same("the other", attrs(second.resource)["k8s.pod.name"], "b")
same("scope", first.scope_spans[0].scope.name, "keyhole")
one, three = first.scope_spans[0].spans
two = second.scope_spans[0].spans[0]
same("trace id", one.trace_id, ident(0xef, 16))
same("span id", one.span_id, ident(1, 8))
same("no parent", one.parent_span_id, b"")
same("name", one.name, 'GET /a"b\\\ufffd')
same("kinds", (one.kind, two.kind), (2, 3))
same("times", (one.start_time_unix_nano, one.end_time_unix_nano), (1700000000000000001, 1700000001000000003))
same("attributes", attrs(one), {"http.request.method": "GET", "http.response.status_code": 200})
same("status", (one.HasField("status"), three.status.code), (False, 2))
same("parent", two.parent_span_id, ident(0x80, 8))
same("state", two.trace_state, "v=1")
same("flags", (one.flags, two.flags), (0x101, 0x301))
same("link", [(link.trace_id, link.span_id) for link in two.links], [(ident(7, 16), ident(7, 8))])
same("a negative number", attrs(three)["http.response.status_code"], -5)
same("a truth", attrs(two)["span.metrics.skip"], True)
same("attributes beyond the limit", (len(three.attributes), three.dropped_attributes_count), (32, 2))

# ---- metrics ----

request = read("metrics", otlp_pb2.ExportMetricsServiceRequest())
same("one ResourceMetrics for each target", len(request.resource_metrics), 2)
resource = attrs(request.resource_metrics[0].resource)
same("what target_info has is there", (resource["service.version"], resource["host.name"], resource["os.type"]),
     ("1.2", "node-1", "linux"))
same("what series have is there", (resource["service.name"], resource["service.instance.id"],
                                   resource["k8s.deployment.name"]), ("shop", "a", "shop"))
metrics = {m.name: m for m in request.resource_metrics[0].scope_metrics[0].metrics}
same("names", sorted(metrics), ["http.server.request.body.size", "http.server.request.duration",
                                "http.server.response.body.size"])
duration = metrics["http.server.request.duration"]
same("units", (duration.unit, metrics["http.server.request.body.size"].unit), ("s", "By"))
same("cumulative", duration.histogram.aggregation_temporality, 2)
found = {attrs(p)["http.response.status_code"]: p for p in duration.histogram.data_points}
same("statuses", sorted(found), [200, 503])
point = found[200]
same("attributes of a point", attrs(point), {"http.request.method": "GET", "http.response.status_code": 200,
                                             "url.scheme": "http", "server.port": 8080})
same("count and sum", (point.count, round(point.sum, 9)), (2, 0.024))
same("bounds", list(point.explicit_bounds)[:4], [0, 0.005, 0.01, 0.025])
same("buckets", list(point.bucket_counts)[:5], [0, 0, 0, 2, 0])
same("buckets are one more than bounds", len(point.bucket_counts), len(point.explicit_bounds) + 1)
same("time", point.time_unix_nano, 4000000000000000000)

# ---- the service graph ----

request = read("graph", otlp_pb2.ExportMetricsServiceRequest())
own, spans = {}, {}
for r in request.resource_metrics:
    service = attrs(r.resource)
    if service["service.name"] == "keyhole":
        same("Keyhole's instance", service, {"service.name": "keyhole", "service.instance.id": "node-1"})
    (own if service["service.name"] == "keyhole" else spans).update({m.name: m for m in r.scope_metrics[0].metrics})
same("what belongs to no service is Keyhole's own", sorted(own), [
    "traces_host_info", "traces_service_graph_request_client", "traces_service_graph_request_failed_total",
    "traces_service_graph_request_server", "traces_service_graph_request_total"])
same("names of spans' metrics", sorted(spans), [
    "traces_span_metrics_calls", "traces_span_metrics_duration", "traces_spanmetrics_calls_total",
    "traces_spanmetrics_latency", "traces_spanmetrics_response_size_total", "traces_spanmetrics_size_total",
    "traces_target_info"])
total = own["traces_service_graph_request_total"]
same("a total is a growing sum", (total.sum.is_monotonic, total.sum.aggregation_temporality), (True, 2))
same("its edges", [(attrs(p)["client"], attrs(p)["client.k8s.namespace.name"], attrs(p)["server"],
                    attrs(p).get("connection.type"), p.as_int) for p in total.sum.data_points],
     [("cart", "kube", "shop", None, 1), ("shop", "prod", "cart", "virtual_node", 1)])
same("a unit is only there where the name will end in it", [m.unit for m in (
    own["traces_service_graph_request_client"], spans["traces_span_metrics_duration"],
    spans["traces_spanmetrics_latency"], spans["traces_spanmetrics_size_total"], spans["traces_target_info"])],
     ["s", "s", "", "1", ""])
same("infos are gauges of 1", (own["traces_host_info"].gauge.data_points[0].as_int,
                               attrs(own["traces_host_info"].gauge.data_points[0])), (1, {"grafana.host.id": "host"}))
same("spans' names", attrs(spans["traces_spanmetrics_calls_total"].sum.data_points[0]), {
    "span.name": "GET /a", "span.kind": "SPAN_KIND_SERVER", "status.code": "STATUS_CODE_UNSET", "source": "keyhole"})

# ---- exemplars ----

NANOSECONDS = [0, 1, 1000000, 1500000, 8000000, 250000000, 1000000000, 1000000001]


def exemplars(point):
    return [(e.trace_id, e.span_id, e.as_double, e.time_unix_nano) for e in point.exemplars]


def exemplar(i):
    return ident(0x10 * i + 1, 16), ident(0x10 * i + 2, 8), NANOSECONDS[i] / 1e9, 1700000000000000000 + i


# Of four ranges of the 16 buckets the newest each; the one of 0.25 s is not sampled, and hides none.
request = read("exemplars", otlp_pb2.ExportMetricsServiceRequest())
metrics = {m.name: m for m in request.resource_metrics[0].scope_metrics[0].metrics}
point, = metrics["http.server.request.duration"].histogram.data_points
same("exemplars", exemplars(point), [exemplar(4), exemplar(7)])
point, = metrics["http.server.response.body.size"].histogram.data_points
same("sizes have none", exemplars(point), [])

# ---- exponential histograms ----

request = read("exponential", otlp_pb2.ExportMetricsServiceRequest())
metrics = {m.name: m for m in request.resource_metrics[0].scope_metrics[0].metrics}
same("all histograms are exponential", {m.WhichOneof("data") for m in metrics.values()}, {"exponential_histogram"})
duration = metrics["http.server.request.duration"].exponential_histogram
same("cumulative", duration.aggregation_temporality, 2)
point, = duration.data_points
same("count, zeros and sum", (point.count, point.zero_count, point.sum),
     (len(NANOSECONDS), 1, sum(NANOSECONDS) / 1e9))
same("no negative ones", point.HasField("negative"), False)
same("exemplars, too", exemplars(point), [exemplar(4), exemplar(7)])
same("attributes", attrs(point)["server.port"], 8080)


def index(nanoseconds, scale):
    """Exact, for a scale that is small: base^i < x <= base^(i + 1), raised to whole numbers."""
    x, n = Fraction(nanoseconds, 10**9) ** 2**scale, 0
    while Fraction(2) ** n < x:
        n += 1
    while Fraction(2) ** (n - 1) >= x:
        n -= 1
    return n - 1


same("the scale is as fine as 160 buckets allow",
     [index(1000000001, s) - index(1, s) < 160 for s in (point.scale, point.scale + 1)], [True, False])
counts = [0] * (index(1000000001, point.scale) - index(1, point.scale) + 1)
for ns in NANOSECONDS[1:]:
    counts[index(ns, point.scale) - index(1, point.scale)] += 1
same("the first bucket", point.positive.offset, index(1, point.scale))
same("buckets", list(point.positive.bucket_counts), counts)
point, = metrics["http.server.response.body.size"].exponential_histogram.data_points
same("of one value the scale stays", (point.scale, point.count, point.sum), (20, 8, 12000))
same("its bucket", (2 ** (point.positive.offset / 2**20) < 1500 <= 2 ** ((point.positive.offset + 1) / 2**20),
                    list(point.positive.bucket_counts)), (True, [8]))
print("failed" if failed else "ok")
sys.exit(1 if failed else 0)
