# SPDX-License-Identifier: Apache-2.0
"""A generated Kubernetes API for tests/bench/run: pods of 8.2 KB, half of it managedFields, as real ones are.

pods.py list N                  a PodList of N pods of one node
pods.py watch N                 a watch that begins with them
pods.py serve CLUSTER NODE      an API server with CLUSTER pods, NODE of them on node-1; none is kept, each is made
                                when it is asked for. Prints its port.
"""
import http.server
import json
import os
import sys
import threading
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../system"))
import fake_objects  # noqa: E402

POD_BYTES = 8200
APPS = 40  # Deployments


def pod(i, node="node-1"):
    app = f"app-{i % APPS}"
    made = fake_objects.make_pod(
        f"team-{i % APPS % 8}", f"{app}-6d4cf56db{i % 10}-{i:05x}", uid=str(uuid.uuid5(uuid.NAMESPACE_OID, str(i))),
        node=node, owner=("Deployment", app), containers=((f"{app}-main", f"{i:064x}"),),
        ip=f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}",
        labels={**{f"app.kubernetes.io/{k}": f"{k}-{app}" for k in
                   ("name", "instance", "version", "component", "part-of", "managed-by")},
                "team": "shop", "tier": "backend", "release": "stable", "chart": "app-1.2.3"})
    made["metadata"]["resourceVersion"] = str(1000 + i)
    fields = made["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]
    lacking = POD_BYTES - len(json.dumps(made))
    fields["f:volumes"] = {f'k:{{"name":"volume-{n}"}}': {".": {}, "f:name": {}, "f:projected": {".": {}}}
                           for n in range(lacking // 81)}
    return made


def pod_list(pods):
    yield b'{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"900000"},"items":['
    for n, one in enumerate(pods):
        yield (b"," if n else b"") + json.dumps(one).encode()
    yield b"]}\n"


def watch(pods):
    for one in pods:
        yield json.dumps({"type": "ADDED", "object": {"kind": "Pod", "apiVersion": "v1", **one}}).encode() + b"\n"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def do_GET(self):
        here = "spec.nodeName%3Dnode-1" in self.path
        if "sendInitialEvents" in self.path:
            self.send_response(422)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if "watch=" in self.path:
            threading.Event().wait()  # quiet until the end
            return
        step = self.server.cluster // self.server.node
        for part in pod_list(pod(i, "node-1" if i % step == 0 else f"node-{i % step + 1}")
                             for i in range(0, self.server.cluster, step if here else 1)):
            self.chunk(part)
        self.chunk(b"")


def serve(cluster, node):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.cluster, server.node = cluster, node
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    what, counts = sys.argv[1], [int(n) for n in sys.argv[2:]]
    if what == "serve":
        serve(*counts)
    for text in {"list": pod_list, "watch": watch}[what](pod(i) for i in range(counts[0])):
        sys.stdout.buffer.write(text)
