#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
played.py [OPTION...] TRAFFIC URL [SCENARIO...]

Plays scenarios of the program TRAFFIC (tests/system/traffic; all of them if none is named) and
compares what the collector's metrics at URL say with what was done, on both sides of each
connection. Prints "ok - " or "not ok - " for each; exit status 1 if one differs. SCENARIO:N makes
N requests instead of the scenario's own number.

Each run has a port of its own, and so series of its own: nothing has to be subtracted.
"""
import argparse
import glob
import json
import os
import random
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter, defaultdict

# ---- what the metrics should say, beyond what `traffic` says itself ----

# Endings: (status or "", error_type) of the requests of both sides, instead of the status alone.
ENDINGS = {
    "status-500": ("500", "500"),
    "reset-middle": ("200", "connection_reset"),
    "reset-before": ("", "connection_reset"),
    "client-closes": ("200", "connection_closed"),
    "bad-answer": ("", "invalid_response"),
}
# Where the two sides differ: a client takes 4xx for an error, a server does not.
CLIENT_ENDINGS = {"status-404": ("404", "404")}

# Bytes of chunk sizes are on the wire and of no body: 4 requests, 5 chunks of 100, the last one.
BODY_LESS = {"chunked": 4 * (5 * len("64\r\n\r\n") + len("0\r\n\r\n"))}

# The client's bytes go to a pipe without passing any hook: what came is known, not what it was.
CLIENT_UNSEEN = {"splice-client"}
# The server's head is no longer in memory when its send returns.
SERVER_UNSEEN = {"not-resident"}

# Eight pipelined answers are longer than what is captured of a message, unless the loader is told
# to capture more: the beginning of the last one is never seen. It is counted so.
PIPELINE = ("pipeline", "pipeline-8")
PIPELINE_BYTES = 8 * len("HTTP/1.1 200 Because\r\nContent-Length: 30\r\n\r\n" + 30 * "a")

# Sides of which a backend sees lengths only: nothing is counted of them, nothing is taken for
# anything else, and the counter named moves by so much at least. "32-bit" is any scenario, played
# by a 32-bit program.
BOTH = ("server", "client")
BLIND = {
    "tracepoint": {
        "uring": (BOTH, "no_buffer_uring", 16),
        "uring-msg-3": (BOTH, "no_buffer_uring", 16),
        "uring-client": (("client",), "no_buffer_uring", 8),
        "uring-sqpoll": (BOTH, "no_buffer_uring", 16),
        "uring-decoy": (BOTH, "no_buffer_uring", 8),
        "not-resident-iov": (("server",), "faults", 4),
        "32-bit": (BOTH, "compat_calls", 8),
    },
    "fexit": {
        "segments-40": (("client",), "iov_cut", 4),
    },
}
# With both, fexit has no more to do than io_uring and 32-bit callers.
BLIND["tracepoint+fexit"] = {"not-resident-iov": BLIND["tracepoint"]["not-resident-iov"]}

# BPF's counters which a scenario must move, at least by so much (the node may do more).
COUNTERS = {
    "peek": {"peeks": 8},
    "trunc": {"trunc_reads": 4},
    "sendfile": {"no_buffer": 4},
    "splice": {"no_buffer": 4},
    "splice-client": {"gap_bytes": 296},
    "upgrade": {"upgraded": 2},
    "connect": {"upgraded": 2},
    "reset-middle": {"resets": 8},
    "reset-before": {"resets": 8},
    "noise": {"segments": 2},
    "tls": {"segments": 2},
    "text": {"segments": 2},
    "splice-body": {"gap_bytes": 20000},
    "not-resident": {"faults": 4},
    "segments-40": {"iov_cut": 4},
}


# ---- metrics ----

PORT = re.compile(r'server_port="(\d+)"')
LABEL = re.compile(r'([a-z_0-9]+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One scrape."""

    def __init__(self, url):
        self.samples = defaultdict(list)  # by name: labels as text and value
        with urllib.request.urlopen(url, timeout=30) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith("#") or "_bucket{" in line:
                    continue
                name, value = line.rsplit(" ", 1)
                name, _, labels = name.partition("{")
                self.samples[name].append((labels, value))

    def get(self, name, **labels):
        """Labels are taken apart only where they are asked for: that is slow in emulation."""
        want = [f'{k}="{v}"' for k, v in labels.items()]
        found = ((dict(LABEL.findall(l)), float(v)) for l, v in self.samples[name]
                 if all(w in l for w in want))
        return [(l, v) for l, v in found if all(l.get(k) == w for k, w in labels.items())]

    def sum(self, name, **labels):
        return int(sum(v for _, v in self.get(name, **labels)))

    def bpf(self, name):
        return self.sum(f"keyhole_bpf_{name}_total")

    def settled(self):
        """All that was put on the data ring has been handled."""
        offered = sum(map(self.bpf, ("exchanges", "parts", "finishes", "segments")))
        lost = sum(map(self.bpf, ("exchange_drops", "part_drops", "segment_drops")))
        return self.sum("keyhole_records_seen_total", ring="data") >= offered - lost

    def side(self, side, port):
        """What was counted of one side on one port: endings, and the sums of its histograms."""
        endings = Counter()
        names = set()
        counts = set()
        for labels, value in self.get(f"http_{side}_request_duration_seconds_count",
                                      server_port=port):
            endings[labels.get("http_request_method"),
                    labels.get("http_response_status_code", ""),
                    labels.get("error_type", "")] += int(value)
            names.add(labels.get("service_name"))
        for size in "request", "response":
            counts.add(self.sum(f"http_{side}_{size}_body_size_bytes_count", server_port=port))
        if counts != {sum(endings.values())}:
            names.add(f"sizes counted: {counts}")
        return {
            "exchanges": dict(endings),
            "request bodies": self.sum(f"http_{side}_request_body_size_bytes_sum",
                                       server_port=port),
            "response bodies": self.sum(f"http_{side}_response_body_size_bytes_sum",
                                        server_port=port),
            "service": names,
        }


