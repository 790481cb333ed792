"""Names of recordings over HTTP and on the operator's page, of a node that has a library."""

import json
import shutil
import subprocess
import unittest

import requests
from selenium.webdriver.common.keys import Keys

from page_support import MANUAL, PageTest
from sound import write_song
from support import PATIENCE


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
