"""Clients that write to an index in slices and ask any member for what it holds, while faults come and go."""

import math
import re
import time

import replication_load
from replication_load import INDEX, Searcher, Writer, group_hash, spread
from slices_checker import NO_ANSWER, Excuses, Failure, Look, SlicedHistory, SlicedSearch
from support import PATIENCE

POOL = 300  # hashes that documents share beside those of their groups
SEARCH_MS = 10_000
# Nobody waits so long for what may never come.
IMPATIENCE, IMPATIENT_MS = 0.1, 200


class History(replication_load.History):
    def __init__(self, placement):
        super().__init__()
        self.looks, self.unanswered, self.troubles = [], [], []
        self._placement = placement

    def fingerprint(self, document):
        first, second, *others = super().fingerprint(document)
        return [*others, *(spread((1 << 30) + h % POOL) for h in (first, second))]

    def looked(self, look):
        with self._changed:
            self.looks.append(look)
            self.counts["answered"] += 1
            self._changed.notify_all()

    def was_not_answered(self, failure):
        with self._changed:
            self.unanswered.append(failure)
            self.counts["unanswered"] += 1
            self._changed.notify_all()

    def excuses(self):
        """As far as they are known by now."""
        return Excuses([t for t in list(self.troubles) if t.end == math.inf], self._placement)

    def for_checker(self):
        return SlicedHistory(self.writes, self.searches, self.looks, self.unanswered, self.troubles)


class SliceClient:
    """What clients of slices do otherwise than those of replicas: limits and thresholds, questions for documents, and
    no failure without a reason."""

    def patience_with(self, member):
        anything = Failure(self.name, member.name, time.monotonic(), math.inf, "")
        return PATIENCE if self.history.excuses().is_well(anything, member.name) else IMPATIENCE

    def _failed(self, question, label, status, body):
        question.node, question.end = label, time.monotonic()
        question.error = body["error"] if status > 0 else NO_ANSWER
        question.names = frozenset(int(number) for number in re.findall(r"(\d+)/\d+", body.get("reason", "")))
        self.history.was_not_answered(question)

    def search(self, member, query, min_version=0):
        draw = self.draw
        question = Failure(self.name, member.name, time.monotonic(), math.inf, "", min_version=min_version)
        excuses = self.history.excuses()
        may_fail = excuses.lost_slices(question) or excuses.may_be_late(question)
        query = sorted(set(query))
        wish = {"query": query, "limit": draw.choice([1, 3, 10, 100]), "min_score": draw.choice([1, 1, 2, 7]),
                "score_pct": draw.choice([0, 0, 20, 50, 100])}
        if draw.random() < 0.2:
            del wish["min_score"]
        label, status, body = self.ask(member, "POST", f"/{INDEX}/_search" + at(min_version),
                                       {**wish, "timeout": IMPATIENT_MS if may_fail else SEARCH_MS})
        if status != 200:
            self._failed(question, label, status, body)
            return False
        wish.setdefault("min_score", (len(query) + 19) // 20)
        results = [(r["id"], r["score"]) for r in body["results"]]
        self.history.searched(SlicedSearch(self.name, label, question.begin, time.monotonic(), results=results,
                                           min_version=min_version, **wish))
        return True

    def look(self, member, document, min_version=0):
        question = Failure(self.name, member.name, time.monotonic(), math.inf, "", min_version=min_version,
                           document=document)
        label, status, body = self.ask(member, "GET", f"/{INDEX}/{document}" + at(min_version))
        if status not in (200, 404) or status == 404 and body["error"] != "FingerprintNotFound":
            self._failed(question, label, status, body)
            return False
        self.history.looked(Look(self.name, label, question.begin, time.monotonic(), document, body.get("version"),
                                 min_version))
        return True


def at(min_version):
    return f"?min_version={min_version}" if min_version else ""


class SliceWriter(SliceClient, Writer):
    def step(self):
        super().step()
        if self.draw.random() < 0.3:
            self.look(self.other_member(), self.draw.choice(list(self.history.recent))[0])


class SliceSearcher(SliceClient, Searcher):
    """Asks for what is there, or, every second one, for the newest version: those wait until members hear of that."""

    def __init__(self, name, *more):
        super().__init__(name, *more)
        self._wants_newest = int(name[1:]) % 2 == 1

    def step(self):
        self.history.wait_for_news(0.01)
        newest = self.history.newest if self._wants_newest else 0
        query, recent = [], list(self.history.recent)
        for document, hashes in self.draw.sample(recent, min(3, len(recent))):
            query += [group_hash(document), *(hashes or ())]
        if recent and self.draw.random() < 0.2:
            self.look(self._member, self.draw.choice(recent)[0], newest)
        else:
            self.search(self._member, query or [1], newest)
        self._member = self.other_member()
