"""What each page weighs, how soon it paints, and its figures' alt texts.

    python -m tests.benchmarks.benchmark_pages

The site must be built. A page's own content is its HTML, in which its figures
are; styles and scripts are shared by all pages. The first paint is the median
of three loads from this machine, without a cache.
"""

import statistics
import tempfile

from tests.conftest import BOOK
from tests.whole.conftest import chromium, find, served

PAINT = ("const [e] = performance.getEntriesByName('first-contentful-paint');"
         "return e ? e.startTime : null")


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
    size = (BOOK.site / f"{page}.html").stat().st_size / 1000
    return size, statistics.median(paints), len(images), described


def main():
    with tempfile.TemporaryDirectory() as folder, served(BOOK.site) as address:
        browser = chromium(folder)
        try:
            print("| page | kB | first paint, ms | images | with alt text |")
            print("|---|---:|---:|---:|---:|")
            totals = [0, 0]
            for page in BOOK.pages:
                size, paint, images, described = measure(browser, address, page)
                print(f"| {page} | {size:.0f} | {paint:.0f} | {images} | {described} |")
                totals = [totals[0] + images, totals[1] + described]
            print(f"| all | | | {totals[0]} | {totals[1]} |")
        finally:
            browser.quit()


if __name__ == "__main__":
    main()
