"""A node that gets no more threads says so, serves on, and ends cleanly."""

import os
import unittest
from unittest import mock

import requests

from support import BUILD, PATIENCE, NodeTest

REASON = "cannot start a thread: "
FLAGS = ["--checkpoint-age-ms", "0", "--idle-merge-after-ms", "0"]


class NoThreads(NodeTest):
    def setUp(self):
        super().setUp()
        self.no_threads = self.folder / "no-threads"

    def start_preloaded(self, *flags):
        variables = {"LD_PRELOAD": str(BUILD / "tests/libno_threads.so"), "FPNODE_NO_THREADS": str(self.no_threads)}
        with mock.patch.dict(os.environ, variables):
            return self.start_unready(*FLAGS, *flags)

    def ask(self, node, method, path, **body):
        return requests.request(method, node.url(path), json=body or None, timeout=PATIENCE)

    def check_served(self, node, index):
        self.assertEqual(self.ask(node, "PUT", f"/{index}/1", hashes=[1, 2, 3]).status_code, 200)
        found = self.ask(node, "POST", f"/{index}/_search", query=[1, 2, 3])
        self.assertEqual(found.json(), {"results": [{"id": 1, "score": 3}]})

    def test_an_index_without_threads_fails_alone_and_can_be_reloaded(self):
        node = self.start_preloaded()
        self.assertGreater(node.port, 0, "the node has started")
        self.assertEqual(self.ask(node, "PUT", "/first").status_code, 200)
        self.no_threads.touch()
        for _ in range(2):
            answer = self.ask(node, "PUT", "/second")
            self.assertEqual(answer.status_code, 503, answer.text)
            self.assertEqual(answer.json()["error"], "IndexFailed")
            self.assertIn(REASON, answer.json()["reason"])
        self.assertEqual(self.ask(node, "GET", "/second/_health").text, "FAILED\n")
        self.assertIn(REASON, node.ctl("index", "create", "third", check=None).stderr)
        self.check_served(node, "first")
        self.assertIn(REASON, node.ctl("checkpoint", "first", check=1).stderr)
        self.assertEqual(self.ask(node, "GET", "/first/_snapshot").status_code, 503)
        self.check_served(node, "first")

        self.no_threads.unlink()
        for index in ("second", "third"):
            node.ctl("reload", index)
            self.check_served(node, index)
        self.assertEqual(self.ask(node, "GET", "/first/_snapshot").status_code, 200)
        node.ctl("checkpoint", "first")
        self.assertEqual(node.stop(), 0, node.log())

    def test_a_node_does_not_start_without_threads(self):
        self.no_threads.touch()
        node = self.start_preloaded()
        self.assertEqual(node.wait(), 1, node.log())
        self.assertIn(REASON, node.log())

    def test_a_node_without_threads_stops_cleanly(self):
        node = self.start_preloaded("--legacy-port", "0")
        self.assertGreater(node.line_port, 0, "all gateways have their threads")
        self.assertEqual(self.ask(node, "PUT", "/first").status_code, 200)
        self.check_served(node, "first")
        self.no_threads.touch()
        self.assertEqual(self.ask(node, "PUT", "/second").status_code, 503)
        self.assertEqual(self.ask(node, "DELETE", "/second").json(), {"deleted": True})
        self.assertEqual(node.stop(), 0, node.log())
        self.no_threads.unlink()
        node = self.start_preloaded()
        node.wait_for("first: ready at version")
        self.check_served(node, "first")
        self.assertEqual(node.stop(), 0, node.log())


if __name__ == "__main__":
    unittest.main()
