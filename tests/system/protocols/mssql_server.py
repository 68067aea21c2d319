# SPDX-License-Identifier: Apache-2.0
"""mssql_server.py PORT: speaks as much of TDS 7.4 ([MS-TDS]) without encryption as clients need (Debian has no SQL
Server). What is asked of the table "missing" fails (208); SELECT answers with rows, 2,000 of "many"; all else with a count."""
import socketserver
import struct
import sys

BATCH, RPC, ANSWER, ATTENTION, TRANSACTION, LOGIN, PRELOGIN = 1, 3, 4, 6, 14, 16, 18
DONE, DONE_PROC, DONE_IN_PROC = 0xFD, 0xFE, 0xFF
MORE, ERROR, COUNT, ATTENDED = 1, 2, 16, 32
COLLATION = bytes.fromhex("0904d00034")
PREPARE, EXECUTE, PREPEXEC, UNPREPARE, EXECUTESQL = 11, 12, 13, 15, 10
numbers = {"sp_executesql": EXECUTESQL, "sp_prepare": PREPARE, "sp_execute": EXECUTE, "sp_prepexec": PREPEXEC,
           "sp_unprepare": UNPREPARE}


def short(text):
    return struct.pack("<B", len(text)) + text.encode("utf-16le")


def token(number, body):
    return struct.pack("<BH", number, len(body)) + body


def done(kind, status, count=0):
    return struct.pack("<BHHQ", kind, status, 0xC1, count)


def environment(kind, new, old=b"\0"):
    return token(0xE3, struct.pack("<B", kind) + new + old)


def login(body):
    at, n = struct.unpack_from("<HH", body, 68)
    database = body[at:at + 2 * n].decode("utf-16le") or "master"
    name = "Microsoft SQL Server"
    acknowledged = struct.pack("<B", 1) + bytes.fromhex("74000004") + short(name) + bytes([15, 0, 7, 208])
    return (environment(1, short(database), short("master")) + environment(7, b"\5" + COLLATION)
            + token(0xAD, acknowledged) + environment(4, short("4096"), short("4096")) + done(DONE, 0))


def prelogin():
    version, encryption = b"\x0f\0\x07\xd0\0\0", b"\2"  # ENCRYPT_NOT_SUP
    at = 2 * 5 + 1
    return (struct.pack(">BHH", 0, at, len(version)) + struct.pack(">BHH", 1, at + len(version), len(encryption)) + b"\xff"
            + version + encryption)


def rows(n):
    column = struct.pack("<IHB", 0, 9, 0xE7) + struct.pack("<H", 200) + COLLATION + short("b")
    value = "s3cret".encode("utf-16le")
    return b"\x81" + struct.pack("<H", 1) + column + (b"\xd1" + struct.pack("<H", len(value)) + value) * n


