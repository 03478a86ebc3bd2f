"""What each page weighs, how soon it paints, and its figures' alt texts.

    python -m tests.benchmarks.benchmark_pages

The site must be built. A page's own content is its HTML, in which its figures
are; styles and scripts are shared by all pages. The first paint is the median
of three loads from this machine, without a cache.
"""

import statistics
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from pipeline.pdf import contents
from pipeline.publish import SITE

from tests.test_site import chromium, find

PAINT = ("const [e] = performance.getEntriesByName('first-contentful-paint');"
         "return e ? e.startTime : null")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def measure(browser, address, page):
    """Return a page's kB, first paint in ms, figures, and how many have alt texts."""
    paints = []
    for _ in range(3):
        browser.execute_cdp_cmd("Network.clearBrowserCache", {})
        browser.get(f"{address}/{page}.html")
        paints.append(browser.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => "
            f"setTimeout(() => done((() => {{{PAINT}}})()), 200))"))
    images = find(browser, "article img")
    described = sum(bool(image.get_attribute("alt")) for image in images)
    size = (SITE / f"{page}.html").stat().st_size / 1000
    return size, statistics.median(paints), len(images), described


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0),
                                 partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        browser = chromium(folder)
        try:
            print("| page | kB | first paint, ms | images | with alt text |")
            print("|---|---:|---:|---:|---:|")
            totals = [0, 0]
            for page in contents():
                size, paint, images, described = measure(
                    browser, f"http://127.0.0.1:{server.server_port}", page)
                print(f"| {page} | {size:.0f} | {paint:.0f} | {images} | {described} |")
                totals = [totals[0] + images, totals[1] + described]
            print(f"| all | | | {totals[0]} | {totals[1]} |")
        finally:
            browser.quit()
            server.shutdown()


if __name__ == "__main__":
    main()
