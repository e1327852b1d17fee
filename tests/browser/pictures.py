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
    """One picture: the file's name, whose log-in (None: nobody's), where, what it shows, what is done before it is taken."""

    name: str
    who: str | None
    path: str
    caption: str
    act: Act | None = None
    language: str = "en-GB"
    dark: bool = False
    phone: bool = False


async def quiet(page: Page) -> None:
    """Wait until what the page asks for has come, and its pictures are drawn."""
    with contextlib.suppress(Exception):  # pages with a live stream are never quite quiet
        await page.wait_for_load_state("networkidle", timeout=4000)
    await page.wait_for_timeout(400)


def scroll(selector: str) -> Act:
    """Have a part of the page at its top."""

    async def act(page: Page) -> None:
        await page.locator(selector).first.evaluate("node => node.scrollIntoView()")

    return act


async def first_offer(page: Page) -> None:
    await page.locator("main a[href^='/dashboard/offers/']:not([href$='/new'])").first.click()


async def edit_first_offer(page: Page) -> None:
    await first_offer(page)
    await page.locator("a[href$='/edit']").first.click()


async def conditions(page: Page) -> None:
    await page.get_by_role("link", name="coffee-morning").click()
    await page.locator("a[href$='/edit']").first.click()
    await quiet(page)
    await page.locator("#s-if").evaluate("node => node.scrollIntoView()")


async def try_coffee(page: Page) -> None:
    await page.get_by_role("link", name="coffee-morning").click()
    await quiet(page)
    await page.get_by_role("button", name="Try this offer").click()
    await quiet(page)
    await page.get_by_role("button", name="Try this offer").evaluate("node => node.scrollIntoView()")


async def first_place(page: Page) -> None:
    await page.get_by_role("button", name="Café Morgenrot").first.click()


async def why_pretzel(page: Page) -> None:
    await page.select_option("[name=by]", "offer_id")
    await page.fill("#offer", "welcome-pretzel")
    await page.fill("#first", "2026-01-01T00:00")
    await page.get_by_role("button", name="Look up").click()


async def walk(page: Page) -> None:
    """Agree to everything, go on to a Tuesday morning, and walk into a bakery's fence."""
    for name in ("location", "push", "profiling"):
        await page.locator(f"#sign-up [name={name}]").check()
    await page.get_by_role("button", name="Begin").click()
    await page.locator("#scene [name=weekday]").select_option("tue")
    await page.locator("#scene [name=clock]").fill("08:12")
    await page.get_by_role("button", name="Go on to then").click()
    await page.locator("#clock").filter(has_text="Tuesday 08:12").wait_for()
    for direction in ("n", "w", "n", "w"):
        await page.locator(f"#pad [value={direction}]").click()
        await page.wait_for_timeout(1500)
    await page.locator("#cards article").first.wait_for(timeout=30_000)


async def take_it(page: Page) -> None:
    await walk(page)
    await page.locator("#cards article").get_by_role("button", name="Open").click()
    await page.get_by_role("button", name="Take it").click()


SHOTS: Final = (
    Shot("start", None, "/", "The first page"),
    Shot("login", None, "/login", "Log in"),
    Shot("dashboard", "marketer", "/dashboard?days=7", "The dashboard"),
    Shot("dashboard-map", "marketer", "/dashboard?days=7", "Hours of the week, and stores on a map", scroll("#heat")),
    Shot(
        "dashboard-german-dark", "marketer", "/dashboard?days=7", "In German, in the dark", language="de-DE", dark=True
    ),
    Shot("dashboard-phone", "marketer", "/dashboard?days=7", "On a phone", phone=True),
    Shot("offers", "marketer", "/dashboard/offers", "Offers"),
    Shot("offer", "marketer", "/dashboard/offers", "An offer in words, tried on an hour and a sky", try_coffee),
    Shot("editor", "marketer", "/dashboard/offers", "The editor of offers", edit_first_offer),
    Shot("editor-conditions", "marketer", "/dashboard/offers", "Conditions as sentences", conditions),
    Shot("editor-new", "marketer", "/dashboard/offers/new", "A new offer", language="de-DE", dark=True),
    Shot("calendar", "marketer", "/dashboard/calendar", "The calendar, with the switch that stops everything"),
    Shot("places", "marketer", "/dashboard/places", "Places: a store with its fence and hours", first_place),
    Shot("why", "marketer", "/dashboard/why", "Why an offer came, and why it did not", why_pretzel),
    Shot("counter", "counter", "/counter", "The counter", phone=True),
    Shot("counter-german-dark", "counter", "/counter", "The same in the dark", phone=True, language="de-DE", dark=True),
    Shot("account", "admin", "/account", "One's own log-ins and second factor"),
    Shot("password", "admin", "/password", "Another password"),
    Shot("admin", "admin", "/dashboard/admin", "People"),
    Shot("admin-keys", "admin", "/dashboard/admin/keys", "Keys"),
    Shot("admin-deliveries", "admin", "/dashboard/admin/deliveries", "What is on its way out, and dead letters"),
    Shot("admin-settings", "admin", "/dashboard/admin/settings", "Settings in force", language="de-DE", dark=True),
    Shot("admin-audit", "admin", "/dashboard/admin/audit", "The audit"),
    Shot("webhooks", "admin", "/dashboard/webhooks", "Webhooks"),
    Shot("docs", None, "/docs", "The HTTP contract"),
    Shot("phone", None, "/app", "A phone in the browser: somebody walked into a fence", walk),
    Shot("phone-pass", None, "/app", "The pass as a wallet shows it", take_it, language="en-US", dark=True),
)
"""The phone comes last: it moves the demo's day on, and log-ins end by it."""


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
        browser = await play.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell") or shutil.which("chromium"), args=FLAGS
        )
        for shot in SHOTS:
            if not names or shot.name in names:
                await take(browser, of, shot)
        await browser.close()
    (FOLDER / "README.md").write_text(page_of_pictures(), "utf-8")


def page_of_pictures() -> str:
    """Write the page that shows them."""
    begin = "# The pages\n\nTaken by `make pictures` at a demo; `server/web/screens` makes them.\n"
    shown = [f"## {shot.caption}\n\n![{shot.caption}]({shot.name}.png)\n" for shot in SHOTS]
    return "\n".join([begin, *shown])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
