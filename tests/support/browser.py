"""Pages in Debian's chromium by Playwright, for tests that skip where either is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(
    filter(None, map(shutil.which, (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser"))), ""
)
"""the program, of `CHROMIUM` or of the path"""
PATIENCE = 120_000
"""milliseconds that anything on a page may take: no test depends on speed"""
FLAGS = ("--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""a microphone that beeps, and that pages are let use; root may not have Chromium's sandbox"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser for the block; skip the test where there is none."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: make test-browser"
    )
    if not CHROMIUM:
        pytest.skip("chromium is not installed: apt-get install chromium, or CHROMIUM=/path/to/it")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        yield started
        started.close()


@contextmanager
def opened(browser: Browser, url: str, *, expected: str = "", dark: bool = False) -> Iterator[Page]:
    """Open a page in a context of its own, and fail if it writes errors to its console.

    `expected` is a part of those that the test provokes: browsers write one for each request that is refused.
    """
    context = browser.new_context(
        accept_downloads=True,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        viewport={"width": 1280, "height": 800},
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    errors: list[str] = []
    page.on(
        "console",
        lambda message: errors.append(message.text) if message.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    yield page
    context.close()
    assert [error for error in errors if not expected or expected not in error] == []


def saved(page: Page, button: str) -> bytes:
    """Click a button that saves a file, and return the file's content."""
    with page.expect_download() as started:
        page.click(button)
    return Path(started.value.path()).read_bytes()
