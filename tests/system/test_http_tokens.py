"""Bearer tokens over HTTP: who may do what, and how the token file is read."""

import os
import signal
import subprocess
import unittest

import requests

from support import BUILD, PATIENCE, NodeTest

READER, WRITER, ADMIN = "r" * 16, "w" * 20 + "==", "a" * 32
TOKENS = f"# who may do what\n\nread {READER}\nwrite {WRITER}\nadmin {ADMIN}\n"


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


class Tokens(NodeTest):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "tokens"
        self.write(TOKENS)

    def write(self, text):
        self.file.write_text(text)
        self.file.chmod(0o600)

    def ask(self, node, method, path, token=None, **more):
        headers = {**(bearer(token) if token else {}), **more.pop("headers", {})}
        return requests.request(method, node.url(path), headers=headers, timeout=PATIENCE, **more)

    def test_each_role_may_do_what_is_its_own(self):
        node = self.start("--token-file", self.file)
        update = {"changes": [{"insert": {"id": 1, "hashes": [1, 2, 3]}}]}
        for method, path, body, least in [
                ("PUT", "/music", {}, ADMIN), ("POST", "/music/_update", update, WRITER),
                ("PUT", "/music/2", {"hashes": [1, 2]}, WRITER), ("GET", "/music", None, READER),
                ("HEAD", "/music", None, READER), ("GET", "/music/2", None, READER),
                ("POST", "/music/_search", {"query": [1, 2, 3]}, READER), ("GET", "/music/_health", None, READER),
                ("GET", "/music/_status", None, READER), ("GET", "/music/_segments", None, READER),
                ("GET", "/music/_history", None, READER), ("GET", "/_metrics", None, READER),
                ("GET", "/_page/overview", None, READER), ("GET", "/music/_snapshot", None, ADMIN),
                ("DELETE", "/music/2", None, WRITER), ("DELETE", "/music", None, ADMIN)]:
            with self.subTest(f"{method} {path}"):
                tokens = [READER, WRITER, ADMIN]
                for token in [None, "x" * 16] + tokens[:tokens.index(least)] + [least]:
                    answer = self.ask(node, method, path, token, json=body)
                    expected = 401 if token not in tokens else 200 if token == least else 403
                    self.assertEqual(answer.status_code, expected)
                    self.assertEqual(answer.headers.get("WWW-Authenticate"), "Bearer" if expected == 401 else None)
                    if expected != 200 and method != "HEAD":
                        self.assertEqual(answer.json(), {"error": "Unauthorized" if expected == 401 else "Forbidden"})
        for path in ("/_health", "/", "/_page/page.js"):
            self.assertEqual(self.ask(node, "GET", path).status_code, 200)
        metrics = self.ask(node, "GET", "/_metrics", READER).text
        self.assertIn('status="401"', metrics)
        self.assertIn('status="403"', metrics)
        for token in (READER, WRITER, ADMIN, "x" * 16):
            self.assertNotIn(token, metrics)
            self.assertNotIn(token, node.log())

    def test_errors_come_in_the_format_that_is_asked_for(self):
        node = self.start("--token-file", self.file)
        answer = self.ask(node, "GET", "/music", headers={"Accept": "application/vnd.msgpack"})
        self.assertEqual(answer.status_code, 401)
        self.assertEqual(answer.content, b"\x81\xa1e\xacUnauthorized")

    def test_other_schemes_and_two_fields_are_no_way_in(self):
        node = self.start("--token-file", self.file)
        for value in ("Bearer", "Bearer ", f"Basic {READER}", READER, f"Bearer {READER} {READER}",
                      f"Bearer {READER}x", f"Bearer {READER[:-1]}"):
            with self.subTest(value):
                self.assertEqual(self.ask(node, "GET", "/_metrics", headers={"Authorization": value}).status_code, 401)
        self.assertEqual(self.ask(node, "GET", "/_metrics", headers={"Authorization": f"bearer  {READER}"}).status_code, 200)
        field = f"Authorization: Bearer {READER}\r\n"
        with node.connect() as connection:
            connection.sendall(f"GET /_metrics HTTP/1.1\r\nHost: x\r\n{field}{field}\r\n".encode())
            self.assertTrue(connection.makefile("rb").readline().startswith(b"HTTP/1.1 400 "))

    def test_who_may_not_write_is_told_so_before_sending_anything(self):
        node = self.start("--token-file", self.file)
        for fields, status in (("", 401), (f"Authorization: Bearer {READER}\r\n", 403)):
            for more in ("", "Expect: 100-continue\r\n"):
                with self.subTest(fields + more), node.connect() as connection:
                    connection.settimeout(PATIENCE)
                    connection.sendall(f"POST /music/_update HTTP/1.1\r\nHost: x\r\n{fields}{more}"
                                       "Content-Length: 10000000\r\n\r\n".encode())
                    answer = connection.makefile("rb").read()
                    self.assertTrue(answer.startswith(f"HTTP/1.1 {status} ".encode()), answer)
                    self.assertIn(b"\r\nConnection: close\r\n", answer)
        # A small body does not cost the connection.
        with requests.Session() as session:
            session.trust_env = False
            for token, status in ((READER, 403), (ADMIN, 200)) * 2:
                answer = session.put(node.url("/music"), json={}, headers=bearer(token), timeout=PATIENCE)
                self.assertEqual(answer.status_code, status)
                self.assertNotIn("Connection", answer.headers)

    def test_a_changed_file_counts_from_a_hangup_on(self):
        node = self.start("--token-file", self.file)
        fresh = "n" * 16
        self.write(f"read {fresh}\n")
        self.assertEqual(self.ask(node, "GET", "/_metrics", fresh).status_code, 401)
        node.process.send_signal(signal.SIGHUP)
        node.wait_for("token file read again: 1 token")
        self.assertEqual(self.ask(node, "GET", "/_metrics", fresh).status_code, 200)
        self.assertEqual(self.ask(node, "GET", "/_metrics", READER).status_code, 401)
        self.write(f"read {READER}\nroot {READER}\n")
        node.process.send_signal(signal.SIGHUP)
        node.wait_for("line 2: the role is not .*: going on with what was read before")
        self.assertEqual(self.ask(node, "GET", "/_metrics", fresh).status_code, 200)
        self.assertEqual(self.ask(node, "GET", "/_metrics", READER).status_code, 401)
        self.assertNotIn(READER, node.log())

    def test_a_check_of_the_configuration_reads_the_file(self):
        def check(*flags):
            done = subprocess.run([BUILD / "fpnode", "--token-file", self.file, *flags, "--check-config"],
                                  capture_output=True, text=True, timeout=PATIENCE)
            return done.returncode, done.stderr

        self.assertEqual(check(), (0, ""))
        self.write(f"root {READER}\n")
        code, message = check()
        self.assertEqual(code, 2)
        self.assertRegex(message, r"^fpnode: token_file: \S+tokens: line 1: the role .*\n$")
        # Nobody would read it.
        self.assertEqual(check("--port", "off"), (0, ""))
        self.file.unlink()
        self.assertEqual(check()[0], 2)

    def test_a_bad_file_keeps_the_node_from_starting(self):
        for text, words in {f"root {READER}\n": "line 1: the role", f"read {READER}\nread short\n": "line 2: .*shorter",
                            f"read {READER}\n\nwrite {READER}\n": "line 3: .*twice", "#\n": "no token"}.items():
            with self.subTest(text):
                self.write(text)
                code, log = self.start_refused("--token-file", self.file)
                self.assertEqual(code, 2)
                self.assertRegex(log, words)
                self.assertIn(str(self.file), log)
                self.assertNotIn(READER, log)
        self.write(TOKENS)
        os.chmod(self.file, 0o640)
        code, log = self.start_refused("--token-file", self.file)
        self.assertEqual(code, 2)
        self.assertIn("others than its owner", log)
        code, log = self.start_refused("--token-file", self.folder / "missing")
        self.assertEqual(code, 2)
        self.assertIn("missing", log)


if __name__ == "__main__":
    unittest.main()
