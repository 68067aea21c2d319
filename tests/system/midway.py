# SPDX-License-Identifier: Apache-2.0
"""A client and a server amidst a long body, which then go on with short requests.

    midway.py download|upload PORT REQUESTS

After the first bytes of the body it prints "ready" and waits for a line on standard input; then
come the rest of the body and that many requests on the same connection.
"""
import socket
import sys
import threading

BODY, FIRST, STEP = 10_000_000, 100_000, 65536
SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def take(s, size):
    while size:
        size -= len(s.recv(min(size, STEP)))


def head(s):
    """Byte by byte: nothing behind the head is read."""
    got = b""
    while not got.endswith(b"\r\n\r\n"):
        got += s.recv(1)


def body(s, size):
    for at in range(0, size, STEP):
        s.sendall(b"b" * min(STEP, size - at))


def serve(listener, mode, more, go):
    s, _ = listener.accept()
    head(s)
    if mode == "upload":
        take(s, BODY)
        s.sendall(SHORT)
    else:
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BODY)
        body(s, FIRST)
        go.wait()
        body(s, BODY - FIRST)
    for _ in range(more):
        head(s)
        s.sendall(SHORT)
    s.close()


def main(mode, port, more):
    go = threading.Event()
    with socket.create_server(("127.0.0.1", port)) as listener:
        server = threading.Thread(target=serve, args=(listener, mode, more, go))
        server.start()
        with socket.create_connection(("127.0.0.1", port)) as s:
            if mode == "upload":
                s.sendall(b"POST /midway HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % BODY)
                body(s, FIRST)
            else:
                s.sendall(b"GET /midway HTTP/1.1\r\nHost: t\r\n\r\n")
                head(s)
                take(s, FIRST // 2)
            print("ready", flush=True)
            sys.stdin.readline()
            go.set()
            if mode == "upload":
                body(s, BODY - FIRST)
                head(s)
                take(s, 2)
            else:
                take(s, BODY - FIRST // 2)
            for _ in range(more):
                s.sendall(b"GET /after HTTP/1.1\r\nHost: t\r\n\r\n")
                head(s)
                take(s, 2)
        server.join()


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
