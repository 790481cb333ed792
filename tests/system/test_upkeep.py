"""Upkeep that cannot go on stops nobody who can: writes of a node with a damaged segment, under merges."""

import unittest

import requests

from support import PATIENCE, NodeTest

# Checkpoints every 50 writes, and many merges.
FLAGS = ["--checkpoint-threshold", "1000", "--min-segment-size", "1", "--segments-per-level", "2",
         "--segments-per-merge", "4", "--scrub-bytes-per-second", "0", "--idle-merge-after-ms", "0"]


class Upkeep(NodeTest):
    def status(self, node):
        [index] = [i for i in node.json("status")["indexes"] if i["name"] == "main"]
        return index

    def test_a_damaged_segment_stops_no_writes(self):
        node = self.start(*FLAGS)
        node.ctl("index", "create", "main")
        for s in range(3):
            lines = [f"{d}|{d},{d + 5000},777" for d in range(50 * s + 1, 50 * s + 51)]
            node.ctl("ingest", "main", "-", "--checkpoint", stdin="\n".join(lines) + "\n")
        files = sorted((self.folder / "data/main/v1/data").glob("*.seg"))
        self.assertEqual(len(files), 3)
        # The last byte pads the section of metadata: no search meets it.
        with open(files[1], "r+b", buffering=0) as f:
            f.seek(-1, 2)
            byte = f.read(1)[0]
            f.seek(-1, 2)
            f.write(bytes([byte ^ 1]))
        with requests.Session() as client:
            for d in range(1001, 1901):
                written = client.put(node.url(f"/main/{d}"), json={"hashes": [d * 100 + i for i in range(20)]},
                                     timeout=PATIENCE)
                self.assertEqual(written.status_code, 200, f"write {d - 1000} of 900: {written.text}")
        node.wait_for(rf"error main: merge of files failed: .*{files[1].name}")
        node.ctl("checkpoint", "main")
        self.assertIn(files[1].name, node.ctl("merge", "main", check=1).stderr)
        status = self.status(node)
        self.assertEqual((status["state"], status["damaged_segments"]), ("ready", 1))
        self.assertIn(files[1].name, status["damage"])
        self.assertEqual(status["num_file_segments"], 3, "before the damaged one, it, and behind it")
        for d in [*range(1, 151, 10), *range(1001, 1901, 50)]:
            query = [d, d + 5000] if d < 1000 else [d * 100 + i for i in range(20)]
            found = client.post(node.url("/main/_search"), json={"query": query, "min_score": 2}, timeout=PATIENCE)
            self.assertEqual([r["id"] for r in found.json()["results"]], [d])
        self.assertEqual(node.stop(), 0)


if __name__ == "__main__":
    unittest.main()
