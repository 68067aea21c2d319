# SPDX-License-Identifier: Apache-2.0
"""How fake_apiserver.py answers: one handler for the API, the kubelet's /pods and the controls."""
import contextlib
import gzip
import json
import time
import uuid
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from fake_cluster import Expired, make_selector
from fake_faults import REASONS, REFUSALS, SETTINGS, Cut, nonsense, pieces
from fake_objects import make_node, make_pod, make_service

KINDS = {"pods": "Pod", "services": "Service", "nodes": "Node"}
MAKERS = {"pods": make_pod, "services": make_service, "nodes": make_node}
PARTIAL = ";as=PartialObjectMetadata"


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster = None
    bookmark_s = 60.0

    def log_message(self, *args):
        pass

    # ---- bodies ----

    def send(self, code, body, content_type="application/json", headers=()):
        if isinstance(body, dict):
            pretty = self.headers.get("User-Agent", "").startswith(("curl/", "Wget", "Mozilla/5.0"))
            body = json.dumps(body, indent=2).encode() if pretty else compact(body)
        headers = [*headers, ("Content-Type", content_type), ("Audit-Id", str(uuid.uuid4())), ("Cache-Control", "no-cache, private")]
        packed = any(name == "Content-Encoding" for name, _ in headers)
        if len(body) > 128 * 1024 and not packed and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 4)
            headers.append(("Content-Encoding", "gzip"))
        settable = code == 200 and not self.path.startswith("/control/")
        shaped = settable and any(self.cluster.settings[name] for name in ("chunk", "first", "pause"))
        headers.append(("Transfer-Encoding", "chunked") if shaped else ("Content-Length", len(body)))
        self.send_response(code)
        for name, value in headers:
            self.send_header(name, str(value))
        self.end_headers()
        self.sent = 0
        with contextlib.suppress(OSError):
            self.send_pieces(body, shaped, settable)
            if shaped:
                self.wfile.write(b"0\r\n" + b"X-More: %s\r\n" % (b"x" * 500) * self.cluster.settings["trailers"] + b"\r\n")

    def send_pieces(self, body, as_chunks, settable):
        settings = self.cluster.settings if settable else SETTINGS
        try:
            for piece in pieces(body, settings, self.sent):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if as_chunks else piece)
                self.wfile.flush()
        except Cut:
            self.close_connection = True
            raise ConnectionAbortedError from None
        self.sent += len(body)

    def send_status(self, code, message, headers=(), details=None, meta=None):
        self.send(code, {"kind": "Status", "apiVersion": "v1", "metadata": meta or {}, "status": "Failure", "message": message,
                         "reason": REASONS.get(code, ""), "details": details or {}, "code": code}, headers=headers)

    def send_object(self, kind, value):
        """One event of a watch."""
        if kind != "ERROR" and self.partial:
            value = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"]}
        elif kind != "ERROR":
            value = {"kind": KINDS[self.resource], "apiVersion": "v1", **value}
        data = compact({"type": kind, "object": value}) + b"\n"
        if self.cluster.mode == "half" and kind not in ("BOOKMARK", "ERROR"):
            self.send_pieces(data[:len(data) // 2], True, True)
            raise ConnectionAbortedError
        self.send_pieces(data, True, True)

    # ---- who may ----

    def forbidden(self, user):
        verb = "watch" if "watch" in self.query else "list"
        return f'{self.resource} is forbidden: User "{user}" cannot {verb} resource "{self.resource}" in API group "" ' \
               "at the cluster scope"

    def refuse(self):
        """Answers by mode and token; True if that was it."""
        mode, given = self.cluster.mode, self.headers.get("Authorization")
        if self.cluster.tokens is not None and given is None:
            self.send_status(403, self.forbidden("system:anonymous"))
            return True
        if self.cluster.tokens is not None and given not in ["Bearer " + token for token in self.cluster.tokens]:
            mode = "401"
        if mode == "gone-http" and "watch" in self.query and "sendInitialEvents" not in self.query:
            mode = "410"
        if mode in REFUSALS:
            extra = [("Retry-After", self.cluster.retry_after or 1)] if mode == "429" or self.cluster.retry_after else []
            self.send_status(int(mode), REFUSALS[mode] or self.forbidden("system:serviceaccount:keyhole:keyhole"), extra,
                             details={"retryAfterSeconds": 1} if mode == "504" else None)
        elif nonsense(mode):
            body, headers = nonsense(mode)
            self.send(200, body, "text/html" if mode == "html" else "application/json", headers)
        elif mode == "hang":
            with self.cluster.changed:
                self.cluster.changed.wait_for(lambda: self.cluster.mode != "hang", 600)
        return mode in REFUSALS or bool(nonsense(mode)) or mode in ("hang", "down")

    def do_GET(self):
        url, c = urlsplit(self.path), self.cluster
        self.query = {k: v[0] for k, v in parse_qs(url.query).items()}
        if url.path == "/control/state":
            return self.send(200, {"mode": c.mode, "version": c.version, "requests": c.requests, "connections": len(c.connections),
                                   "headers": c.headers})
        if url.path in ("/livez", "/readyz", "/healthz"):
            return self.send(200, b"ok", "text/plain")
        if url.path == "/version":
            return self.send(200, {"major": "1", "minor": "36", "gitVersion": "v1.36.2"})
        c.requests.append(self.path)
        c.connections.add(self.client_address[1])
        c.headers["watch" if "watch" in self.query else "list"] = \
            {name: value for name, value in self.headers.items() if name != "Authorization"}
        self.resource = url.path.rsplit("/", 1)[-1]
        accept = self.headers.get("Accept", "*/*")
        self.partial = PARTIAL in accept
        selector = self.query.get("fieldSelector", "")
        if self.refuse():
            self.close_connection = True
        elif url.path == "/pods":
            self.kubelet_pods()
        elif self.resource not in KINDS or url.path != "/api/v1/" + self.resource:
            self.send_status(404, "the server could not find the requested resource")
        elif "json" not in accept and "*/*" not in accept:
            self.send_status(406, "only the following media types are accepted: application/json")
        elif make_selector(selector) is None:
            self.send_status(400, "field label not supported: " + selector.split("=")[0])
        elif not self.query.get("resourceVersion", "0").isdigit():
            self.send_status(400, "Invalid value: %r: invalid syntax" % self.query["resourceVersion"])
        elif self.query.get("watch") in ("1", "true"):
            self.watch(make_selector(selector))
        else:
            self.list(make_selector(selector))

    # ---- lists ----

    def kubelet_pods(self):
        """Of a kubelet that has all the pods; its list has no version."""
        self.send(200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": list(self.cluster.pods.values())},
                  self.cluster.settings["content_type"])

    def version_fits(self):
        """resourceVersion and resourceVersionMatch of a list; False: answered."""
        version, match = self.query.get("resourceVersion", ""), self.query.get("resourceVersionMatch")
        if match and (not version or match not in ("Exact", "NotOlderThan")):
            self.send_status(422, "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided")
        elif match == "Exact" and int(version) < self.cluster.oldest:
            self.send_status(410, f"too old resource version: {version} ({self.cluster.oldest})")
        elif int(version or 0) > self.cluster.version:
            time.sleep(self.cluster.settings["future_wait"])
            self.send_status(504, f"Too large resource version: {version}, current: {self.cluster.version}",
                             details={"retryAfterSeconds": 1})
        else:
            return True
        return False

    def list(self, matches):
        limit = 0 if self.query.get("resourceVersion") == "0" else int(self.query.get("limit", 0))
        token = self.query.get("continue")
        if not self.version_fits():
            return
        try:
            if token and self.cluster.mode == "gone":
                self.cluster.compact()
            items, version, after, left = self.cluster.page(self.resource, matches, limit, token)
        except Expired as gone:
            return self.send_status(410, "The provided continue parameter is too old to display a consistent list result. "
                                    "You can start a new list without the continue parameter, or use the continue token in "
                                    "this response to retrieve the remainder of the results.", meta={"continue": gone.token})
        except ValueError as bad:
            return self.send_status(400, str(bad))
        meta = {"resourceVersion": str(version), **({"continue": after} if after else {})}
        if left and not self.query.get("fieldSelector"):
            meta["remainingItemCount"] = left
        kind = KINDS[self.resource]
        if self.partial:
            kind, items = "PartialObjectMetadata", [{"metadata": item["metadata"]} for item in items]
        self.send(200, {"kind": kind + "List", "apiVersion": "meta.k8s.io/v1" if self.partial else "v1", "metadata": meta,
                        "items": items}, self.cluster.settings["content_type"])

    # ---- watches ----

    def watch(self, matches):
        streams, settings = self.query.get("sendInitialEvents") == "true", self.cluster.settings
        if streams and settings["watch_list"] == "off":
            return self.send_status(422, "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents "
                                    "is forbidden for watch unless the WatchList feature gate is enabled")
        if streams and settings["watch_list"] == "on" and self.query.get("resourceVersionMatch") != "NotOlderThan":
            return self.send_status(422, "resourceVersionMatch: Forbidden: sendInitialEvents requires setting "
                                    "resourceVersionMatch to NotOlderThan")
        self.send_response(200)
        self.send_header("Content-Type", settings["content_type"])
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection, self.sent = True, 0
        with contextlib.suppress(OSError):
            if self.watch_events(matches, streams and settings["watch_list"] == "on"):
                self.wfile.write(b"0\r\n\r\n")
                self.close_connection = False

    def bookmark(self, version, ends_initial=False):
        meta = {"resourceVersion": str(version), "creationTimestamp": None}
        if ends_initial:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
        self.send_object("BOOKMARK", {"metadata": meta, "spec": {"containers": None}, "status": {}})

    def first_objects(self, matches, streams, bookmarks):
        """The synthetic events that a watch without a version begins with; the version they lead to."""
        items, version, _, _ = self.cluster.page(self.resource, matches, 0, None)
        for item in items:
            self.send_object("ADDED", item)
        if streams and bookmarks and self.cluster.settings["mark"]:
            self.bookmark(version, True)
        return version

    def watch_events(self, matches, streams):
        """Streams until the time is over (True) or the mode cuts it off (False)."""
        c, limit_s = self.cluster, int(self.query.get("timeoutSeconds", 1800))
        start = time.monotonic()
        end, bookmarks = start + limit_s, self.query.get("allowWatchBookmarks") == "true"
        marks = [end - min(10.0, limit_s / 10), start + self.bookmark_s] if bookmarks else []
        version, mode_count = int(self.query.get("resourceVersion") or 0), c.mode_count
        if version == 0 or streams:
            version = self.first_objects(matches, streams, bookmarks)
        while time.monotonic() < end:
            with c.changed:
                c.changed.wait_for(lambda: c.version > version or c.mode_count != mode_count or c.mode == "gone",
                                   max(0.0, min([end, *marks]) - time.monotonic()))
                fresh = [event for event in c.events if event[0] > version]
                newest, mode, old = c.version, c.mode, version < c.oldest
            if mode in ("down", "500", "gone-http"):
                return False
            if mode == "garbage":
                self.send_pieces(b'{"type":"ADDED","object":}{]\n', True, False)
            if mode == "unending":
                self.send_pieces(b'{"type":"ADDED","object":{"metadata":{"name":"', True, False)
                while c.mode == "unending":
                    self.send_pieces(b"x", True, False)
                    time.sleep(0.05)
                return False
            if old or mode == "gone":
                self.send_object("ERROR", {"kind": "Status", "apiVersion": "v1", "metadata": {}, "code": 410, "status": "Failure",
                                           "reason": "Expired", "message": f"too old resource version: {version} ({c.oldest})"})
                return True
            for event_version, resource, kind, value in fresh:
                if resource == self.resource and matches(value):
                    self.send_object(kind, value)
                version = event_version
            due = [mark for mark in marks if mark <= time.monotonic()]
            if due:
                marks = [mark for mark in marks if mark not in due]
                if start + self.bookmark_s <= time.monotonic():
                    marks.append(time.monotonic() + self.bookmark_s)
                if version <= newest: # a version of the future stays silent
                    self.bookmark(newest)
            mode_count = c.mode_count
        return True

    # ---- controls ----

    def do_POST(self):
        try:
            value = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            name = self.path.removeprefix("/control/")
            if name in MAKERS:
                self.cluster.put(value if "metadata" in value else MAKERS[name](**value), name)
            elif name == "mode":
                self.cluster.set_mode(value["mode"], value.get("retry_after", 0))
            elif name == "settings":
                self.cluster.set(value)
            elif name == "tokens":
                self.cluster.tokens = value["tokens"]
            elif name == "compact":
                self.cluster.compact()
            else:
                return self.send_status(404, "no such control")
        except (KeyError, TypeError, ValueError) as error:
            return self.send_status(400, f"{type(error).__name__}: {error}")
        self.send(200, {"version": self.cluster.version})

    def do_DELETE(self):
        parts = self.path.split("/")
        found = self.path.startswith("/control/") and len(parts) == 5 and parts[2] in MAKERS and \
            self.cluster.delete(parts[3], parts[4], parts[2])
        self.send_status(200 if found else 404, "deleted" if found else "no such object")
