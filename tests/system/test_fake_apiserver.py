#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What tests/system/fake_apiserver.py promises, seen by a plain HTTP client."""
import gzip
import http.client
import json
import socket
import threading
import unittest

import fake_apiserver as fake


class FakeApiserver(unittest.TestCase):
    def setUp(self):
        self.cluster = fake.Cluster(100)

        class Handler(fake.Handler):
            cluster, bookmark_s = self.cluster, 0.05

        self.cluster.tokens = ["secret"]
        self.server = fake.make_server("127.0.0.1", 0, Handler)
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

    def test_a_token_that_ran_out_has_a_continuation_that_is_inconsistent(self):
        first = self.ask_json("limit=3")
        self.cluster.delete("shop", "web-7c9-00001")
        self.cluster.put(fake.make_pod("shop", "web-7c9-00009", "u9"))
        self.cluster.compact()
        gone = self.ask_json("limit=3&continue=" + first["metadata"]["continue"], 410)
        rest = self.ask_json("limit=3&continue=" + gone["metadata"]["continue"])
        self.assertEqual([p["metadata"]["uid"] for p in rest["items"]], ["u3", "u9"])
        self.assertEqual(rest["metadata"]["resourceVersion"], "106")
        self.assertEqual(self.ask_json("continue=nonsense", 400)["reason"], "BadRequest")

    def test_versions_of_a_list(self):
        self.cluster.settings["future_wait"] = 0
        future = self.ask_json("resourceVersion=999&resourceVersionMatch=NotOlderThan", 504)
        self.assertEqual((future["reason"], future["details"]["retryAfterSeconds"]), ("Timeout", 1))
        self.ask_json("resourceVersion=abc", 400)
        self.ask_json("resourceVersionMatch=NotOlderThan", 422)
        self.cluster.compact()
        self.ask_json("resourceVersion=101&resourceVersionMatch=Exact", 410)
        self.assertEqual(self.ask_json("limit=3")["metadata"]["remainingItemCount"], 1)
        self.assertNotIn("remainingItemCount", self.ask_json("limit=2&fieldSelector=spec.nodeName%3Dn1")["metadata"])

    STREAM = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1"

    def test_a_stream_begins_with_all_objects_and_marks_their_end(self):
        events = self.watch(self.STREAM + "&fieldSelector=spec.nodeName%3Dn1")
        self.assertEqual([e["type"] for e in events[:4]], ["ADDED"] * 3 + ["BOOKMARK"])
        self.assertEqual(events[3]["object"]["metadata"]["annotations"], {"k8s.io/initial-events-end": "true"})
        self.assertIsNone(events[3]["object"]["spec"]["containers"])
        self.assertTrue(all("annotations" not in e["object"]["metadata"] for e in events[4:]))
        without = self.watch(self.STREAM.replace("&allowWatchBookmarks=true", ""))
        self.assertEqual({e["type"] for e in without}, {"ADDED"})

    def test_streams_can_be_off_or_unknown(self):
        self.ask_json("watch=1&sendInitialEvents=true", 422)
        self.cluster.settings["watch_list"] = "off"
        self.assertIn("WatchList", self.ask_json("watch=1&" + self.STREAM, 422)["message"])
        self.cluster.settings["watch_list"] = "ignored"
        self.assertTrue(all("annotations" not in e["object"]["metadata"] for e in self.watch(self.STREAM) if e["type"] == "BOOKMARK"))

    def test_a_watch_outlives_its_token(self):
        events = []
        thread = threading.Thread(target=lambda: events.extend(self.watch("resourceVersion=104&timeoutSeconds=1")))
        thread.start()
        while not self.cluster.requests:
            pass
        self.assertEqual(self.ask("/control/tokens", "POST", {"tokens": ["other"]})[0].status, 200)
        self.assertEqual(self.ask("/api/v1/pods")[0].status, 401)
        self.cluster.put(fake.make_pod("shop", "more", "u8"))
        thread.join()
        self.assertEqual([e["object"]["metadata"]["uid"] for e in events], ["u8"])

    def test_services_and_metadata_alone(self):
        self.ask("/control/services", "POST", {"namespace": "shop", "name": "web", "ips": ["10.96.0.7"]})
        answer, data = self.ask("/api/v1/services")
        self.assertEqual((answer.status, json.loads(data)["items"][0]["spec"]["clusterIP"]), (200, "10.96.0.7"))
        answer, data = self.ask("/api/v1/pods", Accept="application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
        self.assertEqual(json.loads(data)["kind"], "PartialObjectMetadataList")
        self.assertEqual({key for item in json.loads(data)["items"] for key in item}, {"metadata"})
        self.assertEqual(self.ask("/api/v1/pods", Accept="application/cbor")[0].status, 406)
        self.assertEqual(len(self.ask_json("fieldSelector=spec.nodeName!%3Dn1")["items"]), 1)

    def test_a_kubelet_lists_all_its_pods_without_a_version(self):
        answer, data = self.ask("/pods")
        self.assertEqual((answer.status, json.loads(data)["metadata"], len(json.loads(data)["items"])), (200, {}, 4))

    def raw(self, path):
        with socket.create_connection(self.server.server_address, timeout=5) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\nConnection: close\r\n\r\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")[2]

    def test_bodies_can_be_cut_and_come_in_pieces(self):
        whole = self.ask("/api/v1/pods")[1]
        self.ask("/control/settings", "POST", {"first": 7})
        self.assertTrue(self.raw("/api/v1/pods").startswith(b"7\r\n" + whole[:7] + b"\r\n%x\r\n" % (len(whole) - 7)))
        self.ask("/control/settings", "POST", {"first": 0, "chunk": 1})
        self.assertTrue(self.raw("/api/v1/pods").startswith(b"1\r\n{\r\n1\r\n\"\r\n"))
        self.assertEqual(self.ask("/api/v1/pods")[1], whole)
        self.ask("/control/settings", "POST", {"chunk": 0, "cut": 100})
        self.assertEqual(self.raw("/api/v1/pods"), whole[:100])
        watched = self.raw("/api/v1/pods?watch=1&resourceVersion=100&timeoutSeconds=1")
        self.assertEqual(len(watched.partition(b"\r\n")[2].rstrip()), 100)
        self.assertEqual(self.ask("/control/settings", "POST", {"nonsense": 1})[0].status, 400)

    def test_a_watch_can_end_in_the_middle_of_an_event(self):
        self.ask("/control/mode", "POST", {"mode": "half"})
        data = self.raw("/api/v1/pods?watch=1&resourceVersion=100&timeoutSeconds=5")
        self.assertTrue(data.partition(b"\r\n")[2].startswith(b'{"type":"ADDED"'))
        self.assertFalse(data.endswith(b"0\r\n\r\n"))

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
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_address[1], timeout=5)
        connection.request("GET", "/api/v1/pods")
        anonymous = json.loads(connection.getresponse().read())
        connection.close()
        self.assertEqual((anonymous["code"], "system:anonymous" in anonymous["message"]), (403, True))
        for mode, code in (("403", 403), ("429", 429), ("500", 500), ("503", 503), ("504", 504)):
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
