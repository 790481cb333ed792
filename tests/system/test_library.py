"""Folders of recordings added to an index, and what the library knows of them."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import unittest

from sound import write_song
from support import BUILD, PATIENCE, NodeTest, run_ctl


@unittest.skipUnless(shutil.which("fpcalc"), "needs fpcalc")
class Library(NodeTest):
    def setUp(self):
        super().setUp()
        self.music = (self.folder / "music").resolve()
        self.music.mkdir()
        self.library = self.folder / "library.sqlite"
        before = os.environ.get("FPCTL_LIBRARY")
        os.environ["FPCTL_LIBRARY"] = str(self.library)
        self.addCleanup(lambda: os.environ.pop("FPCTL_LIBRARY") if before is None
                        else os.environ.update(FPCTL_LIBRARY=before))

    def songs(self, *names, **how):
        for name in names:
            write_song(self.music / name, name, **how)

    def listed(self, node):
        """Recordings by their paths below the folder."""
        return {os.path.relpath(r["path"], self.music): r for r in node.json("library", "list", "main")}

    def ids(self, node):
        return {name: r["id"] for name, r in self.listed(node).items()}

    def assert_well(self, node):
        """Library, index and files are at one, and the index holds nothing else."""
        found = node.json("library", "doctor", "main")
        self.assertEqual((found["findings"], found["unknown_documents"]), ([], 0))
        self.assertEqual(node.json("index", "info", "main")["num_documents"], found["recordings"])

    def assert_finds(self, node, name, document):
        """The index knows a file by its own hashes."""
        heard = json.loads(subprocess.run(["fpcalc", "-raw", "-json", "-length", "0", self.music / name],
                                          capture_output=True, timeout=PATIENCE).stdout)["fingerprint"]
        found = node.json("search", "main", ",".join(map(str, heard)))
        self.assertEqual((found["results"][0]["id"], found["results"][0]["score"]), (document, len(set(heard))))

    def test_a_folder_is_added_and_known_then(self):
        node = self.start()
        self.songs("a.wav", "deep/er/b.wav")
        (self.music / "cover.jpg").write_bytes(b"no sound")
        told = node.ctl("add", "main", self.music)
        self.assertIn("index main created, generation 1", told.stderr)
        self.assertRegex(told.stdout, r"(?m)^added +2$")
        again = node.json("add", "main", self.music)
        self.assertEqual((again["added"], again["unchanged"], again["left_alone"]), ([], 2, 1))
        listed = self.listed(node)
        self.assertEqual(sorted(listed), ["a.wav", "deep/er/b.wav"])
        self.assertEqual(listed["a.wav"]["title"], "a")
        self.assertAlmostEqual(listed["a.wav"]["duration_s"], 6, places=1)
        for name, recording in listed.items():
            self.assertEqual(recording["state"], "stored")
            self.assert_finds(node, name, recording["id"])
        self.assert_well(node)

    @unittest.skipUnless(shutil.which("ffmpeg"), "needs ffmpeg")
    def test_titles_come_from_tags_and_codecs_that_are_half_read_are_named(self):
        node = self.start()
        self.songs("s.wav", seconds=20)
        for name, *flags in [("t.flac", "-metadata", "title=Winter Sky", "-metadata", "ARTIST=Nörd"),
                             ("t.ogg", "-metadata", "title=Sommer"), ("part.m4a", "-movflags", "+faststart")]:
            subprocess.run(["ffmpeg", "-v", "error", "-i", self.music / "s.wav", *flags, self.music / name],
                           check=True, timeout=PATIENCE)
        # Its beginning tells how long it was.
        part = self.music / "part.m4a"
        part.write_bytes(part.read_bytes()[:part.stat().st_size // 2])
        told = node.ctl("add", "main", self.music, check=5)
        self.assertRegex(told.stderr, r"part\.m4a\": fingerprinted in part: \d+ hashes, where 20\.\d s promise 14\d")
        listed = self.listed(node)
        self.assertEqual((listed["t.flac"]["title"], listed["t.flac"]["artist"]), ("Winter Sky", "Nörd"))
        self.assertEqual(listed["t.ogg"]["title"], "Sommer")
        # Files of the same recording are pointed out.
        groups = node.json("library", "duplicates", "main")
        self.assertEqual([sorted(os.path.basename(m["path"]) for m in g) for g in groups],
                         [["part.m4a", "s.wav", "t.flac", "t.ogg"]])

    def test_what_cannot_be_read_is_listed_and_stops_nothing(self):
        node = self.start()
        self.songs("a.wav")
        (self.music / "broken.mp3").write_bytes(b"no music")
        self.songs("short.wav", seconds=1)
        told = node.json("add", "main", self.music, self.folder / "nowhere", check=5)
        self.assertEqual(sorted(os.path.basename(u["path"]) for u in told["unreadable"]),
                         ["broken.mp3", "nowhere", "short.wav"])
        self.assertEqual(sorted(self.listed(node)), ["a.wav"])
        self.assert_well(node)
        self.assertIn("no such file or folder", node.ctl("add", "other", self.folder / "nowhere", check=1).stderr)
        self.assertEqual([i["name"] for i in node.json("index", "list")], ["main"])

    def test_a_folder_is_followed(self):
        node = self.start()
        self.songs("same.wav", "changed.wav", "touched.wav", "moved.wav", "gone.wav")
        node.ctl("sync", "main", self.music)
        before = self.ids(node)
        write_song(self.music / "changed.wav", "other")
        os.utime(self.music / "touched.wav", (1, 1))
        (self.music / "sub").mkdir()
        (self.music / "moved.wav").rename(self.music / "sub" / "elsewhere.wav")
        (self.music / "gone.wav").unlink()
        self.songs("new.wav")
        planned = node.json("sync", "main", self.music, "--dry-run")
        self.assertEqual(self.ids(node), before)
        told = node.json("sync", "main", self.music)
        for what in ["added", "moved", "deleted"]:
            self.assertEqual([i["path"] for i in planned[what]], [i["path"] for i in told[what]], what)
        names = {what: [os.path.relpath(i["path"], self.music) for i in told[what]]
                 for what in ["added", "replaced", "touched", "moved", "deleted"]}
        self.assertEqual(names, {"added": ["new.wav"], "replaced": ["changed.wav"], "touched": ["touched.wav"],
                                 "moved": ["sub/elsewhere.wav"], "deleted": ["gone.wav"]})
        after = self.ids(node)
        self.assertEqual(after, {"same.wav": before["same.wav"], "changed.wav": before["changed.wav"],
                                 "touched.wav": before["touched.wav"], "sub/elsewhere.wav": before["moved.wav"],
                                 "new.wav": after["new.wav"]})
        for name, document in after.items():
            self.assert_finds(node, name, document)
        self.assert_well(node)

    def test_a_dry_run_needs_neither_library_nor_node(self):
        self.songs("a.wav")
        told = run_ctl(1, "sync", "main", self.music, "--dry-run")
        self.assertEqual(told.returncode, 0)
        self.assertRegex(told.stdout, r"(?m)^add +- +.*/a\.wav$")
        self.assertFalse(self.library.exists())

    def test_a_disk_that_is_not_there_deletes_nothing(self):
        node = self.start()
        self.songs("a.wav", "disk/b.wav", "disk/c.wav")
        node.ctl("add", "main", self.music)
        shutil.move(self.music / "disk", self.folder / "unmounted")
        (self.music / "disk").mkdir()
        told = node.json("sync", "main", self.music, check=5)
        self.assertEqual((told["deleted"], told["refused"]), ([], [str(self.music / "disk")]))
        self.assertEqual(len(self.listed(node)), 3)
        shutil.move(self.music, self.folder / "all")
        for exists in [False, True]:
            if exists:
                self.music.mkdir()
            node.ctl("sync", "main", self.music, check=5 if exists else 1)
            self.assertEqual(len(self.listed(node)), 3)
        self.assertEqual(len(node.json("sync", "main", self.music, "--allow-empty")["deleted"]), 3)
        self.assertEqual(self.listed(node), {})
        self.assert_well(node)

    def test_recordings_are_removed_by_path_folder_and_number(self):
        node = self.start()
        self.songs("a.wav", "b.wav", "x/c.wav", "x/d.wav", "e.wav")
        node.ctl("add", "main", self.music)
        number = self.ids(node)["b.wav"]
        told = node.json("library", "remove", "main", self.music / "a.wav", number, self.music / "x", "4000", check=5)
        self.assertEqual(sorted(os.path.relpath(r["path"], self.music) for r in told["removed"]),
                         ["a.wav", "b.wav", "x/c.wav", "x/d.wav"])
        self.assertEqual(told["absent"], ["4000"])
        self.assertEqual(list(self.listed(node)), ["e.wav"])
        self.assert_well(node)
        self.assertTrue((self.music / "a.wav").exists())

    def test_ids_of_others_are_left_alone(self):
        node = self.start()
        node.ctl("index", "create", "main")
        node.ctl("ingest", "main", "-", stdin="7|11,12,13\n")
        self.songs("a.wav")
        node.ctl("add", "main", self.music)
        self.assertEqual(self.ids(node), {"a.wav": 8})
        # Somebody writes over the document: it stays theirs.
        node.ctl("ingest", "main", "-", stdin="8|21,22,23\n")
        found = node.json("library", "doctor", "main", check=1)
        self.assertEqual([f["what"] for f in found["findings"]], ["rewritten"])
        self.assertEqual((found["unknown_documents"], found["first_unknown_documents"]), (1, [7]))
        node.ctl("library", "doctor", "main", "--repair")
        self.assertEqual(self.ids(node), {"a.wav": 9})
        self.assert_finds(node, "a.wav", 9)
        self.assertEqual(node.json("search", "main", "21,22,23")["results"], [{"id": 8, "score": 3}])

    def test_an_index_that_was_made_anew_is_noticed(self):
        node = self.start()
        self.songs("a.wav", "b.wav")
        node.ctl("add", "main", self.music)
        node.ctl("index", "delete", "main")
        told = node.ctl("add", "main", self.music)
        self.assertIn("2 recordings of the library are sent again", told.stderr)
        self.assert_well(node)
        # In its place is one with documents of its own.
        node.ctl("index", "delete", "main")
        node.ctl("index", "create", "main")
        node.ctl("ingest", "main", "-", stdin="1|11,12\n2|21,22\n")
        refused = node.ctl("add", "main", self.music, check=1)
        self.assertRegex(refused.stderr, r"generation 3.*is another one.*generation 2.*fpctl library doctor main --repair")
        found = node.json("library", "doctor", "main", check=1)
        self.assertEqual([f["what"] for f in found["findings"]], ["other_index"])
        node.ctl("library", "doctor", "main", "--repair")
        self.assertEqual(sorted(self.ids(node).values()), [3, 4])
        self.assertEqual(node.json("search", "main", "21,22")["results"], [{"id": 2, "score": 2}])
        self.assertEqual(node.json("library", "doctor", "main")["unknown_documents"], 2)

    def test_the_doctor_names_what_is_wrong_and_what_mends_it(self):
        node = self.start()
        self.songs("whole.wav", "missing.wav", "damaged.wav", "vanished.wav", "changed.wav")
        node.ctl("add", "main", self.music)
        ids = self.ids(node)
        node.ctl("delete", "main", ids["missing.wav"])
        noticed = node.ctl("add", "main", self.music).stderr
        self.assertIn("has 4 documents, and the library 5 recordings that it should have", noticed)
        (self.music / "vanished.wav").unlink()
        os.utime(self.music / "changed.wav", (1, 1))
        with sqlite3.connect(self.library) as raw:
            raw.execute("UPDATE fingerprints SET hashes = zeroblob(length(hashes)) WHERE id = ?", (ids["damaged.wav"],))
        raw.close()
        cures = {"missing": "fpctl library doctor main --repair", "damaged": "fpctl add main --again FILE...",
                 "vanished": "fpctl sync main FOLDER...", "changed": "fpctl sync main FOLDER..."}
        found = node.json("library", "doctor", "main", check=1)["findings"]
        self.assertEqual({os.path.basename(f["path"]): (f["what"], f["cure"]) for f in found},
                         {f"{what}.wav": (what, cure) for what, cure in cures.items()})
        shown = node.ctl("library", "doctor", "main", check=1).stdout
        for cure in cures.values():
            self.assertIn("mend: " + cure, shown)
        node.ctl("library", "doctor", "main", "--repair", check=1)
        node.ctl("add", "main", "--again", self.music / "damaged.wav")
        node.ctl("sync", "main", self.music)
        self.assert_well(node)
        self.assertEqual(self.ids(node), {n: i for n, i in ids.items() if n != "vanished.wav"})

    def test_kills_lose_nothing(self):
        node = self.start()
        names = [f"{i:02}.wav" for i in range(24)]
        self.songs(*names, seconds=4)
        chance = random.Random(20261129)
        kills = self.run_until_done(node, chance, "add")
        self.assertGreater(kills, 2)
        ids = self.ids(node)
        self.assertEqual(sorted(ids), names)
        self.assert_well(node)
        # The same with files that change, move and vanish.
        for i, name in enumerate(names):
            if i % 4 == 1:
                write_song(self.music / name, "other " + name, seconds=4)
            elif i % 4 == 2:
                (self.music / name).rename(self.music / ("moved-" + name))
            elif i % 4 == 3:
                (self.music / name).unlink()
        self.run_until_done(node, chance, "sync")
        after = self.ids(node)
        self.assert_well(node)
        wanted = {name if i % 4 < 2 else "moved-" + name: ids[name] for i, name in enumerate(names) if i % 4 != 3}
        self.assertEqual(after, wanted)
        for name, document in list(after.items())[::5]:
            self.assert_finds(node, name, document)

    def run_until_done(self, node, chance, command):
        """Kills runs after random times, until one has ended by itself. Returns how many were killed."""
        kills = 0
        while True:
            run = subprocess.Popen([BUILD / "fpctl", "--port", str(node.port), command, "main", self.music],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                # Ever later, so that the end is reached.
                self.assertEqual(run.wait(chance.uniform(0, 0.1 + 0.1 * kills)), 0)
                return kills
            except subprocess.TimeoutExpired:
                run.kill()
                self.assertEqual(run.wait(PATIENCE), -signal.SIGKILL)
                kills += 1

    def test_a_node_that_goes_away_loses_nothing(self):
        node = self.start()
        self.songs("a.wav")
        node.ctl("add", "main", self.music)
        node.process.send_signal(signal.SIGSTOP)
        self.songs("b.wav", "c.wav")
        stopped = run_ctl(node.port, "--timeout", "1", "add", "main", self.music)
        self.assertNotEqual(stopped.returncode, 0)
        node.process.send_signal(signal.SIGCONT)
        node.ctl("add", "main", self.music)
        self.assertEqual(sorted(self.listed(node)), ["a.wav", "b.wav", "c.wav"])
        self.assert_well(node)

    def test_one_at_a_time_brings_library_and_index_together(self):
        node = self.start()
        self.songs("a.wav")
        node.ctl("add", "main", self.music)
        # Waits for a fingerprint that never comes.
        os.mkfifo(self.folder / "endless")
        fake = self.folder / "bin" / "fpcalc"
        fake.parent.mkdir()
        fake.write_text(f"#!/bin/sh\nexec cat {self.folder / 'endless'}\n")
        fake.chmod(0o755)
        self.songs("b.wav")
        first = subprocess.Popen([BUILD / "fpctl", "--port", str(node.port), "add", "main", self.music],
                                 env={**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}"},
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        writer = open(self.folder / "endless", "w")  # returns once it reads
        try:
            refused = node.ctl("sync", "main", self.music, check=1)
            self.assertIn(f"another fpctl is at work with this library (process {first.pid})", refused.stderr)
            self.assertEqual(len(self.listed(node)), 1)
        finally:
            first.kill()
            first.wait(PATIENCE)
            writer.close()
        node.ctl("sync", "main", self.music)
        self.assert_well(node)

    def test_files_that_are_no_libraries_are_refused(self):
        node = self.start()
        self.songs("a.wav")
        self.library.write_text("no library")
        for words in [["add", "main", self.music], ["library", "list", "main"]]:
            self.assertIn("is no library of recordings", node.ctl(*words, check=1).stderr)
        self.assertEqual(self.library.read_text(), "no library")
        other = self.folder / "deep" / "other.sqlite"
        node.ctl("add", "main", self.music, "--library", other)
        self.assertEqual(len(node.json("library", "list", "main", "--library", other)), 1)
        node.ctl("library", "list", "unknown", "--library", other, check=4)


if __name__ == "__main__":
    unittest.main()
