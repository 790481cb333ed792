"""Members of an index in slices that talk to each other by mutual TLS: they answer as one, and whom they cannot trust
they do not ask."""

import os
import shutil
import signal
import unittest

from certificates import Authority
from slices_support import SlicesTest
from support import PATIENCE, free_ports

DOCUMENTS = 60


@unittest.skipUnless(shutil.which("openssl"), "needs openssl")
class SlicesTls(SlicesTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder / "authority")
        certificate, key = self.authority.issue("client")
        for name, file in ("CERTIFICATE", certificate), ("KEY", key), ("CA", self.authority.certificate):
            os.environ["FPCTL_TLS_" + name] = str(file)
            self.addCleanup(os.environ.pop, "FPCTL_TLS_" + name)

    def tls_flags(self, name, authority=None, trusted=None):
        authority = authority or self.authority
        certificate, key = authority.issue(name)
        return ["--caf-tls", "on", "--tls-certificate", certificate, "--tls-key", key, "--tls-ca",
                trusted or authority.certificate]

    def start_trusted(self, *slices, more=0):
        """Members in slices by TLS; the ports of the last ones are left to others."""
        self.assertEqual(self.http.put(self.whole.url("/main"), timeout=PATIENCE).status_code, 200)
        self.ports = free_ports(len(slices) + more)
        self.members = [self.start_member(i, part, flags=self.tls_flags(f"m{i}")) for i, part in enumerate(slices)]
        return self.members

    def fill(self):
        """Every document is written at another member."""
        for d in range(1, DOCUMENTS + 1):
            hashes = [self.draw.randrange(200) for _ in range(40)]
            at = self.update(self.members[d % len(self.members)], [{"insert": {"id": d, "hashes": hashes}}])
        return at

    def assert_all_is_found(self, nodes, at, rounds=5):
        for node in nodes:
            for _ in range(rounds):
                query = [self.draw.randrange(200) for _ in range(30)]
                self.assert_answers_as_whole(node, query, at, limit=100)
            for document in range(1, DOCUMENTS + 2):
                answer = self.http.get(node.url(f"/main/{document}?min_version={at}"), timeout=PATIENCE)
                self.assertEqual(answer.status_code, 200 if document <= DOCUMENTS else 404, answer.text)

    def expect_not_asked(self, node, number, why):
        """By the status and the log of one member for another."""
        def find(status):
            return next((m for m in status["members"] if m["address"] == self.address(number)), {"failure": ""})
        # What it says before the other one listens is another thing.
        shown = self.wait_for_status(node, lambda s: why in find(s)["failure"])
        node.wait_for(f"warning main: member {self.address(number)} is not asked: .*{why}")
        return find(shown)

    def expect_strangers(self, members, stranger, why):
        """Members that answer as one without another one, which cannot ask them."""
        for node in members:
            self.wait_for_status(node, lambda s: not s["fault"])
        at = self.fill()
        for node in members:
            self.assertEqual(self.expect_not_asked(node, 2, why)["state"], "unknown")
            self.assert_all_is_found([node], at)
            self.assertEqual(self.expect_not_asked(node, 2, why)["asked"], 0)
        answer = self.search(stranger, [1], at)
        self.assertEqual((answer.status_code, answer.json()["error"]), (503, "SliceUnavailable"), answer.text)

    def test_members_answer_as_one(self):
        members = self.start_trusted("1/3", "2/3", "3/3")
        for node in members:
            self.assertIn("remote actors must show a certificate", node.log())
            self.wait_until_whole(node)
        at = self.fill()
        self.assert_all_is_found(members, at)
        members[1].stop()
        members[1] = self.start_member(1, "2/3", flags=self.tls_flags("m1"))
        for node in members:
            self.wait_until_whole(node)
        self.assert_all_is_found(members, at)

    def test_a_certificate_of_another_authority(self):
        members = self.start_trusted("1/2", "2/2", more=1)
        other = Authority(self.folder / "other", "other")
        both = self.folder / "both.crt"
        both.write_text(other.certificate.read_text() + self.authority.certificate.read_text())
        stranger = self.start_member(2, "1/2", flags=self.tls_flags("m2", other, both))
        self.expect_strangers(members, stranger, "one of the two does not trust the other's certificate")
        # It trusts them, and they say no to it.
        stranger.wait_for(f"member {self.address(0)} is not asked: .* does not trust the other's certificate")

    def test_a_member_without_tls(self):
        members = self.start_trusted("1/2", "2/2", more=1)
        stranger = self.start_member(2, "1/2")
        self.expect_strangers(members, stranger, "it speaks no TLS")
        stranger.wait_for(f"member {self.address(0)} is not asked: .* it wants TLS")

    def test_a_frozen_member_holds_nobody_up(self):
        members = self.start_trusted("1/2", "2/2", "2/2")
        for node in members:
            self.wait_until_whole(node)
        at = self.fill()
        self.assert_all_is_found(members, at)
        members[2].process.send_signal(signal.SIGSTOP)
        self.assert_all_is_found(members[:2], at)
        for node in members[:2]:
            self.expect_not_asked(node, 2, "no answer within")
        at = self.update(members[0], [{"insert": {"id": DOCUMENTS, "hashes": [1, 2, 3]}}])
        self.assert_all_is_found(members[:2], at)
        members[2].process.send_signal(signal.SIGCONT)
        for node in members:
            self.wait_until_whole(node)
        self.assert_all_is_found(members, at)


if __name__ == "__main__":
    unittest.main()
