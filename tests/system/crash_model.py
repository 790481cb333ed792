"""Writers whose every commit is known, so that a node can be compared with what it acknowledged.

Each writer owns some documents and one attribute of the index, and has one commit on its way at a time. A commit
rewrites, inserts and deletes several of its documents and names itself in the attribute: after a crash the index holds
the writer's newest acknowledged commit, or the one that was on its way, whole. Every document's hashes belong to the
commit that wrote them.
"""

import http.client
import json
import random
import subprocess
import threading

from line_client import LineClient
from support import BUILD, PATIENCE

INDEX = "main"
DOCUMENTS = 40
HASHES = 12
MAX_DOCUMENT = 7000
MAX_STEP = 50_000


def fingerprint(document, step):
    """Hashes that only this version of this document has.

    Every hash of every version has a number of its own, and the numbers are spread over all hashes one to one: random
    hashes would meet by chance once in some ten runs.
    """
    assert document < MAX_DOCUMENT and step < MAX_STEP, (document, step)
    first = (document * MAX_STEP + step) * HASHES
    return sorted((first + i) * 0x9E3779B1 % (1 << 32) for i in range(HASHES))


class Refused(Exception):
    """The node answered that it has not done what was asked."""


class Lost(Exception):
    """No answer: the node may have done it or not."""


class HttpDoor:
    def __init__(self, node):
        self._connection = http.client.HTTPConnection("127.0.0.1", node.http_port, timeout=PATIENCE)

    def write(self, inserts, deletes, key, value):
        changes = [{"insert": {"id": d, "hashes": hashes}} for d, hashes in inserts.items()]
        changes += [{"delete": {"id": d}} for d in deletes]
        try:
            self._connection.request("POST", f"/{INDEX}/_update",
                                     json.dumps({"changes": changes, "metadata": {key: value}}),
                                     {"Content-Type": "application/json"})
            answer = self._connection.getresponse()
            body = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as e:
            raise Lost(repr(e)) from e
        if answer.status != 200:
            raise Refused(f"{answer.status} {body}")
        return body["version"]

    def close(self):
        self._connection.close()


