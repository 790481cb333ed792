"""The HTTP contract, endpoint by endpoint and error by error, against a real node."""

import gzip
import json
import pathlib
import socket
import tempfile
import threading
import unittest

import msgpack
import requests

from support import Node, NodeTest

JSON = "application/json"
MSGPACK = "application/vnd.msgpack"


def read_response(stream, head=False):
    """One response from a file over a socket: status, fields (lower-case names), body."""
    line = stream.readline()
    if not line:
        return None
    status = int(line.split()[1])
    fields = {}
    while (line := stream.readline().rstrip(b"\r\n")) != b"":
        name, value = line.split(b":", 1)
        fields[name.decode().lower()] = value.strip().decode()
    body = b""
    if status != 100 and not head:
        if fields.get("transfer-encoding") == "chunked":
            while size := int(stream.readline(), 16):
                body += stream.read(size)
                stream.readline()
            stream.readline()
        else:
            body = stream.read(int(fields["content-length"]))
    return status, fields, body


class HttpTest(unittest.TestCase):
    """A class with one node for all of its tests, each of which has an index of its own."""

    flags = []

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="fpnode-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.node = Node(pathlib.Path(folder.name) / "data", *cls.flags)
        cls.addClassCleanup(cls.node.kill)

    def setUp(self):
        self.http = requests.Session()
        self.addCleanup(self.http.close)

    def index(self):
        """A fresh index with the name of the test."""
        name = self.id().rsplit(".", 1)[1]
        self.assertEqual(self.call("PUT", f"/{name}").status_code, 200)
        return name

    def call(self, method, path, body=None, **kwargs):
        if body is not None:
            kwargs["json"] = body
        return self.http.request(method, self.node.url(path), timeout=60, **kwargs)

    def pack(self, method, path, body=None):
        """The same in MessagePack."""
        fields = {"Content-Type": MSGPACK, "Accept": MSGPACK}
        data = None if body is None else msgpack.packb(body)
        r = self.http.request(method, self.node.url(path), data=data, headers=fields, timeout=60)
        self.assertEqual(r.headers["Content-Type"], MSGPACK)
        return r.status_code, msgpack.unpackb(r.content)

    def check(self, response, status, body):
        self.assertEqual((response.status_code, response.json()), (status, body))
        self.assertEqual(response.headers["Content-Type"], JSON)

    def refused(self, response, status, name):
        self.check(response, status, {"error": name})

    def raw(self, data, head=False):
        """Sends bytes on a fresh connection; the responses until the server closes."""
        with self.node.connect() as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            with s.makefile("rb") as stream:
                out = []
                while (r := read_response(stream, head)) is not None:
                    out.append(r)
                return out


