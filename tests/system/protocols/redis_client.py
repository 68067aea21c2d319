# SPDX-License-Identifier: Apache-2.0
"""redis_client.py PORT [FIFO]: connects and says "ready"; once something can be read from FIFO sends a
fixed number of each of the commands that redis.sh counts. Says "done"."""
import socket
import sys

import redis

SECRET = "s3cret-%d"
client = redis.Redis(port=int(sys.argv[1]), single_connection_client=True)
client.get("warm")
print("ready", flush=True)
if len(sys.argv) > 2:
    open(sys.argv[2]).read()


def fails(prefix, call, *args):
    try:
        call(*args)
    except redis.ResponseError as error:
        assert str(error).startswith(prefix), error
        return
    raise AssertionError("no error")


for i in range(40):
    client.set(SECRET % i, SECRET % i)
for i in range(20):
    assert client.get(SECRET % i)
client.set("big", b"v" * 300000)
for i in range(3):
    assert len(client.get("big")) == 300000
assert len(client.mget(["big"] * 5)) == 5
client.delete("list")
client.rpush("list", *[SECRET % i for i in range(100)])
for i in range(7):
    fails("WRONGTYPE", client.execute_command, "LPUSH", SECRET % 1, "x")
for i in range(5):
    fails("unknown command", client.execute_command, "NOSUCH" + SECRET % i)
for i in range(4):
    assert client.blpop("list", 1)
assert client.blpop("nolist", 1) is None
for i in range(6):
    client.config_get("maxmemory")
with client.pipeline(transaction=True) as pipe:  # MULTI, 3 commands, EXEC
    pipe.incr("n")
    pipe.incr("n")
    pipe.lpush(SECRET % 1, "x")
    result = pipe.execute(raise_on_error=False)
    assert isinstance(result[2], redis.ResponseError), result
with client.pipeline(transaction=False) as pipe:
    for i in range(20):
        pipe.hset("h", SECRET % i, i)
    pipe.execute()
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as typed:  # as a person does
    for line in (b"ping\r\n", b"strlen s3cret\r\nstrlen s3cret\r\nstrlen\r\n"):
        typed.sendall(line)
        while not typed.recv(4096).endswith((b"PONG\r\n", b"command\r\n")):
            pass
print("done", flush=True)
