# SPDX-License-Identifier: Apache-2.0
"""Peers that mean no good. The same bytes in each run.

    hostile.py server PORT     answers everything with noise, or with what looks like HTTP and is not
    hostile.py client PORT N   N connections to that
    hostile.py http PORT N     N connections with broken requests to an HTTP server
    hostile.py scrape PORT     broken requests to a scrape endpoint, which must serve others then
    hostile.py slow PORT N     N clients who never finish asking, N who never read, for a minute
"""
import contextlib
import random
import select
import socket
import sys
import threading
import time
import urllib.request

PIECES = [b"GET ", b"POST ", b"/", b"/x?y=", b" HTTP/1.1", b" HTTP/1.0", b" HTTP/9.9", b"\r\n", b"\n", b"\r", b"\0", b"\xff\xfe",
          b"Host: a", b"Content-Length: ", b"18446744073709551616", b"-1", b"5", b"Transfer-Encoding: chunked", b"Connection: close",
          b"\r\n\r\n", b"ffffffffffffffff\r\n", b"0\r\n\r\n", b"5;x=y\r\nhello\r\n", b"HTTP/1.1 ", b"200 OK", b"100 Continue", b"999",
          b"101 Switching Protocols", b"Upgrade: x", b"Expect: 100-continue", b" ", b":", b"\t", b'"', b"\\", b"{}", b"\x16\x03\x01",
          b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"traceparent: 00-", b"a" * 700, b"\x1b[31m", "\u202e".encode()]
random = random.Random(20261123)


def nonsense():
    if random.random() < 0.3:
        return random.randbytes(random.randrange(1, 3000))
    return b"".join(random.choices(PIECES, k=random.randrange(1, 20)))


def send_pieces(s, data):
    while data:
        n = random.randrange(1, len(data) + 1)
        s.sendall(data[:n])
        data = data[n:]


def read_some(s):
    with contextlib.suppress(TimeoutError, ConnectionError):
        return s.recv(4096)


def answer(s):
    with contextlib.suppress(OSError), s:
        s.settimeout(0.5)
        while s.recv(4096):
            start = random.choice([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 204 \r\nContent-Length: 7\r\n\r\n"])
            s.sendall(start + nonsense())


def server(port):
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    while True:
        s, _ = listener.accept()
        threading.Thread(target=answer, args=(s,), daemon=True).start()


def client(port, count, rounds=3):
    for _ in range(count):
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)) as s:
            s.settimeout(0.02)
            for _ in range(random.randrange(1, rounds + 1)):
                send_pieces(s, random.choice([b"", b"GET / HTTP/1.1\r\n"]) + nonsense())
                read_some(s)
            if random.random() < 0.3: # a reset, not an end
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def scrape(port):
    url = f"http://127.0.0.1:{port}/metrics"
    client(port, 60)
    for head in (b"X: " + b"a" * 200000, b"X: a\r\n" * 20000):
        with contextlib.suppress(ConnectionError, TimeoutError), socket.create_connection(("127.0.0.1", port)) as s:
            s.settimeout(5)
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n\r\n")
            first = s.recv(100)
            assert not first.startswith(b"HTTP/1.1 200"), "an oversized head was taken"
    with urllib.request.urlopen(url, timeout=10) as r:
        assert b"keyhole_build_info" in r.read()


def slow(port, count):
    """Half of a request each, and as many who ask again and again and never read."""
    held = []
    for _ in range(count):
        held.append(socket.create_connection(("127.0.0.1", port)))
        held[-1].sendall(b"GET /metrics HTTP/1.1\r\nHost")
        held.append(socket.socket())
        held[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        held[-1].connect(("127.0.0.1", port))
        held[-1].sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 300)
    for s in held[1::2]:  # each is being answered, or was refused
        select.select([s], [], [], 20)
    time.sleep(0.5)
    print("waiting", flush=True)
    time.sleep(60)


what, port = sys.argv[1], int(sys.argv[2])
if what == "server":
    server(port)
elif what == "client":
    client(port, int(sys.argv[3]))
elif what == "http":
    client(port, int(sys.argv[3]), 5)
elif what == "slow":
    slow(port, int(sys.argv[3]))
else:
    scrape(port)
