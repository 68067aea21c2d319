#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""record.py PORT CA TOKEN KUBECTL DIRECTORY: what a real API server answers, byte by byte.

For tests/unit/kube/test_recorded.c: pages of a list, a watch in which pods change and go, and each
refusal that the client tells from the others. `tests/kubernetes/cluster.sh` does it with
KEYHOLE_RECORD=DIRECTORY; the status is the beginning of a refusal's name.
"""
import http.client
import json
import os
import subprocess
import sys
import threading
import time

from api import Api

PODS = "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1"
CHANGES = ("-n default label pod bare recorded=yes", "-n data delete pod store-1 --wait=false")


def watch(api, path, seconds):
	"""What a watch says in that time."""
	connection = http.client.HTTPSConnection("127.0.0.1", api.port, timeout=seconds + 5, context=api.tls)
	connection.request("GET", f"{path}&watch=1&allowWatchBookmarks=true&timeoutSeconds={seconds}",
		headers={"Authorization": "Bearer " + api.token})
	return connection.getresponse().read()


def main():
	port, ca, token, kubectl, directory = sys.argv[1:]
	api, nobody = Api(int(port), ca, token), Api(int(port), ca, "wrong")
	os.makedirs(directory, exist_ok=True)

	def save(name, body):
		with open(f"{directory}/{name}.json", "wb") as file:
			file.write(body)

	page, n, version = None, 0, None
	while page is None or (page and n < 3):
		n += 1
		body = api.ask("GET", PODS + "&limit=2" + (f"&continue={page}" if page else "")).body
		meta = json.loads(body)["metadata"]
		page, version = meta.get("continue"), meta["resourceVersion"]
		if n < 3:
			save(f"list-{n}", body)

	def change():
		for words in CHANGES:
			time.sleep(1)
			subprocess.run([*kubectl.split(), *words.split()], check=True, stdout=subprocess.DEVNULL)
	changes = threading.Thread(target=change)
	changes.start()
	save("watch", watch(api, f"{PODS}&resourceVersion={version}", 15))
	changes.join()
	save("watch-gone", watch(api, f"{PODS}&resourceVersion=1", 5))

	for name, who, path in (("400-continue", api, PODS + "&limit=2&continue=nonsense"),
			("401-token", nobody, PODS), ("403-rule", api, "/api/v1/nodes"),
			("422-watch-list", api, PODS + "&watch=1&sendInitialEvents=true&allowWatchBookmarks=true"
				"&resourceVersionMatch=NotOlderThan&timeoutSeconds=2"),
			("504-future", api, f"{PODS}&resourceVersion={int(version) + 100000000}")):
		answer = who.ask("GET", path)
		print(name, answer.status)
		save(name if str(answer.status) == name[:3] else f"unexpected-{answer.status}-{name}", answer.body)


main()
