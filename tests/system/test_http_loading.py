"""HTTP while indexes load, and what a restart brings back."""

import concurrent.futures
import random
import time
import unittest

import msgpack
import requests

from support import PATIENCE, HeldFiles, NodeTest

MSGPACK = "application/vnd.msgpack"
# Checkpoints on request only, so that a test knows its segments.
MANUAL = ["--checkpoint-age-ms", "0", "--idle-merge-after-ms", "0", "--segments-per-level", "64"]


class HttpLoadingTest(NodeTest):
    def setUp(self):
        super().setUp()
        self.http = requests.Session()
        self.addCleanup(self.http.close)

    def call(self, node, method, path, body=None, **kwargs):
        return self.http.request(method, node.url(path), json=body, timeout=60, **kwargs)

    def make_index(self, node, name, segments):
        """An index whose n-th segment holds document n with the hashes n and 7."""
        self.assertEqual(self.call(node, "PUT", f"/{name}").status_code, 200)
        for n in range(1, segments + 1):
            r = self.call(node, "PUT", f"/{name}/{n}", {"hashes": [n, 7]})
            self.assertEqual(r.status_code, 200)
            node.ctl("checkpoint", name)

    def segment_files(self, name):
        return sorted((self.folder / "data" / name / "v1" / "data").glob("*.seg"))

    def search(self, node, name, query):
        r = self.call(node, "POST", f"/{name}/_search", {"query": query, "timeout": 0})
        self.assertEqual(r.status_code, 200, r.text)
        return [(found["id"], found["score"]) for found in r.json()["results"]]


