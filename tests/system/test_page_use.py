"""Using the operator's page: searching, with the keyboard, on a phone, in the dark."""

import json
import unittest

import requests
from selenium.webdriver.common.keys import Keys

from page_support import LOW_CONTRASTS, MANUAL, PageTest, clip, clip_track, music
from support import DATA, HeldFiles


class Searching(PageTest):
    def test_a_pasted_query_finds_its_track(self):
        node = self.start(*MANUAL)
        track = clip_track("noise")
        self.make_index(node, "alpha", 1)
        node.ctl("index", "create", "music")
        node.ctl("ingest", "music", "-", stdin=music(1, max(100, track)))
        self.browser.open(node)
        self.browser.driver.find_element("css selector", "#search-index option[value=music]").click()
        hashes = clip("noise", track)
        signed = ",".join(str(int(h) - (1 << 32) if int(h) >= 1 << 31 else int(h)) for h in hashes.split(","))
        query = {"query": [int(h) for h in hashes.split(",")], "limit": 10}
        asked = requests.post(node.url("/music/_search"), json=query, timeout=60).json()["results"]
        expected = [[r["id"], r["score"]] for r in asked]
        self.assertEqual(expected[0][0], track)
        # fpctl reads the text and finds the same.
        found = node.json("search", "music", hashes)["results"]
        self.assertEqual([[r["id"], r["score"]] for r in found][:len(expected)], expected)
        for form, text in {"numbers": hashes, "signed": signed, "words": hashes.replace(",", "\n"),
                           "fpcalc -raw": f"FILE=a.mp3\nDURATION=120\nFINGERPRINT={hashes}\n",
                           "fpcalc -raw -signed": f"DURATION=120\nFINGERPRINT={signed}\n",
                           "fpcalc -raw -json": f'{{"duration": 120.01, "fingerprint": [{hashes}]}}',
                           "a line of a query file": f"noise\t{track}\t{hashes}"}.items():
            with self.subTest(form):
                self.paste(text)
                self.browser.keys(Keys.ENTER)
                self.assertEqual(self.results(), expected)
        self.assertEqual(self.complaints(), [])

    def test_what_cannot_be_searched_is_said(self):
        node = self.start(*MANUAL)
        self.make_index(node, "main", 1)
        self.browser.open(node)
        for text, words in {"AQADtMmybfGO8NCNEESLnzHyXNOHeHnG": "-raw", "1,2,4294967296": "Hash 3",
                            "DURATION=7\n": "FINGERPRINT", "": "Paste a fingerprint"}.items():
            with self.subTest(text):
                self.paste(text)
                self.browser.keys(Keys.ENTER)
                self.assertIn(words, self.browser.text("#search-read"))
                self.assertTrue(self.browser.js("return document.getElementById('search-read').matches('[data-error]')"))
                self.assertIsNone(self.browser.text("#results > *"))
        self.paste("1 2 3")
        self.browser.keys(Keys.ENTER)
        self.browser.until("() => document.querySelector('#results > *')")
        self.assertIn("No match", self.browser.text("#results"))
        # The index goes while the page still offers it.
        self.browser.js("const asIs = window.fetch; const never = new Promise(() => {});"
                        "window.fetch = (url, o) => String(url).endsWith('overview') ? never : asIs(url, o)")
        node.ctl("index", "delete", "main")
        self.paste("1 2 3")
        self.browser.keys(Keys.ENTER)
        self.browser.until("() => document.querySelector('#results > *')")
        self.assertIn("no such index", self.browser.text("#results"))

    def test_share_bars_fill_what_they_tell(self):
        node = self.start(*MANUAL)
        node.ctl("index", "create", "main")
        node.ctl("ingest", "main", "-", stdin="1|1,2,3,4\n2|1,2\n3|1\n")
        for width in 1280, 640, 360:
            with self.subTest(width):
                self.browser.screen(width)
                self.browser.open(node)
                self.paste("1,2,3,4")
                self.browser.keys(Keys.ENTER)
                self.assertEqual(self.results(), [[1, 4], [2, 2], [3, 1]])
                filled = self.browser.js("return [...document.querySelectorAll('.share-bar')].map((box) =>"
                                         "box.firstChild.getBoundingClientRect().width / box.getBoundingClientRect().width)")
                self.assertEqual([round(share, 2) for share in filled], [1, 0.5, 0.25])

    def test_the_box_follows_the_opened_index_and_skips_empty_ones(self):
        node = self.start(*MANUAL)
        node.ctl("index", "create", "aaa")
        self.make_index(node, "beta", 1)
        self.make_index(node, "gamma", 1)
        self.browser.open(node)
        chosen = "() => document.getElementById('search-index').value"
        self.browser.until(f"() => ({chosen})() === 'beta'")
        offered = self.browser.js("return [...document.getElementById('search-index').options].map(o => o.value)")
        self.assertEqual(offered, ["beta", "gamma"])
        click = "document.querySelector(`li[data-name='${arguments[0]}'] .name`).click()"
        for opened, searched in (("gamma", "gamma"), ("aaa", "gamma"), ("beta", "beta")):
            self.browser.js(click, opened)
            self.assertEqual(self.browser.js(f"return ({chosen})()"), searched)
        # What somebody has opened while it was empty is chosen as soon as it holds something, unless another was since.
        self.browser.js(click, "aaa")
        self.browser.js(click, "aaa")
        node.ctl("ingest", "aaa", "-", stdin="1|1,2,3\n")
        self.browser.until(f"() => ({chosen})() === 'aaa'")

    def test_a_query_is_asked_in_the_form_of_its_index(self):
        node = self.start(*MANUAL)
        for name in "whole", "cut":
            node.ctl("index", "create", name)
        node.ctl("metadata", "cut", "--set", "hashes=acoustid-28")
        lines = music(1, 30)
        for name in "whole", "cut":
            node.ctl("ingest", name, "-", stdin=lines)
        hashes = lines.splitlines()[6].split("|")[1]
        self.browser.open(node)
        for name in "whole", "cut":
            self.browser.driver.find_element("css selector", f"#search-index option[value={name}]").click()
            self.paste(hashes)
            self.browser.keys(Keys.ENTER)
            expected = [[r["id"], r["score"]] for r in node.json("search", name, hashes)["results"]][:10]
            self.assertEqual(self.results(), expected)
            self.assertEqual(expected[0][0], 7)
            self.assertEqual(self.browser.text(".share > span:last-child"), "100.0 %")
            self.assertIsNone(self.browser.text("#results .hint"))
        self.browser.driver.find_element("css selector", "#search-index option[value=whole]").click()
        self.paste(",".join(str(int(h) & ~15) for h in hashes.split(",")))
        self.browser.keys(Keys.ENTER)
        self.browser.until("() => document.querySelector('#results > *')")
        self.assertIn("cut to 28 bits", self.browser.text("#results .hint"))

    def test_old_results_go_with_a_new_error(self):
        node = self.start(*MANUAL)
        self.make_index(node, "main", 1)
        self.browser.open(node)
        for wrong in "1,2,x", "":
            with self.subTest(wrong):
                self.paste("1 2 3")
                self.browser.keys(Keys.ENTER)
                self.browser.until("() => document.querySelector('#results > *')")
                self.browser.js("document.getElementById('search-text').value = arguments[0]", wrong)
                self.browser.keys(Keys.ENTER)
                self.assertIsNone(self.browser.text("#results > *"))
                self.assertTrue(self.browser.js("return document.getElementById('search-read').matches('[data-error]')"))


