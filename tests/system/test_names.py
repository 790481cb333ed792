"""Names of recordings over HTTP and on the operator's page, of a node that has a library."""

import base64
import concurrent.futures
import json
import os
import shutil
import subprocess
import unittest
import unittest.mock

import requests
from selenium.webdriver.common.keys import Keys

from page_support import MANUAL, PageTest
from sound import write_song
from support import PATIENCE

AS_JSON = {"Content-Type": "audio/mp4", "Accept": "application/json"}


@unittest.skipUnless(shutil.which("fpcalc"), "needs fpcalc")
class Names(PageTest):
    def setUp(self):
        super().setUp()
        self.music = self.folder / "music"
        self.music.mkdir()
        self.library = self.folder / "library.sqlite"
        for name in "Winter Sky", "Summer Rain":
            write_song(self.music / f"{name}.wav", name, seconds=30)

    def start_with_library(self):
        return self.start(*MANUAL, "--library", str(self.library))

    def hashes(self, name, first=0):
        heard = subprocess.run(["fpcalc", "-raw", "-json", "-length", "0", self.music / f"{name}.wav"],
                               capture_output=True, timeout=PATIENCE).stdout
        return json.loads(heard)["fingerprint"][first:]

    def identify(self, node, hashes, index="music"):
        return requests.post(node.url(f"/{index}/_identify"), json={"query": hashes}, timeout=PATIENCE)

    def test_names_places_and_verdicts(self):
        node = self.start_with_library()
        node.ctl("index", "create", "music")
        # There is no library yet, and then one.
        self.assertEqual(self.identify(node, [1, 2, 3]).json(),
                         {"verdict": "none", "reason": "nothing like it", "results": []})
        node.ctl("add", "music", self.music, "--library", self.library)
        for name in "Winter Sky", "Summer Rain":
            found = self.identify(node, self.hashes(name, 80)).json()
            self.assertEqual(found["verdict"], "sure", found)
            best = found["results"][0]
            self.assertIn(name, best["title"])
            self.assertAlmostEqual(best["place"], 80 * 1365 / 11025, places=3)
            self.assertEqual(best["error"], 0)
        self.assertEqual(self.identify(node, [627964279] * 50).json()["reason"], "nothing but silence")
        # Documents that the library does not know, and an index that was made anew.
        node.ctl("ingest", "music", "-", stdin="900|1,2,3,4,5,6,7,8,9\n")
        self.assertEqual(self.identify(node, list(range(1, 10))).json()["results"], [{"id": 900, "score": 9}])
        node.ctl("index", "delete", "music")
        node.ctl("index", "create", "music")
        document = ",".join(map(str, self.hashes("Winter Sky")))
        node.ctl("ingest", "music", "-", stdin=f"1|{document}\n")
        again = self.identify(node, self.hashes("Winter Sky")).json()
        self.assertEqual((again["verdict"], list(again["results"][0])), ("none", ["id", "score"]))

    def test_without_a_library_there_is_no_such_place(self):
        node = self.start(*MANUAL)
        node.ctl("index", "create", "music")
        answer = self.identify(node, [1, 2, 3])
        self.assertEqual((answer.status_code, answer.json()["error"]), (404, "NotFound"))

    def test_a_library_that_cannot_be_read_is_logged_once(self):
        self.library.write_bytes(b"no library of any kind, but long enough to be looked at")
        node = self.start_with_library()
        node.ctl("index", "create", "music")
        node.ctl("ingest", "music", "-", stdin="1|1,2,3\n")
        for _ in range(3):
            self.assertEqual(self.identify(node, [1, 2, 3]).json()["results"], [{"id": 1, "score": 3}])
        self.assertEqual(self.identify(node, [1, 2, 3], "none").status_code, 404)
        self.assertEqual(node.stop(), 0)
        self.assertEqual(len([line for line in node.log().splitlines() if "no names of recordings" in line]), 1)

    def clip(self, name, first=10, seconds=12):
        """A clip of a song whose container must be sought in: its directory comes last."""
        clip = self.folder / f"clip of {name}.m4a"
        subprocess.run(["ffmpeg", "-v", "error", "-ss", str(first), "-t", str(seconds), "-i",
                        self.music / f"{name}.wav", clip], check=True, timeout=PATIENCE)
        return clip

    def test_sound_is_fingerprinted_where_that_is_allowed(self):
        node = self.start(*MANUAL, "--library", str(self.library), "--fingerprint-audio", "on")
        node.ctl("add", "music", self.music, "--library", self.library)

        def heard(sound):
            return requests.post(node.url("/_fingerprint"), data=sound, headers=AS_JSON,
                                 timeout=PATIENCE)

        found = heard(self.clip("Summer Rain").read_bytes()).json()
        self.assertAlmostEqual(found["seconds"], 12, delta=0.2)
        self.assertEqual((len(found["plain"]), len(found["phone"])), (4, 4))
        answers = [self.identify(node, hashes).json() for hashes in found["plain"]]
        best = max(answers, key=lambda a: ["none", "likely", "sure"].index(a["verdict"]))
        self.assertEqual(best["verdict"], "sure", answers)
        self.assertIn("Summer Rain", best["results"][0]["title"])
        self.assertAlmostEqual(best["results"][0]["place"], 10, delta=0.5)
        self.assertNotEqual(found["plain"], found["phone"])
        # The whole file, as fpcalc hears it.
        whole = heard((self.music / "Winter Sky.wav").read_bytes()).json()["plain"][0]
        self.assertEqual(whole, self.hashes("Winter Sky"))
        # Too short for a hash, and no sound at all; a list of files opens none of them.
        short = write_song(self.folder / "short.wav", "short", seconds=2).read_bytes()
        self.assertEqual(heard(short).json(), {"seconds": 2, "plain": [], "phone": []})
        playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:30\n#EXTINF:30,\n{self.music}/Winter Sky.wav\n#EXT-X-ENDLIST\n"
        for nothing in b"", b"words, and no sound in them\n" * 100, playlist.encode():
            refused = heard(nothing)
            self.assertEqual((refused.status_code, refused.json()["error"]), (400, "BadRequest"), nothing)
            self.assertTrue(refused.json()["reason"])
        self.assertEqual(heard(b"x" * (17 << 20)).status_code, 413)
        self.assertEqual(node.stop(), 0)

    def test_sound_waits_for_a_bounded_number_of_others(self):
        programs = self.folder / "programs"
        programs.mkdir()
        gate = self.folder / "gate"
        os.mkfifo(gate)
        (programs / "ffmpeg").write_text(f"#!/bin/sh\nexec cat '{gate}'\n")
        (programs / "ffmpeg").chmod(0o755)
        with unittest.mock.patch.dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}"):
            node = self.start(*MANUAL, "--fingerprint-audio", "on")
        with concurrent.futures.ThreadPoolExecutor(5) as clients:
            waiting = [clients.submit(requests.post, node.url("/_fingerprint"), data=b"sound", headers=AS_JSON,
                                      timeout=PATIENCE) for _ in range(5)]
            refused = next(concurrent.futures.as_completed(waiting)).result()
            self.assertEqual((refused.status_code, refused.json()["error"]), (503, "Overloaded"))
            # Whoever decodes now goes on, and there is nothing for the others.
            with open(gate, "wb") as sound:
                gate.unlink()
                sound.write(bytes(11025 * 2 * 10))
            answers = [answer.result() for answer in waiting]
        self.assertEqual(sorted(a.status_code for a in answers), [200, 400, 400, 400, 503])
        self.assertEqual([len(a.json()["plain"]) for a in answers if a.status_code == 200], [4])
        self.assertEqual(node.stop(), 0)

    def test_nobody_sends_sound_where_that_is_not_allowed(self):
        node = self.start(*MANUAL)
        answer = requests.post(node.url("/_fingerprint"), data=b"sound", headers=AS_JSON, timeout=PATIENCE)
        self.assertEqual((answer.status_code, answer.json()["error"]), (404, "NotFound"))
        with unittest.mock.patch.dict(os.environ, PATH=str(self.folder)):
            code, said = self.start_refused(*MANUAL, "--fingerprint-audio", "on", data="other")
        self.assertEqual(code, 2)
        self.assertIn("fingerprint_audio: ffmpeg or prlimit is not installed", said)

    def test_the_page_takes_a_file_of_sound(self):
        node = self.start(*MANUAL, "--library", str(self.library), "--fingerprint-audio", "on")
        node.ctl("add", "music", self.music, "--library", self.library)
        self.browser.open(node)
        self.browser.until("() => !document.querySelector('#sound').hidden")
        self.browser.driver.find_element("id", "sound-file").send_keys(str(self.clip("Winter Sky")))
        self.browser.until("() => document.querySelector('#results .verdict')")
        self.assertRegex(self.browser.text(".verdict"), r"^“.*Winter Sky.*” at 0:(09|10), sure\.$")
        self.assertEqual(self.browser.text("#search-read"), "clip of Winter Sky.m4a, 12 seconds heard.")
        # Dropped on the box.
        drop = """
            const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], arguments[1]));
            const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
            document.querySelector("#search-text").dispatchEvent(event);
            return event.defaultPrevented;
        """
        rain = base64.b64encode(self.clip("Summer Rain").read_bytes()).decode()
        self.assertTrue(self.browser.js(drop, rain, "rain.m4a"))
        self.browser.until("() => document.querySelector('#results .verdict')?.textContent.includes('Summer Rain')")
        # What is no sound has a reason, and takes the old answer away.
        self.assertTrue(self.browser.js(drop, base64.b64encode(b"no sound\n" * 50).decode(), "text.mp3"))
        self.browser.until("() => document.querySelector('#results .error')")
        self.assertIn("cannot decode the sound", self.browser.text("#results"))
        self.assertEqual([c for c in self.complaints() if "400" not in c], [])
        # A node that takes none offers nothing, and leaves a drop to the browser.
        self.assertEqual(node.stop(), 0)
        self.browser.open(self.start_with_library())
        self.assertTrue(self.browser.js("return document.querySelector('#sound').hidden"))
        self.assertFalse(self.browser.js(drop, rain, "rain.m4a"))

    def test_the_page_says_the_name(self):
        node = self.start_with_library()
        node.ctl("add", "music", self.music, "--library", self.library)
        self.browser.open(node)
        self.paste(" ".join(map(str, self.hashes("Winter Sky", 81))))
        self.browser.keys(Keys.ENTER)
        self.browser.until("() => document.querySelector('#results .verdict')")
        self.assertRegex(self.browser.text(".verdict"), r"^“.*Winter Sky.*” at 0:10, sure\.$")
        self.assertIn("Winter Sky", self.browser.text("#results tbody th"))
        self.paste(" ".join(["627964279"] * 50))
        self.browser.keys(Keys.ENTER)
        self.browser.until("() => document.querySelector('#results > *')")
        self.assertIn("No match", self.browser.text("#results"))
        self.assertEqual(self.complaints(), [])


if __name__ == "__main__":
    unittest.main()
