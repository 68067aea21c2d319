# SPDX-License-Identifier: Apache-2.0
"""How fake_apiserver.py can be told to go wrong.

Modes: ok; 401 403 410 429 500 503 504 (that status, with a Status body); garbage html huge short
endless bomb (200 and nonsense); hang (no answer); down (closes without one); gone (a watch ends with an ERROR
event, a page with 410); gone-http (a watch is answered 410); half (a watch is closed in the middle of
the next event); unending (a watch has an event that goes on for ever).

Settings (SETTINGS has the usual values):
    chunk        bytes of a body that are sent at once, each piece a chunk of its own; 0: as they come
    first        the first piece alone has so many bytes
    cut          the connection is closed after so many bytes of a body; -1: never
    trailers     lines of 500 bytes behind a body in chunks
    pause        seconds between two pieces
    content_type of a 200 answer
    watch_list   streaming lists: on (1.34 and later), off (422), ignored (an ordinary watch)
    mark         the bookmark after a stream's first objects is sent
    future_wait  seconds before the 504 for a list of the future
"""
import functools
import gzip
import time

SETTINGS = {"chunk": 0, "first": 0, "cut": -1, "trailers": 0, "pause": 0, "content_type": "application/json", "watch_list": "on",
            "mark": True, "future_wait": 3}
REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 406: "NotAcceptable", 410: "Expired",
           422: "Invalid", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}
REFUSALS = {"401": "Unauthorized", "410": "too old resource version", "429": "too many requests",
            "403": None, "500": "etcdserver: request timed out", "503": "apiserver is shutting down",
            "504": "Too large resource version: 99, current: 9"}
LIST = b'{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":['
NONSENSE = {"garbage": b'\x00\xff{"kind": "PodList", "items": [{]}',
            "html": b"<!DOCTYPE html><html><body>Sign in to the hotel's network</body></html>",
            "huge": LIST + b'{"metadata":{"name":"' + b"x" * (3 << 20) + b'"}}]}',
            "short": LIST[:-2],
            "endless": LIST + b" " * (8 << 20) + b"]}"}


@functools.cache
def nonsense(mode):
    """(body, headers) of a 200 answer; None if `mode` is not of this sort."""
    if mode == "bomb":
        return gzip.compress(LIST + b" " * (64 << 20) + b"]}", 1), [("Content-Encoding", "gzip")]
    return (NONSENSE[mode], []) if mode in NONSENSE else None


class Cut(Exception):
    """The connection is closed here."""


def pieces(data, settings, sent):
    """`data` as `settings` want it sent, `sent` bytes after the body's beginning. Cut: close after the last piece."""
    at = 0
    while at < len(data):
        n = settings["chunk"] or len(data)
        if settings["first"] > sent + at:
            n = settings["first"] - sent - at
        n = min(n, len(data) - at)
        if 0 <= settings["cut"] < sent + at + n:
            if settings["cut"] > sent + at:
                yield data[at:settings["cut"] - sent]
            raise Cut
        yield data[at:at + n]
        at += n
        if settings["pause"]:
            time.sleep(settings["pause"])
