# SPDX-License-Identifier: Apache-2.0
"""cassandra_server.py PORT: speaks as much of CQL's native protocol, version 4, as a driver needs (Debian has
no Cassandra). What is asked of the table "nothing" fails, as unconfigured; SELECT answers with one row."""
import socketserver
import struct
import sys

ERROR, STARTUP, READY, OPTIONS, SUPPORTED, QUERY, RESULT, PREPARE, EXECUTE, REGISTER, BATCH = (
    0x00, 0x01, 0x02, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0D)
VOID, ROWS, KEYSPACE, PREPARED = (struct.pack(">i", kind) for kind in (1, 2, 3, 4))
prepared = {}


def string(text):
    return struct.pack(">H", len(text)) + text


def columns(*names):
    text = struct.pack(">ii", 1, len(names)) + string(b"shop") + string(b"orders")
    return text + b"".join(string(name) + struct.pack(">H", 13) for name in names)


def row(**values):
    text = b"".join(struct.pack(">i", len(value)) + value for value in values.values())
    return ROWS + columns(*(name.encode() for name in values)) + struct.pack(">i", 1) + text


def rows(statement):
    if b"system.local" in statement:
        return row(key=b"local", cluster_name=b"test", data_center=b"dc1", rack=b"rack1", release_version=b"3.11.4")
    if b" system" in statement:
        return ROWS + columns(b"peer") + struct.pack(">i", 0)
    return row(v=b"s3cret" * 500)


def run(statement):
    words = statement.split()
    if b"nothing" in statement:
        return ERROR, struct.pack(">i", 0x2200) + string(b"unconfigured table s3cret")
    if words[0] == b"USE":
        return RESULT, KEYSPACE + string(words[1].strip(b'"'))
    return RESULT, rows(statement) if words[0] == b"SELECT" else VOID


def prepare(statement):
    if b"nothing" in statement:
        return run(statement)
    identity = b"id-%08d" % (len(prepared) + 1)
    prepared[identity] = statement
    bound = struct.pack(">iii", 1, 1, 0) + string(b"shop") + string(b"orders") + string(b"v") + struct.pack(">H", 13)
    return RESULT, PREPARED + string(identity) + bound + (columns(b"v") if statement.startswith(b"SELECT") else struct.pack(">ii", 4, 0))


def outcome(opcode, body):
    if opcode == OPTIONS:
        version = string(b"CQL_VERSION") + struct.pack(">H", 1) + string(b"3.4.4")
        return SUPPORTED, struct.pack(">H", 2) + version + string(b"COMPRESSION") + struct.pack(">H", 0)
    if opcode in (QUERY, PREPARE):
        statement = body[4:4 + struct.unpack(">i", body[:4])[0]]
        return run(statement) if opcode == QUERY else prepare(statement)
    if opcode == EXECUTE:
        return run(prepared[body[2:2 + struct.unpack(">H", body[:2])[0]]])
    return (RESULT, VOID) if opcode == BATCH else (READY, b"")


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            head = self.rfile.read(9)
            if len(head) < 9:
                return
            version, flags, stream, opcode, size = struct.unpack(">BBhBi", head)
            body = self.rfile.read(size)
            if version != 4:
                kind, text = ERROR, struct.pack(">i", 0x000A) + string(b"unsupported version")
            else:
                kind, text = outcome(opcode, body)
            self.wfile.write(struct.pack(">BBhBi", 0x84, 0, stream, kind, len(text)) + text)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
