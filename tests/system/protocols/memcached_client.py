# SPDX-License-Identifier: Apache-2.0
"""memcached_client.py text|binary PORT [FIFO]: connects and says "ready"; once something can be read from
FIFO sends a fixed number of each of the commands that memcached.sh counts. Says "done"."""
import socket
import struct
import sys

language, port = sys.argv[1], int(sys.argv[2])
connection = socket.create_connection(("127.0.0.1", port))
file = connection.makefile("rb")


def ask(request, end):
    """Sends it, and reads up to a line that begins so."""
    connection.sendall(request)
    while True:
        line = file.readline()
        assert line, (request, end)
        if line.startswith(end):
            return line


def pack(opcode, key=b"", extras=b"", value=b"", opaque=0):
    body = extras + key + value
    return struct.pack(">BBHBBHIIQ", 0x80, opcode, len(key), len(extras), 0, 0, len(body), opaque, 0) + body


def answer():
    head = struct.unpack(">BBHBBHIIQ", file.read(24))
    file.read(head[6])
    return head[1], head[5], head[6]  # opcode, status, bytes


def binary(*request, **more):
    connection.sendall(pack(*request, **more))
    return answer()[1]


def wait():
    print("ready", flush=True)
    if len(sys.argv) > 3:
        open(sys.argv[3]).read()


if language == "text":
    ask(b"version\r\n", b"VERSION")
    wait()
    for i in range(30):
        ask(b"set s3cret-%d 0 0 9\r\ns3cret-%02d\r\n" % (i, i), b"STORED")
    for i in range(40):  # the last ten are not there
        ask(b"get s3cret-%d\r\n" % i, b"END")
    ask(b"get %s\r\n" % b" ".join(b"s3cret-%d" % i for i in range(30)), b"END")
    connection.sendall(b"set big 0 0 200000\r\n" + b"v" * 200000 + b"\r\n")
    assert file.readline() == b"STORED\r\n"
    for i in range(3):
        ask(b"get big\r\n", b"END")
    for i in range(7):
        ask(b"incr s3cret-1 1\r\n", b"CLIENT_ERROR")
    for i in range(6):
        ask(b"delete nothing\r\n", b"NOT_FOUND")
    for i in range(5):
        connection.sendall(b"set quiet-%d 0 0 1 noreply\r\nx\r\n" % i)
    ask(b"add s3cret-1 0 0 1\r\nx\r\n", b"NOT_STORED")
    for i in range(4):
        ask(b"mg s3cret-1 v\r\n", b"VA")
    ask(b"mg nothing v q\r\nmg s3cret-1 v q\r\nms s3cret-2 1 q\r\nx\r\nmn\r\n", b"MN")
else:
    assert binary(0x0B) == 0  # version
    wait()
    for i in range(30):
        assert binary(0x01, b"s3cret-%d" % i, b"\0" * 8, b"s3cret", opaque=i) == 0
    for i in range(40):
        assert binary(0x00, b"s3cret-%d" % i) == (0 if i < 30 else 1)
    for i in range(7):
        assert binary(0x05, b"s3cret-1", struct.pack(">QQI", 1, 0, 0)) == 6
    connection.sendall(
        b"".join(pack(0x0D, b"s3cret-%d" % (27 + i), opaque=100 + i) for i in range(10))
        + pack(0x11, b"s3cret-1", b"\0" * 8, b"x", opaque=110)
        + pack(0x0A, opaque=111)
    )
    while answer()[0] != 0x0A:
        pass
print("done", flush=True)
