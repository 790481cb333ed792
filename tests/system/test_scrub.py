"""A node verifies the segment files that it serves again and again, and tells when one is damaged meanwhile."""

import pathlib
import unittest

import requests

from exposition import Exposition
from support import PATIENCE, NodeTest

# Nothing happens by age; segments stay apart; a round a second.
FLAGS = ["--checkpoint-age-ms", "0", "--idle-merge-after-ms", "0", "--segments-per-level", "64",
         "--scrub-interval-ms", "1000"]


class Scrub(NodeTest):
    def start_with_segments(self, *flags, rate=1 << 30):
        """A node with an index of 3 file segments of 50 documents each."""
        node = self.start(*FLAGS, "--scrub-bytes-per-second", rate, *flags)
        node.ctl("index", "create", "main")
        for s in range(3):
            lines = [f"{d}|{d},{d + 5000},777" for d in range(50 * s + 1, 50 * s + 51)]
            node.ctl("ingest", "main", "-", "--checkpoint", stdin="\n".join(lines) + "\n")
        self.files = sorted((self.folder / "data/main/v1/data").glob("*.seg"))
        self.assertEqual(len(self.files), 3)
        return node

    def metrics(self, node):
        return Exposition(requests.get(node.url("/_metrics"), timeout=PATIENCE).text)

    def status(self, node):
        [index] = [i for i in node.json("status")["indexes"] if i["name"] == "main"]
        return index

    def check_searches(self, node):
        for d in range(1, 151):
            answer = requests.post(node.url("/main/_search"), json={"query": [d, d + 5000], "min_score": 2},
                                   timeout=PATIENCE)
            self.assertEqual(answer.json()["results"], [{"id": d, "score": 2}])

    def flip(self, file: pathlib.Path, offset):
        with open(file, "r+b", buffering=0) as f:
            f.seek(offset)
            byte = f.read(1)[0]
            f.seek(offset)
            f.write(bytes([byte ^ 1]))

    def check_damage_is_found(self, mode, told):
        node = self.start_with_segments("--segment-load-mode", mode)
        node.wait_for(r"main: scrub: 3 segments, \d+ bytes, 0 damaged")
        metrics = self.metrics(node)
        self.assertFalse(metrics.has("fpindex_damaged_segments", index="main"))
        self.assertGreaterEqual(metrics.value("fpindex_scrubs_total", index="main"), 1)
        self.assertGreater(metrics.value("fpindex_last_scrub_timestamp_seconds", index="main"), 0)
        self.assertGreaterEqual(metrics.value("fpindex_scrubbed_bytes_total", index="main"),
                                sum(f.stat().st_size for f in self.files))
        self.assertEqual(self.status(node)["damaged_segments"], 0)

        # The last byte pads the section of counts: no search meets it.
        victim = self.files[1]
        at = victim.stat().st_size - 1
        self.flip(victim, at)
        line = node.wait_for(rf"error main: scrub: damaged segment: (.*{victim.name}: section counts at "
                             rf"offset \d+: [^;]*)")
        self.assertEqual(self.metrics(node).value("fpindex_damaged_segments", index="main"), 1)
        status = self.status(node)
        self.assertEqual((status["state"], status["damaged_segments"]), ("ready", 1))
        self.assertIn(line.group(1), status["damage"])
        self.assertIn(told.format(at), status["damage"])
        self.assertIn("damaged segment: ", node.ctl("status").stdout)
        [seen] = requests.get(node.url("/_page/overview"), timeout=PATIENCE).json()["indexes"]
        self.assertEqual((seen["damaged_segments"], seen["damage"]), (1, status["damage"]))
        self.check_searches(node)

        self.flip(victim, at)
        node.wait_for(r"main: scrub: segment \S+ is right again")
        self.assertFalse(self.metrics(node).has("fpindex_damaged_segments", index="main"))
        self.assertEqual(self.status(node)["damaged_segments"], 0)
        self.assertEqual(node.stop(), 0)

    def test_damage_of_mapped_segments_is_found(self):
        self.check_damage_is_found("map", "computed")

    def test_damage_of_segments_on_the_disk_is_found(self):
        self.check_damage_is_found("disk", "computed")

    def test_segments_larger_than_memory_are_verified_after_the_start(self):
        node = self.start_with_segments("--segment-load-mode", "disk")
        self.assertEqual(self.status(node)["unverified_segments"], 0, "what it has written it has read back")
        self.assertEqual(node.stop(), 0)
        node = self.start(*FLAGS, "--segment-load-mode", "disk", "--scrub-bytes-per-second", 1)
        self.check_searches(node)
        status = self.status(node)
        self.assertEqual((status["state"], status["unverified_segments"]), ("ready", 3))
        self.assertIn("3 segments not verified yet", node.ctl("status").stdout)
        self.assertEqual(self.metrics(node).value("fpindex_unverified_segments", index="main"), 3)
        self.assertEqual(node.stop(), 0)
        node = self.start(*FLAGS, "--segment-load-mode", "disk", "--scrub-bytes-per-second", 1 << 30)
        node.wait_for(r"main: scrub: 3 segments, \d+ bytes, 0 damaged")
        self.assertEqual(self.status(node)["unverified_segments"], 0)
        self.assertEqual(node.stop(), 0)

    def test_damage_of_segments_in_memory_is_found(self):
        self.check_damage_is_found("read", "not as in memory is at offset {}")

    def test_merges_and_deletes_meanwhile_are_no_damage(self):
        node = self.start_with_segments()
        node.ctl("merge", "main")
        node.wait_for(r"main: scrub: 1 segments, \d+ bytes, 0 damaged")
        node.ctl("index", "delete", "main")
        node.ctl("index", "create", "other")
        node.wait_for(r"other: scrub: 0 segments")
        self.assertEqual(node.stop(), 0)
        self.assertNotIn("damaged segment", node.log())

    def test_a_node_without_a_scrub(self):
        node = self.start_with_segments(rate=0)
        self.assertFalse(self.metrics(node).has("fpindex_scrubbed_bytes_total", index="main"))
        self.assertEqual(node.stop(), 0)
        self.assertNotIn("scrub", node.log())

    def test_a_slow_scrub_does_not_hold_up_the_end(self):
        node = self.start_with_segments(rate=1)
        self.assertEqual(node.stop(), 0)


if __name__ == "__main__":
    unittest.main()
