#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the Kubernetes API server: lists and watches of pods, as the real one answers them.

    fake_apiserver.py --token T --pods pods.json --port-file P [--tls DIR]
    fake_apiserver.py --pod namespace=shop,name=cart-6d4cf56db6-x2x4z,uid=U,node=n1,\
owner=Deployment/cart,container=web:ID,label=app.kubernetes.io/name:cart

A pod, in --pods (a JSON list) and in POST /control/pods, is a whole Kubernetes object or the
arguments of make_pod(). Faithful (checked against v1.36): fieldSelector, limit and continue, limit
ignored with resourceVersion=0, gzip of lists beyond 128 KiB, managedFields, chunked watches with
bookmarks and timeoutSeconds, a watch of the future that stays silent, 410 as a status and as an
ERROR event, Status bodies, JSON indented for curl.

Control, on the same port and without a token:
    POST   /control/pods                     add or change one pod
    DELETE /control/pods/NAMESPACE/NAME
    POST   /control/mode {"mode": MODE}      ok 401 403 429 500 garbage html huge hang down gone gone-http
    POST   /control/compact                  forget all events: older versions are 410 from now on
    GET    /control/state                    mode, version, requests seen
"""
import argparse
import base64
import contextlib
import gzip
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import uuid
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

HASH_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 410: "Expired",
           429: "TooManyRequests", 500: "InternalError"}
REFUSALS = {"401": "Unauthorized", "410": "too old resource version", "429": "too many requests",
            "500": "etcdserver: request timed out",
            "403": 'pods is forbidden: User "system:serviceaccount:keyhole:keyhole" cannot list resource "pods" in API '
                   'group "" at the cluster scope'}
NONSENSE = {"garbage": b'\x00\xff{"kind": "PodList", "items": [{]}',
            "html": b"<!DOCTYPE html><html><body>Sign in to the hotel's network</body></html>",
            "huge": b'{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"' +
                    b"x" * (3 << 20) + b'"}}]}'}


def owner_of(kind, name, pod_name):
    """The controlling ownerReference's kind and name, and the labels its controller sets."""
    rest = pod_name[len(name) + 1:].split("-") if pod_name.startswith(name + "-") else []
    middle = rest[0] if len(rest) == 2 else None
    if kind in ("Deployment", "Rollout"):
        middle = middle or "".join(HASH_ALPHABET[int(d)] for d in str(zlib.crc32(name.encode())))
        prefix = "" if kind == "Deployment" else "rollouts-"
        return "ReplicaSet", f"{name}-{middle}", {prefix + "pod-template-hash": middle}
    if kind == "CronJob":
        job = f"{name}-{middle or int(time.time()) // 60}"
        return "Job", job, {"batch.kubernetes.io/job-name": job}
    return kind, name, {}


