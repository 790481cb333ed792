"""A node that is killed again and again under load loses nothing.

FPNODE_FULL_SIZE=1 runs 300 rounds instead of 20. FPNODE_CRASH_SEED=N repeats the draws of a run, FPNODE_CRASH_ROUNDS=N
asks for another number of rounds.
"""

import os
import random
import signal
import threading
import unittest

from crash_model import INDEX, CafDoor, Comparison, HttpDoor, Lost, Refused, Writer
from support import PATIENCE, NodeTest

FULL_SIZE = os.environ.get("FPNODE_FULL_SIZE") == "1"
ROUNDS = int(os.environ.get("FPNODE_CRASH_ROUNDS", 300 if FULL_SIZE else 20))
SEED = int(os.environ.get("FPNODE_CRASH_SEED", random.SystemRandom().getrandbits(32)))

# Checkpoints, merges and new log files every few commits.
BUSY = ["--checkpoint-threshold", "300", "--min-segment-size", "100", "--segments-per-level", "3",
        "--segments-per-merge", "4", "--max-memory-segments", "4", "--oplog-file-bytes", "8192"]


class Answers:
    """Counts what the writers of a round were answered, and wakes whoever waits for some number of them."""

    def __init__(self):
        self.count = 0
        self._changed = threading.Condition()

    def one_more(self):
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def wait_for(self, count):
        with self._changed:
            if not self._changed.wait_for(lambda: self.count >= count, PATIENCE):
                raise AssertionError(f"only {self.count} of {count} writes were answered")


class CrashLoop(NodeTest):
    def count_work(self, node):
        log = node.log()
        self.checkpoints += log.count(f"{INDEX}: checkpoint ")
        self.merges += log.count(f"{INDEX}: merged segment ")

    def end(self, node, draw):
        """Kills the node: at once, a moment later, or while it ends cleanly."""
        way = draw.choice(["kill", "kill", "kill later", "stop and kill"])
        if way == "stop and kill":
            node.process.send_signal(signal.SIGTERM)
        if way != "kill":
            killed = threading.Timer(draw.uniform(0, 0.03), node.process.kill)
            killed.start()
            killed.join(PATIENCE)
        node.kill()
        self.kills += 1
        self.count_work(node)

    def kill_while_it_starts(self, draw):
        node = self.start_unready(*BUSY)
        node.wait_for(draw.choice(["fpnode .* starts on", "fpnode .* starts on", "listening for HTTP"]))
        killed = threading.Timer(draw.uniform(0, 0.02), node.process.kill)
        killed.start()
        killed.join(PATIENCE)
        node.kill()
        self.kills += 1

    def test_no_acknowledged_write_is_lost_by_kills(self):
        draw = random.Random(SEED)
        print(f"FPNODE_CRASH_SEED={SEED}", flush=True)
        self.kills = self.checkpoints = self.merges = 0
        node = self.start(*BUSY)
        node.ctl("index", "create", INDEX)
        writers = [Writer(n, HttpDoor if n % 2 else CafDoor, SEED) for n in range(1, 7)]
        for _ in range(ROUNDS):
            answers = Answers()
            for w in writers:
                w.start(node, answers.one_more)
            answers.wait_for(draw.randint(1, 800))
            self.end(node, draw)
            for w in writers:
                w.join()
                self.assertIsInstance(w.ended_by, (Refused, Lost), w.key)
            while draw.random() < 0.2:
                self.kill_while_it_starts(draw)
            node = self.start(*BUSY)
            Comparison(self, node).check(writers)
        self.assertEqual(node.stop(), 0)
        self.count_work(node)
        node = self.start(*BUSY)
        Comparison(self, node).check(writers)
        writes = sum(len(w.versions) for w in writers)
        print(f"{ROUNDS} rounds, {self.kills} kills, {writes} commits, {self.checkpoints} checkpoints, "
              f"{self.merges} merges")
        self.assertGreater(self.checkpoints, 0)
        self.assertGreater(self.merges, 0)


if __name__ == "__main__":
    unittest.main()
