"""The checker of slices finds each kind of wrong answer, and knows which failures are none of the index."""

import random
import unittest

from replication_checker import ACKNOWLEDGED, IN_DOUBT, Write
from slices_checker import (NO_ANSWER, Failure, Look, Placement, SlicedHistory, SlicedSearch, SlicesChecker, Trouble,
                            bounds_of, document_at, mixed_id, slice_of)

# Two slices, of two members each.
PLACEMENT = Placement({"a": 1, "b": 1, "c": 2, "d": 2}, 2)


def documents_of(number, count):
    return [d for d in range(1, 1000) if slice_of(d, 2) == number][:count]


A, B = documents_of(1, 2)
X, Y, Z = documents_of(2, 3)


def write(begin, end, *changes, node="a", outcome=ACKNOWLEDGED):
    return Write("w", node, begin, end, list(changes), outcome=outcome)


def ranked(*results):
    return sorted(results, key=lambda r: (-r[1], r[0]))


def search(begin, end, query, results=(), node="a", **more):
    return SlicedSearch("s", node, begin, end, query, ranked(*results), **more)


def look(begin, end, document, found, node="a", **more):
    return Look("l", node, begin, end, document, found, **more)


def failure(begin, end, error, node="a", **more):
    return Failure("s", node, begin, end, error, **more)


def trouble(begin, end, *members, **more):
    return Trouble("freeze", begin, end, frozenset(members), **more)


def cut(*pairs):
    return frozenset(frozenset(p) for p in pairs)


class Slices(unittest.TestCase):
    def test_they_hold_every_document_once(self):
        draw = random.Random(3)
        for count in (1, 2, 3, 7, 4096):
            number = draw.randint(1, count)
            first, last = bounds_of(number, count)
            for mixed in (first, last, draw.randint(first, last)):
                self.assertEqual(slice_of(document_at(mixed), count), number)
            if number > 1:
                self.assertEqual(slice_of(document_at(first - 1), count), number - 1)
        self.assertEqual((bounds_of(1, 3)[0], bounds_of(3, 3)[1]), (0, (1 << 32) - 1))

    def test_mixed_ids(self):
        self.assertEqual([mixed_id(d) for d in (1, 2, 0xDEADBEEF)], [0x514E28B7, 0x30F4C306, 0x0DE5C6A9])
        for d in (1, 77, 1 << 31, (1 << 32) - 1):
            self.assertEqual(document_at(mixed_id(d)), d)


