"""HTTP over TLS, with a certificate of a test authority."""

import http.client
import signal
import ssl
import subprocess
import unittest

import requests

from certificates import Authority
from support import BUILD, PATIENCE, NodeTest


class Tls(NodeTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder / "authority")
        self.authority.issue("node")
        self.context = self.strict_context()

    def strict_context(self):
        context = ssl.create_default_context(cafile=self.authority.certificate)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    def certificate_flags(self):
        folder = self.authority.folder
        return ["--http-tls", "on", "--tls-certificate", folder / "node.crt", "--tls-key", folder / "node.key"]

    def start_tls(self, *flags):
        return self.start(*self.certificate_flags(), *flags)

    def url(self, node, path):
        return f"https://127.0.0.1:{node.http_port}{path}"

    def session(self):
        session = requests.Session()
        # Not what the environment names.
        session.trust_env = False
        session.verify = str(self.authority.certificate)
        self.addCleanup(session.close)
        return session

    def connect_tls(self, node, context=None):
        return (context or self.context).wrap_socket(node.connect(), server_hostname="127.0.0.1")

    def assert_serves(self, node):
        self.assertEqual(self.session().get(self.url(node, "/_health"), timeout=PATIENCE).text, "OK\n")

    def subject(self, node):
        with self.connect_tls(node) as connection:
            return dict(pair for (pair,) in connection.getpeercert()["subject"])["commonName"]

    def test_writes_searches_big_bodies_and_snapshots(self):
        node = self.start_tls()
        session = self.session()
        self.assertEqual(session.put(self.url(node, "/music"), timeout=PATIENCE).status_code, 200)
        # A body of some megabytes, far beyond one record of TLS.
        changes = [{"insert": {"id": d, "hashes": [d * 1000 + h for h in range(1000)]}} for d in range(1, 501)]
        answer = session.post(self.url(node, "/music/_update"), json={"changes": changes}, timeout=PATIENCE)
        self.assertEqual(answer.status_code, 200)
        found = session.post(self.url(node, "/music/_search"), json={"query": list(range(7000, 8000))},
                             timeout=PATIENCE).json()
        self.assertEqual(found["results"][0]["id"], 7)
        snapshot = session.get(self.url(node, "/music/_snapshot"), timeout=PATIENCE).content
        self.assertGreater(len(snapshot), 100_000)
        self.assertEqual(session.get(self.url(node, "/music/_snapshot"), timeout=PATIENCE).content, snapshot)

    def test_a_check_of_the_configuration_reads_the_files(self):
        def check():
            done = subprocess.run([BUILD / "fpnode", *self.certificate_flags(), "--check-config"], capture_output=True,
                                  text=True, timeout=PATIENCE)
            return done.returncode, done.stderr

        self.assertEqual(check(), (0, ""))
        self.authority.issue("other")
        (self.authority.folder / "other.key").rename(self.authority.folder / "node.key")
        code, message = check()
        self.assertEqual(code, 2)
        self.assertRegex(message, r"^fpnode: tls_key: \S+node.key: the private key does not belong .*\n$")

    def test_keeps_connections_and_answers_pipelined_requests(self):
        node = self.start_tls()
        connection = http.client.HTTPSConnection("127.0.0.1", node.http_port, timeout=PATIENCE, context=self.context)
        self.addCleanup(connection.close)
        connection.connect()
        first = connection.sock
        for _ in range(5):
            connection.request("GET", "/_health")
            self.assertEqual(connection.getresponse().read(), b"OK\n")
            self.assertIs(connection.sock, first)
        request = b"GET /_health HTTP/1.1\r\nHost: x\r\n"
        with self.connect_tls(node) as tls:
            tls.sendall((request + b"\r\n") * 3 + request + b"Connection: close\r\n\r\n")
            text = tls.makefile("rb").read()
            self.assertEqual(text.count(b"HTTP/1.1 200 OK"), 4)
            # The end was said, not only cut.
            self.assertEqual(tls.pending(), 0)

    def test_the_end_of_an_answer_is_told_by_tls(self):
        node = self.start_tls()
        connection = self.context.wrap_socket(node.connect(), server_hostname="127.0.0.1",
                                              suppress_ragged_eofs=False)
        with connection:
            connection.sendall(b"GET /_health HTTP/1.0\r\n\r\n")
            text = b""
            while piece := connection.recv(4096):
                text += piece
            self.assertTrue(text.endswith(b"OK\n"))

    def test_old_versions_of_tls_are_refused(self):
        node = self.start_tls()
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        # Without this the client's own library would refuse already.
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionResetError)):
            self.connect_tls(node, old)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            fine = self.strict_context()
            fine.minimum_version = fine.maximum_version = version
            with self.connect_tls(node, fine) as connection:
                self.assertEqual(connection.version(), version.name.replace("_", "."))

    def test_what_is_no_handshake_is_cut(self):
        node = self.start_tls()
        for garbage in (b"GET /_health HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 100, b"\x16\x03\x01\x00\x05hello",
                        b"\x16\x03\x03\xff\xff" + b"x" * 70_000, bytes(range(256)) * 100):
            with self.subTest(garbage[:16]), node.connect() as connection:
                try:
                    connection.sendall(garbage)
                    said = connection.makefile("rb").read()
                except (ConnectionResetError, BrokenPipeError):
                    said = b""
                self.assertNotIn(b"HTTP", said)
        self.assert_serves(node)

    def test_a_handshake_has_as_long_as_a_header(self):
        node = self.start_tls("--http-header-timeout-ms", "300")
        silent, halfway = node.connect(), node.connect()
        self.addCleanup(silent.close)
        self.addCleanup(halfway.close)
        halfway.sendall(b"\x16\x03\x01\x02\x00\x01")
        # Both end without a word, as does who says nothing behind a handshake.
        self.assertEqual(silent.recv(1), b"")
        self.assertEqual(halfway.recv(100), b"")
        with self.connect_tls(node) as connection:
            self.assertEqual(connection.recv(100), b"")
        self.assert_serves(node)

    def test_stops_cleanly_with_connections_in_every_state(self):
        node = self.start_tls()
        silent = node.connect()
        self.addCleanup(silent.close)
        idle = self.connect_tls(node)
        self.addCleanup(idle.close)
        idle.sendall(b"GET /_health HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(idle.recv(4096).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(node.stop(), 0)

    def test_takes_new_certificates_and_refuses_broken_ones(self):
        node = self.start_tls()
        self.assertEqual(self.subject(node), "node")
        kept = self.connect_tls(node)
        self.addCleanup(kept.close)
        self.authority.issue("other")
        for ending in ("crt", "key"):
            (self.authority.folder / f"other.{ending}").replace(self.authority.folder / f"node.{ending}")
        node.process.send_signal(signal.SIGHUP)
        node.wait_for("certificate of HTTP read again")
        self.assertEqual(self.subject(node), "other")
        # A connection from before goes on.
        kept.sendall(b"GET /_health HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(kept.recv(4096).startswith(b"HTTP/1.1 200 "))
        (self.authority.folder / "node.crt").write_text("no certificate")
        node.process.send_signal(signal.SIGHUP)
        node.wait_for("tls_certificate: .*: going on with what was read before")
        self.assertEqual(self.subject(node), "other")

    def test_a_bad_certificate_keeps_the_node_from_starting(self):
        (self.authority.folder / "node.key").write_text("no key")
        code, log = self.start_refused(*self.certificate_flags())
        self.assertNotEqual(code, 0)
        self.assertIn("tls_key", log)
        code, log = self.start_refused("--http-tls", "on")
        self.assertNotEqual(code, 0)
        self.assertIn("tls_certificate", log)

    def test_tokens_go_with_it(self):
        tokens = self.folder / "tokens"
        tokens.write_text("read " + "r" * 16 + "\n")
        tokens.chmod(0o600)
        node = self.start_tls("--token-file", tokens)
        session = self.session()
        self.assertEqual(session.get(self.url(node, "/_metrics"), timeout=PATIENCE).status_code, 401)
        session.headers["Authorization"] = "Bearer " + "r" * 16
        self.assertEqual(session.get(self.url(node, "/_metrics"), timeout=PATIENCE).status_code, 200)


if __name__ == "__main__":
    unittest.main()
