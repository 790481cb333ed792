"""Proves that an index in slices answers as one index, from what concurrent clients asked and were answered, from the
changelog, and from which members and links were in trouble when.

An answer of a search puts together what one replica of each slice found, each at a version of its own. So it must be
right slice by slice: for each there is a version that its replicas may have had, at which the slice's documents are
in the answer as they should be, and no others of it are.
"""

import bisect
import collections
import dataclasses
import math

from replication_checker import ACKNOWLEDGED, Checker, Model

NO_ANSWER = "no answer"
# What a search may fail with where nobody reaches a slice.
OF_A_LOST_SLICE = {"SliceUnavailable", "SearchTimeout", "ReplicationTimeout"}
# What it may fail with where a slice's replicas may be behind the version that it wants.
OF_A_LATE_SLICE = {"SearchTimeout", "ReplicationTimeout"}


def mixed_id(document):
    """Where a document lies in the space that slices divide: the finalizer of MurmurHash3."""
    document ^= document >> 16
    document = document * 0x85EBCA6B & 0xFFFFFFFF
    document ^= document >> 13
    document = document * 0xC2B2AE35 & 0xFFFFFFFF
    return document ^ document >> 16


def document_at(mixed):
    """The document that lies there."""
    mixed ^= mixed >> 16
    mixed = mixed * pow(0xC2B2AE35, -1, 1 << 32) & 0xFFFFFFFF
    mixed ^= mixed >> 13 ^ mixed >> 26
    mixed = mixed * pow(0x85EBCA6B, -1, 1 << 32) & 0xFFFFFFFF
    return mixed ^ mixed >> 16


def bounds_of(number, count):
    """The first and the last mixed id of a slice."""
    return ((number - 1) << 32) // count, (number << 32) // count - 1


def slice_of(document, count):
    mixed = mixed_id(document)
    number = (mixed * count >> 32) + 1
    return number if mixed <= bounds_of(number, count)[1] else number + 1


@dataclasses.dataclass
class SlicedSearch:
    """An answered search. `results`: pairs of a document and its score, in the answer's order."""

    client: str
    node: str
    begin: float
    end: float
    query: list
    results: list
    limit: int = 100
    min_score: int = 1
    score_pct: int = 0
    min_version: int = 0


@dataclasses.dataclass
class Look:
    """An answered question for a document. `found`: the version that wrote it; None: there was none."""

    client: str
    node: str
    begin: float
    end: float
    document: int
    found: int | None
    min_version: int = 0


@dataclasses.dataclass
class Failure:
    """A question without an answer: a search, or for `document`. `names`: slices that the error names."""

    client: str
    node: str
    begin: float
    end: float
    error: str
    names: frozenset = frozenset()
    min_version: int = 0
    document: int | None = None


@dataclasses.dataclass
class Trouble:
    """`members`: killed or frozen. `links`: pairs of members, as sets, between which nothing passes. `stale`: members
    that do not hear what is new."""

    kind: str
    begin: float
    end: float = math.inf
    members: frozenset = frozenset()
    links: frozenset = frozenset()
    stale: frozenset = frozenset()

    def touches(self, event):
        return self.begin <= event.end and event.begin <= self.end


@dataclasses.dataclass
class SlicedHistory:
    writes: list
    searches: list
    looks: list
    failures: list
    troubles: list


class Placement:
    """`slices`: the number of the slice that each member holds, of `count`."""

    def __init__(self, slices, count):
        self.slices, self.count = slices, count
        self.holders = collections.defaultdict(list)
        for member, number in slices.items():
            self.holders[number].append(member)

    def slice_of(self, document):
        return slice_of(document, self.count)

    def slices_of(self, question):
        """Whose answer it needs."""
        return self.holders if question.document is None else [self.slice_of(question.document)]


def member_of(node):
    return node.split("#")[0]


class Excuses:
    """What kept members from answering a question all the time that it took: of a replica that was well for a part of
    that time nobody can tell whether that was enough."""

    def __init__(self, troubles, placement):
        self._troubles, self._placement = troubles, placement

    def is_well(self, question, member):
        """Whether who was asked could ask the member."""
        asked = member_of(question.node)
        return not any(t.touches(question) and (member in t.members or {asked, member} in t.links)
                       for t in self._troubles)

    def _well_replicas(self, question):
        """By slice."""
        slices = self._placement.slices_of(question)
        return {n: [m for m in self._placement.holders[n] if self.is_well(question, m)] for n in slices}

    def lost_slices(self, question):
        return {number for number, well in self._well_replicas(question).items() if not well}

    def may_be_late(self, question):
        """Whether a slice may not come to the version that was asked for."""

        def hears(member):
            return not any(t.touches(question) and member in t.stale for t in self._troubles)

        return question.min_version > 0 and any(not any(map(hears, well))
                                                for well in self._well_replicas(question).values())


