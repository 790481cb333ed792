"""Members with slices find what one node finds that holds everything: over HTTP, the line protocol and CAF, in real music
and in documents that share many hashes, whatever the limit and the thresholds.

FPNODE_FULL_SIZE=1 takes 5 million documents; FPNODE_DOCUMENTS=N another number.
"""

import collections
import concurrent.futures
import gzip
import os
import random
import struct
import time
import unittest

import requests

from line_client import LineClient
from slices_checker import slice_of
from slices_support import SlicesTest
from support import DATA, PATIENCE

FULL_SIZE = os.environ.get("FPNODE_FULL_SIZE") == "1"
DOCUMENTS = int(os.environ.get("FPNODE_DOCUMENTS", 5_000_000 if FULL_SIZE else 20_000))
SEARCHES = 3_000 if FULL_SIZE else 240
SLICES = 3
BATCH = 10_000
MSGPACK = {"Content-Type": "application/vnd.msgpack"}


class SharedHashes:
    """Documents of a few stretches of one long row of hashes, so that many share some, and share them together."""

    STRETCHES, LENGTH = 3, 8

    def __init__(self, documents):
        self.hashes = [i * 0x9E3779B1 % (1 << 32) for i in range(max(1_000, documents // 20))]
        self._packed = b"".join(b"\xce" + struct.pack(">I", h) for h in self.hashes)

    def insert(self, document, draw):
        """In MessagePack."""
        size = 5 * self.LENGTH
        starts = [5 * int(draw.random() * (len(self.hashes) - self.LENGTH)) for _ in range(self.STRETCHES)]
        return (b"\x81\xa1i\x82\xa1i\xce" + struct.pack(">I", document) + b"\xa1h\xdc" +
                struct.pack(">H", self.STRETCHES * self.LENGTH) + b"".join(self._packed[s:s + size] for s in starts))

    def query(self, draw):
        found = []
        for _ in range(draw.randint(1, 6)):
            start = draw.randrange(len(self.hashes))
            found += self.hashes[start:start + draw.randint(1, 30)]
        return found


def update(changes):
    return b"\x81\xa1c\xdd" + struct.pack(">I", len(changes)) + b"".join(changes)


def delete(document):
    return b"\x81\xa1d\x81\xa1i\xce" + struct.pack(">I", document)


def clips():
    with gzip.open(DATA / "clips.tsv.gz", "rt") as lines:
        return [list(map(int, line.rstrip("\n").split("\t")[2].split(","))) for line in lines]


class EqualResults(SlicesTest):
    flags = [*SlicesTest.flags, "--legacy-port", "any"]

    def setUp(self):
        super().setUp()
        self.compared = collections.Counter()

    def start_all(self):
        self.http.put(self.whole.url("/music"), timeout=PATIENCE)
        self.start_members(*(f"{i + 1}/{SLICES}" for i in range(SLICES)))
        self.lines = {node: LineClient(node.line_port) for node in (self.whole, *self.members)}
        for line in self.lines.values():
            self.addCleanup(line.close)

    def wait_until_there(self, index):
        """Until every member has all of the index; fails when one gets no further."""
        version = self.http.get(self.whole.url(f"/{index}"), timeout=PATIENCE).json()["version"]
        for node in self.members:
            known, end = 0, time.monotonic() + PATIENCE
            while known < version:
                self.assertLess(time.monotonic(), end, f"{known} of {version}\n{node.log()}")
                now = self.http.get(node.url(f"/{index}/_status"), timeout=PATIENCE).json()["version"]
                if now > known:
                    known, end = now, time.monotonic() + PATIENCE
                else:
                    # A member answers this when it is there, or after a while.
                    own = next(d for d in range(1, 99) if slice_of(d, SLICES) == 1 + self.members.index(node))
                    self.http.get(node.url(f"/{index}/{own}?min_version={known + 1}"), timeout=PATIENCE)
        return version

    # -- Ways to ask

    def ask_http(self, index, query):
        wish = {"query": query, "limit": self.draw.choice([1, 2, 10, 40, 100]), "timeout": 10000,
                "score_pct": self.draw.choice([0, 1, 10, 33, 50, 90, 100])}
        if self.draw.random() < 0.7:
            wish["min_score"] = self.draw.choice([0, 1, 2, 3, 8, 20])
        return wish, lambda node: self.http.post(node.url(f"/{index}/_search"), json=wish, timeout=PATIENCE).json()["results"]

    def ask_line(self, _, query):
        most, percent = self.draw.choice([1, 7, 500, 10000]), self.draw.choice([0, 10, 50, 90, 100])
        words = f"search {','.join(map(str, query))}"

        def ask(node):
            self.lines[node].do(f"set max_results {most}", f"set top_score_percent {percent}")
            found = self.lines[node].ask(words)
            self.assertTrue(found.startswith("OK "), found)
            return found

        return (most, percent, words), ask

    def ask_caf(self, index, query):
        options = ["--limit", self.draw.choice([1, 30, 1000, 10000]), "--score-pct", self.draw.choice([0, 10, 50, 100])]
        if self.draw.random() < 0.7:
            options += ["--min-score", self.draw.choice([1, 2, 5, 12])]
        words = ["search", index, *options, ",".join(map(str, query))]

        def ask(node):
            answer = node.ctl("--json", *words, check=None)
            self.assertIn(answer.returncode, (0, 5), answer.stderr)
            return answer.stdout

        return words, ask

    def compare(self, index, queries):
        """Each query in one way, at one of the members and at the node that holds all."""
        for number, query in enumerate(queries):
            ways = [self.ask_http] * 6 + [self.ask_caf] + ([self.ask_line] * 5 if index == "main" else [])
            way = self.draw.choice(ways)
            wish, ask = way(index, query)
            expected = ask(self.whole)
            self.compared[index, way.__name__] += 1
            self.compared[index, "empty"] += not expected or expected == "OK "
            self.assertEqual(ask(self.members[number % SLICES]), expected, f"{index}: {wish}")

    # -- Tests

    def test_real_music(self):
        self.start_all()
        self.whole.ctl("ingest", "music", DATA / "fingerprints.txt.gz", "--batch", "100")
        self.wait_until_there("music")
        found = clips()
        self.compare("music", self.draw.sample(found, len(found) if FULL_SIZE else 100))
        print(dict(self.compared), flush=True)

    def test_documents_that_share_hashes(self):
        self.start_all()
        began = time.monotonic()
        source = SharedHashes(DOCUMENTS)

        def post(first):
            draw = random.Random(first)
            changes = [source.insert(d, draw) for d in range(first, min(first + BATCH, DOCUMENTS + 1))]
            answer = requests.post(self.whole.url("/main/_update"), data=update(changes), headers=MSGPACK, timeout=PATIENCE)
            self.assertEqual(answer.status_code, 200, answer.text)

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(post, range(1, DOCUMENTS + 1, BATCH)))
        sent = time.monotonic() - began
        self.wait_until_there("main")
        there = time.monotonic() - began
        self.compare("main", [source.query(self.draw) for _ in range(SEARCHES // 2)])
        # Some are rewritten, some deleted, and what is in two files is found once.
        for start in range(0, DOCUMENTS // 50, BATCH):
            some = [self.draw.randint(1, DOCUMENTS) for _ in range(min(BATCH, DOCUMENTS // 50 - start))]
            changes = [delete(d) if d % 3 == 0 else source.insert(d, self.draw) for d in some]
            answer = self.http.post(self.whole.url("/main/_update"), data=update(changes), headers=MSGPACK, timeout=PATIENCE)
            self.assertEqual(answer.status_code, 200, answer.text)
        self.wait_until_there("main")
        self.compare("main", [source.query(self.draw) for _ in range(SEARCHES // 2)])
        status = self.wait_for_status(self.members[0], lambda s: not s["fault"])
        stats = self.http.get(self.whole.url("/main"), timeout=PATIENCE).json()["stats"]
        self.wait_for_status(self.members[0], lambda s: sum(m["documents"] for m in s["members"]) == stats["num_docs"])
        print(f"{DOCUMENTS:,} documents sent in {sent:.1f} s, at all members after {there:.1f} s; "
              f"{[m['documents'] for m in status['members']]}; {dict(self.compared)}", flush=True)


if __name__ == "__main__":
    unittest.main()