class Reading(PageTest):
    """The module that reads fingerprints, by itself."""

    def read(self, texts):
        return self.browser.call("""
            const { parseFingerprint } = await import(new URL('_page/fingerprint.js', document.baseURI));
            return values[0].map((text) => {
              try {
                return parseFingerprint(text);
              } catch (e) {
                return e.message;
              }
            });""", texts)

    def test_the_forms_that_fpctl_reads(self):
        self.browser.open(self.start(*MANUAL))
        forms = json.loads((DATA / "fingerprint_forms.json").read_text())
        for form, got in zip(forms, self.read([form["text"] for form in forms])):
            with self.subTest(form["name"]):
                if "refused" in form:
                    self.assertIn(form["refused"]["page"], got or "There are no hashes.")
                else:
                    first = form["fingerprints"][0]["hashes"]
                    self.assertEqual(got, {"hashes": first, "distinct": len(set(first)),
                                           "others": len(form["fingerprints"]) - 1})

    def test_numbers_of_a_pasted_text(self):
        self.browser.open(self.start(*MANUAL))
        top = [4294967295, 2147483648, 1, 0]
        forms = [" -1 2147483648\t1\r\n0 ", "-1 , 2147483648 ,1\n,0", "-1,2147483648,\n1,0"]
        for form, got in zip(forms, self.read(forms)):
            with self.subTest(form):
                self.assertEqual(got, {"hashes": top, "distinct": 4, "others": 0})
        self.assertEqual(self.read(["5,5,6", " \n"]), [{"hashes": [5, 5, 6], "distinct": 2, "others": 0}, None])

    def test_numbers_for_people(self):
        self.browser.open(self.start(*MANUAL))
        got = self.browser.call("""
            const f = await import(new URL('_page/format.js', document.baseURI));
            return [f.bytes(0), f.bytes(999), f.bytes(1000), f.bytes(1536), f.bytes(333447168), f.bytes(2 ** 40),
                    f.duration(321), f.duration(61000), f.duration(3600000), f.duration(90061000), f.rate(0), f.rate(0.01),
                    f.rate(3.14), f.rate(12345.6), f.milliseconds(0.292), f.milliseconds(7.26), f.milliseconds(1500),
                    f.percent(1), f.percent(0.99999), f.percent(0.9984), f.percent(0)];""")
        self.assertEqual(got, ["0 B", "999 B", "0.98 KiB", "1.5 KiB", "318 MiB", "1.0 TiB", "321 ms", "1 min 1 s", "1 h 0 min",
                               "1 d 1 h", "0", "<0.1", "3.1", "12,346", "292 µs", "7.3 ms", "1.5 s",
                               "100.0 %", "99.9 %", "99.8 %", "0.0 %"])


