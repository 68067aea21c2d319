#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cut.py IN OUT PORT: of a tape, what belongs to the connections to a server's port.

Identities are kept of the processes that speak on them, without what tells of the machine: of an
executable's path the file name stays, of cgroups nothing. Layouts: bpf/events.h, tape.h.
"""
import struct
import sys

EXCHANGE, PART, FINISH, CGROUP, PROCESS = 1, 2, 3, 16, 17
SERVER = 1
KH_EXE_NAME = 32


def items(tape):
    while head := tape.read(8):
        size, ring = struct.unpack("=II", head)
        yield ring, bytearray(tape.read((size + 7) & ~7)[:size])


def main(source, target, port):
    with open(source, "rb") as tape:
        header = tape.read(16)
        records = list(items(tape))
    cookies, tgids = set(), set()
    for _ring, r in records:
        if struct.unpack_from("=H", r)[0] == EXCHANGE:
            cookie, lport, rport, role = struct.unpack_from("=Q32xHHxB", r, 8)
            if (lport if role == SERVER else rport) == port:
                cookies.add(cookie)
                tgids.add(struct.unpack_from("=I", r, 72)[0])
    with open(target, "wb") as tape:
        tape.write(header)
        for ring, r in records:
            kind = struct.unpack_from("=H", r)[0]
            if kind in (EXCHANGE, PART, FINISH):
                keep = struct.unpack_from("=Q", r, 8)[0] in cookies
            else:
                keep = kind == PROCESS and struct.unpack_from("=I", r, 24)[0] in tgids
            if not keep:
                continue
            if kind == PROCESS:
                exe = 72  # after comm[16] at 56
                r[exe + KH_EXE_NAME:] = bytes(len(r) - exe - KH_EXE_NAME)
                struct.pack_into("=I", r, 52, min(1, struct.unpack_from("=I", r, 52)[0]))
            tape.write(struct.pack("=II", len(r), ring) + r + bytes(-len(r) % 8))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
