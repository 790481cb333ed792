"""Remote actors by mutual TLS: who has the right certificates works with the node, everybody else gets a clear error,
and the node goes on serving."""

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import unittest

from certificates import Authority
from support import BUILD, PATIENCE, NodeTest, run_ctl

UNREACHABLE = 3


@unittest.skipUnless(shutil.which("openssl"), "needs openssl")
class TlsTest(NodeTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder / "authority")
        # What the node reads; tests put other files there.
        self.certificate, self.key = self.folder / "node.crt", self.folder / "node.key"
        self.install(*self.authority.issue("node"))
        self.client = self.authority.issue("client")

    def install(self, certificate, key):
        shutil.copy(certificate, self.certificate)
        shutil.copy(key, self.key)

    def node_flags(self, **other):
        files = {"certificate": self.certificate, "key": self.key, "ca": self.authority.certificate, **other}
        return ["--caf-tls", "on", *(part for name, file in files.items() for part in (f"--tls-{name}", file))]

    def start_tls(self, *flags):
        return self.start(*self.node_flags(), *flags)

    def client_flags(self, client=None, authority=None):
        certificate, key = client or self.client
        return ["--tls-certificate", certificate, "--tls-key", key,
                "--tls-ca", (authority or self.authority).certificate]

    def ctl(self, node, *arguments, flags=None, check=0):
        done = run_ctl(node.port, *(self.client_flags() if flags is None else flags), *arguments)
        self.assertEqual(done.returncode, check, f"{done.stdout}{done.stderr}\n{node.log()}")
        return done

    def assert_refused(self, node, flags, *, timeout=10):
        """A client with those flags gets one line that names the node, and the node serves others as before."""
        done = self.ctl(node, "--timeout", timeout, "index", "list", flags=flags, check=UNREACHABLE)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(f"127.0.0.1:{node.port}", done.stderr)
        self.ctl(node, "status")
        return done.stderr


class Service(TlsTest):
    def test_everything_works_and_a_restart_too(self):
        node = self.start_tls()
        self.assertIn("remote actors must show a certificate", node.log())
        self.ctl(node, "index", "create", "music")
        lines = self.folder / "lines.txt"
        lines.write_text("".join(f"{i}|{i},{i + 1000},{i + 2000}\n" for i in range(1, 200)))
        self.ctl(node, "ingest", "music", lines, "--checkpoint")
        self.assertEqual(node.stop(), 0)
        node = self.start_tls()
        self.ctl(node, "watch", "music")
        found = self.ctl(node, "--json", "search", "music", "7,1007,2007").stdout
        self.assertIn('"id": 7', found)
        self.assertEqual(node.stop(), 0)

    def test_a_certificate_file_with_that_of_the_authority(self):
        self.certificate.write_text(self.certificate.read_text() + self.authority.certificate.read_text())
        self.ctl(self.start_tls(), "status")

    def test_other_addresses_are_served_by_tls(self):
        node = self.start_tls("--caf-host", "0.0.0.0")
        self.ctl(node, "status")


