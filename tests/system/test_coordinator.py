"""A node that orders changes: it answers as fpindex's coordinator, recorded, and keeps what it has acknowledged."""

import http.client
import json
import tempfile
import threading
import unittest

import support

RECORDED = [json.loads(line)
            for name in ("coordinator.jsonl", "replica_to_coordinator.jsonl")
            for line in (support.DATA / "fpindex" / name).read_text().splitlines()]
# These a node has of its own.
OF_NODES = ("/_health", "/nope")


def ask(port, method, path, body=b"", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=support.PATIENCE)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            if name not in ("Host", "Content-Length"):
                connection.putheader(name, value)
        if body or method in ("POST", "PUT"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read()
    finally:
        connection.close()


def position_moved(path, expected):
    """Metadata of two keys is the fifth change of main there, and the fifth and sixth here."""
    if path.startswith("/_changelog/main/1"):
        return (expected.replace(b"\x82\xa1i\x05\xa1c\x81\xa1s", b"\x82\xa1i\x06\xa1c\x81\xa1s")
                if expected.startswith(b"\x82") else expected.replace(b"\x81\xa1i\x05", b"\x81\xa1i\x06"))
    if path.startswith("/_bootstrap/main/1"):
        return expected.replace(b"\x81\xa1p\x05", b"\x81\xa1p\x06")
    return expected


class CoordinatorTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="fpnode-coordinator-")
        self.addCleanup(self.folder.cleanup)

    def start(self):
        node = support.Node(self.folder.name, "--coordinator")
        self.addCleanup(lambda: node.process.poll() is None and node.kill())
        return node

    def test_answers_byte_for_byte_as_fpindex(self):
        node = self.start()
        num_compared = 0
        for e in RECORDED:
            path = e["path"]
            if path in OF_NODES:
                continue
            sent = path.replace("/main/1?after=5", "/main/1?after=6")
            status, content_type, body = ask(node.http_port, e["method"], sent, bytes.fromhex(e["request_hex"]),
                                             e.get("headers"))
            expected = bytes.fromhex(e["response_hex"])
            with self.subTest(method=e["method"], path=path):
                self.assertEqual((status, content_type), (e["status"], e["content_type"]))
                self.assertIn(body, (expected, position_moved(path, expected)))
            num_compared += 1
        self.assertGreaterEqual(num_compared, 100)

    def test_keeps_what_it_has_acknowledged_when_it_is_killed(self):
        node = self.start()
        ask(node.http_port, "PUT", "/_index/main")
        acknowledged = []

        def write():
            # {c: [{d: {i: 7}}]}
            body = bytes.fromhex("81a1639181a16481a16907")
            try:
                while True:
                    status, _, answer = ask(node.http_port, "POST", "/_changelog/main/1", body)
                    if status != 200:
                        return
                    acknowledged.append(answer)
            except (OSError, http.client.HTTPException):
                return

        for _ in range(3):
            before = len(acknowledged)
            writers = [threading.Thread(target=write) for _ in range(4)]
            for w in writers:
                w.start()
            while len(acknowledged) < before + 50 and any(w.is_alive() for w in writers):
                writers[0].join(0.01)
            node.kill()
            for w in writers:
                w.join(support.PATIENCE)
            self.assertGreaterEqual(len(acknowledged), before + 50)
            node = self.start()
            # An append of nothing tells the newest position.
            _, _, newest = ask(node.http_port, "POST", "/_changelog/main/1", bytes.fromhex("81a16390"))
            self.assertEqual(len(set(acknowledged)), len(acknowledged), "a position was given twice")
            value = int.from_bytes(newest[3:].lstrip(b"\xcc\xcd\xce"), "big")
            self.assertGreaterEqual(value, len(acknowledged))
            self.assertLessEqual(value, len(acknowledged) + 4 * 3)
        self.assertEqual(node.stop(), 0)


if __name__ == "__main__":
    unittest.main()
