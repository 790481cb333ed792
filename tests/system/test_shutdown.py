"""A node that is told to stop under load keeps what it has acknowledged, and a second signal ends it at once."""

import contextlib
import signal
import unittest

from crash_model import INDEX, CafDoor, Comparison, HttpDoor, LineDoor, Lost, Refused, Writer
from support import HeldFiles, NodeTest
from test_crash_loop import BUSY, Answers

DOORS = [HttpDoor, CafDoor, LineDoor]
FLAGS = [*BUSY, "--legacy-port", "any", "--legacy-index", INDEX]


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
        """What was acknowledged is there after a restart, and no part of what was refused. Returns the writes that
        are there although they got no answer."""
        for w in self.writers:
            w.join()
            self.assertIsInstance(w.ended_by, (Refused, Lost), w.key)
        self.node = self.start(*FLAGS)
        return Comparison(self, self.node).check(self.writers)

    def test_a_stop_under_load_answers_what_it_accepted(self):
        node = self.start_under_load()
        # It ended cleanly, so before its deadline of less than 5 s.
        self.assertEqual(node.stop(), 0)
        self.assertEqual(self.check_writers(), [])
        self.assertNotIn("unfinished write", self.node.log())

    def start_with_a_load_that_does_not_end(self, stack):
        node = self.start(*FLAGS)
        node.ctl("index", "create", "held")
        node.ctl("ingest", "held", "-", "--checkpoint", stdin="1|1,2,3\n")
        self.assertEqual(node.stop(), 0)
        stack.enter_context(HeldFiles(*(self.folder / "data" / "held").rglob("*.seg")))
        return self.start_under_load()

    def test_what_cannot_be_closed_does_not_keep_the_node(self):
        with contextlib.ExitStack() as stack:
            node = self.start_with_a_load_that_does_not_end(stack)
            self.assertEqual(node.stop(), 1)
        self.assertIn("the node could not be closed in time: ending at once", node.log())
        self.check_writers()

    def test_a_second_signal_ends_the_node_at_once_and_loses_nothing(self):
        with contextlib.ExitStack() as stack:
            node = self.start_with_a_load_that_does_not_end(stack)
            node.process.send_signal(signal.SIGTERM)
            node.wait_for("shutting down")
            node.process.send_signal(signal.SIGTERM)
            self.assertEqual(node.wait(), 1)
        self.assertIn("again: ending at once", node.log())
        self.check_writers()


if __name__ == "__main__":
    unittest.main()
