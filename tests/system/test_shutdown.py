"""A node that is told to stop under load keeps what it has acknowledged, and a second signal ends it at once."""

import signal
import unittest

from crash_model import INDEX, CafDoor, Comparison, HttpDoor, LineDoor, Lost, Refused, Writer
from support import HeldFiles, NodeTest
from test_crash_loop import BUSY, Answers

DOORS = [HttpDoor, CafDoor, LineDoor]
FLAGS = [*BUSY, "--legacy-port", "0", "--legacy-index", INDEX]


class Shutdown(NodeTest):
    def start_under_load(self):
        node = self.start(*FLAGS)
        node.wait_for(rf"{INDEX}: ready at version")
        self.writers = [Writer(n, door, 0, deletes=door is not LineDoor)
                        for n, door in enumerate(DOORS + DOORS, start=1)]
        answers = Answers()
        for w in self.writers:
            w.start(node, answers.one_more)
        answers.wait_for(200)
        return node

    def check_writers(self):
        """What was acknowledged is there after a restart, and no part of what was refused."""
        for w in self.writers:
            w.join()
            self.assertIsInstance(w.ended_by, (Refused, Lost), w.key)
        node = self.start(*FLAGS)
        Comparison(self, node).check(self.writers)
        return node

    def test_a_stop_under_load_keeps_what_it_answered(self):
        node = self.start_under_load()
        self.assertEqual(node.stop(), 0)
        node = self.check_writers()
        self.assertNotIn("unfinished write", node.log())

    def test_a_second_signal_ends_the_node_at_once_and_loses_nothing(self):
        node = self.start(*FLAGS)
        node.ctl("index", "create", "held")
        node.ctl("ingest", "held", "-", "--checkpoint", stdin="1|1,2,3\n")
        self.assertEqual(node.stop(), 0)
        # A load that cannot go on keeps the clean stop waiting.
        with HeldFiles(*(self.folder / "data" / "held").rglob("*.seg")):
            node = self.start_under_load()
            node.process.send_signal(signal.SIGTERM)
            node.wait_for("shutting down")
            node.process.send_signal(signal.SIGTERM)
            self.assertEqual(node.wait(), 1)
        self.assertIn("again: ending at once", node.log())
        self.check_writers()


if __name__ == "__main__":
    unittest.main()
