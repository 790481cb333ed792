"""Clients that write to replicas and search them while faults come and go, and the history of what they were answered.

A cluster's members have a name, and tell with `place()` where they are at the moment: a label that names this start of
the node too, and its host and port; None while there is no node.
"""

import collections
import contextlib
import http.client
import itertools
import json
import random
import socket
import threading
import time

import requests

from fpindex_snapshot import Snapshot
from replication_checker import ACKNOWLEDGED, IN_DOUBT, MISMATCH, REFUSED, Checker, Search, Write
from support import PATIENCE

INDEX = "main"
HASHES = 6
GROUP = 8  # documents that share a hash
SHARED_DOCUMENTS = 16  # which all writers write
# Errors that say that a write is not in the changelog; of the others nobody knows.
NOT_DONE = {"CoordinatorError", "Overloaded", "IndexNotReady", "IndexFailed", "IndexNotFound"}


def spread(number):
    """Numbers to hashes, one to one."""
    return number * 0x9E3779B1 % (1 << 32)


def group_hash(document):
    return spread((1 << 31) + document // GROUP)


class History:
    """What all clients did, and counters of it that others wait for."""

    def __init__(self):
        self.writes, self.searches, self.failures = [], [], collections.Counter()
        self.counts = collections.Counter()
        self.newest = 0
        self.recent = collections.deque(maxlen=40)  # changes that have been sent
        self._serials = itertools.count(1)
        self._changed = threading.Condition()

    def fingerprint(self, document):
        """Hashes of which all but one have never been anybody's."""
        first = next(self._serials) * HASHES
        return [spread(first + i) for i in range(HASHES)] + [group_hash(document)]

    def wrote(self, write):
        with self._changed:
            self.writes.append(write)
            self.counts[write.outcome] += 1
            self.counts[write.outcome, write.node.split("#")[0]] += 1
            self.counts["written"] += 1
            self.counts["failed"] += write.outcome in (REFUSED, IN_DOUBT)
            self.newest = max(self.newest, write.version or 0)
            self._changed.notify_all()

    def searched(self, search):
        with self._changed:
            self.searches.append(search)
            self.counts["answered"] += 1
            self.counts["answered", search.node.split("#")[0]] += 1
            self._changed.notify_all()

    def failed(self, what):
        with self._changed:
            self.failures[what] += 1
            self._changed.notify_all()

    def wait_for_news(self, seconds):
        """Until a write has been answered, so long at most."""
        with self._changed:
            known = len(self.writes)
            self._changed.wait_for(lambda: len(self.writes) > known, seconds)

    def wait_for_more(self, or_failed=None, **wanted):
        """Until there are so many more of each: of a count of all, or, as name_member, of one member's. Or until so
        many more writes have failed."""
        keys = {tuple(k.split("_", 1)) if "_" in k else k: n for k, n in wanted.items()}
        with self._changed:
            goal = {k: self.counts[k] + n for k, n in keys.items()}
            failed = self.counts["failed"] + (or_failed or 0)

            def is_reached():
                return (all(self.counts[k] >= n for k, n in goal.items()) or
                        (or_failed is not None and self.counts["failed"] >= failed))

            if not self._changed.wait_for(is_reached, PATIENCE):
                missing = {k: f"{self.counts[k]} of {n}" for k, n in goal.items() if self.counts[k] < n}
                raise AssertionError(f"clients do not get on: {missing}, {dict(self.failures)}")


class Client(threading.Thread):
    """Asks one member many times, then another one; that at once when it fails."""

    def __init__(self, name, members, history, seed, patience):
        super().__init__(name=name, daemon=True)
        self.history = history
        self.draw = random.Random(f"{seed}-{name}")
        self._members = members
        self._member = self.draw.choice(members)
        self._connections = {}
        self._asked = None, None  # a member and the connection to it, while its answer is waited for
        self._patience = patience
        self._ends = threading.Event()
        self.error = None

    def end(self):
        self._ends.set()

    def run(self):
        try:
            while not self._ends.is_set():
                self.step()
        except Exception as e:
            self.error = e
        for _, connection in self._connections.values():
            connection.close()

    def other_member(self):
        return self.draw.choice([m for m in self._members if m is not self._member])

    def patience_with(self, _member):
        """How long its answer is waited for."""
        return self._patience

    def hang_up_on(self, member):
        """Waits for its answer no longer."""
        asked, connection = self._asked
        if asked is member:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def ask(self, member, method, path, body=None):
        """Label of the node, status and body of its answer; status 0 without one, -1 when nothing was sent."""
        place = member.place()
        if place is None:
            self._ends.wait(0.01)
            return member.name, -1, {}
        label, host, port = place
        known, connection = self._connections.pop(member.name, (None, None))
        if known != label:
            if connection:
                connection.close()
            connection = http.client.HTTPConnection(host, port, timeout=self._patience)
        sent = False
        try:
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(self.patience_with(member))
            self._asked = member, connection.sock
            sent = True
            connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            decoded = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as e:
            connection.close()
            self.history.failed(type(e).__name__)
            return label, 0 if sent else -1, {}
        finally:
            self._asked = None, None
        self._connections[member.name] = label, connection
        if answer.status != 200:
            self.history.failed(f"{answer.status} {decoded['error']}")
        return label, answer.status, decoded

    def search(self, member, query, min_version=0):
        query = sorted(set(query))
        path = f"/{INDEX}/_search" + (f"?min_version={min_version}" if min_version else "")
        begin = time.monotonic()
        label, status, body = self.ask(member, "POST", path, {
            "query": query, "limit": 100, "min_score": 1, "score_pct": 0, "timeout": int(self._patience * 1000)})
        if status == 200:
            results = {r["id"]: r["score"] for r in body["results"]}
            if len(results) != len(body["results"]) or len(results) >= 100:
                raise AssertionError(f"{label}: {body}")
            self.history.searched(Search(self.name, label, begin, time.monotonic(), query, results, min_version))
        return status == 200


class Writer(Client):
    def __init__(self, number, *more):
        super().__init__(f"w{number}", *more)
        self._documents = itertools.count((number + 1) * 1_000_000)
        self._own = []  # that have not been deleted yet

    def _new_document(self):
        document = next(self._documents)
        self._own.append(document)
        return document

    def _insert(self):
        kind = self.draw.random()
        if kind < 0.3:
            document = self.draw.randint(1, SHARED_DOCUMENTS)
        elif kind < 0.6 and self._own:
            document = self.draw.choice(self._own)
        else:
            document = self._new_document()
        return document, self.history.fingerprint(document)

    def _delete(self):
        """Nobody's document is deleted twice, so that deletes can be told apart."""
        if not self._own:
            return self._insert()
        document = self._own.pop(self.draw.randrange(len(self._own)))
        return document, None

    def _change(self):
        return self._delete() if self.draw.random() < 0.25 else self._insert()

    def step(self):
        kind = self.draw.random()
        changes = [self._change() for _ in range(self.draw.randint(2, 8) if kind < 0.25 else 1)]
        expected = self.history.newest if 0.25 <= kind < 0.4 else None
        self.history.recent.extend(changes)
        document, hashes = changes[0]
        begin = time.monotonic()
        if kind > 0.85:
            label, status, body = self.ask(self._member, "DELETE" if hashes is None else "PUT", f"/{INDEX}/{document}",
                                           None if hashes is None else {"hashes": hashes})
        else:
            wish = {"changes": [{"delete": {"id": d}} if h is None else {"insert": {"id": d, "hashes": h}}
                                for d, h in changes]}
            if expected is not None:
                wish["expected_version"] = expected
            label, status, body = self.ask(self._member, "POST", f"/{INDEX}/_update", wish)
        write = Write(self.name, label, begin, time.monotonic(), changes, expected)
        if status == 200:
            write.outcome, write.version = ACKNOWLEDGED, body.get("version")
        elif status == 409:
            write.outcome = MISMATCH
        elif status == -1 or body.get("error") in NOT_DONE:
            write.outcome = REFUSED
        self.history.wrote(write)
        if status not in (200, 409) or self.draw.random() < 0.05:
            self._member = self.other_member()
        elif write.version and self.draw.random() < 0.4:
            self.search(self.other_member(), [group_hash(document), *(hashes or ())], write.version)


class Searcher(Client):
    """Searches as often as others write, and some hundred times a second while nobody can."""

    def step(self):
        self.history.wait_for_news(0.01)
        query = []
        for document, hashes in self.draw.sample(list(self.history.recent), min(3, len(self.history.recent))):
            query += [group_hash(document), *(hashes or ())]
        if not self.search(self._member, query or [1]) or self.draw.random() < 0.1:
            self._member = self.other_member()


class Load:
    """Clients at work. `patience`: how long each waits for an answer."""

    def __init__(self, members, seed, writers, searchers, patience, history=None, writer=Writer, searcher=Searcher):
        self.history = history or History()
        common = (members, self.history, seed, patience)
        self._clients = [writer(i, *common) for i in range(writers)]
        self._clients += [searcher(f"s{i}", *common) for i in range(searchers)]

    def start(self):
        for c in self._clients:
            c.start()

    def hang_up_on(self, member):
        for c in self._clients:
            c.hang_up_on(member)

    def stop(self):
        for c in self._clients:
            c.end()
        for c in self._clients:
            if c.is_alive():
                c.join(PATIENCE)
            if c.is_alive():
                raise AssertionError(f"{c.name} hangs")
            if c.error:
                raise c.error


def decode_change(payload):
    """Of a row of the changelog, as core/commit/changes.hpp describes it."""
    words = [int.from_bytes(payload[i:i + 4], "little") for i in range(0, len(payload), 4)]
    kind, document, count = words[:3]
    if kind == 1 and len(words) == 3 + count:
        return document, tuple(words[3:])
    if kind == 2 and len(words) == 3:
        return document, None
    raise AssertionError(f"no insert or delete: {payload.hex()}")


def read_changelog(sql):
    """All changes of the index; `sql` runs statements on the primary. Ends what nodes may have left there first."""
    sql("select pg_terminate_backend(pid, 10000) from pg_stat_activity"
        " where backend_type = 'client backend' and pid <> pg_backend_pid()")
    rows = sql("select c.position, encode(c.payload, 'hex') from fpnode.log c join fpnode.lineage l using (generation)"
               f" where l.name = '{INDEX}' and l.erased is null order by c.position")
    return [(int(position), decode_change(bytes.fromhex(payload))) for position, payload in rows]


def read_replica(url, version):
    """Version and documents of a node's index, once that is at a version."""
    waited = requests.get(f"{url}/{INDEX}/1?min_version={version}", timeout=PATIENCE)
    if waited.status_code not in (200, 404):
        raise AssertionError(f"{waited.status_code} {waited.text}")
    status = requests.get(f"{url}/{INDEX}/_status", timeout=PATIENCE).json()
    snapshot = Snapshot(requests.get(f"{url}/{INDEX}/_snapshot", timeout=PATIENCE).content)
    return status["version"], snapshot.documents()


def violations(history, changelog, replicas, astray=()):
    """`astray`: labels of nodes that have said themselves that they hold what the changelog has lost."""
    searches = [s for s in history.searches if s.node not in astray]
    return Checker(history.writes, searches, changelog, replicas).check()


def summary(history):
    writes = ", ".join(f"{history.counts[o]:,} {o}" for o in (ACKNOWLEDGED, MISMATCH, REFUSED, IN_DOUBT))
    taken = sum(1 for w in history.writes if w.expected is not None and w.outcome == ACKNOWLEDGED)
    bound = sum(1 for s in history.searches if s.min_version)
    return (f"writes: {writes}; {taken:,} acknowledged behind an expected version; {len(history.searches):,} searches, "
            f"{bound:,} of them with min_version; failures: {dict(history.failures)}")