def run(statement):
    """Tokens of one statement's outcome, and whether it failed."""
    if "missing" in statement:
        text = "Invalid object name: s3cret.".encode("utf-16le")
        body = (struct.pack("<IBBH", 208, 1, 16, len(text) // 2) + text + short("stub") + short("")
                + struct.pack("<I", 1))
        return token(0xAA, body), ERROR, 0
    if statement.lstrip().upper().startswith("SELECT"):
        n = 2000 if "many" in statement else 2
        return rows(n), COUNT, n
    if statement.upper().startswith("USE "):
        return environment(1, short(statement.split()[1]), short("master")), 0, 0
    return b"", COUNT if statement.split(" ")[0] in ("INSERT", "UPDATE", "DELETE") else 0, 1


class Procedure:
    """A procedure called by its name or number, with parameters of the few types that clients use for these."""

    def __init__(self, body):
        self.body = body
        n = self.take("<H")
        if n == 0xFFFF:
            self.number = self.take("<H")
        else:
            self.number = numbers.get(self.bytes(2 * n).decode("utf-16le"), 0)
        self.take("<H")
        self.values = []
        while self.number and self.body:
            self.values.append(self.value())
            if self.number in (EXECUTESQL, EXECUTE, UNPREPARE) or len(self.values) == 3:
                break

    def bytes(self, n):
        text, self.body = self.body[:n], self.body[n:]
        return text

    def take(self, form):
        return struct.unpack(form, self.bytes(struct.calcsize(form)))[0]

    def value(self):
        self.bytes(2 * self.take("<B") + 1)
        kind = self.take("<B")
        if kind == 0x26:
            self.take("<B")
            return int.from_bytes(self.bytes(self.take("<B")), "little")
        if kind == 0x38:
            return self.take("<I")
        if kind == 0x63:
            self.bytes(9)
            return self.bytes(self.take("<I")).decode("utf-16le")
        if kind != 0xE7:
            raise ValueError(f"type {kind}")
        most = self.take("<H")
        self.bytes(5)
        if most != 0xFFFF:
            n = self.take("<H")
            return "" if n == 0xFFFF else self.bytes(n).decode("utf-16le")
        text = b""
        if self.take("<Q") == 0xFFFFFFFFFFFFFFFF:
            return ""
        while n := self.take("<I"):
            text += self.bytes(n)
        return text.decode("utf-16le")


class Session(socketserver.BaseRequestHandler):
    def read(self, n):
        text = b""
        while len(text) < n:
            more = self.request.recv(n - len(text))
            if not more:
                raise EOFError
            text += more
        return text

    def message(self):
        text = b""
        while True:
            kind, status, size = struct.unpack(">BBH4x", self.read(8))
            text += self.read(size - 8)
            if status & 1:
                return kind, text

    def answer(self, text):
        packets = [text[i:i + 4088] for i in range(0, len(text), 4088)]
        for i, packet in enumerate(packets):
            last = i + 1 == len(packets)
            self.request.sendall(struct.pack(">BBHHBB", ANSWER, last, len(packet) + 8, 51, (i + 1) & 255, 0) + packet)

    def procedure(self, body):
        call = Procedure(body)
        if call.number == UNPREPARE:
            return struct.pack("<BI", 0x79, 0) + done(DONE_PROC, 0)
        if call.number == EXECUTE:
            statement = self.prepared[call.values[0]]
        else:
            statement = call.values[2 if call.number in (PREPARE, PREPEXEC) else 0] if call.number else ""
        handle = b""
        if call.number in (PREPARE, PREPEXEC):
            self.prepared[len(self.prepared) + 1] = statement
            handle = (struct.pack("<BH", 0xAC, 0) + short("@handle") + struct.pack("<BIHBBBI", 1, 0, 0, 0x26, 4, 4,
                                                                                    len(self.prepared)))
        if call.number == PREPARE:
            return struct.pack("<BI", 0x79, 0) + handle + done(DONE_PROC, 0)
        tokens, status, count = run(statement)
        return (tokens + done(DONE_IN_PROC, status | MORE, count) + struct.pack("<BI", 0x79, status & ERROR) + handle
                + done(DONE_PROC, status & ERROR))

    def transaction(self, body):
        kind = struct.unpack_from("<H", body)[0]
        new = b"\x08" + struct.pack("<Q", 7)
        return environment({5: 8, 7: 9, 8: 10}[kind], new if kind == 5 else b"\0", b"\0" if kind == 5 else new) + done(DONE, 0)

    def handle(self):
        self.prepared = {}
        try:
            while True:
                kind, body = self.message()
                if kind in (BATCH, RPC, TRANSACTION):
                    body = body[struct.unpack_from("<I", body)[0]:]
                if kind == PRELOGIN:
                    self.answer(prelogin())
                elif kind == LOGIN:
                    self.answer(login(body))
                elif kind == BATCH:
                    tokens, status, count = run(body.decode("utf-16le"))
                    self.answer(tokens + done(DONE, status, count))
                elif kind == RPC:
                    self.answer(self.procedure(body))
                elif kind == ATTENTION:  # what was asked is answered already
                    self.answer(done(DONE, ATTENDED))
                elif kind == TRANSACTION:
                    self.answer(self.transaction(body))
        except (EOFError, ConnectionError):
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


Server(("127.0.0.1", int(sys.argv[1])), Session).serve_forever()
