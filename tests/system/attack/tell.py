#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tell.py PORT SECRET-FILE ATTACK

Sends datagrams to the port at which a collector is told of traces by its peers, made from the
description in tell_datagram.h. Prints how many it sent; fails if anything comes back.
"""
import hashlib
import hmac
import os
import random
import socket
import struct
import sys
import time

port, secret_file, attack = int(sys.argv[1]), sys.argv[2], sys.argv[3]
with open(secret_file, encoding="ascii") as file:
    secret = bytes.fromhex(file.read())
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.connect(("127.0.0.1", port))
sent = 0


def record(n):
    return struct.pack(">Q", n) + bytes([n % 255 + 1]) * 16 + b"\1"


def datagram(records=(), key=secret, sender=7, counter=1, version=1, magic=b"KHtr", zero=0, ago_ms=0, said=None):
    text = magic + struct.pack(">BBHQQQ", version, len(records) if said is None else said, zero, sender, counter,
                               time.time_ns() // 1000000 - ago_ms) + b"".join(records)
    return text + hmac.new(key, text, hashlib.sha256).digest()[:16]


def waiting():
    """Whether the port's socket holds what was not read yet: rx_queue of /proc/net/udp, by port."""
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        with open(table, encoding="ascii") as file:
            for line in file.readlines()[1:]:
                words = line.split()
                if int(words[1].rsplit(":", 1)[1], 16) == port and int(words[4].split(":")[1], 16):
                    return True
    return False


def send(data, paced=True):
    """Paced: no more than a few wait at a time, so that the socket's place is not what is measured."""
    global sent
    until = time.monotonic() + 10
    while paced and sent % 16 == 0 and waiting() and time.monotonic() < until:
        time.sleep(0.005)
    try:
        peer.send(data)
        sent += 1
    except ConnectionRefusedError:
        sys.exit("nobody listens there")


def good():
    send(datagram([record(0x0102030405060708)], sender=random.getrandbits(64)))


def wrong_key():
    for i in range(100):
        send(datagram([record(i + 1)], key=os.urandom(32), counter=i))


def replay():
    first = datagram([record(1)], sender=8)
    for _ in range(101):
        send(first)


def late():
    send(datagram([record(1)], sender=9, counter=1000))
    for i in range(50):
        send(datagram([record(1)], sender=9, counter=1000 - 64 - i))


def clock():
    for ago in (31000, 3600000, -31000, -3600000):
        send(datagram([record(1)], sender=10, ago_ms=ago))


def length():
    """Each length, but those of datagrams with right heads, of which each says another number."""
    whole = datagram([record(1)] * 46)
    for n in range(1, len(whole)):
        send(whole[:n])
    for n in (1199, 1200, 1201, 1500, 9000, 65507):
        send(whole + bytes(n - len(whole)))
    for n in (0, 1, 45, 47, 255):
        send(datagram([record(1)] * 46, said=n))
    send(datagram([record(1)] * 47))
    send(datagram())
    send(b"")


def version():
    send(datagram([record(1)], version=0))
    send(datagram([record(1)], version=2))
    send(datagram([record(1)], magic=b"KHtR"))
    send(datagram([record(1)], zero=1))
    send(bytes(1198))


def zeroes():
    send(datagram([record(1), bytes(25)], sender=11))
    send(datagram([record(1), bytes(8) + b"\1" * 17], sender=11))
    send(datagram([record(1), b"\1" * 8 + bytes(17)], sender=11))


def senders():
    """More than are remembered."""
    for i in range(4200):
        send(datagram([record(1)], sender=1000 + i))


def flood():
    """What looks right up to the MAC, as fast as it goes."""
    data = datagram([record(1)] * 46, key=bytes(32))
    until = time.monotonic() + float(os.environ.get("FLOOD_SECONDS", "5"))
    while time.monotonic() < until:
        for _ in range(64):
            send(data, paced=False)


globals()[attack]()
peer.settimeout(0.2)
try:
    sys.exit(f"an answer: {peer.recv(65536)!r}")
except TimeoutError:
    print(sent)
