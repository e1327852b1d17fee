"""One Chromium for each process of a run: starting one costs as much as ten tests."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright, expect

pytest.register_assert_rewrite("tests.browser.visits", "tests.browser.hostile")

from tests.browser import camera  # noqa: E402  what is rewritten must not have been imported

PROGRAM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
FLAGS = [
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    camera.FLAG,
]


expect.set_options(timeout=20_000)  # a busy machine is no failure


@pytest.fixture(scope="session")
async def engine() -> AsyncIterator[Browser]:
    """Chromium: this machine's own, without a window if it has that, else the one that playwright got."""
    camera.show(None)
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=PROGRAM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def chromium(engine: Browser) -> AsyncIterator[Browser]:
    """The browser of this process. What a test opened is closed after it: its pages would ask on, and hold the camera."""
    yield engine
    for context in engine.contexts:
        await context.close()