def make_container(name, image, env):
    probe = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10}
    return {"name": name, "image": image, "env": [{"name": k, "value": v} for k, v in env.items()] +
            [{"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}],
            "ports": [{"containerPort": 8080, "protocol": "TCP"}], "resources": {}, "livenessProbe": probe,
            "volumeMounts": [{"name": "kube-api-access", "readOnly": True,
                              "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
            "terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "IfNotPresent"}


def make_status(name, container_id, image, restarts=0, last_id=""):
    running = {"running": {"startedAt": "2026-11-23T20:00:02Z"}}
    status = {"name": name, "image": image, "imageID": "sha256:" + "0" * 64, "ready": bool(container_id),
              "restartCount": restarts, "started": bool(container_id), "lastState": {},
              "state": running if container_id else {"waiting": {"reason": "ContainerCreating"}}}
    if container_id:
        status["containerID"] = "containerd://" + container_id
    if last_id:
        status["lastState"] = {"terminated": {"exitCode": 1, "containerID": "containerd://" + last_id}}
    return status


def make_pod(namespace, name, uid=None, node="node-1", owner=None, containers=(("main", ""),), labels=None,
             annotations=None, ip="10.42.0.9", env=None, host_network=False, created="2026-11-23T20:00:00Z"):
    """A pod shaped as the kubelet and the controllers leave it. `owner` is (kind, name), Deployment and
    CronJob included; `containers` are (name, container id or "")."""
    meta = {"name": name, "namespace": namespace, "uid": uid or str(uuid.uuid4()), "creationTimestamp": created,
            "labels": dict(labels or {}), "annotations": dict(annotations or {})}
    if owner:
        kind, owner_name, extra = owner_of(owner[0], owner[1], name)
        meta["labels"].update(extra)
        meta["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": kind, "name": owner_name, "controller": True,
                                    "uid": str(uuid.uuid5(uuid.NAMESPACE_DNS, owner_name))}]
    meta["managedFields"] = [{"manager": manager, "operation": "Update", "apiVersion": "v1",
                              "time": created, "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:containers": {
                                  f'k:{{"name":"{c[0]}"}}': {".": {}, "f:image": {}, "f:env": {}} for c in containers}}}}
                             for manager in ("kube-controller-manager", "kubelet")]
    images = {c[0]: f"registry.example/{name.split('-')[0]}/{c[0]}:1.2.3" for c in containers}
    started = all(c[1] for c in containers)
    return {"metadata": meta,
            "spec": {"nodeName": node, "hostNetwork": host_network, "serviceAccountName": "default",
                     "containers": [make_container(c[0], images[c[0]], env or {}) for c in containers],
                     "volumes": [{"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": []}}],
                     "restartPolicy": "Always", "schedulerName": "default-scheduler", "tolerations": []},
            "status": {"phase": "Running" if started else "Pending", "hostIP": "192.0.2.1",
                       "podIP": ip, "podIPs": [{"ip": ip}], "startTime": created, "qosClass": "BestEffort",
                       "conditions": [{"type": "Ready", "status": str(started), "lastTransitionTime": created}],
                       "containerStatuses": [make_status(c[0], c[1], images[c[0]]) for c in containers]}}


def pod_from_text(text):
    """--pod key=value,...; owner=Kind/name; container=name:id, label=key:value and annotation=key:value may repeat."""
    args = {"containers": [], "labels": {}, "annotations": {}}
    for key, value in (part.split("=", 1) for part in text.split(",")):
        if key == "container":
            args["containers"].append(tuple((value + ":").split(":")[:2]))
        elif key in ("label", "annotation"):
            args[key + "s"].update([value.split(":", 1)])
        else:
            args[key] = tuple(value.split("/", 1)) if key == "owner" else value
    return make_pod(**args)


class Cluster:
    """All pods, the events that led to them, and the versions a list or a watch may ask for."""

    def __init__(self, version):
        self.changed = threading.Condition()
        self.version = self.oldest = version
        self.pods, self.events, self.snapshots = {}, [], {}
        self.mode, self.retry_after, self.mode_count = "ok", 0, 0
        self.requests = []

    def _record(self, kind, pod):
        self.version += 1
        pod = dict(pod, metadata=dict(pod["metadata"], resourceVersion=str(self.version)))
        self.events.append((self.version, kind, pod))
        self.changed.notify_all()
        return pod

    def put(self, pod):
        with self.changed:
            key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
            self.pods[key] = self._record("MODIFIED" if key in self.pods else "ADDED", pod)

    def delete(self, namespace, name):
        with self.changed:
            pod = self.pods.pop((namespace, name), None)
            if pod:
                self._record("DELETED", pod)
            return pod is not None

    def set_mode(self, mode, retry_after):
        with self.changed:
            self.mode, self.retry_after, self.mode_count = mode, retry_after, self.mode_count + 1
            self.changed.notify_all()

    def compact(self):
        with self.changed:
            self.events, self.snapshots, self.oldest = [], {}, self.version

    def page(self, matches, limit, token):
        """(items, version, next token), or None for a token whose version is gone."""
        with self.changed:
            version, start = self.version, ("", "")
            if token:
                decoded = json.loads(base64.urlsafe_b64decode(token))
                version, start = decoded["rv"], tuple(decoded["start"].rstrip("\0").split("/"))
                if version not in self.snapshots:
                    return None
            elif limit:
                self.snapshots[version] = dict(self.pods)
            pods = self.snapshots[version] if token else self.pods
            keys = sorted(key for key, pod in pods.items() if key > start and matches(pod))
            more = limit and len(keys) > limit
            keys = keys[:limit] if more else keys
            after = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": "/".join(keys[-1]) + "\0"}) if more else ""
            return [pods[key] for key in keys], version, base64.urlsafe_b64encode(after.encode()).decode()


def make_selector(text):
    fields = {"spec.nodeName": ("spec", "nodeName"), "metadata.name": ("metadata", "name"),
              "metadata.namespace": ("metadata", "namespace"), "status.phase": ("status", "phase")}
    wanted = [term.split("=", 1) for term in text.split(",") if term]
    if any(len(term) != 2 or term[0] not in fields for term in wanted):
        return None
    return lambda pod: all(pod[fields[k][0]].get(fields[k][1]) == v.lstrip("=") for k, v in wanted)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster, token = None, None
    bookmark_s = 60.0

    def log_message(self, *args):
        pass

    def send(self, code, body, content_type="application/json", headers=()):
        if isinstance(body, dict):
            pretty = self.headers.get("User-Agent", "").startswith(("curl/", "Wget", "Mozilla/5.0"))
            body = json.dumps(body, **({"indent": 2} if pretty else {"separators": (",", ":")})).encode()
        headers = list(headers) + [("Content-Type", content_type), ("Audit-Id", str(uuid.uuid4()))]
        if len(body) > 128 * 1024 and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 4)
            headers.append(("Content-Encoding", "gzip"))
        self.send_response(code)
        for name, value in headers + [("Content-Length", len(body))]:
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def send_status(self, code, message, headers=(), details=None):
        self.send(code, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                         "reason": REASONS.get(code, ""), "details": details or {}, "code": code}, headers=headers)

    def do_GET(self):
        url = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(url.query).items()}
        if url.path == "/control/state":
            c = self.cluster
            return self.send(200, {"mode": c.mode, "version": c.version, "requests": c.requests})
        if url.path in ("/livez", "/readyz", "/healthz"):
            return self.send(200, b"ok", "text/plain")
        self.cluster.requests.append(self.path)
        if self.refuse(query):
            self.close_connection = True
        elif url.path != "/api/v1/pods":
            self.send_status(404, "the server could not find the requested resource")
        elif make_selector(query.get("fieldSelector", "")) is None:
            self.send_status(400, "field label not supported: " + query["fieldSelector"].split("=")[0])
        elif query.get("watch") in ("1", "true"):
            self.watch(query)
        else:
            self.list(query)

    def refuse(self, query):
        """Answers by mode and token; True if that was it."""
        mode = self.cluster.mode
        if self.token and self.headers.get("Authorization") != "Bearer " + self.token:
            mode = "401"
        if mode == "gone-http" and "watch" in query:
            mode = "410"
        if mode in REFUSALS:
            extra = [("Retry-After", self.cluster.retry_after or 1)] if mode == "429" else []
            self.send_status(int(mode), REFUSALS[mode], extra)
        elif mode in NONSENSE:
            self.send(200, NONSENSE[mode], "text/html" if mode == "html" else "application/json")
        elif mode == "hang":
            with self.cluster.changed:
                self.cluster.changed.wait_for(lambda: self.cluster.mode != "hang", 600)
        return mode in REFUSALS or mode in NONSENSE or mode in ("hang", "down")

    def list(self, query):
        limit = 0 if query.get("resourceVersion") == "0" else int(query.get("limit", 0))
        gone = self.cluster.mode == "gone" and "continue" in query
        page = None if gone else self.cluster.page(make_selector(query.get("fieldSelector", "")), limit, query.get("continue"))
        if page is None:
            return self.send_status(410, "The provided continue parameter is too old")
        items, version, after = page
        meta = {"resourceVersion": str(version), **({"continue": after} if after else {})}
        self.send(200, {"kind": "PodList", "apiVersion": "v1", "metadata": meta, "items": items})

    def chunk(self, value):
        data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def watch(self, query):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(OSError):
            if self.watch_events(query):
                self.wfile.write(b"0\r\n\r\n")
                self.close_connection = False

    def watch_events(self, query):
        """Streams until the time is over (True) or the mode cuts it off (False)."""
        c, matches = self.cluster, make_selector(query.get("fieldSelector", ""))
        end = time.monotonic() + int(query.get("timeoutSeconds", 1800))
        version, bookmark = int(query.get("resourceVersion") or 0), time.monotonic() + self.bookmark_s
        if version == 0:
            pods, version, _ = c.page(matches, 0, None)
            for pod in pods:
                self.chunk({"type": "ADDED", "object": {"kind": "Pod", "apiVersion": "v1", **pod}})
        mode_count = c.mode_count
        while time.monotonic() < end:
            with c.changed:
                c.changed.wait_for(lambda: c.version > version or c.mode_count != mode_count or c.mode == "gone",
                                   max(0.0, min(end, bookmark) - time.monotonic()))
                fresh = [event for event in c.events if event[0] > version]
                newest, mode, old = c.version, c.mode, version < c.oldest
            if mode in ("down", "500", "gone-http"):
                return False
            if mode == "garbage":
                self.chunk(b'{"type":"ADDED","object":}{]\n')
            if old or mode == "gone":
                self.chunk({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "metadata": {}, "code": 410,
                            "status": "Failure", "reason": "Expired", "message": f"too old resource version: {version}"}})
                return True
            for event_version, kind, pod in fresh:
                if matches(pod):
                    self.chunk({"type": kind, "object": {"kind": "Pod", "apiVersion": "v1", **pod}})
                version = event_version
            if time.monotonic() >= bookmark and query.get("allowWatchBookmarks") == "true" and version <= newest:
                bookmark = time.monotonic() + self.bookmark_s
                self.chunk({"type": "BOOKMARK", "object": {"kind": "Pod", "apiVersion": "v1", "spec": {"containers": None},
                            "metadata": {"resourceVersion": str(newest), "creationTimestamp": None}, "status": {}}})
            mode_count = c.mode_count
        return True

    def do_POST(self):
        try:
            value = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            if self.path == "/control/pods":
                self.cluster.put(value if "metadata" in value else make_pod(**value))
            elif self.path == "/control/mode":
                self.cluster.set_mode(value["mode"], value.get("retry_after", 0))
            elif self.path == "/control/compact":
                self.cluster.compact()
            else:
                return self.send_status(404, "no such control")
        except (KeyError, TypeError, ValueError) as error:
            return self.send_status(400, f"{type(error).__name__}: {error}")
        self.send(200, {"version": self.cluster.version})

    def do_DELETE(self):
        parts = self.path.split("/")
        found = self.path.startswith("/control/pods/") and len(parts) == 5 and self.cluster.delete(parts[3], parts[4])
        self.send_status(200 if found else 404, "deleted" if found else "no such pod")


