"""Slices that are split, moved and drained while clients search and write: no search fails, and every answer is that of
the whole index."""

import threading
import time
import unittest

import requests

from slices_support import SlicesTest
from support import PATIENCE

DOCUMENTS = 90  # an answer over HTTP has 100 at most
HASHES = list(range(0, 300, 5))


class SliceChanges(SlicesTest):
    def setUp(self):
        super().setUp()
        self.flags = ["--changelog-poll-ms", "20"]

    def fill(self):
        documents = {d: [self.draw.randrange(300) for _ in range(60)] for d in range(1, DOCUMENTS + 1)}
        self.filled = self.update(self.whole, [{"insert": {"id": d, "hashes": h}} for d, h in documents.items()])
        scores = {d: len(set(HASHES) & set(hashes)) for d, hashes in documents.items()}
        self.expected = [{"id": d, "score": score} for d, score in sorted(scores.items(), key=lambda x: (-x[1], x[0])) if score > 0]
        return self.filled

    def under_load(self, change, nodes):
        """Runs `change` while each node is searched and one is written to; returns how many searches were answered."""
        stop, wrong, answered, newest = threading.Event(), [], [0], [self.filled]

        def search(node):
            with requests.Session() as session:
                while not stop.is_set():
                    at = newest[0]
                    found = self.search(node, HASHES, at, session, limit=100, min_score=1, score_pct=0)
                    if found.status_code != 200 or found.json() != {"results": self.expected}:
                        wrong.append(f"at {at}: {found.status_code} {found.text}")
                        return
                    answered[0] += 1

        def write(node):
            with requests.Session() as session:
                document = DOCUMENTS
                while not stop.is_set():
                    document += 1
                    body = {"changes": [{"insert": {"id": document, "hashes": [1000, 1001]}}]}
                    done = session.post(node.url("/main/_update"), json=body, timeout=PATIENCE)
                    if done.status_code != 200:
                        wrong.append(f"write: {done.status_code} {done.text}")
                        return
                    newest[0] = done.json()["version"]
                    stop.wait(0.02)

        threads = [threading.Thread(target=search, args=(node,)) for node in nodes]
        threads.append(threading.Thread(target=write, args=(self.whole,)))
        def wait_for_answers(count):
            end = time.monotonic() + PATIENCE
            while answered[0] < count and not wrong and time.monotonic() < end:
                stop.wait(0.01)

        for thread in threads:
            thread.start()
        try:
            wait_for_answers(10)
            change()
            wait_for_answers(answered[0] + 50)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(wrong, [])
        self.assertGreater(answered[0], 60)
        return newest[0]

    def assert_equal_answers(self, node, at):
        for _ in range(10):
            query = [self.draw.randrange(300) for _ in range(self.draw.randrange(1, 80))]
            self.assert_answers_as_whole(node, query, at, limit=100)

    @staticmethod
    def slices_in(status):
        return sorted(m["slice"] for m in status["members"])

    def test_a_split_fails_no_search(self):
        members = self.start_members("1/2", "1/2", "2/2", "2/2")
        self.fill()
        for node in members[1:3]:
            node.ctl("checkpoint", "main")
        shown = []

        def split():
            shown.append(members[0].ctl("cluster", "split", "main", "2/2"))
        at = self.under_load(split, [members[0], members[2]])
        self.assertIn(f"{self.address(2)} holds slice 3/4 of main", shown[0].stdout)
        self.assertIn(f"{self.address(3)} holds slice 4/4 of main", shown[0].stdout)
        self.wait_for_status(members[1], lambda s: self.slices_in(s) == ["1/2", "1/2", "3/4", "4/4"])
        for node in members:
            self.wait_until_whole(node)
            self.assert_equal_answers(node, at)
        counts = {m["slice"]: m["documents"] for m in self.cluster(members[0])["members"]}
        self.assertLess(counts["3/4"] + counts["4/4"], 0.65 * (counts["1/2"] + counts["3/4"] + counts["4/4"]))
        # The same after a restart, whatever the setting says.
        members[2].stop()
        members[2] = self.start_member(2, "2/2")
        self.wait_until_whole(members[0])
        self.wait_for_status(members[2], lambda s: self.slices_in(s) == ["1/2", "1/2", "3/4", "4/4"])
        self.assert_equal_answers(members[2], at)
        # Once more does nothing.
        again = members[0].ctl("cluster", "split", "main", "2/2")
        self.assertEqual(again.stdout, "")
        alone = members[0].ctl("cluster", "split", "main", "3/4", check=1)
        self.assertIn("slice 3/4 has one replica, and its halves need a member each", alone.stderr)

    def test_a_move_fails_no_search(self):
        members = self.start_members("1/2", "2/2", "2/2")
        self.fill()

        def move():
            members[0].ctl("cluster", "move", "main", "1/2", "--from", "m0", "--to", "m1")
        at = self.under_load(move, [members[0], members[2]])
        self.wait_for_status(members[1], lambda s: self.slices_in(s) == ["1/2", "1/2", "2/2"])
        self.wait_for_status(members[2], lambda s: [m["node"] for m in s["members"] if m["draining"]] == ["m0"])
        # Until the other one has answered it counts as one that has failed.
        self.assert_equal_answers(members[2], at)
        asked = self.asked(members[2], "m0")
        for _ in range(20):
            self.assert_equal_answers(members[2], at)
        self.assertEqual(self.asked(members[2], "m0"), asked, "it is asked no more")
        # Nobody else holds the slices of these.
        needed = members[0].ctl("cluster", "drain", "m2", check=1)
        self.assertIn("nobody answers for all documents: index main: slice 2/2", needed.stderr)
        members[0].ctl("cluster", "drain", "m2", "--force")
        self.assert_equal_answers(members[0], at)
        members[0].ctl("cluster", "drain", "m2", "--undo")

    def asked(self, node, name):
        return next(m["asked"] for m in self.cluster(node)["members"] if m["node"] == name)

    def test_a_slice_of_a_whole_index(self):
        """A node that begins to hold a slice takes it from one that holds more."""
        self.start_members("1/1", "1/1")
        at = self.fill()
        self.members[1].kill()
        peers = ["--peers", self.members[0].url()]
        self.flags = [*self.flags, *peers]
        self.ports.append(self.ports[1])
        # An empty folder, and a changelog whose beginning is gone.
        self.members[0].ctl("checkpoint", "main")
        node = self.start("--coordinator-url", self.whole.url(), *self.flags, "--slice", "2/3", "--members",
                          self.address(0), "--node-name", "new", "--caf-port", str(self.ports[1]), data="new")
        self.wait_for_status(node, lambda s: not s["fault"] and all(m["version"] >= at for m in s["members"]))
        held = {m["slice"]: m["documents"] for m in self.cluster(node)["members"]}
        self.assertLess(held["2/3"], DOCUMENTS / 2)
        self.assert_equal_answers(node, at)
        # Told over HTTP, too, and what it holds is all that is asked for.
        shown = requests.get(node.url("/main/_cluster"), timeout=PATIENCE).json()
        self.assertEqual({m["slice"] for m in shown["members"]}, {"1/1", "2/3"})
        count = requests.get(node.url("/main"), timeout=PATIENCE).json()["stats"]["num_docs"]
        self.assertEqual(count, DOCUMENTS)

    def test_partial_answers_only_where_they_are_asked_for(self):
        first, second = self.start_members("1/2", "2/2")
        at = self.fill()
        second.kill()
        self.wait_for_status(first, lambda s: s["fault"])
        refused = self.search(first, HASHES, at)
        self.assertEqual((refused.status_code, refused.json()["error"]), (503, "SliceUnavailable"))
        url = first.url("/main/_search?allow_partial=1")
        found = self.http.post(url, json={"query": HASHES, "limit": 100, "min_score": 1, "score_pct": 0}, timeout=PATIENCE)
        self.assertEqual(found.status_code, 200, found.text)
        self.assertEqual(found.json()["missing"], ["2/2"])
        self.assertLess(len(found.json()["results"]), DOCUMENTS)
        partial = first.ctl("search", "main", "5,10,15,20", "--allow-partial")
        self.assertIn("slice 2/2 is missing: nobody answers for it", partial.stderr)


if __name__ == "__main__":
    unittest.main()
