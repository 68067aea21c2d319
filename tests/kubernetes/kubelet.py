#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A small kubelet: runs the pods that the API server has for one node.

What is real: containers by containerd and runc, in the kubelet's cgroups (cgroupfs driver), pods'
networks by the CNI plugin `bridge`, status as the kubelet reports it and when: a container runs
before the API knows its id. What is not: images (every container has the one root that is given),
volumes, probes (a pod is ready when its ports answer), grace (a container has 0.3 s to end), and how
it ended (always well).

Goes by the state, not by events: lists its pods, does what differs, waits, begins again. On SIGTERM
it ends all containers and removes their cgroups.
"""
import argparse
import datetime
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time

from api import Api

CNI = "/usr/lib/cni"
NETWORK = {"cniVersion": "0.4.0", "name": "pods", "type": "bridge", "bridge": "cni0", "isGateway": True,
	"ipam": {"type": "host-local", "subnet": "10.88.0.0/24", "dataDir": "/run/cni"}}
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def now():
	return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def hierarchies():
	"""The roots below which a runtime makes cgroups."""
	root = "/sys/fs/cgroup"
	if os.path.exists(root + "/cgroup.procs"):
		return [root]
	return sorted({os.path.realpath(f"{root}/{name}") for name in os.listdir(root)})


def remove_cgroups(path):
	for root in hierarchies():
		top = root + path
		for directory, _, _ in sorted(os.walk(top), reverse=True):
			try:
				os.rmdir(directory)
			except OSError as error:
				print(f"cgroup {directory}: {error}", flush=True)


def qos(pod):
	"""As the API server sees it."""
	return pod["status"].get("qosClass", "BestEffort").lower()


class Container:
	def __init__(self, kubelet, pod, spec):
		self.kubelet, self.pod, self.spec = kubelet, pod, spec
		self.restarts, self.last = 0, {}
		self.start()

	def ctr(self, *args, **more):
		return subprocess.run(["ctr", "-n", "k8s.io", *args], check=False, **(more or QUIET))

	def start(self):
		self.id, self.began, self.ended = secrets.token_hex(32), now(), None
		config = f"{self.kubelet.dir}/{self.id}.json"
		with open(config, "w", encoding="utf-8") as file:
			json.dump(self.config(), file)
		subprocess.run(["ctr", "-n", "k8s.io", "run", "--detach", "--config", config, "--pid-file",
			config + ".pid", self.id], check=True, stdout=subprocess.DEVNULL)
		with open(config + ".pid", encoding="utf-8") as file:
			self.pid = int(file.read())

	def config(self):
		meta, spec = self.pod.meta, json.loads(json.dumps(self.kubelet.base))
		fields = {"metadata.name": meta["name"], "metadata.uid": meta["uid"]}
		env = [f"{e['name']}={e.get('value') or fields[e['valueFrom']['fieldRef']['fieldPath']]}"
			for e in self.spec.get("env", [])]
		spec["process"].update(terminal=False, args=self.spec["command"], env=["PATH=/bin", *env])
		spec["root"] = {"path": self.kubelet.root, "readonly": True}
		spec["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["size=1m"]})
		spec["hostname"] = meta["name"]
		spec["linux"]["cgroupsPath"] = f"{self.pod.cgroup}/{self.id}"
		for namespace in spec["linux"]["namespaces"]:
			if namespace["type"] == "network":
				namespace["path"] = self.pod.netns
		if not self.pod.netns:
			spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "network"]
		return spec

	def runs(self):
		return self.ended is None and os.path.exists(f"/proc/{self.pid}")

	def remove(self):
		"""Ends it, if it has not ended."""
		if self.runs():
			self.ctr("tasks", "kill", "-s", "TERM", self.id)
			end = time.monotonic() + 0.3
			while self.runs() and time.monotonic() < end:
				time.sleep(0.02)
			self.ctr("tasks", "kill", "-s", "KILL", self.id)
			while os.path.exists(f"/proc/{self.pid}"):
				time.sleep(0.02)
		self.ctr("tasks", "rm", self.id)
		self.ctr("containers", "rm", self.id)
		self.ended = {"exitCode": 0, "reason": "Completed", "startedAt": self.began, "finishedAt": now(),
			"containerID": "containerd://" + self.id}

	def restart(self):
		self.last, self.restarts = {"terminated": self.ended}, self.restarts + 1
		self.start()

	def answers(self):
		for port in self.spec.get("ports", []):
			try:
				socket.create_connection((self.pod.ip, port["containerPort"]), 0.2).close()
			except OSError:
				return False
		return self.ended is None

	def status(self):
		state = {"terminated": self.ended} if self.ended else {"running": {"startedAt": self.began}}
		return {"name": self.spec["name"], "image": self.spec["image"], "imageID": "sha256:" + "0" * 64,
			"containerID": "containerd://" + self.id, "restartCount": self.restarts, "state": state,
			"lastState": self.last, "ready": self.answers(), "started": not self.ended}


class Pod:
	def __init__(self, kubelet, pod):
		self.kubelet, self.meta, self.spec = kubelet, pod["metadata"], pod["spec"]
		self.reported, self.began, uid = None, now(), pod["metadata"]["uid"]
		level = "" if qos(pod) == "guaranteed" else "/" + qos(pod)
		self.cgroup = f"/kubepods{level}/pod{uid}"
		self.netns, self.ip = "", "10.88.0.1"
		if not self.spec.get("hostNetwork"):
			self.netns = "/run/netns/" + uid
			subprocess.run(["ip", "netns", "add", uid], check=True)
			subprocess.run(["ip", "-n", uid, "link", "set", "lo", "up"], check=True)
			self.ip = json.loads(self.cni("ADD"))["ips"][0]["address"].split("/")[0]
		self.containers = [Container(kubelet, self, spec) for spec in self.spec["containers"]]

	def cni(self, command):
		return subprocess.run([f"{CNI}/bridge"], input=json.dumps(NETWORK), text=True, check=True,
			stdout=subprocess.PIPE, env={"CNI_COMMAND": command, "CNI_CONTAINERID": self.meta["uid"],
				"CNI_NETNS": self.netns, "CNI_IFNAME": "eth0", "CNI_PATH": CNI, "PATH": os.environ["PATH"]}).stdout

	def remove(self):
		for container in self.containers:
			if container.ended is None:
				container.remove()
		if self.netns:
			self.cni("DEL")
			subprocess.run(["ip", "netns", "del", self.meta["uid"]], check=True)
			self.netns = ""
		remove_cgroups(self.cgroup)

	def sync(self):
		"""Sees what has ended, starts it again if it should be, and reports."""
		for container in self.containers:
			if container.ended is None and not container.runs():
				container.remove()
				if self.spec["restartPolicy"] == "Always":
					container.restart()
		self.report()

	def report(self):
		statuses = [container.status() for container in self.containers]
		phase = "Succeeded" if all(c.ended for c in self.containers) else "Running"
		ready = "True" if all(s["ready"] for s in statuses) else "False"
		status = {"phase": phase, "startTime": self.began, "hostIP": "10.88.0.1", "podIP": self.ip,
			"podIPs": [{"ip": self.ip}], "containerStatuses": statuses, "conditions": [
				{"type": kind, "status": value, "lastTransitionTime": self.began} for kind, value in
				(("Initialized", "True"), ("Ready", ready), ("ContainersReady", ready), ("PodScheduled", "True"))]}
		if status == self.reported:
			return
		answer = self.kubelet.api.ask("PATCH", self.path() + "/status",
			{"metadata": {"uid": self.meta["uid"]}, "status": status}, "application/merge-patch+json")
		if answer.status == 200:
			self.reported = status
		else:
			print(f"status of {self.meta['name']}: {answer.status} {answer.body}", flush=True)

	def path(self):
		return f"/api/v1/namespaces/{self.meta['namespace']}/pods/{self.meta['name']}"


class Kubelet:
	def __init__(self, options):
		self.api = Api(options.port, options.ca, options.token)
		self.node, self.root, self.dir, self.pods = options.node, options.root, options.dir, {}
		subprocess.run(["runc", "spec", "--bundle", self.dir], check=True)
		with open(self.dir + "/config.json", encoding="utf-8") as file:
			self.base = json.load(file)
		# of the cgroups, those which others do not have
		self.levels = [path for path in ("/kubepods/burstable", "/kubepods/besteffort", "/kubepods")
			if not any(os.path.exists(root + path) for root in hierarchies())]

	def sync(self):
		pods = self.api.get("/api/v1/pods?fieldSelector=spec.nodeName%3D" + self.node)["items"]
		for uid in set(self.pods) - {pod["metadata"]["uid"] for pod in pods}:
			self.pods.pop(uid).remove()
		for pod in pods:
			meta = pod["metadata"]
			uid, mine = meta["uid"], self.pods.get(meta["uid"])
			if "deletionTimestamp" in meta:
				if mine:
					self.pods.pop(uid).remove()
				self.api.ask("DELETE", f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}",
					{"gracePeriodSeconds": 0, "preconditions": {"uid": uid}})
			elif mine:
				mine.sync()
			elif pod["status"].get("phase") == "Pending":
				self.pods[uid] = Pod(self, pod)
				self.pods[uid].report()

	def end(self):
		"""All at once, as there is little time. The networks end with the test's namespaces."""
		running = [c for pod in self.pods.values() for c in pod.containers if c.ended is None]
		for container in running:
			if container.runs():
				os.kill(container.pid, signal.SIGKILL)
		for container in running:
			while container.runs():
				time.sleep(0.01)
		ids = [container.id for container in running]
		subprocess.run(["ctr", "-n", "k8s.io", "tasks", "rm", *ids], check=False, **QUIET)
		subprocess.run(["ctr", "-n", "k8s.io", "containers", "rm", *ids], check=False, **QUIET)
		for pod in self.pods.values():
			remove_cgroups(pod.cgroup)

	def run(self):
		try:
			while True:
				try:
					self.sync()
				except (OSError, http.client.HTTPException) as error: # the API server is not there: what runs goes on
					print(f"sync: {error}", flush=True)
				time.sleep(0.3)
		finally:
			self.end()
			for path in self.levels:
				for root in hierarchies():
					try:
						os.rmdir(root + path)
					except OSError: # not there, or somebody else's meanwhile
						pass


def main():
	parser = argparse.ArgumentParser(description=__doc__)
	for name in ("ca", "token", "node", "root", "dir"):
		parser.add_argument("--" + name, required=True)
	parser.add_argument("--port", required=True, type=int)
	signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
	Kubelet(parser.parse_args()).run()


if __name__ == "__main__":
	main()
