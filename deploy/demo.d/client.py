#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The demo's client: the same thirteen requests, round after round, each of them counted.

    client.py CHECKOUT_PORT CATALOG_PORT COUNT_FILE

On SIGTERM it finishes its round, writes COUNT_FILE (JSON: how many requests went to each
workload, by route and status; and the seconds it took) and ends. An answer that is not the
expected one ends it at once with status 1.
"""
import http.client
import json
import signal
import sys
import time
from collections import Counter

ROUND_S = 0.08
ROUND = [  # workload, method, path, body, expected status, route
    ("catalog", "GET", "/items", None, 200, "/items"),
    ("catalog", "GET", "/items", None, 200, "/items"),
    ("catalog", "GET", "/items/1", None, 200, "/items/:id"),
    ("catalog", "GET", "/items/2", None, 200, "/items/:id"),
    ("catalog", "GET", "/items/3", None, 200, "/items/:id"),
    ("catalog", "GET", "/items/99", None, 404, "/items/:id"),
    ("checkout", "POST", "/orders", "1", 201, "/orders"),
    ("checkout", "POST", "/orders", "2", 201, "/orders"),
    ("checkout", "POST", "/orders", "3", 201, "/orders"),
    ("checkout", "POST", "/orders", "7", 500, "/orders"),
    ("checkout", "GET", "/orders/17", None, 200, "/orders/:id"),
    ("checkout", "GET", "/orders/18", None, 200, "/orders/:id"),
    ("checkout", "GET", "/orders/0", None, 404, "/orders/:id"),
]


def main():
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    to = {"checkout": http.client.HTTPConnection("127.0.0.1", int(sys.argv[1])),
          "catalog": http.client.HTTPConnection("127.0.0.1", int(sys.argv[2]))}
    made, began = Counter(), time.monotonic()
    rounds = 0
    while not stop:
        for workload, method, path, body, status, route in ROUND:
            to[workload].request(method, path, body, {"Host": workload})
            answer = to[workload].getresponse()
            answer.read()
            if answer.status != status:
                sys.exit(f"{method} {path} of {workload}: {answer.status}, not {status}")
            made[workload, route, str(status)] += 1
        rounds += 1
        time.sleep(max(0.0, began + rounds * ROUND_S - time.monotonic()))
    with open(sys.argv[3], "w", encoding="ascii") as f:
        json.dump({"seconds": time.monotonic() - began,
                   "made": [[*key, n] for key, n in sorted(made.items())]}, f)


main()
