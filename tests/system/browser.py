"""A headless Chromium for the tests of the operator's page."""

import pathlib
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from support import PATIENCE

# Calls `done` as soon as `holds()` is true; it is asked whenever the document changes, so nothing polls.
UNTIL = """
const done = arguments[arguments.length - 1];
const values = [...arguments].slice(0, -1);
const condition = %s;
const holds = () => {
  const value = condition(...values);
  if (value) {
    observer.disconnect();
    done(value);
  }
  return value;
};
const observer = new MutationObserver(holds);
observer.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
holds();
"""


class Browser:
    def __init__(self):
        self._profile = tempfile.TemporaryDirectory(prefix="fpnode-browser-", ignore_cleanup_errors=True)
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        # As root, as tests in containers are, Chromium cannot make its sandbox; it sees this node's page alone.
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--disable-background-networking", "--no-first-run", "--force-color-profile=srgb",
                     "--hide-scrollbars", f"--user-data-dir={self._profile.name}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        log = str(pathlib.Path(self._profile.name) / "driver.log")
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver", log_path=log))
        self.driver.set_script_timeout(PATIENCE)
        self.driver.set_page_load_timeout(PATIENCE)

    def quit(self):
        self.driver.quit()
        self._profile.cleanup()

    def screen(self, width=1280, height=900, scale=1, scheme="light"):
        phone = width < 600
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def open(self, node, place="/"):
        """Opens a node's page anew and waits until it shows the node."""
        self.driver.get("about:blank")
        self.log()
        self.driver.get(node.url(place))
        self.until("() => document.body.dataset.known")

    def until(self, condition, *values):
        """Waits until a JavaScript function of the values returns something true, and returns that."""
        return self.driver.execute_async_script(UNTIL % condition, *values)

    def js(self, script, *values):
        return self.driver.execute_script(script, *values)

    def call(self, script, *values):
        """Runs the body of an async function."""
        return self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "(async (...values) => {" + script + "})(...[...arguments].slice(0, -1))"
            ".then(done, (e) => done({thrown: String(e)}));", *values)

    def text(self, selector):
        return self.js("return document.querySelector(arguments[0])?.textContent", selector)

    def log(self):
        """What was said on the console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def keys(self, *keys):
        """Presses keys wherever the focus is."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def requests(self):
        """The addresses of all that the page asked for since it was opened, itself included."""
        return self.js("return ['navigation', 'resource'].flatMap(t => performance.getEntriesByType(t)).map(e => e.name)")
