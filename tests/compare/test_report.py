"""The report: all of it is in one file, and says what came of a comparison."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from small_comparison import HOSTILE, Small

from supportnet.compare.messages import prepare
from supportnet.compare.plan import Plan
from supportnet.compare.report import write_report
from supportnet.compare.results import Outcome, read_outcome, results_of
from supportnet.compare.table import verdict
from supportnet.data import load

pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """Collects the tags of a page, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture(scope="session")
def report(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outcomes = [read_outcome(run, small.folder / "runs") for run in (*small.runs, small.study)]
    outcomes.append(Outcome(small.failed, error="Training diverged <here>"))
    plan = Plan(data=[small.source], tasks=("classify",), seeds=(0, 1), studies=("gradients",))
    datasets = {small.source["name_or_path"]: prepare(load(**small.source))}
    return write_report(tmp_path_factory.mktemp("report"), results_of(plan, outcomes, {}), outcomes, datasets)


@pytest.fixture(scope="session")
def html(report: Path) -> str:
    return report.read_text(encoding="utf-8")


def test_it_needs_no_other_file(html: str) -> None:
    tags = Page(html).tags
    linked = [attributes.get(name) or "" for _, attributes in tags for name in ("src", "href")]
    assert all(not address or address.startswith("data:") for address in linked)
    assert "url(" not in html
    assert "@import" not in html


def test_every_picture_has_words_and_a_file(report: Path, html: str) -> None:
    pictures = [attributes for tag, attributes in Page(html).tags if tag == "img"]
    assert all(len(picture["alt"] or "") > 30 for picture in pictures)
    files = sorted((report.parent / "plots").iterdir())
    assert len(pictures) == len(files)
    assert {file.read_bytes()[:4] for file in files} == {b"\x89PNG"}
    kinds = {re.split(r"[-_.]", file.name)[0] for file in files}
    assert {"attention", "latency", "learning", "reliability", "risk", "study"} <= kinds


def test_nothing_in_it_is_run_but_its_own(html: str) -> None:
    assert [tag for tag, _ in Page(html).tags].count("script") == 1
    assert "&lt;script&gt;alert(1)" in html
    assert HOSTILE not in html


def test_a_failed_run_is_shown_with_its_error_and_the_others_stand(html: str) -> None:
    assert "Failed: classify, transformer, seed 1" in html
    assert "Training diverged &lt;here&gt;" in html
    assert "(1 failed)" in html
    assert "TF-IDF + linear SVM" in html


def test_what_a_support_lead_reads(html: str) -> None:
    assert re.search(r"<li>Best is [^:]+: it sorts \d+ of 100 messages right.</li>", html)
    row = {"task": "classify", "model": "none", "against": "baseline", "difference": -0.1}
    assert verdict({**row, "interval": None}).endswith("a single training can't say whether by chance.")
    assert "take either" in verdict({**row, "interval": [-0.3, 0.1]})
    assert verdict({**row, "interval": [-0.2, -0.05]}).startswith(
        "TF-IDF + linear SVM (what one would use instead) is better than none"
    )


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_in_a_browser(browser: Any, report: Path, tmp_path: Path, width: int, scheme: str) -> None:
    errors: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: errors.append(request.url) if request.url.startswith("http") else None)
    page.goto(report.as_uri())
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0 && image.alt)")
    # The page doesn't scroll sideways; wide tables do, for themselves.
    assert page.evaluate("document.documentElement.scrollWidth") == width
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 22, 22)"
    assert dark == (scheme == "dark")
    column = "table.sortable tbody tr td:nth-child(2)"
    for expected, direction in ((False, "ascending"), (True, "descending")):
        page.locator("table.sortable").first.locator("th button").nth(1).click()
        found = page.locator("table.sortable").first.evaluate(
            "t => [...t.tBodies[0].rows].map(r => Number(r.cells[1].dataset.value))"
        )
        assert found == sorted(found, reverse=expected)
        assert page.locator("table.sortable th").nth(1).get_attribute("aria-sort") == direction
    assert page.locator(column).count() >= 3
    page.screenshot(path=tmp_path / "report.png", full_page=True)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    page.close()
    assert errors == []
