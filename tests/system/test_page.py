"""What the operator's page shows, in a real browser of a real node."""

import json
import unittest

import requests
from selenium.webdriver.common.keys import Keys

from page_support import MANUAL, STATE, PageTest
from support import HeldFiles


class Serving(PageTest):
    def test_the_page_and_its_parts_have_protecting_headers_and_are_cached(self):
        node = self.start(*MANUAL)
        for path, kind in [("/", "text/html"), ("/_page/page.js", "text/javascript"), ("/_page/page.css", "text/css"),
                           ("/_page/icon.svg", "image/svg+xml"), ("/?x=1", "text/html")]:
            with self.subTest(path):
                r = requests.get(node.url(path), timeout=60)
                self.assertEqual(r.status_code, 200)
                self.assertEqual(r.headers["Content-Type"].split(";")[0], kind)
                policy = r.headers["Content-Security-Policy"]
                self.assertIn("default-src 'none'", policy)
                self.assertNotIn("unsafe", policy)
                self.assertNotIn("http", policy)
                self.assertEqual(r.headers["X-Content-Type-Options"], "nosniff")
                self.assertEqual(r.headers["Referrer-Policy"], "no-referrer")
                self.assertEqual(r.headers["Cache-Control"], "no-cache")
                head = requests.head(node.url(path), timeout=60)
                self.assertEqual((head.status_code, head.content, head.headers["ETag"]), (200, b"", r.headers["ETag"]))
                again = requests.get(node.url(path), headers={"If-None-Match": r.headers["ETag"]}, timeout=60)
                self.assertEqual((again.status_code, again.content), (304, b""))
                self.assertNotIn("Content-Length", again.headers)
                other = requests.get(node.url(path), headers={"If-None-Match": '"1"'}, timeout=60)
                self.assertEqual((other.status_code, other.content), (200, r.content))

    def test_an_index_may_have_the_names_that_the_page_uses(self):
        node = self.start(*MANUAL)
        for name in "_page", "_overview", "overview":
            with self.subTest(name):
                at = node.url("/" + name)
                self.assertEqual(requests.put(at, timeout=60).status_code, 200)
                self.assertEqual(requests.put(at + "/7", json={"hashes": [1, 2]}, timeout=60).status_code, 200)
                self.assertEqual(requests.get(at, timeout=60).json()["stats"]["num_docs"], 1)
                self.assertEqual(requests.get(at + "/7", timeout=60).json(), {"version": 1})
                self.assertEqual(len(requests.get(at + "/_segments", timeout=60).json()["segments"]), 1)
                found = requests.post(at + "/_search", json={"query": [1]}, timeout=60).json()
                self.assertEqual(found, {"results": [{"id": 7, "score": 1}]})
                for method in "put", "delete":
                    r = getattr(requests, method)(at + "/page.js", timeout=60)
                    self.assertEqual((r.status_code, r.json()), (400, {"error": "InvalidFingerprintId"}))
        r = requests.get(node.url("/_page/other.js"), timeout=60)
        self.assertEqual((r.status_code, r.json()), (400, {"error": "InvalidFingerprintId"}))

    def test_the_overview_agrees_with_the_status(self):
        node = self.start(*MANUAL)
        self.make_index(node, "main", 2)
        overview = requests.get(node.url("/_page/overview"), timeout=60).json()
        status = node.json("status")
        self.assertEqual(overview["node"]["pid"], node.process.pid)
        self.assertEqual(overview["node"]["data_folder"], str(node.data))
        index, = overview["indexes"]
        self.assertEqual((index["name"], index["state"], index["answered"]), ("main", "ready", True))
        self.assertEqual((index["num_docs"], index["num_file_segments"], index["version"]), (100, 2, 2))
        self.assertEqual(index["size_bytes"], sum(f.stat().st_size for f in self.segment_files("main")))
        self.assertEqual(status["pid"], overview["node"]["pid"])