class Endpoints(HttpTest):
    def test_health(self):
        r = self.call("GET", "/_health")
        self.assertEqual((r.status_code, r.content), (200, b"OK\n"))
        r = self.call("HEAD", "/_health")
        self.assertEqual((r.status_code, r.content), (200, b""))

    def test_index_health(self):
        name = self.index()
        r = self.call("GET", f"/{name}/_health")
        self.assertEqual((r.status_code, r.content), (200, b"OK\n"))
        self.assertEqual(self.call("HEAD", f"/{name}/_health").status_code, 200)
        self.assertEqual(self.call("GET", "/absent/_health").status_code, 404)
        self.assertEqual(self.call("HEAD", "/absent/_health").status_code, 404)

    def test_index_life_cycle(self):
        for step, generation in enumerate((1, 2, 3)):
            self.check(self.call("PUT", "/cycle"), 200, {"version": 0, "ready": True, "generation": generation})
            self.check(self.call("PUT", "/cycle"), 200, {"version": 0, "ready": True, "generation": generation})
            self.refused(self.call("PUT", "/cycle", {"expect_does_not_exist": True}), 409, "IndexAlreadyExists")
            self.assertEqual(self.call("HEAD", "/cycle").status_code, 200)
            self.check(self.call("PUT", "/cycle/1", {"hashes": [step + 1]}), 200, {})
            self.check(self.call("DELETE", "/cycle"), 200, {"deleted": True})
            self.check(self.call("DELETE", "/cycle"), 200, {"deleted": False})
            self.refused(self.call("DELETE", "/cycle", {"expect_exists": True}), 404, "IndexNotFound")
            self.assertEqual(self.call("HEAD", "/cycle").status_code, 404)
            self.refused(self.call("GET", "/cycle"), 404, "IndexNotFound")
            self.refused(self.call("POST", "/cycle/_search", {"query": [1]}), 404, "IndexNotFound")
            self.refused(self.call("PUT", "/cycle/1", {"hashes": [1]}), 404, "IndexNotFound")

    def test_generations(self):
        made = {"version": 0, "ready": True, "generation": 7}
        self.check(self.call("PUT", "/gen", {"generation": 7, "unknown": {"a": [1]}}), 200, made)
        self.check(self.call("PUT", "/gen", {"generation": 7}), 200, made)
        self.check(self.call("PUT", "/gen", {"generation": None, "expect_does_not_exist": None}), 200, made)
        self.refused(self.call("PUT", "/gen", {"generation": 6}), 409, "OlderIndexAlreadyExists")
        self.refused(self.call("PUT", "/gen", {"generation": 8}), 409, "NewerIndexAlreadyExists")
        self.check(self.call("DELETE", "/gen", {"expect_exists": True}), 200, {"deleted": True})
        self.refused(self.call("PUT", "/gen", {"generation": 7}), 409, "OlderIndexAlreadyExists")
        self.check(self.call("PUT", "/gen"), 200, {"version": 0, "ready": True, "generation": 8})

    def test_create_and_delete_in_messagepack(self):
        self.assertEqual(self.pack("PUT", "/packed", {"g": 3}), (200, {"v": 0, "r": True, "g": 3}))
        self.assertEqual(self.pack("PUT", "/packed", {"e": True}), (409, {"e": "IndexAlreadyExists"}))
        self.assertEqual(self.pack("PUT", "/packed", {"generation": 2}), (409, {"e": "OlderIndexAlreadyExists"}))
        self.assertEqual(self.pack("DELETE", "/packed", {"e": True}), (200, {"d": True}))
        self.assertEqual(self.pack("DELETE", "/packed", {"expect_exists": True}), (404, {"e": "IndexNotFound"}))

    def test_index_info(self):
        name = self.index()
        empty = {"min_doc_id": 0, "max_doc_id": 0, "num_segments": 0, "num_docs": 0}
        self.check(self.call("GET", f"/{name}"), 200, {"version": 0, "metadata": {}, "stats": empty})
        changes = [{"insert": {"id": i, "hashes": [i]}} for i in (5, 9, 300)]
        self.call("POST", f"/{name}/_update", {"changes": changes, "metadata": {"k\u00e4se": "\u2713 \"x\"\n"}})
        self.call("DELETE", f"/{name}/300")
        info = self.call("GET", f"/{name}").json()
        self.assertEqual((info["version"], info["metadata"]), (2, {"k\u00e4se": "\u2713 \"x\"\n"}))
        self.assertEqual((info["stats"]["num_docs"], info["stats"]["min_doc_id"], info["stats"]["max_doc_id"]), (2, 5, 9))
        status, packed = self.pack("GET", f"/{name}")
        self.assertEqual((status, packed["v"], packed["m"], packed["s"]), (200, 2, info["metadata"], info["stats"]))

    def test_segments_and_status(self):
        name = self.index()
        self.check(self.call("GET", f"/{name}/_segments"), 200, {"segments": []})
        self.call("PUT", f"/{name}/3", {"hashes": [7, 8, 8]})
        segments = self.call("GET", f"/{name}/_segments").json()["segments"]
        self.assertGreater(segments[0].pop("size_bytes"), 0)
        expected = {"kind": "memory", "first_commit_id": 1, "last_commit_id": 1, "version": 1, "num_docs": 1,
                    "num_items": 2, "min_doc_id": 3, "max_doc_id": 3}
        self.assertEqual(segments, [expected])
        status, packed = self.pack("GET", f"/{name}/_segments")
        packed["s"][0].pop("s")
        self.assertEqual(packed, {"s": [{"k": "memory", "f": 1, "l": 1, "v": 1, "num_docs": 1, "num_items": 2,
                                         "min_doc_id": 3, "max_doc_id": 3}]})
        self.check(self.call("GET", f"/{name}/_status"), 200, {"generation": 1, "version": 1, "file_version": 0})
        self.assertEqual(self.pack("GET", f"/{name}/_status"), (200, {"g": 1, "v": 1, "f": 0}))

    def test_documents(self):
        name = self.index()
        self.check(self.call("PUT", f"/{name}/4294967295", {"hashes": [0, 4294967295]}), 200, {})
        self.check(self.call("GET", f"/{name}/4294967295"), 200, {"version": 1})
        self.check(self.call("PUT", f"/{name}/4294967295", {"hashes": [1]}), 200, {})
        self.check(self.call("GET", f"/{name}/4294967295"), 200, {"version": 2})
        self.assertEqual(self.pack("GET", f"/{name}/4294967295"), (200, {"v": 2}))
        r = self.call("HEAD", f"/{name}/4294967295")
        self.assertEqual((r.status_code, r.content), (200, b""))
        self.check(self.call("DELETE", f"/{name}/4294967295"), 200, {})
        self.refused(self.call("GET", f"/{name}/4294967295"), 404, "FingerprintNotFound")
        r = self.call("HEAD", f"/{name}/4294967295")
        self.assertEqual((r.status_code, r.content), (404, b""))
        self.assertEqual(self.pack("PUT", f"/{name}/1", {"h": [5]}), (200, {}))
        self.assertEqual(self.pack("DELETE", f"/{name}/1"), (200, {}))
        for bad in ("0", "-1", "4294967296", "1x", "abc", "+1", "%20", ""):
            for method in ("GET", "DELETE"):
                self.refused(self.call(method, f"/{name}/{bad}"), 400, "InvalidFingerprintId")
            self.refused(self.call("PUT", f"/{name}/{bad}", {"hashes": [1]}), 400, "InvalidFingerprintId")
        for bad in ({}, {"hashes": None}, {"hashes": [-1]}, {"hashes": [4294967296]}, {"hashes": ["1"]}, [], 1, None):
            r = self.http.put(self.node.url(f"/{name}/1"), data=json.dumps(bad), headers={"Content-Type": JSON})
            self.refused(r, 400, "BadRequest")

    def test_document_without_hashes_exists(self):
        name = self.index()
        self.check(self.call("PUT", f"/{name}/7", {"hashes": []}), 200, {})
        self.check(self.call("GET", f"/{name}/7"), 200, {"version": 1})
        self.check(self.call("POST", f"/{name}/_update", {"changes": [{"insert": {"id": 8, "hashes": []}}]}), 200,
                   {"version": 2})
        self.assertEqual(self.call("GET", f"/{name}").json()["stats"]["num_docs"], 2)

    def test_index_names(self):
        for name in ("a", "A-Z_09", "-", "x" * 255):
            self.assertEqual(self.call("PUT", f"/{name}").status_code, 200, name)
        for name in ("x" * 256, "a.b", "%2e%2e", "a%2Fb", "a%20b", "%00", "\u00e4"):
            self.refused(self.call("PUT", f"/{name}"), 400, "InvalidIndexName")
            self.refused(self.call("GET", f"/{name}"), 400, "InvalidIndexName")
        # Requests about the node have these.
        for name in ("_health", "_metrics", "_ready"):
            self.refused(self.call("PUT", f"/{name}"), 400, "InvalidIndexName")
        self.assertEqual(self.call("PUT", "/_healthy").status_code, 200)
        self.assertEqual(self.call("GET", "/%41%2dZ_09").status_code, 200)
        for bad in (b"/%4", b"/%zz", b"/%", b"/a/%g0", b"*"):
            answers = self.raw(b"GET " + bad + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual([(a[0], json.loads(a[2])) for a in answers], [(400, {"error": "BadRequest"})])

    def test_unknown_paths(self):
        name = self.index()
        for method, path in (("POST", "/"), ("PUT", "/"), ("GET", f"/{name}/1/2"), ("POST", f"/{name}"), ("PATCH", f"/{name}"),
                             ("POST", f"/{name}/1"), ("GET", f"/{name}/_other"), ("POST", f"/{name}/_segments"),
                             ("GET", f"/{name}/_search"), ("OPTIONS", "/")):
            self.refused(self.call(method, path), 404, "NotFound")
        # As it is: clients may make one slash of two.
        (answer,) = self.raw(b"GET //1 HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual((answer[0], json.loads(answer[2])["error"]), (404, "NotFound"))

    def test_query_string_is_ignored(self):
        name = self.index()
        self.assertEqual(self.call("GET", f"/{name}?a=/b").status_code, 200)


class Searches(HttpTest):
    def fill(self, documents):
        name = self.index()
        changes = [{"insert": {"id": i, "hashes": h}} for i, h in documents.items()]
        self.check(self.call("POST", f"/{name}/_update", {"changes": changes}), 200, {"version": 1})
        return name

    def results(self, name, **body):
        r = self.call("POST", f"/{name}/_search", body)
        self.assertEqual(r.status_code, 200, r.content)
        return [(x["id"], x["score"]) for x in r.json()["results"]]

    def test_scores_and_order(self):
        name = self.fill({1: [1, 2, 3], 2: [1, 2], 3: [2, 3], 4: [9], 5: [1, 2, 3, 3]})
        self.assertEqual(self.results(name, query=[3, 2, 1, 1]), [(1, 3), (5, 3), (2, 2), (3, 2)])
        self.call("PUT", f"/{name}/1", {"hashes": [3]})
        self.call("DELETE", f"/{name}/5")
        self.assertEqual(self.results(name, query=[1, 2, 3]), [(2, 2), (3, 2), (1, 1)])
        self.assertEqual(self.pack("POST", f"/{name}/_search", {"q": [1, 2, 3], "l": 1}),
                         (200, {"r": [{"i": 2, "s": 2}]}))
        self.assertEqual(self.pack("POST", f"/{name}/_search", {"query": [9], "limit": None, "x": {"y": [None]}}),
                         (200, {"r": [{"i": 4, "s": 1}]}))

    def test_empty_query_finds_nothing(self):
        name = self.fill({1: [1]})
        self.assertEqual(self.results(name, query=[]), [])
        self.assertEqual(self.pack("POST", f"/{name}/_search", {"q": []}), (200, {"r": []}))
        self.refused(self.call("POST", "/absent/_search", {"query": []}), 404, "IndexNotFound")

    def test_limit_is_clamped(self):
        name = self.fill({i: [7] for i in range(1, 151)})
        for limit, expected in ((None, 40), (0, 1), (1, 1), (99, 99), (100, 100), (101, 100), (4294967295, 100)):
            self.assertEqual(len(self.results(name, query=[7], limit=limit)), expected, limit)
        self.assertEqual(len(self.results(name, query=[7])), 40)

    def test_thresholds(self):
        documents = {i: list(range(i)) for i in (1, 2, 3, 10, 40)}
        name = self.fill(documents)
        query = list(range(40))
        # (40 + 19) / 20 = 2, and a tenth of the best score is 4.
        self.assertEqual(self.results(name, query=query), [(40, 40), (10, 10)])
        self.assertEqual(self.results(name, query=query, score_pct=0), [(40, 40), (10, 10), (3, 3), (2, 2)])
        self.assertEqual(self.results(name, query=query, score_pct=0, min_score=3), [(40, 40), (10, 10), (3, 3)])
        self.assertEqual(self.results(name, query=query, min_score=1, score_pct=28), [(40, 40)])
        # The default counts the hashes as sent.
        self.assertEqual(self.results(name, query=[0] * 21, score_pct=0), [])
        self.assertEqual(len(self.results(name, query=[0] * 20, score_pct=0)), 5)
        status, found = self.pack("POST", f"/{name}/_search", {"q": query, "m": 3, "s": 0, "t": 0})
        self.assertEqual([x["i"] for x in found["r"]], [40, 10, 3])

    def test_probes(self):
        name = self.fill({1: [0x1000, 0x1001, 0x1004], 2: [0x1003], 3: [0x80001000, 0x2000], 4: [0x1007]})
        for probes, expected in ((None, [(1, 1)]), (0, [(1, 1)]), (1, [(1, 1), (3, 1)]),
                                 (2, [(1, 1), (2, 1), (3, 1)])):
            self.assertEqual(self.results(name, query=[0x1000], probes=probes), expected, probes)
        status, found = self.pack("POST", f"/{name}/_search", {"q": [0x1000, 0x2001], "p": 1, "t": 0})
        self.assertEqual([(x["i"], x["s"]) for x in found["r"]], [(3, 2), (1, 1)])
        for probes in (3, 4294967295):
            answer = self.call("POST", f"/{name}/_search", {"query": [1], "probes": probes})
            self.assertEqual(answer.status_code, 400)
            self.assertEqual(answer.json(), {"error": "BadRequest",
                                             "reason": f"probes: {probes}; at most 2 are allowed"})
        for probes in (-1, 1.0, "1", True, []):
            self.refused(self.call("POST", f"/{name}/_search", {"query": [1], "probes": probes}), 400, "BadRequest")

    def test_timeouts(self):
        name = self.fill({1: [1]})
        for timeout in (None, 0, 1000, 10_000, 4294967295):
            self.assertEqual(self.results(name, query=[1], timeout=timeout), [(1, 1)])

    def test_bodies_that_cannot_be_decoded(self):
        name = self.fill({1: [1]})
        path = self.node.url(f"/{name}/_search")
        for body in (b"", b"{", b"null", b"[]", b'{"query":[1}', b'{"query":[1]}}', b'{"query":[1]}{"query":[1]}',
                     b'{"query":[1.5]}', b'{"query":[-1]}', b'{"query":[4294967296]}', b'{"query":["1"]}',
                     b'{"query":[null]}', b'{"query":[[1]]}', b'{"query":{}}', b'{"query":null}', b'{"limit":1}',
                     b'{"query":[1],"limit":-1}', b'{"query":[1],"limit":"2"}', b'{"query":[1],"limit":4294967296}',
                     b'{"query":[1],"query":[1]}', b'{"query":[1],"x":[1,]}', b'{"query":[1],"x":tru}',
                     b'{"query":[1],"x":"\xff"}', b'{"query":[1],"x":' + b"[" * 5000 + b"]" * 5000 + b"}"):
            r = self.http.post(path, data=body, headers={"Content-Type": JSON})
            self.refused(r, 400, "BadRequest")
        for body in (b"", b"\xc0", b"\x90", b"\x81\xa1q", b"\x81\xa1q\x91", msgpack.packb({"q": [1]}) + b"\xc0",
                     msgpack.packb({"q": [-1]}), msgpack.packb({"q": [1.0]}), msgpack.packb({"q": b"1"}),
                     msgpack.packb({"q": [1], "query": [1]}), b"\x81\xa1q\xdd\xff\xff\xff\xff", b"\x91" * 100_000):
            r = self.http.post(path, data=body, headers={"Content-Type": MSGPACK})
            self.assertEqual((r.status_code, msgpack.unpackb(r.content)), (400, {"e": "BadRequest"}), body[:20])
        self.assertEqual(self.results(name, query=[1]), [(1, 1)])


class Updates(HttpTest):
    def update(self, name, **body):
        return self.call("POST", f"/{name}/_update", body)

    def test_changes_of_all_kinds(self):
        name = self.index()
        r = self.update(name, changes=[
            {"insert": {"id": 1, "hashes": [1, 2]}, "delete": None, "unknown": 5},
            {"insert": {"hashes": [3], "id": 2}},
            {"delete": {"id": 1}},
            {"set_metadata": {"entries": [{"key": "a", "value": "1"}, {"key": "b", "value": "x"}]}},
            {"set_attribute": {"name": "max_document_id", "value": 18446744073709551615}},
        ], metadata={"a": "2"})
        self.check(r, 200, {"version": 1})
        info = self.call("GET", f"/{name}").json()
        self.assertEqual(info["metadata"], {"a": "2", "b": "x", "max_document_id": "18446744073709551615"})
        self.assertEqual(info["stats"]["num_docs"], 1)
        self.check(self.update(name, changes=[]), 200, {"version": 2})

    def test_null_removes_metadata(self):
        name = self.index()
        self.update(name, changes=[], metadata={"a": "1", "b": "2", "c": ""})
        self.check(self.update(name, changes=[], metadata={"a": None, "absent": None, "b": "3"}), 200, {"version": 2})
        self.assertEqual(self.call("GET", f"/{name}").json()["metadata"], {"b": "3", "c": ""})
        self.assertEqual(self.pack("POST", f"/{name}/_update", {"c": [], "m": {"b": None}}), (200, {"v": 3}))
        self.assertEqual(self.call("GET", f"/{name}").json()["metadata"], {"c": ""})
        self.check(self.update(name, changes=[], metadata=None), 200, {"version": 4})

    def test_changes_in_messagepack(self):
        name = self.index()
        changes = [{"i": {"i": 1, "h": [1, 2]}, "d": None}, {"insert": {"id": 2, "hashes": [3]}}, {"d": {"i": 1}},
                   {"s": {"e": [{"k": "a", "v": "1"}]}}, {"s": {"n": "b", "v": 7}},
                   {"set_metadata": {"entries": [{"key": "c", "value": "3"}]}},
                   {"set_attribute": {"name": "d", "value": 4}}]
        self.assertEqual(self.pack("POST", f"/{name}/_update", {"c": changes, "m": {"e": "5"}}), (200, {"v": 1}))
        self.assertEqual(self.call("GET", f"/{name}").json()["metadata"],
                         {"a": "1", "b": "7", "c": "3", "d": "4", "e": "5"})
        self.assertEqual(self.pack("POST", f"/{name}/_update", {"c": [], "e": 5}), (409, {"e": "VersionMismatch"}))
        self.assertEqual(self.pack("POST", f"/{name}/_update", {"c": [], "e": 1}), (200, {"v": 2}))

    def test_expected_version(self):
        name = self.index()
        insert = [{"insert": {"id": 1, "hashes": [1]}}]
        self.check(self.update(name, changes=insert, expected_version=0), 200, {"version": 1})
        self.refused(self.update(name, changes=insert, expected_version=0), 409, "VersionMismatch")
        self.refused(self.update(name, changes=insert, expected_version=2), 409, "VersionMismatch")
        self.assertEqual(self.call("GET", f"/{name}").json()["version"], 1)
        self.check(self.update(name, changes=insert, expected_version=None), 200, {"version": 2})
        self.refused(self.update(name, changes=insert, expected_version=18446744073709551615), 409, "VersionMismatch")
        self.refused(self.update(name, changes=insert, expected_version=-1), 400, "BadRequest")

    def test_a_refused_update_changes_nothing(self):
        name = self.index()
        good = {"insert": {"id": 1, "hashes": [1]}}
        for bad in ({}, {"unknown": {}}, {"insert": None}, {"insert": {"id": 1}}, {"insert": {"hashes": [1]}},
                    {"insert": {"id": 4294967296, "hashes": [1]}}, {"insert": {"id": -1, "hashes": [1]}},
                    {"insert": {"id": 2, "hashes": [1]}, "delete": {"id": 1}}, {"delete": {}}, {"delete": 1}, 1, None,
                    {"set_metadata": {}}, {"set_metadata": {"entries": [{"key": "a"}]}},
                    {"set_metadata": {"entries": [{"key": "a", "value": 1}]}},
                    {"set_metadata": {"entries": [{"key": "", "value": "1"}]}},
                    {"set_attribute": {"name": "a"}}, {"set_attribute": {"name": "a", "value": "1"}},
                    {"set_attribute": {"name": "a", "value": -1}}):
            self.refused(self.update(name, changes=[good, bad]), 400, "BadRequest")
        for kind in ({"insert": {"id": 0, "hashes": [1]}}, {"delete": {"id": 0}}):
            self.refused(self.update(name, changes=[good, kind]), 400, "InvalidFingerprintId")
        self.refused(self.update(name, changes=None), 400, "BadRequest")
        self.refused(self.update(name, metadata={"a": "b"}), 400, "BadRequest")
        self.refused(self.update(name, changes=[], metadata={"a": 1}), 400, "BadRequest")
        for text in ('{"changes":[%s]', '{"changes":[%s]} x', '{"changes":[%s],"z":[}', '{"changes":[%s],"z":nul}'):
            r = self.http.post(self.node.url(f"/{name}/_update"), data=text % json.dumps(good),
                               headers={"Content-Type": JSON})
            self.refused(r, 400, "BadRequest")
        self.assertEqual(self.call("GET", f"/{name}").json()["version"], 0)
        self.refused(self.update("absent", changes=[good]), 404, "IndexNotFound")


class Negotiation(HttpTest):
    def ask(self, body=None, **fields):
        return self.http.request("POST", self.node.url(f"/{self.name}/_search"), data=body,
                                 headers={"Accept": None, **{k.replace("_", "-"): v for k, v in fields.items()}})

    def test_formats(self):
        self.name = self.index()
        j, m = b'{"query":[1]}', msgpack.packb({"q": [1]})
        for body, fields, expected in (
                (j, {"Content_Type": JSON}, JSON), (m, {"Content_Type": MSGPACK}, MSGPACK), (m, {}, MSGPACK),
                (j, {"Content_Type": "Application/JSON; charset=utf-8"}, JSON),
                (m, {"Content_Type": MSGPACK + ";x=y"}, MSGPACK),
                (j, {"Content_Type": JSON, "Accept": MSGPACK}, MSGPACK), (m, {"Accept": JSON}, JSON),
                (m, {"Accept": "*/*"}, MSGPACK), (j, {"Content_Type": JSON, "Accept": "text/html, */*"}, JSON),
                (m, {"Accept": "text/html, application/json;q=0.9, */*;q=0.1"}, JSON),
                (m, {"Accept": f"{JSON};q=0.1, {MSGPACK};q=0.2"}, MSGPACK),
                (m, {"Accept": f"{JSON};q=0"}, MSGPACK)):
            r = self.ask(body, **fields)
            self.assertEqual((r.status_code, r.headers["Content-Type"]), (200, expected), fields)
            self.assertEqual(r.json() if expected == JSON else msgpack.unpackb(r.content),
                             {"results": []} if expected == JSON else {"r": []})

    def test_errors_follow_the_same_rule(self):
        self.name = "absent"
        r = self.ask(b"nonsense")
        self.assertEqual((r.status_code, msgpack.unpackb(r.content)), (400, {"e": "BadRequest"}))
        r = self.ask(b"nonsense", Accept=JSON)
        self.refused(r, 400, "BadRequest")
        self.refused(self.ask(b'{"query":[1]}', Content_Type="text/plain"), 415, "UnsupportedMediaType")
        for encoding in "gzip", "deflate", "gzip, identity":
            self.refused(self.ask(gzip.compress(b'{"query":[1]}'), Content_Type=JSON, Content_Encoding=encoding), 415,
                         "UnsupportedMediaType")
        self.refused(self.ask(b'{"query":[1]}', Content_Type=JSON, Content_Encoding="Identity"), 404, "IndexNotFound")
        r = self.ask(b'{"query":[1]}', Content_Type="text/plain", Accept=MSGPACK)
        self.assertEqual((r.status_code, msgpack.unpackb(r.content)), (415, {"e": "UnsupportedMediaType"}))
        r = self.http.get(self.node.url("/absent"), headers={"Accept": MSGPACK})
        self.assertEqual((r.status_code, msgpack.unpackb(r.content)), (404, {"e": "IndexNotFound"}))


class Transport(HttpTest):
    flags = ["--http-max-body-bytes", "65536", "--http-max-header-bytes", "4096", "--http-header-timeout-ms", "700",
             "--http-body-timeout-ms", "700", "--http-idle-timeout-ms", "1500"]
    HEALTH = b"GET /_health HTTP/1.1\r\nHost: x\r\n\r\n"

    def status_of(self, data):
        return [r[0] for r in self.raw(data)]

    def test_keep_alive_and_close(self):
        with self.node.connect() as s, s.makefile("rb") as stream:
            for _ in range(3):
                s.sendall(self.HEALTH)
                status, fields, body = read_response(stream)
                self.assertEqual((status, body, fields.get("connection")), (200, b"OK\n", None))
            s.sendall(self.HEALTH.replace(b"Host: x", b"Host: x\r\nConnection: close"))
            self.assertEqual(read_response(stream)[1]["connection"], "close")
            self.assertEqual(stream.read(), b"")

    def test_http_1_0(self):
        with self.node.connect() as s, s.makefile("rb") as stream:
            s.sendall(b"GET /_health HTTP/1.0\r\n\r\n")
            self.assertEqual(read_response(stream)[0], 200)
            self.assertEqual(stream.read(), b"")
        with self.node.connect() as s, s.makefile("rb") as stream:
            for _ in range(2):
                s.sendall(b"GET /_health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                self.assertEqual(read_response(stream)[1]["connection"], "keep-alive")

    def test_head_has_no_body(self):
        data = b"HEAD /absent HTTP/1.1\r\nHost: x\r\n\r\n"
        with self.node.connect() as s, s.makefile("rb") as stream:
            s.sendall(data * 2)
            self.assertEqual([read_response(stream, head=True)[0] for _ in range(2)], [404, 404])

    def test_pipelined_requests_are_answered_in_order(self):
        name = self.index()
        data = b""
        for i in range(1, 201):
            body = json.dumps({"hashes": [i]}).encode()
            data += b"PUT /%s/%d HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (
                name.encode(), i, len(body)) + body
            data += b"GET /%s/%d HTTP/1.1\r\nHost: x\r\n\r\n" % (name.encode(), 1_000_000 + i)
            data += b"GET /_health HTTP/1.1\r\nHost: x\r\n\r\n"
        answers = self.raw(data)
        self.assertEqual([a[0] for a in answers], [200, 404, 200] * 200)
        self.assertEqual([a[2] for a in answers[:3]], [b"{}", b'{"error":"FingerprintNotFound"}', b"OK\n"])

    def test_a_connection_goes_on_behind_many_pipelined_requests(self):
        name = self.index()
        body = b'{"hashes": [1]}'
        put = (f"PUT /{name}/5 HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\n"
               f"Content-Length: {len(body)}\r\n\r\n").encode() + body
        # As long as the one before.
        delete = f"DELETE /{name}/5 HTTP/1.1\r\nHost: x\r\nX: ".encode()
        delete += b"x" * (len(put) - len(delete) - 4) + b"\r\n\r\n"
        with self.node.connect() as s, s.makefile("rb") as stream:
            # More than the node reads ahead of its answers; the next one when all have come.
            s.sendall(f"GET /{name}/9 HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 16 + put)
            self.assertEqual([read_response(stream)[0] for _ in range(17)], [404] * 16 + [200])
            s.sendall(delete)
            self.assertEqual(read_response(stream)[0], 200)
        self.assertEqual(self.call("GET", f"/{name}/5").status_code, 404)

    def test_expect_100_continue(self):
        name = self.index()
        head = ("POST /%s/_search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-Continue\r\n"
                % name).encode()
        with self.node.connect() as s, s.makefile("rb") as stream:
            for _ in range(2):
                s.sendall(head + b"Content-Length: 13\r\n\r\n")
                self.assertEqual(read_response(stream)[0], 100)
                s.sendall(b'{"query":[1]}')
                self.assertEqual(read_response(stream)[::2], (200, b'{"results":[]}'))
            # Too large: refused before it is sent.
            s.sendall(head + b"Content-Length: 70000\r\n\r\n")
            self.assertEqual(read_response(stream)[0], 413)
        self.assertEqual(self.status_of(head.replace(b"100-Continue", b"miracles") + b"Content-Length: 1\r\n\r\n1"), [417])

    def test_chunked_requests(self):
        name = self.index()
        head = ("POST /%s/_search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                "Transfer-Encoding: chunked\r\n\r\n" % name).encode()
        body = b'3;ext="1"\r\n{"q\r\n0a\r\nuery":[1]}\r\n0\r\nTrailer: x\r\n\r\n'
        with self.node.connect() as s, s.makefile("rb") as stream:
            for cut in range(1, len(body)):
                s.sendall(head + body[:cut])
                s.sendall(body[cut:])
                self.assertEqual(read_response(stream)[::2], (200, b'{"results":[]}'))
        self.assertEqual(self.status_of(head + b"zz\r\n"), [400])
        self.assertEqual(self.status_of(head + b"ffffffffffffffffff\r\n"), [400])
        self.assertEqual(self.status_of(head + (b"1000\r\n" + b" " * 4096 + b"\r\n") * 20), [413])

    def test_limits(self):
        name = self.index()
        r = self.http.post(self.node.url(f"/{name}/_search"), data=b" " * 65537, headers={"Content-Type": JSON})
        self.refused(r, 413, "PayloadTooLarge")
        r = self.http.post(self.node.url(f"/{name}/_search"), data=b" " * 200_000, headers={"Content-Type": MSGPACK})
        self.assertEqual((r.status_code, msgpack.unpackb(r.content)), (413, {"e": "PayloadTooLarge"}))
        padding = b" " * (65536 - 13)
        r = self.http.post(self.node.url(f"/{name}/_search"), data=b'{"query":[1]}' + padding,
                           headers={"Content-Type": JSON})
        self.assertEqual(r.status_code, 200)
        self.assertEqual(self.status_of(b"GET /_health HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 5000 + b"\r\n\r\n"), [431])
        self.assertEqual(self.status_of(b"GET /" + b"y" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"), [431])
        self.assertEqual(self.status_of(b"GET /_health HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 1000 + b"\r\n"), [431])

    def test_malformed_requests(self):
        post = b"POST /_health HTTP/1.1\r\nHost: x\r\n"
        for data, status in (
                (b"nonsense\r\n\r\n", 400), (b"GET /_health\r\n\r\n", 400), (b"GET  /_health HTTP/1.1\r\n\r\n", 400),
                (b"GET /_health HTTP/9.9\r\nHost: x\r\n\r\n", 400), (b"\x16\x03\x01\x02\x00\x01", None),
                (b"GET /_health HTTP/1.1\r\n\r\n", 400), (b"GET /_health HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
                (b"GET /_health HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
                (b"GET /_health HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n", 400),
                (b"GET /_health HTTP/1.1\r\nHost : x\r\n\r\n", 400),
                (post + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n11", 400),
                (post + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
                (post + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", 400),
                (post + b"Content-Length: -1\r\n\r\n", 400), (post + b"Content-Length: 1x\r\n\r\n1", 400),
                (post + b"Content-Length: 99999999999999999999999\r\n\r\n", 400),
                (post + b"Transfer-Encoding: gzip\r\n\r\n", 501), (post + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
                (b"POST /_health HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
                (b"BREW /_health HTTP/1.1\r\nHost: x\r\n\r\n", 501)):
            with self.subTest(data[:60]):
                answers = self.raw(data)
                self.assertEqual([a[0] for a in answers], [status] if status else answers and [400] or [])
                for a in answers:
                    self.assertEqual(a[1]["connection"], "close")
        # What follows a refused request is not taken for another one.
        self.assertEqual(self.status_of(post + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n1" + self.HEALTH), [400])

    def test_tolerated_requests(self):
        self.assertEqual(self.status_of(b"\r\n\r\n" + self.HEALTH + b"\r\n" + self.HEALTH), [200, 200])
        self.assertEqual(self.status_of(b"GET http://x:1/_health HTTP/1.1\r\nHost: x:1\r\n\r\n"), [200])
        self.assertEqual(self.status_of(b"get /_health HTTP/1.1\r\nHost: x\r\n\r\n"), [501])

    def test_slow_clients(self):
        name = self.index()
        slow = (b"POST /%s/_search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
                % name.encode())
        for start, drip in ((b"GET /_health HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n"), (slow, b" ")):
            # Drips until the server has had enough; an absolute limit ends that however steady the drip is.
            with self.node.connect() as s, s.makefile("rb") as stream:
                s.sendall(start)
                stop = threading.Event()

                def drip_on():
                    try:
                        while not stop.wait(0.05):
                            s.sendall(drip)
                    except OSError:
                        pass

                thread = threading.Thread(target=drip_on)
                thread.start()
                try:
                    self.assertEqual(read_response(stream)[0], 408)
                finally:
                    stop.set()
                    thread.join()

    def test_silent_clients_are_dropped(self):
        with self.node.connect() as s:
            self.assertEqual(s.recv(1), b"")
        with self.node.connect() as s, s.makefile("rb") as stream:
            s.sendall(self.HEALTH)
            self.assertEqual(read_response(stream)[0], 200)
            self.assertEqual(stream.read(), b"")

    def test_byte_by_byte(self):
        with self.node.connect() as s, s.makefile("rb") as stream:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for b in self.HEALTH:
                s.sendall(bytes([b]))
            self.assertEqual(read_response(stream)[0], 200)

    def test_clients_that_go_away(self):
        name = self.index()
        body = json.dumps({"query": list(range(2000)), "timeout": 0}).encode()
        head = b"POST /%s/_search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        for cut in (10, 60, 150, None):
            for _ in range(20):
                s = self.node.connect()
                s.sendall((head % (name.encode(), len(body)) + body)[:cut])
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                s.close()
        self.assertEqual(self.call("GET", "/_health").status_code, 200)


class Bounds(HttpTest):
    flags = ["--http-max-connections", "2", "--http-threads", "1"]

    def test_connections_beyond_the_bound(self):
        with self.node.connect() as a, self.node.connect() as b:
            for s in (a, b):
                s.sendall(Transport.HEALTH)
                with s.makefile("rb") as stream:
                    self.assertEqual(read_response(stream)[0], 200)
            with self.node.connect() as c, c.makefile("rb") as stream:
                status, fields, body = read_response(stream)
                self.assertEqual((status, json.loads(body)), (503, {"error": "Overloaded"}))
                self.assertEqual(fields["retry-after"], "1")


class Processes(NodeTest):
    def test_port_in_use(self):
        port = self.start().http_port
        code, said = self.start_refused("--port", port, data="other")
        self.assertEqual(code, 1)
        self.assertIn(f"cannot listen on 127.0.0.1:{port}", said)

    def test_port_off(self):
        node = self.start("--port", "off")
        self.assertEqual(node.stop(), 0)
        self.assertNotIn("HTTP", node.log())

    def test_stop_with_idle_and_half_sent_requests(self):
        node = self.start()
        with node.connect() as idle, node.connect() as half:
            idle.sendall(Transport.HEALTH)
            self.assertIn(b"200 OK", idle.recv(1000))
            half.sendall(b"GET /_health HTTP/1.1\r\nHost:")
            self.assertEqual(node.stop(), 0)

    def test_updates_in_flight_when_the_node_stops(self):
        node = self.start()
        base = node.url("/main")
        requests.put(base)
        acknowledged, first = [], threading.Event()

        def write(start):
            with requests.Session() as http:
                for i in range(start, start + 100_000):
                    try:
                        r = http.put(f"{base}/{i}", json={"hashes": [i]})
                    except requests.exceptions.RequestException:
                        return
                    if r.status_code != 200:
                        return
                    acknowledged.append(i)
                    if len(acknowledged) > 50:
                        first.set()

        threads = [threading.Thread(target=write, args=(1 + t * 1_000_000,)) for t in range(4)]
        for t in threads:
            t.start()
        self.assertTrue(first.wait(60))
        self.assertEqual(node.stop(), 0)
        for t in threads:
            t.join()
        node = self.start()
        node.wait_for("main: ready")
        with requests.Session() as http:
            for i in acknowledged:
                self.assertEqual(http.get(node.url(f"/main/{i}")).status_code, 200, i)

    def test_acknowledged_documents_survive_a_crash(self):
        node = self.start()
        requests.put(node.url("/main"))
        for i in range(1, 21):
            r = requests.put(node.url(f"/main/{i}"), json={"hashes": [i, 1000]})
            self.assertEqual(r.status_code, 200)
        node.kill()
        node = self.start()
        node.wait_for("main: ready")
        self.assertEqual(requests.get(node.url("/main")).json()["version"], 20)
        found = requests.post(node.url("/main/_search"), json={"query": [1000], "limit": 100}).json()["results"]
        self.assertEqual(len(found), 20)

    def test_failed_index(self):
        node = self.start()
        requests.put(node.url("/bad"))
        requests.put(node.url("/good"))
        node.stop()
        with open(node.data / "bad/v1/data/manifest.json", "r+b") as f:
            f.write(b"garbage")
        node = self.start()
        node.wait_for("bad: loading failed")
        base = node.url("/bad")
        r = requests.get(f"{base}/_health")
        self.assertEqual((r.status_code, r.content), (503, b"FAILED\n"))
        r = requests.post(f"{base}/_search", json={"query": [1]})
        self.assertEqual((r.status_code, r.json()["error"]), (503, "IndexFailed"))
        self.assertIn("manifest.json", r.json()["reason"])
        r = requests.get(base, headers={"Accept": MSGPACK})
        self.assertEqual((r.status_code, msgpack.unpackb(r.content)["e"]), (503, "IndexFailed"))
        self.assertIn("manifest.json", msgpack.unpackb(r.content)["r"])
        self.assertEqual(requests.head(base).status_code, 200)
        # It does not become ready by waiting, as 202 would promise.
        r = requests.put(base)
        self.assertEqual((r.status_code, r.json()["error"]), (503, "IndexFailed"))
        self.assertIn("manifest.json", r.json()["reason"])
        node.json("watch", "good")
        self.assertEqual(requests.get(node.url("/good/_health")).status_code, 200)
        self.assertEqual(requests.delete(base).json(), {"deleted": True})


if __name__ == "__main__":
    unittest.main()
