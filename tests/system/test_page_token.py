"""The operator's page of a node that wants tokens."""

import unittest

from selenium.webdriver.common.keys import Keys

from page_support import LOW_CONTRASTS, MANUAL, STATE, PageTest

READER = "r" * 20


class Tokens(PageTest):
    def setUp(self):
        super().setUp()
        tokens = self.folder / "tokens"
        tokens.write_text(f"read {READER}\n")
        tokens.chmod(0o600)
        self.node = self.start("--token-file", tokens, *MANUAL)
        self.make_index(self.node, "music", 1)
        # Storage is of the origin: the page begins without a token. `open` waits for what only comes after signing in.
        self.browser.driver.get(self.node.url("/"))
        self.browser.until("() => !document.getElementById('sign-in').hidden")

    def sign_in(self, token):
        self.browser.keys(token, Keys.ENTER)

    def wait_until_signed_in(self):
        self.browser.until(f"() => ({STATE})('music') === 'Ready' && !document.getElementById('sign-out').hidden")

    def test_a_token_opens_the_page_for_this_tab(self):
        self.assertFalse(self.browser.js("return document.getElementById('main').checkVisibility()"))
        self.sign_in(READER)
        self.wait_until_signed_in()
        self.assertFalse(self.browser.js("return document.getElementById('sign-in').checkVisibility()"))
        self.paste("1 2 3")
        self.browser.keys(Keys.ENTER)
        self.browser.until("() => document.querySelector('#results > *')")
        self.assertIn("No match", self.browser.text("#results"))
        self.browser.driver.refresh()
        self.wait_until_signed_in()
        self.assertEqual(self.browser.js("return [Object.values(sessionStorage), localStorage.length,"
                                         " document.cookie]"), [[READER], 0, ""])
        # Links could carry no token.
        self.assertFalse(self.browser.js("return document.querySelector('footer a').checkVisibility()"))

    def test_an_unknown_token_is_asked_for_again(self):
        self.sign_in("no token*")
        self.assertIn("no token", self.browser.text("#sign-in-error"))
        self.browser.js("document.getElementById('sign-in-token').value = ''")
        self.sign_in("x" * 20)
        self.browser.until("() => document.getElementById('sign-in-error').textContent.includes('does not know')")
        self.assertEqual(self.browser.js("return sessionStorage.length"), 0)
        checked, low = self.browser.js(LOW_CONTRASTS)
        self.assertGreater(checked, 0)
        self.assertEqual(low, [])
        self.sign_in(READER)
        self.wait_until_signed_in()

    def test_signing_out_forgets_the_token_and_hides_what_was_shown(self):
        self.sign_in(READER)
        self.wait_until_signed_in()
        self.browser.driver.find_element("id", "sign-out").click()
        self.browser.until("() => !document.getElementById('sign-in').hidden")
        self.assertEqual(self.browser.js("return sessionStorage.length"), 0)
        self.assertFalse(self.browser.js("return document.getElementById('main').checkVisibility()"))

    def test_what_a_token_does_not_allow_is_said(self):
        self.sign_in(READER)
        self.wait_until_signed_in()
        self.browser.js("const asIs = window.fetch; window.fetch = (url, o) => String(url).endsWith('_search')"
                        " ? Promise.resolve(new Response('{\"error\":\"Forbidden\"}', {status: 403})) : asIs(url, o)")
        self.paste("1 2 3")
        self.browser.keys(Keys.ENTER)
        self.browser.until("() => document.querySelector('#results > *')")
        self.assertIn("does not allow", self.browser.text("#results"))


if __name__ == "__main__":
    unittest.main()