# ---- what was done ----

def free_port(metrics, used=set()):
    """Below the ephemeral ones; nobody listens there, and none of its series are there."""
    if metrics:
        used.update(int(port) for samples in metrics.samples.values() for labels, _ in samples
                    for port in PORT.findall(labels))
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket(socket.AF_INET6) as s:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            try:
                s.bind(("::", port))
            except OSError:
                continue
        if port not in used:
            used.add(port)
            return port


def is_32bit(program):
    with open(program, "rb") as f:
        return f.read(5) == b"\x7fELF\x01"


class Skipped(Exception):
    """This kernel refuses what the scenario needs."""


class Run:
    """One run of TRAFFIC."""

    def __init__(self, options, scenario, family, before):
        hold = before is None
        scenario, _, requests = scenario.partition(":")
        self.bits32 = is_32bit(options.traffic)
        self.name = " ".join(filter(None, [scenario, family, "32-bit" if self.bits32 else "",
                                           "held" if hold else ""]))
        self.scenario = scenario
        self.hold = hold
        self.options = options
        self.port = free_port(before)
        command = options.prefix.split() + [options.traffic, scenario, "--port", str(self.port)]
        command += ["--" + family] if family else []
        command += ["--hold"] if hold else []
        command += ["--requests", requests] if requests else []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE if hold else None,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait_ready(self):
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{self.name}: {self.process.stderr.read()}")

    def finish(self):
        try:
            out, err = self.process.communicate("\n" if self.hold else None, timeout=240)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise RuntimeError(f"{self.name}: traffic did not end") from None
        if self.process.returncode == 77:
            raise Skipped(err.strip().splitlines()[-1])
        if self.process.returncode:
            raise RuntimeError(f"{self.name}: traffic itself failed: {err}")
        self.done = json.loads(out.splitlines()[-1])

    def blind(self):
        """Sides of which nothing is seen, a counter, and by how much it moves at least."""
        table = BLIND[self.options.backend]
        return (self.bits32 and table.get("32-bit")) or table.get(self.scenario, ((), "", 0))

    def exchanges(self, side):
        scenario, n = self.scenario, self.done["requests"]
        if not n or side in self.blind()[0]:
            return {}
        (method,) = self.done["methods"]
        status, error = ENDINGS.get(scenario, (next(iter(self.done["statuses"]), ""), ""))
        if side == "client":
            status, error = CLIENT_ENDINGS.get(scenario, (status, error))
        if scenario == "connect":
            return {(method, status, error): n}
        n -= self.unseen(side)
        return {(method, status, error): n} if n else {}

    def unseen(self, side):
        """Requests whose answer cannot be known: they are counted as such, and nowhere else."""
        if side == "client" and self.scenario == "uring-decoy" and side in self.blind()[0]:
            return self.done["requests"]  # the requests are written
        if self.scenario in (CLIENT_UNSEEN if side == "client" else SERVER_UNSEEN):
            return self.done["requests"]
        if self.scenario in PIPELINE and self.options.response_head < PIPELINE_BYTES:
            return self.done["requests"] // 8
        if self.hold and self.scenario == "bad-answer":
            return 1  # on the adopted connection: its answer may be the rest of an older one
        return 0

    def expected(self, side):
        seen = self.exchanges(side)
        known = sum(seen.values()) > 0
        unseen = self.unseen(side) if self.scenario in PIPELINE else 0
        unseen *= self.done["response_body_bytes"] // self.done["requests"] if known else 0
        return {
            "exchanges": seen,
            "request bodies": self.done["request_body_bytes"] if known else 0,
            "response bodies": self.done["response_body_bytes"] -
            BODY_LESS.get(self.scenario, 0) - unseen if known else 0,
            "service": {self.options.service} if known else set(),
        }

    def port_of(self, side):
        """A CONNECT names the port of somebody else."""
        return "443" if side == "client" and self.scenario == "connect" else str(self.port)

    def moved(self):
        """Counters and by how much at least they move."""
        least = {"keyhole_bpf_" + k + "_total": v
                 for k, v in COUNTERS.get(self.scenario, {}).items()}
        _, counter, n = self.blind()
        if counter:
            least[f"keyhole_bpf_{counter}_total"] = n
        return {k: v for k, v in least.items() if v}

    def said(self, side, before, now):
        got = now.side(side, self.port_of(side))
        if self.scenario == "connect":
            got["exchanges"] = {k: v - before.side(side, self.port_of(side))["exchanges"]
                                .get(k, 0) for k, v in got["exchanges"].items()}
        return got

    def answer(self, before, now):
        """What the metrics say of the sides seen, without what is another in each run."""
        return {side: {key: sorted([*map(str, k), v] for k, v in value.items())
                       if isinstance(value, dict) else
                       sorted(value) if isinstance(value, set) else value
                       for key, value in self.said(side, before, now).items()}
                for side in BOTH if side not in self.blind()[0]}

    def differences(self, before, now):
        out = []
        for side in BOTH:
            got = self.said(side, before, now)
            want = self.expected(side)
            for key in want:
                if got[key] != want[key]:
                    out.append(f"{side}'s {key}: {got[key]}, should be {want[key]}")
        for name, least in self.moved().items():
            grown = now.sum(name) - before.sum(name)
            if grown < least:
                out.append(f"{name}: grew by {grown}, should by {least} or more")
        unseen = sum(map(self.unseen, BOTH))
        lost = [m.sum("keyhole_records_dropped_total", reason="answer_not_seen")
                for m in (before, now)]
        if unseen > lost[1] - lost[0]:
            out.append(f"answers not seen: {lost[1] - lost[0]}, should be {unseen}")
        return out

    def check(self, before):
        """
        Waits until the metrics are as expected. Returns the last of them, and what is wrong with
        them if they never get so.
        """
        end = time.monotonic() + self.options.patience
        while True:
            now = Metrics(self.options.url)
            differences = self.differences(before, now)
            if now.settled() and not differences:
                return now, []
            if time.monotonic() > end:
                return now, differences + ([] if now.settled() else ["records still in the ring"])
            time.sleep(0.05)


