# SPDX-License-Identifier: Apache-2.0
"""Requests to the API server, by the standard library alone. `Answer` has status, headers, body."""
import collections
import http.client
import json
import ssl

Answer = collections.namedtuple("Answer", "status headers body")


class Api:
	def __init__(self, port, ca, token):
		self.port, self.token = port, token
		self.tls = ssl.create_default_context(cafile=ca)

	def ask(self, method, path, body=None, kind="application/json"):
		connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=self.tls)
		headers = {"Authorization": "Bearer " + self.token, "Accept": "application/json",
			"User-Agent": "keyhole-test"}
		if body is not None:
			headers["Content-Type"] = kind
			body = json.dumps(body)
		try:
			connection.request(method, path, body, headers)
			answer = connection.getresponse()
			return Answer(answer.status, dict(answer.getheaders()), answer.read())
		finally:
			connection.close()

	def get(self, path):
		answer = self.ask("GET", path)
		if answer.status != 200:
			raise OSError(f"GET {path}: {answer.status} {answer.body[:300]!r}")
		return json.loads(answer.body)
