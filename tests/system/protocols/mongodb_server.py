# SPDX-License-Identifier: Apache-2.0
"""mongodb_server.py PORT: speaks as much of MongoDB's wire protocol as a driver needs (Debian has no mongod).
find in "nothing" fails, insert into "twice" says that a key is there already, others succeed; a find
answers with as many documents as its limit says, in batches of 3."""
import socketserver
import struct
import sys

import bson

HELLO = {"ismaster": True, "maxBsonObjectSize": 16 << 20, "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000,
         "minWireVersion": 0, "maxWireVersion": 8, "readOnly": False, "ok": 1.0}


def outcome(command):
    name, value = next(iter(command.items()))
    if name.lower() in ("ismaster", "hello"):
        return HELLO
    if name == "find" and value == "nothing":
        return {"ok": 0.0, "errmsg": "s3cret is not there", "code": 26, "codeName": "NamespaceNotFound"}
    if name == "insert" and value == "twice":
        return {"n": 0, "writeErrors": [{"index": 0, "code": 11000, "errmsg": "E11000 s3cret"}], "ok": 1.0}
    if name in ("insert", "update", "delete"):
        return {"n": 1, "nModified": 1, "ok": 1.0}
    if name in ("find", "getMore", "aggregate"):
        left = command.get("limit", 2) if name == "find" else value if name == "getMore" else 2
        batch = [{"_id": i, "v": "s3cret" * 100} for i in range(min(left, 3))]
        return {"cursor": {"firstBatch" if name != "getMore" else "nextBatch": batch,
                           "id": bson.Int64(left - len(batch)), "ns": "shop.orders"}, "ok": 1.0}
    if name in ("ping", "endSessions", "killCursors", "count", "create", "drop"):
        return {"ok": 1.0, "n": 5}
    return {"ok": 0.0, "errmsg": "no such command: s3cret", "code": 59, "codeName": "CommandNotFound"}


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        number = 1000
        while True:
            head = self.rfile.read(16)
            if len(head) < 16:
                return
            size, asked, _, opcode = struct.unpack("<iiii", head)
            body = self.rfile.read(size - 16)
            number += 1
            if opcode == 2004:
                start = body.index(b"\0", 4) + 9
                text = bson.encode(outcome(bson.decode(body[start:])))
                answer = struct.pack("<iqii", 8, 0, 0, 1) + text
                opcode = 1
            else:
                flags = struct.unpack("<I", body[:4])[0]
                length = struct.unpack("<i", body[5:9])[0]
                assert opcode == 2013 and body[4] == 0
                text = bson.encode(outcome(bson.decode(body[5:5 + length])))
                if flags & 2:
                    continue
                answer = b"\0\0\0\0\0" + text
            self.wfile.write(struct.pack("<iiii", 16 + len(answer), number, asked, opcode) + answer)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
