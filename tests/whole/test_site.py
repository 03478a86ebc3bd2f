"""The built site as a reader's browser shows it: Chromium, served from here.

A page is loaded once on a telephone and once at a desk, where all that is asked of a
chapter is asked of its page as it lies there.
"""

import json
import re
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from helpers.figures import INK
from helpers.scraps import Scraps
from pipeline.run.copies import current
from tests.conftest import BOOK, ROOT, wait_for
from tests.whole.conftest import find

CHAPTERS = BOOK.chapters
TELEPHONE, DESK = 390, 1280
TYPESET = """
    const done = arguments[0];
    const wait = () => document.readyState !== "complete" ? setTimeout(wait, 20)
        : !document.querySelector(".math") ? done()
        : window.MathJax && MathJax.startup && MathJax.startup.promise
        ? MathJax.startup.promise.then(() => done()) : setTimeout(wait, 20);
    wait();"""
OVERFLOW = "return document.documentElement.scrollWidth - window.innerWidth"


def page_of(chapter):
    return f"notebooks/{chapter.name}"


def resize(browser, width):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500})


@pytest.fixture(scope="module")
def visit(browser, address):
    """Return a function that visits a page and tells what it saw, once for each page.

    The browser is left at the page, at a desk, when it was not visited before.
    """
    visited = {}
    browser.set_script_timeout(60)

    def visit(page):
        if page in visited:
            return visited[page]
        wide = {}
        browser.get("about:blank")
        browser.get_log("performance"), browser.get_log("browser")
        for width in (TELEPHONE, DESK):
            resize(browser, width)
            browser.get(f"{address}/{page}.html")
            browser.execute_async_script(TYPESET)
            wide[width] = browser.execute_script(OVERFLOW)
        log = [json.loads(entry["message"])["message"]
               for entry in browser.get_log("performance")]
        visited[page] = {
            "overflow": wide,
            "asked": [entry["params"]["request"]["url"] for entry in log
                      if entry["method"] == "Network.requestWillBeSent"],
            "errors": [entry["message"] for entry in browser.get_log("browser")
                       if entry["level"] == "SEVERE"],
        }
        return visited[page]

    return visit


@pytest.fixture(scope="module", params=CHAPTERS, ids=lambda chapter: chapter.name)
def chapter(request):
    return request.param


@pytest.fixture(scope="module")
def shown(browser, visit, chapter):
    """The browser with the page of the chapter, at a desk."""
    visit(page_of(chapter))
    assert browser.current_url.endswith(f"{page_of(chapter)}.html")
    return browser


def texts(driver, selector):
    """Return the visible text of each element, by the id of the nearest with one."""
    return dict(driver.execute_script("""
        return [...document.querySelectorAll(arguments[0])].map(
            e => [e.closest("[id]").id, e.innerText.trim()])""", selector))


def labels_of(chapter):
    return [label for label in BOOK.labels.values() if label.chapter == chapter.name]


def test_formulas_are_typeset(shown):
    formulas = find(shown, ".math")
    assert len(find(shown, "mjx-container")) == len(formulas) > 50
    assert find(shown, "mjx-merror, .MathJax_Error") == []


def test_formulas_fit_the_column_of_a_wide_page(shown):
    cut = shown.execute_script("""
        return [...document.querySelectorAll("div.math > mjx-container, div.math")]
            .filter(e => e.scrollWidth > e.clientWidth + 1)
            .map(e => e.closest("div.math").id || e.textContent.slice(0, 60));""")
    assert cut == [], "\n".join(cut)


def test_equations_and_exercises_have_the_numbers_of_the_notebooks(shown, chapter):
    equations = texts(shown, ".eqno")
    captions = texts(shown, ".caption-number")
    for label in labels_of(chapter):
        if label.kind == "equation":
            assert f"({label.number})" in equations[f"equation-{label.name}"]
        elif label.kind != "section":
            assert captions[label.name] == label.text


