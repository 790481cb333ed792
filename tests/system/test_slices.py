"""One index in slices on several nodes: each of them answers for all of it."""

import signal
import threading
import time
import unittest

import requests

from exposition import Exposition
from slices_support import SlicesTest
from support import PATIENCE, free_ports


class Slices(SlicesTest):
    def fill(self, count=600):
        """Documents that share hashes."""
        changes = []
        for document in range(1, count + 1):
            hashes = [self.draw.randrange(400) for _ in range(60)]
            changes.append({"insert": {"id": document, "hashes": hashes}})
        return self.update(self.whole, changes)

    def random_query(self):
        query = [self.draw.randrange(400) for _ in range(self.draw.randrange(1, 80))]
        options = {"limit": self.draw.choice([1, 5, 40, 1000])}
        return query, options

    def assert_equal_answers(self, node, at, count=20):
        for _ in range(count):
            query, options = self.random_query()
            self.assert_answers_as_whole(node, query, at, **options)

    def test_every_member_answers_for_all(self):
        members = self.start_members("1/3", "2/3", "3/3")
        at = self.fill()
        for node in members:
            self.assert_equal_answers(node, at)
        self.wait_for_status(members[1], lambda s: all(150 < m["documents"] < 250 for m in s["members"]))
        # Remote actors see one index, too.
        info = members[0].json("index", "info", "main")
        self.assertEqual(info["num_documents"], 600)

        # What one has written all find, and old versions nobody.
        at = self.update(members[2], [{"insert": {"id": d, "hashes": [5000 + d]}} for d in range(1, 100)]
                         + [{"delete": {"id": d}} for d in range(100, 200)])
        for node in members:
            self.assert_equal_answers(node, at)
            found = self.search(node, [5007], at)
            self.assertEqual([r["id"] for r in found.json()["results"]], [7])
            for document, status in ((7, 200), (150, 404), (300, 200), (9999, 404)):
                answer = self.http.get(node.url(f"/main/{document}"), timeout=PATIENCE)
                self.assertEqual(answer.status_code, status, answer.text)

    def test_the_same_after_a_restart(self):
        members = self.start_members("1/2", "2/2")
        at = self.fill()
        for node in members:
            node.ctl("checkpoint", "main")
            node.stop()
        self.members = [self.start_member(i, f"{i + 1}/2") for i in range(2)]
        for node in self.members:
            self.wait_until_whole(node)
            self.assert_equal_answers(node, at)

    def test_a_slice_that_nobody_holds_is_named(self):
        first, second = self.start_members("1/2", "2/2")
        at = self.fill()
        second.kill()
        self.wait_for_status(first, lambda s: s["fault"])
        answer = self.search(first, [1, 2, 3], at)
        self.assertEqual((answer.status_code, answer.json()["error"]), (503, "SliceUnavailable"))
        self.assertIn("2/2", self.cluster(first)["fault"])
        shown = first.ctl("cluster", "status", "main", check=1)
        self.assertIn("searches fail: nobody who answers holds slice 2/2", shown.stdout)
        self.wait_for_metrics(first, {"fpindex_slice_members": 2, "fpindex_slice_members_not_asked": 1, "fpindex_slices_missing": 1})
        self.members[1] = self.start_member(1, "2/2")
        self.wait_until_whole(first)
        self.assert_equal_answers(first, at)
        e = self.wait_for_metrics(first, {"fpindex_slice_members_not_asked": 0, "fpindex_slices_missing": 0})
        self.assertGreater(e.value("fpindex_slice_questions_total", index="main"), 0)

    def wait_for_metrics(self, node, expected):
        """They are told once a second."""
        end = time.monotonic() + PATIENCE
        while True:
            e = Exposition(self.http.get(node.url("/_metrics"), timeout=PATIENCE).text)
            if all(e.has(name, index="main") and e.value(name, index="main") == value for name, value in expected.items()):
                return e
            self.assertLess(time.monotonic(), end, e.samples)

    def test_no_search_fails_when_one_of_two_replicas_does(self):
        members = self.start_members("1/2", "1/2", "2/2", "2/2")
        at = self.fill(200)
        stop, failures, answered = threading.Event(), [], [0]
        query = list(range(0, 400, 7))
        expected = self.search(self.whole, query, at).json()

        def search():
            with requests.Session() as session:
                while not stop.is_set():
                    answer = self.search(members[0], query, at, session)
                    if answer.status_code != 200 or answer.json() != expected:
                        failures.append(answer.text)
                    answered[0] += 1

        searching = threading.Thread(target=search)
        searching.start()
        try:
            for number in (signal.SIGSTOP, signal.SIGKILL):
                before = answered[0]
                os_kill(members[3], number)
                end = time.monotonic() + PATIENCE
                while answered[0] < before + 300 and time.monotonic() < end:
                    stop.wait(0.01)
                self.wait_for_status(members[0], lambda s: any(m["failure"] for m in s["members"]))
                if number == signal.SIGSTOP:
                    os_kill(members[3], signal.SIGCONT)
                    self.wait_until_whole(members[0])
        finally:
            stop.set()
            searching.join()
        self.assertEqual(failures, [])
        self.assertGreater(answered[0], 600)

    def test_a_member_that_is_the_node_itself_is_not_asked(self):
        port, = free_ports(1)
        self.http.put(self.whole.url("/main"), timeout=PATIENCE)
        node = self.start("--coordinator-url", self.whole.url(), "--changelog-poll-ms", "20", "--members",
                          f"127.0.0.1:{port},localhost:{port}", "--caf-port", str(port), data="alone")
        at = self.fill(100)
        status = self.wait_for_status(node, lambda s: len([m for m in s["members"] if m["failure"]]) == 2)
        self.assertEqual({m["failure"] for m in status["members"][1:]}, {"it is this node itself"})
        self.assert_equal_answers(node, at)

    def test_overlapping_slices_are_told_of(self):
        first, _ = self.start_members("1/2", "2/2")
        at = self.fill(100)
        # A third one that holds what fits nowhere is no harm.
        self.assert_equal_answers(first, at)
        for flags, why in ((("--slice", "3/2"), "slice"), (("--slice", "1/2"), "changelog"),
                           (("--members", "a:1,b"), "members")):
            code, log = self.start_refused(*flags, data="wrong")
            self.assertEqual(code, 2)
            self.assertIn(why, log)

    def test_another_slice_by_a_resync(self):
        first, second = self.start_members("1/2", "2/2")
        at = self.fill()
        second.stop()
        # The setting is for what is fetched from now on.
        self.members[1] = second = self.start_member(1, "1/2")
        self.wait_until_whole(first)
        self.assertIn("slice 2/2 is here, not 1/2 as set", second.log())
        second.ctl("resync", "main")
        self.wait_for_status(first, lambda s: s["fault"])
        self.assertEqual(self.search(first, [1, 2, 3], at).status_code, 503)


def os_kill(node, number):
    node.process.send_signal(number)


if __name__ == "__main__":
    unittest.main()
