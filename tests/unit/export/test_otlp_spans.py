#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Spans put into the queue are found at the receiver, each once, whatever it answers meanwhile:
test_otlp_spans.py RECEIVER PROTO-DIRECTORY PROGRAM."""
import json
import re
import socket
import subprocess
import sys
import time
import urllib.request

receiver, protos, program = sys.argv[1:]
failed = 0


def same(what, got, wanted):
    global failed
    if got != wanted:
        failed += 1
        print(f"not ok - {what}\n  got    {got!r}\n  wanted {wanted!r}")


def ask(port, path, data=None):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data) as answer:
        return answer.read()


def run(what, behaviour, count=5000, queue=10000, protocol="http/protobuf"):
    """Returns the receiver's state and the program's metrics."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with subprocess.Popen([sys.executable, receiver, str(port), protos]) as server:
        try:
            for _ in range(200):
                try:
                    ask(port, "/state")
                    break
                except OSError:
                    time.sleep(0.05)
            ask(port, "/behave", json.dumps(behaviour).encode())
            done = subprocess.run([program, str(port), str(count), str(queue), protocol], capture_output=True, text=True)
            same(f"{what}: the program's status", done.returncode, 0)
            state = json.loads(ask(port, "/state"))
        finally:
            server.terminate()
    metrics = {k: int(v) for k, v in re.findall(r"keyhole_otlp_(\S+) (\d+)", done.stdout)}
    same(f"{what}: faults", state["faults"], [])
    return state, metrics


def ids(count):
    return sorted(i.to_bytes(8, "little").hex() for i in range(1, count + 1))


for name, behaviour in (("well", {}), ("429", {"status": 429, "headers": {"Retry-After": "1"}, "times": 1}),
                        ("503", {"status": 503, "times": 3}), ("502", {"status": 502, "times": 1}),
                        ("504", {"status": 504, "times": 1}), ("garbage", {"raw": "?\r\n", "times": 2}),
                        ("a page", {"body": "<html>", "type": "text/html", "times": 2}),
                        ("slow", {"delay": 0.5, "times": 2})):
    state, metrics = run(name, behaviour)
    same(f"{name}: each span came", sorted(state["spans"]), ids(5000))
    same(f"{name}: once", max(state["spans"].values()), 1)
    same(f"{name}: they are counted", metrics["items_sent{traces}"], 5000)
    same(f"{name}: none waits", metrics["queue_spans{}"], 0)
    same(f"{name}: none was dropped", sum(v for k, v in metrics.items() if k.startswith("spans_dropped")), 0)
    if name == "429":
        first, second = state["arrivals"][:2]
        same("Retry-After is honoured", second - first >= 1, True)

state, metrics = run("JSON", {}, protocol="http/json")
same("JSON: each span came", sorted(state["spans"]), ids(5000))
same("JSON: it was JSON", list(state["types"]), ["application/json"])

for status in (400, 401, 413, 500):
    state, metrics = run(str(status), {"status": status, "times": 1})
    same(f"{status}: is not sent again", metrics["retries{traces}"], 0)
    same(f"{status}: what was refused is counted", metrics["spans_dropped{refused}"], 5000 - len(state["spans"]))
    same(f"{status}: and only that", 0 < metrics["spans_dropped{refused}"] <= 500, True)

# ExportTraceServiceResponse{partial_success{rejected_spans 3, error_message "no"}}
state, metrics = run("partial", {"body": "\x0a\x06\x08\x03\x12\x02no", "type": "application/x-protobuf", "times": 1})
same("partial: nothing is sent again", (metrics["retries{traces}"], max(state["spans"].values())), (0, 1))
same("partial: what was rejected is counted", metrics["spans_dropped{rejected}"], 3)
same("partial: the others, too", metrics["items_sent{traces}"], 4997)

state, metrics = run("a full queue", {"status": 503, "times": 1}, count=20000, queue=1000)
dropped = metrics["spans_dropped{queue_full}"]
same("a full queue: some were dropped", 0 < dropped < 20000, True)
same("a full queue: all others came", len(state["spans"]), 20000 - dropped)
print("failed" if failed else "ok")
sys.exit(1 if failed else 0)
