"""A node that follows acoustid-server's feed: the corpus by its stream, then what changes."""

import contextlib
import os
import threading
import unittest

import requests

from acoustid_feed import AcoustidFeed, first_hash, position_of
from line_client import LineClient
from support import PATIENCE, NodeTest

FULL_SIZE = os.environ.get("FPNODE_FULL_SIZE") == "1"
DOCUMENTS = 2_000_000 if FULL_SIZE else 20_000
CORPUS = DOCUMENTS * 3 // 4


class AcoustidFeedTest(NodeTest):
    def follow(self, **how):
        self.feed = AcoustidFeed(self, CORPUS, **how)
        return self.again()

    def again(self):
        node = self.start("--coordinator-url", self.feed.url, "--changelog-poll-ms", "20")
        node.wait_for("acoustid: follows")
        return node

    def found(self, node, document, version):
        # One wait for a version is bounded.
        for _ in range(30):
            answer = requests.post(node.url(f"/acoustid/_search?min_version={version}"), timeout=PATIENCE,
                                   json={"query": [first_hash(document)], "timeout": 10000})
            if "ReplicationTimeout" not in answer.text:
                break
        self.assertEqual(answer.status_code, 200, answer.text)
        return [r["id"] for r in answer.json()["results"]]

    def check(self, node, newest, version):
        for document in {1, 2, CORPUS // 2, CORPUS, newest // 3, newest - 1, newest}:
            self.assertIn(document, self.found(node, document, version))
        info = requests.get(node.url("/acoustid"), timeout=PATIENCE).json()
        self.assertEqual((info["version"], info["stats"]["num_docs"]), (version, newest))

    def grow(self, newest):
        self.feed.newest = newest
        return position_of(newest)

    def test_gives_the_corpus_and_then_each_change(self):
        node = self.follow()
        self.check(node, CORPUS, position_of(CORPUS))
        self.check(node, DOCUMENTS, self.grow(DOCUMENTS))
        self.assertEqual(node.stop(), 0)
        self.grow(DOCUMENTS + 100)
        self.feed.requests.clear()
        node = self.again()
        self.check(node, DOCUMENTS + 100, position_of(DOCUMENTS + 100))
        self.assertEqual(self.feed.count("/_bootstrap"), 0)
        self.assertEqual(self.feed.count(r"/_changelog/acoustid/1\?after=0&"), 0)

    def test_is_searched_by_the_line_protocol_and_asked_for_no_index(self):
        self.feed = AcoustidFeed(self, CORPUS)
        for index in "acoustid", "main":
            with self.subTest(index):
                node = self.start("--coordinator-url", self.feed.url, "--changelog-poll-ms", "20", "--legacy-port", "any",
                                  "--legacy-index", index)
                with LineClient(node.line_port) as line:
                    line.do("set timeout 0")
                    node.wait_for("acoustid: follows")
                    found = line.ask(f"search {first_hash(CORPUS)}")
                    if index == "main":
                        self.assertEqual(found, "ERR search failed: there is no index main")
                    else:
                        self.assertIn(f"{CORPUS}:1", found.split())
                        line.do("begin", "insert 1 1")
                        self.assertEqual(line.ask("commit"), "ERR commit failed")
                self.assertEqual(node.stop(), 0)
            self.assertEqual(self.feed.count("PUT "), 0)

    def test_may_have_its_corpus_at_position_0(self):
        node = self.follow(base=0)
        self.check(node, CORPUS, 0)
        self.assertEqual(node.stop(), 0)
        node = self.again()
        self.check(node, CORPUS, 0)
        self.assertEqual(self.feed.count("/_bootstrap"), 1)
        self.check(node, CORPUS + 10, self.grow(CORPUS + 10))

    def test_is_not_waited_for_while_its_corpus_is_to_come(self):
        let_come = threading.Event()

        class HeldFeed(AcoustidFeed):
            def stream(self, to):
                let_come.wait(PATIENCE)
                # The nodes that were killed wait no more.
                with contextlib.suppress(ConnectionError):
                    super().stream(to)

        self.feed = HeldFeed(self, CORPUS)
        self.addCleanup(let_come.set)
        for start in "first", "second":
            with self.subTest(start):
                # Who waited would wait for ever.
                node = self.start("--coordinator-url", self.feed.url, "--changelog-poll-ms", "20",
                                  "--max-ready-wait-ms", "3600000")
                node.wait_for("acoustid: ready at version")
                for path in "/acoustid/_search", "/acoustid":
                    answer = requests.request("POST" if "_search" in path else "GET", node.url(path), timeout=PATIENCE,
                                              json={"query": [1], "timeout": 0} if "_search" in path else None)
                    self.assertEqual((answer.status_code, answer.json()), (503, {"error": "IndexNotReady"}))
                node.kill()
        let_come.set()
        self.check(self.again(), CORPUS, position_of(CORPUS))

    def test_refuses_writes_for_good(self):
        node = self.follow()
        refused = [requests.put(node.url("/acoustid/7"), json={"hashes": [1]}, timeout=PATIENCE),
                   requests.delete(node.url("/acoustid/7"), timeout=PATIENCE),
                   requests.put(node.url("/another"), timeout=PATIENCE),
                   requests.delete(node.url("/acoustid"), timeout=PATIENCE)]
        self.assertEqual([(r.status_code, r.json()["error"]) for r in refused], [(403, "FeedIsReadOnly")] * 4)
        self.check(node, CORPUS, position_of(CORPUS))


if __name__ == "__main__":
    unittest.main()