class Strangers(TlsTest):
    def test_a_certificate_of_another_authority(self):
        node = self.start_tls()
        other = Authority(self.folder / "other", "other")
        certificate, key = other.issue("client")
        both = self.folder / "both.crt"
        both.write_text(other.certificate.read_text() + self.authority.certificate.read_text())
        # The client trusts the node, which does not trust it.
        self.assert_refused(node, ["--tls-certificate", certificate, "--tls-key", key, "--tls-ca", both])

    def test_a_node_of_another_authority(self):
        other = Authority(self.folder / "other", "other")
        both = self.folder / "both.crt"
        both.write_text(other.certificate.read_text() + self.authority.certificate.read_text())
        node = self.start(*self.node_flags(ca=both))
        certificate, key = other.issue("client")
        # The node trusts the client, which does not trust it.
        self.assert_refused(node, ["--tls-certificate", certificate, "--tls-key", key, "--tls-ca", other.certificate])

    def test_a_client_whose_own_certificate_is_of_another_authority(self):
        node = self.start_tls()
        other = Authority(self.folder / "other", "other")
        done = self.ctl(node, "status", flags=self.client_flags(authority=other), check=1)
        self.assertIn("--tls-certificate: ", done.stderr)
        self.ctl(node, "status")

    def test_a_client_without_tls(self):
        node = self.start_tls()
        self.assertIn("TLS is spoken there", self.assert_refused(node, [], timeout=1))

    def test_a_client_with_tls_at_a_node_without(self):
        node = self.start("--caf-port", "0")
        done = run_ctl(node.port, *self.client_flags(), "--timeout", 1, "status")
        self.assertEqual(done.returncode, UNREACHABLE)
        self.assertIn("no TLS is spoken there", done.stderr)

    def test_other_ports_of_the_node_are_named(self):
        node = self.start("--port", "0", "--legacy-port", "any")
        for port, words in ((node.http_port, "an HTTP server answers there"), (node.line_port, "the line protocol")):
            done = run_ctl(port, "--timeout", 1, "status")
            self.assertEqual(done.returncode, UNREACHABLE)
            self.assertIn(words, done.stderr)
            self.assertNotIn("protocol version", done.stderr)

    def test_a_client_without_a_certificate(self):
        node = self.start_tls()
        self.handshake_fails(node)
        self.ctl(node, "status")

    def test_an_expired_certificate_of_a_client(self):
        node = self.start_tls()
        certificate, key = self.authority.issue("late", end="20210101000000Z")
        self.handshake_fails(node, certificate, key)
        done = self.ctl(node, "status", flags=self.client_flags((certificate, key)), check=1)
        self.assertRegex(done.stderr, r"^fpctl: --tls-certificate: \S+late.crt: .* expired on Jan  1 .* 2021")
        self.ctl(node, "status")

    def test_a_certificate_for_servers_alone_opens_nothing(self):
        node = self.start_tls()
        certificate, key = self.authority.issue("server", usage="serverAuth")
        self.handshake_fails(node, certificate, key)
        self.ctl(node, "status")

    def handshake_fails(self, node, certificate=None, key=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.authority.certificate)
        if certificate:
            context.load_cert_chain(certificate, key)
        with socket.create_connection(("127.0.0.1", node.port), PATIENCE) as plain, self.assertRaises(OSError):
            # The client's part is over before the node has seen its certificate.
            with context.wrap_socket(plain) as wrapped:
                if not wrapped.recv(1):
                    raise ConnectionError("closed")

    def test_noise(self):
        node = self.start_tls()
        for bytes_sent in b"", b"\0" * 64, b"\x16\x03\x01\xff\xff" + b"\xff" * 64, b"GET / HTTP/1.1\r\n\r\n":
            with socket.create_connection(("127.0.0.1", node.port), PATIENCE) as connection:
                connection.sendall(bytes_sent)
        self.ctl(node, "status")

    def test_a_client_with_tls_at_a_port_without(self):
        node = self.start()
        done = run_ctl(node.port, *self.client_flags(), "--timeout", 5, "status")
        self.assertEqual(done.returncode, UNREACHABLE, done.stderr)
        self.assertIn(f"127.0.0.1:{node.port}", done.stderr)
        node.ctl("status")