class Loading(HttpLoadingTest):
    def wait_until_as_many_wait(self, node, count):
        deadline = time.monotonic() + PATIENCE
        while sum(index["waiting_requests"] for index in node.json("status")["indexes"]) < count:
            self.assertLess(time.monotonic(), deadline)

    def test_a_loading_index_answers_what_the_contract_says(self):
        node = self.start(*MANUAL)
        self.make_index(node, "main", 4)
        self.assertEqual(node.stop(), 0)
        files = self.segment_files("main")
        with HeldFiles(files[2]):
            node = self.start(*MANUAL, "--max-ready-wait-ms", "50")
            r = self.call(node, "GET", "/main/_health")
            self.assertEqual((r.status_code, r.content), (503, b"LOADING\n"))
            r = self.call(node, "HEAD", "/main/_health")
            self.assertEqual((r.status_code, r.content), (503, b""))
            self.assertEqual(self.call(node, "GET", "/_health").content, b"OK\n")
            r = self.call(node, "GET", "/_ready")
            self.assertEqual((r.status_code, r.content, r.headers["Retry-After"]), (503, b"LOADING main\n", "1"))
            r = self.call(node, "HEAD", "/_ready")
            self.assertEqual((r.status_code, r.content), (503, b""))
            for method, path, body in [("POST", "/main/_search", {"query": [7]}),
                                       ("POST", "/main/_update", {"changes": [{"delete": {"id": 1}}]}),
                                       ("GET", "/main", None), ("GET", "/main/_segments", None),
                                       ("GET", "/main/1", None), ("PUT", "/main/9", {"hashes": [9]}),
                                       ("DELETE", "/main/1", None)]:
                with self.subTest(method=method, path=path):
                    r = self.call(node, method, path, body)
                    self.assertEqual((r.status_code, r.json()), (503, {"error": "IndexNotReady"}))
                    self.assertIn("Retry-After", r.headers)
            r = self.http.post(node.url("/main/_search"), data=msgpack.packb({"q": [7]}), timeout=60,
                               headers={"Content-Type": MSGPACK})
            self.assertEqual((r.status_code, msgpack.unpackb(r.content)), (503, {"e": "IndexNotReady"}))
            self.assertEqual(self.call(node, "HEAD", "/main").status_code, 200)
            r = self.call(node, "HEAD", "/main/1")
            self.assertEqual((r.status_code, r.content), (503, b""))
            r = self.call(node, "PUT", "/main")
            self.assertEqual((r.status_code, r.json()), (202, {"version": 0, "ready": False, "generation": 1}))
            self.assertEqual(self.call(node, "GET", "/main/_status").json()["generation"], 1)
            # Another index is not disturbed, and may be made meanwhile.
            self.make_index(node, "other", 1)
            self.assertEqual(self.search(node, "other", [7]), [(1, 1)])
        node.json("watch", "main")
        self.assertEqual(self.call(node, "GET", "/main/_health").content, b"OK\n")
        self.assertEqual(self.call(node, "GET", "/_ready").content, b"OK\n")
        self.assertEqual(self.search(node, "main", [7]), [(n, 1) for n in range(1, 5)])
        self.assertEqual(self.call(node, "GET", "/main").json()["version"], 4)

    def test_requests_wait_for_an_index_that_loads(self):
        node = self.start(*MANUAL)
        self.make_index(node, "main", 4)
        self.assertEqual(node.stop(), 0)
        requests_of_clients = [("POST", "/main/_search", {"query": [7], "timeout": 0}), ("GET", "/main", None),
                               ("GET", "/main/1", None), ("PUT", "/main/9", {"hashes": [9]}),
                               ("DELETE", "/main/8", None), ("POST", "/main/_update", {"changes": [{"delete": {"id": 7}}]})]
        with HeldFiles(self.segment_files("main")[2]) as held, concurrent.futures.ThreadPoolExecutor() as pool:
            node = self.start(*MANUAL, "--max-ready-wait-ms", "3600000")
            waiting = [pool.submit(requests.request, method, node.url(path), json=body, timeout=PATIENCE)
                       for method, path, body in requests_of_clients]
            try:
                self.wait_until_as_many_wait(node, len(waiting))
                # Meanwhile these tell how things are. Would they wait, they would wait for ever.
                self.assertEqual(self.call(node, "GET", "/_health").content, b"OK\n")
                self.assertEqual(self.call(node, "GET", "/_ready").content, b"LOADING main\n")
                self.assertEqual(self.call(node, "GET", "/main/_health").content, b"LOADING\n")
                self.assertEqual(self.call(node, "GET", "/main/_status").json()["generation"], 1)
                self.assertEqual(self.call(node, "HEAD", "/main").status_code, 200)
                self.assertEqual(self.call(node, "HEAD", "/main/1").status_code, 503)
                for path in "/_metrics", "/_page/overview":
                    self.assertEqual(self.call(node, "GET", path).status_code, 200)
                for path in "/main/_segments", "/main/_snapshot":
                    self.assertEqual(self.call(node, "GET", path).json(), {"error": "IndexNotReady"})
                # A search waits no longer than it may take.
                r = self.call(node, "POST", "/main/_search", {"query": [7], "timeout": 20})
                self.assertEqual((r.status_code, r.json()), (503, {"error": "IndexNotReady"}))
                self.assertEqual(sum(w.done() for w in waiting), 0)
            finally:
                held.release()
            answers = [w.result() for w in waiting]
        self.assertEqual([a.status_code for a in answers], [200] * len(answers))
        self.assertEqual([found["id"] for found in answers[0].json()["results"]][:4], [1, 2, 3, 4])
        self.assertGreaterEqual(answers[1].json()["version"], 4)
        self.assertEqual(answers[2].json(), {"version": 1})
        self.assertEqual(self.call(node, "GET", "/main").json()["version"], 7)

    def test_no_more_requests_wait_than_leave_room_for_others(self):
        node = self.start(*MANUAL)
        self.make_index(node, "main", 4)
        self.assertEqual(node.stop(), 0)
        with HeldFiles(self.segment_files("main")[2]) as held, concurrent.futures.ThreadPoolExecutor() as pool:
            node = self.start(*MANUAL, "--max-ready-wait-ms", "3600000", "--http-max-requests-in-flight", "4")
            waiting = [pool.submit(requests.get, node.url("/main"), timeout=PATIENCE) for _ in range(2)]
            try:
                self.wait_until_as_many_wait(node, len(waiting))
                r = self.call(node, "GET", "/main")
                self.assertEqual((r.status_code, r.json()), (503, {"error": "IndexNotReady"}))
                self.assertEqual(self.call(node, "GET", "/_health").content, b"OK\n")
            finally:
                held.release()
            self.assertEqual([w.result().status_code for w in waiting], [200, 200])

    def test_a_loading_index_can_be_deleted(self):
        node = self.start(*MANUAL)
        self.make_index(node, "main", 4)
        self.assertEqual(node.stop(), 0)
        with HeldFiles(self.segment_files("main")[0]) as held:
            node = self.start(*MANUAL)
            with concurrent.futures.ThreadPoolExecutor() as pool:
                deleted = pool.submit(requests.delete, node.url("/main"), timeout=60)
                # The loader can be told to stop, but not while the kernel keeps it waiting.
                node.wait_for("main: ")
                held.release()
                self.assertEqual(deleted.result().json(), {"deleted": True})
        self.assertEqual(self.call(node, "GET", "/main/_health").status_code, 404)
        self.assertEqual(self.segment_files("main"), [])
        self.assertEqual(self.call(node, "PUT", "/main").json(), {"version": 0, "ready": True, "generation": 2})


