"""`make pictures`: a picture of every page, taken in Chromium at a demo of its own, into docs/pages.

The demo's town is made anew each time, so figures differ a little; what is shown and how does not. A picture of more than
300 KB is an error: the repository keeps them.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Page, async_playwright

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "pages"
MOST_BYTES: Final = 300_000
DESK: Final = {"width": 1280, "height": 900}
PHONE: Final = {"width": 390, "height": 844}
FLAGS: Final = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--use-fake-ui-for-media-stream"]

Act = Callable[[Page], Awaitable[None]]


@dataclass
class Demo:
    """A running demo: its address, and who may log in with which password."""

    url: str
    logins: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Shot:
    """One picture: the file's name, whose log-in (None: nobody's), where, and what is done before it is taken."""

    name: str
    who: str | None
    path: str
    act: Act | None = None
    language: str = "en-GB"
    dark: bool = False
    phone: bool = False


async def quiet(page: Page) -> None:
    """Wait until what the page asks for has come, and its pictures are drawn."""
    with contextlib.suppress(Exception):  # pages with a live stream are never quite quiet
        await page.wait_for_load_state("networkidle", timeout=4000)
    await page.wait_for_timeout(400)


async def first_offer(page: Page) -> None:
    await page.locator("main a[href^='/dashboard/offers/']:not([href$='/new'])").first.click()


async def edit_first_offer(page: Page) -> None:
    await first_offer(page)
    await page.locator("a[href$='/edit']").first.click()


SHOTS: Final = (
    Shot("start", None, "/"),
    Shot("login", None, "/login"),
    Shot("dashboard", "marketer", "/dashboard?days=7"),
    Shot("dashboard-german-dark", "marketer", "/dashboard?days=7", language="de-DE", dark=True),
    Shot("dashboard-phone", "marketer", "/dashboard?days=7", phone=True),
    Shot("offers", "marketer", "/dashboard/offers"),
    Shot("offer", "marketer", "/dashboard/offers", first_offer),
    Shot("editor", "marketer", "/dashboard/offers", edit_first_offer),
    Shot("editor-german-dark", "marketer", "/dashboard/offers", edit_first_offer, language="de-DE", dark=True),
    Shot("calendar", "marketer", "/dashboard/calendar"),
    Shot("places", "marketer", "/dashboard/places"),
    Shot("why", "marketer", "/dashboard/why"),
    Shot("counter", "counter", "/counter", phone=True),
    Shot("counter-german-dark", "counter", "/counter", phone=True, language="de-DE", dark=True),
    Shot("phone", None, "/app"),
    Shot("account", "admin", "/account"),
    Shot("admin", "admin", "/dashboard/admin"),
    Shot("keys", "admin", "/dashboard/admin/keys"),
    Shot("settings-german-dark", "admin", "/dashboard/admin/settings", language="de-DE", dark=True),
    Shot("audit", "admin", "/dashboard/admin/audit"),
    Shot("webhooks", "admin", "/dashboard/webhooks"),
    Shot("docs", None, "/docs"),
)


@contextlib.asynccontextmanager
async def demo() -> AsyncIterator[Demo]:
    """Run `kairos demo` on a free port, in a folder that is thrown away."""
    home = Path(tempfile.mkdtemp(prefix="kairos-pictures-"))
    home.chmod(0o755)
    command = [sys.executable, "-m", "server", "demo", "--port", "0", "--data-dir", str(home / "town")]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=FOLDER.parents[1])
    try:
        yield await asyncio.wait_for(_heard(process), 180)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        shutil.rmtree(home, ignore_errors=True)


async def _heard(process: asyncio.subprocess.Process) -> Demo:
    """Read what the demo prints until it has introduced itself."""
    assert process.stdout is not None
    found = Demo("")
    async for line in process.stdout:
        text = line.decode()
        if address := re.match(r"listening on (\S+)", text):
            found.url = address[1]
        if login := re.match(r"\s*(\w+)@(\S+)\s+(\S+)\s*$", text):
            found.logins[login[1]] = f"{login[1]}@{login[2]} {login[3]}"
        if text.startswith("tokens for the API"):
            return found
    raise RuntimeError("the demo ended before it was open")


async def take(browser: Browser, of: Demo, shot: Shot) -> None:
    """Log in, go there, do what is to be done, and take the picture."""
    context = await browser.new_context(
        locale=shot.language,
        color_scheme="dark" if shot.dark else "light",
        viewport=PHONE if shot.phone else DESK,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    if shot.who is not None:
        email, _, password = of.logins[shot.who].partition(" ")
        await page.goto(f"{of.url}/login")
        await page.fill("input[name=email]", email)
        await page.fill("input[name=password]", password)
        await page.click("main button[type=submit]")
        await page.wait_for_url(lambda url: not url.endswith("/login"))
    await page.goto(f"{of.url}{shot.path}")
    await quiet(page)
    if shot.act is not None:
        await shot.act(page)
        await quiet(page)
    file = FOLDER / f"{shot.name}.png"
    await page.screenshot(path=file)
    await context.close()
    if (size := file.stat().st_size) > MOST_BYTES:
        raise RuntimeError(f"{file.name} has {size:,} bytes: at most {MOST_BYTES:,} are kept")
    print(f"{file.relative_to(FOLDER.parents[1])}: {size:,} bytes")


async def main(names: list[str]) -> None:
    """Take those that are named, else all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with demo() as of, async_playwright() as play:
        browser = await play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for shot in SHOTS:
            if not names or shot.name in names:
                await take(browser, of, shot)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
