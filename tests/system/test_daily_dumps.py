"""AcoustID's daily dumps, a folder or a list of files at a time."""

import gzip
import json
import unittest

from support import NodeTest

SISTERS = ("meta-update", "track-update", "track_fingerprint-update", "track_mbid-update")


class DailyDumps(NodeTest):
    def write_day(self, date, rows, form="jsonl.gz"):
        """A day as it is published: the stream of fingerprints, and others beside it."""
        folder = self.folder / "dumps" / date[:7]
        folder.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(row) + "\n" for row in rows)
        file = folder / f"{date}-fingerprint-update.{form}"
        file.write_bytes(gzip.compress(text.encode()) if form.endswith(".gz") else text.encode())
        for stream in SISTERS:
            (folder / f"{date}-{stream}.{form}").write_bytes(b"not to be read")
        return file

    def row(self, document, *hashes):
        return {"id": document, "fingerprint": list(hashes), "length": 200, "created": "2024-01-01T00:00:00+00:00"}

    def start_with_index(self):
        node = self.start()
        node.ctl("index", "create", "main")
        return node

    def found(self, node, *hashes):
        return [r["id"] for r in node.json("search", "main", ",".join(map(str, hashes)), check=None)["results"]]

    def test_a_folder_of_days(self):
        node = self.start_with_index()
        self.write_day("2024-01-30", [self.row(1, 11, -12), self.row(2, 21)])
        self.write_day("2024-01-31", [])
        self.write_day("2024-02-01", [self.row(2, 22)], form="jsonl")
        told = node.ctl("ingest", "main", self.folder / "dumps", "--json")
        self.assertEqual(json.loads(told.stdout)["documents"], 3)
        self.assertEqual(len(json.loads(told.stdout)["left_alone"]), 3 * len(SISTERS))
        self.assertRegex(told.stderr, r"left alone 12 files that are no streams of fingerprints: 2024-01-30-meta-update")
        self.assertEqual(self.found(node, 2**32 - 12), [1])
        # Days in their order: the later one has the last word.
        self.assertEqual(self.found(node, 22), [2])
        self.assertEqual(self.found(node, 21), [])

    def test_a_list_of_files_as_a_shell_makes_it(self):
        node = self.start_with_index()
        file = self.write_day("2024-01-30", [self.row(1, 11)])
        told = node.ctl("ingest", "main", *sorted(file.parent.iterdir()))
        self.assertIn("left alone", told.stderr)
        self.assertEqual(self.found(node, 11), [1])

    def test_rows_without_a_fingerprint_stop_nothing(self):
        node = self.start_with_index()
        nothing = {"id": 2, "fingerprint": None, "length": 0}
        file = self.write_day("2024-01-30", [self.row(1, 11), None, nothing, self.row(3, 31)])
        told = node.json("ingest", "main", file)
        self.assertEqual((told["documents"], told["skipped_lines"]), (2, 0))
        self.assertEqual(self.found(node, 31), [3])

    def test_an_empty_day_is_done_at_once(self):
        node = self.start_with_index()
        for form in "jsonl.gz", "jsonl":
            file = self.write_day("2024-01-30", [], form)
            self.assertEqual(node.json("ingest", "main", file)["documents"], 0)

    def test_a_day_without_a_stream_of_fingerprints_is_an_error(self):
        node = self.start_with_index()
        file = self.write_day("2024-01-30", [])
        file.unlink()
        self.assertIn("no stream of fingerprints", node.ctl("ingest", "main", file.parent, check=1).stderr)
        sister = next(file.parent.iterdir())
        self.assertIn("no stream of fingerprints", node.ctl("ingest", "main", sister, check=1).stderr)


if __name__ == "__main__":
    unittest.main()