class SlicesChecker(Checker):
    """`history`: a `SlicedHistory`. `changelog`: as of `Checker`."""

    def __init__(self, history, placement, changelog):
        super().__init__(history.writes, history.searches, changelog, replicas={})
        self.looks, self.failures = history.looks, history.failures
        self._placement = placement
        self._excuses = Excuses(history.troubles, placement)

    def check(self):
        super().check()
        self._check_failures()
        return self.violations

    # -- Answers

    def _reached(self):
        """Of each member the times by which it was seen at a version, and those versions; both ascend."""
        events = collections.defaultdict(list)
        for at in self.landed:
            if at.write.outcome == ACKNOWLEDGED:
                events[member_of(at.write.node)].append((at.write.end, at.last))
        for look in self.looks:
            member = member_of(look.node)
            is_its_own = self._placement.slices.get(member) == self._placement.slice_of(look.document)
            # One that is not there yet has another one answer.
            if is_its_own and self._excuses.is_well(look, member):
                events[member].append((look.end, max(look.min_version, look.found or 0)))
        reached = {}
        for member, seen in events.items():
            times, versions = [], []
            for time, version in sorted(seen):
                if not versions or version > versions[-1]:
                    times.append(time)
                    versions.append(version)
            reached[member] = times, versions
        return reached

    def _check_searches(self, model):
        reached, (times, positions) = self._reached(), self._known_newest()

        def range_of(event, number):
            """The versions that an answer of the slice may have."""
            floors = []
            for member in self._placement.holders[number]:
                ends, versions = reached.get(member, ((), ()))
                at = bisect.bisect_right(ends, event.begin)
                floors.append(versions[at - 1] if at else 0)
            next_write = bisect.bisect_right(times, event.end)
            high = positions[next_write] if next_write < len(times) else self._newest()
            return max(event.min_version, min(floors)), high

        documents = SlicedDocuments(model, self._placement)
        for s in self.searches:
            self._check_search(s, documents, range_of)
        for look in self.looks:
            low, high = range_of(look, self._placement.slice_of(look.document))
            if not documents.may_be_found(look.document, look.found, low, high):
                self._say(f"a document that is not so at any version from {low} to {high}", look)

    def _check_search(self, s, documents, range_of):
        if s.results != sorted(set(s.results), key=lambda r: (-r[1], r[0])) or len(dict(s.results)) < len(s.results):
            self._say("results in a wrong order, or twice", s)
            return
        if len(s.results) > s.limit:
            self._say("more results than the limit", s)
            return
        candidates = documents.candidates(s.query)
        for d, _ in s.results:
            candidates[self._placement.slice_of(d)].add(d)
        for number in range(1, self._placement.count + 1):
            low, high = range_of(s, number)
            wrong = documents.wrong_throughout(s, candidates[number], low, high)
            if wrong:
                self._say(f"slice {number} is right at no version from {low} to {high}",
                          f"at {low} these are not: {wrong[:5]}", s)
                return

    def _check_failures(self):
        for f in self.failures:
            if not self._excuses.is_well(f, member_of(f.node)):
                continue
            lost, is_late = self._excuses.lost_slices(f), self._excuses.may_be_late(f)
            if not lost and not is_late:
                self._say("failed, although a replica of each slice was well all the time", f)
            elif f.error not in ((OF_A_LOST_SLICE if lost else set()) | (OF_A_LATE_SLICE if is_late else set())):
                self._say("an error that tells of something else than what was wrong", sorted(lost), f)
            elif f.error == "SliceUnavailable" and f.document is None and not f.names:
                self._say("an error that does not name the slice that nobody answers for", sorted(lost), f)
            elif not f.names <= lost:
                self._say("an error that names another slice than those that nobody answers for", sorted(lost), f)


class SlicedDocuments:
    """A model's documents by slice."""

    def __init__(self, model: Model, placement):
        self._model = model
        self._placement = placement

    def candidates(self, query):
        """Documents that have ever had one of the hashes, by slice."""
        found = collections.defaultdict(set)
        for d in self._model.candidates(query):
            found[self._placement.slice_of(d)].add(d)
        return found

    def may_be_found(self, document, found, low, high):
        for version in self._model.versions_of(document, low, high):
            content, written = self._model.state(document, version)
            # A commit may have been applied together with some behind it, and then has the version of the last.
            if found is None and content is None or content is not None and found and written <= found <= high:
                return True
        return False

    def wrong_throughout(self, search, candidates, low, high):
        """Documents of one slice whose place in the answer is wrong at the lowest version, unless there is one from
        low to high at which all are right."""
        query, shown = frozenset(search.query), dict(search.results)
        # The best of all slices is in the answer, and what it drops is dropped in each.
        best = search.results[0][1] if search.results else 0
        least = max(search.min_score, best * search.score_pct // 100, 1)
        last = (-search.results[-1][1], search.results[-1][0]) if len(search.results) == search.limit else (0, 0)

        def is_wrong(document, version):
            score = len(query & (self._model.content(document, version) or frozenset()))
            is_in = score >= least and (-score, document) <= last
            return shown.get(document) != (score if is_in else None)

        wrong = {d for d in candidates if is_wrong(d, low)}
        at_first = sorted(wrong)
        for version, document in sorted((v, d) for d in candidates for v in self._model.versions_of(d, low, high)[1:]):
            if not wrong:
                break
            (wrong.add if is_wrong(document, version) else wrong.discard)(document)
        return at_first if wrong else []
