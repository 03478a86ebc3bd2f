"""The built site as a reader's browser shows it: Chromium, served from here."""

import json
import os
import re
import shutil
import threading
import time
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from docutils.core import publish_doctree
from pipeline.chapters import ROOT, SourceError, config, exercise_names, load_all
from pipeline.pdf import contents
from pipeline.publish import SITE
from pipeline.render import cover, keep_signs_with_errors
from pipeline.render import page as rendered
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from helpers.figures import INK
from pipeline import executed
from pipeline import labels as labelling
from tests.conftest import wait_for

CHAPTERS = load_all()
LABELS = labelling.collect(CHAPTERS)
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--window-size=1280,900")
BINARY = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

if not (BINARY and DRIVER) and not os.environ.get("COURSE_NEEDS_BROWSER"):
    pytest.skip("Chromium and chromedriver are not installed",
                allow_module_level=True)


@pytest.fixture(scope="module")
def address():
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    assert (SITE / "index.html").exists(), "there is no site: run make book"
    handler = partial(Quiet, directory=str(SITE))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
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


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    driver = chromium(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


def page_of(source):
    return f"notebooks/{source.name}"


@pytest.fixture(params=CHAPTERS, ids=lambda source: source.name)
def source(request):
    return request.param


@pytest.fixture
def chapter(browser, address, source):
    browser.set_window_size(1280, 900)
    browser.get(f"{address}/{page_of(source)}.html")
    wait_for(lambda: browser.execute_script(
        "return !!(window.MathJax && MathJax.startup && MathJax.startup.promise)"))
    browser.execute_async_script(
        "const done = arguments[0]; MathJax.startup.promise.then(() => done())")
    return browser


def find(driver, selector):
    return driver.find_elements(By.CSS_SELECTOR, selector)


@pytest.mark.parametrize("page", contents())
def test_a_page_asks_no_other_host_and_reports_no_error(browser, address, page):
    browser.get("about:blank")
    browser.get_log("performance"), browser.get_log("browser")
    browser.get(f"{address}/{page}.html")
    time.sleep(1)
    asked = [json.loads(entry["message"])["message"]
             for entry in browser.get_log("performance")]
    urls = [entry["params"]["request"]["url"] for entry in asked
            if entry["method"] == "Network.requestWillBeSent"]
    assert urls
    foreign = [url for url in urls if url.startswith(("http", "ws", "//"))
               and urlsplit(url).netloc != urlsplit(address).netloc]
    assert foreign == []
    assert [entry["message"] for entry in browser.get_log("browser")
            if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("page", contents())
@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_scrolls_sideways(browser, address, page, width):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500})
    browser.get(f"{address}/{page}.html")
    time.sleep(0.7)
    overflow = browser.execute_script(
        "return document.documentElement.scrollWidth - window.innerWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert overflow <= 0


def test_formulas_are_typeset(chapter):
    formulas = find(chapter, ".math")
    assert len(find(chapter, "mjx-container")) == len(formulas) > 50
    assert find(chapter, "mjx-merror, .MathJax_Error") == []


def test_formulas_fit_the_column_of_a_wide_page(chapter):
    cut = chapter.execute_script("""
        return [...document.querySelectorAll("div.math > mjx-container, div.math")]
            .filter(e => e.scrollWidth > e.clientWidth + 1)
            .map(e => e.closest("div.math").id || e.textContent.slice(0, 60));""")
    assert cut == [], "\n".join(cut)


def labels_of(source):
    return {name: label for name, label in LABELS.items()
            if label.chapter == source.name}


def test_equations_and_exercises_have_the_numbers_of_the_notebooks(chapter, source):
    for name, label in labels_of(source).items():
        if label.kind == "equation":
            (number,) = find(chapter, f'[id="equation-{name}"] .eqno')
            assert f"({label.number})" in number.text
        elif label.kind != "section":
            (caption,) = find(chapter, f"#{name} .caption-number")
            assert caption.text.strip() == label.text


def test_every_claim_and_no_definition_is_marked_verified(chapter, source):
    for name, label in labels_of(source).items():
        if label.kind == "equation":
            marks = find(chapter, f'[id="equation-{name}"] .verified')
            assert len(marks) == label.is_claim, name
            for mark in marks:
                assert "verified in this page by" in mark.get_attribute("aria-label")


def test_the_prose_shows_the_numbers_that_the_run_recorded(chapter, source):
    run = executed.fresh(source, {**source.defaults, "profile": "quick"})
    scraps = executed.scraps(run)
    glued = [name for cell in source.cells if cell.kind == "markdown"
             for name in re.findall(r"\{glue:text\}`([^`]+)`", cell.source)]
    shown = [element.text for element in find(chapter, ".pasted-text")]
    assert glued and shown == [scraps[name]["text"] for name in glued]


def visible_frames(figure):
    return [image.get_attribute("data-value") for image in figure.find_elements(
        By.TAG_NAME, "img") if image.is_displayed()]


def test_the_slider_moves_by_mouse_and_by_keys(chapter):
    figure = find(chapter, ".course-explore")[0]
    slider = figure.find_element(By.CSS_SELECTOR, "input[type=range]")
    output = figure.find_element(By.TAG_NAME, "output")
    chapter.execute_script("arguments[0].scrollIntoView({block: 'center'})", slider)
    first = visible_frames(figure)
    assert len(first) == 1 and output.text == first[0]

    slider.send_keys(Keys.HOME)
    at_home = visible_frames(figure)
    slider.send_keys(Keys.ARROW_RIGHT)
    by_key = visible_frames(figure)
    assert len(by_key) == 1 and by_key != at_home and output.text == by_key[0]
    assert slider.get_attribute("aria-valuetext") == by_key[0]

    ActionChains(chapter).move_to_element_with_offset(
        slider, slider.size["width"] // 2 - 4, 0).click().perform()
    by_mouse = visible_frames(figure)
    assert len(by_mouse) == 1 and by_mouse not in (at_home, by_key)
    last = figure.find_elements(By.TAG_NAME, "img")[-1]
    assert by_mouse == [last.get_attribute("data-value")]


def test_without_scripts_and_in_print_one_frame_is_left(chapter, source, address,
                                                        tmp_path):
    chapter.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    figure = find(chapter, ".course-explore")[0]
    assert len(visible_frames(figure)) == 1
    assert not figure.find_element(By.TAG_NAME, "label").is_displayed()
    chapter.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})

    plain = chromium(tmp_path / "plain", javascript=False)
    try:
        plain.get(f"{address}/{page_of(source)}.html")
        wait_for(lambda: find(plain, ".course-explore"))  # a browser just begun
        figure = find(plain, ".course-explore")[0]
        assert len(visible_frames(figure)) == 1
        assert not figure.find_element(By.TAG_NAME, "label").is_displayed()
    finally:
        plain.quit()


