# SPDX-License-Identifier: Apache-2.0
"""How long until Keyhole shows what happens: latency.py DIRECTORY LOADER... -- COLLECTOR...

Both are started at once, as a pod does, with a server and a client that are there already. DIRECTORY holds
`loader.sock`; the collector serves at $KEYHOLE_PROMETHEUS_PORT. Prints medians of ROUNDS, as `name value unit`.
"""
import http.client
import http.server
import os
import re
import statistics
import subprocess
import sys
import threading
import time

ROUNDS = 3
ASKED = 11  # exchanges per round whose way to a scrape is timed
TIMEOUT = 60


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")


class Client:
    """One connection, kept."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask(self):
        self.connection.request("GET", "/")
        self.connection.getresponse().read()


def seen(metrics_port, port):
    """Exchanges of the server that a scrape shows; -1: nobody answers."""
    try:
        scraper = http.client.HTTPConnection("127.0.0.1", metrics_port, timeout=5)
        scraper.request("GET", "/metrics")
        text = scraper.getresponse().read().decode()
        scraper.close()
    except OSError:
        return -1
    return sum(float(n) for n in re.findall(
        rf'^http_server_request_duration_seconds_count{{[^\n]*server_port="{port}"[^\n]*}} ([0-9.e+]+)$', text, re.M))


def cpu_ms(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def until(true, what):
    begun = time.monotonic()
    while not true():
        if time.monotonic() - begun > TIMEOUT:
            sys.exit(f"latency: {what} did not come")
        time.sleep(0.002)
    return (time.monotonic() - begun) * 1000


def one_round(directory, loader, collector, server_port, metrics_port):
    figures = {}
    client = Client(server_port)
    stop = threading.Event()

    def go_on():
        steady = Client(server_port)
        while not stop.wait(0.005):
            steady.ask()

    steady = threading.Thread(target=go_on)
    steady.start()
    logs = [open(os.path.join(directory, name), "w") for name in ("loader.log", "collector.log")]
    begun = time.monotonic()
    processes = [subprocess.Popen(command, stdout=log, stderr=log) for command, log in zip((loader, collector), logs)]
    try:
        until(lambda: "sandbox:" in open(logs[0].name).read(), "the loader's readiness")
        figures["start_loader", "ms"] = (time.monotonic() - begun) * 1000
        figures["start_loader_cpu", "ms"] = cpu_ms(processes[0].pid)
        until(lambda: seen(metrics_port, server_port) > 0, "the first exchange")
        figures["start_first_exchange", "ms"] = (time.monotonic() - begun) * 1000
        figures["start_collector_cpu", "ms"] = cpu_ms(processes[1].pid)
        stop.set()
        steady.join()
        time.sleep(0.3)
        ways = []
        for _ in range(ASKED):
            before = seen(metrics_port, server_port)
            client.ask()
            ways.append(until(lambda was=before: seen(metrics_port, server_port) > was, "an exchange"))
            time.sleep(0.07)
        figures["exchange_to_scrape", "ms"] = statistics.median(ways)
        figures["exchange_to_scrape_longest", "ms"] = max(ways)
    finally:
        stop.set()
        for process in reversed(processes):
            process.terminate()
            process.wait()
    return figures


def main(directory, *commands):
    end = commands.index("--")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rounds = [one_round(directory, commands[:end], commands[end + 1:], server.server_address[1],
                        int(os.environ["KEYHOLE_PROMETHEUS_PORT"])) for _ in range(ROUNDS)]
    for name, unit in rounds[0]:
        print(f"{name} {statistics.median(r[name, unit] for r in rounds):.1f} {unit}")


main(*sys.argv[1:])
