"""Parallel loading, failing fast, and coming back, on a real node."""

import unittest

from support import NodeTest

# Checkpoints on request only, so that a test knows its segments.
MANUAL = ["--checkpoint-age-ms", "0", "--idle-merge-after-ms", "0", "--segments-per-level", "64"]


class Loading(NodeTest):
    def make_index(self, node, name, segments):
        node.ctl("index", "create", name)
        for s in range(segments):
            lines = "".join(f"{s * 1000 + d}|{','.join(str(d * 7919 + h * 104729 + s) for h in range(100))}\n"
                            for d in range(1, 51))
            node.ctl("ingest", name, "-", "--checkpoint", stdin=lines)

    def segment_files(self, name):
        return sorted((self.folder / "data" / name / "v1" / "data").glob("*.seg"))

    def test_the_strategy_follows_the_number_of_segments(self):
        node = self.start(*MANUAL)
        for segments in 0, 1, 2, 3, 8:
            self.make_index(node, f"i{segments}", segments)
        self.assertEqual(node.stop(), 0)
        node = self.start(*MANUAL)
        for segments, strategy in {0: "none", 1: "sequential", 2: "sequential", 3: "parallel", 8: "parallel"}.items():
            progress = node.json("watch", f"i{segments}")
            with self.subTest(segments):
                self.assertEqual(progress["state"], "ready")
                self.assertEqual(progress["strategy"], strategy)
                self.assertEqual(progress["segments_done"], segments)
                self.assertEqual(progress["bytes_done"], sum(f.stat().st_size for f in self.segment_files(f"i{segments}")))
        self.assertIn("i8: using parallel loading for 8 segments", node.log())

    def test_a_corrupted_segment_fails_its_index_alone_and_a_reload_brings_it_back(self):
        node = self.start(*MANUAL)
        self.make_index(node, "bad", 8)
        self.make_index(node, "good", 3)
        expected = node.json("search", "bad", "7919,112648")
        self.assertEqual(node.stop(), 0)
        victim = self.segment_files("bad")[5]
        whole = victim.read_bytes()
        damaged = bytearray(whole)
        damaged[-100] ^= 4
        victim.write_bytes(damaged)

        node = self.start(*MANUAL)
        progress = node.json("watch", "bad", check=1)
        self.assertEqual(progress["state"], "failed")
        self.assertIn(victim.name, progress["reason"])
        self.assertIn("offset", progress["reason"])
        node.json("watch", "good")
        # Everything of the failed index is released: no file open, no mapping.
        held = [f for f in node.open_files() if "/bad/" in f] + [f for f in node.mapped_segments() if "/bad/" in f]
        self.assertEqual(held, [])
        self.assertIn("has failed", node.ctl("search", "bad", "1,2,3", check=1).stderr)
        self.assertEqual(len(node.json("index", "segments", "good")), 3)
        self.assertIn(victim.name, node.ctl("reload", "bad", check=1).stderr)

        victim.write_bytes(whole)
        self.assertEqual(node.json("reload", "bad")["state"], "ready")
        self.assertEqual(node.json("search", "bad", "7919,112648"), expected)
        self.assertEqual(len([f for f in node.mapped_segments() if "/bad/" in f]), 8)

    def test_a_missing_segment(self):
        node = self.start(*MANUAL)
        self.make_index(node, "main", 3)
        self.assertEqual(node.stop(), 0)
        victim = self.segment_files("main")[1]
        victim.unlink()
        node = self.start(*MANUAL)
        self.assertIn(victim.name, node.json("watch", "main", check=1)["reason"])

    def test_segments_read_into_memory_leave_no_mapping(self):
        node = self.start(*MANUAL)
        self.make_index(node, "main", 3)
        expected = node.json("search", "main", "7919,112648")
        self.assertEqual(node.stop(), 0)
        node = self.start(*MANUAL, "--segment-load-mode", "read")
        node.json("watch", "main")
        self.assertEqual(node.mapped_segments(), set())
        self.assertEqual(node.json("search", "main", "7919,112648"), expected)


if __name__ == "__main__":
    unittest.main()
