#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A receiver of OTLP that misbehaves when told: otlp_receiver.py PORT PROTO-DIRECTORY [SPANS-FILE].

It decodes with Google's protobuf, refuses what is not to the specification (and remembers why), and
keeps what came; spans also in SPANS-FILE, a line of JSON each. POST /behave tells how it answers from then on, as JSON: {"status": 429, "headers":
{...}, "body": "...", "delay": SECONDS, "times": N}; {} is well again. GET /state tells, as JSON:
requests, faults, spans by id (how often each came), points of the newest metrics (an exponential
histogram whole), kinds of bodies.
"""
import base64
import gzip
import json
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format

port, protos = int(sys.argv[1]), sys.argv[2]
spans_file = open(sys.argv[3], "a", buffering=1) if len(sys.argv) > 3 else None
scratch = tempfile.TemporaryDirectory()
subprocess.run(["protoc", "-I", protos, "--python_out", scratch.name, "otlp.proto"], check=True)
sys.path.insert(0, scratch.name)
import otlp_pb2  # noqa: E402

lock = threading.Lock()
behaviour = {}
state = {"requests": 0, "accepted": 0, "faults": [], "spans": {}, "points": {}, "types": {}, "arrivals": [],
         "resources": {}, "headers": {}}
HISTOGRAMS = ("histogram", "exponential_histogram")
SIGNALS = {"/v1/traces": (otlp_pb2.ExportTraceServiceRequest, otlp_pb2.ExportTraceServiceResponse),
           "/v1/metrics": (otlp_pb2.ExportMetricsServiceRequest, otlp_pb2.ExportMetricsServiceResponse)}


def fault(text):
    state["faults"].append(text)


def check(good, text):
    if not good:
        fault(text)


def has_unknown(message):
    if len(message.UnknownFields()):
        return True
    return any(has_unknown(item)
               for field, value in message.ListFields() if field.type == field.TYPE_MESSAGE
               for item in (value if field.label == field.LABEL_REPEATED else [value]))


def attributes(of, what):
    found = {}
    for attribute in of.attributes:
        kind = attribute.value.WhichOneof("value")
        check(kind, f"{what}: attribute {attribute.key} has no value")
        check(attribute.key and attribute.key not in found, f"{what}: attribute {attribute.key} twice, or none")
        found[attribute.key] = getattr(attribute.value, kind) if kind else None
    return found


def take_spans(request):
    check(request.resource_spans, "an envelope without spans")
    for resource_spans in request.resource_spans:
        resource = attributes(resource_spans.resource, "resource")
        check(resource.get("service.name"), "a resource without service.name")
        for span in (s for scope in resource_spans.scope_spans for s in scope.spans):
            check(len(span.trace_id) == 16 and any(span.trace_id), "trace id")
            check(len(span.span_id) == 8 and any(span.span_id), "span id")
            check(len(span.parent_span_id) in (0, 8), "parent id")
            check(span.name, "a span without name")
            check(1 <= span.kind <= 5 and 0 <= span.status.code <= 2, "kind or status")
            check(0 < span.start_time_unix_nano <= span.end_time_unix_nano, "times of a span")
            keep_span(span, resource, attributes(span, "span"))
            name = span.span_id.hex()
            state["spans"][name] = state["spans"].get(name, 0) + 1


def keep_span(span, resource, found):
    if spans_file:
        spans_file.write(json.dumps({
            "trace": span.trace_id.hex(), "id": span.span_id.hex(), "parent": span.parent_span_id.hex(),
            "name": span.name, "kind": span.kind, "status": span.status.code, "state": span.trace_state,
            "start": span.start_time_unix_nano, "end": span.end_time_unix_nano, "flags": span.flags,
            "attributes": found, "resource": resource,
            "links": [[link.trace_id.hex(), link.span_id.hex()] for link in span.links]}) + "\n")


def check_histogram(name, point):
    bounds = list(point.explicit_bounds)
    check(len(point.bucket_counts) == len(bounds) + 1, f"{name}: buckets are not one more than bounds")
    check(sum(point.bucket_counts) == point.count, f"{name}: buckets do not add up")
    check(bounds == sorted(set(bounds)), f"{name}: bounds do not ascend")
    check(point.HasField("sum"), f"{name}: no sum")


def check_exponential(name, point):
    counts = list(point.positive.bucket_counts)
    check(-10 <= point.scale <= 20 and len(counts) <= 160, f"{name}: scale {point.scale}, {len(counts)} buckets")
    check(sum(counts) + point.zero_count == point.count, f"{name}: buckets do not add up")
    check(not counts or counts[0] and counts[-1], f"{name}: empty buckets at an end")
    check(point.HasField("sum") and not point.HasField("negative"), f"{name}: no sum, or negative values")


def check_exemplars(name, point):
    for exemplar in point.exemplars:
        check(len(exemplar.trace_id) == 16 and any(exemplar.trace_id), f"{name}: trace id of an exemplar")
        check(len(exemplar.span_id) == 8 and any(exemplar.span_id), f"{name}: span id of an exemplar")
        check(exemplar.HasField("as_double") and 0 < exemplar.time_unix_nano <= point.time_unix_nano,
              f"{name}: an exemplar without value or time")


def take_points(request):
    check(request.resource_metrics, "an envelope without metrics")
    for resource_metrics in request.resource_metrics:
        resource = attributes(resource_metrics.resource, "resource")
        service = resource.get("service.name", "")
        state["resources"][service] = resource
        for metric in (m for scope in resource_metrics.scope_metrics for m in scope.metrics):
            kind = metric.WhichOneof("data")
            check(kind, f"{metric.name}: no data")
            data = getattr(metric, kind)
            check(data.data_points, f"{metric.name}: empty")
            check(kind == "gauge" or data.aggregation_temporality == 2, f"{metric.name}: not cumulative")
            for point in data.data_points:
                check((kind == "gauge" or 0 < point.start_time_unix_nano) and
                      point.start_time_unix_nano <= point.time_unix_nano, f"{metric.name}: times")
                if kind == "histogram":
                    check_histogram(metric.name, point)
                if kind == "exponential_histogram":
                    check_exponential(metric.name, point)
                if kind in HISTOGRAMS:
                    check_exemplars(metric.name, point)
                take_point(service, resource, metric.name, kind, point)


def take_point(service, resource, name, kind, point):
    labels = attributes(point, name)
    key = json.dumps([name, service, resource.get("service.instance.id"), labels], sort_keys=True)
    value = point.count if kind in HISTOGRAMS else getattr(point, point.WhichOneof("value") or "as_int")
    before = state["points"].get(key)
    if before and before["start"] == point.start_time_unix_nano:
        check((kind == "gauge" or value >= before["value"]) and point.time_unix_nano > before["time"], f"{key}: from {before} to {value} at {point.time_unix_nano}")
    state["points"][key] = {"name": name, "service": service, "labels": labels, "value": value,
                            "start": point.start_time_unix_nano, "time": point.time_unix_nano}
    if kind in HISTOGRAMS:
        state["points"][key]["exemplars"] = [[e.trace_id.hex(), e.span_id.hex(), e.as_double] for e in point.exemplars]
    if kind == "exponential_histogram":
        state["points"][key].update(scale=point.scale, zeros=point.zero_count, sum=point.sum,
                                    offset=point.positive.offset, counts=list(point.positive.bucket_counts))


def ids_as_base64(value):
    if isinstance(value, list):
        return [ids_as_base64(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: base64.b64encode(bytes.fromhex(v)).decode() if k in ("traceId", "spanId", "parentSpanId")
            else ids_as_base64(v) for k, v in value.items()}


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", content_type="application/json", headers=None):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        with lock:
            self.answer(200, json.dumps(state).encode())

    def do_POST(self):
        global behaviour
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/behave":
            with lock:
                behaviour = json.loads(body)
            self.answer(200)
            return
        with lock:
            state["requests"] += 1
            state["arrivals"].append(time.monotonic())
            how = dict(behaviour)
            if "times" in behaviour:
                behaviour["times"] -= 1
                if behaviour["times"] <= 0:
                    behaviour = {}
        if how.get("delay"):
            time.sleep(how["delay"])
        if "raw" in how:
            self.wfile.write(how["raw"].encode())
            self.close_connection = True
            return
        if how.get("status", 200) != 200:
            self.answer(how["status"], how.get("body", "").encode(), headers=how.get("headers"))
            return
        with lock:
            if how.get("type") != "text/html":  # that is somebody else's answer
                self.take(body)
        if "body" in how:
            self.answer(200, how["body"].encode(), how.get("type", "text/plain"))
        else:
            self.answer(200, b"{}" if self.is_json() else b"", self.headers["Content-Type"])

    def is_json(self):
        return self.headers["Content-Type"] == "application/json"

    def take(self, body):
        state["types"][self.headers["Content-Type"]] = state["types"].get(self.headers["Content-Type"], 0) + 1
        state["headers"] = dict(self.headers.items())
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        if self.path not in SIGNALS:
            fault(f"path {self.path}")
            return
        check(len(body) <= 4 << 20, "more than receivers take")
        request = SIGNALS[self.path][0]()
        try:
            if self.is_json():
                json_format.ParseDict(ids_as_base64(json.loads(body)), request)
            else:
                request.ParseFromString(body)
        except Exception as e:  # whatever is wrong is a fault of the sender
            fault(f"not to be decoded: {e}")
            return
        check(not has_unknown(request), "fields that OTLP has not")
        state["accepted"] += 1
        (take_spans if self.path == "/v1/traces" else take_points)(request)


ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()
