#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A web server that exports by itself: otlp_workload.py PORT RECEIVER-PORT PROTO-DIRECTORY.

GET /export/traces and /export/metrics have it send a span, or a point, by OTLP to the receiver before
it answers; any other path is answered at once.
"""
import http.client
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

port, receiver, protos = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
scratch = tempfile.TemporaryDirectory()
subprocess.run(["protoc", "-I", protos, "--python_out", scratch.name, "otlp.proto"], check=True)
sys.path.insert(0, scratch.name)
import otlp_pb2  # noqa: E402


def attribute(to, key, value):
    one = to.attributes.add()
    one.key = key
    one.value.string_value = value


def a_span(now):
    request = otlp_pb2.ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    attribute(resource.resource, "service.name", "own")
    span = resource.scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name, span.kind = bytes([1] * 16), bytes([2] * 8), "own", 2
    span.start_time_unix_nano, span.end_time_unix_nano = now - 1000, now
    return request


def a_point(now):
    request = otlp_pb2.ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    attribute(resource.resource, "service.name", "own")
    metric = resource.scope_metrics.add().metrics.add()
    metric.name, metric.unit = "own", "1"
    metric.sum.aggregation_temporality, metric.sum.is_monotonic = 2, True
    point = metric.sum.data_points.add()
    point.start_time_unix_nano, point.time_unix_nano, point.as_int = now - 1000, now, 1
    return request


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/export/"):
            signal = self.path.rsplit("/", 1)[1]
            body = (a_span if signal == "traces" else a_point)(time.time_ns()).SerializeToString()
            connection = http.client.HTTPConnection("127.0.0.1", receiver)
            connection.request("POST", "/v1/" + signal, body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            print(signal, answer.status, flush=True)
            answer.read()
            connection.close()
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *args):
        pass


HTTPServer(("127.0.0.1", port), Handler).serve_forever()