def test_a_solution_is_folded_and_unfolds(chapter, source):
    folds = find(chapter, "details.solution")
    cells = [cell for cell in source.code if exercise_names(cell.source)]
    assert len(folds) >= len(cells) > 0
    for fold in folds:
        body = fold.find_element(By.CSS_SELECTOR, ".sd-summary-content")
        assert not body.is_displayed()
    fold = folds[0]
    summary = fold.find_element(By.TAG_NAME, "summary")
    chapter.execute_script("arguments[0].scrollIntoView({block: 'center'})", summary)
    summary.click()
    body = fold.find_element(By.CSS_SELECTOR, ".sd-summary-content")
    assert body.is_displayed() and "def " in body.text
    summary.send_keys(Keys.ENTER)
    assert not body.is_displayed()


def test_search_finds_moment_matching(browser, address):
    browser.get(f"{address}/search.html?q=moment+matching")
    wait_for(lambda: find(browser, "ul.search li a"))
    found = [link.get_attribute("href") for link in find(browser, "ul.search li a")]
    assert any("notebooks/comparing_distributions" in link for link in found)


def test_the_first_page_leads_to_every_chapter_with_a_figure(browser, address):
    browser.get(f"{address}/book/intro.html")
    links = find(browser, ".covers a")
    assert [urlsplit(link.get_attribute("href")).path for link in links] == [
        f"/{page_of(source)}.html" for source in CHAPTERS]
    for link, source in zip(links, CHAPTERS, strict=True):
        image = link.find_element(By.TAG_NAME, "img")
        assert int(image.get_property("naturalWidth")) > 0
        assert len(image.get_attribute("alt")) > 20
        assert link.text == f"{source.number} {source.title}"


