"""Makes the picture of the operator's page in the README:

    /usr/bin/python3 tests/system/page_screenshot.py [--seconds N] [--dark] [--width N] [--height N] [FILE]

A real node with real music, searched and written to for as long as the charts look back (300 seconds), one index that
is loading and one that failed. Default file: app/page/screenshot.png.
"""

import argparse
import gzip
import math
import pathlib
import random
import tempfile
import threading
import time

import requests

from browser import Browser
from support import DATA, HeldFiles, Node, ROOT

HELD = 3  # segments that are still to be loaded
FLAGS = ["--checkpoint-threshold", "80000", "--checkpoint-age-ms", "0", "--idle-merge-after-ms", "0",
         "--segments-per-level", "64"]


def random_documents(first, count):
    numbers = random.Random(first)
    return "".join(f"{first + d}|{','.join(str(numbers.getrandbits(32)) for _ in range(100))}\n" for d in range(count))


def fill(node):
    for name in "archive", "films":
        node.ctl("index", "create", name)
        for s in range(4 if name == "archive" else 2):
            node.ctl("ingest", name, "-", "--checkpoint", stdin=random_documents(s * 10_000 + 1, 2_000))
    node.ctl("index", "create", "music")
    node.ctl("ingest", "music", DATA / "fingerprints.txt.gz", "--batch", "25", "--checkpoint")
    node.ctl("index", "create", "radio")
    node.ctl("ingest", "radio", "-", stdin=random_documents(1, 500))


def damage(file):
    content = bytearray(file.read_bytes())
    content[-100] ^= 4
    file.write_bytes(content)


def clips():
    with gzip.open(DATA / "clips.tsv.gz", "rt") as lines:
        return [(line.split("\t")[0], [int(h) for h in line.split("\t")[2].split(",")]) for line in lines]


class Load:
    """Searches and updates that come and go in waves."""

    def __init__(self, node):
        self.node = node
        self.ended = threading.Event()
        self.queries = [hashes[:120] for _, hashes in clips()]
        self.threads = [threading.Thread(target=self.search), threading.Thread(target=self.update)]
        for t in self.threads:
            t.start()

    def search(self):
        http = requests.Session()
        while not self.ended.wait(0.002 + 0.006 * (1 + math.sin(time.time() / 25))):
            query = random.choice(self.queries)
            name = random.choice(["music"] * 9 + ["radio"])
            http.post(self.node.url(f"/{name}/_search"), json={"query": query}, timeout=60).raise_for_status()

    def update(self):
        http = requests.Session()
        document = 100_000
        while not self.ended.wait(0.05 + 0.25 * (1 + math.sin(time.time() / 40))):
            document += 1
            hashes = [random.getrandbits(32) for _ in range(100)]
            http.put(self.node.url(f"/music/{document}"), json={"hashes": hashes}, timeout=60).raise_for_status()

    def end(self):
        self.ended.set()
        for t in self.threads:
            t.join()


def take(node, browser, segments, options):
    browser.screen(options.width, options.height, scheme="dark" if options.dark else "light")
    browser.open(node, "/#music")
    browser.until("(words) => document.querySelector('li[data-name=archive] .progress')"
                  ".getAttribute('aria-valuetext')?.startsWith(words)", f"{segments - HELD} of {segments}")
    hashes = next(hashes for label, hashes in clips() if label == "mp3_64k")
    browser.js("const box = document.getElementById('search-text'); box.value = arguments[0];"
               "document.getElementById('search-index').value = 'music';"
               "box.dispatchEvent(new Event('input')); document.getElementById('search-form').requestSubmit()",
               "DURATION=120\nFINGERPRINT=" + ",".join(map(str, hashes)))
    browser.until("() => document.querySelector('#results td') && document.querySelector('.segment-map g')")
    # The rates in the list need a few seconds.
    browser.until("(at) => document.getElementById('node-uptime').textContent !== at", browser.text("#node-uptime"))
    time.sleep(6)
    browser.driver.save_screenshot(str(options.file))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=pathlib.Path, default=ROOT / "app" / "page" / "screenshot.png")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--width", type=int, default=1320)
    parser.add_argument("--height", type=int, default=1130)
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fpnode-page-") as folder:
        data = pathlib.Path(folder) / "data"
        node = Node(data, *FLAGS)
        try:
            fill(node)
            node.stop()
            archive = sorted((data / "archive" / "v1" / "data").glob("*.seg"))
            whole = archive[-1].read_bytes()
            damage(archive[-1])
            damage(sorted((data / "films" / "v1" / "data").glob("*.seg"))[1])
            node = Node(data, *FLAGS)
            load = Load(node)
            browser = Browser()
            try:
                time.sleep(options.seconds)
                archive[-1].write_bytes(whole)
                # Nobody can open these files for the while that the picture takes.
                with HeldFiles(*archive[-HELD:]):
                    follower = threading.Thread(target=lambda: node.ctl("reload", "archive", check=None))
                    follower.start()
                    take(node, browser, len(archive), options)
                follower.join()
            finally:
                load.end()
                browser.quit()
        finally:
            node.kill()
    print(options.file, options.file.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
