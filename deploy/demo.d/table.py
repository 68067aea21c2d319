#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A table of what the demo's collector exports.

    table.py live URL                              anew each second, until SIGINT
    table.py check URL CLIENT_COUNTS CALLS_COUNT   once, beside what the clients counted

CLIENT_COUNTS is written by client.py, CALLS_COUNT by checkout.py. `check` ends with 1 if any of
the counts differs from the exported one. P50 and P99 are interpolated in the histogram's buckets,
as Prometheus' histogram_quantile() does it, over all that was counted.
"""
import json
import os
import re
import shutil
import sys
import time
import urllib.request
from collections import Counter, deque

COLUMNS = ["NAMESPACE", "WORKLOAD", "POD", "CONTAINER", "DIRECTION", "ROUTE", "STATUS", "RATE", "ERRORS", "COUNT",
           "P50", "P99"]
LEFT = 7  # so many columns are text
WIDTH = 120
WINDOW_S = 5
SHRINKS = [COLUMNS.index(name) for name in ("POD", "ROUTE", "WORKLOAD")]
DROPS = [COLUMNS.index(name) for name in ("POD", "CONTAINER", "NAMESPACE")]  # on a narrow terminal
OWNERS = ["k8s_deployment_name", "k8s_statefulset_name", "k8s_daemonset_name", "k8s_pod_name"]
SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
DURATION = re.compile(r"http_(server|client)_request_duration_seconds_(bucket|count)")


class Row:
    """All that is exported of one workload, direction, route and status."""

    def __init__(self):
        self.count, self.errors, self.buckets = 0, 0, Counter()

    def quantile(self, q):
        below = low = 0.0
        for bound, total in sorted(self.buckets.items()):
            if total >= q * self.count and total > below:
                if bound == float("inf"):
                    return low
                return low + (bound - low) * (q * self.count - below) / (total - below)
            below, low = total, bound
        return 0.0


def scrape(url):
    """({(namespace, workload, pod, container, direction, route, status): Row}, records dropped)"""
    with urllib.request.urlopen(url, timeout=5) as answer:
        text = answer.read().decode()
    rows, dropped = {}, 0
    for line in text.splitlines():
        sample = SAMPLE.fullmatch(line)
        if not sample:
            continue
        labels, value = dict(LABEL.findall(sample[2] or "")), float(sample[3])
        if sample[1] == "keyhole_records_dropped_total" and labels["reason"] not in ("not_selected", "ignored_route", "filtered"):
            dropped += int(value)
        name = DURATION.fullmatch(sample[1])
        if not name:
            continue
        workload = next((labels[owner] for owner in OWNERS if owner in labels), labels.get("service_name", ""))
        key = (labels.get("k8s_namespace_name", ""), workload, labels.get("k8s_pod_name", ""),
               labels.get("k8s_container_name", ""), name[1], labels.get("http_route", ""),
               labels.get("http_response_status_code", ""))
        row = rows.setdefault(key, Row())
        if name[2] == "bucket":
            row.buckets[float(labels["le"])] += int(value)
        else:
            row.count += int(value)
            row.errors += int(value) if "error_type" in labels else 0
    return rows, dropped


def duration(seconds):
    if seconds < 0.000995:
        return f"{seconds * 1e6:.0f}us"
    if seconds < 0.995:
        return f"{seconds * 1e3:.{1 if seconds < 0.00995 else 0}f}ms"
    return f"{seconds:.1f}s"


def cut(text, width):
    return text if len(text) <= width else text[:width - 1] + "~"


def table(rows, rate_of, width=WIDTH):
    """The lines; no longer than `width`, if that is not less than about 70."""
    cells = [COLUMNS]
    for key, row in sorted(rows.items()):
        cells.append([*(field or "-" for field in key), f"{rate_of(key, row):.1f}", str(row.errors), str(row.count),
                      duration(row.quantile(0.5)), duration(row.quantile(0.99))])
    widths = {i: max(len(line[i]) for line in cells) for i in range(len(COLUMNS))}

    def too_wide():
        return max(0, sum(widths.values()) + len(widths) - 1 - width)

    for i in DROPS if width < WIDTH else ():
        if too_wide():
            del widths[i]
    for i in SHRINKS:
        if i in widths:
            widths[i] = max(8, widths[i] - too_wide())
    return [" ".join(cut(line[i], n).ljust(n) if i < LEFT else line[i].rjust(n) for i, n in widths.items()).rstrip()
            for line in cells]


def live(url):
    terminal, shown = sys.stdout.isatty(), 0
    seen = deque()
    while True:
        rows, dropped = scrape(url)
        now = time.monotonic()
        seen.append((now, {key: row.count for key, row in rows.items()}))
        while now - seen[0][0] > WINDOW_S + 0.5:
            seen.popleft()
        then, before = seen[0]
        size = shutil.get_terminal_size() if terminal else os.terminal_size((WIDTH, 0))
        lines = table(rows, lambda key, row: (row.count - before.get(key, 0)) / max(1.0, now - then),
                      min(WIDTH, size.columns))
        lines += ["", f"records dropped: {dropped}; rates of the last {WINDOW_S} s; Ctrl-C ends", f"metrics: {url}"]
        if terminal:
            lines = [line[:size.columns] for line in lines[:size.lines - 1]]
            back = f"\033[{shown}A" if shown else ""
            print(back + "".join(line + "\033[K\n" for line in lines) + "\033[J", end="", flush=True)
            shown = len(lines)
        else:
            print("\n".join(lines) + "\n", flush=True)
        time.sleep(1)


def expected(client, calls):
    """What has to be exported: {(workload, direction, route, status): count}"""
    want = Counter({("checkout", "client", "/items/:id", "200"): calls, ("catalog", "server", "/items/:id", "200"): calls})
    for workload, route, status, n in client["made"]:
        want["shop-client", "client", route, status] += n
        want[workload, "server", route, status] += n
    return +want


def check(url, client_counts, calls_count):
    with open(client_counts, encoding="ascii") as f:
        client = json.load(f)
    with open(calls_count, encoding="ascii") as f:
        calls = int(f.read())
    want, end = expected(client, calls), time.monotonic() + 5
    while True:  # the last records may be under way
        rows, dropped = scrape(url)
        got = Counter()
        for key, row in rows.items():
            got[key[1], key[4], key[5], key[6]] += row.count
        if got == want or time.monotonic() > end:
            break
        time.sleep(0.2)
    print("\n".join(table(rows, lambda key, row: row.count / client["seconds"])) + "\n")
    for name, column in (("shop-client", "client"), ("checkout", "client"), ("checkout", "server"), ("catalog", "server")):
        sums = [sum(n for key, n in counts.items() if key[:2] == (name, column)) for counts in (want, got)]
        verb = "made" if column == "client" else "got"
        print(f"{name} {verb} {sums[0]:,} requests; Keyhole counted {sums[1]:,}")
    print(f"records dropped: {dropped}")
    wrong = [key for key in want | got if want[key] != got[key]]
    for key in wrong:
        print(f"DIFFERENT: {' '.join(key)}: the clients counted {want[key]}, Keyhole {got[key]}")
    return 1 if wrong or dropped else 0


if __name__ == "__main__":
    try:
        if sys.argv[1] == "live":
            live(sys.argv[2])
        sys.exit(check(*sys.argv[2:]))
    except KeyboardInterrupt:
        print()
