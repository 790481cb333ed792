"""Searches of an index that does not fit the memory end at their deadlines, and do not hold up its writes.

On demand (FPNODE_FULL_SIZE=1), as root: a node in a control group whose memory holds a part of its index. Prints what
it measures. FPNODE_TEST_FOLDER names a folder on a disk, for what lies in memory is never cold.
"""

import http.client
import json
import os
import pathlib
import random
import tempfile
import threading
import time
import unittest

from support import PATIENCE, NodeTest

FULL = os.environ.get("FPNODE_FULL_SIZE") == "1"
DOCUMENTS, HASHES = 200_000, 100
WRITES, SEARCHERS, TIMEOUT_MS = 500, 2, 50
GROUPS = pathlib.Path("/sys/fs/cgroup/memory")
NODE_BYTES = 32 << 20  # what a node takes beside its index
SHARE = 0.3            # of the index, that has room


def ask(connection, method, path, body):
    connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def at(share, values):
    return sorted(values)[int(len(values) * share)]


@unittest.skipUnless(FULL, "on demand: FPNODE_FULL_SIZE=1")
class ColdSearches(NodeTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="fpnode-test-", dir=os.environ.get("FPNODE_TEST_FOLDER"))
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.group = GROUPS / f"fpnode-test-{os.getpid()}"
        try:
            self.group.mkdir()
        except OSError as e:
            self.skipTest(f"no control group for memory: {e}")
        self.addCleanup(self.group.rmdir)

    def ingest(self):
        """An index of one file. Returns its length."""
        draw = random.Random(1)
        node = self.start("--checkpoint-threshold", 2 * DOCUMENTS * HASHES, "--checkpoint-age-ms", 0,
                          "--idle-merge-after-ms", 0)
        node.ctl("index", "create", "main")
        lines = (f"{d}|" + ",".join(str(draw.getrandbits(32)) for _ in range(HASHES)) for d in range(1, DOCUMENTS + 1))
        node.ctl("ingest", "main", "-", "--checkpoint", stdin="\n".join(lines) + "\n")
        self.assertEqual(node.stop(), 0)
        length = 0
        for file in self.folder.glob("data/main/*/data/*.seg"):
            with open(file, "rb") as f:
                os.fsync(f.fileno())
                os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                length += os.fstat(f.fileno()).st_size
        return length

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.node.http_port, timeout=PATIENCE)

    def write(self, first):
        """Seconds of each of some writes."""
        seconds, connection = [], self.connect()
        for document in range(first, first + WRITES):
            begun = time.monotonic()
            status, answer = ask(connection, "PUT", f"/main/{document}", {"hashes": [document]})
            seconds.append(time.monotonic() - begun)
            self.assertEqual(status, 200, answer)
        connection.close()
        return seconds

    def search_until(self, done, seconds, seed):
        draw, connection = random.Random(seed), self.connect()
        while not done.is_set():
            begun = time.monotonic()
            ask(connection, "POST", "/main/_search",
                {"query": [draw.getrandbits(32) for _ in range(HASHES)], "timeout": TIMEOUT_MS})
            seconds.append(time.monotonic() - begun)
        connection.close()

    def major_faults(self):
        return int(pathlib.Path(f"/proc/{self.node.process.pid}/stat").read_text().rpartition(")")[2].split()[9])

    def test_writes_go_on(self):
        length = self.ingest()
        (self.group / "memory.limit_in_bytes").write_text(str(int(NODE_BYTES + SHARE * length)))
        self.node = self.start("--checkpoint-age-ms", 0, "--idle-merge-after-ms", 0,
                               "--scrub-bytes-per-second", 0, group=self.group)
        self.node.wait_for(r"main: ready at version")
        quiet = self.write(DOCUMENTS + 1)
        done, searches, faults = threading.Event(), [], self.major_faults()
        searchers = [threading.Thread(target=self.search_until, args=(done, searches, s)) for s in range(SEARCHERS)]
        for s in searchers:
            s.start()
        busy = self.write(DOCUMENTS + WRITES + 1)
        done.set()
        for s in searchers:
            s.join()
        faults = self.major_faults() - faults
        print(f"\n{length >> 20} MiB, {faults} faults, {len(searches)} searches with a timeout of {TIMEOUT_MS} ms: "
              f"p50 {at(0.5, searches) * 1e3:.1f}, p99 {at(0.99, searches) * 1e3:.1f}, "
              f"longest {max(searches) * 1e3:.1f} ms; writes p99 quiet {at(0.99, quiet) * 1e3:.1f}, "
              f"busy {at(0.99, busy) * 1e3:.1f} ms")
        self.assertGreater(faults, len(searches), "the index was cold")
        self.assertLess(at(0.99, busy), 3 * at(0.99, quiet))


if __name__ == "__main__":
    unittest.main()
