"""A node whose disk is full serves searches, and goes on by itself when there is room again."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

import requests

from support import PATIENCE, NodeTest

# Upkeep only when asked: what it frees would let writes through now and then.
FLAGS = ["--checkpoint-age-ms", "0", "--idle-merge-after-ms", "0"]


def hashes(document):
    return [document * 1000 + i for i in range(500)]


class FullDisk(NodeTest):
    def setUp(self):
        super().setUp()
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", self.disk], capture_output=True,
                                 text=True)
        if mounted.returncode != 0:
            self.skipTest(f"no file system of a fixed size may be mounted: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", self.disk], check=True)

    def insert(self, node, document):
        return requests.put(node.url(f"/main/{document}"), json={"hashes": hashes(document)}, timeout=PATIENCE)

    def check_documents(self, node, documents):
        for d in documents:
            found = requests.post(node.url("/main/_search"), json={"query": hashes(d)}, timeout=PATIENCE).json()
            self.assertEqual(found["results"], [{"id": d, "score": 500}])

    def test_a_full_disk_stops_writes_alone_and_room_brings_them_back(self):
        node = self.start(*FLAGS, data="disk/data")
        node.ctl("index", "create", "main")
        acknowledged = 0
        for _ in range(50):
            self.assertEqual(self.insert(node, acknowledged + 1).status_code, 200)
            acknowledged += 1
        ballast = self.disk / "ballast"
        with open(ballast, "wb", buffering=0) as file:
            with self.assertRaises(OSError):
                while True:
                    file.write(bytes(65536))
        refused = None
        while refused is None:
            answer = self.insert(node, acknowledged + 1)
            if answer.status_code == 200:
                acknowledged += 1
                self.assertLess(acknowledged, 100_000)
            else:
                refused = answer
        self.assertEqual((refused.status_code, refused.json()["error"]), (503, "IndexNotReady"))
        self.assertIn("No space left", refused.json()["reason"])
        [index] = [i for i in node.json("index", "list") if i["name"] == "main"]
        self.assertEqual(index["state"], "read_only")
        self.assertIn("No space left", index["reason"])
        self.assertIn("No space left", node.log())
        large = f"999999|{','.join(map(str, range(50_000)))}\n"
        self.assertIn("No space left", node.ctl("ingest", "main", "-", stdin=large, check=1).stderr)
        self.assertIn("No space left", node.ctl("checkpoint", "main", check=1).stderr)
        self.check_documents(node, range(1, acknowledged + 1))

        ballast.unlink()
        # No client writes: the node finds out.
        node.wait_for("main: the log can be written to again")
        [index] = [i for i in node.json("index", "list") if i["name"] == "main"]
        self.assertEqual((index["state"], index.get("reason", "")), ("ready", ""))
        acknowledged += 1
        self.assertEqual(self.insert(node, acknowledged).status_code, 200)
        node.ctl("checkpoint", "main")
        node.ctl("merge", "main")
        leftovers = [f for f in pathlib.Path(node.data).rglob("*.tmp")]
        self.assertEqual(leftovers, [])
        self.assertEqual(node.stop(), 0)
        node = self.start(*FLAGS, data="disk/data")
        node.wait_for("main: ready at version")
        self.check_documents(node, range(1, acknowledged + 1))
        self.assertEqual(node.json("index", "info", "main")["num_documents"], acknowledged)

    def test_an_index_can_be_deleted_with_no_room_left(self):
        node = self.start(*FLAGS, data="disk/data")
        for name in "main", "old", "older":
            node.ctl("index", "create", name)
        for name in "old", "older":
            lines = "".join(f"{d}|{','.join(map(str, hashes(d)))}\n" for d in range(1, 301))
            node.ctl("ingest", name, "-", "--checkpoint", stdin=lines)
        self.assertEqual(self.insert(node, 1).status_code, 200)
        with open(self.disk / "ballast", "wb", buffering=0) as file:
            with self.assertRaises(OSError):
                while True:
                    file.write(bytes(4096))
        answer = requests.delete(node.url("/old"), timeout=PATIENCE)
        self.assertEqual((answer.status_code, answer.json()), (200, {"deleted": True}))
        self.assertEqual(requests.head(node.url("/old"), timeout=PATIENCE).status_code, 404)
        # What that has freed is taken again: the node starts on a full disk, too.
        with open(self.disk / "ballast2", "wb", buffering=0) as file:
            with self.assertRaises(OSError):
                while True:
                    file.write(bytes(4096))
        node.ctl("index", "delete", "older")
        self.assertEqual([i["name"] for i in node.json("index", "list")], ["main"])
        # With the room of that the others go on.
        for d in range(2, 102):
            self.assertEqual(self.insert(node, d).status_code, 200)
        self.check_documents(node, range(1, 102))
        self.assertEqual(node.stop(), 0)
        node = self.start(*FLAGS, data="disk/data")
        node.wait_for("main: ready at version")
        self.assertEqual([i["name"] for i in node.json("index", "list")], ["main"])
        self.check_documents(node, range(1, 102))
        self.assertEqual(requests.put(node.url("/old"), timeout=PATIENCE).json()["generation"], 2)

    def test_merges_without_room_stop_no_writes(self):
        flags = ["--checkpoint-age-ms", "0", "--checkpoint-threshold", "400", "--oplog-file-bytes", "65536"]
        node = self.start(*flags, "--idle-merge-after-ms", "0", "--segments-per-level", "64", data="disk/data")
        node.ctl("index", "create", "main")
        for part in range(4):
            lines = "".join(f"{part * 600 + d}|{','.join(map(str, hashes(part * 600 + d)))}\n" for d in range(1, 601))
            node.ctl("ingest", "main", "-", "--batch", "600", "--checkpoint", stdin=lines)
        self.assertEqual(node.stop(), 0)
        ballast = self.disk / "ballast"
        with open(ballast, "wb") as file:
            room = shutil.disk_usage(self.disk).free
            os.posix_fallocate(file.fileno(), 0, room - (1700 << 10))

        node = self.start(*flags, "--idle-merge-after-ms", "1000", data="disk/data")
        why = node.wait_for(r"main: merge of files failed: (.*)").group(1)
        self.assertRegex(why, "a merge may write [0-9]+ bytes; .* are kept for checkpoints and the log")
        documents = range(10_001, 10_901)
        with requests.Session() as client:
            codes = [client.put(node.url(f"/main/{d}"), json={"hashes": hashes(d)[:20]}, timeout=PATIENCE).status_code
                     for d in documents]
        self.assertEqual(codes, [200] * len(documents))
        [index] = [i for i in node.json("index", "list") if i["name"] == "main"]
        self.assertEqual(index["state"], "ready")
        # A smaller merge that succeeds when it is time to try again ends the error until the next one fails.
        self.assertIn("are kept for checkpoints and the log", node.ctl("merge", "main", check=1).stderr)
        status = node.json("status")["indexes"][0]
        self.assertRegex(status["maintenance_error"], "^merge of files: a merge may write [0-9]+ bytes[^;]*;[^;]*$")
        self.assertGreater(status["checkpoints"], 40)
        self.assertLess(status["num_file_segments"], 20, "small merges go on")
        metrics = requests.get(node.url("/_metrics"), timeout=PATIENCE).text
        tries = re.search(r'^fpindex_task_failures_total\{index="main",task="file_merge"\} (\d+)$', metrics, re.MULTILINE)
        self.assertEqual(len(re.findall(r"^\S+ error ", node.log(), re.MULTILINE)), int(tries.group(1)), "once a try")

        ballast.unlink()
        self.assertEqual(node.json("merge", "main")["num_file_segments"], 1)
        [index] = node.json("status")["indexes"]
        self.assertEqual((index["state"], index.get("maintenance_error")), ("ready", None))
        self.check_documents(node, range(1, 2401, 100))
        for d in documents[::50]:
            found = requests.post(node.url("/main/_search"), json={"query": hashes(d)[:20]}, timeout=PATIENCE).json()
            self.assertEqual(found["results"], [{"id": d, "score": 20}])
        self.assertEqual(node.stop(), 0)


if __name__ == "__main__":
    unittest.main()