class Files(TlsTest):
    """Wrong files are found before anything is served or sent."""

    def refusal(self, *flags, code=2, **files):
        done = subprocess.run([BUILD / "fpnode", "--dir", self.folder / "data", *self.node_flags(**files), *flags,
                               "--check-config"], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stderr

    def test_right_files(self):
        done = subprocess.run([BUILD / "fpnode", *self.node_flags(), "--check-config"], capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_a_file_of_settings_and_flags_that_name_the_files(self):
        settings = self.folder / "fpnode.json"
        settings.write_text('{"caf_tls": true, "caf_host": "0.0.0.0"}')
        done = subprocess.run([BUILD / "fpnode", "--config", settings, *self.node_flags()[2:], "--check-config"],
                              capture_output=True, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        done = subprocess.run([BUILD / "fpnode", "--config", settings, "--check-config"], capture_output=True,
                              text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr, "fpnode: tls_certificate: found no file, needed by caf_tls\n")

    def test_a_start_is_refused_as_a_check_is(self):
        self.certificate.unlink()
        code, log = self.start_refused(*self.node_flags())
        self.assertEqual(code, 2)
        self.assertIn("fpnode: tls_certificate: ", log)
        self.assertFalse((self.folder / "data").exists())

    def test_missing(self):
        for name, label in ("certificate", "tls_certificate"), ("key", "tls_key"), ("ca", "tls_ca"):
            message = self.refusal(**{name: self.folder / "absent"})
            self.assertIn(f"fpnode: {label}: ", message)
            self.assertIn(str(self.folder / "absent"), message)

    def test_no_pem(self):
        noise = self.folder / "noise"
        noise.write_bytes(os.urandom(500))
        for name, wanted in ("certificate", "no certificate"), ("key", "no private key"), ("ca", "no certificate"):
            noise.chmod(0o600)
            self.assertIn(f"tls_{name}: {noise}: {wanted}", self.refusal(**{name: noise}))

    def test_damaged(self):
        lines = self.certificate.read_text().splitlines()
        lines[3] = lines[3][::-1]
        self.certificate.write_text("\n".join(lines))
        self.assertIn(f"tls_certificate: {self.certificate}: ", self.refusal())

    def test_swapped(self):
        self.key.chmod(0o600)
        self.assertIn(f"tls_certificate: {self.key}: no certificate",
                      self.refusal(certificate=self.key, key=self.certificate))

    def test_a_key_of_another_certificate(self):
        self.assertIn(f"tls_key: {self.client[1]}: the private key does not belong to the certificate in "
                      f"{self.certificate}", self.refusal(key=self.client[1]))

    def test_a_key_with_a_passphrase(self):
        locked = self.folder / "locked.key"
        subprocess.run(["openssl", "ec", "-aes256", "-passout", "pass:secret", "-in", self.key, "-out", locked],
                       check=True, capture_output=True)
        locked.chmod(0o600)
        self.assertIn(f"tls_key: {locked}: the key has a passphrase", self.refusal(key=locked))

    def test_a_key_open_to_others(self):
        self.key.chmod(0o644)
        self.assertIn(f"tls_key: {self.key}: other users", self.refusal())

    def test_dates(self):
        for name, times, wanted in (("late", {"end": "20210101000000Z"}, "expired on Jan  1 00:00:00 2021 GMT"),
                                    ("early", {"start": "20480101000000Z"}, "valid only from Jan  1 00:00:00 2048")):
            certificate, key = self.authority.issue(name, **times)
            message = self.refusal(certificate=certificate, key=key)
            self.assertIn(f"tls_certificate: {certificate}: ", message)
            self.assertIn(wanted, message)

    def test_another_authority(self):
        other = Authority(self.folder / "other", "other")
        message = self.refusal(ca=other.certificate)
        self.assertIn(f"tls_certificate: {self.certificate}: ", message)
        self.assertIn(str(other.certificate), message)

    def test_a_certificate_for_clients_alone(self):
        certificate, key = self.authority.issue("client_only", usage="clientAuth")
        self.assertIn("for a server", self.refusal(certificate=certificate, key=key))

    def test_flags_of_a_client_belong_together(self):
        done = run_ctl(1, "--tls-key", self.key, "status")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--tls-certificate", done.stderr)

    def test_files_of_a_client_are_checked_before_it_connects(self):
        flags = self.client_flags((self.folder / "absent", self.client[1]))
        done = run_ctl(1, *flags, "status")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--tls-certificate: ", done.stderr)
        self.assertIn(str(self.folder / "absent"), done.stderr)


class Rotation(TlsTest):
    def serial(self, node):
        """The serial number of the certificate that the node shows."""
        with socket.create_connection(("127.0.0.1", node.port), PATIENCE) as plain:
            with self.wrap(plain) as wrapped:
                return wrapped.getpeercert()["serialNumber"]

    def wrap(self, plain):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.authority.certificate)
        context.load_cert_chain(*self.client)
        return context.wrap_socket(plain)

    def end_without_a_word(self, node):
        """Shakes hands and closes without the message that TLS has for that, which OpenSSL counts as an error."""
        wrapped = self.wrap(socket.create_connection(("127.0.0.1", node.port), PATIENCE))
        wrapped.recv(1)
        with socket.socket(fileno=wrapped.detach()) as plain:
            plain.settimeout(PATIENCE)
            plain.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                while plain.recv(4096):
                    pass

    def start_ingest(self, node):
        """A program that writes each line of its input as a commit, over one connection."""
        writer = subprocess.Popen([BUILD / "fpctl", "--port", str(node.port), *map(str, self.client_flags()), "ingest",
                                   "music", "-", "--batch", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
        self.addCleanup(writer.stdout.close)
        return writer

    def hang_up(self, node, pattern):
        node.process.send_signal(signal.SIGHUP)
        return node.wait_for(pattern)

    def test_new_files_hold_for_new_connections_and_old_ones_go_on(self):
        node = self.start_tls()
        self.ctl(node, "index", "create", "music")
        before = self.serial(node)
        writer = self.start_ingest(node)
        writer.stdin.write("1|10,20,30\n")
        writer.stdin.flush()
        self.install(*self.authority.issue("next"))
        self.hang_up(node, "TLS files read again: the certificate expires on Jan  1 00:00:00 2049 GMT")
        self.assertNotEqual(self.serial(node), before)
        writer.stdin.write("2|10,20,31\n")
        writer.stdin.close()
        self.assertEqual(writer.wait(PATIENCE), 0, writer.stdout.read())
        self.assertIn('"id": 2', self.ctl(node, "--json", "search", "music", "10,20,31").stdout)

    def test_what_goes_wrong_with_one_peer_is_not_held_against_another(self):
        node = self.start_tls()
        self.ctl(node, "index", "create", "music")
        writer = self.start_ingest(node)
        for document in range(1, 41):
            writer.stdin.write(f"{document}|10,20,{document + 30}\n")
            writer.stdin.flush()
            self.end_without_a_word(node)
        writer.stdin.close()
        self.assertEqual(writer.wait(PATIENCE), 0, writer.stdout.read())
        self.assertIn('"id": 40', self.ctl(node, "--json", "search", "music", "10,20,70").stdout)

    def test_wrong_files_are_refused_and_the_old_ones_stay(self):
        node = self.start_tls()
        before = self.serial(node)
        shutil.copy(self.authority.issue("next")[0], self.certificate)  # without its key
        self.hang_up(node, "error TLS files not replaced, those read before stay in use: tls_key: .*does not belong")
        self.assertEqual(self.serial(node), before)
        self.ctl(node, "status")

    def test_files_may_be_gone_while_the_node_runs(self):
        node = self.start_tls()
        before = self.serial(node)
        self.certificate.unlink()
        self.key.unlink()
        self.assertEqual(self.serial(node), before)
        self.hang_up(node, "error TLS files not replaced.*tls_certificate")
        self.ctl(node, "status")

    def test_the_key_is_not_kept_open(self):
        node = self.start_tls()
        self.ctl(node, "status")
        self.assertEqual([f for f in node.open_files() if "node.key" in f], [])


if __name__ == "__main__":
    unittest.main()