class Using(PageTest):
    def focused(self):
        return self.browser.js("const e = document.activeElement; return e.id || e.className || e.tagName")

    def tab_to(self, wanted, limit=40):
        for _ in range(limit):
            self.browser.keys(Keys.TAB)
            if wanted in self.focused():
                return
        self.fail(f"the tabulator does not lead to {wanted}")

    def test_the_keyboard_is_enough(self):
        node = self.start(*MANUAL)
        self.make_index(node, "alpha", 2)
        self.make_index(node, "beta", 1)
        self.browser.open(node)
        self.browser.keys(Keys.TAB)
        self.assertEqual(self.focused(), "skip")
        self.tab_to("name")
        self.browser.keys(Keys.ENTER)
        self.browser.until("() => document.querySelectorAll('.segment-map g').length === 2")
        self.assertEqual(self.browser.js("return document.activeElement.getAttribute('aria-expanded')"), "true")
        # Whoever is somewhere on the page stays there while it is refreshed.
        self.browser.until("(before) => document.getElementById('node-uptime').textContent !== before",
                           self.browser.text("#node-uptime"))
        self.assertEqual(self.focused(), "name")
        self.tab_to("segment-plot")
        self.browser.keys(Keys.ARROW_LEFT)
        self.assertIn("Segment 2", self.browser.text(".segment-caption"))
        self.tab_to("search-index")
        self.tab_to("search-text")
        hashes = [str(5 * 7919 + h * 104729) for h in range(100)]
        self.browser.keys(",".join(hashes), Keys.ENTER)
        self.assertEqual(self.results()[0], [5, 100])
        # Every stop shows that it is one.
        self.tab_to("search-button")
        self.assertNotEqual(self.browser.js("return getComputedStyle(document.activeElement).outlineStyle"), "none")
        # The address brings an open index back.
        self.browser.open(node, "/#alpha")
        self.browser.until("() => document.querySelectorAll('.segment-map g').length === 2")

    def scene(self):
        """A node with a ready, a failed and a loading index."""
        node = self.start(*MANUAL)
        for name in "broken", "held", "music":
            self.make_index(node, name, 3)
        self.assertEqual(node.stop(), 0)
        self.damage(self.segment_files("broken")[0])
        held = HeldFiles(self.segment_files("held")[0])
        self.addCleanup(held.release)
        node = self.start(*MANUAL)
        node.json("watch", "broken", check=1)
        node.json("watch", "music")
        return node

    def show_all(self, node):
        self.browser.open(node, "/#music")
        self.browser.until("() => document.querySelectorAll('.segment-map g').length === 3")
        self.paste(",".join(str(7919 + h * 104729) for h in range(100)))
        self.browser.keys(Keys.ENTER)
        self.results()
        self.browser.js("document.querySelector('details').open = true")
        self.browser.until("() => document.querySelectorAll('.segment-table td').length === 15")

    def test_columns_sort(self):
        node = self.start(*MANUAL)
        for name, segments in ("alpha", 2), ("beta", 3), ("gamma", 1):
            self.make_index(node, name, segments)
        self.browser.open(node)
        order = "[...document.querySelectorAll('.index-list > li')].map((row) => row.dataset.name).join()"
        self.browser.until(f"() => {order} === 'alpha,beta,gamma'")
        for key, presses in {"docs": ["beta,alpha,gamma", "gamma,alpha,beta", "alpha,beta,gamma"],
                             "name": ["alpha,beta,gamma", "gamma,beta,alpha", "alpha,beta,gamma"],
                             "segments": ["beta,alpha,gamma"]}.items():
            for expected in presses:
                self.browser.js("document.querySelector(`.sort[data-key=${arguments[0]}]`).click()", key)
                self.assertEqual(self.browser.js(f"return {order}"), expected, key)
        self.assertEqual(self.browser.js("return document.querySelectorAll('.sort[aria-pressed=true]').length"), 1)
        # The order stays with the next answers, and whoever is in a row stays there when it moves.
        self.browser.js("document.querySelector(\"li[data-name='gamma'] .name\").focus()")
        for number in range(100, 104):
            node.ctl("ingest", "gamma", "-", "--checkpoint", stdin=f"{number}|{number}\n")
        self.browser.until(f"() => {order} === 'gamma,beta,alpha'")
        self.assertEqual(self.browser.js("return document.activeElement.closest('li').dataset.name"), "gamma")

    def test_on_a_phone_the_search_box_comes_first(self):
        node = self.start(*MANUAL)
        self.make_index(node, "main", 1)
        self.browser.screen(390, 800)
        self.browser.open(node)
        tops = self.browser.js("return ['.identify', '.summary', '.indexes']"
                               ".map((part) => document.querySelector(part).getBoundingClientRect().top)")
        self.assertEqual(tops, sorted(tops))
        self.assertLess(tops[0], 400)

    def test_a_command_is_copied(self):
        node = self.start(*MANUAL)
        self.browser.open(node)
        for way in "clipboard", "selection":
            with self.subTest(way):
                self.browser.js("""
                    window.copied = null;
                    const clipboard = arguments[0] === 'clipboard' ? {writeText: async (text) => { window.copied = text; }} : undefined;
                    Object.defineProperty(navigator, 'clipboard', {value: clipboard, configurable: true});
                    document.execCommand = () => { window.copied = document.activeElement.value; return true; };
                    document.querySelector('#create-hint + .copy').click()""", way)
                self.browser.until("() => document.querySelector('#create-hint + .copy').textContent === 'Copied'")
                self.assertEqual(self.browser.js("return window.copied"), self.browser.text("#create-hint"))
                self.browser.until("() => document.querySelector('#create-hint + .copy').textContent === 'Copy'")

    def test_words_can_be_read_in_both_schemes_and_nothing_sticks_out_on_a_phone(self):
        node = self.scene()
        for scheme in "light", "dark":
            for width in 1280, 360:
                with self.subTest(scheme=scheme, width=width):
                    self.browser.screen(width, 800, scheme=scheme)
                    self.show_all(node)
                    self.assertEqual(self.browser.text("li[data-name=held] .state"), "Loading")
                    self.assertEqual(self.browser.js("return document.documentElement.scrollWidth"), width)
                    checked, low = self.browser.js(LOW_CONTRASTS)
                    self.assertGreater(checked, 60)
                    self.assertEqual(low, [])
        grounds = set()
        for scheme in "light", "dark":
            self.browser.screen(scheme=scheme)
            grounds.add(self.browser.js("return getComputedStyle(document.body).backgroundColor"))
        self.assertEqual(len(grounds), 2)

    def test_everything_has_a_name_for_those_who_do_not_see_it(self):
        node = self.scene()
        self.show_all(node)
        self.assertEqual(self.browser.js("return document.querySelectorAll('main, header, footer, h1').length"), 4)
        nameless = self.browser.js("""
            const named = (e) => e.getAttribute('aria-label') || e.labels?.length || e.textContent.trim();
            const all = 'button, select, input, textarea, [role], [tabindex="0"], section:not([aria-labelledby])';
            return [...document.querySelectorAll(all)].filter((e) => !named(e) && e.getAttribute('role') !== 'alert').map((e) => e.outerHTML)""")
        self.assertEqual(nameless, [])
        ids = self.browser.js("return [...document.querySelectorAll('[id]')].map(e => e.id)")
        self.assertEqual(len(ids), len(set(ids)))


if __name__ == "__main__":
    unittest.main()
