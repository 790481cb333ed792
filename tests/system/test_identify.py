"""Folders of sound in, names out: fpctl add and fpctl identify with a node, on sound that is made here."""

import array
import math
import random
import subprocess
import unittest
import wave

from support import NodeTest

RATE = 11025


def melody(seed, seconds):
    """Notes of random pitch, six a second, with overtones: as many different hashes as music."""
    pitches = random.Random(seed)
    samples = array.array("h")
    period = [[math.sin(2 * math.pi * i / 512) + math.sin(4 * math.pi * i / 512) / 2 + math.sin(6 * math.pi * i / 512) / 3
               for i in range(512)]][0]
    hz = (440, 440)
    for i in range(int(seconds * RATE)):
        if i % (RATE // 6) == 0:
            hz = [110 * 2 ** (pitches.randrange(36) / 12) for _ in range(2)]
        samples.append(int(4000 * sum(period[int(x * i * 512 / RATE) % 512] for x in hz)))
    return samples


def write(path, samples, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.tobytes())
    return path


def cut(samples, at_s, seconds):
    begin = int(at_s * RATE)
    return samples[begin:begin + int(seconds * RATE)]


class IdentifyTest(NodeTest):
    def setUp(self):
        super().setUp()
        self.songs = {name: melody(seed, 45) for seed, name in enumerate(("winter sky", "two rivers", "old road"))}
        for name, samples in self.songs.items():
            write(self.folder / "songs" / f"{name}.wav", samples)
        self.node = self.start()
        self.library = self.folder / "library.sqlite"
        self.node.ctl("add", "music", self.folder / "songs", "--library", self.library)

    def identify(self, *words, check=0, stdin=None):
        return self.node.json("identify", "music", "--library", self.library, *words, check=check, stdin=stdin)

    def test_names_clips_with_their_places(self):
        clip = write(self.folder / "clip.wav", cut(self.songs["two rivers"], 20.3, 10))
        said = self.node.ctl("identify", "music", clip, "--library", self.library).stdout
        self.assertRegex(said, r'^.*clip\.wav is "two rivers.*" \(.*/two rivers\.wav\) at 0:20, sure\n$')
        answer = self.identify(clip)[0]
        self.assertEqual(answer["verdict"], "sure")
        best = answer["results"][0]
        self.assertTrue(best["path"].endswith("two rivers.wav"))
        self.assertAlmostEqual(best["place_s"], 20.3, delta=0.1)
        self.assertLess(best["wrong_bits"], 0.1)

    def test_says_why_something_has_no_name(self):
        unknown = write(self.folder / "unknown.wav", melody(77, 10))
        silent = write(self.folder / "silent.wav", array.array("h", [0] * RATE * 10))
        short = write(self.folder / "short.wav", cut(self.songs["old road"], 3, 2))
        answers = self.identify(unknown, silent, short, check=5)
        self.assertEqual([a["verdict"] for a in answers], ["none"] * 3)
        self.assertEqual(answers[1]["reason"], "nothing but silence")
        self.assertIn("too short", answers[2]["reason"])
        said = self.node.ctl("identify", "music", silent, "--library", self.library, check=5).stdout
        self.assertTrue(said.endswith("silent.wav: no match: nothing but silence\n"), said)

    def test_shares_as_many_hashes_as_it_must(self):
        clip = write(self.folder / "clip.wav", cut(self.songs["two rivers"], 20.3, 10))
        best = self.identify(clip, "--fast", "--speeds", "0")[0]["results"][0]
        score = best["score"]
        self.assertGreater(score, 1)
        again = self.identify(clip, "--fast", "--speeds", "0", "--min-score", str(score))[0]
        self.assertEqual(again["results"][0]["id"], best["id"])
        none = self.identify(clip, "--fast", "--speeds", "0", "--min-score", str(score + 1), check=5)[0]
        self.assertEqual((none["verdict"], none["results"]), ("none", []))

    def test_says_that_a_clip_was_decoded_in_part(self):
        clip = write(self.folder / "clip.wav", cut(self.songs["two rivers"], 10, 20))
        whole, half = self.folder / "whole.m4a", self.folder / "half.m4a"
        subprocess.run(["ffmpeg", "-v", "error", "-i", clip, "-movflags", "+faststart", whole], check=True, timeout=120)
        half.write_bytes(whole.read_bytes()[:whole.stat().st_size * 3 // 5])
        told = self.node.ctl("identify", "music", half, "--library", self.library)
        self.assertRegex(told.stderr, r"half\.m4a\W*: only 0:\d\d of 0:20 could be decoded")
        self.assertIn('is "two rivers', told.stdout)
        answer = self.identify(half)[0]
        self.assertAlmostEqual(answer["promised_seconds"], 20, delta=0.2)
        self.assertLess(answer["seconds"], 15)
        told = self.node.ctl("identify", "music", whole, "--library", self.library)
        self.assertEqual(told.stderr, "")

    def test_takes_folders_and_standard_input(self):
        for i, name in enumerate(self.songs):
            write(self.folder / "clips" / f"{i}.wav", cut(self.songs[name], 5 + i, 10))
        answers = self.identify(self.folder / "clips")
        self.assertEqual(len(answers), 3)
        for answer, name in zip(answers, self.songs):
            self.assertTrue(answer["results"][0]["path"].endswith(f"{name}.wav"))
        with open(self.folder / "clips" / "1.wav", "rb") as sound:
            done = subprocess.run([*self.fpctl(), "identify", "music", "-", "--library", self.library], stdin=sound,
                                  capture_output=True, text=True, timeout=120)
        self.assertIn('- is "two rivers', done.stdout)

    def fpctl(self):
        from support import BUILD
        return [BUILD / "fpctl", "--port", str(self.node.port)]

    def test_finds_the_speed(self):
        clip = write(self.folder / "fast.wav", cut(self.songs["old road"], 10, 20), rate=int(RATE * 1.03))
        answer = self.identify(clip)[0]
        self.assertNotEqual(answer["verdict"], "none")
        best = answer["results"][0]
        self.assertTrue(best["path"].endswith("old road.wav"))
        self.assertAlmostEqual(best["speed"], 1.03, delta=0.003)
        self.assertEqual(self.identify(clip, "--fast", check=5)[0]["verdict"], "none")
        self.assertIn("3.0 % faster", self.node.ctl("identify", "music", clip, "--library", self.library).stdout)

    def test_a_long_recording_is_a_playlist(self):
        programme = cut(self.songs["winter sky"], 0, 40) + melody(78, 40) + cut(self.songs["two rivers"], 5, 40)
        hour = write(self.folder / "hour.wav", programme)
        listed = self.identify(hour, "--playlist")[0]["playlist"]
        self.assertEqual([e.get("path", "").rpartition("/")[2] for e in listed], ["winter sky.wav", "", "two rivers.wav"])
        self.assertAlmostEqual(listed[2]["begin_s"] - listed[2]["place_s"], 75, delta=0.5)
        said = self.node.ctl("identify", "music", hour, "--playlist", "--library", self.library).stdout
        self.assertRegex(said, r'0:00 to 0:[34]\d  "winter sky')

    def test_without_a_library_tells_numbers_and_is_never_sure(self):
        clip = write(self.folder / "clip.wav", cut(self.songs["two rivers"], 20, 10))
        empty = self.folder / "no folder"
        done = self.node.ctl("identify", "music", clip, "--library", self.other_library())
        self.assertRegex(done.stdout, r"clip\.wav is document \d+, likely \(\d+ shared hashes\)")
        self.assertFalse(empty.exists())

    def other_library(self):
        """A library that knows nothing of the index."""
        other = self.folder / "other.sqlite"
        self.node.ctl("add", "other", self.folder / "songs" / "old road.wav", "--library", other)
        return other

    def test_finds_a_telephone_call_in_the_telephones_band(self):
        self.node.ctl("add", "music", self.folder / "songs", "--library", self.library, "--form", "phone")
        write(self.folder / "clean.wav", cut(self.songs["winter sky"], 12, 12))
        subprocess.run(["ffmpeg", "-v", "error", "-i", self.folder / "clean.wav", "-af",
                        "highpass=f=300,highpass=f=300,highpass=f=300,lowpass=f=3400", "-ar", "8000",
                        self.folder / "call.wav"], check=True)
        answer = self.identify(self.folder / "call.wav")[0]
        self.assertNotEqual(answer["verdict"], "none")
        self.assertTrue(answer["results"][0]["path"].endswith("winter sky.wav"))
        forced = self.identify(self.folder / "call.wav", "--form", "phone")[0]
        self.assertEqual(forced["results"][0]["form"], "phone")


if __name__ == "__main__":
    unittest.main()
