"""Headless Chromium, driven from a test: pages of files alone, and what it did with them."""
import base64
import json
import os
import pathlib
import shutil
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
           "--no-first-run", "--disable-background-networking", "--disable-component-update",
           "--disable-sync", "--disable-default-apps", "--disable-extensions",
           "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


def installed(program):
    path = shutil.which(program)
    if path is None:
        raise FileNotFoundError(f"{program} is not installed: bash jobs/install-deps.sh --tests")
    return path


class Browser:
    """To be used in a with statement, which ends it."""

    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        options = Options()
        options.binary_location = installed("chromium")
        for option in [*OPTIONS, f"--user-data-dir={self.profile.name}"]:
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = Service(installed("chromedriver"), env={**os.environ, "HOME": self.profile.name})
        self.driver = webdriver.Chrome(service=service, options=options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()
        self.profile.cleanup()

    def command(self, name, **arguments):
        return self.driver.execute_cdp_cmd(name, arguments)

    def show(self, path, width, scheme="light", media="screen"):
        """Load a file on a screen of that width, in CSS pixels."""
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=800,
                     deviceScaleFactor=1, mobile=width < 600)
        self.command("Emulation.setEmulatedMedia", media=media,
                     features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.driver.get(pathlib.Path(path).as_uri())

    def ask(self, function, *arguments):
        """What a JavaScript function body returns."""
        return self.driver.execute_script(function, *arguments)

    def complaints(self):
        """The console's messages since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """Addresses that the page shown has asked for since the last call, its own among them; a
        picture that the page holds has none."""
        messages = (json.loads(entry["message"])["message"]
                    for entry in self.driver.get_log("performance"))
        return [message["params"]["request"]["url"] for message in messages
                if message["method"] == "Network.requestWillBeSent"
                and message["params"]["documentURL"] == self.driver.current_url
                and not message["params"]["request"]["url"].startswith("data:")]

    def screenshot(self, path):
        """The whole page, as PNG."""
        size = self.command("Page.getLayoutMetrics")["cssContentSize"]
        picture = self.command("Page.captureScreenshot", captureBeyondViewport=True,
                               clip={"x": 0, "y": 0, "width": size["width"],
                                     "height": min(size["height"], 16000), "scale": 1})
        pathlib.Path(path).write_bytes(base64.b64decode(picture["data"]))

    def pdf(self):
        """The page as printed on A4."""
        self.command("Emulation.setEmulatedMedia", media="", features=[])
        printed = self.command("Page.printToPDF", paperWidth=8.27, paperHeight=11.69,
                               preferCSSPageSize=True)
        return base64.b64decode(printed["data"])