# ---- the whole ----

class Report:
    failed = 0
    again = 0  # scenarios played once more: see kernel_skipped()

    def skip(self, run, why):
        print(f"ok - {run.name} # skipped: {why}", flush=True)

    def add(self, name, differences):
        print(f"not ok - {name}" if differences else f"ok - {name}")
        for line in differences:
            print(f"  # {line}")
        sys.stdout.flush()
        self.failed += bool(differences)


LOSSES = ("invalid", "ring_full", "ring_full_part", "ring_full_segment", "ring_full_life", "orphan_part",
          "invalid_part", "no_room_for_head", "pipeline_too_long")


def kernel_skipped(pid):
    """
    How often the kernel has skipped one of the loader's programs because it was running already on
    that CPU, preempted. With a twin one such is made good, two at once are not (bpf/load.h): there
    the README says so, and a scenario that it hit is played again. Rare, but emulation is slow, and
    its ticks are not.
    """
    misses = 0
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        try:
            with open(path) as f:
                misses += sum(int(line.split()[1]) for line in f
                              if line.startswith("recursion_misses:"))
        except OSError:
            pass  # closed meanwhile
    return misses


AGAIN = 3  # times that a scenario is played at most


def play(options, scenarios, report):
    runs = []
    now = Metrics(options.url)
    for scenario in scenarios:
        for family in options.families.split(","):
            for left in reversed(range(AGAIN)):
                before = now  # a scrape takes its time in emulation
                skipped = kernel_skipped(options.loader)
                run = Run(options, scenario, family, before)
                try:
                    run.finish()
                except Skipped as why:
                    report.skip(run, why)
                    break
                now, wrong = run.check(before)
                if wrong and left and kernel_skipped(options.loader) - skipped >= 2:
                    report.again += 1
                    continue
                report.add(run.name, wrong)
                runs.append((run, before))
                break
    return runs


