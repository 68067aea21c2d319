# SPDX-License-Identifier: Apache-2.0
"""Hostile ends of the hand-over (ipc/handover.h): both what the loader and what the collector may meet.

    peers.py peer SOCKET WHAT     a peer of the loader; prints how it was answered
    peers.py loader SOCKET WHAT   a loader for the collector, until it is stopped; a line per collector
    peers.py loaders              the names of all of these, one per line
"""
import contextlib
import ctypes
import os
import socket
import struct
import sys
import time

MAGIC = 0x4C48594B
ABI = 4
HELLO = struct.Struct("=II24s")
OFFER = struct.Struct("=4I4Q4I24s64s64s32s")
PAGE = os.sysconf("SC_PAGESIZE")
RING = 1 << 16
CONTROL, COUNTERS = 1 << 17, 1 << 20
MAPPED = max(2 * PAGE + 2 * RING, CONTROL, COUNTERS)
hello = HELLO.pack(MAGIC, ABI, b"test")


def offer(magic=MAGIC, abi=ABI, status=0, cpus=1, data=RING, life=RING, control=CONTROL, counters=512, text=b"walk"):
    return OFFER.pack(magic, abi, status, cpus, data, life, control, counters, 512, 512, 1, 0, text, text, text, text)


# ---- the loader's peers ----

def connect(path, kind=socket.SOCK_SEQPACKET, patient=True):
    """Patient: waits for a place among those who are not accepted yet, whom a flood before it may have left."""
    s = socket.socket(socket.AF_UNIX, kind)
    s.settimeout(None if patient else 20)  # with one, connect(2) does not wait at all
    s.connect(path)
    s.settimeout(20)
    return s


def answer(s):
    got, fds = b"", []
    # who is refused may find the door shut before a word is said
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        got, fds, _, _ = socket.recv_fds(s, 4096, 8)
    for fd in fds:
        os.close(fd)
    return f"status {OFFER.unpack(got)[2]} descriptors {len(fds)}" if len(got) == OFFER.size else "closed"


def send_all(s, messages, fds=()):
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        for message in messages:
            socket.send_fds(s, [message], fds) if fds else s.send(message)


def one(path, message, fds=()):
    with connect(path) as s:
        send_all(s, [message], fds)
        return answer(s)


def flood(path):
    """A right hello and then ten thousand messages more; and as many on connections that are new."""
    with connect(path) as s:
        send_all(s, [hello])
        first = answer(s)
        send_all(s, [os.urandom(32)] * 10000)
    for _ in range(1000):
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            with connect(path, patient=False) as s:
                send_all(s, [os.urandom(32)] * 10)
    return first


def crowd(path):
    """A thousand at once, as many as get in; all say a hello, and nobody waits for the answer."""
    peers = []
    for _ in range(1000):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.setblocking(False)
        peers.append(s)
        with contextlib.suppress(BlockingIOError):
            s.connect(path)
            send_all(s, [hello])
    for s in peers:
        s.close()
    return "gone"


def silent(path):
    with connect(path) as s:
        return answer(s)  # after two seconds, the loader's patience


def unread(path):
    with connect(path) as s:
        send_all(s, [hello])
        time.sleep(1)
        return "gone"


def stream(path):
    with contextlib.suppress(OSError):
        connect(path, socket.SOCK_STREAM).close()
        return "connected"
    return "closed"


def half(path):
    with connect(path) as s:
        send_all(s, [hello])
        s.shutdown(socket.SHUT_WR)
        return "gone"


def with_descriptors(n):
    def ask(path):
        fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(n)]
        return one(path, hello, fds)
    return ask


def nothing_but_descriptors(path):
    return one(path, b"", [0] * 4)


def two_halves(path):
    with connect(path) as s:
        send_all(s, [hello[:16], hello[16:]])
        return answer(s)


PEERS = {
    **{f"size-{n}": (lambda path, n=n: one(path, (hello * 200)[:n])) for n in (0, 1, 31, 33, 4096)},
    "magic": lambda path: one(path, HELLO.pack(MAGIC + 1, ABI, b"")),
    "abi": lambda path: one(path, HELLO.pack(MAGIC, ABI + 1, b"")),
    "text": lambda path: one(path, HELLO.pack(MAGIC, ABI, b"%s%n\x1b[2J\xff" + b"v" * 15)),
    "two-halves": two_halves, "stream": stream, "half-closed": half, "silent": silent, "unread": unread, "flood": flood, "crowd": crowd,
    "descriptors-1": with_descriptors(1), "descriptors-4": with_descriptors(4),
    "descriptors-250": with_descriptors(250), "only-descriptors": nothing_but_descriptors,
    "right": lambda path: one(path, hello),
}


# ---- the collector's loaders ----

def memfd(size, content=b""):
    fd = os.memfd_create("given")
    os.ftruncate(fd, size)
    os.pwrite(fd, content, 0)
    return fd


