"""Several nodes that hold one index: a node that orders changes, and others that follow it."""

import random
import shutil
import socket
import threading
import unittest

import requests

from certificates import Authority
from http_server import QuietHandler, serve
from line_client import LineClient
from support import PATIENCE, NodeTest

# Segments stay as checkpoints have made them.
AT_REST = ["--checkpoint-age-ms", "0", "--idle-merge-after-ms", "0", "--segments-per-level", "64",
           "--max-dead-share", "100"]


def fingerprint(document, version=0):
    """Hashes that only this version of this document has."""
    draw = random.Random(document * 1000 + version)
    return [draw.getrandbits(32) for _ in range(30)]


class Link:
    """Passes connections on to a node, and calls `on_cut` before it ends one in the middle of what the node sends."""

    def __init__(self, port, cut_after=None, on_cut=None):
        self.port, self.cut_after, self.on_cut = port, cut_after, on_cut
        self.sent = []  # bytes of the node's, by connection
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            node = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        except OSError:
            client.close()
            return
        number = len(self.sent)
        self.sent.append(0)
        threading.Thread(target=self._pass_on, args=(client, node), daemon=True).start()
        while piece := node.recv(1 << 14):
            client.sendall(piece)
            self.sent[number] += len(piece)
            if self.cut_after and self.sent[number] >= self.cut_after:
                self.on_cut()
                break
        for end in (node, client):
            # It is read from in another thread.
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    @staticmethod
    def _pass_on(client, node):
        try:
            while piece := client.recv(1 << 14):
                node.sendall(piece)
        except OSError:
            pass


