"""Six members of three slices answer as one index while they are killed, frozen and cut off under load.

FPNODE_FULL_SIZE=1 takes 60 rounds of faults; FPNODE_FAULT_SEED and FPNODE_FAULTS are as of other tests of faults.
"""

import functools
import os
import random
import time
import unittest

import requests

import fault_schedule
from cut_links import CLOSED, MUTE, OPEN, SILENT
from fault_schedule import SEED, Fault
from replication_checker import Model
from replication_load import INDEX, Load, group_hash, summary
from slices_checker import SlicesChecker, Trouble
from slices_cluster import Cluster
from slices_load import History, SliceSearcher, SliceWriter
from support import PATIENCE, NodeTest, run_ctl

FULL_SIZE = os.environ.get("FPNODE_FULL_SIZE") == "1"
SLICES, REPLICAS = 3, 2


class KnownFault(Fault):
    """One that the checker is told of. Its trouble ends when all is well again."""

    def __init__(self, kind, whom, begin, end, history, length, **trouble):
        self.trouble = Trouble(kind, 0, **{name: frozenset(of) for name, of in trouble.items()})

        def begin_known():
            self.trouble.begin = time.monotonic()
            history.troubles.append(self.trouble)
            begin()

        super().__init__(kind, whom, begin_known, end, length)


class SlicesFaults(NodeTest):
    def setUp(self):
        super().setUp()
        self.cluster = Cluster(self, SLICES, REPLICAS)
        self.members = self.cluster.members
        self.history = History(self.cluster.placement)
        self.load = Load(self.members, SEED, writers=6, searchers=8, patience=PATIENCE, history=self.history,
                         writer=SliceWriter, searcher=SliceSearcher)
        self.draw = random.Random(SEED)
        print(f"\nFPNODE_FAULT_SEED={SEED}", flush=True)

    def wait_until_well(self):
        self.cluster.wait_until_whole(self.history.newest, pause=lambda: self.history.wait_for_news(0.05))
        for t in self.history.troubles:
            t.end = min(t.end, time.monotonic())

    # -- What is drawn

    def fault(self, kind, whom, begin, end, length=None, **trouble):
        """`length`: until so many more answers unless told otherwise."""
        answered = self.draw.choice([20, 150, 400])
        return KnownFault(kind, whom, begin, end, self.history,
                          length or (lambda: self.history.wait_for_more(answered=answered)), **trouble)

    def kill(self):
        m = self.draw.choice(self.members)
        return self.fault("kill", m.name, m.kill, m.start, members=[m.name])

    def freeze(self):
        m = self.draw.choice(self.members)

        def begin():
            m.freeze()
            self.load.hang_up_on(m)

        return self.fault("freeze", m.name, begin, m.thaw, members=[m.name])

    def cut(self):
        """A member from another one, or from all."""
        m, *others = self.draw.sample(self.members, self.draw.choice([2, len(self.members)]))
        links = [pair for o in others for pair in ((m.name, o.name), (o.name, m.name))]
        return self.fault_of_links(links, f"{m.name} to {', '.join(o.name for o in others)}", links=map(frozenset, links))

    def cut_from_changelog(self):
        m = self.draw.choice(self.members)
        return self.fault_of_links([(m.name, "whole")], f"{m.name} to the changelog", stale=[m.name])

    def fault_of_links(self, these, whom, **trouble):
        state, become = self.draw.choice([CLOSED, SILENT, MUTE]), functools.partial(self.cluster.links.set, these)
        return self.fault(f"{state} links", whom, functools.partial(become, state), functools.partial(become, OPEN),
                          **trouble)

    def freeze_changelog(self):
        whole = self.cluster.whole
        return self.fault("freeze", "the changelog", whole.freeze, whole.thaw, stale=[m.name for m in self.members])

    def lose_slice(self):
        number = self.draw.randint(1, SLICES)
        gone = self.cluster.holders(number)

        def begin():
            for m in gone:
                m.kill()

        def end():
            for m in gone:
                m.start()

        def length():
            self.history.wait_for_more(unanswered=20, written=20)
            for m in self.members:
                if m not in gone:
                    told = run_ctl(m.node.port, "search", INDEX, "1")
                    self.assertEqual(told.returncode, 1, told.stdout + told.stderr)
                    self.assertIn(f"slice {number}/{SLICES}", told.stderr)

        return self.fault("kill", f"slice {number}", begin, end, length, members=[m.name for m in gone])

    def two(self, *kinds):
        """Two faults at once, of other members each."""
        first, second = (k() for k in kinds)
        while first.trouble.members & second.trouble.members:
            second = kinds[1]()
        return second.during(first)

    def faults(self):
        """Each kind as often as the others."""
        pair = functools.partial
        kinds = [pair(self.two, self.kill, self.freeze), pair(self.two, self.cut, self.cut_from_changelog),
                 self.lose_slice, self.freeze_changelog]
        if FULL_SIZE:
            single = [self.kill, self.freeze, self.cut, self.cut_from_changelog, self.freeze_changelog]
            kinds += [*single, *(pair(self.two, a, b) for i, a in enumerate(single) for b in single[:i])]
        count = fault_schedule.number_of_faults(60 if FULL_SIZE else len(kinds))
        chosen = [k for _ in range(-(-count // len(kinds))) for k in self.draw.sample(kinds, len(kinds))]
        return chosen[:count]

    # -- The test

    def test_every_answer_is_right_or_says_what_is_missing(self):
        began = time.monotonic()
        self.wait_until_well()
        self.load.start()
        self.addCleanup(self.load.stop)
        fault_schedule.run(self.faults(), self.history, self.draw, self.wait_until_well)
        self.load.stop()
        print(f"{time.monotonic() - began:.1f} s; {summary(self.history)}; {len(self.history.looks):,} looks", flush=True)
        changelog = self.cluster.changelog()
        self.compare_members(changelog)
        found = SlicesChecker(self.history.for_checker(), self.cluster.placement, changelog).check()
        print(f"{time.monotonic() - began:.1f} s", flush=True)
        self.assertFalse(found, f"{len(found)} violations:\n" + "\n".join(found[:20]))

    def compare_members(self, changelog):
        """Every member answers as the node that holds all, and has every document of the changelog."""
        model, newest = Model(changelog), len(changelog)
        for m in self.members:
            self.cluster.wait_for_version(m, newest)
        there = set(model.documents(newest))
        documents = sorted({document for _, (document, _) in changelog})
        queries = []
        for _ in range(20):
            query = [h for d in self.draw.sample(sorted(there), 3) for h in (group_hash(d), *model.content(d, newest))]
            queries.append({"query": query, "limit": self.draw.choice([1, 10, 100]), "timeout": 10000,
                            "min_score": self.draw.choice([1, 2]), "score_pct": self.draw.choice([0, 10, 50])})
        expected = None
        with requests.Session() as session:
            for m in (self.cluster.whole, *self.members):
                self.assertEqual(set(self.cluster.look_all(m, documents)), there, m.name)
                found = [session.post(m.url(f"/{INDEX}/_search?min_version={newest}"), json=q, timeout=PATIENCE).json()
                         for q in queries]
                expected = expected or found
                self.assertEqual(found, expected, m.name)


if __name__ == "__main__":
    unittest.main()
