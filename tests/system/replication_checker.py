"""Proves what replication promises, from what concurrent clients asked and were answered and from the changelog.

Content tells writes apart: no two inserts have the same document and hashes, and no document is deleted twice. So a
change in the changelog is one update's, or nobody's.
"""

import bisect
import collections
import dataclasses

ACKNOWLEDGED = "acknowledged"
MISMATCH = "mismatch"  # refused, because the index is at another version than the expected one
REFUSED = "refused"  # for another reason: it is not in the changelog
IN_DOUBT = "in doubt"  # no answer, or one that says so


@dataclasses.dataclass
class Write:
    """An update. `changes`: pairs of a document and its hashes, None for a delete."""

    client: str
    node: str  # with the number of its start: it never goes back within one
    begin: float
    end: float
    changes: list
    expected: int | None = None
    outcome: str = IN_DOUBT
    version: int | None = None  # not every answer tells it


@dataclasses.dataclass
class Search:
    """An answered search. `results`: scores by document."""

    client: str
    node: str
    begin: float
    end: float
    query: list
    results: dict
    min_version: int = 0


@dataclasses.dataclass
class Landed:
    write: Write
    first: int
    last: int


def key_of(document, hashes):
    return document, None if hashes is None else frozenset(hashes)


class Model:
    """What an index holds at each version, by its changelog: pairs of a position and a change, oldest first."""

    def __init__(self, changelog):
        self._history = collections.defaultdict(lambda: ([], []))  # document: positions, hashes
        self._documents = collections.defaultdict(set)  # hash: documents that have had it
        for position, (document, hashes) in changelog:
            positions, contents = self._history[document]
            positions.append(position)
            contents.append(None if hashes is None else frozenset(hashes))
            for h in hashes or ():
                self._documents[h].add(document)

    def state(self, document, version):
        """What the document holds, None for nothing, and the position that says so, 0 for none."""
        positions, contents = self._history[document]
        at = bisect.bisect_right(positions, version)
        return (contents[at - 1], positions[at - 1]) if at else (None, 0)

    def content(self, document, version):
        return self.state(document, version)[0]

    def versions_of(self, document, low, high):
        """The lowest version, and those up to high at which the document changes."""
        positions = self._history[document][0]
        return [low, *positions[bisect.bisect_right(positions, low):bisect.bisect_right(positions, high)]]

    def documents(self, version):
        found = {d: self.content(d, version) for d in self._history}
        return {d: hashes for d, hashes in found.items() if hashes is not None}

    def candidates(self, query):
        return set().union(*(self._documents[h] for h in query if h in self._documents))

    def search(self, query, version, candidates=None):
        wanted = frozenset(query)
        scores = {}
        for d in self.candidates(query) if candidates is None else candidates:
            score = len(wanted & (self.content(d, version) or frozenset()))
            if score:
                scores[d] = score
        return scores

    def version_with(self, search, low, high):
        """The oldest version from low to high at which the search has its answer; None if there is none."""
        candidates = self.candidates(search.query)
        changes = {low}.union(*(self.versions_of(d, low, high) for d in candidates))
        return next((v for v in sorted(changes) if v <= high and
                     self.search(search.query, v, candidates) == search.results), None)