def test_every_claim_and_no_definition_is_marked_verified(shown, chapter):
    marks = shown.execute_script("""
        return [...document.querySelectorAll(".verified")].map(
            e => {
                const formula = e.parentElement.querySelector("div.math");
                const number = formula.querySelector(".eqno").getBoundingClientRect();
                const gap = e.getBoundingClientRect().left - number.right;
                return [formula.id, 0 <= gap && gap < 20,
                        e.getAttribute("aria-label")]; })""")
    assert sorted(at for at, _, _ in marks) == sorted(
        f"equation-{label.name}" for label in labels_of(chapter) if label.is_claim)
    for at, beside_its_number, says in marks:
        assert beside_its_number and "verified in this page by" in says, at


def test_the_prose_shows_the_numbers_that_the_run_recorded(shown, chapter):
    records = Scraps.of(current(BOOK, chapter, "quick")).records
    glued = [name for cell in chapter.cells if cell.kind == "markdown"
             for name in re.findall(r"\{glue:text\}`([^`]+)`", cell.source)]
    seen = shown.execute_script("""
        return [...document.querySelectorAll(".pasted-text")].map(e => e.innerText)""")
    assert glued and seen == [records[name]["text"].replace(" ± ", " ±\xa0")
                              for name in glued]


def visible_frames(figure):
    return [image.get_attribute("data-value") for image in figure.find_elements(
        By.TAG_NAME, "img") if image.is_displayed()]