class CafDoor:
    def __init__(self, node):
        self._process = subprocess.Popen([BUILD / "tests" / "caf_writer", str(node.port), INDEX],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def write(self, inserts, deletes, key, value):
        changes = [f"insert {d} {','.join(map(str, hashes))}" for d, hashes in inserts.items()]
        changes += [f"delete {d}" for d in deletes] + [f"set {key} {value}"]
        self._process.stdin.write(";".join(changes) + "\n")
        self._process.stdin.flush()
        kind, code, *_ = self._process.stdout.readline().split(maxsplit=2)
        if kind == "ok":
            return int(code)
        if code in ("unreachable", "request_timeout"):
            raise Lost(code)
        raise Refused(code)

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(PATIENCE)


class LineDoor:
    """The line protocol knows no deletes and tells no versions."""

    def __init__(self, node):
        self._client = LineClient(node.line_port)

    def write(self, inserts, deletes, key, value):
        if deletes:
            raise ValueError("the line protocol has no deletes")
        lines = ["begin"] + [f"insert {d} {','.join(map(str, hashes))}" for d, hashes in inserts.items()]
        try:
            self._client.do(*lines, f"set {key} {value}")
            answer = self._client.ask("commit")
        except (OSError, AssertionError) as e:
            raise Lost(repr(e)) from e
        if not answer:
            raise Lost("closed")
        if answer != "OK ":
            raise Refused(answer)
        return None

    def close(self):
        self._client.close()


class Writer:
    """Commits one step after the other, as long as a node answers. Its state lasts over nodes."""

    def __init__(self, number, door, seed, deletes=True):
        self.key = f"w{number}"
        self.door = door
        self.deletes = deletes
        self.documents = range(number * 1000 + 1, number * 1000 + 1 + DOCUMENTS)
        self.step = 0  # newest acknowledged
        self.content = {}  # document: step that wrote it
        self.gone = {}  # document: step whose content was replaced or deleted
        self.versions = []  # of its commits
        self.unnumbered = 0  # acknowledged, over a protocol that tells no version
        self.attribute = 0  # newest step that the index holds
        self.pending = None  # (inserts, deletes) of the step that has no answer
        self.ended_by = None
        self._draw = random.Random(f"{seed}-{number}")
        self._thread = None

    def start(self, node, on_answer):
        self._thread = threading.Thread(target=self._run, args=(node, on_answer), daemon=True)
        self._thread.start()

    def join(self):
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            raise AssertionError(f"writer {self.key} hangs")

    def _run(self, node, on_answer):
        self.ended_by = None
        try:
            door = self.door(node)
        except (OSError, AssertionError) as e:
            self.ended_by = e
            return
        try:
            while self.pending is None:
                chosen = self._draw.sample(self.documents, self._draw.randint(1, 5))
                held = [d for d in chosen if d in self.content]
                deletes = held[:self._draw.randint(0, len(held))] if self.deletes else []
                inserts = [d for d in chosen if d not in deletes]
                self.pending = inserts, deletes
                step = self.step + 1
                version = door.write({d: fingerprint(d, step) for d in inserts}, deletes, self.key, str(step))
                self.settle(True)
                if version is None:
                    self.unnumbered += 1
                else:
                    self.versions.append(version)
                on_answer()
        except Exception as e:  # whoever joins the writer looks at it
            self.ended_by = e
        finally:
            try:
                door.close()
            except OSError:
                pass

    def settle(self, applied):
        """The pending step is in the index, or is not and never will be."""
        inserts, deletes = self.pending
        self.pending = None
        self.step += 1
        if not applied:
            return
        for d in inserts + deletes:
            if d in self.content:
                self.gone[d] = self.content.pop(d)
        for d in inserts:
            self.content[d] = self.step
        self.attribute = self.step


class Comparison:
    """Compares a node with what its writers know, over HTTP and CAF."""

    def __init__(self, test, node):
        self.test = test
        self.node = node
        self.http = http.client.HTTPConnection("127.0.0.1", node.http_port, timeout=PATIENCE)

    def get(self, path, body=None):
        self.http.request("GET" if body is None else "POST", f"/{INDEX}{path}", body and json.dumps(body),
                          {"Content-Type": "application/json"})
        answer = self.http.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None

    def check(self, writers):
        """Returns whose unanswered commit the index holds, with what that inserts."""
        self.node.wait_for(rf"{INDEX}: ready at version")
        info = self.get("")[1]
        found = self._settle(writers, info["metadata"])
        # Every commit of the index is one that was sent, and every number from 1 on is one commit's.
        acknowledged = [v for w in writers for v in w.versions]
        self.test.assertEqual(len(acknowledged), len(set(acknowledged)), "a version was given twice")
        self.test.assertEqual(sorted(acknowledged), list(range(1, info["version"] + 1)), f"versions; found {found}")
        caf = self.node.json("index", "info", INDEX)
        self.test.assertEqual(caf["version"], info["version"])
        self.test.assertEqual(caf["metadata"], info["metadata"])
        live = sum(len(w.content) for w in writers)
        self.test.assertEqual(caf["num_documents"], live)
        self._check_documents(writers)
        self.http.close()
        return found

    def _settle(self, writers, metadata):
        """Decides by a writer's attribute whether its pending step is there, and gives that its version."""
        found = []
        for w in writers:
            held = int(metadata.get(w.key, 0))
            if w.pending is None:
                self.test.assertEqual(held, w.attribute, w.key)
                continue
            self.test.assertIn(held, (w.attribute, w.step + 1), f"{w.key}, ended by {w.ended_by!r}")
            inserts, _ = w.pending
            applied = held == w.step + 1
            w.settle(applied)
            if applied:
                found.append((w, inserts))
        # What was never acknowledged fills the gaps; its documents tell which one.
        for w, inserts in found:
            if inserts:
                w.versions.append(self.get(f"/{inserts[0]}")[1]["version"])
        missing = sorted(set(range(1, self.get("")[1]["version"] + 1)) - {v for w in writers for v in w.versions})
        bare = [w for w, inserts in found if not inserts] + [w for w in writers for _ in range(w.unnumbered)]
        self.test.assertEqual(len(missing), len(bare), f"versions {missing} belong to no commit that was sent")
        for w, version in zip(bare, missing):
            w.versions.append(version)
            w.unnumbered = 0
        return [(w.key, inserts) for w, inserts in found]

    def _check_documents(self, writers):
        """Every document is found with all hashes of the version that counts, and with none of the one before."""
        queries = []
        expected = {}
        for w in writers:
            for d in w.documents:
                hashes = (fingerprint(d, w.content[d]) if d in w.content else []) + \
                         (fingerprint(d, w.gone[d]) if d in w.gone else [])
                if not hashes:
                    continue
                results = [{"id": d, "score": HASHES}] if d in w.content else []
                answer = self.get("/_search", {"query": hashes, "min_score": 1, "score_pct": 0})
                self.test.assertEqual(answer, (200, {"results": results}), f"document {d} of {w.key}")
                queries.append(f"q\t{d}\t{','.join(map(str, hashes))}\n")
                expected[d] = (d, HASHES) if results else (None, 0)
        report = self.node.json("search", INDEX, "--file", "-", stdin="".join(queries), check=None)
        self.test.assertEqual({q["expected"]: (q["best"] or None, q["score"] or 0) for q in report["results"]}, expected)