def make_certificate(directory):
    """A CA (ca.crt) and a server certificate for 127.0.0.1, ::1, localhost and kubernetes.default.svc."""
    os.makedirs(directory, exist_ok=True)
    path = {n: os.path.join(directory, n) for n in ("ca.key", "ca.crt", "server.key", "server.csr", "server.crt", "san")}
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    with open(path["san"], "w", encoding="ascii") as f:
        f.write("subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost,DNS:kubernetes.default.svc\n")
    for command in (
            ["req", "-x509", *key, "-keyout", path["ca.key"], "-out", path["ca.crt"], "-days", "30", "-subj", "/CN=kubernetes"],
            ["req", *key, "-keyout", path["server.key"], "-out", path["server.csr"], "-subj", "/CN=kube-apiserver"],
            ["x509", "-req", "-in", path["server.csr"], "-CA", path["ca.crt"], "-CAkey", path["ca.key"], "-CAcreateserial",
             "-out", path["server.crt"], "-days", "30", "-extfile", path["san"]]):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any; see --port-file")
    parser.add_argument("--port-file", help="written when the server accepts connections")
    parser.add_argument("--pods", help="JSON file: a list of pods")
    parser.add_argument("--pod", action="append", default=[], help="one pod as key=value,...")
    parser.add_argument("--token", help="the bearer token to ask for; none: anybody may")
    parser.add_argument("--tls", metavar="DIR", help="serve https; DIR gets ca.crt and the server's certificate")
    parser.add_argument("--version", type=int, default=1000, help="resourceVersion to begin with")
    parser.add_argument("--bookmark-seconds", type=float, default=60.0)
    args = parser.parse_args()

    cluster = Handler.cluster = Cluster(args.version)
    Handler.bookmark_s, Handler.token = args.bookmark_seconds, args.token
    values = [pod_from_text(text) for text in args.pod]
    if args.pods:
        with open(args.pods, encoding="utf-8") as f:
            values += [v if "metadata" in v else make_pod(**v) for v in json.load(f)]
    for value in values:
        cluster.put(value)
    cluster.compact()

    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer((args.address, args.port), Handler)
    if args.tls:
        path = make_certificate(args.tls)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path["server.crt"], path["server.key"])
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    if args.port_file:
        with open(args.port_file + ".new", "w", encoding="ascii") as f:
            f.write(f"{server.server_address[1]}\n")
        os.rename(args.port_file + ".new", args.port_file)
    print(f"serving {len(cluster.pods)} pods on {args.address}:{server.server_address[1]}", file=sys.stderr)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
