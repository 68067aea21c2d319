#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The demo's checkout: takes orders, and asks the catalog for the price of each.

    checkout.py PORT CATALOG_PORT COUNT_FILE

On SIGTERM it writes how many requests it made to COUNT_FILE and ends.
"""
import http.client
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, catalog_port, count_file = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
own = threading.local()  # each thread keeps one connection to the catalog
lock = threading.Lock()
made = 0


def price_of(item):
    global made
    if not hasattr(own, "catalog"):
        own.catalog = http.client.HTTPConnection("127.0.0.1", catalog_port)
    own.catalog.request("GET", f"/items/{item}", headers={"Host": "catalog"})
    with lock:
        made += 1
    return own.catalog.getresponse().read()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave in one write

    def log_message(self, *args):
        pass

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        time.sleep(0.001)
        found = self.path.startswith("/orders/") and not self.path.endswith("/0")
        self.answer(*(200, b'{"state":"paid"}\n') if found else (404, b'{"error":"no such order"}\n'))

    def do_POST(self):
        item = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        price = price_of(item)
        if item == "7":  # the demo has to have an error
            self.answer(500, b'{"error":"out of rockets"}\n')
            return
        time.sleep(0.004)
        self.answer(201, price)


def end(*_):
    with open(count_file, "w", encoding="ascii") as f:
        f.write(f"{made}\n")
    os._exit(0)


signal.signal(signal.SIGTERM, end)
ThreadingHTTPServer.daemon_threads = True
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
