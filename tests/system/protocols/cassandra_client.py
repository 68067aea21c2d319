# SPDX-License-Identifier: Apache-2.0
"""cassandra_client.py PORT [FIFO]: connects with the driver of DataStax and says "ready"; once something can
be read from FIFO sends a fixed number of each of the statements that cassandra.sh counts. Says "done"."""
import sys

import cassandra
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import WhiteListRoundRobinPolicy
from cassandra.query import BatchStatement, SimpleStatement

profile = ExecutionProfile(load_balancing_policy=WhiteListRoundRobinPolicy(["127.0.0.1"]), request_timeout=30)
cluster = Cluster(["127.0.0.1"], port=int(sys.argv[1]), protocol_version=4, compression=False,
                  schema_metadata_enabled=False, token_metadata_enabled=False, idle_heartbeat_interval=0,
                  execution_profiles={EXEC_PROFILE_DEFAULT: profile})
session = cluster.connect("shop")
print("ready", flush=True)
if len(sys.argv) > 2:
    open(sys.argv[2]).read()


def fails(call, *args):
    try:
        call(*args)
    except cassandra.InvalidRequest:
        return
    raise AssertionError("no error")


for i in range(30):
    session.execute("INSERT INTO orders (k, v) VALUES (%s, %s)", (i, "s3cret-%d" % i))
for i in range(20):
    assert session.execute("SELECT v FROM orders WHERE k = 's3cret'").one()
for i in range(7):
    fails(session.execute, "SELECT v FROM nothing WHERE k = 's3cret'")
statement = session.prepare("UPDATE orders SET v = ? WHERE k = 's3cret'")
for future in [session.execute_async(statement, ("s3cret-%d" % i,)) for i in range(40)]:
    future.result()
for i in range(3):
    batch = BatchStatement()
    batch.add(SimpleStatement("INSERT INTO orders (k) VALUES ('s3cret')"))
    batch.add(statement, ("s3cret",))
    session.execute(batch)
for i in range(4):
    session.execute("DELETE FROM archive.orders WHERE k = 's3cret'")
print("done", flush=True)
cluster.shutdown()
