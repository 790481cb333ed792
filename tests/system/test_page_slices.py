"""The operator's page of an index that lies in slices: who holds which, and how they stand."""

import unittest

from browser import Browser
from page_support import LOW_CONTRASTS
from slices_support import SlicesTest

STANDINGS = """() => {
  const columns = [...document.querySelectorAll(".slices > li")];
  return columns.map((c) => [c.querySelector(".slice-name").textContent,
                             [...c.querySelectorAll("ul li")].map((m) => m.dataset.standing)]);
}"""


class PageSlices(SlicesTest):
    def test_slices_and_their_replicas(self):
        browser = Browser()
        self.addCleanup(browser.quit)
        browser.screen()
        first, *others = self.start_members("1/2", "2/2", "2/2")
        self.update(self.whole, [{"insert": {"id": d, "hashes": [1, d + 10]}} for d in range(1, 50)])
        browser.open(first)
        # It is open, as it is the only one.
        shown = STANDINGS
        browser.until(f"() => JSON.stringify(({shown})()) === "
                      "JSON.stringify([['1/2', ['well']], ['2/2', ['well', 'well']]])")
        self.assertIn("m1", browser.text(".slices"))
        checked, low = browser.js(LOW_CONTRASTS)
        self.assertGreater(checked, 20)
        self.assertEqual(low, [])
        first.ctl("cluster", "drain", "m1")
        browser.until(f"() => ({shown})()[1][1].includes('draining')")
        for node in others:
            node.kill()
        browser.until("() => document.querySelector('.slice-fault')?.textContent.includes('2/2')")
        browser.until(f"() => ({shown})()[1][1].every((s) => s === 'out')")
        self.assertIn("slice 1/2; numbers are of that", browser.text("li[data-name=main] .facts"))
        _, low = browser.js(LOW_CONTRASTS)
        self.assertEqual(low, [])


if __name__ == "__main__":
    unittest.main()
