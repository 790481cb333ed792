"""Backups of a running node, over HTTP and with fpctl, and what is restored from them."""

import gzip
import os
import random
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

import msgpack
import requests

from support import BUILD, DATA, PATIENCE, NodeTest

MSGPACK = {"Content-Type": "application/vnd.msgpack"}
BACKUP = "application/vnd.fpnode.backup"
AS_BACKUP = {"Accept": BACKUP}
# Enough for some megabytes in every buffer between a node and a reader.
LARGE_DOCUMENTS, HASHES = 60_000, 100


def hashes_of(document, version=0):
    """Hashes that only this version of this document has."""
    draw = random.Random(document * 1000 + version)
    return [draw.getrandbits(32) for _ in range(20)]


class Slow:
    """A client that asks for a backup and reads only when told to."""

    def __init__(self, test, node, name, accept=BACKUP):
        self.socket = socket.socket()
        test.addCleanup(self.socket.close)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", node.http_port))
        self.socket.sendall(f"GET /{name}/_snapshot HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n"
                            "Connection: close\r\n\r\n".encode())
        self.received = b""

    def read(self, size):
        while len(self.received) < size:
            data = self.socket.recv(64 << 10)
            if not data:
                raise AssertionError(f"the connection ended after {len(self.received)} bytes")
            self.received += data

    def read_all(self):
        """Reads to the connection's end, and returns the body, or nothing when it is cut short."""
        try:
            while data := self.socket.recv(1 << 20):
                self.received += data
        except ConnectionResetError:
            return None
        rest = self.received[self.received.index(b"\r\n\r\n") + 4:]
        body, at = [], 0
        while True:
            line = rest.find(b"\r\n", at)
            if line < 0:
                return None
            size = int(rest[at:line], 16)
            if size == 0:
                return b"".join(body)
            if line + 2 + size > len(rest):
                return None
            body.append(rest[line + 2:line + 2 + size])
            at = line + 4 + size

    def reset(self):
        """Ends the connection the hard way."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Snapshot(NodeTest):
    def post(self, node, path, body, check=200):
        reply = requests.post(node.url(path), msgpack.packb(body), headers=MSGPACK, timeout=PATIENCE)
        self.assertEqual(reply.status_code, check, reply.content)
        return msgpack.unpackb(reply.content)

    def small_index(self, node, name="main", documents=50):
        node.ctl("index", "create", name)
        for document in range(1, documents + 1):
            self.post(node, f"/{name}/_update", {"changes": [{"insert": {"id": document,
                                                                        "hashes": hashes_of(document)}}]})

    def large_index(self, node, name="large"):
        """An index of some 20 MB in files."""
        node.ctl("index", "create", name)
        draw, batch = random.Random(1), 2_000
        for first in range(1, LARGE_DOCUMENTS + 1, batch):
            changes = []
            for document in range(first, first + batch):
                packed = draw.randbytes(4 * HASHES)
                changes.append({"insert": {"id": document, "hashes": struct.unpack(f"{HASHES}I", packed)}})
            self.post(node, f"/{name}/_update", {"changes": changes})
        node.ctl("--timeout", PATIENCE, "checkpoint", name)

    def backup(self, node, name="main"):
        file = self.folder / f"{name}.backup"
        node.ctl("snapshot", name, file, "--force")
        return file

    def entries(self, data="data"):
        return sorted(p.name for p in (self.folder / data).iterdir())

    def memory(self, node):
        """Bytes of memory of the process itself; what it has mapped of files is not in there."""
        with open(f"/proc/{node.process.pid}/status") as status:
            for line in status:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) << 10
        raise AssertionError("no RssAnon")

    # -- What a backup holds

    def test_a_restored_index_identifies_the_same_clips(self):
        node = self.start("--checkpoint-threshold", "100000", "--min-segment-size", "1000",
                          "--segments-per-level", "32")
        node.ctl("index", "create", "music")
        with gzip.open(DATA / "fingerprints.txt.gz", "rt") as file:
            node.ctl("ingest", "music", "-", "--batch", "25", stdin=file.read())
        with requests.get(node.url("/music/_snapshot"), headers=AS_BACKUP, stream=True, timeout=PATIENCE) as reply:
            self.assertEqual(reply.status_code, 200)
            self.assertEqual(reply.headers["Content-Type"], BACKUP)
            self.assertEqual(reply.headers["Transfer-Encoding"], "chunked")
            backup = reply.content
        (self.folder / "backup").write_bytes(backup)
        restored = node.json("restore", "copy", self.folder / "backup")
        self.assertEqual(restored["documents"], 625)
        self.assertEqual(restored["source"], {"name": "music", "generation": 1})
        answers = [node.json("search", name, "--file", DATA / "clips.tsv.gz", "--expect", check=None)
                   for name in ("music", "copy")]
        self.assertEqual(answers[0], answers[1])
        self.assertGreaterEqual(len(answers[0]["results"]), 400)
        for name in "music", "copy":
            answers.append(requests.get(node.url(f"/{name}"), timeout=PATIENCE).json())
        self.assertEqual(answers[2]["metadata"], answers[3]["metadata"])
        self.assertEqual(answers[2]["version"], answers[3]["version"])
        # And after a restart, and in a backup of the restored one.
        self.assertEqual(node.stop(), 0)
        node = self.start()
        node.wait_for("copy: ready at version")
        again = node.json("search", "copy", "--file", DATA / "clips.tsv.gz", "--expect", check=None)
        self.assertEqual(again, answers[0])

    def test_head_and_errors(self):
        node = self.start()
        self.small_index(node, documents=1)
        head = requests.head(node.url("/main/_snapshot"), headers=AS_BACKUP, timeout=PATIENCE)
        self.assertEqual((head.status_code, head.content), (200, b""))
        self.assertEqual(head.headers["Content-Type"], BACKUP)
        for method in "GET", "HEAD":
            self.assertEqual(requests.request(method, node.url("/nope/_snapshot"), timeout=PATIENCE).status_code, 404)
        self.assertEqual(requests.put(node.url("/main/_snapshot"), timeout=PATIENCE).status_code, 404)
        self.assertEqual(node.stop(), 0)
        (self.folder / "data" / "main" / "v1" / "data" / "manifest.json").write_bytes(b"x")
        node = self.start()
        node.wait_for("main: .*failed")
        for method in "GET", "HEAD":
            reply = requests.request(method, node.url("/main/_snapshot"), timeout=PATIENCE)
            self.assertEqual(reply.status_code, 503)
        self.assertEqual(requests.get(node.url("/main/_snapshot"), timeout=PATIENCE).json()["error"], "IndexFailed")
        self.assertIn("has failed", node.ctl("snapshot", "main", self.folder / "f", check=1).stderr)
        self.assertFalse((self.folder / "f").exists())

    def test_a_backup_taken_under_writers_is_the_index_at_its_version(self):
        node = self.start("--checkpoint-threshold", "2000", "--min-segment-size", "200", "--max-memory-segments", "4")
        node.ctl("index", "create", "main")
        commits, stop, failures = {}, threading.Event(), []

        def write(seed):
            draw = random.Random(seed)
            try:
                with requests.Session() as session:
                    while not stop.is_set():
                        changes = {}
                        for _ in range(draw.randrange(1, 5)):
                            document = draw.randrange(1, 60)
                            changes[document] = draw.randrange(1, 1000) if draw.random() < 0.7 else None
                        body = [{"delete": {"id": d}} if v is None else
                                {"insert": {"id": d, "hashes": hashes_of(d, v)}} for d, v in changes.items()]
                        reply = session.post(node.url("/main/_update"), json={"changes": body}, timeout=PATIENCE)
                        commits[reply.json()["version"]] = changes
            except Exception as e:
                failures.append(e)

        writers = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
        for w in writers:
            w.start()
        taken = []
        for i in range(6):
            taken.append((node.json("snapshot", "main", self.folder / f"{i}")["version"], self.folder / f"{i}"))
        stop.set()
        for w in writers:
            w.join()
        self.assertEqual(failures, [])
        self.assertEqual(sorted(commits), list(range(1, len(commits) + 1)))
        self.assertGreater(taken[-1][0], taken[0][0])
        for i, (version, file) in enumerate(taken):
            self.assertEqual(node.json("restore", f"copy{i}", file)["version"], version)
            model = {}
            for commit in range(1, version + 1):
                for document, content in commits[commit].items():
                    model[document] = (commit, content)
            with requests.Session() as session:
                for document in range(1, 60):
                    commit, content = model.get(document, (0, None))
                    reply = session.get(node.url(f"/copy{i}/{document}"), timeout=PATIENCE)
                    if content is None:
                        self.assertEqual(reply.status_code, 404)
                        continue
                    self.assertEqual(reply.json(), {"version": commit})
                    query = {"query": hashes_of(document, content), "timeout": 0}
                    found = session.post(node.url(f"/copy{i}/_search"), json=query, timeout=PATIENCE).json()
                    self.assertEqual(found["results"][0], {"id": document, "score": 20})

    # -- Slow and lost readers

    def test_a_slow_reader_takes_no_memory_and_disturbs_nobody(self):
        node = self.start("--idle-merge-after-ms", 0)
        self.large_index(node)
        node.ctl("--timeout", PATIENCE, "merge", "large")
        file = self.backup(node, "large")
        size = file.stat().st_size
        self.assertGreater(size, 20 << 20)
        before = self.memory(node)
        slow = Slow(self, node, "large")
        slow.read(1000)
        with requests.Session() as session:
            for i in range(300):
                found = session.post(node.url("/large/_search"), json={"query": hashes_of(i), "timeout": 10000},
                                     timeout=PATIENCE)
                self.assertEqual(found.status_code, 200)
        self.assertLess(self.memory(node) - before, 8 << 20)
        body = slow.read_all()
        self.assertTrue(body == file.read_bytes(), "the slow reader got another backup")
        self.assertLess(self.memory(node) - before, 8 << 20)

    def test_an_index_may_be_deleted_while_it_is_read(self):
        node = self.start("--idle-merge-after-ms", 0)
        self.large_index(node)
        # What merges between two backups makes other bytes of the same contents.
        node.ctl("--timeout", PATIENCE, "merge", "large")
        file = self.backup(node, "large")
        slow = Slow(self, node, "large")
        slow.read(1000)
        node.ctl("index", "delete", "large")
        self.assertEqual([p.name for p in (self.folder / "data" / "large").iterdir()], ["current"])
        self.assertTrue(slow.read_all() == file.read_bytes(), "the backup changed")
        self.assertEqual(node.json("restore", "large", file)["generation"], 2)

    def test_backups_are_bounded_and_lost_readers_free_their_place(self):
        node = self.start("--max-snapshot-streams", "1")
        self.large_index(node)
        url = node.url("/large/_snapshot")
        slow = Slow(self, node, "large")
        slow.read(1000)
        refused = requests.get(url, headers=AS_BACKUP, timeout=PATIENCE)
        self.assertEqual(refused.status_code, 503)
        self.assertGreater(int(refused.headers["Retry-After"]), 0)
        self.assertIn("1 run already", node.ctl("snapshot", "large", self.folder / "f", check=1).stderr)
        slow.reset()
        deadline = time.monotonic() + PATIENCE
        while (reply := requests.get(url, headers=AS_BACKUP, stream=True, timeout=PATIENCE)).status_code == 503:
            self.assertLess(time.monotonic(), deadline)
        self.assertTrue(reply.content.startswith(b"\x89FPBAK"))

    def test_a_stop_does_not_wait_for_slow_readers(self):
        node = self.start()
        self.large_index(node)
        slow = Slow(self, node, "large")
        slow.read(1000)
        self.assertEqual(node.stop(), 0)
        self.assertIsNone(slow.read_all())

    def test_damage_on_the_disk_cuts_the_connection(self):
        node = self.start()
        self.large_index(node)
        file = max((self.folder / "data" / "large" / "v1" / "data").glob("*.seg"), key=lambda f: f.stat().st_size)
        with open(file, "r+b") as f:
            f.seek(-1000, os.SEEK_END)
            byte = f.read(1)
            f.seek(-1000, os.SEEK_END)
            f.write(bytes([byte[0] ^ 1]))
        reader = Slow(self, node, "large")
        self.assertIsNone(reader.read_all())
        self.assertIn(b"200 OK", reader.received[:100])
        failed = node.ctl("snapshot", "large", self.folder / "f", check=1)
        self.assertIn("offset", failed.stderr)
        self.assertEqual([p.name for p in self.folder.iterdir()], ["data"])

    # -- Files of fpctl

    def test_files_are_not_replaced_by_mistake(self):
        node = self.start()
        self.small_index(node)
        file = self.backup(node)
        before = file.read_bytes()
        self.post(node, "/main/_update", {"changes": [{"insert": {"id": 77, "hashes": [1]}}]})
        self.assertIn("--force", node.ctl("snapshot", "main", file, check=1).stderr)
        self.assertEqual(file.read_bytes(), before)
        node.ctl("snapshot", "main", file, "--force")
        self.assertNotEqual(file.read_bytes(), before)
        piped = subprocess.run([BUILD / "fpctl", "--port", str(node.port), "snapshot", "main", "-"],
                               capture_output=True, timeout=PATIENCE, check=True).stdout
        self.assertEqual(piped, file.read_bytes())
        restored = subprocess.run([BUILD / "fpctl", "--port", str(node.port), "restore", "copy", "-"], input=piped,
                                  capture_output=True, timeout=PATIENCE)
        self.assertEqual(restored.returncode, 0, restored.stderr)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["data", "main.backup"])

    def test_damaged_files_are_refused_with_their_offset_and_leave_nothing(self):
        node = self.start()
        self.small_index(node)
        backup = self.backup(node).read_bytes()
        before = self.entries()
        damaged = self.folder / "damaged"
        draw = random.Random(1)
        for at in [0, 319, 320, len(backup) - 1] + [draw.randrange(len(backup)) for _ in range(10)]:
            damaged.write_bytes(backup[:at])
            said = node.ctl("restore", "copy", damaged, check=1).stderr
            self.assertIn(f"backup: offset {at}: ends within", said)
            damaged.write_bytes(backup[:at] + bytes([backup[at] ^ 1 << draw.randrange(8)]) + backup[at + 1:])
            said = node.ctl("restore", "copy", damaged, check=1).stderr
            self.assertRegex(said, r"backup: offset \d+: ")
            self.assertEqual(self.entries(), before)
        damaged.write_bytes(backup + b"x")
        self.assertIn(f"offset {len(backup)}: goes on", node.ctl("restore", "copy", damaged, check=1).stderr)
        self.assertEqual(self.entries(), before)
        self.assertIn("No such file", node.ctl("restore", "copy", self.folder / "nothing", check=1).stderr)
        self.assertEqual([i["name"] for i in node.json("index", "list")], ["main"])

    def test_a_backup_in_the_place_of_what_is_there(self):
        node = self.start()
        self.small_index(node)
        backup = self.backup(node)
        documents = node.json("index", "info", "main")["num_documents"]
        self.post(node, "/main/_update", {"changes": [{"insert": {"id": 7777, "hashes": [1]}}]})
        self.assertIn("--replace", node.ctl("restore", "main", backup, check=1).stderr)
        damaged = self.folder / "damaged"
        damaged.write_bytes(backup.read_bytes()[:-1])
        node.ctl("restore", "main", damaged, "--replace", check=1)
        self.assertEqual(node.json("index", "info", "main")["num_documents"], documents + 1)
        restored = node.json("restore", "main", backup, "--replace")
        self.assertEqual((restored["documents"], restored["generation"]), (documents, 2))
        self.assertEqual(node.stop(), 0)
        self.assertEqual(self.start().json("index", "info", "main")["num_documents"], documents)

    def test_output_that_nobody_takes_is_not_waited_for_without_end(self):
        node = self.start()
        node.ctl("index", "create", "main")
        lines = "".join(f"{i}|{','.join(str(i * 1000 + h) for h in range(100))}\n" for i in range(1, 2_000))
        node.ctl("ingest", "main", "-", stdin=lines)
        for command in ("snapshot", "export"):
            stuck = subprocess.Popen([BUILD / "fpctl", "--port", str(node.port), "--timeout", "2", command, "main", "-"],
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.addCleanup(stuck.stdout.close)
            self.addCleanup(stuck.kill)
            self.assertIn("nobody took anything within 2000 ms", stuck.stderr.read())
            stuck.stderr.close()
            self.assertEqual(stuck.wait(), 1)

    # -- Interrupted restores

    def half_restored(self, node, backup, name="copy"):
        """An fpctl in the middle of a restore, whose node has taken pieces."""
        ctl = subprocess.Popen([BUILD / "fpctl", "--port", str(node.port), "restore", name, "-"],
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(ctl.stderr.close)
        self.addCleanup(ctl.wait)
        self.addCleanup(ctl.kill)
        ctl.stdin.write(backup[:len(backup) // 2])
        ctl.stdin.flush()
        # It reads on when earlier pieces have been answered.
        ctl.stderr.readline()
        node.wait_for(f"{name}: a restore begins")
        return ctl

    def end(self, ctl):
        """Waits for an fpctl that was in the middle of its input."""
        try:
            ctl.stdin.close()
        except BrokenPipeError:
            pass
        return ctl.wait(PATIENCE)

    def test_a_killed_client_leaves_nothing(self):
        node = self.start()
        self.large_index(node)
        file = self.backup(node, "large")
        ctl = self.half_restored(node, file.read_bytes())
        self.assertIn("is being restored already", node.ctl("restore", "copy", file, check=1).stderr)
        self.assertIn("is being restored", node.ctl("index", "create", "copy", check=1).stderr)
        reply = requests.put(node.url("/copy"), timeout=PATIENCE)
        self.assertEqual((reply.status_code, reply.json()["error"]), (503, "IndexNotReady"))
        ctl.kill()
        self.end(ctl)
        node.wait_for("copy: not restored: the client went away")
        deadline = time.monotonic() + PATIENCE
        while node.ctl("restore", "copy", file, check=None).returncode != 0:
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(self.entries(), [".lock", "copy", "large"])
        self.assertEqual(self.backup(node, "copy").stat().st_size, file.stat().st_size)

    def test_a_killed_node_leaves_nothing_after_its_next_start(self):
        node = self.start()
        self.large_index(node)
        file = self.backup(node, "large")
        ctl = self.half_restored(node, file.read_bytes())
        node.kill()
        self.assertIn(".create.tmp", self.entries())
        self.assertIn(self.end(ctl), (1, 3))
        node = self.start()
        node.wait_for("large: ready at version")
        self.assertEqual(self.entries(), [".lock", "large"])
        self.assertEqual(node.json("restore", "copy", file)["generation"], 1)

    def test_a_stop_ends_a_restore(self):
        node = self.start()
        self.large_index(node)
        ctl = self.half_restored(node, self.backup(node, "large").read_bytes())
        self.assertEqual(node.stop(signal.SIGTERM), 0)
        self.assertEqual(self.entries(), [".lock", "large"])
        self.assertIn(self.end(ctl), (1, 3))


if __name__ == "__main__":
    unittest.main()