def bpf_map(kind, value, entries, flags=0):
    """By bpf(2): a map as the loader makes them."""
    libc = ctypes.CDLL(None, use_errno=True)
    attr = ctypes.create_string_buffer(struct.pack("=5I", kind, 4 if value else 0, value, entries, flags), 128)
    number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    fd = libc.syscall(number, 0, attr, ctypes.sizeof(attr))
    if fd < 0:
        raise OSError(ctypes.get_errno(), "BPF_MAP_CREATE")
    return fd


def array(size):
    return bpf_map(2, size, 1, 1 << 10)


def maps():
    return [bpf_map(27, 0, RING), bpf_map(27, 0, RING), array(CONTROL), array(COUNTERS)]


def files():
    return [memfd(MAPPED) for _ in range(4)]


def shortened(_):
    """Files as long as promised, until the collector may have mapped them."""
    fds = files()

    def after():
        time.sleep(0.3)
        for fd in fds:
            os.ftruncate(fd, 0)
    return offer(), fds, after


def garbage_rings(_):
    """Arrays pose as rings: positions and lengths in them are anything, and change."""
    fds = [array(MAPPED), array(MAPPED), array(CONTROL), array(COUNTERS)]

    def after():
        import mmap
        rings = [mmap.mmap(fd, MAPPED) for fd in fds[:2]]
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            for ring in rings:
                at = int.from_bytes(os.urandom(8), "little") % (MAPPED - 64) & ~7
                ring[at:at + 64] = os.urandom(64)
                ring[PAGE:PAGE + 8] = struct.pack("=Q", int.from_bytes(os.urandom(2), "little") & ~7)
    return offer(), fds, after


def only(message, fds=()):
    return lambda _: (message, list(fds), None)


def with_maps(message):
    return lambda _: (message, maps(), None)


def instead(make):
    """Right maps, but for one, whose place it takes in turn."""
    def answer_(turn):
        fds = maps()
        os.close(fds[turn % 4])
        fds[turn % 4] = make()
        return offer(), fds, None
    return answer_


def pipe_end():
    r, w = os.pipe()
    os.close(w)
    return r


def sock():
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).detach()


LOADERS = {
    "silent": lambda _: (None, [], lambda: time.sleep(5)),
    "hangs-up": only(None),
    "empty": only(b""),
    "cut": only(offer()[:100]), "oversized": only(offer() + b"x"), "huge": only(offer() * 100),
    "magic": with_maps(offer(magic=1)), "abi": with_maps(offer(abi=7)), "abi-said": only(offer(abi=7, status=1)),
    "status": only(offer(status=9)),
    "no-descriptor": only(offer()), "one-descriptor": lambda _: (offer(), maps()[:1], None),
    "five-descriptors": lambda _: (offer(), maps() + [pipe_end()], None),
    "cpus-0": with_maps(offer(cpus=0)), "cpus-many": with_maps(offer(cpus=0xFFFFFFFF)),
    "ring-0": with_maps(offer(data=0)), "ring-odd": with_maps(offer(data=RING + PAGE)),
    "ring-huge": with_maps(offer(life=1 << 30)), "ring-2^63": with_maps(offer(data=1 << 63)),
    "ring-larger": with_maps(offer(data=2 * RING)),
    "control-small": with_maps(offer(control=8)), "control-huge": with_maps(offer(control=1 << 63)),
    "counters-small": with_maps(offer(counters=8)), "counters-huge": with_maps(offer(counters=1 << 62)),
    "text": with_maps(offer(cpus=0, text=b"\x1b[2J\n%s" * 20)),
    "swapped": lambda _: (offer(), maps()[::-1], None),
    "regular-files": lambda _: (offer(), files(), None),
    "sparse-files": lambda _: (offer(), [memfd(1 << 40) for _ in range(4)], None),
    "empty-file": instead(lambda: memfd(0)),
    "directory": instead(lambda: os.open("/", os.O_RDONLY)),
    "socket": instead(sock), "pipe": instead(pipe_end),
    "zero": instead(lambda: os.open("/dev/zero", os.O_RDWR)),
    "eventfd": instead(lambda: os.eventfd(0)),
    "shortened": shortened,
    "garbage-rings": garbage_rings,
}


def loader(path, what):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.bind(path)
        os.chmod(path, 0o666)
        s.listen()
        turn = 0
        while True:
            peer, _ = s.accept()
            with peer, contextlib.suppress(ConnectionResetError, BrokenPipeError):
                peer.recv(HELLO.size) if what != "hangs-up" else None
                message, fds, after = LOADERS[what](turn)
                if message is not None:
                    socket.send_fds(peer, [message], fds) if fds else peer.send(message)
                if after:
                    after()
                for fd in fds:
                    os.close(fd)
            turn += 1
            print(f"answered {turn}", flush=True)


if sys.argv[1] == "loaders":
    print("\n".join(LOADERS))
elif sys.argv[1] == "peer":
    print(PEERS[sys.argv[3]](sys.argv[2]))
else:
    loader(sys.argv[2], sys.argv[3])
