# SPDX-License-Identifier: Apache-2.0
"""Both ends of connections that are held.

    ends_peer.py serve ADDRESS PORT              HTTP/1.1, a thread for each connection
    ends_peer.py http|redis ADDRESS PORT FIFO N  asks once, says "ready", and once something can be
                                                 read from FIFO asks N times; says "done"
"""
import http.client
import http.server
import socket
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_):
        pass


def http_client(address, port):
    connection = http.client.HTTPConnection(address, port)

    def ask(n):
        connection.request("GET", f"/{n}")
        assert connection.getresponse().read() == b"hello"
    return ask


def redis_client(address, port):
    connection = socket.create_connection((address, port))
    answers = connection.makefile("rb")

    def ask(n):
        connection.sendall(b"*2\r\n$4\r\nECHO\r\n$5\r\n%05d\r\n" % n)
        assert answers.readline() == b"$5\r\n" and answers.readline() == b"%05d\r\n" % n
    return ask


def main(what, address, port, fifo=None, times=0):
    if what == "serve":
        # a backlog of 0 is all that tells an accepted socket from one that connected, but for its numbers
        http.server.ThreadingHTTPServer.request_queue_size = 0
        http.server.ThreadingHTTPServer((address, int(port)), Handler).serve_forever()
    ask = {"http": http_client, "redis": redis_client}[what](address, int(port))
    ask(0)
    print("ready", flush=True)
    with open(fifo, encoding="ascii") as go:
        go.read()
    for n in range(1, int(times) + 1):
        ask(n)
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
