# SPDX-License-Identifier: Apache-2.0
"""How long until the first request of a new pod is shown with the pod's name, and whether all of them are:
new_pods.py METRICS_PORT API_PORT PINGPONG PORT UID CONTAINER CGROUP[,CGROUP...]

Of each PORT and what follows it, a pod: a process in its cgroup (a directory of each hierarchy) serves, as soon as it
runs, ASKED requests at the port, and ends. The API server's stand-in is told of the pod just before that, or, of every
other pod, LATE_MS after it, and time counts from there. Prints `name value unit`.
"""
import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request

ASKED = 21  # the fewest that bench-pingpong does
LATE_MS = 300
TIMEOUT = 15


def scrape(metrics_port):
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=5) as answer:
        return answer.read().decode()


def counted(metrics_port, port, labels=""):
    """Requests of the server at this port, of series that have these labels."""
    return sum(float(n) for found, n in re.findall(
        r"^http_server_request_duration_seconds_count{([^\n]*)} ([0-9.e+]+)$", scrape(metrics_port), re.M)
        if f'server_port="{port}"' in found and labels in found)


def tell(api_port, name, uid, container):
    pod = {"namespace": "shop", "name": name, "uid": uid, "node": "node-1", "owner": ["Deployment", "new"],
           "containers": [["main", container]]}
    urllib.request.urlopen(urllib.request.Request(
        f"http://127.0.0.1:{api_port}/control/pods", json.dumps(pod).encode(), method="POST"), timeout=5).close()


def run(pingpong, port, cgroups):
    def enter():
        for cgroup in cgroups:
            with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="ascii") as procs:
                procs.write(str(os.getpid()))

    return subprocess.Popen([pingpong, "exchange", str(ASKED), "1", "0", port], preexec_fn=enter,
                            stdout=subprocess.DEVNULL)


def one(metrics_port, api_port, pingpong, name, late, port, uid, container, cgroups):
    """Milliseconds until the first request is there, None: never; and how many of them had the name at the end."""
    label = f'k8s_pod_name="{name}"'
    if not late:
        tell(api_port, name, uid, container)
    begun = time.monotonic()
    process = run(pingpong, port, cgroups.split(","))
    if late:
        time.sleep(LATE_MS / 1000)
        begun = time.monotonic()
        tell(api_port, name, uid, container)
    took = None
    while time.monotonic() - begun < TIMEOUT:
        if counted(metrics_port, port, label):
            took = (time.monotonic() - begun) * 1000
            break
        time.sleep(0.005)
    if process.wait():
        sys.exit("new_pods: the traffic failed")
    time.sleep(0.2)
    return took, counted(metrics_port, port, label)


def main(metrics_port, api_port, pingpong, *rest):
    took = {False: [], True: []}
    pods = named = 0
    for at in range(0, len(rest), 4):
        late = pods % 2 == 1
        ms, with_name = one(metrics_port, api_port, pingpong, f"new-{pods}", late, *rest[at:at + 4])
        took[late].append(TIMEOUT * 1000 if ms is None else ms)
        pods += 1
        named += with_name
    print(f"new_pods {pods} pods")
    print(f"new_pods_named {100 * named / (pods * ASKED):.4g} percent")
    print(f"new_pod_to_scrape {statistics.median(took[False]):.1f} ms")
    print(f"new_pod_to_scrape_longest {max(took[False]):.1f} ms")
    print(f"late_pod_to_scrape {statistics.median(took[True]):.1f} ms")
    print(f"late_pod_to_scrape_longest {max(took[True]):.1f} ms")


main(*sys.argv[1:])
