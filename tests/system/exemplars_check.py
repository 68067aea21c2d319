#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds exemplars and exponential histograms against the spans that a receiver of OTLP kept:
exemplars_check.py WHAT SPANS-FILE PORT < JSON; PORT is the server's.

prometheus: the answer of /api/v1/query_exemplars. Prints how many exemplars there are, and wrong ones.
otlp: the receiver's state. Likewise, of the points.
exponential: the receiver's state. Prints how many durations there are, and what the histograms, computed
from the spans, have otherwise.
"""
import json
import sys
from collections import Counter
from fractions import Fraction

what, path, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
SIDES = {"server": 2, "client": 3}
spans = [json.loads(line) for line in open(path) if line.endswith("\n")]
by_id = {span["id"]: span for span in spans}
answer = json.load(sys.stdin)
wrong, found = [], 0


def judge(side, trace, span_id, value, status):
    global found
    found += 1
    span = by_id.get(span_id)
    if not span or span["trace"] != trace or span["kind"] != SIDES[side]:
        wrong.append(f"no such span of a {side}: {trace} {span_id}")
    elif abs((span["end"] - span["start"]) / 1e9 - value) > 1e-12:
        wrong.append(f"a span of {span['end'] - span['start']} ns has {value}")
    elif int(span["attributes"]["http.response.status_code"]) != int(status):
        wrong.append(f"{span_id} is of another series")


def index(nanoseconds, scale):
    """Exact: base^i < x <= base^(i + 1), raised to whole numbers."""
    x, n = Fraction(nanoseconds, 10**9) ** 2**scale, 0
    n = x.numerator.bit_length() - x.denominator.bit_length()
    while Fraction(2) ** n < x:
        n += 1
    while Fraction(2) ** (n - 1) >= x:
        n -= 1
    return n - 1


def points(side):
    return [p for p in answer["points"].values() if p["name"] == f"http.{side}.request.duration" and
            p["labels"].get("server.port") == port]


if what == "prometheus":
    for series in answer["data"]:
        labels = series["seriesLabels"]
        for e in series["exemplars"]:
            judge(labels["__name__"].split("_")[1], e["labels"]["trace_id"], e["labels"]["span_id"], float(e["value"]),
                  labels["http_response_status_code"])
            if float(e["value"]) > float(labels["le"]):
                wrong.append(f"{e['value']} in the bucket of {labels['le']}")
elif what == "otlp":
    for side in SIDES:
        for point in points(side):
            for trace, span_id, value in point["exemplars"]:
                judge(side, trace, span_id, value, point["labels"]["http.response.status_code"])
else:
    for side, kind in SIDES.items():
        for point in points(side):
            status = point["labels"]["http.response.status_code"]
            ns = [s["end"] - s["start"] for s in spans
                  if s["kind"] == kind and s["attributes"].get("server.port") == port and
                  s["attributes"].get("http.response.status_code") == status]
            found += len(ns)
            has = Counter({point["offset"] + i: n for i, n in enumerate(point["counts"]) if n})
            wants = Counter(index(d, point["scale"]) for d in ns)
            if has != wants:
                wrong.append(f"{side} {status} at scale {point['scale']}: {has - wants} instead of {wants - has}")
            finer = index(max(ns), point["scale"] + 1) - index(min(ns), point["scale"] + 1) + 1
            if finer <= 160:
                wrong.append(f"{side} {status}: scale {point['scale']} is lower than needed")
            if abs(point["sum"] - sum(ns) / 1e9) > 1e-9:
                wrong.append(f"{side} {status}: sum {point['sum']}, not {sum(ns) / 1e9}")
print(found, "wrong:", wrong[:5] if wrong else "none")
