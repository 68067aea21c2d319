# SPDX-License-Identifier: Apache-2.0
"""nats_client.py PORT NAME [FIFO]: connects, subscribes to NAME.new and NAME.ask, and says "ready"; once
something can be read from FIFO publishes 30 times to NAME.new, asks 10 times NAME.ask (which it answers
itself) and 5 times NAME.none, to which nobody listens. Says "done"."""
import socket
import sys


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")
        assert self.file.readline().startswith(b"INFO ")
        self.say(b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"pass":"s3cret"}\r\nPING\r\n')
        self.until(b"PONG")

    def say(self, text):
        self.socket.sendall(text)

    def message(self):
        """The next line, and the block after it."""
        line = self.file.readline().rstrip(b"\r\n")
        words = line.split(b" ")
        block = self.file.read(int(words[-1]) + 2)[:-2] if words[0] in (b"MSG", b"HMSG") else b""
        if words[0] == b"PING":
            self.say(b"PONG\r\n")
            return self.message()
        return words, block

    def until(self, verb):
        while True:
            words, block = self.message()
            assert words[0] != b"-ERR", words
            if words[0] == verb:
                return words, block


port, name = int(sys.argv[1]), sys.argv[2].encode()
client, helper = Client(port), Client(port)
helper.say(b"SUB %b.ask 1\r\nPING\r\n" % name)
helper.until(b"PONG")
client.say(b"SUB %b.new 1\r\nSUB _INBOX.%b.* 2\r\nPING\r\n" % (name, name))
client.until(b"PONG")
print("ready", flush=True)
if len(sys.argv) > 3:
    open(sys.argv[3]).read()
for i in range(30):
    client.say(b"PUB %b.new 5\r\nhello\r\n" % name)
for i in range(30):
    client.until(b"MSG")
for i in range(10):
    client.say(b"PUB %b.ask _INBOX.%b.%d 2\r\nhi\r\n" % (name, name, i))
    words, _ = helper.until(b"MSG")
    helper.say(b"PUB %b 2\r\nyo\r\n" % words[3])
    client.until(b"MSG")
for i in range(5):
    client.say(b"PUB %b.none _INBOX.%b.n%d 2\r\nhi\r\n" % (name, name, i))
    words, block = client.until(b"HMSG")
    assert b" 503" in block, block
print("done", flush=True)
