"""A page of a served file that is lost fails one index: not the process, and not the others."""

import ctypes
import fcntl
import json
import os
import pathlib
import shutil
import struct
import subprocess
import unittest

import requests

from support import PATIENCE, NodeTest, run_ctl

# Checkpoints on request only, so that a test knows its segments.
MANUAL = ["--checkpoint-age-ms", "0", "--idle-merge-after-ms", "0", "--segments-per-level", "64"]
BLOCK = 4096


def hashes(segment, document):
    return [document * 7919 + h * 104729 + segment for h in range(100)]


def physical_block(file):
    """Where the first block of a file lies on its device, in blocks."""
    with open(file, "rb") as f:
        return struct.unpack("i", fcntl.ioctl(f, 1, struct.pack("i", 0)))[0]  # FIBMAP


def page_out(process, addresses):
    """Takes pages from a process, so that it has to read them again. False where that is not allowed."""
    class Range(ctypes.Structure):
        _fields_ = [("begin", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    libc = ctypes.CDLL(None)
    libc.syscall.restype = ctypes.c_long
    pidfd = os.pidfd_open(process)
    try:
        for begin, end in addresses:
            one = Range(begin, end - begin)
            if libc.syscall(440, pidfd, ctypes.byref(one), 1, 21, 0) < 0:  # process_madvise, MADV_PAGEOUT
                return False
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("1")
    except OSError:
        return False
    finally:
        os.close(pidfd)
    return True


class Unreadable(NodeTest):
    def make_index(self, node, name):
        node.ctl("index", "create", name)
        for s in range(3):
            lines = "".join(f"{s * 1000 + d}|{','.join(map(str, hashes(s, d)))}\n" for d in range(1, 51))
            node.ctl("ingest", name, "-", "--checkpoint", stdin=lines)

    def segments(self, name):
        return sorted((self.folder / "data" / name / "v1" / "data").glob("*.seg"))

    def search(self, node, name, segment=1, document=7):
        return requests.post(node.url(f"/{name}/_search"), json={"query": hashes(segment, document)},
                             timeout=PATIENCE)

    def expect_found(self, node, name, segment=1, document=7):
        answer = self.search(node, name, segment, document)
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual(answer.json()["results"][0], {"id": segment * 1000 + document, "score": 100})

    def expect_failed(self, node, name, file, segment=1, document=7):
        for _ in range(3):
            answer = self.search(node, name, segment, document)
            self.assertEqual(answer.status_code, 503)
            self.assertIn("IndexFailed", answer.text)
        [index] = [i for i in node.json("index", "list") if i["name"] == name]
        self.assertEqual(index["state"], "failed")
        self.assertIn(file.name, index["reason"])
        self.assertIn("offset", index["reason"])
        self.assertEqual(requests.get(node.url(f"/{name}/_health"), timeout=PATIENCE).status_code, 503)
        self.assertEqual(node.log().count(f"{name}: failed: "), 1)
        self.assertIsNone(node.process.poll())

    def put_back(self, node, name, file, contents):
        beside = file.with_suffix(".new")
        beside.write_bytes(contents)
        beside.rename(file)
        self.assertEqual(node.json("reload", name)["state"], "ready")
        self.expect_found(node, name)

    def test_a_file_that_is_cut_short(self):
        node = self.start(*MANUAL)
        for name in "lost", "other":
            self.make_index(node, name)
        victim = self.segments("lost")[1]
        contents = victim.read_bytes()
        for left in 0, BLOCK, 2 * BLOCK:
            self.expect_found(node, "lost")
            count = node.log().count("lost: failed: ")
            os.truncate(victim, left)
            with self.subTest(left):
                # Whatever a search meets first.
                for document in range(1, 51):
                    if self.search(node, "lost", 1, document).status_code != 200:
                        break
                self.assertEqual(self.search(node, "lost").status_code, 503)
                self.expect_found(node, "other")
                if count == 0:
                    self.expect_failed(node, "lost", victim)
                self.put_back(node, "lost", victim, contents)
        self.assertEqual(node.stop(), 0)

    def test_a_copy_over_a_served_file(self):
        node = self.start(*MANUAL)
        for name in "lost", "other":
            self.make_index(node, name)
        victim, stranger = self.segments("lost")[1], self.segments("other")[0]
        # Another file's bytes in the place: nothing that was checked holds any more.
        for source in stranger, self.segments("lost")[0]:
            shutil.copyfile(source, victim)
            for document in range(1, 51):
                self.assertIn(self.search(node, "lost", 1, document).status_code, (200, 503))
            self.expect_found(node, "other")
        self.assertIsNone(node.process.poll())
        self.assertEqual(node.stop(), 0)

    def test_a_disk_that_gives_an_error(self):
        node = self.start(*MANUAL)
        for name in "lost", "other":
            self.make_index(node, name)
        self.assertEqual(node.stop(), 0)
        image, disk = self.folder / "image", self.folder / "disk"
        with open(image, "wb") as f:
            f.truncate(16 << 20)
        disk.mkdir()
        for command in (["mkfs.ext4", "-q", "-F", "-b", str(BLOCK), "-O", "^has_journal", image],
                        ["mount", "-o", "loop,noatime", image, disk]):
            try:
                done = subprocess.run(command, capture_output=True, text=True)
            except FileNotFoundError as e:
                self.skipTest(f"no file system can be made: {e}")
            if done.returncode != 0:
                self.skipTest(f"no file system on a device of its own may be mounted: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        home = self.folder / "data" / "lost"
        shutil.move(home, disk / "lost")
        home.symlink_to(disk / "lost")
        victim = self.segments("lost")[1]
        os.sync()

        node = self.start(*MANUAL)
        for name in "lost", "other":
            node.json("watch", name)
        self.expect_found(node, "lost")
        mapped = [line.split()[0].split("-") for line in
                  pathlib.Path(f"/proc/{node.process.pid}/maps").read_text().splitlines() if victim.name in line
                  and "/lost/" in line]
        self.assertEqual(len(mapped), 1)
        # What the device has lost it can only answer with an error.
        os.truncate(image, physical_block(victim) * BLOCK)
        if not page_out(node.process.pid, [(int(b, 16), int(e, 16)) for b, e in mapped]):
            self.skipTest("pages may not be taken from a process")
        self.expect_failed(node, "lost", victim)
        self.expect_found(node, "other")
        self.assertEqual(node.stop(), 0)

        done = run_ctl(1, "--json", "check", self.folder / "data")
        self.assertEqual(done.returncode, 1, done.stderr)
        report = json.loads(done.stdout)
        rows = {f["file"]: f for i in report["indexes"] for f in i["files"]}
        self.assertEqual(rows[str(victim)]["verdict"], "unreadable")
        self.assertTrue(report["damaged"])
        others = [f["verdict"] for f in rows.values() if "/other/" in f["file"]]
        self.assertGreater(len(others), 4)
        self.assertEqual(set(others), {"fine"})


if __name__ == "__main__":
    unittest.main()
