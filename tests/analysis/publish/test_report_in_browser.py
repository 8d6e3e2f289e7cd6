"""The report in a real browser without a network: nothing fetched, nothing broken, nothing cut."""

import pytest

from harness.commands.main import main
from tests.analysis.publish.browser import find_browser, look_at
from tests.analysis.publish.result_folders import small_run, write_folder

QUESTION = """({
  page: document.documentElement.scrollWidth,
  window: window.innerWidth,
  images: [...document.images].map(i => { i.loading = "eager"; return i.src.slice(0, 22); }),
  broken: [...document.querySelectorAll("nav a")].filter(
    a => !document.querySelector(a.getAttribute("href"))).length,
  links: document.querySelectorAll("nav a").length,
  wide: [...document.querySelectorAll("main *")].filter(
    e => e.getBoundingClientRect().right > window.innerWidth + 1 && !e.closest(".scroll, pre")
  ).length,
  verdicts: (box => box.scrollWidth <= box.clientWidth)(
    document.querySelector("table.claims").closest(".scroll")),
  text: document.body.innerText,
  colour: getComputedStyle(document.querySelector(".badge.reproduced")).color,
  scripts: document.scripts.length,
})"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    if find_browser() is None:
        pytest.skip("no Chromium found")
    folder = write_folder(tmp_path_factory.mktemp("browser"), small_run())
    assert main(["report", "--results", str(folder)]) == 0
    return folder / "report.html"


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_fits_the_window_and_fetches_nothing(page, width):
    seen = look_at(page, width, QUESTION)
    value = seen["value"]
    fetched = [url for url in seen["requests"] if not url.startswith("data:")]
    assert fetched == [page.resolve().as_uri()]
    assert seen["console"] == []
    assert value["window"] == width
    assert value["page"] <= width, "the page scrolls sideways"
    assert value["wide"] == 0
    assert value["verdicts"] or width < 1280, "a column of the verdicts is cut off"
    assert value["links"] >= 8 and value["broken"] == 0
    assert value["images"] and set(value["images"]) == {"data:image/png;base64,"}
    assert value["scripts"] == 0
    assert "How many threads? Results of the preset" in value["text"]
    assert "What is missing" in value["text"]
    assert value["colour"] == "rgb(11, 107, 58)"  # the style sheet is in force
