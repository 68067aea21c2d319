# SPDX-License-Identifier: Apache-2.0
"""asks.py PORT MARK: requests right and wrong, with a text of its own (MARK and a name) in each place that may hold a
secret; prints these texts, and last of all the one that stands in a path."""
import socket
import sys

port, mark = int(sys.argv[1]), sys.argv[2]
texts = []


def secret(name):
    texts.append(mark + name)
    return mark + name


def ask(*pieces):
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.settimeout(2)
        for piece in pieces:
            s.sendall(piece.encode("latin-1"))
        try:
            while s.recv(65536):
                pass
        except OSError:
            pass


end = "Host: shop\r\nConnection: close\r\n\r\n"
body = secret("body")
ask(f"GET /a?token={secret('query')} HTTP/1.1\r\n{end}")
ask(f"GET /a#{secret('fragment')} HTTP/1.1\r\n{end}")
ask(f"GET /a;{secret('parameter')} HTTP/1.1\r\n{end}")
ask(f"GET http://user:{secret('userinfo')}@shop/a HTTP/1.1\r\n{end}")
for field in "Authorization: Bearer ", "Proxy-Authorization: Basic ", "Cookie: session=", "X-Api-Key: ", "Referer: http://x/", \
        "User-Agent: ", "X-Forwarded-For: ", "traceparent: ", "Expect: ", "Content-Type: ":
    ask(f"GET /a HTTP/1.1\r\n{field}{secret('field-' + field[:5].strip(':-'))}\r\n{end}")
ask(f"POST /a HTTP/1.1\r\nContent-Length: {len(body)}\r\n{end}", body)
chunk = secret("chunk")
ask(f"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{end}", f"{len(chunk):x};{secret('extension')}\r\n{chunk}\r\n",
    f"0\r\nTrailer: {secret('trailer')}\r\n\r\n")
# what errors might be said about
ask(f"GET /a HTTP/9.{secret('version')}\r\n{end}")
ask(f"{secret('method')} /a HTTP/1.1\r\n{end}")
ask(f"GET /a HTTP/1.1\r\n{secret('no-colon')}\r\n{end}")
ask(f"GET /a HTTP/1.1\r\nContent-Length: {secret('length')}\r\n{end}")
ask(f"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{end}", f"{secret('chunk-size')}\r\n")
ask(f"GET /a HTTP/1.1\r\nHost: {secret('host')} \x01\r\nConnection: close\r\n\r\n")
ask(f"GET /a HTTP/1.1\r\nAuthorization: {secret('cut-off')}")
ask("\x16\x03\x01" + secret("no-http"))
ask(f"GET /with/{mark}path HTTP/1.1\r\n{end}")
print("\n".join(texts + [mark + "set-cookie", mark + "answer", mark + "reason", mark + "location", mark + "path"]))
