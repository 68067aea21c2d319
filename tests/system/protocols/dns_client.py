# SPDX-License-Identifier: Apache-2.0
"""dns_client.py PORT NAME TRANSPORT [FIFO]: a socket that is connected before it asks ("ready"); once
something can be read from FIFO asks 20 times for NAME's A, one question after the other. "done"."""
import socket
import struct
import sys

port, name, transport = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3]
tcp = transport == "tcp"
client = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
client.settimeout(10)
client.connect(("127.0.0.1", port))


def exactly(n):
    got = b""
    while len(got) < n:
        got += client.recv(n - len(got)) or sys.exit("the server has gone")
    return got


def ask(number):
    labels = b"".join(bytes([len(label)]) + label for label in name.split(b"."))
    question = struct.pack(">6H", number, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)
    client.sendall(struct.pack(">H", len(question)) + question if tcp else question)
    answer = exactly(struct.unpack(">H", exactly(2))[0]) if tcp else client.recv(4096)
    assert answer[:2] == question[:2] and answer[2] & 0x80, answer


print("ready", flush=True)
if len(sys.argv) > 4:
    open(sys.argv[4]).read()
for i in range(20):
    ask(1000 + i)
print("done", flush=True)
