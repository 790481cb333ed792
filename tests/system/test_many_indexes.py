"""An idle index costs no thread and little memory. Small in every run; FPNODE_FULL_SIZE=1 takes 10,000 and prints times."""

import http.client
import os
import pathlib
import time
import unittest

from support import PATIENCE, NodeTest

FULL = os.environ.get("FPNODE_FULL_SIZE") == "1"
INDEXES = 10_000 if FULL else 400
MAX_BYTES = 64 << 10  # an idle index
MAX_THREADS = 64


class ManyIndexes(NodeTest):
    def threads(self, node):
        return len(list(pathlib.Path(f"/proc/{node.process.pid}/task").iterdir()))

    def memory(self, node):
        """Bytes that are the process's own."""
        status = pathlib.Path(f"/proc/{node.process.pid}/status").read_text()
        return int(status.partition("RssAnon:")[2].split()[0]) << 10

    def ask(self, node, method, path):
        self.connection.request(method, path)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def connect(self, node):
        self.connection = http.client.HTTPConnection("127.0.0.1", node.http_port, timeout=PATIENCE)
        self.addCleanup(self.connection.close)

    def create(self, node, numbers):
        """Seconds of each."""
        seconds = []
        for i in numbers:
            begun = time.monotonic()
            self.assertEqual(self.ask(node, "PUT", f"/i{i}")[0], 200)
            seconds.append(time.monotonic() - begun)
        return seconds

    def test_they_cost_no_threads_and_little_memory(self):
        node = self.start()
        self.connect(node)
        self.create(node, range(100))
        threads, memory = self.threads(node), self.memory(node)
        seconds = self.create(node, range(100, 100 + INDEXES))
        self.assertEqual(self.threads(node), threads)
        self.assertLess(threads, MAX_THREADS)
        self.assertLess((self.memory(node) - memory) / INDEXES, MAX_BYTES)
        created = self.memory(node)
        self.assertEqual(node.stop(), 0)

        begun = time.monotonic()
        node = self.start()
        node.wait_for_each("ready at version", 100 + INDEXES)
        started = time.monotonic() - begun
        self.assertEqual(self.threads(node), threads)
        self.assertLess((self.memory(node) - memory) / INDEXES, MAX_BYTES)
        tenth = INDEXES // 10
        print(f"\n{INDEXES} indexes, {threads} threads: {(created - memory) / INDEXES / 1024:.1f} KiB each when created, "
              f"{self.memory(node) >> 20} MiB in all after a start; created in {sum(seconds[:tenth]) / tenth * 1e3:.2f} ms "
              f"each at first, {sum(seconds[-tenth:]) / tenth * 1e3:.2f} ms at last; started in {started:.2f} s")
        begun = time.monotonic()
        self.assertEqual(node.stop(), 0)
        print(f"stopped in {time.monotonic() - begun:.2f} s")


if __name__ == "__main__":
    unittest.main()