class ManyIndexes(HttpLoadingTest):
    INDEXES, SEGMENTS, BOUND = 200, 3, 3

    def test_two_hundred_indexes_load_at_start_within_one_bound(self):
        node = self.start(*MANUAL)
        names = [f"i{n:03}" for n in range(self.INDEXES)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            def make(name):
                requests.put(node.url(f"/{name}"), timeout=60).raise_for_status()
                for s in range(1, self.SEGMENTS + 1):
                    number = int(name[1:])
                    requests.put(node.url(f"/{name}/{s}"), json={"hashes": [s, number, 7_000 + number]},
                                 timeout=60).raise_for_status()
                    node.ctl("checkpoint", name)
            list(pool.map(make, names))
        self.assertEqual(node.stop(), 0)

        with HeldFiles(*(file for name in names for file in self.segment_files(name))):
            # No loader can finish, so the bound is what keeps the rest from beginning.
            node = self.start(*MANUAL, "--load-concurrency", str(self.BOUND))
            node.wait_for("using parallel loading")
            status = node.json("status")
            self.assertEqual(len(status["indexes"]), self.INDEXES)
            self.assertEqual({i["state"] for i in status["indexes"]}, {"loading"})
            self.assertEqual(status["loaders_allowed"], self.BOUND)
            self.assertLessEqual(status["loaders_running"], self.BOUND)
        for name in names:
            progress = node.json("watch", name)
            self.assertEqual((progress["state"], progress["segments_done"]), ("ready", self.SEGMENTS))
        for number, name in enumerate(names):
            self.assertEqual(self.search(node, name, [7_000 + number]), [(s, 1) for s in range(1, self.SEGMENTS + 1)])
            self.assertEqual(self.call(node, "GET", f"/{name}/_health").status_code, 200)
        self.assertEqual(node.stop(), 0)


class Restart(HttpLoadingTest):
    DOCUMENTS, BATCH, HASHES = 50_000, 1_000, 100

    def hashes(self, document):
        draw = random.Random(document)
        # A tenth of the hashes is shared by many documents.
        return [draw.getrandbits(32) for _ in range(self.HASHES - 10)] + [draw.randrange(5_000) for _ in range(10)]

    def answers(self, node):
        draw = random.Random(42)
        out = []
        for _ in range(300):
            query = draw.sample(self.hashes(draw.randint(1, self.DOCUMENTS)), 50) + [draw.randrange(5_000)
                                                                                      for _ in range(20)]
            r = self.call(node, "POST", "/main/_search", {"query": query, "min_score": 2, "limit": 100, "timeout": 0})
            self.assertEqual(r.status_code, 200)
            self.assertTrue(r.json()["results"])
            out.append(r.json())
        return out

    def test_fifty_thousand_documents_answer_the_same_after_a_restart_with_parallel_loading(self):
        node = self.start("--checkpoint-threshold", "500000", "--segments-per-level", "16", "--idle-merge-after-ms", "0")
        self.assertEqual(self.call(node, "PUT", "/main").status_code, 200)
        for batch, first in enumerate(range(1, self.DOCUMENTS + 1, self.BATCH), 1):
            changes = [{"insert": {"id": d, "hashes": self.hashes(d)}, "delete": None}
                       for d in range(first, first + self.BATCH)]
            r = self.call(node, "POST", "/main/_update", {"changes": changes})
            self.assertEqual((r.status_code, r.json()), (200, {"version": batch}))
        before, info = self.answers(node), self.call(node, "GET", "/main").json()
        self.assertEqual(info["stats"]["num_docs"], self.DOCUMENTS)
        self.assertEqual(info["version"], self.DOCUMENTS // self.BATCH)
        self.assertEqual(node.stop(), 0)

        node = self.start()
        progress = node.json("watch", "main")
        self.assertEqual((progress["state"], progress["strategy"]), ("ready", "parallel"))
        self.assertGreaterEqual(progress["segments_total"], 3)
        self.assertEqual(self.answers(node), before)
        after = self.call(node, "GET", "/main").json()
        self.assertEqual((after["version"], after["stats"]["num_docs"]), (info["version"], self.DOCUMENTS))


if __name__ == "__main__":
    unittest.main()
