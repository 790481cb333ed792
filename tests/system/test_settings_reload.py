"""A running node takes over what may change of its settings, and says what needs a restart."""

import random
import signal
import unittest

import requests

from support import PATIENCE, NodeTest


class SettingsReload(NodeTest):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "fpnode.json"
        self.write("")
        self.node = self.start("--config", self.file, "--log-level", "info")

    def write(self, settings):
        self.file.write_text('{"checkpoint_age_ms": 0, "idle_merge_after_ms": 0' + settings + "}")

    def reread(self, settings):
        self.write(settings)
        self.node.process.send_signal(signal.SIGHUP)

    def insert(self, document):
        requests.put(self.node.url(f"/main/{document}"), json={"hashes": [document, 7]},
                     timeout=PATIENCE).raise_for_status()

    def test_what_may_change_changes(self):
        self.node.ctl("index", "create", "main")
        for document in range(1, 6):
            self.insert(document)
        self.assertEqual(self.node.json("status")["indexes"][0]["checkpoints"], 0)
        # Ten postings are in memory: that is enough from now on, without another write.
        self.reread(', "checkpoint_threshold": 10')
        self.node.wait_for(r"info settings read again: checkpoint_threshold: 10 \(was 1000000\)")
        self.node.wait_for("main: checkpoint 1-5")
        self.reread(', "checkpoint_threshold": 1000000')
        self.node.wait_for(r"checkpoint_threshold: 1000000 \(was 10\)")
        self.reread(', "max_concurrent_loads": 7')
        self.node.wait_for(r"max_concurrent_loads: 7 \(was 4\)")
        self.assertEqual(self.node.json("status")["loaders_allowed"], 7)
        self.assertEqual(self.node.stop(), 0)

    def test_a_scrub_can_be_begun_and_ended(self):
        self.assertEqual(self.node.stop(), 0)
        self.write(', "scrub_bytes_per_second": 0')
        self.node = self.start("--config", self.file)
        self.node.ctl("index", "create", "main")
        self.insert(1)
        self.node.ctl("checkpoint", "main")
        self.reread(', "scrub_bytes_per_second": 1000000, "scrub_interval_ms": 1000')
        self.node.wait_for("main: scrub: 1 segments")
        self.reread(', "scrub_bytes_per_second": 0')
        self.node.wait_for(r"scrub_bytes_per_second: 0 \(was 1000000\)")
        self.assertEqual(self.node.stop(), 0)

    def test_what_cannot_change_is_named(self):
        self.reread("")
        self.node.wait_for("info settings read again: nothing has changed")
        self.reread(', "http_threads": "many"')
        self.node.wait_for("error settings not read again, those that were read before stay in force: "
                           '.*fpnode.json: http_threads: found a string "many", allowed a whole number 1 to 64')
        self.reread(', "http_threads": 5, "max_segments": 9')
        self.node.wait_for(r"warn(ing)? settings read again: needs a restart: http_threads: 5 \(was 2\)")
        self.node.wait_for(r"info settings read again: max_segments: 9 \(was 0\)")
        self.assertEqual(self.node.stop(), 0)

    def test_the_log_level_and_slow_searches(self):
        self.node.ctl("index", "create", "main")
        self.insert(1)
        self.reread(', "slow_search_ms": 1')
        self.node.wait_for("slow_search_ms: 1 ")
        # Sorting a million hashes alone takes longer than a millisecond.
        query = random.Random(1).sample(range(1 << 28), 1_000_000)
        requests.post(self.node.url("/main/_search"), json={"query": query, "timeout": 0},
                      timeout=PATIENCE).raise_for_status()
        self.node.wait_for(r"warn(ing)? main: slow search: [1-9]\d* ms: 1000000 hashes, limit 40, time limit 0 ms: "
                           r"\d+ postings, 0 results")
        self.assertEqual(self.node.stop(), 0)


if __name__ == "__main__":
    unittest.main()
