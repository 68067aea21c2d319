# SPDX-License-Identifier: Apache-2.0
"""streams.py SEGMENTS SOCKET GO: plays connections of no protocol in particular and compares what BPF
tells of them (by tests/system/segments) with what was sent and received. The line `older` says that
those are open that shall be older than the loader; the named pipe GO then says its backend. A line
for each test: `ok` or `not`, its name and what is wrong, with tabs between."""

import ctypes
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

HEAD, PROBE, CALL, TAIL, PROBES = 4096, 2048, 16384, 64, 512
FIRST, FIRSTS = 7168, 32  # bytes of each of the first calls of TCP
MORE, CLOSE, RESET = 1, 4, 5
SERVER, CLIENT = 1, 2
TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP


class Reader:
    """The program that reads the rings."""

    def __init__(self, program, path):
        self.process = subprocess.Popen([program, path], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.process.stderr.readline() != "ready\n":
            raise SystemExit("segments did not connect")
        self.syncs = 0
        self.counters = {}
        self.exchanges = []

    def say(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def rest(self, ms):
        """Nothing is read for so long, from now on."""
        self.say("rest", ms)
        for line in self.process.stdout:
            if "rest" in json.loads(line):
                return

    def read(self):
        """All segments that were told up to now and not read yet."""
        self.syncs += 1
        self.say("sync", self.syncs)
        found = []
        for line in self.process.stdout:
            record = json.loads(line)
            if record.get("sync") == str(self.syncs):
                self.counters = record
                return found
            if "invalid" in record:
                found.append(record)
            if "exchange" in record:
                self.exchanges.append(record["exchange"])
            if "cookie" in record:
                record["head"] = bytes.fromhex(record["head"])
                record["tail"] = bytes.fromhex(record["tail"])
                found.append(record)
        raise SystemExit("segments ended")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Wrong(Exception):
    pass


def expect(what, got, want):
    if got != want:
        raise Wrong(f"{what}: got {got!r}, want {want!r}")


def cookie(sock):
    return struct.unpack("Q", sock.getsockopt(socket.SOL_SOCKET, 57, 8))[0]  # SO_COOKIE


def of(segments, *sockets):
    numbers = [s if isinstance(s, int) else cookie(s) for s in sockets]
    return [s for s in segments if s.get("cookie") in numbers]


class Pair:
    """A connection over loopback, both of its ends ours."""

    def __init__(self, family=socket.AF_INET, host="127.0.0.1", listen="127.0.0.1"):
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.bind((listen, 0))
            listener.listen(4)
            port = listener.getsockname()[1]
            self.client = socket.create_connection((host, port))
            self.server = listener.accept()[0]
        self.port = port
        self.client_cookie, self.server_cookie = cookie(self.client), cookie(self.server)

    def close(self):
        self.client.close()
        self.server.close()


def receive(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            break
        data += more
    return data


def whole(segments, data, name, capture=PROBE):
    """The segments of one call that moved `data`."""
    at = 0
    for i, s in enumerate(segments):
        last = i == len(segments) - 1
        want = min(HEAD, capture - at, len(data) - at)
        expect(f"{name}: head at {at}", s["head"], data[at:at + want])
        if last:
            expect(f"{name}: len", s["len"], len(data) - at)
            rest = len(data) - at - want
            expect(f"{name}: tail", s["tail"], data[len(data) - min(TAIL, rest):] if rest else b"")
        else:
            expect(f"{name}: tail amidst a call", s["tail"], b"")
            expect(f"{name}: len amidst a call", s["len"], want)
        if i:
            expect(f"{name}: seq", s["seq"], (segments[0]["seq"] + at) % 2**32)
        at += want
    if at < min(capture, len(data)):
        raise Wrong(f"{name}: told {at} of {min(capture, len(data))} bytes")


# ---- TCP ----

def binary(n, seed=1):
    return bytes((i * 7 + seed * 13 + (i >> 8)) & 255 | 128 for i in range(n))


def conversation(reader, **how):
    """Requests and answers: bytes, directions, places, owners, roles, addresses, the end."""
    pair = Pair(**how)
    told = []
    for i in range(3):
        question, answer = binary(20 + i, i), binary(50, i + 9)
        pair.client.sendall(question)
        receive(pair.server, len(question))
        pair.server.sendall(answer)
        receive(pair.client, len(answer))
        told += [question, answer]
    names = pair.client.getsockname(), pair.server.getsockname()
    pair.client.close()
    expect("the server sees the end", pair.server.recv(10), b"")
    pair.server.close()
    time.sleep(0.2)
    segments = reader.read()
    for side, number, first, role in (("client", pair.client_cookie, 1, CLIENT),
                                      ("server", pair.server_cookie, 0, SERVER)):
        found = of(segments, number)
        expect(f"{side}: segments", len(found), 7)
        following = {}
        for i, (s, data) in enumerate(zip(found, told)):
            sent = (i + first) % 2
            expect(f"{side} {i}: sent", s["sent"], sent)
            expect(f"{side} {i}: head", s["head"], data)
            expect(f"{side} {i}: len and reason", (s["len"], s["reason"], s["tail"]),
                   (len(data), MORE, b""))
            expect(f"{side} {i}: role", s["role"], role)
            expect(f"{side} {i}: transport", s["transport"], TCP)
            expect(f"{side} {i}: owner", (s["tgid"], s["tid"]), (os.getpid(), os.getpid()))
            if sent in following:
                expect(f"{side} {i}: seq", s["seq"], following[sent])
            if 1 - sent in following:
                expect(f"{side} {i}: other", s["other"], following[1 - sent])
            following[sent] = (s["seq"] + s["len"]) % 2**32
        local, remote = names if role == CLIENT else names[::-1]
        expect(f"{side}: local", found[0]["local"], [plain(local[0]), local[1]])
        expect(f"{side}: remote", found[0]["remote"], [plain(remote[0]), remote[1]])
        end = found[-1]
        expect(f"{side}: the end", (end["len"], end["reason"], end["error"], end["tgid"]),
               (0, CLOSE, 0, 0))
    both = of(segments, pair.client_cookie, pair.server_cookie)
    sent, got = [[s["seq"] for s in both if s["sent"] == way and s["len"]] for way in (1, 0)]
    expect("numbers are the same on both sides", sorted(sent), sorted(got))


def plain(address):
    return address.removeprefix("::ffff:")


def long_calls(reader):
    """While nothing is decided: the first bytes of each call, its length and its tail."""
    pair = Pair()
    first = (1024, HEAD, HEAD + 1, FIRST, FIRST + 1, FIRST + TAIL, 9000, 60000) * (FIRSTS // 8)
    expect("first calls", len(first), FIRSTS)
    for sizes, capture in (first, FIRST), ((1024, PROBE, PROBE + 1, PROBE + TAIL, 5000, 60000), PROBE):
        for n in sizes:
            pair.client.sendall(binary(n, n))
            receive(pair.server, n)
            whole(of(reader.read(), pair.client), binary(n, n), f"{n} bytes", capture)
    pair.close()


def iovecs(reader):
    """Scattered lists, both ways, with the start and the tail in several pieces."""
    pair = Pair()
    data = binary(6000)
    pieces = [data[:5], data[5:700], data[700:5950], data[5950:5990], data[5990:]]
    pair.client.sendmsg(pieces)
    time.sleep(0.05)
    buffers = [bytearray(7), bytearray(1000), bytearray(4970), bytearray(23)]
    pair.server.recvmsg_into(buffers)
    segments = reader.read()
    whole(of(segments, pair.client), data, "sent", FIRST)
    whole(of(segments, pair.server), data, "received", FIRST)
    pair.close()


def decided(reader):
    """What the collector wants of a stream holds from the next call on, and its role with it."""
    pair = Pair()
    pair.client.sendall(binary(30))
    receive(pair.server, 30)
    reader.say("stream", pair.client_cookie, CALL, SERVER)
    reader.say("stream", pair.server_cookie, 64, CLIENT)
    reader.read()
    for n in (10, 4096, 4097, 9000, 16384, 40000):
        pair.client.sendall(binary(n, n))
        time.sleep(0.05)
        got = pair.server.recv(n)
        while len(got) < n:
            got += pair.server.recv(n - len(got))
        segments = reader.read()
        sent = of(segments, pair.client)
        whole(sent, binary(n, n), f"{n} bytes sent", CALL)
        expect(f"{n} bytes: role", {s["role"] for s in sent}, {SERVER})
        came = of(segments, pair.server)
        whole(came[:1], binary(n, n)[:came[0]["len"]], f"{n} bytes received", 64)
        expect(f"{n} bytes: role there", came[0]["role"], CLIENT)
    before = reader.counters["other_protocol"]
    reader.say("stream", pair.client_cookie, 0, 0)
    reader.read()
    for _ in range(3):
        pair.client.sendall(b"\xffno longer")
    receive(pair.server, 30)
    expect("after it was not wanted", of(reader.read(), pair.client), [])
    expect("counted", reader.counters["other_protocol"] - before, 1)
    reader.say("stream", pair.client_cookie, 100, CLIENT)
    reader.read()
    pair.client.sendall(b"\xffno longer")
    expect("for good", of(reader.read(), pair.client), [])
    client = pair.client_cookie
    pair.close()
    time.sleep(0.1)
    expect("nor its end", of(reader.read(), client), [])


def told_calls(reader, pair, n, data):
    """What is told of that many calls, read meanwhile: the ring does not get half full."""
    found = []
    for i in range(n):
        pair.client.sendall(data)
        if i % 64 == 0:
            found += of(reader.read(), pair.client)
    return found + of(reader.read(), pair.client)


def undecided(reader):
    """Without a decision it is told no further; a late one still holds."""
    pair = Pair()
    data = binary(10)
    reader.read()
    before = reader.counters["undecided"]
    segments = told_calls(reader, pair, PROBES + 44, data)
    expect("calls told", len(segments), PROBES)
    if reader.counters["undecided"] == before:
        raise Wrong("it is not counted")
    receive(pair.server, (PROBES + 44) * len(data))
    reader.say("stream", pair.client_cookie, 100, CLIENT)
    reader.read()
    pair.client.sendall(data)
    later = of(reader.read(), pair.client)
    whole(later, data, "after the decision", 100)
    expect("what was not told shows by its place", later[0]["seq"],
           (segments[-1]["seq"] + 45 * len(data)) % 2**32)
    pair.close()


def crowded(reader):
    """While the ring is half full streams wait that may be of no use; and are told later."""
    pair = Pair()
    reader.read()
    before = reader.counters["undecided_calls"]
    reader.rest(3000)
    for _ in range(200):
        pair.client.sendall(binary(1024))
    segments = of(reader.read(), pair.client)
    dropped = reader.counters["undecided_calls"] - before
    if dropped < 200 - len(segments):  # others' may be among them
        raise Wrong(f"{len(segments)} calls told and {dropped} not, of 200")
    if not 0 < len(segments) < 128:
        raise Wrong(f"{len(segments)} calls told, where half of 256 KiB is theirs")
    receive(pair.server, 200 * 1024)
    more = told_calls(reader, pair, PROBES, b"\x84")
    expect("those that were not told are no probes", len(more), PROBES - len(segments))
    pair.close()


def another_slot(reader):
    """A decision about another stream of the same hash is not taken for one's own."""
    pair = Pair()
    other = next(n for n in range(10**6, 2 * 10**6)
                 if (n * 0x9e3779b97f4a7c15 % 2**64 >> 40) & 4095 ==
                 (pair.client_cookie * 0x9e3779b97f4a7c15 % 2**64 >> 40) & 4095)
    reader.say("stream", other, 0, 0)
    reader.read()
    pair.client.sendall(b"\x80hello")
    expect("segments", len(of(reader.read(), pair.client)), 1)
    pair.close()


def gap(reader):
    """Bytes that are sent from kernel pages, or taken by splice: they are lengths, or gaps."""
    pair = Pair()
    pair.client.sendall(b"\x81first")
    receive(pair.server, 6)
    with open("/proc/self/exe", "rb") as file:
        os.sendfile(pair.client.fileno(), file.fileno(), 0, 5000)
    r, w = os.pipe()
    left = 5000
    while left:
        left -= os.splice(pair.server.fileno(), w, left)
        os.read(r, 65536)
    pair.client.sendall(b"\x81last")
    receive(pair.server, 5)
    segments = reader.read()
    came = of(segments, pair.server)
    expect("received", [s["head"] for s in came], [b"\x81first", b"\x81last"])
    expect("its gap", (came[1]["seq"] - came[0]["seq"]) % 2**32, 5006)
    sent = of(segments, pair.client)
    expect("sent, the first and the last", (sent[0]["head"], sent[-1]["head"]),
           (b"\x81first", b"\x81last"))
    expect("the bytes between", {s["head"] for s in sent[1:-1]} - {b""}, set())
    expect("their places", (sent[-1]["seq"] - sent[0]["seq"]) % 2**32, 5006)
    os.close(r)
    os.close(w)
    pair.close()


def fin(reader):
    """Bytes that are read together with the FIN, and a side that goes on behind its own FIN."""
    pair = Pair()
    pair.client.sendall(b"\x82ab")
    pair.client.shutdown(socket.SHUT_WR)
    time.sleep(0.1)
    pair.server.recv(100)
    pair.server.sendall(b"\x82answer")
    receive(pair.client, 7)
    segments = reader.read()
    sent, came = of(segments, pair.client), of(segments, pair.server)
    expect("seq of what came with the FIN", came[0]["seq"], sent[0]["seq"])
    expect("the answer knows all that came", came[1]["other"], (sent[0]["seq"] + 3) % 2**32)
    expect("behind its own FIN it knows what it sent", sent[1]["other"],
           (sent[0]["seq"] + 3) % 2**32)
    pair.close()


def reset(reader):
    pair = Pair()
    pair.client.sendall(b"\x83abc")
    receive(pair.server, 4)
    pair.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client, server = pair.client_cookie, pair.server_cookie
    pair.client.close()
    time.sleep(0.1)
    try:
        pair.server.recv(10)
    except ConnectionResetError:
        pass
    segments = reader.read()
    end = of(segments, server)[-1]
    expect("the server's end", (end["len"], end["reason"], end["error"]), (0, RESET, 104))
    pair.close()
    time.sleep(0.1)
    ends = [s for s in segments + reader.read() if not s.get("len")]
    expect("ends told", (len(of(ends, server)), len(of(ends, client))), (1, 1))


def upgrade(reader):
    """A connection that leaves HTTP becomes a stream that begins with the answer."""
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
    pair = Pair()
    pair.client.sendall(b"GET /h2c HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n")
    pair.server.recv(1000)
    expect("HTTP is no stream", of(reader.read(), pair.client, pair.server), [])
    pair.server.sendall(answer)
    pair.client.recv(1000)
    pair.client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    pair.server.recv(1000)
    pair.server.sendall(b"\0\0\0\4\0\0\0\0\0")
    pair.client.recv(1000)
    segments = reader.read()
    for sock, role in ((pair.client, CLIENT), (pair.server, SERVER)):
        found = of(segments, sock)
        expect("answer, and what comes next", [s["head"] for s in found],
               [answer, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0\0\0\4\0\0\0\0\0"])
        expect("its role", {s["role"] for s in found}, {role})
        expect("its owner", {s["tgid"] for s in found}, {os.getpid()})
        sent = found[0]["sent"]
        expect("its beginning", found[0]["isn"],
               [found[0]["seq" if sent else "other"], found[0]["other" if sent else "seq"]])
        expect("places", [(s["seq"], s["other"]) for s in found[1:]],
               [(found[0]["other"], (found[0]["seq"] + len(answer)) % 2**32),
                ((found[0]["seq"] + len(answer)) % 2**32, (found[0]["other"] + 24) % 2**32)])
    pair.close()


def look_alikes(reader):
    """What begins as a request of HTTP might, and is none."""
    for first in (b'CONNECT {"verbose":false}\r\n', b"PUB hello 5\r\nhello\r\n", b"SUB * 1\r\n",
                  b"PRI * HTTP/2.0\r\n\r\n", b"PING\r\n", b"SELECT * FROM a\0"):
        pair = Pair()
        pair.client.sendall(first)
        pair.server.recv(100)
        expect(repr(first), [s["head"] for s in of(reader.read(), pair.client, pair.server)],
               [first, first])
        pair.close()
    for first in (b"GET http://a/ HTTP/1.1\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n",
                  b"OPTIONS * HTTP/1.1\r\n\r\n", b"GET h"):
        pair = Pair()
        pair.client.sendall(first)
        pair.server.recv(100)
        expect(repr(first), of(reader.read(), pair.client, pair.server), [])
        pair.close()


def late_http(reader):
    """Taken for a stream at first, then it speaks HTTP: the stream ends."""
    pair = Pair()
    pair.client.sendall(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n")
    pair.server.recv(100)
    pair.client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    pair.server.recv(100)
    segments = reader.read()
    for sock in pair.client, pair.server:
        expect("segments", [(s["len"] > 0, s["reason"]) for s in of(segments, sock)],
               [(True, MORE), (False, CLOSE)])
    pair.close()


def letters(reader):
    """A server that reads a message's first letter by itself, as all methods begin: after another
    one was answered it is no HTTP. Behind a header that has no answer it is."""
    hello, answer, after = b"\0\0\0\x08\0\3\0\0", b"R\0\0\0\x08\0\0\0\0", b"\0\0\0\x09TTP \0"
    for letter in b"QDHCGPTO":
        pair, told = Pair(), [hello, answer]
        pair.client.sendall(hello)
        receive(pair.server, len(hello))
        pair.server.sendall(answer)
        receive(pair.client, len(answer))
        for _ in range(2):
            message = bytes([letter]) + after
            pair.client.sendall(message)
            receive(pair.server, 1)
            receive(pair.server, len(after))
            told += [message[:1], after]
        expect(chr(letter), [s["head"] for s in of(reader.read(), pair.server)], told)
        pair.close()
    pair = Pair()
    pair.client.sendall(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n")
    pair.server.recv(100)
    pair.client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    receive(pair.server, 1)
    pair.server.recv(100)
    expect("a request's letter", [s["len"] > 0 for s in of(reader.read(), pair.server)],
           [True, False])
    pair.close()


def threads(reader):
    """Two threads on one socket: each call once, whatever their order."""
    pair = Pair()
    size, calls = 100, 60

    def send(mark):
        for _ in range(calls):
            pair.client.send(bytes([mark]) * size)

    both = [threading.Thread(target=send, args=(mark,)) for mark in (200, 201)]
    for t in both:
        t.start()
    for t in both:
        t.join()
    receive(pair.server, 2 * calls * size)
    sent = of(reader.read(), pair.client)
    expect("calls", len(sent), 2 * calls)
    expect("bytes", sum(s["len"] for s in sent), 2 * calls * size)
    pair.close()


def bounded(reader):
    """No more than --streams (64) at once; room that was left is taken again."""
    pairs = [Pair() for _ in range(40)]
    for p in pairs:
        p.client.sendall(b"\x85x")
        p.server.recv(10)
    told = {s["cookie"] for s in reader.read() if "cookie" in s}
    ours = {c for p in pairs for c in (p.client_cookie, p.server_cookie)}
    if not 32 <= len(told & ours) <= 64:
        raise Wrong(f"{len(told & ours)} streams of 80, where 64 are allowed")
    for p in pairs:
        p.close()
    time.sleep(0.3)
    pair = Pair()
    pair.client.sendall(b"\x85x")
    expect("later", len(of(reader.read(), pair.client)), 1)
    pair.close()


def ignored(reader):
    """Verdicts are about streams, too."""
    pair = Pair()
    pair.client.sendall(b"\x86x")
    cgroup = of(reader.read(), pair.client)[0]["cgroup"]
    reader.say("ignore", cgroup)
    reader.read()
    pair.client.sendall(b"\x86y")
    expect("of a cgroup that is ignored", of(reader.read(), pair.client), [])
    pair.close()


class Older:
    """Connections that are there before the loader: on one the server waits already."""

    def __init__(self):
        self.pair, self.waiting, self.http = Pair(), Pair(), Pair()
        self.pair.client.sendall(b"\x87before")
        receive(self.pair.server, 7)
        self.thread = threading.Thread(target=self.wait)
        self.thread.start()

    def wait(self):
        self.waiting.server.recv(100)

    def test(self, reader):
        """Their first calls are told, once; who opened them is not known."""
        self.waiting.client.sendall(b"\x87waited for")
        self.thread.join()
        self.waiting.client.sendall(b"\x87again")
        receive(self.waiting.server, 6)
        self.pair.client.sendall(b"\x87after")
        receive(self.pair.server, 6)
        segments = reader.read()
        for sock in self.waiting.client, self.waiting.server:
            expect("the one waited for", [s["head"] for s in of(segments, sock)],
                   [b"\x87waited for", b"\x87again"])
        for sock in self.pair.client, self.pair.server:
            expect("the other", [(s["head"], s["role"]) for s in of(segments, sock)],
                   [(b"\x87after", 0)])
        self.pair.close()
        self.waiting.close()

    def test_http(self, reader):
        """In the middle of a long body nothing looks like HTTP; the next request does."""
        for _ in range(PROBES + 10):
            self.http.client.sendall(binary(10))
            receive(self.http.server, 10)
        cookies = self.http.client_cookie, self.http.server_cookie
        reader.say("stream", cookies[0], 0, 0)  # and one of them is found to be nothing
        reader.read()
        self.http.server.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        self.http.client.recv(100)
        self.http.client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.http.server.recv(100)
        self.http.server.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        self.http.client.recv(100)
        reader.read()
        expect("exchanges", [reader.exchanges.count(c) for c in cookies], [1, 1])
        self.http.close()


def next_collector(program, path, reader):
    """Another collector knows nothing of what was decided before; what was not wanted stays so."""
    pair, other = Pair(), Pair()
    reader.say("stream", pair.client_cookie, 100, CLIENT)
    reader.say("stream", other.client_cookie, 0, 0)
    reader.read()
    for p in pair, other:
        p.client.sendall(binary(2000))
    whole(of(reader.read(), pair.client), binary(2000), "decided", 100)
    reader.close()
    reader = Reader(program, path)
    for p in pair, other:
        p.client.sendall(binary(5000))
    segments = reader.read()
    whole(of(segments, pair.client), binary(5000), "undecided", FIRST)
    expect("not wanted", of(segments, other.client), [])
    pair.close()
    other.close()
    return reader


# ---- UDP ----

class Datagrams:
    def __init__(self, family=socket.AF_INET, host="127.0.0.1", connect=True, bind=None):
        self.server = socket.socket(family, socket.SOCK_DGRAM)
        self.server.bind((bind or host, 0))
        self.to = host, self.server.getsockname()[1]
        self.client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET,
                                    socket.SOCK_DGRAM)
        if connect:
            self.client.connect(self.to)

    def close(self):
        self.client.close()
        self.server.close()


def datagram(name, s, sent, data, local, remote):
    expect(f"{name}: head", s["head"] + s["tail"], data)
    expect(f"{name}: kind", (s["transport"], s["sent"], s["len"], s["seq"], s["other"]),
           (UDP, sent, len(data), 0, 0))
    expect(f"{name}: owner", s["tgid"], os.getpid())
    if local:
        expect(f"{name}: local", s["local"], list(local))
    if remote:
        expect(f"{name}: remote", s["remote"], list(remote))


def knows_sender(backend):
    """Where a received datagram came from is seen by fexit alone."""
    return "fexit" in backend


def connected(reader, family=socket.AF_INET, host="127.0.0.1"):
    d = Datagrams(family, host)
    d.client.send(b"question")
    _, back = d.server.recvfrom(100)
    d.server.sendto(b"the answer", back[:2])
    d.client.recv(100)
    segments = reader.read()
    me = d.client.getsockname()[:2]
    sent, came = of(segments, d.client)
    datagram("question", sent, 1, b"question", me, d.to)
    datagram("answer", came, 0, b"the answer", me, d.to)
    came, sent = of(segments, d.server)
    datagram("question there", came, 0, b"question", d.to, me if knows_sender(BACKEND) else None)
    datagram("answer there", sent, 1, b"the answer", d.to, me)
    d.close()


def unconnected(reader):
    """Addresses that only the calls name; with sendto, sendmsg, recvfrom and recvmsg."""
    d = Datagrams(connect=False)
    d.client.sendto(b"one", d.to)
    d.client.sendmsg([b"t", b"wo"], [], 0, d.to)
    me = ("127.0.0.1", d.client.getsockname()[1])
    expect("", d.server.recvfrom(100), (b"one", me))
    expect("", d.server.recvmsg(100)[0], b"two")
    segments = reader.read()
    sent = of(segments, d.client)
    expect("sent", len(sent), 2)
    datagram("sendto", sent[0], 1, b"one", None, d.to)
    datagram("sendmsg", sent[1], 1, b"two", None, d.to)
    came = of(segments, d.server)
    from_whom = me if knows_sender(BACKEND) else ("0.0.0.0", 0)
    datagram("recvfrom", came[0], 0, b"one", d.to, from_whom)
    datagram("recvmsg", came[1], 0, b"two", d.to, from_whom)
    d.close()


def both_families(reader):
    """An IPv6 socket that sends to and receives from IPv4: told once, as IPv4."""
    d = Datagrams(socket.AF_INET6, "127.0.0.1", connect=False, bind="::")
    d.client.sendto(b"to six", d.to)
    back = d.server.recvfrom(100)[1]
    d.server.sendto(b"from six", back)
    d.client.recvfrom(100)
    segments = reader.read()
    me = ("127.0.0.1", d.client.getsockname()[1])
    found = of(segments, d.server)
    expect("segments", len(found), 2)
    datagram("answer", found[1], 1, b"from six", None, me)
    if knows_sender(BACKEND):
        datagram("question", found[0], 0, b"to six", None, me)
    d.close()


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32),
                ("iov", ctypes.POINTER(Iovec)), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("hdr", Msghdr), ("len", ctypes.c_uint)]


def vector(payloads, name):
    """As many messages, each with one buffer and room for an address."""
    keep, messages = [], (Mmsghdr * len(payloads))()
    for m, payload in zip(messages, payloads):
        buffer = ctypes.create_string_buffer(payload, len(payload))
        address = ctypes.create_string_buffer(name, 16)
        iov = Iovec(ctypes.cast(buffer, ctypes.c_void_p), len(payload))
        m.hdr = Msghdr(ctypes.cast(address, ctypes.c_void_p), 16, ctypes.pointer(iov), 1)
        keep += [buffer, address, iov]
    return messages, keep


def vectors(reader):
    """sendmmsg and recvmmsg: a segment for each message, with its own bytes and address."""
    libc = ctypes.CDLL(None, use_errno=True)
    d = Datagrams(connect=False)
    name = struct.pack("=H", socket.AF_INET) + struct.pack("!H", d.to[1]) + socket.inet_aton("127.0.0.1")
    payloads = [b"A" * 10, b"B" * 20, b"C" * 30]
    for _ in range(2):
        messages, keep = vector(payloads, name)
        expect("sendmmsg", libc.sendmmsg(d.client.fileno(), messages, 3, 0), 3)
    room, keep = vector([b"\0" * 100] * 3, b"")
    for _ in range(2):
        expect("recvmmsg", libc.recvmmsg(d.server.fileno(), room, 3, 0, None), 3)
        for i in range(3):
            room[i].hdr.namelen = 16
    segments = reader.read()
    for sock, sent in ((d.client, 1), (d.server, 0)):
        found = of(segments, sock)
        expect("messages", [s["head"] for s in found], payloads * 2)
        for s in found:
            datagram("message", s, sent, s["head"], None, d.to if sent else None)
    d.close()


def large_datagrams(reader):
    """One segment each, with its tail."""
    d = Datagrams()
    for n in (1024, PROBE + 4, 5000):
        d.client.send(binary(n, n))
        d.server.recv(n)
    sent = of(reader.read(), d.client)
    for n, s in zip((1024, PROBE + 4, 5000), sent):
        whole([s], binary(n, n), f"{n} bytes")
    reader.say("stream", cookie(d.client), CALL, CLIENT)
    reader.read()
    d.client.send(binary(9000))
    sent = of(reader.read(), d.client)
    expect("segments", len(sent), 1)
    whole(sent, binary(9000), "9000 bytes", HEAD)
    reader.say("stream", cookie(d.client), 0, 0)
    reader.read()
    d.client.send(b"no longer")
    expect("after it was not wanted", of(reader.read(), d.client), [])
    d.close()


def looked_at(reader):
    """What only looks, or throws away, tells no bytes that it has not got."""
    d = Datagrams()
    d.client.send(b"look")
    d.server.recv(100, socket.MSG_PEEK)
    d.server.recv(100)
    d.client.send(b"x" * 50)
    d.server.recv(10, socket.MSG_TRUNC)
    d.client.send(b"")
    d.server.recv(10)
    found = of(reader.read(), d.server)
    expect("segments", [(s["head"], s["len"]) for s in found], [(b"look", 4), (b"", 50)])
    d.close()


TESTS = (
    ("a conversation", conversation),
    ("IPv6", lambda r: conversation(r, family=socket.AF_INET6, host="::1", listen="::")),
    ("a v4-mapped address", lambda r: conversation(r, family=socket.AF_INET6, listen="::")),
    ("long calls", long_calls),
    ("scattered buffers", iovecs),
    ("a decision", decided),
    ("no decision", undecided),
    ("a crowded ring", crowded),
    ("another stream's decision", another_slot),
    ("bytes not seen", gap),
    ("the FIN", fin),
    ("a reset", reset),
    ("a connection that leaves HTTP", upgrade),
    ("what looks like HTTP", look_alikes),
    ("HTTP behind something else", late_http),
    ("letters by themselves", letters),
    ("two threads", threads),
    ("the bound", bounded),
    ("UDP: connected", connected),
    ("UDP: IPv6", lambda r: connected(r, socket.AF_INET6, "::1")),
    ("UDP: unconnected", unconnected),
    ("UDP: both families", both_families),
    ("UDP: sendmmsg and recvmmsg", vectors),
    ("UDP: large", large_datagrams),
    ("UDP: peeked and cut", looked_at),
    ("the next collector", lambda r: next_collector(sys.argv[1], sys.argv[2], r)),
    ("a verdict", ignored),  # the last one: nothing more is told
)


def run(reader, name, test):
    """Returns the reader that is there afterwards."""
    try:
        time.sleep(0.05)
        reader.read()
        before = reader.counters
        reader = test(reader) or reader
        print(f"ok\t{name}")
    except (Wrong, ValueError, IndexError, OSError) as wrong:
        moved = {k: n - before[k] for k, n in reader.counters.items() if k != "sync" and n != before[k]}
        wrong = f"{type(wrong).__name__}: {wrong}"[:1500]
        print(f"not\t{name}\t{wrong} (counted by BPF: {moved})".replace("\n", " "))
    return reader


if __name__ == "__main__":
    OLDER = Older()
    time.sleep(0.5)
    print("older", flush=True)
    with open(sys.argv[3], encoding="ascii") as GO:
        BACKEND = GO.read()
    READER = Reader(sys.argv[1], sys.argv[2])
    for NAME, TEST in (("connections older than Keyhole", OLDER.test),
                       ("HTTP older than Keyhole", OLDER.test_http)) + TESTS:
        READER = run(READER, NAME, TEST)
    READER.close()