class Showing(PageTest):
    def test_an_empty_node_tells_how_to_begin_and_nothing_goes_elsewhere(self):
        node = self.start(*MANUAL)
        self.browser.open(node)
        self.assertIn("fpctl index create", self.browser.text("#empty"))
        self.assertTrue(self.browser.js("return document.getElementById('empty').checkVisibility()"))
        self.assertEqual(self.browser.text("#connection"), "Live")
        self.assertEqual(self.browser.text("#node-pid"), str(node.process.pid))
        # An index that comes later appears by itself, and goes again.
        node.ctl("index", "create", "later")
        self.browser.until(f"() => ({STATE})('later') === 'Ready'")
        self.assertFalse(self.browser.js("return document.getElementById('empty').checkVisibility()"))
        node.ctl("index", "delete", "later")
        self.browser.until("() => !document.querySelector('.index') &&"
                           " document.getElementById('empty').checkVisibility()")
        elsewhere = [a for a in self.browser.requests() if not a.startswith(node.url("/"))]
        self.assertEqual(elsewhere, [])
        self.assertGreater(len(self.browser.requests()), 5)
        # What was asked of the index when it went is not found.
        self.assertEqual([c for c in self.complaints() if "/later/" not in c], [])

    def test_a_failed_index_shows_its_reason_as_plain_text(self):
        data = "<b id=x>&amp;"  # the folder's name becomes a part of the reason
        node = self.start(*MANUAL, data=data)
        self.make_index(node, "bad", 3)
        self.make_index(node, "good", 1)
        self.assertEqual(node.stop(), 0)
        self.damage(self.segment_files("bad", data)[1])
        node = self.start(*MANUAL, data=data)
        reason = node.json("watch", "bad", check=1)["reason"]
        node.json("watch", "good")
        self.browser.open(node)
        self.browser.until(f"() => ({STATE})('bad') === 'Failed' && ({STATE})('good') === 'Ready'")
        shown = self.browser.text("li[data-name='bad'] .problems")
        self.assertIn(reason, shown)
        self.assertIn(self.segment_files("bad", data)[1].name, shown)
        self.assertIn(data, self.browser.text("#node-folder"))
        self.assertIsNone(self.browser.js("return document.getElementById('x')"))
        self.assertIn("1 failed", self.browser.js("return document.title"))
        # It is the first in the list, and the head of the page is not green.
        self.assertEqual(self.browser.js("return document.querySelector('.index-list > li').dataset.name"), "bad")
        self.assertEqual(self.browser.text("#connection"), "1 failed")
        self.assertEqual(self.browser.js("return document.getElementById('connection').dataset.state"), "failing")
        # Opened, it says nothing of what nobody knows.
        self.browser.js("document.querySelector(\"li[data-name='bad'] .name\").click()")
        facts = self.browser.js("return [...document.querySelectorAll(\"li[data-name='bad'] .facts dt\")].map(e => e.textContent)")
        self.assertLessEqual(set(facts), {"Generation"})
        self.assertNotIn("all of it", self.browser.text("li[data-name='bad']"))
        self.assertIn("fpctl reload bad", self.browser.text("li[data-name='bad'] .problems"))
        # A failed index cannot be searched.
        offered = self.browser.js("return [...document.getElementById('search-index').options].map(o => o.value)")
        self.assertEqual(offered, ["good"])
        self.assertEqual(self.complaints(), [])

    def test_loading_is_seen_to_move(self):
        node = self.start(*MANUAL)
        self.make_index(node, "main", 4)
        self.assertEqual(node.stop(), 0)
        held = [HeldFiles(file) for file in self.segment_files("main")]
        for h in held:
            self.addCleanup(h.release)
        node = self.start(*MANUAL)
        self.browser.open(node)
        bar = "document.querySelector('[role=progressbar]')"
        self.browser.until(f"() => ({STATE})('main') === 'Loading' && {bar}.getAttribute('aria-valuenow') === '0'")
        self.browser.js("window.seen = []; new MutationObserver(() => seen.push(Number(%s.getAttribute('aria-valuenow'))))"
                        ".observe(%s, {attributeFilter: ['aria-valuenow']})" % (bar, bar))
        for done, h in enumerate(held[:-1], 1):
            h.release()
            self.browser.until("(words) => %s.getAttribute('aria-valuetext').startsWith(words)" % bar, f"{done} of 4 segments")
            self.assertTrue(self.browser.js(f"return {bar}.checkVisibility()"))
            drawn = self.browser.js("const bar = document.querySelector('.progress .bar');"
                                    "return new DOMMatrix(getComputedStyle(bar).transform).a")
            self.assertLess(drawn, 1)
        held[-1].release()
        self.browser.until(f"() => ({STATE})('main') === 'Ready'")
        seen = self.browser.js("return window.seen")
        self.assertEqual(seen, sorted(seen))
        self.assertGreaterEqual(len([v for v in seen if 0 < v < 100]), 3, seen)
        self.assertFalse(self.browser.js(f"return {bar}.checkVisibility()"))
        self.assertEqual(self.browser.text("#announcements"), "main: Ready")

    def test_details_of_an_index(self):
        node = self.start(*MANUAL)
        self.make_index(node, "main", 3)
        node.ctl("ingest", "main", "-", stdin="9000|1,2,3\n")
        self.browser.open(node)  # the only index is open
        self.browser.until("() => document.querySelectorAll('.segment-map g').length === 4")
        kinds = self.browser.js("return [...document.querySelectorAll('.segment-map g')].map(g => g.classList[0])")
        self.assertEqual(kinds, ["file", "file", "file", "memory"])
        listed = requests.get(node.url("/main/_segments"), timeout=60).json()["segments"]
        widths = self.browser.js("return [...document.querySelectorAll('.by-size')].map(p => p.getBBox().width)")
        whole = sum(s["size_bytes"] for s in listed)
        for segment, width in zip(listed, widths):
            self.assertAlmostEqual(width / 1000, segment["size_bytes"] / whole, delta=0.005)
        ages = self.browser.js("return [...document.querySelectorAll('.by-age')].map(p => p.getBBox().width)")
        self.assertLess(max(ages) - min(ages), 1)
        self.browser.js("document.querySelector('.segment-plot').focus()")
        self.browser.keys(Keys.HOME)
        self.assertIn("Segment 1, in a file: commit 1, 50 documents", self.browser.text(".segment-caption"))
        # What changes is redrawn where it is.
        self.browser.js("document.querySelector('.segment-map g').dataset.same = 'yes'")
        node.ctl("checkpoint", "main")
        self.browser.until("() => document.querySelectorAll('.segment-map g.file').length === 4")
        self.assertEqual(self.browser.js("return document.querySelector('.segment-map g').dataset.same"), "yes")
        self.assertIn("Segment 1, in a file", self.browser.text(".segment-caption"))

    def history_is(self, status, body):
        """Pages that are opened from here on get this for the history of `main`."""
        answer = f"new Response({json.dumps(json.dumps(body))}, {{status: {status}}})"
        command = self.browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source":
            "const asIs = window.fetch; window.fetch = (url, o) => String(url).endsWith('main/_history')"
            f" ? Promise.resolve({answer}) : asIs(url, o);"})
        self.addCleanup(self.browser.driver.execute_cdp_cmd, "Page.removeScriptToEvaluateOnNewDocument", command)

    def test_charts_of_the_last_minutes(self):
        node = self.start(*MANUAL)
        self.make_index(node, "main", 1)
        known = {"step_seconds": 2, "searches": [0, 10, 40], "updates": [1, 1, 0.5], "search_p50_ms": [0.25, None, 0.5],
                 "search_p95_ms": [1, None, 2], "search_p99_ms": [3, None, 4]}
        self.history_is(200, known)
        self.browser.open(node)
        self.browser.until("() => document.querySelector('path.searches').getAttribute('d')")
        names = "return [...document.querySelectorAll('.plot')].map(plot => plot.getAttribute('aria-label'))"
        searches, updates, times = self.browser.js(names)
        self.assertIn("Searches a second, now: 40. Highest in 5 minutes: 40", searches)
        self.assertIn("now: 0.5.", updates)
        self.assertIn("p50 500 µs, p95 2.0 ms, p99 4.0 ms", times)
        self.browser.js("document.querySelector('.plot').focus()")
        self.browser.keys(Keys.ARROW_LEFT)
        self.assertIn("2 s ago: 10.", self.browser.js(names)[0])
        # A line ends where nothing is known and begins anew behind it.
        line = self.browser.js("return document.querySelector('path.trace.search_p50_ms').getAttribute('d')")
        self.assertEqual(line.count("M"), 2)
        self.assertEqual(self.complaints(), [])

    def test_a_node_without_a_history(self):
        node = self.start(*MANUAL)
        self.make_index(node, "main", 1)
        self.history_is(404, {})
        self.browser.open(node)
        self.browser.until("() => document.querySelector('.details .nothing')?.textContent.includes('no history')")
        self.assertFalse(self.browser.js("return document.querySelector('.chart').checkVisibility()"))

    def test_a_node_that_goes_away_and_comes_back(self):
        node = self.start(*MANUAL)
        self.make_index(node, "main", 1)
        self.browser.open(node)
        port = node.http_port
        self.assertEqual(node.stop(), 0)
        self.browser.until("() => document.getElementById('connection').dataset.state === 'unreachable'")
        self.assertIn("cannot be reached", self.browser.text("#banner-text"))
        self.assertIn("Last seen", self.browser.text("#banner-detail"))
        self.assertEqual(self.browser.js("return document.querySelector('.index .name').textContent"), "main")
        node = self.start(*MANUAL, "--port", port)
        self.browser.until("() => document.getElementById('connection').dataset.state === 'live'")
        self.assertFalse(self.browser.js("return document.getElementById('banner').checkVisibility()"))
        self.assertEqual(self.browser.text("#node-pid"), str(node.process.pid))

    def test_two_hundred_indexes(self):
        node = self.start(*MANUAL)
        for n in range(200):
            requests.put(node.url(f"/catalogue-{n:03}"), timeout=60).raise_for_status()
        self.browser.open(node)
        self.assertEqual(self.browser.js("return document.querySelectorAll('.index').length"), 200)
        height = self.browser.js("return document.querySelector('.index').getBoundingClientRect().height")
        self.assertLess(height, 48)
        self.browser.driver.find_element("id", "filter").send_keys("gue-17")
        shown = ("return [...document.querySelectorAll('.index')].filter(i => i.checkVisibility())"
                 ".map(i => i.dataset.name)")
        self.assertEqual(self.browser.js(shown), [f"catalogue-{n}" for n in range(170, 180)])
        # The filter stays when the list is refreshed.
        node.ctl("index", "delete", "catalogue-171")
        self.browser.until("() => document.querySelectorAll('.index').length === 199")
        self.assertEqual(self.browser.js(shown), [f"catalogue-{n}" for n in range(170, 180) if n != 171])
        self.assertEqual(self.browser.js("return document.activeElement.id"), "filter")
        # What nobody has opened is not asked for.
        self.assertEqual([a for a in self.browser.requests() if "_segments" in a or "_history" in a], [])


if __name__ == "__main__":
    unittest.main()