class Answers(unittest.TestCase):
    # Two documents of each slice, one of each rewritten, the others deleted.
    changelog = list(enumerate([(A, (1, 2, 3)), (B, (1, 2)), (X, (1, 2, 3)), (Y, (1,)), (A, (2, 9)), (X, (8,)), (B, None),
                                (Y, None)], start=1))
    at_4 = ranked((A, 3), (X, 3), (B, 2), (Y, 1))

    def setUp(self):
        c = [change for _, change in self.changelog]
        self.writes = [write(0, 1, *c[:4])] + [write(2 * i + 2, 2 * i + 3, c[4 + i], node="c") for i in range(4)]

    def check(self, searches=(), looks=(), failures=(), troubles=()):
        history = SlicedHistory(self.writes, *map(list, (searches, looks, failures, troubles)))
        return SlicesChecker(history, PLACEMENT, self.changelog).check()

    def expect(self, violation, **history):
        found = self.check(**history)
        self.assertEqual(len(found), 1, found)
        self.assertIn(violation, found[0])

    def expect_of_each(self, violation, *searches):
        for s in searches:
            with self.subTest(search=s):
                self.expect(violation, searches=[s])

    def test_answers_as_they_should_be(self):
        self.assertEqual(self.check(searches=[
            search(0, 1, [1, 2, 3]), search(0, 1, [1, 2, 3], self.at_4), search(0, 99, [1, 2, 3], self.at_4),
            search(1.1, 1.5, [1, 2, 3], self.at_4, min_version=4), search(0, 99, [7]),
            # Each slice at a version of its own.
            search(0, 99, [8, 9]), search(0, 99, [8, 9], [(A, 1)]), search(0, 99, [8, 9], [(X, 1)]),
            search(0, 1, [1, 2, 3], [(A, 3), (B, 2)]),
            search(2, 5, [2, 3], [(A, 1), (B, 1), (X, 2)], min_version=4),
            search(9, 10, [1, 2, 8, 9], [(A, 2), (X, 1)], min_version=8),
        ]), [])

    def test_answers_that_are_cut(self):
        self.assertEqual(self.check(searches=[
            search(0, 1, [1, 2, 3], self.at_4[:1], limit=1), search(0, 1, [1, 2, 3], self.at_4[:3], limit=3),
            search(0, 1, [1, 2, 3], self.at_4, limit=4), search(0, 1, [1, 2, 3], self.at_4[:3], min_score=2),
            search(0, 1, [1, 2, 3], [], min_score=4), search(0, 1, [1, 2, 3], self.at_4[:3], score_pct=67),
            search(0, 1, [1, 2, 3], self.at_4, score_pct=66), search(0, 1, [1, 2, 3], self.at_4[:2], score_pct=100),
        ]), [])
        self.expect_of_each(
            "right at no version", search(1, 1, [1, 2, 3], self.at_4[1:2], limit=1, min_version=4),
            search(1, 1, [1, 2, 3], self.at_4[:2], limit=3, min_version=4), search(0, 1, [1, 2, 3], self.at_4, min_score=2),
            search(0, 1, [1, 2, 3], self.at_4, score_pct=67), search(1, 1, [1, 2, 3], self.at_4[:2], score_pct=34, min_version=4),
            search(1, 1, [1, 2, 3], self.at_4[:3], score_pct=33, min_version=4))
        self.expect_of_each("more results than the limit", search(0, 1, [1, 2, 3], self.at_4, limit=3))

    def test_wrong_orders(self):
        for results in (self.at_4[::-1], [self.at_4[1], self.at_4[0], *self.at_4[2:]], self.at_4[:1] + self.at_4,
                        [(A, 3), (A, 2)]):
            s = search(0, 1, [1, 2, 3])
            s.results = results
            self.expect_of_each("in a wrong order, or twice", s)

    def test_answers_that_are_wrong(self):
        self.expect_of_each(
            "right at no version", search(0, 9, [1, 2, 3], [(A, 2), *ranked((X, 3), (B, 2), (Y, 1))]),  # another score
            search(0, 7, [1], [(A, 1), (B, 1), (X, 1)], min_version=4),  # without one of several of a slice
            search(0, 9, [1, 9], [(A, 2), (B, 1), (X, 1), (Y, 1)]),  # two versions of a document
            search(0, 9, [3, 8], [(A, 1)], min_version=4),  # neither version of one
            search(0, 99, [2, 8], [(X, 1), (Y, 1), (A, 1), (B, 1)]),  # two versions of a slice
            search(0, 1, [9], [(A, 1)]),  # what nobody had sent
            search(0, 9, [7], [(Z, 1)]))

    def test_answers_that_are_late(self):
        # Of an older version than was asked for, in one of the slices.
        self.expect_of_each("slice 1 is right at no version", search(8, 9, [1], [(B, 1)], min_version=8))
        self.expect_of_each("slice 2 is right at no version", search(9, 9, [1], [(Y, 1)], min_version=8))
        # That one replica has shown a version does not bind the other one of its slice.
        late = search(20, 21, [1, 2, 3], self.at_4, min_version=1)
        self.assertEqual(self.check(searches=[late]), [])
        seen = [look(11, 12, d, None, node=m, min_version=8) for m, d in (("a", B), ("b", B))]
        self.expect("slice 1 is right at no version", searches=[late], looks=seen)
        self.assertEqual(self.check(searches=[late], looks=seen[:1]), [])
        # One that was killed had another one answer, perhaps.
        self.assertEqual(self.check(searches=[late], looks=seen, troubles=[trouble(10, 12, "a")]), [])
        # Nor does a start of the node take anything back.
        self.writes[-1].node, self.writes[-2].node = "c#1", "d"
        self.expect("slice 2 is right at no version", searches=[late])

    def test_documents(self):
        self.assertEqual(self.check(looks=[
            look(0, 1, A, None), look(0, 1, A, 1), look(0, 1, A, 4), look(2, 9, A, 5), look(9, 10, Y, None, min_version=8),
            look(0, 9, Y, 4), look(9, 10, X, 6), look(9, 10, Z, None)]), [])
        for wrong in (look(0, 9, Z, 3), look(9, 10, Y, 4, min_version=8), look(3, 4, A, None, min_version=5),
                      look(0, 9, X, 2), look(0, 1, A, 5)):
            with self.subTest(look=wrong):
                self.expect("not so at any version", looks=[wrong])

    def test_failures_that_nothing_excuses(self):
        healthy = "although a replica of each slice was well"
        for error in ("SliceUnavailable", "SearchTimeout", NO_ANSWER, "InternalError"):
            self.expect(healthy, failures=[failure(4, 5, error)])
        # One replica of each slice is frozen or cut off from who was asked.
        for some in (trouble(0, 9, "b", "d"), trouble(0, 9, "b", links=cut("ac", "bd"))):
            self.expect(healthy, failures=[failure(4, 5, "SearchTimeout")], troubles=[some])
        # Too late, and too early.
        for troubles in ([trouble(0, 3, "c", "d")], [trouble(6, 7, "c", "d")]):
            self.expect(healthy, failures=[failure(4, 5, "SliceUnavailable")], troubles=troubles)
        # A document needs its own slice alone.
        self.expect(healthy, failures=[failure(4, 5, "SliceUnavailable", document=A)], troubles=[trouble(0, 9, "c", "d")])
        # Nobody asked for what is new.
        for asked, troubles in (({}, [trouble(0, 9, stale=frozenset("abcd"))]),
                                ({"min_version": 4}, [trouble(0, 9, stale=frozenset("ac"))])):
            self.expect(healthy, failures=[failure(4, 5, "SearchTimeout", **asked)], troubles=troubles)

    def test_failures_of_what_was_in_trouble(self):
        lost = [trouble(0, 9, "c", "d")]
        for failed in (failure(4, 5, "SliceUnavailable", names={2}), failure(4, 5, "SearchTimeout"),
                       failure(4, 5, "SliceUnavailable", document=X), failure(4, 5, NO_ANSWER, node="c")):
            self.assertEqual(self.check(failures=[failed], troubles=lost), [])
        both = [trouble(0, 9, "d", links=cut("ac"))]
        self.assertEqual(self.check(failures=[failure(4, 5, "SliceUnavailable", names={2})], troubles=both), [])
        self.expect("although", failures=[failure(4, 5, "SliceUnavailable", node="b")], troubles=both)
        late = [trouble(0, 9, stale=frozenset("cd"))]
        self.assertEqual(self.check(failures=[failure(4, 5, "ReplicationTimeout", min_version=4)], troubles=late), [])

    def test_errors_that_tell_something_else(self):
        lost = [trouble(0, 9, "c", "d")]
        for error in (NO_ANSWER, "InternalError", "IndexNotFound"):
            self.expect("something else than what was wrong", failures=[failure(4, 5, error)], troubles=lost)
        self.expect("something else than what was wrong", troubles=[trouble(0, 9, stale=frozenset("cd"))],
                    failures=[failure(4, 5, "SliceUnavailable", min_version=4)])
        self.expect("does not name the slice", failures=[failure(4, 5, "SliceUnavailable")], troubles=lost)
        for names in ({1}, {1, 2}):
            self.expect("names another slice", failures=[failure(4, 5, "SliceUnavailable", names=names)], troubles=lost)

    def test_writes_are_judged_as_those_of_replicas(self):
        self.writes.append(write(20, 21, (Z, (5,))))
        self.expect("an acknowledged write is lost")
        self.writes[-1].outcome = IN_DOUBT
        self.assertEqual(self.check(), [])


if __name__ == "__main__":
    unittest.main()
