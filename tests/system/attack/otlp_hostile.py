#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A receiver of OTLP that attacks who sends to it: otlp_hostile.py PORT BESIDE-PORT.

GET /be/NAME has it answer POSTs by NAME from then on; GET /state tells, as JSON, how many it got of
each and how many connections came to BESIDE-PORT, where nobody has any business. All it sends ends
when the other side has had enough, or after a minute.
"""
import gzip
import json
import socket
import sys
import threading
import time

port, beside = int(sys.argv[1]), int(sys.argv[2])
LONGEST = 60
now = {"be": "good", "got": {}, "beside": 0, "sent": {}}
BOMB = gzip.compress(b"\0" * (1 << 20), 9)


def pour(connection, head, piece):
    end = time.monotonic() + LONGEST
    connection.sendall(head)
    while time.monotonic() < end:
        connection.sendall(piece)
        now["sent"][now["be"]] = now["sent"].get(now["be"], 0) + len(piece)


def drip(connection, head, piece):
    end = time.monotonic() + LONGEST
    connection.sendall(head)
    while time.monotonic() < end:
        connection.sendall(piece)
        time.sleep(0.1)


OK = b"HTTP/1.1 200 OK\r\n"
PROTOBUF = OK + b"Content-Type: application/x-protobuf\r\n"


def redirect(status):
    return f"HTTP/1.1 {status} Elsewhere\r\nLocation: http://127.0.0.1:{beside}/v1/metrics\r\n" \
           f"Alt-Svc: h2=\":{beside}\"\r\nRefresh: 0; url=http://127.0.0.1:{beside}/\r\n" \
           "Content-Length: 0\r\n\r\n".encode()


ATTACKS = {
    "good": lambda c: c.sendall(PROTOBUF + b"Content-Length: 0\r\n\r\n"),
    "endless_body": lambda c: pour(c, PROTOBUF + b"\r\n", b"\x0a" * 65536),
    "endless_chunks": lambda c: pour(c, PROTOBUF + b"Transfer-Encoding: chunked\r\n\r\n",
                                     b"1\r\nx\r\n" * 10000),
    "endless_trailer": lambda c: pour(c, PROTOBUF + b"Transfer-Encoding: chunked\r\n\r\n0\r\n",
                                      b"X-Trailer: " + b"t" * 1000 + b"\r\n"),
    "bomb": lambda c: pour(c, PROTOBUF + b"Content-Encoding: gzip\r\n\r\n", BOMB),
    "bomb_in_bomb": lambda c: pour(c, PROTOBUF + b"Content-Encoding: gzip, gzip, gzip\r\n\r\n",
                                   gzip.compress(gzip.compress(BOMB))),
    "drip": lambda c: drip(c, PROTOBUF + b"Content-Length: 1000\r\n\r\n", b"x"),
    "drip_head": lambda c: drip(c, OK, b"X"),
    "huge_headers": lambda c: pour(c, OK, b"X-Header: " + b"h" * 4000 + b"\r\n"),
    "one_huge_header": lambda c: pour(c, OK + b"X: ", b"h" * 65536),
    "continue_flood": lambda c: pour(c, b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "early_hints_flood": lambda c: pour(c, b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 1000),
    "cookies": lambda c: c.sendall(PROTOBUF + b"Set-Cookie: a=b\r\n" * 50 + b"Content-Length: 0\r\n\r\n"),
    "moved": lambda c: c.sendall(redirect(301)),
    "see_other": lambda c: c.sendall(redirect(303)),
    "other_way": lambda c: c.sendall(redirect(307)),
    "authenticate": lambda c: c.sendall(
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n"
        b"WWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"),
    "upgrade": lambda c: c.sendall(b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
    "wait_for_ever": lambda c: c.sendall(
        b"HTTP/1.1 429 Later\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n"),
    "text": lambda c: c.sendall(PROTOBUF + b"Content-Length: 14\r\n\r\n\x0a\x0c\x08\x00\x12\x08\x1b[2J\r\n\xff\x00"),
}


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None, None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n")
                   if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head.split(b" ")[1].decode(), head


def serve(connection):
    try:
        path, head = read_request(connection)
        if path and path.startswith("/be/"):
            now["be"] = path[4:]
            connection.sendall(OK + b"Content-Length: 0\r\n\r\n")
        elif path == "/state":
            text = json.dumps(now).encode()
            connection.sendall(OK + b"Content-Length: %d\r\n\r\n" % len(text) + text)
        elif path:
            be = now["be"]
            if b"\r\ncookie:" in head.lower() or b"\r\nauthorization:" in head.lower():
                be = "told_a_secret"
            now["got"][be] = now["got"].get(be, 0) + 1
            ATTACKS[now["be"]](connection)
    except OSError:
        pass
    finally:
        connection.close()


def count_beside(listener):
    while True:
        listener.accept()[0].close()
        now["beside"] += 1


threading.Thread(target=count_beside, args=(socket.create_server(("127.0.0.1", beside)),), daemon=True).start()
server = socket.create_server(("127.0.0.1", port))
if len(sys.argv) > 3:
    print(*(name for name in ATTACKS if name != "good"))
    sys.exit()
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