def test_the_slider_moves_by_mouse_and_by_keys(shown):
    figure = find(shown, ".course-explore")[0]
    slider = figure.find_element(By.CSS_SELECTOR, "input[type=range]")
    output = figure.find_element(By.TAG_NAME, "output")
    shown.execute_script("arguments[0].scrollIntoView({block: 'center'})", slider)
    first = visible_frames(figure)
    assert len(first) == 1 and output.text == first[0]

    slider.send_keys(Keys.HOME)
    at_home = visible_frames(figure)
    slider.send_keys(Keys.ARROW_RIGHT)
    by_key = visible_frames(figure)
    assert len(by_key) == 1 and by_key != at_home and output.text == by_key[0]
    assert slider.get_attribute("aria-valuetext") == by_key[0]

    ActionChains(shown).move_to_element_with_offset(
        slider, slider.size["width"] // 2 - 4, 0).click().perform()
    by_mouse = visible_frames(figure)
    assert len(by_mouse) == 1 and by_mouse not in (at_home, by_key)
    last = figure.find_elements(By.TAG_NAME, "img")[-1]
    assert by_mouse == [last.get_attribute("data-value")]


def one_frame_alone(driver):
    """Tell whether the first slider's figure shows one frame and no slider."""
    figure = find(driver, ".course-explore")[0]
    return (len(visible_frames(figure)) == 1
            and not figure.find_element(By.TAG_NAME, "label").is_displayed())


def test_in_print_one_frame_is_left(shown):
    shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert one_frame_alone(shown)
    finally:
        shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_without_scripts_one_frame_is_left(plain_browser, chapter, address):
    plain_browser.get(f"{address}/{page_of(chapter)}.html")
    wait_for(lambda: find(plain_browser, ".course-explore"))  # a browser just begun
    assert one_frame_alone(plain_browser)


def test_a_solution_is_folded_and_unfolds(shown, chapter):
    folds = find(shown, "details.solution")
    cells = [cell for cell in chapter.code if cell.is_exercise]
    assert len(folds) >= len(cells) > 0
    body = ".sd-summary-content"
    assert not any(element.is_displayed()
                   for element in find(shown, f"details.solution {body}"))
    fold = folds[0]
    summary = fold.find_element(By.TAG_NAME, "summary")
    shown.execute_script("arguments[0].scrollIntoView({block: 'center'})", summary)
    summary.click()
    body = fold.find_element(By.CSS_SELECTOR, body)
    assert body.is_displayed() and "def " in body.text
    summary.send_keys(Keys.ENTER)
    assert not body.is_displayed()


def luminance(rgb):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
              for c in (v / 255 for v in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def rgb(text):
    return [float(v) for v in re.findall(r"[\d.]+", text)[:3]]


# The colours of an element and of what is behind it, its own left out if it is drawn.
COLOURS = """
    const element = document.querySelector(arguments[0]);
    const style = getComputedStyle(element);
    let behind = "rgb(255, 255, 255)";
    for (let e = element; e; e = e.parentElement) {
        const colour = getComputedStyle(e).backgroundColor;
        if (colour.startsWith("rgb(")) { behind = colour; break; }
    }
    return [style.color, behind, style.backgroundColor, style.filter];"""


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_text_and_figures_are_legible_in_light_and_dark(shown, theme):
    shown.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
    for selector in (".bd-article p", ".course-figure figcaption", ".byline",
                     "details.solution summary", ".eqno", ".verified"):
        colour, behind, *_ = shown.execute_script(COLOURS, selector)
        assert contrast(rgb(colour), rgb(behind)) >= 4.5, selector
    _, behind, own, filters = shown.execute_script(COLOURS, ".course-figure.plot img")
    assert own == "rgba(0, 0, 0, 0)"
    turned = "invert(1)" in filters
    assert turned == (theme == "dark")
    ink = [int(INK[i:i + 2], 16) for i in (1, 3, 5)]
    drawn = [255 - v for v in ink] if turned else ink
    assert contrast(drawn, rgb(behind)) >= 4.5


def test_every_figure_has_alt_text_and_a_caption(shown):
    captions, alts = shown.execute_script("""
        return [[...document.querySelectorAll(".course-figure")].map(
                    e => e.querySelector("figcaption").innerText),
                [...document.querySelectorAll("article img")].map(e => e.alt)]""")
    assert captions and all(captions)
    assert all(len(alt) > 20 for alt in alts)
    assert find(shown, ".cell_output img:not(.course-figure img)") == []


def test_buttons_open_what_is_in_the_tree(shown, chapter):
    links = shown.execute_script(
        "return [...document.querySelectorAll('a[href]')].map(e => e.href)")
    config = BOOK.config
    repository = config["repository"]
    owner_and_name = urlsplit(repository["url"]).path
    colab = [link for link in links if "colab" in urlsplit(link).netloc]
    assert colab == [
        f"{config['launch_buttons']['colab_url']}/github{owner_and_name}/blob/"
        f"{config['sphinx']['config']['published_branch']}/{page_of(chapter)}.ipynb"]
    blobs = [link for link in links if link.startswith(f"{repository['url']}/blob/")]
    assert any("/solutions/" in link for link in blobs)
    for link in [*colab, *blobs]:
        path = urlsplit(link).path.split("/blob/")[1].split("/", 1)[1]
        assert (ROOT / path).is_file(), link


@pytest.mark.parametrize("page", BOOK.pages)
def test_a_page_asks_no_other_host_and_reports_no_error(visit, address, page):
    seen = visit(page)
    assert seen["asked"] and seen["errors"] == []
    assert [url for url in seen["asked"] if url.startswith(("http", "ws", "//"))
            and urlsplit(url).netloc != urlsplit(address).netloc] == []


@pytest.mark.parametrize("page", BOOK.pages)
@pytest.mark.parametrize("width", [TELEPHONE, DESK])
def test_no_page_scrolls_sideways(visit, page, width):
    assert visit(page)["overflow"][width] <= 0


@pytest.mark.parametrize("page", BOOK.pages)
def test_a_page_weighs_less_than_three_megabytes(page):
    assert (BOOK.site / f"{page}.html").stat().st_size < 3e6


def test_search_finds_moment_matching(browser, address):
    browser.get(f"{address}/search.html?q=moment+matching")
    wait_for(lambda: find(browser, "ul.search li a"))
    found = [link.get_attribute("href") for link in find(browser, "ul.search li a")]
    assert any("notebooks/comparing_distributions" in link for link in found)


def test_the_first_page_leads_to_every_chapter_with_a_figure(browser, address):
    browser.get(f"{address}/book/intro.html")
    links = find(browser, ".covers a")
    assert [urlsplit(link.get_attribute("href")).path for link in links] == [
        f"/{page_of(chapter)}.html" for chapter in CHAPTERS]
    for link, chapter in zip(links, CHAPTERS, strict=True):
        image = link.find_element(By.TAG_NAME, "img")
        assert int(image.get_property("naturalWidth")) > 0
        assert len(image.get_attribute("alt")) > 20
        assert link.text == f"{chapter.number} {chapter.title}"
