"""The page at `/`, in a browser: Chromium, headless.

SUPPORTNET_REQUIRE_BROWSER=1 makes it an error that there is none.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from served import Served, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def page(browser: Browser, toy_server: Served) -> Iterator[Page]:
    """The page on a phone in dark mode; whatever goes wrong in it, or is loaded from elsewhere, fails the test."""
    wrong: list[Any] = []
    with browser.new_context(viewport={"width": 360, "height": 740}, color_scheme="dark") as context:
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(error))
        page.on(
            "request",
            lambda request: None if request.url.startswith((toy_server.rest, "data:")) else wrong.append(request.url),
        )
        page.goto(toy_server.rest)
        yield page
    assert wrong == []


def ask(page: Page, message: str) -> None:
    page.get_by_label("A customer's message").fill(message)
    page.get_by_role("button", name="Ask").click()


def test_all_that_the_model_says(page: Page) -> None:
    ask(page, "where is parcel 1234567?")
    expect(page.get_by_role("status")).to_have_text("toy, version 2")
    expect(page.locator("#redact")).to_contain_text("where is parcel {number}?")
    expect(page.locator("#classify tr").nth(1)).to_have_text("refund0.500")
    expect(page.locator("#classify")).to_contain_text("In scope; can be routed without a person.")
    expect(page.locator("#suggest")).to_contain_text("Your parcel left today.")
    expect(page.locator("#suggest tr")).to_have_count(3)
    expect(page.locator("#reply")).to_contain_text("You say: where is parcel 1234567?")
    expect(page.locator("#reply")).to_contain_text("Hand it to a person.")


def test_what_a_customer_writes_is_text(page: Page) -> None:
    ask(page, "<img src=x onerror=alert(1)>")
    expect(page.locator("#redact p")).to_have_text("<img src=x onerror=alert({number})>")
    expect(page.locator("#answers img")).to_have_count(0)


def test_enter_asks_and_models_can_be_chosen(page: Page) -> None:
    page.get_by_label("Model").select_option("newest")
    page.get_by_label("A customer's message").fill("hello")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("newest, version 2")


def test_it_fits_a_phone_and_is_dark(page: Page) -> None:
    ask(page, "x" * 500)
    expect(page.locator("#reply")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 23, 26)"
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.get_by_role("button").bounding_box()["height"] >= 44


def test_errors_are_shown(page: Page, toy_server: Served) -> None:
    page.route("**/metadata", lambda route: route.fulfill(status=503, body='{"error": "too much to do"}'))
    ask(page, "hello")
    expect(page.get_by_role("alert")).to_have_text("too much to do")
    page.unroute("**/metadata")
    page.route("**/metadata", lambda route: route.abort())
    ask(page, "hello")
    expect(page.get_by_role("alert")).to_have_text("The server can't be reached.")
    page.unroute("**/metadata")
    ask(page, "hello")
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.locator("#reply")).to_be_visible()


def test_a_model_that_only_classifies(browser: Browser, tiny_export: Path) -> None:
    with serving(tiny_export.parent) as served, browser.new_context() as context:
        page = context.new_page()
        page.goto(served.rest)
        expect(page.get_by_label("Model")).to_be_hidden()
        ask(page, "Where is my parcel?")
        # The intents, and the message without personal data.
        expect(page.locator("section")).to_have_count(2)
        expect(page.locator("#classify tr")).to_have_count(6)