def play_held(options, scenarios, report):
    """All connections are open and all servers listen before there is a loader."""
    runs = [Run(options, s, options.families.split(",")[0], None) for s in scenarios]
    for run in runs:
        run.wait_ready()
    print("held", flush=True)
    options.backend = sys.stdin.readline().strip() or options.backend
    played = []
    for run in runs:
        before = Metrics(options.url)
        run.finish()
        report.add(run.name, run.check(before)[1])
        played.append((run, before))
    return played


def keep_answers(path, answers):
    try:
        with open(path) as f:
            answers = json.load(f) | answers
    except FileNotFoundError:
        pass
    with open(path, "w") as f:
        json.dump(answers, f, indent=1, sort_keys=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--families", default="", help="of ipv6 and mapped; empty for IPv4")
    parser.add_argument("--hold", action="store_true",
                        help="open connections, print 'held', go on after a line of input: the "
                        "backend, if it was not known before")
    parser.add_argument("--backend", choices=BLIND, default="tracepoint", help="the loader's")
    parser.add_argument("--answers", help="a file: add to it, as JSON, what was said of each "
                        "scenario")
    parser.add_argument("--patience", type=float, default=2.0, help="seconds to wait for metrics")
    parser.add_argument("--response-head", type=int, default=512, help="as the loader was told")
    parser.add_argument("--except", dest="without", default="", help="scenarios to leave out")
    parser.add_argument("--loader", type=int, default=0, help="its pid: see kernel_skipped()")
    parser.add_argument("--prefix", default="", help="a command that runs TRAFFIC")
    parser.add_argument("--service", help="the name it should be given, if not TRAFFIC's own")
    parser.add_argument("traffic")
    parser.add_argument("url")
    parser.add_argument("scenarios", nargs="*")
    options = parser.parse_args()
    options.service = options.service or os.path.basename(options.traffic)
    scenarios = options.scenarios or [
        line.split()[0] for line in
        subprocess.check_output([options.traffic, "--list"], text=True).splitlines()]
    scenarios = [s for s in scenarios if s.partition(":")[0] not in options.without.split(",")]

    report = Report()
    runs = (play_held if options.hold else play)(options, scenarios, report)
    time.sleep(0.2)
    end = Metrics(options.url)
    again = [f"{run.name}: {d}" for run, before in runs for d in run.differences(before, end)
             if run.scenario != "connect"]
    report.add("and nothing was added to it later", again)
    if options.answers:
        keep_answers(options.answers, {run.name: run.answer(before, end) for run, before in runs
                                       if run.scenario != "connect"})
    report.add("nothing was dropped", [
        f"{reason}: {end.sum('keyhole_records_dropped_total', reason=reason)}"
        for reason in LOSSES if not (report.again and reason == "orphan_part") and end.sum("keyhole_records_dropped_total", reason=reason)])
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
