#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a tape (collector/intake/tape.h) and pairs the exchanges of clients with those of servers.

An exchange's id is what both ends of a connection can compute: the two initial sequence numbers
and the sequence number of the request's first byte (bpf/events.h). Prints one line:

    PORT: exchanges=N paired=N adopted=N

where `paired` counts ids that exactly one client and exactly one server have.
"""
import collections
import socket
import struct
import sys

EXCHANGE = 1
SERVER, CLIENT = 1, 2
ADOPTED = 1 << 2
REC = struct.Struct("=HHI")
CONN = struct.Struct("=Q16s16sHHBB2xII")
HEAD = struct.Struct("=QIIII")  # cgroup, tgid, tid, number, req_seq


def records(path):
    with open(path, "rb") as tape:
        assert tape.read(8) == b"KHTAPE\n\0", "not a tape"
        tape.read(8)
        while item := tape.read(8):
            size, _ring = struct.unpack("=II", item)
            yield tape.read((size + 7) & ~7)[:size]


def main(path, port, *roles):
    sides = collections.defaultdict(list)
    adopted = 0
    for record in records(path):
        kind, flags, _size = REC.unpack_from(record)
        if kind != EXCHANGE:
            continue
        _cookie, laddr, raddr, lport, rport, family, role, local, remote = CONN.unpack_from(
            record, REC.size)
        if (lport if role == SERVER else rport) != port or (roles and role not in roles):
            continue
        assert family in (socket.AF_INET, socket.AF_INET6) and laddr and raddr
        *_, seq = HEAD.unpack_from(record, REC.size + CONN.size)
        adopted += bool(flags & ADOPTED)
        client, server = (local, remote) if role == CLIENT else (remote, local)
        sides[client, server, seq].append(role)
    total = sum(len(roles) for roles in sides.values())
    paired = sum(sorted(roles) == [SERVER, CLIENT] for roles in sides.values())
    print(f"{port}: exchanges={total} paired={paired} adopted={adopted}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *map(int, sys.argv[3:]))
