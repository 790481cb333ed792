"""The checker of replication finds each kind of violation."""

import unittest

from replication_checker import ACKNOWLEDGED, IN_DOUBT, MISMATCH, REFUSED, Checker, Search, Write


def write(begin, end, *changes, version=None, node="a", **more):
    more.setdefault("outcome", ACKNOWLEDGED)
    return Write("w", node, begin, end, list(changes), version=version, **more)


def search(begin, end, query, results, node="a", **more):
    return Search("s", node, begin, end, query, results, **more)


def log(*changes):
    return list(enumerate(changes, start=1))


ONE, TWO, THREE = (1, (10, 11)), (2, (20, 21)), (3, (30, 31))
GONE = (1, None)


class ReplicationChecker(unittest.TestCase):
    def check(self, writes=(), searches=(), changelog=(), replicas=None):
        return Checker(list(writes), list(searches), list(changelog), replicas or {}).check()

    def expect(self, violation, **history):
        found = self.check(**history)
        self.assertEqual(len(found), 1, found)
        self.assertIn(violation, found[0])

    def test_a_history_as_it_should_be(self):
        writes = [
            write(0, 1, ONE, version=1), write(2, 3, TWO, THREE, version=3, expected=1),
            write(2, 3, (7, (70,)), outcome=MISMATCH, expected=1), write(2, 9, (8, (80,)), outcome=IN_DOUBT),
            write(2, 9, (9, (90,)), outcome=IN_DOUBT), write(3, 4, (6, (60,)), outcome=REFUSED),
            write(4, 5, GONE, node="b"),
        ]
        changelog = log(ONE, TWO, THREE, GONE, (8, (80,)))
        searches = [
            search(0, 1, [10, 11, 30], {1: 2}), search(0, 1, [10], {}),
            search(2, 3, [10, 30], {1: 1}, node="b"), search(4, 5, [10, 30], {3: 1}, node="b", min_version=3),
            search(6, 7, [10, 30, 80], {3: 1, 8: 1}, min_version=4),
        ]
        content = {2: {20, 21}, 3: {30, 31}, 8: {80}}
        self.assertEqual(self.check(writes, searches, changelog, {"a": (5, content), "b": (5, content)}), [])

    def test_lost(self):
        self.expect("an acknowledged write is lost", writes=[write(0, 1, ONE, version=1)])

    def test_twice(self):
        self.expect("applied twice", writes=[write(0, 1, ONE, outcome=IN_DOUBT)], changelog=log(ONE, ONE))

    def test_sent_by_nobody(self):
        self.expect("nobody has sent", changelog=log(ONE))

    def test_refused_and_there(self):
        for outcome in (REFUSED, MISMATCH):
            self.expect("refused, and in the changelog", changelog=log(ONE),
                        writes=[write(0, 1, ONE, outcome=outcome, expected=0)])

    def test_in_part(self):
        self.expect("in part", writes=[write(0, 1, ONE, TWO, outcome=IN_DOUBT)], changelog=log(ONE))
        self.expect("in another order", writes=[write(0, 1, ONE, TWO)], changelog=log(TWO, ONE))
        self.expect("in another order", writes=[write(0, 1, ONE, THREE), write(0, 1, TWO)],
                    changelog=log(ONE, TWO, THREE))

    def test_another_version(self):
        self.expect("another version", writes=[write(0, 1, ONE, version=2)], changelog=log(ONE))

    def test_holes(self):
        self.expect("holes", writes=[write(0, 1, ONE), write(0, 1, TWO)], changelog=[(1, ONE), (3, TWO)])

    def test_versions_that_descend(self):
        late, early = write(2, 3, TWO, version=1), write(0, 1, ONE, version=2)
        self.expect("before what had been acknowledged", writes=[early, late], changelog=log(TWO, ONE))
        # Nobody knows when it came about.
        early.outcome, early.version = IN_DOUBT, None
        self.assertEqual(self.check(writes=[early, late], changelog=log(TWO, ONE)), [])

    def test_expected_versions(self):
        writes = [write(0, 1, ONE, version=1), write(2, 3, TWO, version=2, expected=0)]
        self.expect("not behind the expected version", writes=writes, changelog=log(ONE, TWO))
        refused = write(2, 3, THREE, outcome=MISMATCH, expected=1)
        self.expect("although the index was at the expected version", changelog=log(ONE, TWO),
                    writes=[write(0, 1, ONE, version=1), write(4, 5, TWO, version=2), refused])
        # Perhaps the other one was there already.
        self.assertEqual(self.check(changelog=log(ONE, TWO),
                                    writes=[write(0, 1, ONE, version=1), write(3, 5, TWO, version=2), refused]), [])

    def test_a_write_that_its_client_does_not_see(self):
        writes = [write(0, 1, ONE, version=1)]
        for missing in (search(2, 3, [10], {}), search(2, 3, [10], {}, node="b", min_version=1)):
            self.expect("right at no version", writes=writes, searches=[missing], changelog=log(ONE))
        # Another node may not be as far.
        self.assertEqual(self.check(writes, [search(2, 3, [10], {}, node="b")], log(ONE)), [])

    def test_answers_that_are_wrong(self):
        writes = [write(0, 1, ONE, version=1), write(2, 3, GONE, version=2), write(4, 5, TWO, version=3)]
        changelog = log(ONE, GONE, TWO)
        for wrong in (search(0, 9, [10, 11], {1: 1}),  # another score
                      search(0, 9, [10, 20], {1: 1, 2: 1}),  # two versions in one answer
                      search(0, 1, [20], {2: 1}, node="b"),  # what nobody had sent
                      search(0, 9, [10], {5: 1})):
            self.expect("right at no version", writes=writes, searches=[wrong], changelog=changelog)

    def test_a_node_that_goes_back(self):
        writes = [write(0, 1, ONE), write(0, 1, TWO)]
        searches = [search(2, 3, [20], {2: 1}, node="b"), search(4, 5, [10], {}, node="b")]
        self.expect("right at no version", writes=writes, searches=searches, changelog=log(ONE, TWO))
        searches[1].node = "b, started again"
        self.assertEqual(self.check(writes, searches, log(ONE, TWO)), [])

    def test_replicas(self):
        history = {"writes": [write(0, 1, ONE), write(0, 1, TWO)], "changelog": log(ONE, TWO)}
        whole = {1: {10, 11}, 2: {20, 21}}
        self.assertEqual(self.check(**history, replicas={"a": (2, whole)}), [])
        self.expect("does not have the whole changelog", **history, replicas={"a": (1, {1: {10, 11}})})
        for wrong in ({1: {10, 11}}, {**whole, 3: {30}}, {**whole, 1: {10}}):
            self.expect("something else than its version", **history, replicas={"a": (2, wrong)})


if __name__ == "__main__":
    unittest.main()