class Checker:
    """`changelog`: pairs of a position and a change, in the order of the log. `replicas`: of each node the version of
    its index and the hashes by document."""

    def __init__(self, writes, searches, changelog, replicas):
        self.writes = writes
        self.searches = searches
        self.changelog = changelog
        self.replicas = replicas
        self.violations = []
        self.landed = []  # by position

    def check(self):
        """The violations, in words."""
        self._check_positions()
        self._place_writes()
        self._check_answers()
        self._check_order()
        self._check_expectations()
        model = Model(self.changelog)
        self._check_searches(model)
        self._check_replicas(model)
        return self.violations

    def _say(self, what, *about):
        self.violations.append(": ".join([what, *map(str, about)]))

    def _newest(self):
        return self.changelog[-1][0] if self.changelog else 0

    def _check_positions(self):
        positions = [p for p, _ in self.changelog]
        if positions != list(range(1, len(positions) + 1)):
            self._say("positions of the changelog have holes or repeat", positions[:3], positions[-3:])

    def _place_writes(self):
        owners = {}
        for w in self.writes:
            for document, hashes in w.changes:
                if owners.setdefault(key_of(document, hashes), w) is not w:
                    raise ValueError(f"two writes have the change {document} {hashes}")
        places = collections.defaultdict(dict)  # id of a write: position by change
        for position, (document, hashes) in self.changelog:
            key = key_of(document, hashes)
            owner = owners.get(key)
            if owner is None:
                self._say("nobody has sent what the changelog has", position, document, hashes)
            elif key in places[id(owner)]:
                self._say("applied twice", places[id(owner)][key], position, owner)
            else:
                places[id(owner)][key] = position
        for w in self.writes:
            at = places.get(id(w))
            if not at:
                continue
            first = min(at.values())
            if [at.get(key_of(*c)) for c in w.changes] != list(range(first, first + len(w.changes))):
                self._say("in the changelog in part or in another order", sorted(at.values()), w)
            self.landed.append(Landed(w, first, max(at.values())))
        self.landed.sort(key=lambda l: l.first)

    def _check_answers(self):
        landed = {id(l.write): l for l in self.landed}
        for w in self.writes:
            at = landed.get(id(w))
            if w.outcome == ACKNOWLEDGED and not at:
                self._say("an acknowledged write is lost", w)
            elif w.outcome == ACKNOWLEDGED and w.version is not None and w.version != at.last:
                self._say("acknowledged with another version than it has", at.last, w)
            elif w.outcome in (REFUSED, MISMATCH) and at:
                self._say("refused, and in the changelog", at.first, w)

    def _check_order(self):
        """Who begins after another's end comes behind it; so a client's own versions ascend."""
        latest = None  # that began last of those before it in the log
        for at in self.landed:
            w = at.write
            if latest and w.outcome == ACKNOWLEDGED and latest.write.begin > w.end:
                self._say("in the log before what had been acknowledged when it began", latest, at)
            if latest is None or w.begin > latest.write.begin:
                latest = at

    def _check_expectations(self):
        for at in self.landed:
            expected = at.write.expected
            if expected is not None and at.first != expected + 1:
                self._say("not behind the expected version", at)
        ends = {at.last: at for at in self.landed}
        begins = {at.first: at for at in self.landed}
        for w in self.writes:
            if w.outcome != MISMATCH:
                continue
            before, behind = ends.get(w.expected), begins.get(w.expected + 1)
            was_there = w.expected == 0 or (before and before.write.outcome == ACKNOWLEDGED and
                                            before.write.end < w.begin)
            if was_there and (behind is None or behind.write.begin > w.end):
                self._say("refused, although the index was at the expected version", w)

    def _known_newest(self):
        """Begins of writes and how far the changelog can have been before each, both ascending."""
        times, positions = [], []
        for at in sorted(self.landed, key=lambda l: l.first, reverse=True):
            if not times or at.write.begin < times[-1]:
                times.append(at.write.begin)
                positions.append(at.first - 1)
        return times[::-1], positions[::-1]

    def _check_searches(self, model):
        """Each answer is exact at one version: at least the one that was asked for, and those that the node has
        shown or acknowledged before; at most what anybody had sent before its end."""
        times, positions = self._known_newest()
        shown = collections.defaultdict(list)  # node: (time, version) of what it had shown by then
        for w in self.writes:
            if w.outcome == ACKNOWLEDGED and w.version is not None:
                shown[w.node].append((w.end, w.version))
        floors = {}
        for node, events in shown.items():
            floors[node] = collections.deque(sorted(events))
        reached = collections.defaultdict(int)
        ended = collections.defaultdict(list)  # searches of a node, by end
        for s in sorted(self.searches, key=lambda s: s.begin):
            pending = floors.get(s.node, ())
            while pending and pending[0][0] <= s.begin:
                reached[s.node] = max(reached[s.node], pending.popleft()[1])
            late = []
            for end, version in ended[s.node]:
                if end <= s.begin:
                    reached[s.node] = max(reached[s.node], version)
                else:
                    late.append((end, version))
            low = max(reached[s.node], s.min_version)
            next_write = bisect.bisect_right(times, s.end)
            high = positions[next_write] if next_write < len(times) else self._newest()
            version = model.version_with(s, low, high)
            if version is None:
                self._say(f"an answer that is right at no version from {low} to {high}",
                          f"at {low} it is {model.search(s.query, low)}", s)
            else:
                late.append((s.end, version))
            ended[s.node] = late

    def _check_replicas(self, model):
        for node, (version, documents) in self.replicas.items():
            if version != self._newest():
                self._say("a replica does not have the whole changelog", node, version, self._newest())
            wanted = model.documents(version)
            wrong = sorted(d for d in wanted.keys() | documents.keys()
                           if wanted.get(d) != (None if d not in documents else frozenset(documents[d])))
            if wrong:
                self._say("a replica holds something else than its version", node, version, wrong[:10])