class Replication(NodeTest):
    def setUp(self):
        super().setUp()
        self.http = requests.Session()
        self.addCleanup(self.http.close)
        self.coordinator = self.start("--coordinator", "--changelog-poll-ms", "20", data="coordinator")

    def follow(self, data, *flags, peers=()):
        if peers:
            flags += ("--peers", ",".join(p.url() for p in peers))
        return self.start("--coordinator-url", self.coordinator.url(), "--changelog-poll-ms", "20", *flags, data=data)

    def create(self, node, index="main"):
        answer = self.http.put(node.url(f"/{index}"), timeout=PATIENCE)
        self.assertEqual(answer.status_code, 200, answer.text)
        return answer.json()

    def write(self, node, documents, version=0, index="main"):
        changes = [{"insert": {"id": d, "hashes": fingerprint(d, version)}} for d in documents]
        answer = self.http.post(node.url(f"/{index}/_update"), json={"changes": changes}, timeout=PATIENCE)
        self.assertEqual(answer.status_code, 200, answer.text)
        return answer.json()["version"]

    def search(self, node, document, at, version=0, index="main"):
        answer = self.http.post(node.url(f"/{index}/_search?min_version={at}"),
                                json={"query": fingerprint(document, version), "timeout": 10000}, timeout=PATIENCE)
        self.assertEqual(answer.status_code, 200, answer.text)
        return [r["id"] for r in answer.json()["results"]]

    def followed(self, *nodes, index="main"):
        """The nodes, when each has the index and all that the changelog held."""
        for node in nodes:
            node.wait_for(rf"{index}: follows")
        return nodes

    def check(self, node, documents, at):
        missing = [d for d in documents if self.search(node, d, at) != [d]]
        self.assertEqual(missing, [])

    def test_every_node_takes_writes_and_all_have_them(self):
        a, b = self.follow("a"), self.follow("b")
        nodes = [self.coordinator, a, b]
        generation = self.create(a)["generation"]
        self.followed(*nodes)
        versions = [self.write(node, [i]) for i, node in enumerate(nodes, start=1)]
        self.assertEqual(versions, [1, 2, 3])
        for node in nodes:
            self.check(node, [1, 2, 3], 3)
            status = self.http.get(node.url("/main/_status"), timeout=PATIENCE).json()
            self.assertEqual((status["generation"], status["version"]), (generation, 3))
            self.assertEqual(status["replica"]["state"], "following")
        mismatch = self.http.post(b.url("/main/_update"), json={"changes": [], "expected_version": 1}, timeout=PATIENCE)
        self.assertIn(mismatch.status_code, (400, 409))
        changes = [{"delete": {"id": 1}}]
        refused = self.http.post(b.url("/main/_update"), json={"changes": changes, "expected_version": 1},
                                 timeout=PATIENCE)
        self.assertEqual((refused.status_code, refused.json()["error"]), (409, "VersionMismatch"))
        taken = self.http.post(b.url("/main/_update"), json={"changes": changes, "expected_version": 3},
                               timeout=PATIENCE)
        self.assertEqual(taken.json()["version"], 4)
        self.assertEqual(self.search(a, 1, 4), [])
        self.http.delete(a.url("/main"), timeout=PATIENCE)
        for node in nodes:
            node.wait_for("main: deleted")
        self.assertGreater(self.create(b)["generation"], generation)

    def test_whoever_was_away_catches_up(self):
        a, b = self.follow("a"), self.follow("b")
        self.create(a)
        self.write(a, range(1, 50))
        self.followed(b)
        self.check(b, [1, 49], 49)
        b.kill()
        at = self.write(a, range(50, 100))
        b = self.follow("b")
        self.followed(b)
        self.check(b, [1, 49, 50, 99], at)
        self.coordinator.kill()
        self.assertEqual(self.search(a, 99, at), [99])
        late = self.http.put(a.url("/main/7"), json={"hashes": [1, 2]}, timeout=PATIENCE)
        self.assertEqual(late.status_code, 503)

    def test_the_line_protocol_waits_for_the_index_of_others(self):
        a = self.follow("a", "--legacy-port", "any")
        no_index = "there is no index main"
        with LineClient(a.line_port) as line:
            line.do("begin", "insert 7 1,2")
            self.assertEqual(line.ask("search 1,2"), f"ERR search failed: {no_index}")
            self.assertEqual(line.ask("get max_document_id"), f"ERR search failed: {no_index}")
            self.assertEqual(line.ask("commit"), f"ERR commit failed: {no_index}")
            for generation in range(2):
                self.create(self.coordinator)
                a.wait_for_each("main: follows", generation + 1)
                line.do("commit")
                self.assertEqual(line.ask("search 1,2"), "OK 7:2")
                self.http.delete(self.coordinator.url("/main"), timeout=PATIENCE).raise_for_status()
                a.wait_for_each("main: deleted", generation + 1)
                line.do("begin", "insert 7 1,2")
                self.assertEqual(line.ask("search 1,2"), f"ERR search failed: {no_index}")

    def test_the_line_protocol_listens_while_the_changelog_is_away(self):
        self.coordinator.kill()
        a = self.follow("a", "--legacy-port", "any")
        with LineClient(a.line_port) as line:
            self.assertEqual(line.ask("echo a"), "OK a")
            self.assertEqual(line.ask("search 1"), "ERR search failed: there is no index main")
        self.assertEqual(a.stop(), 0)

    def test_a_node_that_orders_changes_makes_the_index_of_the_line_protocol(self):
        self.assertEqual(self.coordinator.stop(), 0)
        for found in "OK ", "OK 7:2":
            node = self.start("--coordinator", "--legacy-port", "any", data="coordinator")
            with LineClient(node.line_port) as line:
                self.assertEqual(line.ask("search 1,2"), found)
                line.do("begin", "insert 7 1,2", "commit")
            self.assertEqual(node.stop(), 0)

    def test_the_coordinator_loses_nothing_that_it_acknowledged(self):
        port = self.coordinator.http_port
        a = self.follow("a")
        self.create(a)
        at = self.write(a, range(1, 30))
        self.coordinator.kill()
        self.coordinator = self.start("--coordinator", "--port", port, data="coordinator")
        self.followed(self.coordinator)
        at = self.write(self.coordinator, [30])
        self.assertEqual(at, 30)
        self.check(a, range(1, 31), at)

    def test_writers_at_all_nodes_at_once(self):
        a, b = self.follow("a"), self.follow("b")
        nodes = [self.coordinator, a, b]
        self.create(a)
        self.followed(*nodes)
        versions, lock = [], threading.Lock()

        def write(node, documents):
            for d in documents:
                version = self.write(node, [d])
                with lock:
                    versions.append(version)

        writers = [threading.Thread(target=write, args=(node, range(1 + i, 91, 3))) for i, node in enumerate(nodes)]
        for w in writers:
            w.start()
        for w in writers:
            w.join(PATIENCE)
        self.assertEqual(sorted(versions), list(range(1, 91)))
        for node in nodes:
            self.check(node, range(1, 91), 90)

    def test_a_wiped_node_takes_anothers_index(self):
        a, b = self.follow("a"), self.follow("b")
        self.create(a)
        for first in range(1, 3000, 500):
            at = self.write(a, range(first, first + 500))
        self.followed(b)
        self.check(b, [3000], at)
        b.kill()
        shutil.rmtree(b.data)
        b = self.follow("b", peers=[a, self.coordinator])
        b.wait_for(r"main: takes version 3000, \d+ bytes, from http://")
        self.followed(b)
        self.check(b, [1, 1500, 3000], at)
        at = self.write(b, [3001])
        self.check(a, [3001], at)

    def test_a_node_past_retention_takes_anothers_index(self):
        a, b = self.follow("a"), self.follow("b")
        generation = self.create(a)["generation"]
        self.followed(b)
        self.check(b, [1], self.write(a, [1]))
        b.kill()
        at = self.write(a, range(2, 100))
        dropped = requests.post(self.coordinator.url(f"/_truncate/main/{generation}?floor=90"), timeout=PATIENCE)
        self.assertEqual(dropped.status_code, 200, dropped.text)
        b = self.follow("b", peers=[a])
        b.wait_for("main: takes version 99")
        # The old one, and the one in its place.
        b.wait_for_each("main: follows", 2)
        self.check(b, [1, 50, 99], at)

    def big_donor(self, data, *flags):
        """A replica with four segments that the changelog has left behind: a node with its folder, its settings and the
        last version."""
        donor = self.follow(data, *AT_REST, *flags)
        generation = self.create(donor)["generation"]
        self.followed(donor)
        for first in range(1, 6001, 1500):
            at = self.write(donor, range(first, first + 1500))
            donor.ctl("checkpoint", "main")
        dropped = requests.post(self.coordinator.url(f"/_truncate/main/{generation}?floor={at}"), timeout=PATIENCE)
        self.assertEqual(dropped.status_code, 200, dropped.text)
        return donor, at

    def test_what_has_come_of_a_donor_that_is_killed_does_not_come_again(self):
        donor, at = self.big_donor("donor")
        donor.stop()
        shutil.copytree(donor.data, self.folder / "twin")
        donor, twin = (self.follow(name, *AT_REST) for name in ("donor", "twin"))
        self.followed(donor, twin)
        whole = len(self.http.get(donor.url("/main/_snapshot"), headers={"Accept": "application/vnd.fpnode.backup"},
                                  timeout=PATIENCE).content)
        links = [Link(donor.http_port, whole * 3 // 4, donor.kill), Link(twin.http_port)]
        for link in links:
            self.addCleanup(link.close)
        b = self.follow("b", peers=links)
        b.wait_for("is no donor: ")
        b.wait_for(r"main: \d+ segments are here from before")
        b.wait_for(f"main: takes version {at}, {whole} bytes, from {links[1].url()}")
        self.followed(b)
        self.check(b, [1, 3000, 6000], at)
        first, second = (max(link.sent) for link in links)
        self.assertGreaterEqual(first, whole * 3 // 4)
        self.assertLess(second, whole // 2 + 10_000)
        self.assertFalse((b.data / ".bootstrap.tmp" / "main").exists())

    def test_a_donor_that_speaks_fpindexs_format_alone(self):
        donor, at = self.big_donor("donor")

        class Fpindex(QuietHandler):
            def do_GET(self):
                wanted = {"Accept": self.headers["Accept"]} if self.path.endswith("/_status") else {}
                answer = requests.get(donor.url(self.path.split("?")[0]), headers=wanted, timeout=PATIENCE)
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", len(answer.content))
                self.end_headers()
                self.wfile.write(answer.content)

        url = serve(self, Fpindex)
        b = self.start("--coordinator-url", self.coordinator.url(), "--changelog-poll-ms", "20", "--peers", url,
                       data="b")
        b.wait_for(rf"main: takes version {at}, \d+ bytes, from {url}")
        self.followed(b)
        self.check(b, [1, 3000, 6000], at)
        self.check(donor, [6001], self.write(b, [6001]))

    def test_a_person_has_a_node_take_another_copy(self):
        a, b = self.follow("a"), self.follow("b")
        self.create(a)
        self.followed(a, b)
        at = self.write(a, range(1, 100))
        self.check(b, [1, 99], at)
        told = b.ctl("resync", "main").stdout
        self.assertIn("a new copy of generation 1 is being taken; the old one is searched until it is here", told)
        b.wait_for("main: restored, generation 2")
        b.wait_for_each("main: ready at version", 2)
        self.check(b, [1, 99], at)
        self.check(a, [100], self.write(b, [100]))
        # Nothing is changed where there is nothing to take.
        for arguments, code, why in [(["other"], 4, "no index other"), (["main"], 1, "nothing has been changed")]:
            if arguments == ["main"]:
                self.coordinator.kill()
            refused = b.ctl("resync", *arguments, check=code)
            self.assertIn(why, refused.stderr)
        self.check(b, [1, 99], at)
        own = self.start(data="own")
        own.ctl("index", "create", "main")
        self.assertIn("follows no changelog", own.ctl("resync", "main", check=None).stderr)

    def test_another_changelog_is_followed_once_a_person_says_so(self):
        a = self.follow("a")
        self.create(a)
        self.followed(a)
        self.check(a, [1], self.write(a, [1]))
        a.kill()
        port = self.coordinator.http_port
        self.coordinator.kill()
        shutil.rmtree(self.coordinator.data)
        self.coordinator = self.start("--coordinator", "--port", port, data="coordinator")
        self.create(self.coordinator, "another")
        generation = self.create(self.coordinator)["generation"]
        self.followed(self.coordinator)
        at = self.write(self.coordinator, [2, 3])
        a = self.follow("a")
        a.wait_for("main: left alone: the changelog does not know generation 1")
        a.wait_for("main: ready at version")
        status = next(i for i in a.json("status")["indexes"] if i["name"] == "main")
        self.assertEqual((status["state"], status["generation"]), ("read_only", 1))
        self.assertIn("fpctl resync main", status["replica"]["advice"])
        self.assertIn("fpctl resync main", a.ctl("status").stdout)
        replica = self.http.get(a.url("/main/_status"), timeout=PATIENCE).json()["replica"]
        self.assertIn("fpctl resync main", replica["advice"])
        self.assertEqual(self.search(a, 1, 1), [1])
        a.ctl("resync", "main")
        a.wait_for("main: restored, generation 2")
        a.wait_for(f"main: follows .* from position {at}")
        self.check(a, [2, 3], at)
        self.assertEqual(self.search(a, 1, at), [])
        status = a.json("status")
        self.assertEqual({i["name"]: i["generation"] for i in status["indexes"]}["main"], generation)
        self.assertNotIn("parked", status["changelog"])

    def test_what_an_operator_sees(self):
        a = self.follow("a")
        self.create(a)
        at = self.write(a, [1])
        status = a.json("status")
        self.assertTrue(status["changelog"]["caught_up"])
        self.assertEqual(status["indexes"][0]["replica"],
                         {"state": "following", "changelog_version": at, "behind_changes": 0, "behind_ms": 0})
        self.assertIn("follows", a.ctl("status").stdout)
        self.coordinator.kill()
        a.wait_for("main: does not get on at position 1")
        self.assertEqual(a.json("status")["indexes"][0]["replica"]["state"], "waiting")
        a.ctl("status", "--check", check=1)
        metrics = self.http.get(a.url("/_metrics"), timeout=PATIENCE).text
        self.assertIn('fpindex_replica_state{index="main",state="waiting"} 1', metrics)
        self.assertIn('fpindex_replica_position{index="main"} 1', metrics)

    def test_a_password_in_the_changelogs_url_is_told_to_nobody(self):
        a = self.start("--changelog", "postgresql://u:sesame@127.0.0.1:1/x", data="a")
        a.wait_for("error .* does not tell which indexes there are: ")
        self.assertNotIn("sesame", a.log() + a.ctl("status").stdout + a.ctl("--json", "status").stdout)


class SecuredReplication(NodeTest):
    """The same by TLS, with tokens."""

    TOKEN = "t" * 32

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder / "authority")
        self.authority.issue("node")
        self.tokens = self.secret("tokens", f"admin {self.TOKEN}\nread {'r' * 32}\n")
        self.token = self.secret("token", self.TOKEN + "\n")
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = str(self.authority.certificate)
        self.http.headers["Authorization"] = f"Bearer {self.TOKEN}"
        self.addCleanup(self.http.close)
        self.coordinator = self.serve("coordinator", "--coordinator")

    def secret(self, name, text):
        file = self.folder / name
        file.write_text(text)
        file.chmod(0o600)
        return file

    def serve(self, data, *flags):
        folder = self.authority.folder
        return self.start("--http-tls", "on", "--tls-certificate", folder / "node.crt", "--tls-key",
                          folder / "node.key", "--token-file", self.tokens, "--changelog-poll-ms", "20", *flags, data=data)

    def url(self, node, path=""):
        return f"https://127.0.0.1:{node.http_port}{path}"

    def follow(self, data, *flags, token=None, ca=None, peers=()):
        if peers:
            flags += ("--peers", ",".join(map(self.url, peers)))
        return self.serve(data, "--coordinator-url", self.url(self.coordinator), "--changelog-token-file",
                          token or self.token, "--changelog-ca", ca or self.authority.certificate, *flags)

    def ask(self, method, node, path, expected=200, **body):
        answer = self.http.request(method, self.url(node, path), timeout=PATIENCE, **body)
        self.assertEqual(answer.status_code, expected, answer.text)
        return answer.json()

    def write(self, node, document):
        change = {"insert": {"id": document, "hashes": fingerprint(document)}}
        return self.ask("POST", node, "/main/_update", json={"changes": [change]})["version"]

    def search(self, node, document, at):
        found = self.ask("POST", node, f"/main/_search?min_version={at}",
                         json={"query": fingerprint(document), "timeout": 10000})
        return [r["id"] for r in found["results"]]

    def test_nodes_follow_each_other_and_take_bases_from_each_other(self):
        a, b = self.follow("a"), self.follow("b")
        self.ask("PUT", a, "/main")
        for node in (a, b):
            node.wait_for("main: follows the feed at https://")
        self.coordinator.wait_for("main: follows")
        at = [self.write(node, d) for d, node in enumerate([a, b, self.coordinator], start=1)][-1]
        for node in (a, b, self.coordinator):
            self.assertEqual([self.search(node, d, at) for d in (1, 2, 3)], [[1], [2], [3]])
        b.kill()
        dropped = self.http.post(self.url(self.coordinator, f"/_truncate/main/1?floor={at}"), timeout=PATIENCE)
        self.assertEqual(dropped.status_code, 200, dropped.text)
        shutil.rmtree(b.data)
        b = self.follow("b", peers=[a])
        b.wait_for(rf"main: takes version {at}, \d+ bytes, from https://")
        b.wait_for("main: follows")
        self.assertEqual([self.search(b, d, at) for d in (1, 2, 3)], [[1], [2], [3]])

    def test_wrong_credentials_are_told(self):
        b = self.follow("b", token=self.secret("wrong", "x" * 32))
        b.wait_for(r"error .*status 401.*it does not know the token of changelog_token_file")
        c = self.serve("c", "--coordinator-url", self.url(self.coordinator), "--changelog-ca",
                       self.authority.certificate)
        c.wait_for(r"error .*status 401.*it wants a token: .*changelog_token_file")
        d = self.follow("d", token=self.secret("reader", "r" * 32))
        refused = self.ask("PUT", d, "/main", 403)
        self.assertEqual(refused["error"], "FeedIsReadOnly")

    def test_wrong_certificates_are_told(self):
        other = Authority(self.folder / "other")
        b = self.follow("b", ca=other.certificate)
        b.wait_for(r"error .*the server's certificate is not taken: .*; it must be for 127.0.0.1, by an authority of "
                   "changelog_ca")
        port = self.coordinator.http_port
        c = self.serve("c", "--coordinator-url", f"http://127.0.0.1:{port}")
        c.wait_for("error .* does not tell which indexes there are")
        plain = self.start("--coordinator", data="plain")
        e = self.serve("e", "--coordinator-url", f"https://127.0.0.1:{plain.http_port}")
        e.wait_for(r"error .*no TLS with the server: .*; does it serve https\?")

    def test_files_that_are_wrong_are_refused_at_the_start(self):
        open_to_all = self.secret("open", self.TOKEN)
        open_to_all.chmod(0o644)
        for flags, why in [(["--changelog-ca", self.token], "changelog_ca: .*no certificate in PEM"),
                           (["--changelog-ca", self.folder / "none"], "changelog_ca: .*none"),
                           (["--changelog-token-file", self.folder / "none"], "changelog_token_file: .*none"),
                           (["--changelog-token-file", self.secret("empty", "")], "no token is in there"),
                           (["--changelog-token-file", open_to_all], "other users may read the token")]:
            code, log = self.start_refused("--coordinator-url", self.url(self.coordinator), *flags, data="x")
            self.assertEqual(code, 2)
            self.assertRegex(log, why)


if __name__ == "__main__":
    unittest.main()
