#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""compare.py METRICS COUNTS OBJECTS...: are the names in the metrics those of `kubectl get`?

OBJECTS are outputs of `kubectl get pods,replicasets,jobs -A -o json`, the later the newer: between
them is every pod that COUNTS (of traffic.py) knows. Every series of a server's requests must carry
the names that the API server tells of the pod, its container with that port, and its owners up to
the topmost, which is looked up and not guessed; and every pod's requests must be there, per port.
Prints each difference; fails if there is one.
"""
import collections
import json
import re
import sys

NAME = "http_server_request_duration_seconds_count"
LEVELS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob")


def series(path):
	with open(path, encoding="utf-8") as file:
		for line in file:
			if line.startswith(NAME + "{"):
				labels, value = line[len(NAME) + 1:].rsplit("}", 1)
				yield dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)), float(value.split()[0])


def objects(paths):
	found = {}
	for path in paths:
		with open(path, encoding="utf-8") as file:
			for item in json.load(file)["items"]:
				found.setdefault(item["metadata"]["uid"], {}).update(item)
	return found


def names(pod, port, known):
	"""The labels that a series of the pod's must have; "" if it must not have it."""
	meta, began = pod["metadata"], pod["metadata"]["creationTimestamp"]
	want = {"k8s_pod_name": meta["name"], "k8s_namespace_name": meta["namespace"], "k8s_pod_uid": meta["uid"],
		"k8s_node_name": pod["spec"]["nodeName"], "k8s_pod_start_time": began.replace("T", " ").replace("Z", " +0000 UTC"),
		"k8s_container_name": [c["name"] for c in pod["spec"]["containers"]
			if any(p["containerPort"] == int(port) for p in c.get("ports", []))][0]}
	want.update({f"k8s_{level.lower()}_name": "" for level in LEVELS})
	kind, name, owned = "Pod", meta["name"], pod
	while owned and owned["metadata"].get("ownerReferences"):
		owner = [o for o in owned["metadata"]["ownerReferences"] if o.get("controller")][0]
		kind, name = owner["kind"], owner["name"]
		want[f"k8s_{kind.lower()}_name"] = name
		owned = known.get(owner["uid"])
	want.update(k8s_kind=kind, k8s_owner_name=name)
	return want


def main():
	wrong, seen = [], collections.Counter()
	known = objects(sys.argv[3:])
	with open(sys.argv[2], encoding="utf-8") as file:
		counts = json.load(file)
	for labels, value in series(sys.argv[1]):
		uid, port = labels.get("k8s_pod_uid", ""), labels.get("server_port")
		where = f"{labels.get('k8s_pod_name')} ({uid}) port {port}"
		if f"{uid} {port}" not in counts:
			if uid:
				wrong.append(f"{where}: nobody asked it")
			continue
		seen[uid, port] += value
		for label, want in names(known[uid], port, known).items():
			if labels.get(label, "") != want:
				wrong.append(f"{where}: {label} is {labels.get(label, '')!r}, not {want!r}")
	for key, entry in counts.items():
		uid, port = key.split()
		got, least = seen[uid, port], entry["answered"]
		# who asked a pod that was being ended does not know whether it answered
		if not least <= got <= least + entry["failed"]:
			name = known[uid]["metadata"]["name"] if uid in known else "unknown"
			wrong.append(f"{name} ({uid}) port {port}: {got:.0f} requests, not {least} (and {entry['failed']} failed)")
	print("\n".join(wrong) or f"{len(counts)} series, {sum(seen.values()):.0f} requests")
	sys.exit(1 if wrong or not counts else 0)


main()
