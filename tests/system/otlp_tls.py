#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A receiver of OTLP by TLS: otlp_tls.py PORT CERTIFICATE KEY [CLIENTS-CA].

With CLIENTS-CA it takes only those who show a certificate of that authority. It prints a line for each
request: the subject of that certificate, or "nobody".
"""
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        shown = self.connection.getpeercert()
        print(shown["subject"][0][0][1] if shown else "nobody", flush=True)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):  # who does not trust it, or is not trusted, is no news
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
if len(sys.argv) > 4:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(sys.argv[4])
server = Server(("127.0.0.1", int(sys.argv[1])), Receiver)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