def test_a_sign_and_its_error_stay_on_one_line():
    written = publish_doctree("44.1 ± 1.6 per cent::\n\n  GRU = 44.1 ± 1.6\n")
    keep_signs_with_errors(None, written, "notebooks/nmt")
    prose, code = written.children
    assert prose.astext() == "44.1 ±\xa01.6 per cent:"
    assert code.astext() == "GRU = 44.1 ± 1.6"


def test_a_cover_that_is_not_there_stops_the_build():
    source = replace(CHAPTERS[0], cover=99)
    run = executed.fresh(source, {**source.defaults, "profile": "quick"})
    with pytest.raises(SourceError, match="figure 99 as its cover"):
        cover(source, run)


@pytest.mark.parametrize("page", contents())
def test_a_page_weighs_less_than_three_megabytes(page):
    assert (SITE / f"{page}.html").stat().st_size < 3e6


def luminance(rgb):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
              for c in (v / 255 for v in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def rgb(text):
    return [float(v) for v in re.findall(r"[\d.]+", text)[:3]]


BEHIND = """
    for (let e = arguments[0]; e; e = e.parentElement) {
        const colour = getComputedStyle(e).backgroundColor;
        if (colour.startsWith("rgb(")) return colour;
    }
    return "rgb(255, 255, 255)";
"""


def behind(driver, element):
    """Return the colour that is seen behind an element."""
    return rgb(driver.execute_script(BEHIND, element))


def test_text_and_figures_are_legible_in_light_and_dark(chapter):
    ink = [int(INK[i:i + 2], 16) for i in (1, 3, 5)]
    for theme in ("light", "dark"):
        chapter.execute_script("document.documentElement.dataset.theme = arguments[0]",
                               theme)
        for selector in (".bd-article p", ".course-figure figcaption", ".byline",
                         "details.solution summary", ".eqno", ".verified"):
            element = find(chapter, selector)[0]
            colour = rgb(element.value_of_css_property("color"))
            assert contrast(colour, behind(chapter, element)) >= 4.5, (
                f"{selector} in {theme}")
        plot = find(chapter, ".course-figure.plot img")[0]
        assert plot.value_of_css_property("background-color") == "rgba(0, 0, 0, 0)"
        turned = "invert(1)" in plot.value_of_css_property("filter")
        assert turned == (theme == "dark")
        drawn = [255 - v for v in ink] if turned else ink
        assert contrast(drawn, behind(chapter, plot)) >= 4.5, theme


def test_every_figure_has_alt_text_and_a_caption(chapter):
    figures = find(chapter, ".course-figure")
    assert figures
    for figure in figures:
        assert figure.find_element(By.TAG_NAME, "figcaption").text
    for image in find(chapter, "article img"):
        assert len(image.get_attribute("alt")) > 20
    assert find(chapter, ".cell_output img:not(.course-figure img)") == []


def test_buttons_open_what_is_in_the_tree(chapter, source):
    links = [link.get_attribute("href") for link in find(chapter, "a[href]")]
    repository = config()["repository"]
    published = config()["sphinx"]["config"]["published_branch"]
    owner_and_name = urlsplit(repository["url"]).path
    colab = [link for link in links if "colab" in urlsplit(link).netloc]
    assert colab == [f"{config()['launch_buttons']['colab_url']}/github{owner_and_name}"
                     f"/blob/{published}/{page_of(source)}.ipynb"]
    blobs = [link for link in links if link.startswith(f"{repository['url']}/blob/")]
    assert any("/solutions/" in link for link in blobs)
    for link in [*colab, *blobs]:
        path = urlsplit(link).path.split("/blob/")[1].split("/", 1)[1]
        assert (ROOT / path).is_file(), link


def test_a_list_of_records_is_folded_where_the_source_says_so():
    chapter = next(chapter for chapter in CHAPTERS if chapter.name == "nmt")
    run = executed.fresh(chapter, {**chapter.defaults, "profile": "quick"})
    cells = rendered(chapter, run, LABELS).cells
    tags = {cell.source: cell.metadata.tags for cell in cells
            if cell.cell_type == "code"}
    folded = [cell for cell in chapter.code if "hide-output" in cell.tags]
    assert len(folded) == 2
    assert all(tags[cell.blank] == ["hide-output"] for cell in folded)
    assert sum("hide-output" in found for found in tags.values()) == 2
