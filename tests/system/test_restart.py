"""What was acknowledged is there after any kind of end."""

import gzip
import json
import pathlib
import random
import re
import signal
import subprocess
import threading
import unittest

from support import BUILD, DATA, PATIENCE, STATE, NodeTest

# Small enough that checkpoints and merges happen while the tests write.
BUSY = ["--checkpoint-threshold", "20000", "--min-segment-size", "2000", "--max-memory-segments", "4"]


def fingerprint(document, version=0):
    """Hashes that only this version of this document has."""
    draw = random.Random(document * 1000 + version)
    return [draw.getrandbits(32) for _ in range(40)]


def line(document, version=0):
    return f"{document}|{','.join(map(str, fingerprint(document, version)))}\n"


class Restart(NodeTest):
    def check_documents(self, node, documents):
        queries = "".join(f"q\t{d}\t{','.join(map(str, fingerprint(d)))}\n" for d in documents)
        report = node.json("search", "main", "--file", "-", stdin=queries, check=None)
        found = {q["expected"]: (q["best"], q["score"]) for q in report["results"]}
        missing = [d for d in documents if found.get(d) != (d, 40)]
        self.assertEqual(missing, [])

    def test_stop_signals_end_the_node_cleanly(self):
        for number in signal.SIGTERM, signal.SIGINT:
            with self.subTest(number):
                node = self.start(data=f"data-{number}")
                node.ctl("index", "create", "main")
                node.ctl("ingest", "main", "-", stdin=line(1))
                self.assertEqual(node.stop(number), 0)
                node = self.start(data=f"data-{number}")
                self.check_documents(node, [1])

    def test_an_ingest_that_was_killed_continues_and_a_finished_one_starts_anew(self):
        node = self.start()
        node.ctl("index", "create", "main")
        lines = self.folder / "lines"
        lines.write_text("".join(line(i) for i in range(1, 40_001)))
        command = [BUILD / "fpctl", "--json", "--port", str(node.port), "ingest", "main", lines, "--batch", "1"]
        killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(killed.stderr.close)
        records = pathlib.Path(STATE.name) / "fpctl"
        # At half of 40,000 commits, several records have been written.
        next(said for said in killed.stderr if re.match(r" 5\d %", said))
        killed.kill()
        killed.wait()
        self.assertEqual(len(list(records.iterdir())), 1)
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
        report = json.loads(done.stdout)
        self.assertGreater(report["documents_before"], 0)
        self.assertEqual(report["documents_before"] + report["documents"], 40_000)
        self.assertEqual(node.json("index", "info", "main")["num_documents"], 40_000)
        self.assertEqual((list(records.iterdir()), node.json("metadata", "main")), ([], {}))
        # What is asked for again is done again.
        node.ctl("delete", "main", "3")
        self.assertEqual(node.json("ingest", "main", lines)["documents_before"], 0)
        node.ctl("document", "main", "3")

    def test_normal_work_warns_of_nothing(self):
        node = self.start()
        for name in "main", "other":
            node.ctl("index", "create", name)
            node.ctl("ingest", name, "-", "--checkpoint", stdin=line(1))
            node.ctl("ingest", name, "-", "--checkpoint", stdin=line(2))
            node.ctl("merge", name)
        for _ in range(5):
            node.ctl("index", "delete", "other")
            node.ctl("index", "create", "other")
            node.ctl("ingest", "other", "-", stdin=line(3))
        self.assertEqual(node.stop(), 0)
        self.assertNotRegex(node.log(), r"(?m)^\S+ (warn|warning|error) ")

    def test_shutdown_by_a_client(self):
        node = self.start()
        self.assertIn("shuts down", node.ctl("shutdown").stdout)
        self.assertEqual(node.wait(), 0)

    def test_a_clean_stop_answers_writes_in_flight(self):
        node = self.start(*BUSY)
        node.ctl("index", "create", "main")
        writer = Writer(node.port, first=1)
        writer.wait_until_busy()
        self.assertEqual(node.stop(), 0)
        acknowledged = writer.finish()
        self.assertGreater(acknowledged, 0)
        node = self.start(*BUSY)
        self.check_documents(node, range(1, acknowledged + 1))
        self.assertNotIn("unfinished write", node.log())

    def test_kill_under_load_from_two_clients(self):
        node = self.start(*BUSY)
        node.ctl("index", "create", "main")
        acknowledged = {1: 0, 1_000_001: 0}
        for _ in range(3):
            writers = [Writer(node.port, first=first + done) for first, done in acknowledged.items()]
            for w in writers:
                w.wait_until_busy()
            node.kill()
            for w, first in zip(writers, acknowledged):
                acknowledged[first] += w.finish()
            node = self.start(*BUSY)
            for first, done in acknowledged.items():
                self.assertGreater(done, 0)
                self.check_documents(node, range(first, first + done))


class Writer:
    """An fpctl that ingests documents, some a commit, until its node goes away."""

    def __init__(self, port, first):
        self.first = first
        self.process = subprocess.Popen(
            [BUILD / "fpctl", "--port", str(port), "ingest", "main", "-", "--batch", "4", "--restart"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def _write(self):
        try:
            for document in range(self.first, self.first + 1_000_000):
                self.process.stdin.write(line(document))
        except (BrokenPipeError, ValueError):
            pass

    def wait_until_busy(self):
        """Waits for the first line of progress, which comes after about a thousand documents."""
        first_line = self.process.stderr.readline()
        if "documents" not in first_line:
            raise AssertionError(first_line + self.process.stderr.read())

    def finish(self):
        """Waits for the client's end, which a node's end brings. Returns how many documents it saw acknowledged."""
        said = self.process.stderr.read()
        self.process.wait(PATIENCE)
        self._writer.join(PATIENCE)
        self.process.stderr.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        return int(re.search(r"([\d,]+) documents of this run are in the index", said).group(1).replace(",", ""))


class Music(NodeTest):
    def test_clips_of_real_music_are_identified_before_and_after_a_restart(self):
        flags = ["--checkpoint-threshold", "100000", "--min-segment-size", "1000", "--segments-per-level", "32"]
        node = self.start(*flags)
        node.ctl("index", "create", "music")
        with gzip.open(DATA / "fingerprints.txt.gz", "rt") as file:
            tracks = file.readlines()
        self.assertEqual(len(tracks), 625)
        # One checkpoint a part: at least as many segments as parts.
        for part in range(0, len(tracks), 75):
            node.json("ingest", "music", "-", "--batch", "25", "--checkpoint", stdin="".join(tracks[part:part + 75]))
        before = node.json("search", "music", "--file", DATA / "clips.tsv.gz", "--expect", check=None)
        self.assertEqual(node.stop(), 0)

        node = self.start(*flags)
        node.wait_for(r"music: ready at version")
        segments = node.json("index", "segments", "music")
        self.assertGreaterEqual(len(segments), 8)
        self.assertIn(f"using parallel loading for {len(segments)} segments", node.log())
        for i in range(1, len(segments) + 1):
            self.assertIn(f"({i}/{len(segments)})", node.log())
        after = node.json("search", "music", "--file", DATA / "clips.tsv.gz", "--expect", check=None)
        self.assertEqual(before["results"], after["results"])
        labels = after["expected"]["labels"]
        for label, least in {"mp3_64k": 0.99, "speed1": 0.99, "noise": 0.98, "clip30": 0.98}.items():
            self.assertGreaterEqual(labels[label]["share"], least, label)


if __name__ == "__main__":
    unittest.main()
