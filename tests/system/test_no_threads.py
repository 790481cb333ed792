"""A node that lacks a thread at its start says so; once it runs, it needs no more of them."""

import os
import pathlib
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

    def test_nothing_needs_a_thread_once_the_node_runs(self):
        node = self.start_preloaded("--legacy-port", "any")
        self.assertGreater(node.line_port, 0)
        self.assertGreater(node.port, 0, "the node has started")
        self.no_threads.touch()
        for index in ("first", "second"):
            self.assertEqual(self.ask(node, "PUT", f"/{index}").status_code, 200)
            self.check_served(node, index)
            node.ctl("checkpoint", index)
            node.ctl("reload", index)
            self.check_served(node, index)
        self.assertEqual(self.ask(node, "GET", "/first/_snapshot").status_code, 200)
        self.assertIn("fpindex_", self.ask(node, "GET", "/_metrics").text)
        self.assertEqual(self.ask(node, "DELETE", "/second").json(), {"deleted": True})
        self.assertEqual(node.stop(), 0, node.log())
        self.no_threads.unlink()
        node = self.start_preloaded()
        node.wait_for("first: ready at version")
        self.check_served(node, "first")
        self.assertEqual(node.stop(), 0, node.log())

    def test_indexes_have_no_threads_of_their_own(self):
        node = self.start_preloaded()
        self.assertGreater(node.port, 0, "the node has started")

        def threads():
            return len(list(pathlib.Path(f"/proc/{node.process.pid}/task").iterdir()))
        before = threads()
        for i in range(50):
            self.assertEqual(self.ask(node, "PUT", f"/i{i}").status_code, 200)
            self.check_served(node, f"i{i}")
        self.assertEqual(threads(), before)
        self.assertEqual(node.stop(), 0, node.log())

    def test_a_node_that_lacks_any_of_its_threads_says_so_in_one_line(self):
        lacking = 0
        while True:
            self.no_threads.write_text(str(lacking))
            node = self.start_preloaded("--threads", "1", "--log-threads", "1", "--upkeep-threads", "1",
                                        "--load-concurrency", "1", "--http-threads", "1")
            if "listening" in node.wait_for(r"listening for remote actors|" + REASON).group():
                break
            self.assertEqual(node.wait(), 1, f"{lacking} threads: {node.log()}")
            errors = [line for line in node.log().splitlines() if REASON in line]
            self.assertEqual(len(errors), 1, f"{lacking} threads: {node.log()}")
            lacking += 1
        self.assertGreater(lacking, 8)
        self.assertEqual(node.stop(), 0, node.log())


if __name__ == "__main__":
    unittest.main()
