# SPDX-License-Identifier: Apache-2.0
"""Odd peers of the hand-over (ipc/handover.h).

    peer.py hello SOCKET ABI    a collector of that ABI: prints "status N abi N descriptors N" or "closed"
    peer.py noise SOCKET BYTES  sends so many bytes that are no hello; prints the same
    peer.py loader SOCKET ABI   a loader of that ABI, until it is stopped
    peer.py notify SOCKET       a service manager: prints the first message
"""
import contextlib
import os
import socket
import struct
import sys

MAGIC = 0x4C48594B
HELLO = struct.Struct("=II24s")
OFFER = struct.Struct("=4I4Q4I24s64s64s32s")


def ask(path, message):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(10)
        answer = b""
        # who is refused may find the door shut before a word is said
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            s.connect(path)
            s.send(message)
            answer, fds, _, _ = socket.recv_fds(s, OFFER.size, 8)
        if not answer:
            return print("closed")
        _, abi, status, *_ = OFFER.unpack(answer)
        print(f"status {status} abi {abi} descriptors {len(fds)}")


def loader(path, abi):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.bind(path)
        os.chmod(path, 0o666)
        s.listen()
        while True:
            peer, _ = s.accept()
            peer.recv(HELLO.size)
            peer.send(OFFER.pack(MAGIC, abi, 1, 1, *[0] * 8, b"9.9.9", b"", b"", b""))
            peer.close()


def notify(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(30)
        print(s.recv(4096).decode())


what, path = sys.argv[1:3]
if what == "hello":
    ask(path, HELLO.pack(MAGIC, int(sys.argv[3]), b"test"))
elif what == "noise":
    ask(path, os.urandom(int(sys.argv[3])))
elif what == "loader":
    loader(path, int(sys.argv[3]))
else:
    notify(path)
