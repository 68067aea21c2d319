#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""traffic.py KUBECTL COUNTS N [--until FILE]: requests to every ready pod, and how many there were.

Asks `kubectl get pods` who is ready, as a Service would, sends each of their ports N requests, and
adds to COUNTS for each pod's uid and port how many were answered (by that uid: it is the answer's
body) and how many failed. With --until, goes on like that until the file exists.
"""
import http.client
import json
import os
import subprocess
import sys
import time


def ready(kubectl):
	"""(uid, ip, port) of the ports of the pods that are ready and stay; None if nobody knows."""
	said = subprocess.run([*kubectl.split(), "get", "pods", "-A", "-o", "json"], check=False,
		stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
	if said.returncode:
		return None
	return [(pod["metadata"]["uid"], pod["status"]["podIP"], port["containerPort"])
		for pod in json.loads(said.stdout)["items"] if "deletionTimestamp" not in pod["metadata"]
		and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
		for container in pod["spec"]["containers"] for port in container.get("ports", [])]


def request(ip, port):
	"""Who answered; None if nobody did."""
	connection = http.client.HTTPConnection(ip, port, timeout=2)
	try:
		connection.request("GET", "/")
		return connection.getresponse().read().decode().strip()
	except (OSError, http.client.HTTPException):
		return None
	finally:
		connection.close()


def main():
	kubectl, path, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
	until = sys.argv[5] if len(sys.argv) > 4 else None
	counts, targets = {}, []
	if os.path.exists(path):
		with open(path, encoding="utf-8") as file:
			counts = json.load(file)
	while True:
		targets = ready(kubectl) or targets # without an API server, as before
		for uid, ip, port in targets:
			for _ in range(n):
				who = request(ip, port)
				entry = counts.setdefault(f"{who or uid} {port}", {"answered": 0, "failed": 0})
				entry["answered" if who else "failed"] += 1
		if not until or os.path.exists(until):
			break
		time.sleep(0.05)
	with open(path, "w", encoding="utf-8") as file:
		json.dump(counts, file, indent=1)
	print(sum(entry["answered"] for entry in counts.values()))


main()
