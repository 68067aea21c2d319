# SPDX-License-Identifier: Apache-2.0
"""A server (PORT) or a client (PORT is not used: `0 ask N URL`) in Python."""
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status):
        body = b"hello"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path.startswith("/slow"):
            time.sleep(0.05)
        self.answer(500 if self.path.startswith("/broken") else 200)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200)


if len(sys.argv) > 2:
    for i in range(int(sys.argv[3])):
        urllib.request.urlopen(sys.argv[4]).read()
else:
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
