"""The way back: indexes as fpindex takes them, over HTTP and with fpctl."""

import random
import subprocess
import unittest

import msgpack
import requests

import test_import
import test_snapshot
from fpindex_snapshot import Snapshot, read_folder
from support import BUILD, DATA, PATIENCE, NodeTest

OURS = "application/vnd.fpnode.backup"
# Segments stay as they are.
AT_REST = ("--checkpoint-age-ms", 0, "--idle-merge-after-ms", 0, "--segments-per-level", 64, "--max-dead-share", 100)


class Export(NodeTest):
    post, large_index, memory = (vars(test_snapshot.Snapshot)[f] for f in ("post", "large_index", "memory"))

    def write_index(self, node, name="main", commits=30, seed=1):
        """Random commits, some of them in files. Returns the documents that live, and the metadata."""
        self.assertIn(requests.put(node.url(f"/{name}"), timeout=PATIENCE).status_code, (200, 202))
        draw, documents, metadata = random.Random(seed), {}, {}
        for commit in range(commits):
            changes = {}
            for _ in range(draw.randrange(1, 20)):
                document = draw.randrange(1, 200)
                changes[document] = None if draw.random() < 0.2 else [draw.randrange(1 << 20) for _ in range(50)]
            values = {f"key{draw.randrange(5)}": draw.choice([None, "", str(commit)])}
            body = {"changes": [{"delete": {"id": d}} if h is None else {"insert": {"id": d, "hashes": h}}
                                for d, h in changes.items()], "metadata": values}
            reply = requests.post(node.url(f"/{name}/_update"), json=body, timeout=PATIENCE)
            self.assertEqual(reply.status_code, 200, reply.text)
            documents.update(changes)
            metadata.update(values)
            if commit in (10, 20):
                node.ctl("checkpoint", name)
        return ({d: set(h) for d, h in documents.items() if h is not None},
                {k: v for k, v in metadata.items() if v is not None})

    def get(self, node, name="main", accept=None):
        headers = {"Accept": accept} if accept is not None else {}
        return requests.get(node.url(f"/{name}/_snapshot"), headers=headers, timeout=PATIENCE)

    # -- HTTP

    def test_who_asks_for_nothing_else_gets_what_fpindex_streams(self):
        node = self.start("--checkpoint-age-ms", 0, "--idle-merge-after-ms", 0)
        documents, metadata = self.write_index(node)
        status = requests.get(node.url("/main/_status"), headers={"Accept": "application/vnd.msgpack"}, timeout=PATIENCE)
        self.assertEqual(msgpack.unpackb(status.content), {"g": 1, "v": 30, "f": 21})
        bodies = []
        for accept in None, "*/*", "application/octet-stream", "application/vnd.msgpack", f"{OURS};q=0", \
                f"{OURS};q=0.5, application/octet-stream":
            reply = self.get(node, accept=accept)
            self.assertEqual(reply.status_code, 200)
            self.assertEqual(reply.headers["Content-Type"], "application/octet-stream")
            self.assertEqual(reply.headers["Transfer-Encoding"], "chunked")
            self.assertEqual(reply.headers["Vary"], "Accept")
            bodies.append(reply.content)
        # Merges that go on beside it make other bytes of the same contents.
        for body in bodies:
            self.assertEqual(self.contents(Snapshot(body)), self.contents(Snapshot(bodies[0])))
        snapshot = Snapshot(bodies[0])
        self.assertEqual((snapshot.generation, snapshot.version), (1, 30))
        self.assertEqual(snapshot.documents(), documents)
        self.assertEqual(snapshot.metadata(), metadata)
        self.assertEqual(snapshot.segments[0].commit, 1)
        for older, newer in zip(snapshot.segments, snapshot.segments[1:]):
            self.assertEqual(newer.commit, older.commit + older.merges + 1)

    def test_our_backup_has_a_name_of_its_own(self):
        node = self.start("--checkpoint-age-ms", 0)
        documents, _ = self.write_index(node)
        for accept in OURS, f"text/html, {OURS.upper()};q=0.3, */*;q=0.1", f"application/octet-stream;q=0.5, {OURS}":
            reply = self.get(node, accept=accept)
            self.assertEqual(reply.headers["Content-Type"], OURS)
            self.assertTrue(reply.content.startswith(b"\x89FPBAK"))
        (self.folder / "backup").write_bytes(reply.content)
        self.assertEqual(node.json("restore", "copy", self.folder / "backup")["documents"], len(documents))
        self.assertEqual(Snapshot(self.get(node, "copy").content).documents(), documents)

    def test_heads_and_errors(self):
        node = self.start("--checkpoint-age-ms", 0)
        self.write_index(node, commits=1)
        for accept, expected in {"*/*": "application/octet-stream", OURS: OURS}.items():
            head = requests.head(node.url("/main/_snapshot"), headers={"Accept": accept}, timeout=PATIENCE)
            self.assertEqual((head.status_code, head.content, head.headers["Content-Type"]), (200, b"", expected))
            reply = self.get(node, "nope", accept)
            self.assertEqual((reply.status_code, reply.json()), (404, {"error": "IndexNotFound"}))

    def test_an_empty_index_is_a_header(self):
        node = self.start("--checkpoint-age-ms", 0)
        node.ctl("index", "create", "main")
        node.ctl("index", "delete", "main")
        node.ctl("index", "create", "main")
        self.assertEqual(msgpack.unpackb(self.get(node).content), {"f": 1, "g": 2, "s": []})

    def test_a_slow_reader_takes_no_memory_and_keeps_what_it_reads(self):
        node = self.start(*AT_REST)
        self.large_index(node)
        expected = self.get(node, "large").content
        self.assertGreater(len(expected), 20 << 20)
        before = self.memory(node)
        slow = test_snapshot.Slow(self, node, "large", "*/*")
        slow.read(1000)
        self.assertLess(self.memory(node) - before, 8 << 20)
        node.ctl("index", "delete", "large")
        self.assertTrue(slow.read_all() == expected, "the slow reader got another snapshot")

    # -- fpctl

    def test_a_file_holds_the_stream(self):
        node = self.start(*AT_REST)
        self.write_index(node)
        # Segments in memory merge by themselves.
        node.ctl("checkpoint", "main")
        expected, file = self.get(node).content, self.folder / "main.snapshot"
        told = node.json("export", "main", file)
        self.assertEqual(told["indexes"], [{"name": "main", "generation": 1, "version": 30, "bytes": len(expected),
                                            "segments": len(Snapshot(expected).segments)}])
        self.assertEqual(file.read_bytes(), expected)
        self.assertIn("--force", node.ctl("export", "main", file, check=1).stderr)
        node.ctl("export", "main", file, "--force")
        piped = subprocess.run([BUILD / "fpctl", "--port", str(node.port), "export", "main", "-"],
                               capture_output=True, timeout=PATIENCE, check=True).stdout
        self.assertEqual(piped, expected)
        node.ctl("export", "nope", self.folder / "nope", check=4)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["data", "main.snapshot"])

    def test_a_folder_is_one_that_fpindex_starts_on(self):
        node = self.start("--checkpoint-age-ms", 0)
        written = {name: self.write_index(node, name, seed=i) for i, name in enumerate(("main", "other"))}
        node.ctl("index", "create", "empty")
        out = self.folder / "out"
        told = node.json("export", "--all", "--folder", out)
        self.assertEqual([i["name"] for i in told["indexes"]], ["empty", "main", "other"])
        indexes = read_folder(out)
        self.assertEqual(set(indexes), {"empty", "main", "other"})
        for name, (documents, metadata) in written.items():
            self.assertEqual(indexes[name].version, 30)
            self.assertEqual(indexes[name].documents(), documents)
            self.assertEqual(indexes[name].metadata(), metadata)
            self.assertTrue((out / name / "v000001" / "oplog").is_dir())
        self.assertIn("no empty folder", node.ctl("export", "main", "--folder", out, check=1).stderr)
        node.ctl("export", "main", "--folder", self.folder / "one")
        self.assertEqual(list(read_folder(self.folder / "one")), ["main"])
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["data", "one", "out"])

    def test_what_fails_leaves_nothing(self):
        node = self.start("--checkpoint-age-ms", 0)
        self.write_index(node)
        node.ctl("index", "create", "zzz")
        self.assertEqual(node.stop(), 0)
        manifest = self.folder / "data" / "zzz" / "v1" / "data" / "manifest.json"
        manifest.write_bytes(b"x")
        node = self.start("--checkpoint-age-ms", 0)
        node.wait_for("zzz: .*failed")
        failed = node.ctl("export", "--all", "--folder", self.folder / "out", check=1)
        self.assertIn("zzz", failed.stderr)
        self.assertEqual([p.name for p in self.folder.iterdir()], ["data"])

    def test_command_lines_that_mean_nothing(self):
        node = self.start("--checkpoint-age-ms", 0)
        for line in (["main"], ["main", "f", "--folder", "d"], ["--all", "f"], ["--all"], ["main", "--all", "--folder", "d"],
                     ["--folder", "d"], []):
            node.ctl("export", *line, check=2)

    def test_damage_on_the_disk_ends_the_stream(self):
        node = self.start("--checkpoint-age-ms", 0)
        self.write_index(node)
        segments = sorted((self.folder / "data" / "main" / "v1" / "data").glob("*.seg"))
        damaged = bytearray(segments[-1].read_bytes())
        damaged[len(damaged) // 2] ^= 1
        with open(segments[-1], "r+b") as file:
            file.write(damaged)
        with self.assertRaises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
            self.get(node)
        self.assertIn("offset", node.ctl("export", "main", self.folder / "f", check=1).stderr)
        self.assertIn("offset", node.ctl("export", "main", "--folder", self.folder / "d", check=1).stderr)
        self.assertEqual([p.name for p in self.folder.iterdir()], ["data"])

    # -- There and back

    def contents(self, snapshot):
        return snapshot.generation, snapshot.version, snapshot.metadata(), snapshot.documents()

    def test_what_is_exported_comes_back_equal(self):
        node = self.start("--checkpoint-age-ms", 0)
        for seed, name in enumerate(("main", "other")):
            self.write_index(node, name, seed=seed)
        node.ctl("export", "--all", "--folder", self.folder / "out")
        over = self.start("--checkpoint-age-ms", 0, data="over")
        over.ctl("import", self.folder / "out")
        # And straight from one node into another.
        straight = self.start("--checkpoint-age-ms", 0, data="straight")
        for name in "main", "other":
            straight.ctl("import", node.url(f"/{name}"), check=None)
            expected = self.contents(Snapshot(self.get(node, name).content))
            for target in over, straight:
                self.assertEqual(self.contents(Snapshot(self.get(target, name).content)), expected)
                answers = [requests.get(n.url(f"/{name}"), timeout=PATIENCE).json() for n in (node, target)]
                for key in "version", "metadata":
                    self.assertEqual(answers[0][key], answers[1][key])
                self.assertEqual(answers[0]["stats"]["num_docs"], answers[1]["stats"]["num_docs"])

    def test_what_was_imported_goes_back_as_it_came(self):
        server = test_import.Server(self)
        node = self.start(*AT_REST)
        for name in "main", "small", "again", "repeats", "empty":
            node.ctl("import", f"{server.url}/{name}", check=None)
            theirs = Snapshot((DATA / "fpindex" / f"{name}.snapshot").read_bytes())
            ours = Snapshot(self.get(node, name).content)
            self.assertEqual(self.contents(ours), self.contents(theirs))
            self.assertEqual(len(ours.segments), len(theirs.segments))
            for one, other in zip(ours.segments, theirs.segments):
                self.assertEqual((one.info, one.metadata, one.documents), (other.info, other.metadata, other.documents))
                self.assertEqual(one.items, sorted(set(other.items)))


if __name__ == "__main__":
    unittest.main()
