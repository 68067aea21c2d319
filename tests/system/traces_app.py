#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A service of threads: traces_app.py PORT REDIS-ADDRESS:PORT [POSTGRESQL-ADDRESS:PORT].

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
    port, redis_at = int(sys.argv[1]), sys.argv[2].split(":")
    postgresql_at = sys.argv[3].split(":") if len(sys.argv) > 3 else None
    own = threading.local()

    def connections():
        if not hasattr(own, "redis"):
            own.redis = redis.Redis(redis_at[0], int(redis_at[1]))
            if postgresql_at:
                own.sql = psycopg2.connect(host=postgresql_at[0], port=postgresql_at[1], user="postgres", dbname="shop")
                own.sql.autocommit = True
        return own.redis, own.sql.cursor() if postgresql_at else None

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
            if cursor:
                cursor.execute(f"SELECT a FROM item_{n % TABLES}")
            body = b"%d rows\n" % (len(cursor.fetchall()) if cursor else 0)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    Server(("", port), Service).serve_forever()
