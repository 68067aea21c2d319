#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What tests/system/fake_apiserver.py promises, seen by a plain HTTP client."""
import gzip
import http.client
import json
import threading
import unittest
from http.server import ThreadingHTTPServer

import fake_apiserver as fake


class FakeApiserver(unittest.TestCase):
    def setUp(self):
        self.cluster = fake.Cluster(100)

        class Handler(fake.Handler):
            cluster, token, bookmark_s = self.cluster, "secret", 0.05

        ThreadingHTTPServer.daemon_threads = True
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        for i, node in enumerate(["n1", "n1", "n2", "n1"]):
            self.cluster.put(fake.make_pod("shop", f"web-7c9-{i:05}", f"u{i}", node, ("Deployment", "web")))

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()

    def ask(self, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_address[1], timeout=5)
        connection.request(method, path, json.dumps(body) if body is not None else None,
                           {"Authorization": "Bearer secret", **headers})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if answer.headers["Content-Encoding"] == "gzip":
            data = gzip.decompress(data)
        return answer, data

    def ask_json(self, query, code=200):
        answer, data = self.ask("/api/v1/pods?" + query)
        self.assertEqual(answer.status, code, data)
        return json.loads(data)

    def watch(self, query):
        answer, data = self.ask("/api/v1/pods?watch=1&" + query)
        self.assertEqual(answer.status, 200)
        return [json.loads(line) for line in data.splitlines()]

    def test_a_list_is_selected_by_node(self):
        answer = self.ask_json("fieldSelector=spec.nodeName%3Dn1&resourceVersion=0&limit=1")
        self.assertEqual([p["metadata"]["uid"] for p in answer["items"]], ["u0", "u1", "u3"])
        self.assertEqual(answer["metadata"], {"resourceVersion": "104"})
        self.assertEqual(self.ask_json("fieldSelector=metadata.uid%3Du1", 400)["reason"], "BadRequest")

    def test_pages_show_the_moment_of_the_first_one(self):
        first = self.ask_json("limit=3")
        self.assertEqual(len(first["items"]), 3)
        self.cluster.delete("shop", "web-7c9-00003")
        last = self.ask_json("limit=3&continue=" + first["metadata"]["continue"])
        self.assertEqual([p["metadata"]["uid"] for p in last["items"]], ["u3"])
        self.assertNotIn("continue", last["metadata"])
        self.cluster.compact()
        self.assertEqual(self.ask_json("limit=3&continue=" + first["metadata"]["continue"], 410)["reason"], "Expired")

    def test_a_watch_tells_what_happened_since(self):
        self.cluster.put(fake.make_pod("shop", "web-7c9-00000", "u0", "n1"))
        self.cluster.put(fake.make_pod("shop", "other", "u9", "n2"))
        self.cluster.delete("shop", "web-7c9-00001")
        events = self.watch("resourceVersion=104&fieldSelector=spec.nodeName%3Dn1&timeoutSeconds=1")
        self.assertEqual([(e["type"], e["object"]["metadata"]["uid"]) for e in events],
                         [("MODIFIED", "u0"), ("DELETED", "u1")])
        self.assertEqual(events[1]["object"]["metadata"]["resourceVersion"], "107")
        self.assertEqual(events[0]["object"]["kind"], "Pod")

    def test_an_idle_watch_has_bookmarks_if_asked_for(self):
        events = self.watch("resourceVersion=104&allowWatchBookmarks=true&timeoutSeconds=1")
        self.assertEqual({(e["type"], e["object"]["metadata"]["resourceVersion"]) for e in events}, {("BOOKMARK", "104")})
        self.assertEqual(self.watch("resourceVersion=104&timeoutSeconds=1"), [])

    def test_a_watch_of_the_future_is_silent_and_one_of_the_past_is_gone(self):
        self.assertEqual(self.watch("resourceVersion=999&allowWatchBookmarks=true&timeoutSeconds=1"), [])
        self.cluster.compact()
        [event] = self.watch("resourceVersion=101&timeoutSeconds=1")
        self.assertEqual((event["type"], event["object"]["code"]), ("ERROR", 410))

    def test_refusals_have_a_status_body(self):
        answer, data = self.ask("/api/v1/pods", Authorization="Bearer wrong")
        self.assertEqual((answer.status, json.loads(data)["reason"]), (401, "Unauthorized"))
        for mode, code in (("403", 403), ("429", 429), ("500", 500)):
            self.assertEqual(self.ask("/control/mode", "POST", {"mode": mode})[0].status, 200)
            answer, data = self.ask("/api/v1/pods")
            self.assertEqual((answer.status, json.loads(data)["code"]), (code, code))

    def test_only_long_lists_are_compressed_and_only_curl_gets_indents(self):
        answer, _ = self.ask("/api/v1/pods", **{"Accept-Encoding": "gzip"})
        self.assertIsNone(answer.headers["Content-Encoding"])
        self.assertNotIn(b"\n", self.ask("/api/v1/pods")[1])
        self.assertIn(b"\n", self.ask("/api/v1/pods", **{"User-Agent": "curl/8"})[1])
        for i in range(80):
            self.cluster.put(fake.make_pod("shop", f"many-{i}"))
        answer, data = self.ask("/api/v1/pods", **{"Accept-Encoding": "gzip"})
        self.assertEqual(answer.headers["Content-Encoding"], "gzip")
        self.assertEqual(len(json.loads(data)["items"]), 84)

    def test_pods_are_added_and_removed_by_control(self):
        self.assertEqual(self.ask("/control/pods", "POST", {"namespace": "a", "name": "b", "uid": "u"})[0].status, 200)
        self.assertEqual(len(self.ask_json("fieldSelector=metadata.namespace%3Da")["items"]), 1)
        self.assertEqual(self.ask("/control/pods/a/b", "DELETE")[0].status, 200)
        self.assertEqual(self.ask("/control/pods/a/b", "DELETE")[0].status, 404)
        self.assertEqual(self.ask("/control/pods", "POST", {"nonsense": 1})[0].status, 400)

    def test_pods_have_the_owners_their_controllers_would_give_them(self):
        def owner(*args):
            return fake.make_pod("s", *args)["metadata"]["ownerReferences"][0]
        self.assertEqual(owner("web-6d4cf56db6-x2x4z", "u", "n", ("Deployment", "web"))["name"], "web-6d4cf56db6")
        self.assertEqual(owner("job-29924459-abcde", "u", "n", ("CronJob", "job"))["name"], "job-29924459")
        self.assertEqual(owner("db-0", "u", "n", ("StatefulSet", "db"))["kind"], "StatefulSet")
        pod = fake.pod_from_text("namespace=s,name=p,uid=u,node=n,owner=DaemonSet/d,container=c:1,container=e,label=a/b:c")
        self.assertEqual(pod["status"]["containerStatuses"][0]["containerID"], "containerd://1")
        self.assertNotIn("containerID", pod["status"]["containerStatuses"][1])
        self.assertEqual(pod["metadata"]["labels"], {"a/b": "c"})


if __name__ == "__main__":
    unittest.main()
