#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A service of threads: traces_app.py PORT REDIS-PORT POSTGRESQL-PORT.

Each connection has a thread, which for GET /item/N asks Redis with the N-th of OPERATIONS and PostgreSQL
for table item_N, both modulo their number: so whoever sees a call knows of which requests it can be.
"""
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import redis

OPERATIONS = ("GET STRLEN EXISTS TTL PTTL TYPE LLEN SCARD ZCARD HLEN HKEYS HVALS HGETALL SMEMBERS DUMP BITCOUNT "
              "PFCOUNT XLEN").split()
TABLES = 50

if __name__ == "__main__":
    port, redis_port, postgresql_port = (int(a) for a in sys.argv[1:])
    own = threading.local()

    def connections():
        if not hasattr(own, "redis"):
            own.redis = redis.Redis(port=redis_port)
            own.sql = psycopg2.connect(host="127.0.0.1", port=postgresql_port, user="postgres", dbname="shop")
            own.sql.autocommit = True
        return own.redis, own.sql.cursor()

    class Service(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_):
            pass

        def do_GET(self):
            n = int(self.path.rsplit("/", 1)[1])
            cache, cursor = connections()
            cache.execute_command(OPERATIONS[n % len(OPERATIONS)], "nothing")
            time.sleep(random.random() / 200)  # others of the same process go on meanwhile
            cursor.execute(f"SELECT a FROM item_{n % TABLES}")
            body = b"%d rows\n" % len(cursor.fetchall())
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    Server(("127.0.0.1", port), Service).serve_forever()
