"""One server of the built site and one browser for all tests that look at it."""

import os
import shutil
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.conftest import BOOK

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--window-size=1280,900",
         "--disable-features=BackForwardCache")  # a page that was left is gone
BINARY = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")


@contextmanager
def served(folder):
    """Serve a folder from here; yield its address."""
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0),
                                 partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def chromium(folder, javascript=True):
    options = webdriver.ChromeOptions()
    options.binary_location = BINARY
    for flag in (*FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    logs = {"performance": "ALL", "browser": "ALL"}
    options.set_capability("goog:loggingPrefs", logs)
    if not javascript:
        options.add_experimental_option(
            "prefs", {"profile.managed_default_content_settings.javascript": 2}
        )
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))


def find(driver, selector):
    return driver.find_elements(By.CSS_SELECTOR, selector)


@pytest.fixture(scope="session")
def address():
    """Where the site is served."""
    assert (BOOK.site / "index.html").exists(), "there is no site: run make book"
    with served(BOOK.site) as address:
        yield address


def started(factory, **options):
    if not (BINARY and DRIVER) and not os.environ.get("COURSE_NEEDS_BROWSER"):
        pytest.skip("Chromium and chromedriver are not installed")
    driver = chromium(factory.mktemp("profile"), **options)
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    yield from started(tmp_path_factory)


@pytest.fixture(scope="session")
def plain_browser(tmp_path_factory):
    """A browser that runs no scripts."""
    yield from started(tmp_path_factory, javascript=False)
