#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the Kubernetes API server: lists and watches of objects, as the real one answers them.

    fake_apiserver.py --token T --pods pods.json --port-file P [--tls DIR]
    fake_apiserver.py --pod namespace=shop,name=cart-6d4cf56db6-x2x4z,uid=U,node=n1,\
owner=Deployment/cart,container=web:ID,label=app.kubernetes.io/name:cart

A pod, in --pods (a JSON list) and in POST /control/pods, is a whole Kubernetes object or the
arguments of make_pod(). Faithful (measured on v1.36): fieldSelector, limit and continue, limit
ignored with resourceVersion=0, an expired token's 410 with a token for an inconsistent rest,
resourceVersionMatch, 504 for a list of the future, streaming lists, gzip of lists beyond 128 KiB,
managedFields, chunked watches with bookmarks and timeoutSeconds, a watch of the future that stays
silent, 410 as a status and as an ERROR event, Status bodies, 403 for nobody and 401 for a wrong
token, a watch that outlives its token, PartialObjectMetadata, JSON indented for curl. /pods is the
kubelet's.

Control, on the same port and without a token:
    POST   /control/pods                     add or change one pod
    POST   /control/services                 the same for a Service (make_service)
    POST   /control/nodes                    the same for a node (make_node)
    DELETE /control/pods/NAMESPACE/NAME      and /control/services/...
    POST   /control/mode {"mode": MODE}      see fake_faults.py; with "retry_after"
    POST   /control/settings {NAME: VALUE}   see fake_faults.py: how bodies are sent, streams on or off
    POST   /control/tokens {"tokens": [...]} the tokens that are good from now on
    POST   /control/compact                  forget all events: older versions are 410 from now on
    GET    /control/state                    mode, version, requests, connections and headers seen
"""
import argparse
import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
from http.server import ThreadingHTTPServer

from fake_cluster import Cluster
from fake_handler import Handler
from fake_objects import make_pod, make_service, owner_of, pod_from_text  # noqa: F401 (for who imports this)


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


def make_server(address, port, handler):
    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        daemon_threads = True
        request_queue_size = 64

    return Server((address, port), handler)


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
    parser.add_argument("--watch-list", choices=("on", "off", "ignored"), default="on",
                        help="streaming lists: as 1.34 and later, as before, or as a server that knows nothing of them")
    args = parser.parse_args()

    cluster = Handler.cluster = Cluster(args.version)
    cluster.settings["watch_list"] = args.watch_list
    Handler.bookmark_s = args.bookmark_seconds
    cluster.tokens = [args.token] if args.token else None
    values = [pod_from_text(text) for text in args.pod]
    if args.pods:
        with open(args.pods, encoding="utf-8") as f:
            values += [v if "metadata" in v else make_pod(**v) for v in json.load(f)]
    for value in values:
        cluster.put(value)
    cluster.compact()

    server = make_server(args.address, args.port, Handler)
    if args.tls:
        path = make_certificate(args.tls)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path["server.crt"], path["server.key"])
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    if args.port_file:
        with open(args.port_file + ".new", "w", encoding="ascii") as f:
            f.write(f"{server.server_address[1]}\n")
        os.rename(args.port_file + ".new", args.port_file)
    print(f"serving {len(cluster.objects['pods'])} pods on {args.address}:{server.server_address[1]}", file=sys.stderr)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
