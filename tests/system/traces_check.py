#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Judges the spans of traces_app.py's chain: traces_check.py SPANS-FILE APP-PORT NGINX-PORT REDIS-PORT
POSTGRESQL-PORT.

Prints a line for each kind of link, `LINK RIGHT OF`, then traces: `whole RIGHT OF`, and `spans NUMBER`. What a span ought to be
the child of is known from what it says (traces_app.py), not from any id.
"""
import json
import re
import sys
from collections import Counter, defaultdict

from traces_app import OPERATIONS, TABLES

path, (app_port, nginx_port, redis_port, postgresql_port) = sys.argv[1], (int(a) for a in sys.argv[2:6])
CLIENT, SERVER = 3, 2
spans = [json.loads(line) for line in open(path) if line.endswith("\n")]
by_id = {span["id"]: span for span in spans}


def role(span):
    """Which span of the chain it is, or None, and the number of its request where it says one."""
    at = span["attributes"]
    system, side = at.get("db.system.name"), {CLIENT: "client", SERVER: "server"}[span["kind"]]
    port = at.get("server.port")
    if system:
        return (f"{system} {side}", None) if port in (redis_port, postgresql_port) else (None, None)
    url = at.get("url.path") or at.get("url.full") or ""
    found = re.search(r"/item/(\d+)$", url)
    if not found:
        return None, None
    whose = {(nginx_port, "client"): "user", (nginx_port, "server"): "nginx",
             (app_port, "client"): "nginx upstream", (app_port, "server"): "app"}
    return whose.get((port, side)), int(found.group(1))


PARENT = {"nginx": "user", "nginx upstream": "nginx", "app": "nginx upstream", "redis client": "app",
          "redis server": "redis client", "postgresql client": "app", "postgresql server": "postgresql client"}
right, of, how = Counter(), Counter(), defaultdict(Counter)
traces = defaultdict(Counter)
for span in spans:
    name, number = role(span)
    if not name:
        continue
    traces[span["trace"]][name] += 1
    if name == "user":
        continue
    of[name] += 1
    how[name][span["attributes"].get("keyhole.parent")] += 1
    parent = by_id.get(span["parent"])
    if not parent or parent["trace"] != span["trace"]:
        continue
    parent_name, parent_number = role(parent)
    good = parent_name == PARENT[name] and parent["start"] <= span["start"] + 1_000_000
    if name == "redis client":
        good = good and span["attributes"]["db.operation.name"] == OPERATIONS[parent_number % len(OPERATIONS)]
    elif name == "postgresql client":
        good = good and span["attributes"]["db.query.summary"] == f"SELECT item_{parent_number % TABLES}"
    elif number is not None:
        good = good and number == parent_number
    right[name] += good
for name in PARENT:
    print(f"{name.replace(' ', '_')} {right[name]} {of[name]} {dict(how[name])}")
whole = Counter({name: 1 for name in [*PARENT, "user"]})
mine = [t for t in traces.values() if t["user"]]
print(f"whole {sum(t == whole for t in mine)} {len(mine)}")
print(f"spans {sum(of.values()) + sum(t['user'] for t in mine)}")
