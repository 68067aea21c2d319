#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A service of threads that asks others: graph_app.py ADDRESS REDIS POSTGRESQL HTTP...

    GET /item/N    asks Redis and PostgreSQL once each
    GET /wrong     asks Redis for what is no string: that answers with an error
    GET /broken    answers 500
    GET /ask/K     asks the K-th of HTTP, an address, on a connection of its own
"""
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import redis

address, redis_address, sql_address, *others = sys.argv[1:]
own = threading.local()


def connections():
    if not hasattr(own, "redis"):
        own.redis = redis.Redis(host=redis_address)
        own.sql = psycopg2.connect(host=sql_address, user="postgres", dbname="postgres")
        own.sql.autocommit = True
    return own.redis, own.sql.cursor()


def ask(address):
    with socket.create_connection((address, 8080)) as conn:
        conn.sendall(b"GET / HTTP/1.1\r\nHost: %s:8080\r\nConnection: close\r\n\r\n" % address.encode())
        while conn.recv(4096):
            pass


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        what = self.path.split("/")
        if what[1] == "item":
            cache, cursor = connections()
            cache.get("nothing")
            cursor.execute("SELECT relname FROM pg_class LIMIT 1")
        elif what[1] == "wrong":
            try:
                connections()[0].get("list")
            except redis.ResponseError:
                pass
        elif what[1] == "ask":
            ask(others[int(what[2])])
        self.send_response(500 if what[1] == "broken" else 200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


Server((address, 8080), Service).serve_forever()
