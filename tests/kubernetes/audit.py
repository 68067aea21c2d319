#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""audit.py LOG NODE: what Keyhole asked of the API server, by the server's own audit log.

Whatever came from Keyhole's service account, or called itself keyhole, must be a get, list or watch
of pods with the one field selector spec.nodeName=NODE. Prints each distinct verb, resource and
selector with its number; fails if there is another, or if there was no list or no watch.
"""
import collections
import json
import sys
import urllib.parse


def main():
	asked, itself, node = collections.Counter(), set(), sys.argv[2]
	with open(sys.argv[1], encoding="utf-8") as file:
		for line in file:
			event = json.loads(line)
			if event["stage"] != "RequestReceived" or not (
					event["user"].get("username") == "system:serviceaccount:keyhole:keyhole"
					or event.get("userAgent", "").startswith("keyhole/")):
				continue
			url = urllib.parse.urlsplit(event["requestURI"])
			query = urllib.parse.parse_qs(url.query)
			ref = event.get("objectRef", {})
			asked[event["verb"], ref.get("resource", ""), ref.get("subresource", ""), url.path,
				",".join(query.get("fieldSelector", []))] += 1
			if event.get("userAgent", "").startswith("keyhole/"):
				itself.add(event["verb"])
	for (verb, *rest), n in sorted(asked.items()):
		print(n, verb, *(part or "-" for part in rest))
	mine = {(verb, "pods", "", "/api/v1/pods", "spec.nodeName=" + node) for verb in ("list", "watch")}
	other = set(asked) - mine
	for what in sorted(other):
		print("not allowed:", *what)
	sys.exit(1 if other or not {"list", "watch"} <= itself else 0)


main()
