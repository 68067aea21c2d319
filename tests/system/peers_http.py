# SPDX-License-Identifier: Apache-2.0
"""HTTP between addresses that are chosen:

    peers_http.py serve ADDRESS PORT GO         answers 200; to /wait only once the file GO is there
    peers_http.py ask FROM ADDRESS PORT N PATH [HOST]    N requests, each on a connection of its own
"""
import os
import socket
import sys
import threading
import time


def answer(conn, go):
    with conn:
        head = b""
        while b"\r\n\r\n" not in head:
            more = conn.recv(4096)
            if not more:
                return
            head += more
        while head.startswith(b"GET /wait") and not os.path.exists(go):
            time.sleep(0.05)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")


def serve(address, port, go):
    with socket.create_server((address, int(port))) as server:
        while True:
            threading.Thread(target=answer, args=(server.accept()[0], go), daemon=True).start()


def ask(source, address, port, n, path, host=None):
    field = f"Host: {host}\r\n" if host else ""
    for _ in range(int(n)):
        with socket.create_connection((address, int(port)), source_address=(source, 0)) as conn:
            conn.sendall(f"GET {path} HTTP/1.1\r\n{field}Connection: close\r\n\r\n".encode())
            while conn.recv(4096):
                pass


{"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
