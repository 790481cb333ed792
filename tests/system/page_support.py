"""What the tests of the operator's page share."""

import gzip

from browser import Browser
from support import DATA, NodeTest

# Checkpoints on request only, so that a test knows its segments.
MANUAL = ["--checkpoint-age-ms", "0", "--idle-merge-after-ms", "0", "--segments-per-level", "64"]

# The state that the list shows for an index.
STATE = "(name) => document.querySelector(`li[data-name='${name}'] .state`)?.textContent"

# Contrasts of all visible words that are less than WCAG AA wants: 4.5, and 3 for large letters.
LOW_CONTRASTS = """
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const luminance = ([r, g, b]) => [r, g, b]
  .map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
function background(node) {
  for (; node; node = node.parentElement) {
    const colour = rgb(getComputedStyle(node).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return rgb(getComputedStyle(document.documentElement).colorScheme.includes("dark") ? "0 0 0" : "255 255 255");
}
const found = [];
const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let checked = 0;
while (words.nextNode()) {
  const at = words.currentNode.parentElement;
  if (!words.currentNode.textContent.trim() || at.getClientRects().length === 0 || at.tagName === "OPTION") continue;
  const style = getComputedStyle(at);
  const [a, b] = [luminance(rgb(style.color)), luminance(background(at))].sort((x, y) => y - x);
  const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
  const contrast = (a + 0.05) / (b + 0.05);
  checked++;
  if (contrast < (large ? 3 : 4.5)) found.push(`${at.className || at.tagName}: ${contrast.toFixed(2)}`);
}
return [checked, found];
"""


def music(first, last):
    """Lines of the fingerprints of some real tracks."""
    with gzip.open(DATA / "fingerprints.txt.gz", "rt") as lines:
        return "".join(line for line in lines if first <= int(line.split("|")[0]) <= last)


def clip(variant, track):
    """The hashes of a degraded copy of a track."""
    with gzip.open(DATA / "clips.tsv.gz", "rt") as lines:
        for line in lines:
            label, document, hashes = line.rstrip("\n").split("\t")
            if (label, document) == (variant, str(track)):
                return hashes
    raise AssertionError(f"no clip {variant} of {track}")


def clip_track(variant):
    """The first track that there is such a clip of."""
    with gzip.open(DATA / "clips.tsv.gz", "rt") as lines:
        return next(int(line.split("\t")[1]) for line in lines if line.startswith(variant + "\t"))


class PageTest(NodeTest):
    @classmethod
    def setUpClass(cls):
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.quit)

    def setUp(self):
        super().setUp()
        self.browser.screen()

    def complaints(self):
        """What the browser said on its console."""
        return self.browser.log()

    def make_index(self, node, name, segments):
        node.ctl("index", "create", name)
        for s in range(segments):
            lines = "".join(f"{s * 1000 + d}|{','.join(str(d * 7919 + h * 104729 + s) for h in range(100))}\n"
                            for d in range(1, 51))
            node.ctl("ingest", name, "-", "--checkpoint", stdin=lines)

    def segment_files(self, name, data="data"):
        return sorted((self.folder / data / name / "v1" / "data").glob("*.seg"))

    def damage(self, file):
        content = bytearray(file.read_bytes())
        content[-100] ^= 4
        file.write_bytes(content)

    def paste(self, text):
        """As pasting does: the text is there at once."""
        self.browser.js("const box = document.getElementById('search-text'); box.value = arguments[0]; box.focus();"
                        "box.dispatchEvent(new Event('input', {bubbles: true}));"
                        "document.getElementById('results').replaceChildren();", text)

    def results(self):
        """Ids and scores that the page found."""
        self.browser.until("() => document.querySelector('#results > *')")
        return self.browser.js("return [...document.querySelectorAll('#results tbody tr')]"
                               ".map(row => [...row.cells].slice(0, 2).map(c => Number(c.textContent.replace(',', ''))))")
