# SPDX-License-Identifier: Apache-2.0
"""rollout.py API-PORT CGROUPS PODS REPORT: a Deployment's pods are replaced under load, as by its controller.

Real servers in cgroups with the kubelet's names, below CGROUPS (by commas, one for each hierarchy), and real clients
that go on asking all the time. Each new pod is
known to the API before its container starts; the container's id comes 0.7 to 1.7 s after the start, as measured on a
real kubelet, when requests have long begun. At the end REPORT has one line for each pod, `UID NAME REQUESTS`: what the
server itself counted. Ends with 1 if a client got a wrong answer."""
import http.client
import json
import os
import random
import signal
import socket
import sys
import threading
import time
import urllib.request
import uuid

api, cgroups, pods, report = sys.argv[1], sys.argv[2].split(","), int(sys.argv[3]), sys.argv[4]
AT_ONCE = 5
CLIENTS = 4


def control(method, path, what=None):
    request = urllib.request.Request(f"http://127.0.0.1:{api}/control/{path}", method=method,
                                     data=json.dumps(what).encode() if what else None)
    urllib.request.urlopen(request, timeout=20).read()


def serve(listener, text):
    """One server process: a request at a time of each connection in turn, until SIGTERM."""
    ending = []
    signal.signal(signal.SIGTERM, lambda *_: ending.append(1))
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)
    listener.settimeout(0.05)
    served, connections = 0, []
    while not (ending and not connections):
        try:
            connection, _ = listener.accept()
            connection.settimeout(0.002)
            connections.append(connection)
        except OSError:
            pass
        for connection in list(connections):
            try:
                asked = connection.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                asked = b""
            if asked:
                connection.sendall(answer)
                served += 1
            else:
                connection.close()
                connections.remove(connection)
    return served


class Pod:
    def __init__(self, template):
        self.uid = str(uuid.uuid4())
        self.name = f"web-{template}-{self.uid[:5]}"
        self.container = "".join(random.choices("0123456789abcdef", k=64))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.process = None

    def tell(self, known):
        control("POST", "pods", {"namespace": "shop", "name": self.name, "uid": self.uid, "node": "n1",
                                 "owner": ["Deployment", "web"], "containers": [["app", self.container if known else ""]]})

    def start(self, counts):
        for cgroup in cgroups:
            os.makedirs(f"{cgroup}/pod{self.uid}/{self.container}")
        self.process = os.fork()
        if self.process == 0:
            try:
                own = self.listener.fileno()  # a client's connection must not stay open here
                os.closerange(3, own)
                os.closerange(own + 1, 4096)
                for cgroup in cgroups:
                    with open(f"{cgroup}/pod{self.uid}/{self.container}/cgroup.procs", "w", encoding="ascii") as f:
                        f.write("0")
                served = serve(self.listener, self.name.encode())
                with open(f"{counts}/{self.uid}", "w", encoding="ascii") as f:
                    f.write(str(served))
            finally:
                os._exit(0)
        self.listener.close()

    def stop(self, counts):
        os.kill(self.process, signal.SIGTERM)
        os.waitpid(self.process, 0)
        for cgroup in cgroups:
            os.rmdir(f"{cgroup}/pod{self.uid}/{self.container}")
            os.rmdir(f"{cgroup}/pod{self.uid}")
        with open(f"{counts}/{self.uid}", encoding="ascii") as f:
            return int(f.read())


class Endpoints:
    """As a Service has them. A request in flight holds its pod."""

    def __init__(self):
        self.lock = threading.Lock()
        self.ready = []
        self.in_flight = {}

    def add(self, pod):
        with self.lock:
            self.ready.append(pod)
            self.in_flight[pod] = 0

    def take(self):
        with self.lock:
            pod = random.choice(self.ready)
            self.in_flight[pod] += 1
            return pod

    def give(self, pod):
        with self.lock:
            self.in_flight[pod] -= 1

    def remove(self, pod):
        with self.lock:
            self.ready.remove(pod)
        while self.in_flight[pod]:
            time.sleep(0.01)


def ask(endpoints, ending, wrong):
    while not ending.is_set():
        pod = endpoints.take()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", pod.port, timeout=20)
            for _ in range(random.randint(1, 4)):
                connection.request("GET", "/")
                if connection.getresponse().read() != pod.name.encode():
                    wrong.append(pod.name)
            connection.close()
        except OSError as error:
            wrong.append(f"{pod.name}: {error}")
        endpoints.give(pod)
        time.sleep(0.005)


def replace(old, new, endpoints, counts, lines):
    new.tell(False)
    new.start(counts)
    endpoints.add(new)
    time.sleep(random.uniform(0.7, 1.7))
    new.tell(True)
    if old:
        endpoints.remove(old)
        lines.append(f"{old.uid} {old.name} {old.stop(counts)}")
        control("DELETE", f"pods/shop/{old.name}")


def in_batches(pairs, endpoints, counts, lines):
    for i in range(0, len(pairs), AT_ONCE):
        threads = [threading.Thread(target=replace, args=(*pair, endpoints, counts, lines))
                   for pair in pairs[i:i + AT_ONCE]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def main():
    counts = report + ".d"
    os.mkdir(counts)
    endpoints, lines, wrong, ending = Endpoints(), [], [], threading.Event()
    old = [Pod("6d4cf56db6") for _ in range(pods)]
    new = [Pod("7f8b9c6d5") for _ in range(pods)]
    in_batches([(None, pod) for pod in old[:1]], endpoints, counts, lines)
    clients = [threading.Thread(target=ask, args=(endpoints, ending, wrong)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    in_batches([(None, pod) for pod in old[1:]], endpoints, counts, lines)
    in_batches(list(zip(old, new)), endpoints, counts, lines)
    ending.set()
    for client in clients:
        client.join()
    for pod in new:
        lines.append(f"{pod.uid} {pod.name} {pod.stop(counts)}")
    with open(report, "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
