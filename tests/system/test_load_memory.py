"""What loading takes: no more memory than the files and a constant, descriptors as the pool has loaders."""

import contextlib
import pathlib
import re
import tempfile
import unittest

from support import Node

MIB = 1 << 20
DOCUMENTS, HASHES = 3_000, 100
POOL = 2
# So that the segments stay apart.
NO_MERGES = ("--segments-per-level", "64", "--segments-per-merge", "64")


def fingerprints():
    """Documents whose hashes differ, as fpctl reads them."""
    return "".join(f"{d}|{','.join(str((d * 7919 + h * 104729) % (1 << 32)) for h in range(HASHES))}\n"
                   for d in range(1, DOCUMENTS + 1))


class LoadMemory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="fpnode-load-memory-")
        cls.addClassCleanup(folder.cleanup)
        cls.data = pathlib.Path(folder.name) / "data"
        node = Node(cls.data, *NO_MERGES, "--checkpoint-threshold", "10000")
        try:
            node.ctl("index", "create", "main")
            node.ctl("ingest", "main", "-", "--batch", "100", "--checkpoint", stdin=fingerprints())
            node.stop()
        finally:
            node.kill()
        cls.files = list(cls.data.rglob("*.seg"))

    @contextlib.contextmanager
    def loaded(self, mode, **bounds):
        node = Node(self.data, "--segment-load-mode", mode, "--load-concurrency", POOL, *NO_MERGES, **bounds)
        try:
            node.ctl("watch", "main")
            yield node
        finally:
            node.kill()

    def test_memory_is_bounded_by_the_files(self):
        bound = 1.02 * sum(f.stat().st_size for f in self.files) + 32 * MIB
        for mode in ("map", "read"):
            with self.subTest(mode=mode):
                with self.loaded(mode) as node:
                    status = pathlib.Path(f"/proc/{node.process.pid}/status").read_text()
                # The kernel's own record of the largest resident set: nothing between two looks is missed.
                peak = 1024 * int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.M).group(1))
                self.assertLessEqual(peak, bound)

    def test_descriptors_do_not_grow_with_the_segments(self):
        self.assertGreater(len(self.files), 4 * POOL)
        for mode in ("map", "read"):
            with self.subTest(mode=mode):
                with self.loaded(mode) as node:
                    at_rest = len(node.open_files())
                bound = at_rest + POOL + 4
                # Else the bound would show nothing.
                self.assertGreater(at_rest + len(self.files), bound)
                # With no more to open than this, loading ends well or says which file it could not open.
                with self.loaded(mode, descriptors=bound):
                    pass


if __name__ == "__main__":
    unittest.main()
